/* SPDX-License-Identifier: Apache-2.0 */
#include "analyze/loop_change.h"

#include <math.h>
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

static size_t first_op_at(const struct op_list *list, uint64_t time_ns)
{
    return search_first(i, list->ops.count, list->ops.items[i].at_ns >= time_ns);
}

/* Replaces operations [first, end) of an actor by one that runs the pool. */
static void put_pool(struct op_list *list, size_t first, size_t end, uint32_t pool)
{
    struct op op = list->ops.items[first];
    op = (struct op){
        .kind = OP_POOL, .at_ns = op.at_ns, .ref = pool, .stage = op.stage, .peer = RUN_NONE, .chunks = 1};
    list->ops.items[first] = op;
    memmove(list->ops.items + first + 1, list->ops.items + end, (list->ops.count - end) * sizeof op);
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
    size_t begin = first_op_at(whole, loop->occurrences.items[first].start_ns), at = begin;
    for (size_t i = first; i <= last; i++) {
        uint64_t until = i == last ? end_ns : loop->occurrences.items[i + 1].start_ns;
        size_t next = first_op_at(whole, until);
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
    size_t begin = first_op_at(&program->actors[driver], loop->occurrences.items[first].start_ns);
    size_t end = first_op_at(&program->actors[driver], end_ns);
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
