/* SPDX-License-Identifier: Apache-2.0 */
#include "analyze/loop_change.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/structure.h"
#include "base/num.h"
#include "base/search.h"

#define WORKER_MAX 60000

/* The stage (or program) that waits longest for a peer. */
static uint32_t stage_of_peer(const struct program *program, const struct target *target)
{
    const struct run *run = program->run;
    uint64_t *waited = calloc(run->stages.count + 1, sizeof *waited);
    uint32_t best = RUN_NONE;
    for (size_t i = 0; waited && i < program->actor_count; i++) {
        for (size_t j = 0; j < program->actors[i].ops.count; j++) {
            const struct op *op = &program->actors[i].ops.items[j];
            if (op->stage == RUN_NONE || op->peer == RUN_NONE || op->kind != OP_DELAY ||
                !resolve_is_peer(target, &run->peers.items[op->peer]))
                continue;
            waited[op->stage] += op->duration_ns;
            if (best == RUN_NONE || waited[op->stage] > waited[best])
                best = op->stage;
        }
    }
    free(waited);
    return best;
}

/* A stage that occurs once is taken as work that can be cut into equal parts. */
static void split_stage(struct program *program, uint32_t stage, uint16_t parts)
{
    const struct run *run = program->run;
    const struct run_stage *named = &run->stages.items[stage];
    for (uint32_t i = 0; i < program->actor_count; i++) {
        for (size_t j = 0; j < program->actors[i].ops.count; j++) {
            struct op *op = &program->actors[i].ops.items[j];
            bool inside = named->process ? strcmp(run_process_name(run, i, op->at_ns + 1), named->name) == 0
                                         : op->stage == stage;
            if (inside && op->kind == OP_CPU)
                op->chunks = parts;
            if (inside && op->kind == OP_DELAY)
                op->duration_ns /= parts;
        }
    }
}

/* Replaces operations [first, end) of an actor by one that runs the pool. */
static void put_pool(struct op_list *list, size_t first, size_t end, uint32_t pool)
{
    list->ops.items[first] = op_sync(OP_POOL, &list->ops.items[first], pool);
    memmove(list->ops.items + first + 1, list->ops.items + end,
            (list->ops.count - end) * sizeof *list->ops.items);
    list->ops.count -= end - first - 1;
}

static int add_iteration(struct program *program, struct pool *pool, struct iteration iteration, size_t first,
                         size_t end)
{
    const struct op_list *list = &program->apart.items[iteration.list];
    if (end <= first)
        return 0;
    iteration.first = (uint32_t)first;
    iteration.count = (uint32_t)(end - first);
    iteration.start_ns = list->ops.items[first].at_ns;
    iteration.end_ns = num_max(iteration.end_ns, iteration.start_ns);
    return vec_push(&pool->iterations, iteration) ? -1 : 0;
}

/* A driver that does one occurrence after the other: its iterations are cut where occurrences begin. */
static int cut_driver(struct program *program, const struct loop *loop, size_t first, size_t last,
                      struct pool *pool)
{
    uint32_t driver = loop->occurrences.items[first].driver, list;
    if (program_set_apart(program, driver, &list, NULL))
        return -1;
    const struct op_list *whole = &program->apart.items[list];
    uint64_t end_ns = loop_tail_end(program->run, loop, first, last);
    size_t begin = op_index_at(whole, loop->occurrences.items[first].start_ns), at = begin;
    for (size_t i = first; i <= last; i++) {
        uint64_t until = i == last ? end_ns : loop->occurrences.items[i + 1].start_ns;
        size_t next = op_index_at(whole, until);
        struct iteration iteration = {.list = list, .actor = driver, .end_ns = until};
        if (add_iteration(program, pool, iteration, at, next))
            return -1;
        at = next;
    }
    if (at > begin)
        put_pool(&program->actors[driver], begin, at, (uint32_t)program->pools.count);
    return 0;
}

/* The occurrence's own actor when occurrences are processes: the one spawned by the driver at its start. */
static uint32_t child_of(const struct run *run, const struct occurrence *occurrence)
{
    for (uint32_t i = 0; i < run->tracks.count; i++) {
        const struct run_track *track = &run->tracks.items[i];
        if (track->actor && track->spawner == occurrence->driver && track->spawn_ns == occurrence->start_ns)
            return i;
    }
    return RUN_NONE;
}

