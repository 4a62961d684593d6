/* SPDX-License-Identifier: Apache-2.0 */
#include "analyze/replay.h"

#include <math.h>
#include <string.h>

#include "base/num.h"

/* Cores that one server uses at most. */
#define THREAD_MAX 64

/* One walker through a list of operations: an actor, or a worker of a pool. */
struct context {
    const struct op *ops;
    size_t index, end;
    uint32_t pool;    /* the pool a worker serves, RUN_NONE for an actor */
    uint32_t pending; /* jobs and timers the current operation still waits for */
    uint32_t awaited; /* by so many others, or fewer where a change moved what it was to give */
    bool done;
};

struct pool_state {
    size_t next;   /* iteration to hand out */
    uint32_t busy; /* workers at work */
    bool started;
    VEC(uint32_t) waiting; /* contexts at their OP_POOL */
};

/* A heap entry: an instant of real time (timers) or of virtual time (jobs). */
struct due {
    double at;
    uint32_t context;
};

/* A binary heap. Behind the last item, and in place of the first of an empty heap, stands one that is never due. */
struct heap {
    VEC(struct due) items;
};

/* Who asks for a core: the run's own threads, or the servers it talks to. A server has no more threads at work than
 * there are cores, however much is asked of it at once; its jobs share those. */
enum job_kind { JOB_OWN, JOB_SERVER, JOB_KIND_COUNT };

/* Jobs of one kind by when they are done, on a clock that runs as fast as each of them does. */
struct queue {
    struct heap jobs;
    double clock;
    double speed; /* of the clock: how much of a core each gets */
};

/* Numbers of runnable threads for which the share of a core is worked out once. */
#define RATE_COUNT 256

/* Operations looked at in search of knots. A replay that needs more is past saving: all awaits are given up at once. So many again are
 * looked at for rings that have just been tied; those behind them wait until nothing else moves. */
#define LOOK_MAX 200000000

/* Actors of a ring that is untied as soon as it is tied; a longer one when nothing else moves. */
#define RING_MAX 32

/* How far ahead operations are fetched. */
#define PREFETCH_OPS 8

struct sim {
    const struct program *program;
    VEC(struct context) contexts;
    struct heap timers;
    struct queue queues[JOB_KIND_COUNT];
    struct pool_state *pools;
    uint32_t *waiting_for; /* by signal: context, RUN_NONE */
    bool *given;           /* by signal */
    VEC(uint32_t) ready;
    double now;
    double usual_share;     /* of a core that each of the usual number of threads got */
    double server_capacity; /* cores that one server had to itself in the recording */
    size_t knot_count;
    double rates[RATE_COUNT];   /* by the number of the run's runnable threads while no server works */
    uint64_t looked_count;      /* at operations, in search of knots */
    uint64_t ring_looked_count; /* of rings that are untied as soon as they are tied */
    bool over;
    int status;
};

static const struct due never = {.at = INFINITY, .context = RUN_NONE};

static int heap_init(struct heap *heap)
{
    if (vec_reserve(&heap->items, 64))
        return -1;
    heap->items.items[0] = never;
    return 0;
}

