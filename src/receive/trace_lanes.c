/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Laying out a window: spans in order of their starts take lanes; then, span by span, what of it no child on its own lane covers is
 * looked at: where a child elsewhere ran and ended, the lane waited for it; what is left of a call to the outside is a wait for the
 * other end; the rest is work.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/sort.h"
#include "receive/internal.h"

/* Clocks of one process are read with care, but not at one instant: a child may seem to outlive its parent by this. */
#define CHILD_BEYOND_NS NS_PER_MS
/* Threads that nobody named. */
#define LANE_TID_FIRST 1000000u

struct layout {
    struct trace_rows *rows;
    uint32_t *order; /* span indexes by start */
    uint32_t *first; /* of each span: where its children begin in `children`; one more than there are spans */
    uint32_t *children; /* in order */
    VEC(uint32_t) away; /* of the span under way: children on other lanes */
    VEC(uint32_t) inside;
};

int lane_pool_new(struct trace_rows *rows, const struct lane_pool *pool, uint32_t *ret_index, struct err *err)
{
    *ret_index = (uint32_t)rows->pools.count;
    return vec_push(&rows->pools, *pool) ? err_memory(err) : 0;
}

/* The heap of a pool: the lane that is free since longest is on top. */
static uint64_t free_since(const struct trace_rows *rows, uint32_t lane)
{
    return rows->lanes.items[lane].free_ns;
}

static int heap_push(struct trace_rows *rows, struct lane_pool *pool, uint32_t lane, struct err *err)
{
    if (vec_push(&pool->heap, lane))
        return err_memory(err);
    size_t at = pool->heap.count - 1;
    while (at && free_since(rows, pool->heap.items[(at - 1) / 2]) > free_since(rows, lane)) {
        pool->heap.items[at] = pool->heap.items[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    pool->heap.items[at] = lane;
    return 0;
}

static uint32_t heap_pop(struct trace_rows *rows, struct lane_pool *pool)
{
    uint32_t top = pool->heap.items[0], last = pool->heap.items[--pool->heap.count];
    size_t at = 0, count = pool->heap.count;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count)
            break;
        if (child + 1 < count &&
            free_since(rows, pool->heap.items[child + 1]) < free_since(rows, pool->heap.items[child]))
            child++;
        if (free_since(rows, pool->heap.items[child]) >= free_since(rows, last))
            break;
        pool->heap.items[at] = pool->heap.items[child];
        at = child;
    }
    if (count)
        pool->heap.items[at] = last;
    return top;
}

static int write_edge(struct trace_rows *rows, const struct row_edge *edge, struct err *err)
{
    struct row_edge row = *edge;
    row.source = EDGE_RECORDED;
    return sink_append(rows->sink, edge, &row, err);
}

static uint64_t track_of(const struct trace_rows *rows, uint32_t lane)
{
    return lane == HELD_NONE ? 0 : rows->lanes.items[lane].track;
}

static int write_lane(struct trace_rows *rows, uint32_t index, uint64_t end_ns, struct err *err)
{
    const struct lane *lane = &rows->lanes.items[index];
    const struct lane_pool *pool = &rows->pools.items[lane->pool];
    struct row_track row = {.id = lane->track,
                            .parent = pool->process,
                            .kind = pool->kind,
                            .name = lane->name,
                            .tid = LANE_TID_FIRST + lane->track,
                            .start_ns = lane->start_ns,
                            .end_ns = end_ns};
    return sink_append(rows->sink, track, &row, err);
}

/* A lane for a span that begins at `start_ns`, HELD_NONE when there are too many. `from`: the lane that asks for the work, or none. */
static int lane_take(struct trace_rows *rows, uint32_t pool_index, const struct held_span *span,
                     uint32_t from, uint32_t *ret_lane, struct err *err)
{
    struct lane_pool *pool = &rows->pools.items[pool_index];
    struct row_edge edge = {.from_track = track_of(rows, from),
                            .from_ns = span->start_ns,
                            .to_ns = span->start_ns,
                            .kind = EDGE_MESSAGE};
    *ret_lane = HELD_NONE;
    if (pool->heap.count && free_since(rows, pool->heap.items[0]) <= span->start_ns) {
        uint32_t index = heap_pop(rows, pool);
        if (index == from) /* whoever asked has ended, and its lane is taken again */
            edge.from_track = 0;
        struct lane *lane = &rows->lanes.items[index];
        struct row_wait wait = {.track = lane->track,
                                .start_ns = lane->free_ns,
                                .end_ns = span->start_ns,
                                .count = 1,
                                .blocked_ns = span->start_ns - lane->free_ns,
                                .reason = WAIT_IDLE,
                                .waker_track = edge.from_track,
                                .waker_source = edge.from_track ? WAKER_EXACT : WAKER_NONE};
        *ret_lane = index;
        edge.to_track = lane->track;
        int status = wait.blocked_ns ? sink_append(rows->sink, wait, &wait, err) : 0;
        return status || !edge.from_track ? status : write_edge(rows, &edge, err);
    }
    if (rows->lanes.count >= LANES_MAX)
        return 0;
    struct lane lane = {
        .track = ++rows->track_last, .name = pool->name, .start_ns = span->start_ns, .pool = pool_index};
    if (vec_push(&rows->lanes, lane))
        return err_memory(err);
    *ret_lane = (uint32_t)(rows->lanes.count - 1);
    edge.to_track = lane.track;
    edge.kind = EDGE_SPAWN;
    int status = write_lane(rows, *ret_lane, 0, err);
    return status || !edge.from_track ? status : write_edge(rows, &edge, err);
}