/* A driver whose children already overlap (xargs -P): the children are the iterations. */
static int cut_children(struct program *program, const struct loop *loop, size_t first, size_t last,
                        struct pool *pool)
{
    uint32_t driver = loop->occurrences.items[first].driver;
    uint64_t end_ns = 0;
    for (size_t i = first; i <= last; i++) {
        uint32_t child = child_of(program->run, &loop->occurrences.items[i]);
        if (child == RUN_NONE || program->actors[child].ops.count < 2)
            continue;
        struct iteration iteration = {.actor = child, .end_ns = loop->occurrences.items[i].end_ns};
        if (program_set_apart(program, child, &iteration.list, NULL) ||
            add_iteration(program, pool, iteration, 1, program->apart.items[iteration.list].ops.count))
            return -1;
        program->actors[child].ops.count = 0;
        end_ns = num_max(end_ns, loop->occurrences.items[i].end_ns);
    }
    size_t begin = op_index_at(&program->actors[driver], loop->occurrences.items[first].start_ns);
    size_t end = op_index_at(&program->actors[driver], end_ns);
    if (end > begin)
        put_pool(&program->actors[driver], begin, end, (uint32_t)program->pools.count);
    return 0;
}

static bool overlaps(const struct loop *loop, size_t first, size_t last)
{
    for (size_t i = first; i < last; i++) {
        if (loop->occurrences.items[i].end_ns > loop->occurrences.items[i + 1].start_ns)
            return true;
    }
    return false;
}

static int cut_drivers(struct program *program, const struct loop *loop, struct pool *pool)
{
    for (size_t first = 0, last; first < loop->occurrences.count; first = last + 1) {
        last = first;
        while (last + 1 < loop->occurrences.count &&
               loop->occurrences.items[last + 1].driver == loop->occurrences.items[first].driver)
            last++;
        if (overlaps(loop, first, last) ? cut_children(program, loop, first, last, pool)
                                        : cut_driver(program, loop, first, last, pool))
            return -1;
    }
    return 0;
}

static int make_pool(struct program *program, const struct loop *loop, const struct target *target,
                     struct err *err)
{
    struct pool pool = {.worker_count = (uint32_t)fmin(target->change.value, WORKER_MAX), .is_loop = true};
    bool is_first = program->pools.count == 0;
    if (cut_drivers(program, loop, &pool)) {
        vec_free(&pool.iterations);
        return err_memory(err);
    }
    if (!is_first && pool.iterations.count < 2) {
        vec_free(&pool.iterations);
        int status =
            err_set(err, ERR_USAGE,
                    "could not combine 'workers:%s/%s' with the other changes: its iterations are run side "
                    "by side already",
                    change_kind_name(target->change.kind), target->change.name);
        err_hint(err, "stages of one loop go round together: give 'workers' for one of them");
        return status;
    }
    if (vec_push(&program->pools, pool)) {
        vec_free(&pool.iterations);
        return err_memory(err);
    }
    return 0;
}

size_t loop_change_count(const struct run *run, const struct target *target)
{
    struct loop loop;
    if (target->change.kind == CHANGE_PEER || loop_find(run, target->stage, &loop, NULL))
        return 0;
    size_t count = loop.occurrences.count;
    loop_deinit(&loop);
    return count;
}

int loop_change_workers(struct program *program, const struct target *target, struct err *err)
{
    uint32_t stage = target->change.kind == CHANGE_PEER ? stage_of_peer(program, target) : target->stage;
    if (stage == RUN_NONE)
        return err_set(err, ERR_USAGE, "could not replay workers of peer '%s': nothing waits for it",
                       target->change.name);
    struct loop loop;
    int status = loop_find(program->run, stage, &loop, err);
    if (status)
        return status;
    if (loop.occurrences.count < 2)
        split_stage(program, stage, (uint16_t)fmin(target->change.value, WORKER_MAX));
    else
        status = make_pool(program, &loop, target, err);
    loop_deinit(&loop);
    return status;
}

/* --- ahead: the first stage of an iteration beside the rest of the one before --- */

/* A stage that comes before the first occurrence and again between two is a part of the next item: the loop does not begin
 * an item with the occurrence. Without memory it is said not to. */
static bool starts_items(const struct run *run, const struct loop *loop)
{
    const struct occurrence *first = &loop->occurrences.items[0];
    const struct run_track *track = &run->tracks.items[first->driver];
    bool *comes_again = calloc(run->stages.count + 1, sizeof *comes_again), starts = comes_again != NULL;
    for (size_t i = track->spans.count; starts && i-- > 0;) {
        const struct run_span *span = &track->spans.items[i];
        if (span->start_ns > first->end_ns)
            comes_again[span->name] = true;
        else if (span->start_ns < first->start_ns && span->end_ns <= first->start_ns && !span->exec)
            starts = !comes_again[span->name];
    }
    free(comes_again);
    return starts;
}

