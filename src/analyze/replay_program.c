/* SPDX-License-Identifier: Apache-2.0 */
#include "analyze/replay_program.h"

#include <math.h>
#include <string.h>

#include "analyze/core_load.h"
#include "analyze/server_work.h"
#include "base/num.h"
#include "base/search.h"
#include "base/sort.h"

struct marker {
    uint64_t time_ns;
    uint32_t signal;
};

struct marker_list {
    VEC(struct marker) items;
};

struct builder {
    struct program *program;
    struct core_load load;
    const struct run *run;
    struct marker_list *markers; /* by actor: the signals it gives */
    uint32_t **await_signal;     /* by actor, by wait index: the signal it awaits, RUN_NONE */
    uint32_t *start_signal;      /* by actor */
    VEC(uint32_t) givers;        /* by signal */
    /* of the actor being built: */
    uint32_t actor;
    uint64_t cursor;
    size_t marker_index;
    size_t piece_index;
    size_t load_step;
    int status;
};

static int new_signal(struct builder *builder, uint32_t giver, uint64_t time_ns, uint32_t *ret_signal)
{
    struct marker marker = {.time_ns = time_ns, .signal = (uint32_t)builder->program->signal_count};
    if (vec_push(&builder->markers[giver].items, marker) || vec_push(&builder->givers, giver))
        return -1;
    *ret_signal = marker.signal;
    builder->program->signal_count++;
    return 0;
}

static int plan_signals(struct builder *builder)
{
    const struct run *run = builder->run;
    for (uint32_t i = 0; i < run->tracks.count; i++) {
        const struct run_track *track = &run->tracks.items[i];
        builder->start_signal[i] = RUN_NONE;
        if (!core_load_takes_part(run, i))
            continue;
        if (i != run->root && track->spawner != RUN_NONE && core_load_takes_part(run, track->spawner) &&
            new_signal(builder, track->spawner, track->spawn_ns, &builder->start_signal[i]))
            return -1;
        builder->await_signal[i] = malloc((track->waits.count + 1) * sizeof **builder->await_signal);
        if (!builder->await_signal[i])
            return -1;
        for (size_t j = 0; j < track->waits.count; j++) {
            const struct run_wait *wait = &track->waits.items[j];
            builder->await_signal[i][j] = RUN_NONE;
            bool awaits = wait->waker != RUN_NONE && wait->waker != i &&
                          core_load_takes_part(run, wait->waker) && wait->blocked_ns && !wait->poll_series;
            if (awaits && new_signal(builder, wait->waker, wait->event_ns, &builder->await_signal[i][j]))
                return -1;
        }
    }
    return 0;
}

static int measure_load(struct builder *builder)
{
    struct program *program = builder->program;
    if (core_load_measure(builder->run, program->core_count, &builder->load))
        return -1;
    program->usual_runnable = builder->load.usual_runnable;
    program->background_threads = builder->load.background_threads;
    return 0;
}

static bool queued_for_others(const struct builder *builder, uint64_t t)
{
    double runnable = core_load_runnable_at(&builder->load, t);
    return runnable > 0 && runnable <= builder->program->core_count;
}

static int compare_markers(const void *a, const void *b)
{
    const struct marker *x = a, *y = b;
    if (x->time_ns != y->time_ns)
        return x->time_ns > y->time_ns ? 1 : -1;
    return (x->signal > y->signal) - (x->signal < y->signal);
}

static void put(struct builder *builder, struct op op)
{
    const struct run_track *track = &builder->run->tracks.items[builder->actor];
    while (builder->piece_index + 1 < track->pieces.count &&
           track->pieces.items[builder->piece_index].end_ns <= op.at_ns)
        builder->piece_index++;
    op.stage = builder->piece_index < track->pieces.count ? track->pieces.items[builder->piece_index].stage
                                                          : RUN_NONE;
    op.chunks = 1;
    if (vec_push(&builder->program->actors[builder->actor].ops, op))
        builder->status = -1;
}