/* The pool of an agent of a service. */
static int agent_pool(struct trace_rows *rows, const struct held_span *span, uint32_t *ret_pool,
                      struct err *err)
{
    uint64_t key = (uint64_t)span->service << 32 | span->agent;
    const uint64_t *known = map_get(&rows->agent_of, key);
    if (known) {
        *ret_pool = (uint32_t)*known;
        return 0;
    }
    struct lane_pool pool = {
        .process = rows->services.items[span->service].track, .name = span->agent, .kind = TRACK_AGENT};
    int status = lane_pool_new(rows, &pool, ret_pool, err);
    return !status && map_put(&rows->agent_of, key, *ret_pool) ? err_memory(err) : status;
}

static bool fits_on(const struct held_span *parent, const struct held_span *span)
{
    return parent->lane != HELD_NONE && parent->service == span->service &&
           (!span->agent || span->agent == parent->agent) && span->start_ns >= parent->child_end_ns &&
           span->start_ns >= parent->start_ns && span->start_ns <= parent->laid_end_ns &&
           span->end_ns <= parent->laid_end_ns + CHILD_BEYOND_NS;
}

static void settle_root(struct trace_rows *rows, const struct held_span *span)
{
    bool has_parent_id = span->parent_key != 0;
    struct trace_root *root = &rows->root;
    bool is_better = root->lane == HELD_NONE || (root->has_parent_id && !has_parent_id) ||
                     (root->has_parent_id == has_parent_id && span->end_ns > root->end_ns);
    if (span->lane != HELD_NONE && is_better)
        *root = (struct trace_root){span->end_ns, span->lane, has_parent_id};
}

static int place(struct trace_rows *rows, struct held_span *span, struct err *err)
{
    struct held_span *parent = span->parent == HELD_NONE ? NULL : &rows->spans.items[span->parent];
    struct service *service = &rows->services.items[span->service];
    uint32_t pool = service->pool;
    int status = 0;
    service->start_ns = service->start_ns ? num_min(service->start_ns, span->start_ns) : span->start_ns;
    service->end_ns = num_max(service->end_ns, span->end_ns);
    span->laid_end_ns = span->end_ns;
    span->child_end_ns = span->start_ns;
    if (parent && fits_on(parent, span)) {
        span->lane = parent->lane;
        span->agent = parent->agent;
        span->laid_end_ns = num_min(span->end_ns, parent->laid_end_ns);
        parent->child_end_ns = span->laid_end_ns;
        return 0;
    }
    span->is_away = true;
    if (span->agent)
        status = agent_pool(rows, span, &pool, err);
    if (!status)
        status = lane_take(rows, pool, span, parent ? parent->lane : HELD_NONE, &span->lane, err);
    if (status || span->lane == HELD_NONE)
        return status;
    rows->lanes.items[span->lane].free_ns = span->end_ns;
    if (!parent) {
        rows->counts.trace_root_count += !span->parent_key;
        settle_root(rows, span);
    }
    return heap_push(rows, &rows->pools.items[pool], span->lane, err);
}

static int write_span(struct trace_rows *rows, const struct held_span *span, struct err *err)
{
    struct row_span row = {.id = span->row,
                           .parent = span->parent == HELD_NONE ? span->parent_row
                                                               : rows->spans.items[span->parent].row,
                           .track = span->lane == HELD_NONE ? rows->services.items[span->service].track
                                                            : track_of(rows, span->lane),
                           .name = span->name,
                           .category = span->category,
                           .start_ns = span->start_ns,
                           .end_ns = num_max(span->end_ns, 1),
                           .status = span->status};
    rows->counts.orphan_count += span->is_cut || (span->parent_key && !row.parent);
    if (span->parent == HELD_NONE && row.parent)
        trace_window_early(rows, span);
    return sink_append(rows->sink, span, &row, err);
}

