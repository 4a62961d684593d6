/* SPDX-License-Identifier: Apache-2.0 */
#include "analyze/loop_spread.h"

#include <math.h>

#include "analyze/replay.h"
#include "base/num.h"
#include "stats/random.h"

/* Operations replayed in all, and replays: below the least number quantiles mean nothing. */
#define OP_BUDGET   4000000
#define REPLAYS_MAX 60
#define REPLAYS_MIN 20
#define SEED        1
#define TAIL        0.05
/* An iteration is drawn out or shrunk by this at most: one of nothing but a signal cannot stand for a long one. */
#define SCALE_MAX 20.0
/* How far up the makers of an actor are looked for. */
#define MAKERS_MAX 32

/* An operation that belongs to an iteration, and what it took. */
struct piece {
    struct op *op;
    uint64_t duration_ns, server_ns;
    uint32_t iteration; /* index into the durations of all loops */
};

struct drawn {
    struct program *program;
    uint64_t wall_ns;
    VEC(struct piece) pieces;
    VEC(double) took;   /* by iteration */
    VEC(size_t) firsts; /* by pool: its first iteration in `took`; SIZE_MAX where nothing is drawn */
};

static int add_pieces(struct drawn *drawn, struct op *ops, size_t count, uint32_t iteration)
{
    for (size_t i = 0; i < count; i++) {
        struct piece piece = {.op = &ops[i],
                              .duration_ns = ops[i].duration_ns,
                              .server_ns = ops[i].server_ns,
                              .iteration = iteration};
        if ((ops[i].kind == OP_CPU || ops[i].kind == OP_DELAY) && ops[i].duration_ns &&
            vec_push(&drawn->pieces, piece))
            return -1;
    }
    return 0;
}

static int add_loops(struct drawn *drawn)
{
    for (size_t i = 0; i < drawn->program->pools.count; i++) {
        const struct pool *pool = &drawn->program->pools.items[i];
        bool is_drawn = pool->is_loop && pool->iterations.count >= LOOP_SPREAD_ITERATIONS_MIN;
        if (vec_push(&drawn->firsts, is_drawn ? drawn->took.count : SIZE_MAX))
            return -1;
        for (size_t j = 0; is_drawn && j < pool->iterations.count; j++) {
            const struct iteration *iteration = &pool->iterations.items[j];
            struct op *ops = &drawn->program->apart.items[iteration->list].ops.items[iteration->first];
            double took = (double)(iteration->end_ns - iteration->start_ns);
            if (add_pieces(drawn, ops, iteration->count, (uint32_t)drawn->took.count) ||
                vec_push(&drawn->took, fmax(took, 1)))
                return -1;
        }
    }
    return 0;
}

/* The iteration in whose time an actor was made, by its actor or by one that it made; RUN_NONE. */
static uint32_t iteration_of(const struct drawn *drawn, uint32_t actor)
{
    const struct run *run = drawn->program->run;
    uint32_t at = actor;
    for (int hops = 0; hops < MAKERS_MAX; hops++) {
        const struct run_track *track = &run->tracks.items[at];
        if (track->spawner == RUN_NONE || track->spawner == at)
            return RUN_NONE;
        for (size_t i = 0; i < drawn->program->pools.count; i++) {
            const struct pool *pool = &drawn->program->pools.items[i];
            for (size_t j = 0; drawn->firsts.items[i] != SIZE_MAX && j < pool->iterations.count; j++) {
                const struct iteration *iteration = &pool->iterations.items[j];
                if (iteration->actor == track->spawner && track->spawn_ns >= iteration->start_ns &&
                    track->spawn_ns < iteration->end_ns)
                    return (uint32_t)(drawn->firsts.items[i] + j);
            }
        }
        at = track->spawner;
    }
    return RUN_NONE;
}

static int add_made(struct drawn *drawn)
{
    struct program *program = drawn->program;
    for (uint32_t i = 0; i < program->actor_count; i++) {
        uint32_t iteration = program->actors[i].ops.count ? iteration_of(drawn, i) : RUN_NONE;
        if (iteration != RUN_NONE &&
            add_pieces(drawn, program->actors[i].ops.items, program->actors[i].ops.count, iteration))
            return -1;
    }
    return 0;
}

static void scale_pieces(struct drawn *drawn, const double *scales)
{
    for (size_t i = 0; i < drawn->pieces.count; i++) {
        const struct piece *piece = &drawn->pieces.items[i];
        piece->op->duration_ns = num_u64((double)piece->duration_ns * scales[piece->iteration]);
        piece->op->server_ns = num_u64((double)piece->server_ns * scales[piece->iteration]);
    }
}

static void draw(struct drawn *drawn, struct random *random, double *ret_scales)
{
    for (size_t i = 0; i < drawn->firsts.count; i++) {
        size_t first = drawn->firsts.items[i], count = drawn->program->pools.items[i].iterations.count;
        for (size_t j = 0; first != SIZE_MAX && j < count; j++) {
            double other = drawn->took.items[first + random_below(random, count)];
            double scale = other / drawn->took.items[first + j];
            ret_scales[first + j] = fmin(fmax(scale, 1 / SCALE_MAX), SCALE_MAX);
        }
    }
}

static int compare_times(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static int replay_draws(struct drawn *drawn, size_t count, double *scales, struct loop_spread *ret_spread,
                        struct err *err)
{
    double times[REPLAYS_MAX];
    struct random random;
    int status = 0;
    random_seed(&random, SEED);
    for (size_t i = 0; i < count && !status; i++) {
        struct replay_result result = {0};
        draw(drawn, &random, scales);
        scale_pieces(drawn, scales);
        status = replay_program(drawn->program, &result, err);
        times[i] = fmax((double)result.wall_ns, 1);
    }
    for (size_t i = 0; i < drawn->took.count; i++)
        scales[i] = 1;
    scale_pieces(drawn, scales);
    if (status)
        return status;
    qsort(times, count, sizeof *times, compare_times);
    size_t tail = (size_t)((double)count * TAIL);
    double point = fmax((double)drawn->wall_ns, 1);
    *ret_spread = (struct loop_spread){.low_ratio = fmax(1 - times[tail] / point, 0),
                                       .high_ratio = fmax(times[count - 1 - tail] / point - 1, 0),
                                       .replay_count = count};
    return 0;
}

static size_t replay_limit(const struct program *program)
{
    uint64_t ops = 1;
    for (size_t i = 0; i < program->actor_count; i++)
        ops += program->actors[i].ops.count;
    for (size_t i = 0; i < program->apart.count; i++)
        ops += program->apart.items[i].ops.count;
    return (size_t)num_min(OP_BUDGET / ops, REPLAYS_MAX);
}

int loop_spread(struct program *program, uint64_t wall_ns, struct loop_spread *ret_spread, struct err *err)
{
    struct drawn drawn = {.program = program, .wall_ns = wall_ns};
    double *scales = NULL;
    size_t count = replay_limit(program);
    *ret_spread = (struct loop_spread){0};
    int status = count >= REPLAYS_MIN && add_loops(&drawn) ? -1 : 0;
    if (!status && drawn.took.count) {
        scales = calloc(drawn.took.count, sizeof *scales);
        status = scales ? add_made(&drawn) : -1;
    }
    status = status ? err_memory(err) : 0;
    if (!status && scales)
        status = replay_draws(&drawn, count, scales, ret_spread, err);
    free(scales);
    vec_free(&drawn.pieces);
    vec_free(&drawn.took);
    vec_free(&drawn.firsts);
    return status;
}