static void put_signal(struct builder *builder, uint64_t at_ns)
{
    const struct marker_list *markers = &builder->markers[builder->actor];
    struct op op = {.kind = OP_SIGNAL,
                    .at_ns = at_ns,
                    .ref = markers->items.items[builder->marker_index++].signal,
                    .peer = RUN_NONE};
    put(builder, op);
}

/* The next moment in [cursor, until) where the operation must be cut: a signal given, or a change of stage. */
static uint64_t next_cut(const struct builder *builder, uint64_t until)
{
    const struct run_track *track = &builder->run->tracks.items[builder->actor];
    const struct marker_list *markers = &builder->markers[builder->actor];
    if (builder->marker_index < markers->items.count)
        until = num_min(until, num_max(markers->items.items[builder->marker_index].time_ns, builder->cursor));
    for (size_t i = builder->piece_index; i < track->pieces.count; i++) {
        if (track->pieces.items[i].end_ns > builder->cursor)
            return num_min(until, track->pieces.items[i].end_ns);
    }
    return until;
}

static void put_due_signals(struct builder *builder)
{
    const struct marker_list *markers = &builder->markers[builder->actor];
    while (builder->marker_index < markers->items.count &&
           markers->items.items[builder->marker_index].time_ns <= builder->cursor)
        put_signal(builder, builder->cursor);
}

/* Operations of `model`'s kind over [cursor, until), scaled so that they sum up to `busy_ns`. */
static void put_stretch(struct builder *builder, uint64_t until, uint64_t busy_ns, struct op model)
{
    uint64_t start = builder->cursor, length = until - start, given = 0;
    put_due_signals(builder);
    while (builder->cursor < until && !builder->status) {
        uint64_t cut = next_cut(builder, until);
        uint64_t share = cut == until ? busy_ns : num_u64((double)busy_ns * num_ratio(cut - start, length));
        model.at_ns = builder->cursor;
        model.duration_ns = share > given ? share - given : 0;
        given = num_max(given, share);
        if (model.duration_ns)
            put(builder, model);
        builder->cursor = cut;
        put_due_signals(builder);
    }
}

static void put_cpu(struct builder *builder, uint64_t until)
{
    struct op cpu = {.kind = OP_CPU, .peer = RUN_NONE};
    if (until > builder->cursor) {
        double squeezed_ns =
            core_load_squeezed_ns(&builder->load, builder->cursor, until, &builder->load_step);
        uint64_t length = until - builder->cursor;
        put_stretch(builder, until, length - num_min(num_u64(squeezed_ns), length), cpu);
    }
    put_due_signals(builder);
}

static void put_await(struct builder *builder, const struct run_wait *wait, uint32_t signal)
{
    uint64_t end = wait->end_ns - wait->runnable_ns;
    struct op op = {.kind = OP_AWAIT,
                    .at_ns = builder->cursor,
                    .duration_ns = num_min(wait->event_ns, end) - num_min(wait->start_ns, wait->event_ns),
                    .ref = signal,
                    .reason = wait->reason,
                    .peer = wait->peer};
    if (wait->count > 1) {
        uint64_t length = wait->end_ns - wait->start_ns, away = wait->blocked_ns + wait->runnable_ns;
        struct op cpu = {.kind = OP_CPU, .peer = RUN_NONE};
        put_stretch(builder, wait->end_ns - num_min(wait->runnable_ns, length),
                    length > away ? length - away : 0, cpu);
        op.at_ns = builder->cursor;
        op.duration_ns = wait->blocked_ns;
        put(builder, op);
        return;
    }
    put(builder, op);
    builder->cursor = num_max(builder->cursor, num_min(wait->event_ns, end));
    put_due_signals(builder);
    struct op residual = {.kind = OP_DELAY, .reason = wait->reason, .peer = wait->peer};
    if (end > builder->cursor)
        put_stretch(builder, end, end - builder->cursor, residual);
}

