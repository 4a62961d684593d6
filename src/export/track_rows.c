/* SPDX-License-Identifier: Apache-2.0 */
#include "export/track_rows.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/num.h"
#include "base/sort.h"

#define GROUP_ROWS_MAX 1000000u

static_assert(sizeof(struct track_row) == 32, "track_rows.h promises it");

struct gathering {
    const struct track_rows_query *query;
    uint64_t *counts; /* of rows, by track */
    size_t *next;     /* where the next row of a track goes, in this group */
    struct track_row *rows;
    uint32_t first, last; /* tracks of this group */
};

static bool is_in_group(const struct gathering *gathering, uint32_t track)
{
    return track != CAST_NONE && track >= gathering->first && track <= gathering->last;
}

/* Counts when there is no room yet, else puts the row in its place. */
static void take(struct gathering *gathering, uint32_t track, const struct track_row *row)
{
    if (!gathering->rows)
        gathering->counts[track]++;
    else
        gathering->rows[gathering->next[track]++] = *row;
}

static int take_samples(void *context, const struct batch *batch, struct err *err)
{
    struct gathering *gathering = context;
    const struct cast *cast = gathering->query->cast;
    (void)err;
    for (size_t i = 0; i < batch->row_count; i++) {
        uint32_t track = cast_track(cast, batch->columns[COLUMN(sample, track)][i]);
        if (!is_in_group(gathering, track) || batch->columns[COLUMN(sample, kind)][i] != SAMPLE_CPU)
            continue;
        take(gathering, track,
             &(struct track_row){.time_ns = batch->columns[COLUMN(sample, time_ns)][i],
                                 .length_ns = batch->columns[COLUMN(sample, weight)][i],
                                 .stack = cast_stack(cast, batch->columns[COLUMN(sample, stack)][i]),
                                 .peer = CAST_NONE,
                                 .kind = ROW_SAMPLE,
                                 .count = 1});
    }
    return 0;
}

static int take_waits(void *context, const struct batch *batch, struct err *err)
{
    struct gathering *gathering = context;
    const struct cast *cast = gathering->query->cast;
    (void)err;
    for (size_t i = 0; i < batch->row_count; i++) {
        uint32_t track = cast_track(cast, batch->columns[COLUMN(wait, track)][i]);
        uint64_t start = batch->columns[COLUMN(wait, start_ns)][i],
                 end = batch->columns[COLUMN(wait, end_ns)][i];
        if (!is_in_group(gathering, track) || end <= start)
            continue;
        uint64_t queued = num_min(batch->columns[COLUMN(wait, runnable_ns)][i], end - start);
        uint64_t blocked = num_min(batch->columns[COLUMN(wait, blocked_ns)][i], end - start - queued);
        uint64_t reason = batch->columns[COLUMN(wait, reason)][i];
        struct track_row row = {.time_ns = start,
                                .length_ns = blocked,
                                .stack = cast_stack(cast, batch->columns[COLUMN(wait, stack)][i]),
                                .peer = cast_peer(cast, batch->columns[COLUMN(wait, peer)][i]),
                                .kind = ROW_BLOCKED,
                                .reason = reason < WAIT_REASON_COUNT ? (uint8_t)reason : WAIT_UNKNOWN,
                                .count =
                                    (uint32_t)num_min(batch->columns[COLUMN(wait, count)][i], UINT32_MAX)};
        if (blocked)
            take(gathering, track, &row);
        row.time_ns = end - queued;
        row.length_ns = queued;
        row.kind = ROW_QUEUED;
        row.reason = WAIT_CPU_QUEUE;
        row.peer = CAST_NONE;
        if (queued)
            take(gathering, track, &row);
    }
    return 0;
}

static int take_spans(void *context, const struct batch *batch, struct err *err)
{
    struct gathering *gathering = context;
    const struct cast *cast = gathering->query->cast;
    (void)err;
    for (size_t i = 0; i < batch->row_count; i++) {
        uint32_t track = cast_track(cast, batch->columns[COLUMN(span, track)][i]);
        uint64_t category = batch->columns[COLUMN(span, category)][i];
        uint64_t name = batch->columns[COLUMN(span, name)][i];
        if (!is_in_group(gathering, track) || category == SPAN_EXEC || name > UINT32_MAX)
            continue;
        uint64_t start = batch->columns[COLUMN(span, start_ns)][i],
                 end = batch->columns[COLUMN(span, end_ns)][i];
        bool is_open = end == 0;
        end = num_max(is_open ? cast->tracks.items[track].end_ns : end, start);
        take(gathering, track,
             &(struct track_row){.time_ns = start,
                                 .length_ns = end - start,
                                 .stack = (uint32_t)name,
                                 .peer = (uint32_t)batch->columns[COLUMN(span, id)][i],
                                 .kind = ROW_SPAN,
                                 .reason = (uint8_t)category,
                                 .count = is_open});
    }
    return 0;
}

