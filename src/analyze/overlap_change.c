/* SPDX-License-Identifier: Apache-2.0 */
#include "analyze/overlap_change.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/structure.h"
#include "base/num.h"
#include "base/search.h"

#define PARTS_MAX 1000

/* What a driver did before the stage's first occurrence: a stage that comes again later begins the next item. */
struct beginnings {
    const struct run *run;
    uint32_t driver; /* whose they are; RUN_NONE: nobody's yet */
    uint32_t *seen;  /* by stage: the last driver that did it before its first occurrence, and 1 */
};

struct overlap {
    struct program *program;
    const struct loop *loop;
    struct beginnings beginnings;
    /* The operations of a driver with spans, written anew up to where they are copied. */
    struct op_list anew;
    uint32_t driver;
    size_t copied;
    uint32_t parts;
    size_t done_count;
};

/* --- cutting into parts --- */

/* Takes the first `length` nanoseconds off an operation. */
static struct op take(struct op *op, uint64_t length)
{
    struct op part = *op;
    part.duration_ns = length;
    part.server_ns = num_u64((double)op->server_ns * num_ratio(length, op->duration_ns));
    op->duration_ns -= length;
    op->server_ns -= num_min(part.server_ns, op->server_ns);
    return part;
}

/* Appends ops [first, end) to `to`, with `kind` of signals signal, signal + 1, … one for each part: awaits before it,
 * signals behind it. What cannot be cut (an await) belongs to the part that it begins in. */
static int put_parts(const struct op_list *from, size_t first, size_t end, uint32_t parts, enum op_kind kind,
                     uint32_t signal, struct op_list *to)
{
    uint64_t total = 0, done = 0;
    uint32_t part = 0;
    struct op here = first < end ? from->ops.items[first] : (struct op){.stage = RUN_NONE};
    /* Each edge cuts one in two, and adds one. */
    if (vec_reserve(&to->ops, to->ops.count + (end - first) + 2 * (size_t)parts + 1))
        return -1;
    for (size_t i = first; i < end; i++)
        total += from->ops.items[i].kind == OP_SIGNAL ? 0 : from->ops.items[i].duration_ns;
    if (kind == OP_AWAIT && vec_push(&to->ops, op_sync(kind, &here, signal)))
        return -1;
    for (size_t i = first; i < end; i++) {
        struct op op = from->ops.items[i];
        bool is_time = op.kind == OP_CPU || op.kind == OP_DELAY;
        while (part + 1 < parts) {
            uint64_t edge = num_u64((double)total * (part + 1) / parts),
                     length = edge > done ? edge - done : 0;
            if (op.kind == OP_SIGNAL || op.duration_ns <= length)
                break;
            if (!is_time)
                break;
            if (length && vec_push(&to->ops, take(&op, length)))
                return -1;
            done += length;
            part++;
            here.at_ns = op.at_ns;
            if (vec_push(&to->ops, op_sync(kind, &here, signal + (kind == OP_SIGNAL ? part - 1 : part))))
                return -1;
        }
        done += op.kind == OP_SIGNAL ? 0 : op.duration_ns;
        if (vec_push(&to->ops, op))
            return -1;
    }
    /* Awaits may have swallowed edges. */
    here.at_ns = first < end ? from->ops.items[end - 1].at_ns : here.at_ns;
    for (part += kind == OP_AWAIT; part < parts; part++) {
        if (vec_push(&to->ops, op_sync(kind, &here, signal + part)))
            return -1;
    }
    return 0;
}

static uint32_t new_signals(struct overlap *overlap)
{
    uint32_t first = (uint32_t)overlap->program->signal_count;
    overlap->program->signal_count += overlap->parts;
    return first;
}

/* --- spans: both on one thread --- */

/* The first span behind t on a track that ends before `until`; NULL. */
static const struct run_span *span_behind(const struct run_track *track, uint64_t t, uint64_t until)
{
    size_t at = search_first(i, track->spans.count, track->spans.items[i].start_ns >= t);
    for (; at < track->spans.count && track->spans.items[at].start_ns < until; at++) {
        const struct run_span *span = &track->spans.items[at];
        if (!span->exec && span->end_ns > span->start_ns && span->end_ns <= until)
            return span;
    }
    return NULL;
}