/* The queueing at the end of a wait, where it was others' doing. */
static void put_queue(struct builder *builder, const struct run_wait *wait)
{
    /* Who never waited would not have queued on waking up: the queueing remembers its wait. */
    struct op queue = {.kind = OP_DELAY,
                       .reason = WAIT_CPU_QUEUE,
                       .peer = RUN_NONE,
                       .ref = wait->blocked_ns ? wait->reason : 0};
    uint64_t middle =
        wait->end_ns - (wait->count == 1 ? wait->runnable_ns : wait->end_ns - wait->start_ns) / 2;
    if (wait->runnable_ns && wait->end_ns > builder->cursor && queued_for_others(builder, middle))
        put_stretch(builder, wait->end_ns, num_min(wait->runnable_ns, wait->end_ns - builder->cursor), queue);
}

static void put_wait(struct builder *builder, const struct run_wait *wait, uint32_t signal)
{
    if (signal != RUN_NONE) {
        put_await(builder, wait, signal);
    } else if (wait->count > 1) {
        uint64_t length = wait->end_ns - wait->start_ns, away = wait->blocked_ns + wait->runnable_ns;
        uint64_t middle = wait->start_ns + (length > away ? length - away : 0);
        struct op cpu = {.kind = OP_CPU, .peer = RUN_NONE};
        /* How much of such a row was running is known. */
        if (middle > builder->cursor)
            put_stretch(builder, middle, middle - builder->cursor, cpu);
        struct op delay = {.kind = OP_DELAY, .reason = wait->reason, .peer = wait->peer};
        put_stretch(builder, wait->end_ns - num_min(wait->runnable_ns, wait->end_ns - middle),
                    wait->blocked_ns, delay);
    } else if (wait->blocked_ns) {
        struct op delay = {.kind = OP_DELAY, .reason = wait->reason, .peer = wait->peer};
        put_stretch(builder, wait->end_ns - wait->runnable_ns, wait->blocked_ns, delay);
    }
    put_queue(builder, wait);
    builder->cursor = num_max(builder->cursor, wait->end_ns);
    put_due_signals(builder);
}

/* The first of a series of polling sleeps awaits the event of the last; those between are left out. */
static size_t put_series(struct builder *builder, const struct run_track *track, size_t first)
{
    size_t last = first;
    while (last + 1 < track->waits.count &&
           (track->waits.items[last].poll_series || builder->await_signal[builder->actor][last] == RUN_NONE))
        last++;
    uint32_t signal = builder->await_signal[builder->actor][last];
    if (signal == RUN_NONE)
        return first;
    const struct run_wait *end = &track->waits.items[last];
    struct op op = {.kind = OP_AWAIT,
                    .at_ns = builder->cursor,
                    .duration_ns = num_max(end->event_ns, builder->cursor) - builder->cursor,
                    .ref = signal,
                    .reason = end->reason,
                    .peer = RUN_NONE};
    put(builder, op);
    builder->await_signal[builder->actor][last] = RUN_NONE;
    builder->cursor = num_max(builder->cursor, end->event_ns);
    put_due_signals(builder);
    struct op residual = {.kind = OP_DELAY, .reason = end->reason, .peer = end->peer};
    uint64_t until = end->end_ns - end->runnable_ns;
    if (until > builder->cursor)
        put_stretch(builder, until, until - builder->cursor, residual);
    builder->cursor = num_max(builder->cursor, end->end_ns);
    put_due_signals(builder);
    return last;
}

/* Awaits who made the actor. From the fork to the first sign of life it is being made: not its maker's time. More than the
 * clocks' tolerance nobody takes for that: its maker was not seen to be awake at its start. */