/* The occurrence that an iteration begins with; NULL. */
static const struct occurrence *occurrence_of(const struct loop *loop, const struct iteration *iteration)
{
    const struct occurrence *items = loop->occurrences.items;
    size_t behind =
        search_first(i, loop->occurrences.count,
                     items[i].driver > iteration->actor ||
                         (items[i].driver == iteration->actor && items[i].start_ns > iteration->start_ns));
    const struct occurrence *at = behind ? &items[behind - 1] : NULL;
    return at && at->driver == iteration->actor && iteration->start_ns < at->end_ns ? at : NULL;
}

/* The pool whose iterations begin with the loop's occurrences; the count of pools when there is none. */
static size_t pool_of(const struct program *program, const struct loop *loop)
{
    size_t at = 0;
    for (; at < program->pools.count; at++) {
        const struct pool *pool = &program->pools.items[at];
        if (pool->is_loop && pool->iterations.count && occurrence_of(loop, &pool->iterations.items[0]))
            break;
    }
    return at;
}

/* One half of an iteration, as a list of its own: operations [first, end) between two signs. */
struct half {
    const struct iteration *whole;
    size_t first, end;
    struct op before[2], after;
    size_t before_count;
    bool has_after;
};

static int put_half(struct program *program, const struct half *half, struct pool *pool)
{
    struct op_list list = {0};
    const struct op *ops = program->apart.items[half->whole->list].ops.items;
    size_t count = half->end - half->first;
    struct iteration iteration = {.list = (uint32_t)program->apart.count,
                                  .count = (uint32_t)(half->before_count + count + half->has_after),
                                  .actor = half->whole->actor,
                                  .start_ns = ops[half->first].at_ns,
                                  .end_ns = half->end < half->whole->first + half->whole->count
                                                ? ops[half->end].at_ns
                                                : half->whole->end_ns};
    if (vec_reserve(&list.ops, iteration.count))
        return -1;
    memcpy(list.ops.items, half->before, half->before_count * sizeof *ops);
    memcpy(list.ops.items + half->before_count, ops + half->first, count * sizeof *ops);
    if (half->has_after)
        list.ops.items[half->before_count + count] = half->after;
    list.ops.count = iteration.count;
    if (vec_push(&program->apart, list)) {
        vec_free(&list.ops);
        return -1;
    }
    return vec_push(&pool->iterations, iteration) ? -1 : 0;
}

struct ahead {
    struct program *program;
    const struct loop *loop;
    struct pool front, back;
    uint32_t signal; /* of iteration i: signal + 2 i when it is fetched, + 1 when it is taken */
    uint32_t worker_count;
    size_t split_count; /* iterations of which something follows the stage */
};

/* Where the rest of an iteration begins, as an index into its list. */
static size_t middle_of(const struct ahead *ahead, const struct iteration *iteration)
{
    const struct op_list *list = &ahead->program->apart.items[iteration->list];
    const struct occurrence *occurrence = occurrence_of(ahead->loop, iteration);
    size_t end = iteration->first + iteration->count;
    size_t middle = occurrence ? op_index_at(list, occurrence->end_ns) : end;
    return middle > end ? end : middle;
}

static int split_iteration(struct ahead *ahead, const struct iteration *iteration, uint32_t index)
{
    struct program *program = ahead->program;
    const struct op *first = &program->apart.items[iteration->list].ops.items[iteration->first];
    size_t middle = middle_of(ahead, iteration), end = iteration->first + iteration->count;
    uint32_t fetched = ahead->signal + 2 * index, taken = fetched + 1;
    struct half front = {.whole = iteration,
                         .first = iteration->first,
                         .end = middle,
                         .after = op_sync(OP_SIGNAL, first, fetched),
                         .has_after = true};
    struct half back = {.whole = iteration, .first = middle, .end = end, .before_count = 2};
    back.before[0] = op_sync(OP_AWAIT, first, fetched);
    back.before[1] = op_sync(OP_SIGNAL, first, taken);
    if (middle == end) /* nothing follows: what is fetched is taken at once */
        back.first = back.end = iteration->first;
    if (index >= ahead->worker_count)
        front.before[front.before_count++] =
            op_sync(OP_AWAIT, first, ahead->signal + 2 * (index - ahead->worker_count) + 1);
    ahead->split_count += middle < end && middle > iteration->first;
    return put_half(program, &front, &ahead->front) || put_half(program, &back, &ahead->back) ? -1 : 0;
}

