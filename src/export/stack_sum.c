/* SPDX-License-Identifier: Apache-2.0 */
#include "export/stack_sum.h"

#include <string.h>

#include "base/map.h"
#include "base/num.h"

struct summing {
    const struct cast *cast;
    struct stack_sum *sum;
    enum stack_sum_by by;
    enum stack_kind kind;
};

static bool is_same(const struct stack_entry *a, const struct stack_entry *b)
{
    return a->program == b->program && a->track == b->track && a->stack == b->stack && a->peer == b->peer &&
           a->reason == b->reason;
}

static uint64_t key_of(const struct stack_entry *entry)
{
    uint64_t key = map_hash((uint64_t)(uintptr_t)entry->program + entry->track);
    key = map_hash(key ^ ((uint64_t)entry->stack << 32 | entry->peer));
    return map_hash(key ^ (uint64_t)(uint16_t)entry->reason);
}

/* Keys are hashes: of two entries with the same one the later goes to the next key that is free. */
static int add(struct summing *summing, const struct stack_entry *entry, struct err *err)
{
    struct stack_sum *sum = summing->sum;
    uint64_t key = key_of(entry);
    for (uint64_t *place; (place = map_get(&sum->places, key)); key++) {
        struct stack_entry *known = &sum->entries.items[*place];
        if (!is_same(known, entry))
            continue;
        known->ns += entry->ns;
        known->count += entry->count;
        return 0;
    }
    if (vec_push(&sum->entries, *entry) || map_put(&sum->places, key, sum->entries.count - 1))
        return err_memory(err);
    return 0;
}

static int add_samples(void *context, const struct batch *batch, struct err *err)
{
    struct summing *summing = context;
    int status = 0;
    for (size_t i = 0; i < batch->row_count && !status; i++) {
        uint32_t track = cast_track(summing->cast, batch->columns[COLUMN(sample, track)][i]);
        uint64_t weight = batch->columns[COLUMN(sample, weight)][i];
        if (track == CAST_NONE || !weight || batch->columns[COLUMN(sample, kind)][i] != SAMPLE_CPU)
            continue;
        struct stack_entry entry = {
            .program = cast_program(summing->cast, track, batch->columns[COLUMN(sample, time_ns)][i]),
            .track = summing->by == STACK_SUM_BY_TRACK ? track : CAST_NONE,
            .stack = cast_stack(summing->cast, batch->columns[COLUMN(sample, stack)][i]),
            .peer = CAST_NONE,
            .reason = STACK_ON_CPU,
            .ns = weight,
            .count = 1};
        status = add(summing, &entry, err);
    }
    return status;
}

static int add_wait(struct summing *summing, const struct row_wait *row, struct err *err)
{
    uint32_t track = cast_track(summing->cast, row->track);
    if (track == CAST_NONE || row->end_ns <= row->start_ns)
        return 0;
    uint64_t length = row->end_ns - row->start_ns;
    uint64_t queued = num_min(row->runnable_ns, length), blocked = num_min(row->blocked_ns, length - queued);
    struct stack_entry entry = {.program = cast_program(summing->cast, track, row->start_ns),
                                .track = summing->by == STACK_SUM_BY_TRACK ? track : CAST_NONE,
                                .stack = cast_stack(summing->cast, row->stack),
                                .peer = cast_peer(summing->cast, row->peer),
                                .reason =
                                    row->reason < WAIT_REASON_COUNT ? (int16_t)row->reason : WAIT_UNKNOWN,
                                .ns = blocked,
                                .count = num_max(row->count, 1)};
    int status = blocked ? add(summing, &entry, err) : 0;
    entry.peer = CAST_NONE;
    entry.reason = WAIT_CPU_QUEUE;
    entry.ns = queued;
    return status || !queued ? status : add(summing, &entry, err);
}

static int add_waits(void *context, const struct batch *batch, struct err *err)
{
    int status = 0;
    for (size_t i = 0; i < batch->row_count && !status; i++) {
        struct row_wait row;
        batch_row(batch, i, (uint64_t *)&row);
        status = add_wait(context, &row, err);
    }
    return status;
}

static int add_allocations(void *context, const struct batch *batch, struct err *err)
{
    struct summing *summing = context;
    int status = 0;
    for (size_t i = 0; i < batch->row_count && !status; i++) {
        struct row_heap row;
        batch_row(batch, i, (uint64_t *)&row);
        uint32_t track = cast_track(summing->cast, row.track);
        uint64_t amount = stack_kind_amount(summing->kind, &row);
        if (track == CAST_NONE || !amount)
            continue;
        struct stack_entry entry = {.program = cast_program(summing->cast, track, row.end_ns),
                                    .track = summing->by == STACK_SUM_BY_TRACK ? track : CAST_NONE,
                                    .stack = cast_stack(summing->cast, row.stack),
                                    .peer = CAST_NONE,
                                    .reason = STACK_ON_CPU,
                                    .ns = amount,
                                    .count = row.count};
        status = add(summing, &entry, err);
    }
    return status;
}

int stack_sum_make(const struct cast *cast, enum stack_kind kind, enum stack_sum_by by,
                   struct stack_sum *ret_sum, struct err *err)
{
    struct stack_sum sum = {0};
    struct summing summing = {.cast = cast, .sum = &sum, .by = by, .kind = kind};
    int status = 0;
    if (stack_kind_has_cpu(kind))
        status = view_scan_all(cast->view, TABLE_SAMPLE, add_samples, &summing, err);
    if (!status && stack_kind_is_heap(kind))
        status = view_scan_all(cast->view, TABLE_HEAP, add_allocations, &summing, err);
    if (!status && stack_kind_has_waits(kind))
        status = view_scan_all(cast->view, TABLE_WAIT, add_waits, &summing, err);
    if (status)
        stack_sum_free(&sum);
    else
        *ret_sum = sum;
    return status;
}

void stack_sum_free(struct stack_sum *sum)
{
    vec_free(&sum->entries);
    map_free(&sum->places);
}