static int scan(struct gathering *gathering, enum table_id table, size_t track_column, view_batch_fn *each,
                struct err *err)
{
    const struct view_query query = {.table = table,
                                     .range_column = track_column,
                                     .low = (uint64_t)gathering->first + 1,
                                     .high = (uint64_t)gathering->last + 1};
    return view_scan(gathering->query->cast->view, &query, each, gathering, err);
}

static int scan_tables(struct gathering *gathering, struct err *err)
{
    enum stack_kind kind = gathering->query->kind;
    int status = 0;
    if (stack_kind_has_cpu(kind))
        status = scan(gathering, TABLE_SAMPLE, COLUMN(sample, track), take_samples, err);
    if (!status && stack_kind_has_waits(kind))
        status = scan(gathering, TABLE_WAIT, COLUMN(wait, track), take_waits, err);
    if (!status && gathering->query->has_spans)
        status = scan(gathering, TABLE_SPAN, COLUMN(span, track), take_spans, err);
    return status;
}

static int compare_rows(const void *a, const void *b)
{
    const struct track_row *x = a, *y = b;
    if (x->time_ns != y->time_ns)
        return x->time_ns > y->time_ns ? 1 : -1;
    if (x->length_ns != y->length_ns)
        return x->length_ns < y->length_ns ? 1 : -1;
    if (x->kind != y->kind)
        return x->kind > y->kind ? 1 : -1;
    return (x->peer > y->peer) - (x->peer < y->peer);
}

/* A span is written when it starts and again when it ends: the row without an end goes when there is another. */
static size_t drop_begun(struct track_row *rows, size_t count)
{
    struct map ended = {0};
    size_t open_count = 0, kept = 0;
    for (size_t i = 0; i < count; i++)
        open_count += rows[i].kind == ROW_SPAN && rows[i].count;
    for (size_t i = 0; open_count && i < count; i++) {
        if (rows[i].kind == ROW_SPAN && !rows[i].count && map_put(&ended, rows[i].peer, 1))
            break;
    }
    for (size_t i = 0; i < count; i++) {
        bool is_begun =
            open_count && rows[i].kind == ROW_SPAN && rows[i].count && map_get(&ended, rows[i].peer);
        if (!is_begun)
            rows[kept++] = rows[i];
    }
    map_free(&ended);
    return kept;
}

static int hand_over(struct gathering *gathering, track_rows_fn *each, void *context, struct err *err)
{
    size_t at = 0;
    for (uint32_t track = gathering->first; track <= gathering->last; track++) {
        struct track_row *rows = gathering->rows + at;
        size_t count = gathering->next[track] - at;
        at = gathering->next[track];
        count = drop_begun(rows, count);
        if (!count)
            continue;
        if (!sort_is_done(rows, count, sizeof *rows, compare_rows))
            qsort(rows, count, sizeof *rows, compare_rows);
        int status = each(context, track, rows, count, err);
        if (status)
            return status;
    }
    return 0;
}

static int gather_group(struct gathering *gathering, track_rows_fn *each, void *context, struct err *err)
{
    size_t total = 0;
    for (uint32_t track = gathering->first; track <= gathering->last; track++) {
        gathering->next[track] = total;
        total += gathering->counts[track];
    }
    if (!total)
        return 0;
    gathering->rows = calloc(total, sizeof *gathering->rows);
    int status = gathering->rows ? scan_tables(gathering, err) : err_memory(err);
    if (!status)
        status = hand_over(gathering, each, context, err);
    free(gathering->rows);
    gathering->rows = NULL;
    return status;
}

int track_rows_each(const struct track_rows_query *query, track_rows_fn *each, void *context, struct err *err)
{
    size_t track_count = query->cast->tracks.count;
    struct gathering gathering = {.query = query, .first = 0, .last = (uint32_t)track_count};
    if (!track_count)
        return 0;
    gathering.counts = calloc(track_count, sizeof *gathering.counts);
    gathering.next = calloc(track_count, sizeof *gathering.next);
    int status = gathering.counts && gathering.next ? 0 : err_memory(err);
    if (!status)
        status = scan_tables(&gathering, err);
    for (uint32_t first = 0, last; first < track_count && !status; first = last + 1) {
        uint64_t sum = gathering.counts[first];
        for (last = first; last + 1 < track_count && sum + gathering.counts[last + 1] <= GROUP_ROWS_MAX;
             last++)
            sum += gathering.counts[last + 1];
        gathering.first = first;
        gathering.last = last;
        status = gather_group(&gathering, each, context, err);
    }
    free(gathering.counts);
    free(gathering.next);
    return status;
}