static void put_birth(struct builder *builder, const struct run_track *track)
{
    struct op op = {.kind = OP_AWAIT,
                    .at_ns = builder->cursor,
                    .ref = builder->start_signal[builder->actor],
                    .peer = RUN_NONE};
    uint64_t gap = track->start_ns > track->spawn_ns ? track->start_ns - track->spawn_ns : 0;
    uint64_t made = num_min(gap, run_tolerance_ns(builder->run));

    put(builder, op);
    op = (struct op){.kind = OP_DELAY, .at_ns = builder->cursor, .duration_ns = gap - made, .peer = RUN_NONE};
    if (op.duration_ns)
        put(builder, op);
    op = (struct op){.kind = OP_CPU, .at_ns = builder->cursor, .duration_ns = made, .peer = RUN_NONE};
    if (made)
        put(builder, op);
}

static void put_beginning(struct builder *builder, const struct run_track *track)
{
    if (builder->start_signal[builder->actor] != RUN_NONE) {
        put_birth(builder, track);
        return;
    }
    if (track->start_ns <= builder->run->start_ns)
        return;
    bool is_root = builder->actor == builder->run->root;
    struct op op = {.kind = is_root ? OP_CPU : OP_DELAY,
                    .at_ns = is_root ? builder->run->start_ns : builder->cursor,
                    .duration_ns = track->start_ns - builder->run->start_ns,
                    .peer = RUN_NONE};
    put(builder, op);
}

static void build_actor(struct builder *builder, uint32_t actor)
{
    const struct run_track *track = &builder->run->tracks.items[actor];
    builder->actor = actor;
    builder->marker_index = builder->piece_index = builder->load_step = 0;
    /* Running and a wait in turn, and the signals: growing to that would copy it several times. */
    size_t least = 2 * track->waits.count + builder->markers[actor].items.count;
    if (vec_reserve(&builder->program->actors[actor].ops, least)) {
        builder->status = -1;
        return;
    }
    builder->cursor = num_max(track->start_ns, builder->run->start_ns);
    put_beginning(builder, track);
    for (size_t i = 0; i < track->waits.count && !builder->status; i++) {
        const struct run_wait *wait = &track->waits.items[i];
        if (wait->end_ns <= builder->cursor)
            continue;
        if (wait->start_ns > builder->cursor)
            put_cpu(builder, wait->start_ns);
        put_due_signals(builder);
        if (wait->poll_series)
            i = put_series(builder, track, i);
        if (track->waits.items[i].end_ns > builder->cursor)
            put_wait(builder, &track->waits.items[i], builder->await_signal[actor][i]);
    }
    put_cpu(builder, num_min(track->end_ns, num_max(builder->run->end_ns, builder->cursor)));
    while (!builder->status && builder->marker_index < builder->markers[actor].items.count)
        put_signal(builder, builder->cursor);
}

static void builder_deinit(struct builder *builder)
{
    for (size_t i = 0; i < builder->run->tracks.count; i++) {
        if (builder->markers)
            vec_free(&builder->markers[i].items);
        if (builder->await_signal)
            free(builder->await_signal[i]);
    }
    core_load_deinit(&builder->load);
    vec_free(&builder->givers);
    free(builder->markers);
    free(builder->await_signal);
    free(builder->start_signal);
}

int program_build(const struct run *run, struct program *ret_program, struct err *err)
{
    size_t count = run->tracks.count;
    struct program program = {
        .run = run, .actor_count = count, .root = run->root, .core_count = run->cpu_count};
    struct builder builder = {.program = &program, .run = run};
    program.actors = calloc(count + 1, sizeof *program.actors);
    builder.markers = calloc(count + 1, sizeof *builder.markers);
    builder.await_signal = calloc(count + 1, sizeof *builder.await_signal);
    builder.start_signal = calloc(count + 1, sizeof *builder.start_signal);
    int status = -1;
    if (program.actors && builder.markers && builder.await_signal && builder.start_signal)
        status = plan_signals(&builder) || measure_load(&builder);
    for (uint32_t i = 0; i < count && !status; i++) {
        struct marker_list *markers = &builder.markers[i];
        if (markers->items.count && !sort_is_done(markers->items.items, markers->items.count,
                                                  sizeof *markers->items.items, compare_markers))
            qsort(markers->items.items, markers->items.count, sizeof *markers->items.items, compare_markers);
        if (core_load_takes_part(run, i))
            build_actor(&builder, i);
        status = builder.status;
    }
    if (!status)
        status = server_work_attach(&program);
    program.givers = builder.givers.items;
    program.giver_count = builder.givers.count;
    memset(&builder.givers, 0, sizeof builder.givers);
    builder_deinit(&builder);
    if (status) {
        program_deinit(&program);
        return err_memory(err);
    }
    *ret_program = program;
    return 0;
}