static int beginnings_init(const struct run *run, struct beginnings *ret_beginnings)
{
    *ret_beginnings = (struct beginnings){
        .run = run, .driver = RUN_NONE, .seen = calloc(run->stages.count + 1, sizeof(uint32_t))};
    return ret_beginnings->seen ? 0 : -1;
}

/* Occurrences come by driver, so that each driver's beginning is read once. */
static void beginnings_enter(struct beginnings *beginnings, const struct occurrence *occurrence)
{
    const struct run_track *track = &beginnings->run->tracks.items[occurrence->driver];
    if (beginnings->driver == occurrence->driver)
        return;
    beginnings->driver = occurrence->driver;
    for (size_t i = 0; i < track->spans.count && track->spans.items[i].start_ns < occurrence->start_ns; i++)
        if (!track->spans.items[i].exec)
            beginnings->seen[track->spans.items[i].name] = occurrence->driver + 1;
}

static bool is_of_next_item(const struct beginnings *beginnings, const struct run_span *span)
{
    return beginnings->seen[span->name] == beginnings->driver + 1;
}

/* The start of the driver's next occurrence. */
static uint64_t next_start(const struct loop *loop, size_t index)
{
    const struct occurrence *at = &loop->occurrences.items[index];
    return index + 1 < loop->occurrences.count && at[1].driver == at->driver ? at[1].start_ns : UINT64_MAX;
}

static int add_list(struct program *program, struct op_list *list, struct pool *pool)
{
    struct iteration iteration = {.list = (uint32_t)program->apart.count, .count = (uint32_t)list->ops.count};
    if (vec_push(&program->apart, *list)) {
        vec_free(&list->ops);
        return -1;
    }
    *list = (struct op_list){0};
    return vec_push(&pool->iterations, iteration) ? -1 : 0;
}

/* Up to `end` as they are. */
static int copy_ops(struct overlap *overlap, const struct op_list *own, size_t end)
{
    size_t count = end - overlap->copied;
    if (vec_reserve(&overlap->anew.ops, overlap->anew.ops.count + count))
        return -1;
    if (count)
        memcpy(overlap->anew.ops.items + overlap->anew.ops.count, own->ops.items + overlap->copied,
               count * sizeof own->ops.items[0]);
    overlap->anew.ops.count += count;
    overlap->copied = end;
    return 0;
}

/* The driver whose operations are written anew gets them. */
static int leave_driver(struct overlap *overlap)
{
    if (overlap->driver == RUN_NONE || !overlap->copied)
        return 0;
    struct op_list *own = &overlap->program->actors[overlap->driver];
    if (copy_ops(overlap, own, own->ops.count))
        return -1;
    vec_free(&own->ops);
    *own = overlap->anew;
    overlap->anew = (struct op_list){0};
    overlap->copied = 0;
    return 0;
}

/* Operations [first, middle) and [behind, end) of an actor become the two sides of a pool in their place. */
static int stream(struct overlap *overlap, const struct op_list *own, const size_t at[4])
{
    struct program *program = overlap->program;
    struct op_list maker = {0}, taker = {0};
    struct pool pool = {.worker_count = 2};
    uint32_t signal = new_signals(overlap);
    struct op join = op_sync(OP_POOL, &own->ops.items[at[0]], (uint32_t)program->pools.count);
    int status = put_parts(own, at[0], at[1], overlap->parts, OP_SIGNAL, signal, &maker);
    if (!status) /* with room for put_parts */
        status = vec_reserve(&taker.ops, at[3] - at[1] + 2 * (size_t)overlap->parts + 2) ||
                         vec_push(&taker.ops, op_sync(OP_AWAIT, &join, signal))
                     ? -1
                     : 0;
    for (size_t i = at[1]; i < at[2] && !status; i++)
        status = vec_push(&taker.ops, own->ops.items[i]) ? -1 : 0;
    if (!status)
        status = put_parts(own, at[2], at[3], overlap->parts, OP_AWAIT, signal, &taker);
    if (!status)
        status = add_list(program, &maker, &pool) || add_list(program, &taker, &pool) ||
                         vec_push(&program->pools, pool)
                     ? -1
                     : 0;
    if (status) {
        vec_free(&maker.ops);
        vec_free(&taker.ops);
        vec_free(&pool.iterations);
        return -1;
    }
    if (copy_ops(overlap, own, at[0]) || vec_push(&overlap->anew.ops, join))
        return -1;
    overlap->copied = at[3];
    overlap->done_count++;
    return 0;
}

