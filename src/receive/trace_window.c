/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which spans of a window are written when it is full. A span is open while the parent of it or of one above it has not come; spans end before
 * their parents do and are mostly sent in that order, so what is open at the end of a window is what runs across it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "receive/internal.h"

#define MISSING_MAX    200000u /* parents that have a row before they come */
#define OPEN_SHARE_MAX 2u      /* of a window: 1 / 2 of it may be carried into the next */

uint64_t trace_window_written(const struct trace_rows *rows, uint64_t key)
{
    for (size_t i = 0; i < 2; i++) {
        const uint64_t *row = map_get(&rows->written[i], key);
        if (row)
            return *row;
    }
    return 0;
}

struct missing_span *trace_window_missing(const struct trace_rows *rows, uint64_t key)
{
    const uint64_t *index = map_get(&rows->missing_of, key);
    return index ? &rows->missing.items[*index] : NULL;
}

/* --- parents --- */

static void find_parents(struct trace_rows *rows)
{
    for (uint32_t i = 0; i < rows->spans.count; i++) {
        struct held_span *span = &rows->spans.items[i];
        const uint64_t *found = span->parent_key ? map_get(&rows->span_of, span->parent_key) : NULL;
        bool is_known = found && *found < rows->spans.count && *found != i;
        const struct missing_span *missing = trace_window_missing(rows, span->parent_key);
        span->parent = is_known ? (uint32_t)*found : HELD_NONE;
        span->is_cut = found && *found == i;
        if (!is_known && span->parent_key && !span->is_cut)
            span->parent_row = missing ? missing->row : trace_window_written(rows, span->parent_key);
    }
}

/* A ring of parents is cut where it is met; `seen` holds for each span the walk (from 1) that first came by. */
static void cut_rings(struct trace_rows *rows, uint32_t *seen)
{
    for (uint32_t i = 0; i < rows->spans.count; i++) {
        uint32_t at = i;
        while (at != HELD_NONE && !seen[at]) {
            seen[at] = i + 1;
            uint32_t parent = rows->spans.items[at].parent;
            if (parent != HELD_NONE && seen[parent] == i + 1) {
                rows->spans.items[at].parent = HELD_NONE;
                rows->spans.items[at].is_cut = true;
            }
            at = parent;
        }
    }
}

/* Marks what is above spans with usage, as far as it is marked already. */
static void mark_usage(struct trace_rows *rows)
{
    for (uint32_t i = 0; i < rows->spans.count; i++) {
        uint32_t at = i;
        if (!rows->spans.items[i].has_usage && !rows->spans.items[i].usage_below)
            continue;
        for (uint32_t parent; (parent = rows->spans.items[at].parent) != HELD_NONE; at = parent) {
            if (rows->spans.items[parent].usage_below)
                break;
            rows->spans.items[parent].usage_below = true;
        }
        struct missing_span *missing = rows->spans.items[at].parent == HELD_NONE
                                           ? trace_window_missing(rows, rows->spans.items[at].parent_key)
                                           : NULL;
        if (missing)
            missing->usage_below = true;
    }
}

int trace_window_link(struct trace_rows *rows, struct err *err)
{
    uint32_t *seen = calloc(rows->spans.count + 1, sizeof *seen);
    if (!seen)
        return err_memory(err);
    find_parents(rows);
    cut_rings(rows, seen);
    mark_usage(rows);
    free(seen);
    return 0;
}

/* --- what is open --- */

enum { OPEN_UNKNOWN, OPEN_NO, OPEN_YES };

static uint8_t top_is_open(const struct held_span *top)
{
    return top->parent_key && !top->is_cut && !top->parent_row ? OPEN_YES : OPEN_NO;
}

/* Fills `open` for each span; how many are. */
static size_t find_open(const struct trace_rows *rows, uint8_t *open)
{
    size_t count = 0;
    for (uint32_t i = 0; i < rows->spans.count; i++) {
        uint32_t at = i;
        while (!open[at] && rows->spans.items[at].parent != HELD_NONE)
            at = rows->spans.items[at].parent;
        uint8_t answer = open[at] ? open[at] : top_is_open(&rows->spans.items[at]);
        for (at = i; at != HELD_NONE && !open[at]; at = rows->spans.items[at].parent)
            open[at] = answer;
        count += answer == OPEN_YES;
    }
    return count;
}