/* A list of one operation that runs a pool, as an iteration of `outer`. */
static int put_inner(struct program *program, const struct pool *inner, struct pool *outer)
{
    struct op_list list = {0};
    struct op op = {.kind = OP_POOL,
                    .ref = (uint32_t)program->pools.count,
                    .stage = RUN_NONE,
                    .peer = RUN_NONE,
                    .chunks = 1};
    struct iteration iteration = {.list = (uint32_t)program->apart.count, .count = 1};
    if (vec_push(&list.ops, op) || vec_push(&program->apart, list)) {
        vec_free(&list.ops);
        return -1;
    }
    return vec_push(&outer->iterations, iteration) || vec_push(&program->pools, *inner) ? -1 : 0;
}

/* The pool becomes one of two workers: one runs all fronts, one all backs, each by as many as the pool had. */
static int split_pool(struct ahead *ahead, size_t at)
{
    struct program *program = ahead->program;
    struct pool outer = {.worker_count = 2}, whole = program->pools.items[at];
    ahead->worker_count = whole.worker_count;
    ahead->front = ahead->back = (struct pool){.worker_count = whole.worker_count, .is_loop = true};
    ahead->signal = (uint32_t)program->signal_count;
    program->signal_count += 2 * whole.iterations.count;
    int status = 0;
    for (size_t i = 0; i < whole.iterations.count && !status; i++)
        status = split_iteration(ahead, &whole.iterations.items[i], (uint32_t)i);
    if (!status)
        status = put_inner(program, &ahead->front, &outer);
    if (!status)
        ahead->front.iterations.items = NULL; /* the program's */
    if (!status)
        status = put_inner(program, &ahead->back, &outer);
    if (!status)
        ahead->back.iterations.items = NULL;
    vec_free(&ahead->front.iterations);
    vec_free(&ahead->back.iterations);
    if (status) {
        vec_free(&outer.iterations);
        return -1;
    }
    vec_free(&program->pools.items[at].iterations);
    program->pools.items[at] = outer;
    return 0;
}

static int refuse_ahead(const struct target *target, const char *why, struct err *err)
{
    int status = err_set(err, ERR_USAGE, "could not replay 'overlap:%s/%s=" CHANGE_AHEAD "': %s",
                         change_kind_name(target->change.kind), target->change.name, why);
    err_hint(err,
             "it is for the first stage of each item of a loop; 'workers:%s/%s=2' takes two items at once",
             change_kind_name(target->change.kind), target->change.name);
    return status;
}

/* With a pool of one worker for each driver where no other change made one. */
static int apply_ahead(struct program *program, const struct target *target, const struct loop *loop,
                       struct err *err)
{
    struct ahead ahead = {.program = program, .loop = loop};
    size_t at = pool_of(program, loop);
    if (at == program->pools.count) {
        struct target alone = *target;
        alone.change.op = CHANGE_WORKERS;
        alone.change.value = (double)loop->driver_count;
        int status = make_pool(program, loop, &alone, err);
        if (status)
            return status;
        at = program->pools.count - 1;
    }
    if (split_pool(&ahead, at))
        return err_memory(err);
    return ahead.split_count ? 0 : refuse_ahead(target, "nothing follows it", err);
}

int loop_change_ahead(struct program *program, const struct target *target, struct err *err)
{
    struct loop loop;
    if (program->run->stages.items[target->stage].process)
        return refuse_ahead(target, "it is a program, not a stage", err);
    int status = loop_find(program->run, target->stage, &loop, err);
    if (status)
        return status;
    if (loop.occurrences.count < 2)
        status = refuse_ahead(target, "it is done only once", err);
    else if (!starts_items(program->run, &loop))
        status = refuse_ahead(target, "other stages of the same item come before it", err);
    else
        status = apply_ahead(program, target, &loop, err);
    loop_deinit(&loop);
    return status;
}

bool loop_change_can_be_ahead(const struct run *run, uint32_t stage)
{
    struct loop loop;
    if (run->stages.items[stage].process || loop_find(run, stage, &loop, NULL))
        return false;
    bool can = loop.occurrences.count > 2 && starts_items(run, &loop);
    loop_deinit(&loop);
    return can;
}