static int stream_spans(struct overlap *overlap, size_t index)
{
    const struct occurrence *occurrence = &overlap->loop->occurrences.items[index];
    const struct op_list *own = &overlap->program->actors[occurrence->driver];
    const struct run_track *track = &overlap->program->run->tracks.items[occurrence->driver];
    if (overlap->driver != occurrence->driver) {
        if (leave_driver(overlap))
            return -1;
        overlap->driver = occurrence->driver;
    }
    beginnings_enter(&overlap->beginnings, occurrence);
    const struct run_span *behind = span_behind(track, occurrence->end_ns, next_start(overlap->loop, index));
    if (!behind || is_of_next_item(&overlap->beginnings, behind))
        return 0;
    size_t at[4] = {op_index_at(own, occurrence->start_ns), op_index_at(own, occurrence->end_ns),
                    op_index_at(own, behind->start_ns), op_index_at(own, behind->end_ns)};
    bool can = overlap->copied <= at[0] && at[0] < at[1] && at[1] <= at[2] && at[2] < at[3];
    return can ? stream(overlap, own, at) : 0;
}

/* --- programs: the driver starts one after the other --- */

/* Of the driver's children the first one spawned in [from_ns, until); RUN_NONE. */
static uint32_t child_from(const struct run *run, uint32_t driver, uint64_t from_ns, uint64_t until)
{
    uint32_t best = RUN_NONE;
    for (uint32_t i = 0; i < run->tracks.count; i++) {
        const struct run_track *track = &run->tracks.items[i];
        if (track->actor && track->spawner == driver && track->spawn_ns >= from_ns &&
            track->spawn_ns < until &&
            (best == RUN_NONE || track->spawn_ns < run->tracks.items[best].spawn_ns))
            best = i;
    }
    return best;
}

/* The first occurrence of the same driver. */
static uint64_t first_start(const struct loop *loop, size_t index)
{
    const struct occurrence *at = &loop->occurrences.items[index];
    while (at > loop->occurrences.items && at[-1].driver == at->driver)
        at--;
    return at->start_ns;
}

/* What was there before the stage's first occurrence begins the next item when it comes again. */
static bool is_program_of_next_item(const struct run *run, uint32_t driver, uint32_t taker, uint64_t first_ns)
{
    const struct run_track *of = &run->tracks.items[taker];
    const char *name = run_process_name(run, taker, of->end_ns);
    for (uint32_t i = 0; i < run->tracks.count; i++) {
        const struct run_track *track = &run->tracks.items[i];
        if (track->actor && track->spawner == driver && track->spawn_ns < first_ns &&
            strcmp(run_process_name(run, i, track->end_ns), name) == 0)
            return true;
    }
    return false;
}

static bool gives(const struct op_list *list, uint32_t signal)
{
    for (size_t i = 0; i < list->ops.count; i++) {
        if (list->ops.items[i].kind == OP_SIGNAL && list->ops.items[i].ref == signal)
            return true;
    }
    return false;
}

/* The index of the driver's await of something that `child` gives, from `at` on; the count when there is none. */
static size_t await_of(const struct op_list *own, const struct op_list *child, size_t at)
{
    while (at < own->ops.count &&
           !(own->ops.items[at].kind == OP_AWAIT && gives(child, own->ops.items[at].ref)))
        at++;
    return at;
}

static int replace_by_parts(struct overlap *overlap, uint32_t actor, enum op_kind kind, uint32_t signal)
{
    struct op_list *own = &overlap->program->actors[actor], parted = {0};
    /* The first operation awaits its start. */
    if (vec_push(&parted.ops, own->ops.items[0]) ||
        put_parts(own, 1, own->ops.count, overlap->parts, kind, signal, &parted)) {
        vec_free(&parted.ops);
        return -1;
    }
    vec_free(&own->ops);
    *own = parted;
    return 0;
}