static void heap_push(struct sim *sim, struct heap *heap, struct due due)
{
    if (vec_reserve(&heap->items, heap->items.count + 2)) {
        sim->status = -1;
        return;
    }
    struct due *items = heap->items.items;
    size_t at = heap->items.count++;
    items[at + 1] = never;
    while (at && items[(at - 1) / 2].at > due.at) {
        items[at] = items[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    items[at] = due;
}

/* The hole sinks to a leaf without looking at what is to fill it, and the last item rises from there: which of two
 * children is due first is a coin toss that the processor need not guess, and last items seldom rise far (Wegener,
 * Bottom-up heapsort, 1993). */
static struct due heap_pop(struct heap *heap)
{
    struct due *items = heap->items.items, top = items[0];
    size_t last = --heap->items.count, at = 0;
    struct due moved = items[last];
    items[last] = never;
    if (!last)
        return top;
    for (size_t child = 1; child < last; child = 2 * at + 1) {
        child += items[child + 1].at < items[child].at;
        items[at] = items[child];
        at = child;
    }
    while (at && items[(at - 1) / 2].at > moved.at) {
        items[at] = items[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    items[at] = moved;
    return top;
}

static void make_ready(struct sim *sim, uint32_t context)
{
    if (vec_push(&sim->ready, context))
        sim->status = -1;
}

/* RUN_NONE: not known, a change made the signal. */
static uint32_t giver_of(const struct sim *sim, uint32_t signal)
{
    return signal < sim->program->giver_count ? sim->program->givers[signal] : RUN_NONE;
}

static void give_signal(struct sim *sim, uint32_t signal)
{
    sim->given[signal] = true;
    if (sim->waiting_for[signal] == RUN_NONE)
        return;
    uint32_t giver = giver_of(sim, signal);
    if (giver != RUN_NONE)
        sim->contexts.items[giver].awaited--;
    uint32_t context = sim->waiting_for[signal];
    sim->waiting_for[signal] = RUN_NONE;
    sim->contexts.items[context].index++;
    make_ready(sim, context);
}

static void add_job(struct sim *sim, uint32_t context, enum job_kind kind, uint64_t work_ns)
{
    struct due due = {.at = sim->queues[kind].clock + (double)work_ns, .context = context};
    heap_push(sim, &sim->queues[kind].jobs, due);
    if (context != RUN_NONE)
        sim->contexts.items[context].pending++;
}

/* --- pools --- */

/* Gives a worker its next iteration; false when there is none. */
static bool next_iteration(struct sim *sim, uint32_t context)
{
    struct context *worker = &sim->contexts.items[context];
    struct pool_state *state = &sim->pools[worker->pool];
    const struct pool *pool = &sim->program->pools.items[worker->pool];
    if (state->next >= pool->iterations.count)
        return false;
    const struct iteration *iteration = &pool->iterations.items[state->next++];
    worker->ops = sim->program->apart.items[iteration->list].ops.items;
    worker->index = iteration->first;
    worker->end = iteration->first + iteration->count;
    return true;
}

static void finish_pool(struct sim *sim, struct pool_state *state)
{
    for (size_t i = 0; i < state->waiting.count; i++) {
        sim->contexts.items[state->waiting.items[i]].index++;
        make_ready(sim, state->waiting.items[i]);
    }
    state->waiting.count = 0;
}

static void enter_pool(struct sim *sim, uint32_t context, uint32_t pool_index)
{
    struct pool_state *state = &sim->pools[pool_index];
    const struct pool *pool = &sim->program->pools.items[pool_index];
    if (vec_push(&state->waiting, context)) {
        sim->status = -1;
        return;
    }
    for (uint32_t i = 0; !state->started && i < pool->worker_count && i < pool->iterations.count; i++) {
        struct context worker = {.pool = pool_index};
        if (vec_push(&sim->contexts, worker)) {
            sim->status = -1;
            return;
        }
        uint32_t index = (uint32_t)sim->contexts.count - 1;
        next_iteration(sim, index);
        state->busy++;
        make_ready(sim, index);
    }
    state->started = true;
    if (state->busy == 0)
        finish_pool(sim, state);
}

/* --- ends --- */

static void end_of_list(struct sim *sim, uint32_t context)
{
    struct context *at = &sim->contexts.items[context];
    if (at->pool != RUN_NONE) {
        if (next_iteration(sim, context)) {
            make_ready(sim, context);
            return;
        }
        struct pool_state *state = &sim->pools[at->pool];
        if (--state->busy == 0)
            finish_pool(sim, state);
    }
    at->done = true;
    if (context == sim->program->root)
        sim->over = true;
}

/* A server that used more of the cores than one was doing so with several threads: as many as leave it some time to
 * spare within the wait. What it could not have done within the recorded wait, beside the recorded background, it
 * did after it: nobody waits for that, but it takes its cores. */
static void add_server_jobs(struct sim *sim, uint32_t context, const struct op *op)
{
    double wait_ns = (double)op->duration_ns, work_ns = (double)op->server_ns;
    double waited_ns = fmin(work_ns, 0.95 * wait_ns * sim->server_capacity);
    double threads = fmin(ceil(1.5 * waited_ns / wait_ns), fmin(sim->program->core_count, THREAD_MAX));
    uint64_t count = (uint64_t)fmax(1, threads);
    for (uint64_t i = 0; waited_ns >= 1 && i < count; i++)
        add_job(sim, context, JOB_SERVER, (uint64_t)waited_ns / count);
    if (work_ns > waited_ns)
        add_job(sim, RUN_NONE, JOB_SERVER, (uint64_t)(work_ns - waited_ns));
}

/* --- knots: actors that await each other because of a wrong inference --- */

static const struct op *op_at(const struct sim *sim, uint32_t context)
{
    const struct context *at = &sim->contexts.items[context];
    return at->done || at->index >= at->end ? NULL : &at->ops[at->index];
}

/* Adds to `looked_count` how many operations it looked at. */
static bool still_gives(const struct context *context, uint32_t signal, uint64_t *looked_count)
{
    bool gives = false;
    size_t i = context->index;
    for (; !context->done && i < context->end && !gives; i++)
        gives = context->ops[i].kind == OP_SIGNAL && context->ops[i].ref == signal;
    *looked_count += 1 + i - context->index;
    return gives;
}

/* An actor that awaits who made it. */
static bool awaits_birth(const struct sim *sim, uint32_t context)
{
    const struct context *at = &sim->contexts.items[context];
    return at->index == 0 && at->pool == RUN_NONE && at->ops[0].duration_ns == 0;
}

/* Of two awaits of a ring: the one that is rather a wrong inference, as it was shorter in the recording. Who made an actor is the last to be
 * doubted. */
static bool is_weaker(const struct sim *sim, uint32_t a, uint32_t b)
{
    bool a_begins = awaits_birth(sim, a), b_begins = awaits_birth(sim, b);
    if (a_begins != b_begins)
        return b_begins;
    return op_at(sim, a)->duration_ns < op_at(sim, b)->duration_ns;
}

/* Who gives what the context awaits; RUN_NONE when it awaits nothing, or that is not known. */
static uint32_t awaited_giver(const struct sim *sim, uint32_t context)
{
    const struct op *op = op_at(sim, context);
    return op && op->kind == OP_AWAIT && !sim->given[op->ref] ? giver_of(sim, op->ref) : RUN_NONE;
}

/* A change may have given the signal to somebody else, whom the ring does not hold up. */
static bool is_ring(struct sim *sim, uint32_t context)
{
    uint32_t at = context;
    do {
        uint32_t giver = awaited_giver(sim, at);
        if (!still_gives(&sim->contexts.items[giver], op_at(sim, at)->ref, &sim->ring_looked_count))
            return false;
        at = giver;
    } while (at != context);
    return true;
}

/* The context began to await something. If that closes a ring, none in it ever moves again, while others go on: the await of the ring that
 * was shortest in the recording is given up now, and not when all is at rest. */
static void untie_ring(struct sim *sim, uint32_t context)
{
    uint32_t at = context, shortest = context;
    for (size_t hops = 0; hops < RING_MAX; hops++) {
        at = awaited_giver(sim, at);
        if (at == RUN_NONE || at == context)
            break;
        if (awaited_giver(sim, at) != RUN_NONE && is_weaker(sim, at, shortest))
            shortest = at;
    }
    if (at != context || sim->ring_looked_count >= LOOK_MAX || !is_ring(sim, context))
        return;
    sim->knot_count++;
    give_signal(sim, op_at(sim, shortest)->ref);
}

/* No ring is closed by one that nobody awaits, as most are: who queues for a lock stands at the end of a long chain. */
static void begin_await(struct sim *sim, uint32_t context, uint32_t signal)
{
    uint32_t giver = giver_of(sim, signal);
    if (sim->waiting_for[signal] == RUN_NONE && giver != RUN_NONE)
        sim->contexts.items[giver].awaited++;
    sim->waiting_for[signal] = context;
    if (sim->contexts.items[context].awaited)
        untie_ring(sim, context);
}

/* --- operations --- */

/* Starts an operation; true when it is over at once. */
static bool start_op(struct sim *sim, uint32_t context, const struct op *op)
{
    switch ((enum op_kind)op->kind) {
    case OP_CPU:
        for (uint16_t i = 0; op->duration_ns && i < op->chunks; i++)
            add_job(sim, context, JOB_OWN, op->duration_ns / op->chunks);
        return op->duration_ns == 0;
    case OP_DELAY:
        if (op->duration_ns) {
            struct due due = {.at = sim->now + (double)op->duration_ns, .context = context};
            heap_push(sim, &sim->timers, due);
            sim->contexts.items[context].pending++;
            if (op->server_ns)
                add_server_jobs(sim, context, op);
        }
        return op->duration_ns == 0;
    case OP_AWAIT:
        if (sim->given[op->ref])
            return true;
        begin_await(sim, context, op->ref);
        return false;
    case OP_SIGNAL: give_signal(sim, op->ref); return true;
    case OP_POOL: enter_pool(sim, context, op->ref); return false;
    }
    return true;
}

static void advance(struct sim *sim, uint32_t context)
{
    while (!sim->status && !sim->over) {
        /* start_op may move the contexts. */
        struct context *at = &sim->contexts.items[context];
        if (at->index >= at->end) {
            end_of_list(sim, context);
            return;
        }
        /* Each actor's operations are a stream of their own, and there are more than the processor foresees. */
        __builtin_prefetch(&at->ops[num_min(at->index + PREFETCH_OPS, at->end)]);
        if (!start_op(sim, context, &at->ops[at->index]))
            return;
        sim->contexts.items[context].index++;
    }
}

static void advance_ready(struct sim *sim)
{
    while (sim->ready.count && !sim->status && !sim->over)
        advance(sim, sim->ready.items[--sim->ready.count]);
}

static void part_done(struct sim *sim, uint32_t context)
{
    if (context == RUN_NONE)
        return;
    struct context *at = &sim->contexts.items[context];
    if (--at->pending == 0) {
        at->index++;
        make_ready(sim, context);
    }
}

/* --- time --- */

static double server_threads(const struct sim *sim)
{
    return fmin((double)sim->queues[JOB_SERVER].jobs.items.count, sim->program->core_count);
}

static double share(const struct program *program, double runnable)
{
    double wanted = runnable + program->background_threads;
    return wanted <= program->core_count ? 1 : program->core_count / wanted;
}

/* What others took from no more threads than cores was recorded as delays: there only more threads than usual lose
 * more. Queueing of more threads than cores was left out of the program: they get their share of the cores. */
static double rate_of(const struct sim *sim, double runnable)
{
    double part = share(sim->program, runnable);
    return runnable > sim->program->core_count ? part : fmin(1, part / sim->usual_share);
}

static void set_speeds(struct sim *sim)
{
    struct queue *own = &sim->queues[JOB_OWN], *server = &sim->queues[JOB_SERVER];
    size_t own_count = own->jobs.items.count, server_count = server->jobs.items.count;
    if (!server_count && own_count < RATE_COUNT) {
        own->speed = sim->rates[own_count];
        return;
    }
    double threads = server_threads(sim);
    own->speed = rate_of(sim, (double)own_count + threads);
    server->speed = server_count ? own->speed * threads / (double)server_count : own->speed;
}

/* --- knots that are left when nothing moves --- */

static uint32_t busy_worker(const struct sim *sim, uint32_t pool)
{
    for (uint32_t i = 0; i < sim->contexts.count; i++) {
        if (!sim->contexts.items[i].done && sim->contexts.items[i].pool == pool)
            return i;
    }
    return RUN_NONE;
}

/* Who is to move before the context can: the giver of what it awaits, or a worker of the pool it stands at. A signal
 * of an iteration not begun is looked for nowhere: RUN_NONE. */
static uint32_t stands_behind(struct sim *sim, uint32_t context)
{
    const struct op *op = op_at(sim, context);
    if (!op)
        return RUN_NONE;
    if (op->kind == OP_POOL)
        return busy_worker(sim, op->ref);
    for (uint32_t i = 0; op->kind == OP_AWAIT && i < sim->contexts.count; i++) {
        if (still_gives(&sim->contexts.items[i], op->ref, &sim->looked_count))
            return i;
    }
    return RUN_NONE;
}

/* Of a ring of contexts that stand behind each other, the one whose await was the shortest in the recording. */
static uint32_t weakest(struct sim *sim, uint32_t ring)
{
    uint32_t best = RUN_NONE, at = ring;
    for (size_t hops = 0; hops <= sim->contexts.count && at != RUN_NONE && sim->looked_count < LOOK_MAX;
         hops++) {
        const struct op *op = op_at(sim, at);
        if (op->kind == OP_AWAIT && (best == RUN_NONE || is_weaker(sim, at, best)))
            best = at;
        at = stands_behind(sim, at);
        if (at == ring)
            break;
    }
    return best;
}

/* Follows who stands behind whom from the root: to a ring, or to an await that nobody is left to end. */
static uint32_t find_knot(struct sim *sim)
{
    uint32_t at = sim->program->root;
    for (size_t hops = 0; hops <= sim->contexts.count && sim->looked_count < LOOK_MAX; hops++) {
        uint32_t behind = stands_behind(sim, at);
        if (behind == RUN_NONE || behind == at) {
            const struct op *op = op_at(sim, at);
            return op && op->kind == OP_AWAIT ? at : RUN_NONE;
        }
        at = behind;
    }
    return weakest(sim, at);
}

static uint32_t oldest_await(const struct sim *sim)
{
    uint32_t oldest = RUN_NONE;
    for (uint32_t i = 0; i < sim->contexts.count; i++) {
        const struct op *op = op_at(sim, i);
        if (op && op->kind == OP_AWAIT && (oldest == RUN_NONE || op->at_ns < op_at(sim, oldest)->at_ns))
            oldest = i;
    }
    return oldest;
}

static bool give_up_all(struct sim *sim)
{
    size_t before = sim->knot_count;
    for (uint32_t i = 0; i < sim->contexts.count; i++) {
        const struct op *op = op_at(sim, i);
        if (!op || op->kind != OP_AWAIT || sim->given[op->ref])
            continue;
        give_signal(sim, op->ref);
        sim->knot_count++;
    }
    return sim->knot_count > before;
}

/* Nothing moves. What the root waits for in the end is a knot: one await of it is given up. */
static bool untie(struct sim *sim)
{
    if (sim->looked_count >= LOOK_MAX)
        return give_up_all(sim);
    sim->looked_count += sim->contexts.count;
    uint32_t context = find_knot(sim);
    if (context == RUN_NONE)
        context = oldest_await(sim);
    if (context == RUN_NONE)
        return false;
    sim->knot_count++;
    give_signal(sim, op_at(sim, context)->ref);
    return true;
}

static bool step(struct sim *sim)
{
    struct queue *own = &sim->queues[JOB_OWN], *server = &sim->queues[JOB_SERVER];
    struct heap *due = &sim->timers;
    double next = due->items.items[0].at;
    set_speeds(sim);
    double at = sim->now + (own->jobs.items.items[0].at - own->clock) / own->speed;
    if (own->jobs.items.count && at <= next) {
        next = at;
        due = &own->jobs;
    }
    at = server->jobs.items.count
             ? sim->now + (server->jobs.items.items[0].at - server->clock) / server->speed
             : INFINITY;
    if (server->jobs.items.count && at <= next) {
        next = at;
        due = &server->jobs;
    }
    if (!due->items.count)
        return untie(sim);
    double passed = next > sim->now ? next - sim->now : 0;
    own->clock += passed * own->speed;
    if (server->jobs.items.count)
        server->clock += passed * server->speed;
    /* Rounding must not leave a job that is due a little undone. */
    struct queue *queue = due == &own->jobs ? own : server;
    if (due != &sim->timers && queue->clock < due->items.items[0].at)
        queue->clock = due->items.items[0].at;
    sim->now += passed;
    part_done(sim, heap_pop(due).context);
    return true;
}

static int sim_init(struct sim *sim, const struct program *program)
{
    *sim = (struct sim){.program = program};
    sim->waiting_for = malloc((program->signal_count + 1) * sizeof *sim->waiting_for);
    sim->given = calloc(program->signal_count + 1, sizeof *sim->given);
    sim->pools = calloc(program->pools.count + 1, sizeof *sim->pools);
    if (!sim->waiting_for || !sim->given || !sim->pools)
        return -1;
    double threads = fmin(program->core_count, THREAD_MAX);
    sim->usual_share = share(program, program->usual_runnable);
    sim->server_capacity = threads * fmin(1, share(program, threads) / sim->usual_share);
    for (size_t i = 0; i < RATE_COUNT; i++)
        sim->rates[i] = rate_of(sim, (double)i);
    if (heap_init(&sim->timers))
        return -1;
    for (size_t i = 0; i < JOB_KIND_COUNT; i++) {
        if (heap_init(&sim->queues[i].jobs))
            return -1;
    }
    memset(sim->waiting_for, 0xff, (program->signal_count + 1) * sizeof *sim->waiting_for);
    for (size_t i = 0; i < program->actor_count; i++) {
        struct context context = {
            .ops = program->actors[i].ops.items, .end = program->actors[i].ops.count, .pool = RUN_NONE};
        context.done = context.end == 0;
        if (vec_push(&sim->contexts, context))
            return -1;
    }
    /* The first in the list is advanced last: the root starts after all others stand at their first await. */
    make_ready(sim, program->root);
    for (uint32_t i = 0; i < program->actor_count; i++) {
        if (i != program->root && program->actors[i].ops.count)
            make_ready(sim, i);
    }
    return sim->status;
}

static void sim_deinit(struct sim *sim)
{
    vec_free(&sim->contexts);
    vec_free(&sim->timers.items);
    for (size_t i = 0; i < JOB_KIND_COUNT; i++)
        vec_free(&sim->queues[i].jobs.items);
    vec_free(&sim->ready);
    for (size_t i = 0; sim->pools && i < sim->program->pools.count; i++)
        vec_free(&sim->pools[i].waiting);
    free(sim->pools);
    free(sim->waiting_for);
    free(sim->given);
}

int replay_program(const struct program *program, struct replay_result *ret_result, struct err *err)
{
    struct sim sim;
    if (sim_init(&sim, program))
        sim.status = -1;
    do {
        if (!sim.status)
            advance_ready(&sim);
    } while (!sim.status && !sim.over && step(&sim));
    if (!sim.status)
        *ret_result = (struct replay_result){.wall_ns = num_u64(sim.now), .knot_count = sim.knot_count};
    int status = sim.status;
    sim_deinit(&sim);
    return status ? err_memory(err) : 0;
}