static int write_wait(struct trace_rows *rows, const struct held_span *span, uint64_t from_ns, uint64_t to_ns,
                      const struct held_span *waker, struct err *err)
{
    struct row_wait row = {.track = track_of(rows, span->lane),
                           .start_ns = from_ns,
                           .end_ns = to_ns,
                           .count = 1,
                           .blocked_ns = to_ns - from_ns,
                           .peer = span->peer};
    if (to_ns <= from_ns)
        return 0;
    if (waker) {
        row.reason = waker->service == span->service ? WAIT_CHILD : WAIT_NETWORK;
        row.waker_track = track_of(rows, waker->lane);
        row.waker_source = WAKER_EXACT;
    } else {
        row.reason = span->kind == HELD_LLM     ? WAIT_REMOTE
                     : span->kind == HELD_HUMAN ? WAIT_HUMAN
                                                : WAIT_NETWORK;
    }
    return sink_append(rows->sink, wait, &row, err);
}

/* Time of a span that no child covers: of a call to the outside it is spent waiting for that. */
static int own_time(struct trace_rows *rows, const struct held_span *span, uint64_t from_ns, uint64_t to_ns,
                    struct err *err)
{
    return span->kind == HELD_OTHER ? 0 : write_wait(rows, span, from_ns, to_ns, NULL, err);
}

/* [from, to] of the span's lane, which no child on that lane covers. Children elsewhere that ended in it were waited for. */
static int write_segment(struct layout *layout, const struct held_span *span, uint64_t from_ns,
                         uint64_t to_ns, struct err *err)
{
    struct trace_rows *rows = layout->rows;
    uint64_t at_ns = from_ns, begin_ns = 0, end_ns = 0;
    const struct held_span *waker = NULL;
    int status = 0;
    for (size_t i = 0; !status && i < layout->away.count; i++) {
        const struct held_span *child = &rows->spans.items[layout->away.items[i]];
        if (child->start_ns >= to_ns)
            break;
        if (child->end_ns > to_ns || child->end_ns <= at_ns || child->lane == HELD_NONE)
            continue;
        uint64_t start_ns = num_max(child->start_ns, at_ns);
        if (waker && start_ns > end_ns) {
            status = own_time(rows, span, at_ns, begin_ns, err);
            if (!status)
                status = write_wait(rows, span, begin_ns, end_ns, waker, err);
            at_ns = end_ns;
            waker = NULL;
        }
        if (!waker || child->end_ns > end_ns) {
            begin_ns = waker ? begin_ns : start_ns;
            waker = child;
            end_ns = child->end_ns;
        }
    }
    if (!status && waker) {
        status = own_time(rows, span, at_ns, begin_ns, err);
        if (!status)
            status = write_wait(rows, span, begin_ns, end_ns, waker, err);
        at_ns = end_ns;
    }
    return status ? status : own_time(rows, span, at_ns, to_ns, err);
}

static int write_joins(struct layout *layout, const struct held_span *span, struct err *err)
{
    struct trace_rows *rows = layout->rows;
    int status = 0;
    for (size_t i = 0; !status && i < layout->away.count; i++) {
        const struct held_span *child = &rows->spans.items[layout->away.items[i]];
        struct row_edge edge = {.from_track = track_of(rows, child->lane),
                                .from_ns = child->end_ns,
                                .to_track = track_of(rows, span->lane),
                                .to_ns = child->end_ns,
                                .kind = child->service == span->service ? EDGE_JOIN : EDGE_MESSAGE};
        if (child->lane != HELD_NONE && child->end_ns <= span->laid_end_ns)
            status = write_edge(rows, &edge, err);
    }
    return status;
}