/* The driver no longer waits for the maker before it starts the taker, but for both behind it. */
static int stream_children(struct overlap *overlap, size_t index)
{
    const struct run *run = overlap->program->run;
    const struct occurrence *occurrence = &overlap->loop->occurrences.items[index];
    uint32_t maker = child_from(run, occurrence->driver, occurrence->start_ns, occurrence->start_ns + 1);
    uint32_t taker =
        child_from(run, occurrence->driver, occurrence->end_ns, next_start(overlap->loop, index));
    struct op_list *own = &overlap->program->actors[occurrence->driver];
    if (maker == RUN_NONE || taker == RUN_NONE || overlap->program->actors[maker].ops.count < 2 ||
        overlap->program->actors[taker].ops.count < 2 ||
        is_program_of_next_item(run, occurrence->driver, taker, first_start(overlap->loop, index)))
        return 0;
    size_t from = op_index_at(own, occurrence->start_ns);
    size_t first = await_of(own, &overlap->program->actors[maker], from);
    size_t second = await_of(own, &overlap->program->actors[taker], first);
    if (second >= own->ops.count || first >= second)
        return 0;
    struct op awaited = own->ops.items[first];
    awaited.at_ns = own->ops.items[second].at_ns;
    memmove(&own->ops.items[first], &own->ops.items[first + 1], (second - first) * sizeof awaited);
    own->ops.items[second] = awaited;
    uint32_t signal = new_signals(overlap);
    overlap->done_count++;
    return replace_by_parts(overlap, maker, OP_SIGNAL, signal) ||
                   replace_by_parts(overlap, taker, OP_AWAIT, signal)
               ? -1
               : 0;
}

static int refuse(const struct target *target, const char *why, struct err *err)
{
    int status = err_set(err, ERR_USAGE, "could not replay 'overlap:%s/%s': %s",
                         change_kind_name(target->change.kind), target->change.name, why);
    err_hint(err,
             "overlap:stage/NAME=PARTS hands what a stage makes to the next one in that many parts (%d); "
             "=" CHANGE_AHEAD " lets it work on the next item",
             OVERLAP_PARTS);
    return status;
}

int overlap_change(struct program *program, const struct target *target, struct err *err)
{
    const struct change *change = &target->change;
    if (change->text[0] && !(change->value >= 2 && change->value <= PARTS_MAX))
        return refuse(target, "the number of parts is 2 to 1000", err);
    struct loop loop;
    bool has_pools = program->pools.count > 0;
    int status = loop_find(program->run, target->stage, &loop, err);
    if (status)
        return status;
    struct overlap overlap = {.program = program,
                              .loop = &loop,
                              .driver = RUN_NONE,
                              .parts = change->text[0] ? (uint32_t)change->value : OVERLAP_PARTS};
    bool is_program = program->run->stages.items[target->stage].process;
    status = beginnings_init(program->run, &overlap.beginnings);
    for (size_t i = 0; i < loop.occurrences.count && !status; i++)
        status = is_program ? stream_children(&overlap, i) : stream_spans(&overlap, i);
    if (!status)
        status = leave_driver(&overlap);
    vec_free(&overlap.anew.ops);
    free(overlap.beginnings.seen);
    loop_deinit(&loop);
    if (status)
        return err_memory(err);
    if (overlap.done_count)
        return 0;
    return refuse(target,
                  has_pools ? "nothing follows it, or another change streams it already"
                            : "no other stage follows it that it could be streamed into",
                  err);
}

bool overlap_change_is_possible(const struct run *run, uint32_t stage)
{
    struct loop loop;
    struct beginnings beginnings;
    size_t count = 0;
    if (run->stages.items[stage].process || loop_find(run, stage, &loop, NULL))
        return false;
    if (beginnings_init(run, &beginnings)) {
        loop_deinit(&loop);
        return false;
    }
    for (size_t i = 0; i < loop.occurrences.count; i++) {
        const struct occurrence *at = &loop.occurrences.items[i];
        const struct run_track *track = &run->tracks.items[at->driver];
        const struct run_span *behind = span_behind(track, at->end_ns, next_start(&loop, i));
        beginnings_enter(&beginnings, at);
        count += behind && !is_of_next_item(&beginnings, behind);
    }
    bool is_possible = count > 1 && count * 2 > loop.occurrences.count;
    free(beginnings.seen);
    loop_deinit(&loop);
    return is_possible;
}