/* What only changes make. */
static void free_cuts(struct program *program)
{
    for (size_t i = 0; i < program->apart.count; i++)
        vec_free(&program->apart.items[i].ops);
    for (size_t i = 0; i < program->pools.count; i++)
        vec_free(&program->pools.items[i].iterations);
    vec_free(&program->apart);
    vec_free(&program->pools);
}

int program_copy(const struct program *program, struct program *copy, struct err *err)
{
    struct op_list *actors = copy->actors;
    if (!actors)
        actors = calloc(program->actor_count + 1, sizeof *actors);
    free_cuts(copy);
    *copy = *program;
    copy->actors = actors;
    copy->is_copy = true;
    memset(&copy->pools, 0, sizeof copy->pools);
    memset(&copy->apart, 0, sizeof copy->apart);
    if (!actors)
        return err_memory(err);
    for (size_t i = 0; i < program->actor_count; i++) {
        struct op_list *list = &actors[i];
        if (!list->is_shared) {
            list->kept = list->ops.items;
            list->kept_capacity = list->ops.capacity;
        }
        list->is_shared = true;
        list->ops.items = program->actors[i].ops.items;
        list->ops.count = program->actors[i].ops.count;
    }
    return 0;
}

int program_own(struct program *copy, uint32_t actor, struct err *err)
{
    struct op_list *list = &copy->actors[actor], own = {0};
    if (!list->is_shared)
        return 0;
    own.ops.items = list->kept;
    own.ops.capacity = list->kept_capacity;
    if (vec_reserve(&own.ops, list->ops.count))
        return err_memory(err);
    if (list->ops.count)
        memcpy(own.ops.items, list->ops.items, list->ops.count * sizeof(struct op));
    own.ops.count = list->ops.count;
    *list = own;
    return 0;
}

int program_own_all(struct program *copy, struct err *err)
{
    int status = 0;
    for (uint32_t i = 0; i < copy->actor_count && !status; i++)
        status = program_own(copy, i, err);
    return status;
}

int program_set_apart(struct program *program, uint32_t actor, uint32_t *ret_list, struct err *err)
{
    const struct op_list *from = &program->actors[actor];
    struct op_list list = {0};
    if (vec_reserve(&list.ops, from->ops.count) || vec_push(&program->apart, list)) {
        vec_free(&list.ops);
        return err_memory(err);
    }
    struct op_list *to = &program->apart.items[program->apart.count - 1];
    if (from->ops.count)
        memcpy(to->ops.items, from->ops.items, from->ops.count * sizeof(struct op));
    to->ops.count = from->ops.count;
    *ret_list = (uint32_t)(program->apart.count - 1);
    return 0;
}

void program_deinit(struct program *program)
{
    for (size_t i = 0; program->actors && i < program->actor_count; i++) {
        struct op_list *list = &program->actors[i];
        free(list->is_shared ? list->kept : list->ops.items);
    }
    free(program->actors);
    if (!program->is_copy)
        free(program->givers);
    free_cuts(program);
    *program = (struct program){0};
}

size_t op_index_at(const struct op_list *list, uint64_t time_ns)
{
    return search_first(i, list->ops.count, list->ops.items[i].at_ns >= time_ns);
}

struct op op_sync(enum op_kind kind, const struct op *beside, uint32_t ref)
{
    return (struct op){.kind = (uint8_t)kind,
                       .at_ns = beside->at_ns,
                       .ref = ref,
                       .stage = beside->stage,
                       .peer = RUN_NONE,
                       .chunks = 1};
}