/* All is to be written: parents that have not come get their rows now. */
static int reserve_parents(struct trace_rows *rows, struct err *err)
{
    for (uint32_t i = 0; i < rows->spans.count; i++) {
        struct held_span *span = &rows->spans.items[i];
        if (span->parent != HELD_NONE || top_is_open(span) != OPEN_YES)
            continue;
        struct missing_span *missing = trace_window_missing(rows, span->parent_key);
        if (!missing && rows->missing.count >= MISSING_MAX)
            continue; /* an orphan, as if its parent never came */
        if (!missing) {
            struct missing_span fresh = {
                .row = ++rows->span_last, .start_ns = span->start_ns, .service = span->service};
            if (map_put(&rows->missing_of, span->parent_key, rows->missing.count) ||
                vec_push(&rows->missing, fresh))
                return err_memory(err);
            missing = &rows->missing.items[rows->missing.count - 1];
        }
        span->parent_row = missing->row;
    }
    return 0;
}

void trace_window_early(struct trace_rows *rows, const struct held_span *span)
{
    struct missing_span *missing = trace_window_missing(rows, span->parent_key);
    if (!missing || missing->has_come)
        return;
    missing->start_ns = num_min(missing->start_ns, span->start_ns);
    missing->end_ns = num_max(missing->end_ns, span->end_ns);
    missing->child_count++;
    rows->counts.early_count++;
}

static int index_spans(struct trace_rows *rows, struct err *err)
{
    map_free(&rows->span_of);
    for (size_t i = 0; i < rows->spans.count; i++)
        if (map_put(&rows->span_of, rows->spans.items[i].key, i))
            return err_memory(err);
    return 0;
}

/* Moves what is open from the window's spans to `kept`; both in the order in which they came. */
static void part(struct trace_rows *rows, const uint8_t *open, struct held_span *kept)
{
    size_t done = 0, kept_count = 0;
    for (size_t i = 0; i < rows->spans.count; i++) {
        const struct held_span span = rows->spans.items[i];
        if (open[i] == OPEN_YES)
            kept[kept_count++] = span;
        else
            rows->spans.items[done++] = span;
    }
    rows->spans.count = done;
}

static int remember_written(struct trace_rows *rows, struct err *err)
{
    map_free(&rows->written[1]);
    rows->written[1] = rows->written[0];
    rows->written[0] = (struct map){.count = 0};
    for (size_t i = 0; i < rows->spans.count; i++)
        if (map_put(&rows->written[0], rows->spans.items[i].key, rows->spans.items[i].row))
            return err_memory(err);
    return 0;
}

static int write_parted(struct trace_rows *rows, const uint8_t *open, size_t open_count, struct err *err)
{
    struct held_span *kept = malloc((open_count + 1) * sizeof *kept);
    int status = kept ? 0 : err_memory(err);
    if (!status && open_count) {
        part(rows, open, kept);
        status = index_spans(rows, err);
        if (!status)
            status = trace_window_link(rows, err);
    }
    if (!status)
        status = remember_written(rows, err);
    if (!status)
        status = trace_lanes_write(rows, err);
    for (size_t i = 0; i < open_count && !status; i++)
        status = vec_push(&rows->spans, kept[i]) ? err_memory(err) : 0;
    free(kept);
    return status ? status : index_spans(rows, err);
}

int trace_window_full(struct trace_rows *rows, struct err *err)
{
    uint8_t *open = calloc(rows->spans.count + 1, 1);
    int status = open ? trace_window_link(rows, err) : err_memory(err);
    size_t open_count = status ? 0 : find_open(rows, open);
    if (!status && open_count > rows->window / OPEN_SHARE_MAX) {
        status = reserve_parents(rows, err);
        mark_usage(rows);
        open_count = 0;
    }
    if (!status)
        status = write_parted(rows, open, open_count, err);
    free(open);
    return status;
}

int trace_window_finish(struct trace_rows *rows, struct err *err)
{
    uint64_t name = 0;
    int status = rows->missing.count ? sink_intern(rows->sink, "(not received)", &name, err) : 0;
    for (size_t i = 0; i < rows->missing.count && !status; i++) {
        const struct missing_span *missing = &rows->missing.items[i];
        struct row_span row = {.id = missing->row,
                               .track = rows->services.items[missing->service].track,
                               .name = name,
                               .category = SPAN_PHASE,
                               .start_ns = missing->start_ns,
                               .end_ns = num_max(missing->end_ns, 1)};
        if (missing->has_come)
            continue;
        rows->counts.orphan_count += missing->child_count;
        rows->counts.early_count -= missing->child_count;
        status = sink_append(rows->sink, span, &row, err);
    }
    return status;
}