static int write_waits(struct layout *layout, uint32_t index, struct err *err)
{
    struct trace_rows *rows = layout->rows;
    struct held_span *span = &rows->spans.items[index];
    uint64_t at_ns = span->start_ns;
    int status = 0;
    if (span->lane == HELD_NONE)
        return 0;
    /* The library's request within a call of a model is that call. */
    if (span->kind == HELD_CLIENT && span->parent != HELD_NONE &&
        rows->spans.items[span->parent].kind == HELD_LLM) {
        span->peer = rows->spans.items[span->parent].peer;
        span->kind = HELD_LLM;
    }
    layout->away.count = layout->inside.count = 0;
    for (uint32_t i = layout->first[index]; i < layout->first[index + 1]; i++) {
        uint32_t child = layout->children[i];
        bool is_away = rows->spans.items[child].is_away;
        if (is_away ? vec_push(&layout->away, child) : vec_push(&layout->inside, child))
            return err_memory(err);
    }
    for (size_t i = 0; !status && i < layout->inside.count; i++) {
        const struct held_span *child = &rows->spans.items[layout->inside.items[i]];
        status = write_segment(layout, span, at_ns, child->start_ns, err);
        at_ns = num_max(at_ns, child->laid_end_ns);
    }
    if (!status)
        status = write_segment(layout, span, at_ns, span->laid_end_ns, err);
    return status ? status : write_joins(layout, span, err);
}

/* qsort has no context; one window is laid out at a time. */
static _Thread_local const struct held_span *order_spans;

static int compare_order(const void *left, const void *right)
{
    const struct held_span *a = &order_spans[*(const uint32_t *)left],
                           *b = &order_spans[*(const uint32_t *)right];
    if (a->start_ns != b->start_ns)
        return a->start_ns < b->start_ns ? -1 : 1;
    if (a->end_ns != b->end_ns)
        return a->end_ns > b->end_ns ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

/* Parents before their children where both begin and end at once is left to the rows' order. */
static void sort_order(struct layout *layout)
{
    struct trace_rows *rows = layout->rows;
    for (uint32_t i = 0; i < rows->spans.count; i++)
        layout->order[i] = i;
    order_spans = rows->spans.items;
    qsort(layout->order, rows->spans.count, sizeof *layout->order, compare_order);
}

static void list_children(struct layout *layout)
{
    struct trace_rows *rows = layout->rows;
    size_t count = rows->spans.count;
    memset(layout->first, 0, (count + 2) * sizeof *layout->first);
    for (size_t i = 0; i < count; i++)
        if (rows->spans.items[i].parent != HELD_NONE)
            layout->first[rows->spans.items[i].parent + 2]++;
    for (size_t i = 2; i < count + 2; i++)
        layout->first[i] += layout->first[i - 1];
    /* first[p + 1] walks to where the children of p end, which is where those of p + 1 begin. */
    for (size_t i = 0; i < count; i++) {
        uint32_t index = layout->order[i], parent = rows->spans.items[index].parent;
        if (parent != HELD_NONE)
            layout->children[layout->first[parent + 1]++] = index;
    }
}

static int lay_out(struct layout *layout, struct err *err)
{
    struct trace_rows *rows = layout->rows;
    size_t count = rows->spans.count;
    int status = 0;
    sort_order(layout);
    for (size_t i = 0; !status && i < count; i++)
        status = place(rows, &rows->spans.items[layout->order[i]], err);
    if (status)
        return status;
    list_children(layout);
    for (size_t i = 0; !status && i < count; i++) {
        status = write_span(rows, &rows->spans.items[layout->order[i]], err);
        if (!status)
            status = write_waits(layout, layout->order[i], err);
    }
    return status ? status : trace_own_write(rows, err);
}

int trace_lanes_write(struct trace_rows *rows, struct err *err)
{
    size_t count = rows->spans.count;
    struct layout layout = {.rows = rows};
    if (!count)
        return 0;
    layout.order = malloc(count * sizeof *layout.order);
    layout.first = malloc((count + 2) * sizeof *layout.first);
    layout.children = malloc(count * sizeof *layout.children);
    int status = layout.order && layout.first && layout.children ? lay_out(&layout, err) : err_memory(err);
    free(layout.order);
    free(layout.first);
    free(layout.children);
    vec_free(&layout.away);
    vec_free(&layout.inside);
    rows->spans.count = 0;
    map_free(&rows->span_of);
    return status;
}

int trace_lanes_finish(struct trace_rows *rows, struct err *err)
{
    int status = 0;
    for (size_t i = 0; !status && i < rows->services.count; i++) {
        const struct service *service = &rows->services.items[i];
        struct row_track row = {.id = service->track,
                                .kind = TRACK_PROCESS,
                                .name = service->name,
                                .pid = service->pid ? service->pid : service->track,
                                .start_ns = service->start_ns ? service->start_ns : rows->start_ns,
                                .end_ns = num_max(service->end_ns, rows->start_ns + 1)};
        status = sink_append(rows->sink, track, &row, err);
    }
    for (size_t i = 0; !status && i < rows->lanes.count; i++)
        status = write_lane(rows, (uint32_t)i, num_max(rows->lanes.items[i].free_ns, 1), err);
    return status;
}
