/* SPDX-License-Identifier: Apache-2.0 */
#include "run/settle.h"

#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/sort.h"
#include "model/meta.h"
#include "run/exchange.h"
#include "run/helper_threads.h"
#include "run/python_lock.h"
#include "run/stage.h"
#include "run/timed_wait.h"

/* The spans of a logical track stand on each thread that carried it too, for the time it did. */
static int lend_spans(struct run *run, struct err *err)
{
    for (size_t i = 0; i < run->binds.count; i++) {
        const struct run_bind *bind = &run->binds.items[i];
        uint64_t end = bind->end_ns ? bind->end_ns : UINT64_MAX;
        const struct run_track *logical = &run->tracks.items[bind->track];
        struct run_track *thread = &run->tracks.items[bind->thread];
        size_t count = bind->track == bind->thread ? 0 : logical->spans.count;
        for (size_t j = 0; j < count; j++) {
            struct run_span span = logical->spans.items[j];
            uint64_t span_end = span.end_ns ? span.end_ns : UINT64_MAX;
            if (span.borrowed || span.start_ns >= end || span_end <= bind->start_ns)
                continue;
            span.start_ns = num_max(span.start_ns, bind->start_ns);
            span.end_ns = num_min(span_end, end) == UINT64_MAX ? 0 : num_min(span_end, end);
            span.borrowed = true;
            if (vec_push(&thread->spans, span))
                return err_memory(err);
        }
    }
    return 0;
}

static uint64_t meta_u64(const struct view *view, const char *key, uint64_t otherwise)
{
    uint64_t value;
    const char *text = view_meta(view, key);
    return text && !num_parse_u64(text, &value) ? value : otherwise;
}

static int compare_waits(const void *a, const void *b)
{
    const struct run_wait *x = a, *y = b;
    return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

/* A span that holds another comes first. */
static int compare_spans(const void *a, const void *b)
{
    const struct run_span *x = a, *y = b;
    if (x->start_ns != y->start_ns)
        return x->start_ns > y->start_ns ? 1 : -1;
    if (x->end_ns != y->end_ns)
        return x->end_ns < y->end_ns ? 1 : -1;
    return (x->id > y->id) - (x->id < y->id);
}

static int compare_samples(const void *a, const void *b)
{
    const struct run_sample *x = a, *y = b;
    return (x->time_ns > y->time_ns) - (x->time_ns < y->time_ns);
}

static int compare_edges(const void *a, const void *b)
{
    const struct run_edge *x = a, *y = b;
    return (x->to_ns > y->to_ns) - (x->to_ns < y->to_ns);
}

/* Rows mostly come in order. */
#define SORT(vec, compare)                                                                                   \
    do {                                                                                                     \
        if ((vec)->count && !sort_is_done((vec)->items, (vec)->count, sizeof *(vec)->items, (compare)))      \
            qsort((vec)->items, (vec)->count, sizeof *(vec)->items, (compare));                              \
    } while (0)

/* Of more spans that start at one instant, the rows of one may be counted twice. */
#define SAME_START_MAX 1000

/* Later rows of the same span replace earlier ones (an open span is written twice). */
static void drop_replaced_spans(struct run_track *track)
{
    size_t kept = 0;
    for (size_t i = 0; i < track->spans.count; i++) {
        struct run_span *span = &track->spans.items[i];
        bool replaced = false;
        for (size_t j = i + 1; j < track->spans.count && !replaced; j++) {
            if (track->spans.items[j].start_ns != span->start_ns || j - i > SAME_START_MAX)
                break;
            replaced = track->spans.items[j].id == span->id;
        }
        if (!replaced)
            track->spans.items[kept++] = *span;
    }
    track->spans.count = kept;
}

/* The rest of a wait whose first part a look from outside had told more of: what it polls. */
static bool polls_on(const struct run_wait *before, const struct run_wait *wait)
{
    bool is_vague = (wait->reason == WAIT_POLL || wait->reason == WAIT_UNKNOWN) && wait->peer == RUN_NONE;
    return is_vague && wait->waker_source == WAKER_EXACT && before->blocked_ns;
}

/* Two rows of one wait: the recorder cuts what is still open when it flushes, before it knows who will end it; and a
 * wait for one child goes on after a spurious wake-up. */
static bool continues(const struct run_wait *before, const struct run_wait *wait)
{
    uint64_t gap = wait->start_ns - before->end_ns;
    bool is_cut = gap == 0 && before->runnable_ns == 0 && before->waker == RUN_NONE;

    if (wait->count > 1 || before->count > 1)
        return false;
    if (wait->reason != before->reason)
        return is_cut && polls_on(before, wait);
    /* That it was ended from outside was recorded: it was whole. */
    if (before->waker_source == WAKER_EXACT && before->waker == RUN_NONE)
        return false;
    if (is_cut && (wait->peer == before->peer || before->peer == RUN_NONE || wait->peer == RUN_NONE))
        return true;
    if (wait->peer != before->peer || wait->waker != before->waker)
        return false;
    bool same_child = wait->reason == WAIT_CHILD && wait->peer != RUN_NONE && wait->waker == RUN_NONE;
    return (gap == 0 && before->runnable_ns == 0) || (same_child && gap < 200 * NS_PER_US);
}

/* Who waits for the lock of a Python interpreter looks after it every 5 ms, and for a moment for a mutex that guards it: all of
 * that is one wait, for who had it last. */
#define GIL_LOOK_NS  NS_PER_MS
#define GIL_GUARD_NS (50 * NS_PER_US)

static bool looks_again(const struct run *run, const struct run_wait *before, const struct run_wait *wait)
{
    bool is_ended = before->waker != RUN_NONE && before->waker_source == WAKER_EXACT;
    return wait->peer == before->peer && wait->peer != RUN_NONE && before->count == 1 && wait->count == 1 &&
           before->blocked_ns && wait->blocked_ns &&
           wait->start_ns - before->end_ns < (is_ended ? GIL_GUARD_NS : GIL_LOOK_NS) &&
           strcmp(run->peers.items[wait->peer].name, PEER_NAME_GIL) == 0;
}

static void look_extend(struct run_wait *before, const struct run_wait *wait)
{
    if (wait->waker != RUN_NONE) {
        before->waker = wait->waker;
        before->waker_source = wait->waker_source;
        before->waker_stack = wait->waker_stack;
    }
    before->end_ns = wait->end_ns;
    before->event_ns = wait->event_ns;
    before->runnable_ns = wait->runnable_ns;
    before->blocked_ns = wait->end_ns - before->start_ns - wait->runnable_ns;
}

/* The last row has what is only known at the end. */
static void wait_extend(struct run_wait *before, const struct run_wait *wait)
{
    uint64_t start_ns = before->start_ns;
    uint32_t peer = wait->peer == RUN_NONE ? before->peer : wait->peer;
    uint8_t reason = polls_on(before, wait) ? before->reason : wait->reason;

    *before = *wait;
    before->peer = peer;
    before->reason = reason;
    before->start_ns = start_ns;
    before->blocked_ns = wait->end_ns - start_ns - wait->runnable_ns;
}

/* Rows may overlap by a clock's rounding: the later wait begins where the earlier one ends. */
static void straighten_waits(const struct run *run, struct run_track *track)
{
    uint64_t at = track->start_ns;
    size_t kept = 0;
    for (size_t i = 0; i < track->waits.count; i++) {
        struct run_wait wait = track->waits.items[i];
        wait.start_ns = num_max(wait.start_ns, at);
        wait.end_ns = num_min(wait.end_ns, track->end_ns);
        if (wait.end_ns <= wait.start_ns)
            continue;
        uint64_t length = wait.end_ns - wait.start_ns;
        wait.runnable_ns = num_min(wait.runnable_ns, length);
        wait.blocked_ns =
            wait.count == 1 ? length - wait.runnable_ns : num_min(wait.blocked_ns, length - wait.runnable_ns);
        wait.event_ns = num_max(num_min(wait.event_ns, wait.end_ns - wait.runnable_ns), wait.start_ns);
        at = wait.end_ns;
        if (kept && continues(&track->waits.items[kept - 1], &wait)) {
            wait_extend(&track->waits.items[kept - 1], &wait);
            continue;
        }
        if (kept && (looks_again(run, &track->waits.items[kept - 1], &wait) ||
                     python_lock_goes_on(run, &track->waits.items[kept - 1], &wait))) {
            look_extend(&track->waits.items[kept - 1], &wait);
            continue;
        }
        track->waits.items[kept++] = wait;
    }
    track->waits.count = kept;
}

/* From a track up to its process; parents may go in a ring. */
#define PARENT_HOPS_MAX 64

static void settle_process(struct run *run, uint32_t index)
{
    struct run_track *track = &run->tracks.items[index];
    track->process = RUN_NONE;
    uint32_t at = index;
    for (size_t hops = 0; at != RUN_NONE && hops < PARENT_HOPS_MAX; hops++) {
        if (at >= run->tracks.count || !run->tracks.items[at].present)
            break;
        if (run->tracks.items[at].kind == TRACK_PROCESS) {
            track->process = at;
            break;
        }
        at = run->tracks.items[at].parent;
    }
}

/* A fork runs its parent's image until it executes its own: that time is the making of the new program. */
static void give_fork_to_program(struct run *run, struct run_track *process)
{
    if (process->kind != TRACK_PROCESS || process->parent == RUN_NONE)
        return;
    struct run_span *image = NULL, *next = NULL;
    for (size_t i = 0; i < process->spans.count && !next; i++) {
        struct run_span *span = &process->spans.items[i];
        if (!span->exec)
            continue;
        if (image)
            next = span;
        else
            image = span;
    }
    const struct run_track *parent = &run->tracks.items[process->parent];
    bool inherited = false;
    for (size_t i = 0; next && i < parent->spans.count; i++)
        inherited = inherited || (parent->spans.items[i].exec && parent->spans.items[i].name == image->name);
    if (!inherited)
        return;
    next->start_ns = image->start_ns;
    image->end_ns = image->start_ns; /* empty: counts nowhere */
}

static int settle_tracks(struct run *run, struct err *err)
{
    for (uint32_t i = 0; i < run->tracks.count; i++) {
        struct run_track *track = &run->tracks.items[i];
        if (!track->present)
            continue;
        if (track->parent != RUN_NONE && (track->parent >= run->tracks.count || track->parent == i))
            track->parent = RUN_NONE;
        track->open = track->end_ns == 0;
        if (track->open || track->end_ns < track->start_ns)
            track->end_ns = num_max(run->end_ns, track->start_ns);
        settle_process(run, i);
        track->actor = track->kind != TRACK_PROCESS && (track->kind == TRACK_THREAD || track->waits.count);
        for (size_t j = 0; j < track->spans.count; j++) {
            if (track->spans.items[j].end_ns == 0)
                track->spans.items[j].end_ns = track->end_ns;
        }
        SORT(&track->waits, compare_waits);
        SORT(&track->spans, compare_spans);
        SORT(&track->samples, compare_samples);
        drop_replaced_spans(track);
        straighten_waits(run, track);
    }
    int status = timed_waits_name(run, err);
    if (status)
        return status;
    for (uint32_t i = 0; i < run->tracks.count; i++) {
        struct run_track *track = &run->tracks.items[i];
        if (track->present)
            give_fork_to_program(run, track);
        if (!track->present || !track->actor)
            continue;
        if (track->process != RUN_NONE && vec_push(&run->tracks.items[track->process].actors, i))
            return err_memory(err);
    }
    return 0;
}

static int settle_waiters(struct run *run, struct err *err)
{
    for (uint32_t i = 0; i < run->tracks.count; i++) {
        struct run_track *track = &run->tracks.items[i];
        uint64_t waited = 0;
        uint64_t from = num_max(track->start_ns, run->start_ns), to = num_min(track->end_ns, run->end_ns);
        for (size_t j = 0; j < track->waits.count; j++) {
            const struct run_wait *wait = &track->waits.items[j];
            if (wait->start_ns >= from && wait->end_ns <= to)
                waited += wait->blocked_ns + wait->runnable_ns;
            else if (wait->end_ns > from && wait->start_ns < to)
                waited += num_min(wait->end_ns, to) - num_max(wait->start_ns, from);
            if (wait->peer == RUN_NONE)
                continue;
            struct run_peer *peer = &run->peers.items[wait->peer];
            if ((peer->waiters.count == 0 || peer->waiters.items[peer->waiters.count - 1] != i) &&
                vec_push(&peer->waiters, i))
                return err_memory(err);
        }
        track->run_ns = track->actor && to > from && to - from > waited ? to - from - waited : 0;
    }
    return 0;
}

/* Spawn edges name tracks; the actor is the thread itself, or the process's first one. */
static uint32_t actor_of(const struct run *run, uint32_t track)
{
    const struct run_track *at = &run->tracks.items[track];
    if (at->actor || at->kind != TRACK_PROCESS)
        return track;
    for (size_t i = 0; i < at->actors.count; i++) {
        if (run->tracks.items[at->actors.items[i]].tid == at->pid)
            return at->actors.items[i];
    }
    return at->actors.count ? at->actors.items[0] : RUN_NONE;
}

static bool is_asleep(const struct run *run, uint32_t actor, uint64_t t, const struct run_wait **ret_wait)
{
    const struct run_wait *wait = run_wait_at(&run->tracks.items[actor], t, NULL);
    *ret_wait = wait;
    return wait && wait->count == 1 && wait->blocked_ns && t <= wait->end_ns - wait->runnable_ns;
}

/* Nobody spawns while asleep: a child seen for the first time during its spawner's wait was made before it, or, when
 * the wait ends within the clocks' tolerance and not by the child itself, after it. */
static uint64_t awake_at(const struct run *run, uint32_t spawner, uint32_t child, uint64_t spawn_ns)
{
    const struct run_wait *wait;
    if (!is_asleep(run, spawner, spawn_ns, &wait))
        return spawn_ns;
    uint64_t to_end = wait->end_ns - spawn_ns, from_start = spawn_ns - wait->start_ns;
    bool is_blurred = wait->waker != child && to_end <= run_tolerance_ns(run);
    return is_blurred && to_end < from_start ? wait->end_ns : wait->start_ns;
}

/* How far the actor is from being awake at a moment: 0 when it is, UINT64_MAX when it does not live then. */
static uint64_t from_awake(const struct run *run, uint32_t actor, uint64_t t)
{
    const struct run_track *track = &run->tracks.items[actor];
    const struct run_wait *wait;
    if (track->start_ns >= t || track->end_ns < t)
        return UINT64_MAX;
    if (!is_asleep(run, actor, t, &wait))
        return 0;
    return num_min(t - wait->start_ns, wait->end_ns - t);
}

/* Threads of a process looked at for who made another. */
#define MAKER_MAX 256

/* Who made a thread is not seen from outside, so its process's main thread is taken for it: but where that one slept all along
 * (as Java's does), it was a thread that was awake. */
static uint32_t maker_of(const struct run *run, uint32_t from, uint32_t child, uint64_t spawn_ns)
{
    const struct run_track *track = &run->tracks.items[child];
    uint64_t nearest = from_awake(run, from, spawn_ns), tolerance = run_tolerance_ns(run);
    bool is_sibling = track->process != RUN_NONE && run->tracks.items[from].process == track->process;
    if (!is_sibling || nearest <= tolerance)
        return from;
    const struct run_track *process = &run->tracks.items[track->process];
    uint32_t maker = from;
    for (size_t i = 0; i < process->actors.count && i < MAKER_MAX; i++) {
        uint32_t actor = process->actors.items[i];
        uint64_t apart = from_awake(run, actor, spawn_ns);
        bool is_older = run->tracks.items[actor].start_ns < track->start_ns;
        if (actor != child && is_older && apart <= tolerance && apart < nearest) {
            nearest = apart;
            maker = actor;
        }
    }
    return maker;
}

static void set_spawner(struct run *run, uint32_t child, uint32_t from, uint64_t spawn_ns)
{
    struct run_track *track = &run->tracks.items[child];
    track->spawner = maker_of(run, from, child, spawn_ns);
    track->spawn_ns = awake_at(run, track->spawner, child, spawn_ns);
}

static void settle_spawn_edges(struct run *run, bool are_inferred)
{
    for (size_t i = 0; i < run->edges.count; i++) {
        const struct run_edge *edge = &run->edges.items[i];
        if (edge->kind != EDGE_SPAWN || (edge->source == EDGE_INFERRED) != are_inferred)
            continue;
        uint32_t from = actor_of(run, edge->from), to = actor_of(run, edge->to);
        if (from == RUN_NONE || to == RUN_NONE || from == to)
            continue;
        set_spawner(run, to, from, num_min(edge->from_ns, run->tracks.items[to].start_ns));
    }
}

static void settle_spawns(struct run *run)
{
    settle_spawn_edges(run, true); /* what was seen of the same actors later counts */
    settle_spawn_edges(run, false);
    for (uint32_t i = 0; i < run->tracks.count; i++) {
        struct run_track *track = &run->tracks.items[i];
        if (!track->actor || track->spawner != RUN_NONE || i == run->root || track->process == RUN_NONE)
            continue;
        /* Not recorded: the parent process's main thread, or for a thread its process's. */
        const struct run_track *process = &run->tracks.items[track->process];
        bool main_thread = track->tid == process->pid;
        uint32_t parent = main_thread ? process->parent : track->process;
        uint32_t from = parent == RUN_NONE ? RUN_NONE : actor_of(run, parent);
        if (from != RUN_NONE && from != i)
            set_spawner(run, i, from, track->start_ns);
    }
}

/* Nor does anybody wake others while asleep: where only the end of a wait is known (or of a row of several), and the one
 * who ended it slept by then, it had done so before. */
static void settle_wakers(struct run *run)
{
    for (uint32_t i = 0; i < run->tracks.count; i++) {
        struct run_track *track = &run->tracks.items[i];
        for (size_t j = 0; j < track->waits.count; j++) {
            struct run_wait *wait = &track->waits.items[j];
            if (wait->waker == RUN_NONE || wait->waker == i)
                continue;
            const struct run_wait *sleep = run_wait_at(&run->tracks.items[wait->waker], wait->event_ns, NULL);
            /* Its own end is a deed that it is awake for. */
            bool is_its_end = run->tracks.items[wait->waker].end_ns == wait->event_ns &&
                              run->tracks.items[wait->waker].kind != TRACK_THREAD;
            if (sleep && !is_its_end && sleep->count == 1 && sleep->blocked_ns &&
                sleep->start_ns > wait->start_ns && sleep->start_ns < wait->event_ns)
                wait->event_ns = sleep->start_ns;
        }
    }
}

static int settle_root(struct run *run, uint64_t root_id, struct err *err)
{
    uint32_t root = RUN_NONE;
    if (root_id && root_id <= run->tracks.count && run->tracks.items[root_id - 1].present)
        root = (uint32_t)(root_id - 1);
    for (uint32_t i = 0; root == RUN_NONE && i < run->tracks.count; i++) {
        if (run->tracks.items[i].present && run->tracks.items[i].parent == RUN_NONE)
            root = i;
    }
    run->root = root == RUN_NONE ? RUN_NONE : actor_of(run, root);
    if (run->root == RUN_NONE)
        return err_set(err, ERR_INPUT, "could not load recording: it holds no thread of the main command");
    return 0;
}

#define ON_THE_WAY (RUN_NONE - 1) /* a depth that is being found: who meets it has gone in a circle */

/* Gives a stack its depth, and those of its parents that have none yet. */
static void settle_stack(struct run_stack *stacks, size_t count, size_t index)
{
    uint32_t chain[RUN_STACK_DEPTH_MAX], length = 0;
    uint32_t at = (uint32_t)index;
    while (at < count && stacks[at].depth == RUN_NONE && length < RUN_STACK_DEPTH_MAX) {
        chain[length++] = at;
        stacks[at].depth = ON_THE_WAY;
        at = stacks[at].parent;
    }
    uint32_t depth = at < count && stacks[at].depth < RUN_STACK_DEPTH_MAX ? stacks[at].depth + 1 : 0;
    while (length--) {
        struct run_stack *stack = &stacks[chain[length]];
        stack->depth = depth < RUN_STACK_DEPTH_MAX ? depth : 0;
        if (stack->depth == 0)
            stack->parent = RUN_NONE;
        depth = stack->depth + 1;
    }
}

/* Parents may come later: what is inlined gets its ids when it is known. Afterwards walking up always ends. */
static void settle_stacks(struct run *run)
{
    struct run_stack *stacks = run->stacks.items;
    for (size_t i = 0; i < run->stacks.count; i++) {
        if (stacks[i].depth == 0) /* not written: a hole is all zero */
            stacks[i].parent = RUN_NONE;
        else if (stacks[i].depth == RUN_NONE)
            settle_stack(stacks, run->stacks.count, i);
    }
}

/* From where to where the run is looked at. */
static int settle_window(struct run *run, uint64_t last_ns, struct err *err)
{
    uint64_t start = meta_u64(run->view, META_START, 0), end = meta_u64(run->view, META_END, last_ns);
    for (size_t i = 0; i < run->tracks.count; i++) {
        const struct run_track *track = &run->tracks.items[i];
        if (!track->present)
            continue;
        if (start == 0 || (track->start_ns && track->start_ns < start && !view_meta(run->view, META_START)))
            start = track->start_ns;
        if (!view_meta(run->view, META_END))
            end = num_max(end, num_max(track->end_ns, track->start_ns));
    }
    if (end <= start)
        return err_set(err, ERR_INPUT, "could not load recording: its end is not after its start");
    run->start_ns = start;
    run->end_ns = end;
    uint64_t cpu_count = meta_u64(run->view, META_CPU_COUNT, 0);
    run->cpu_count = (uint32_t)num_max(num_min(cpu_count, 65536), 1);
    run->knows_cpu_count = cpu_count != 0;
    run->boundary_error_ns = meta_u64(run->view, META_WAIT_BOUNDARY_ERROR, 0);
    return 0;
}

int settle_run(struct run *run, uint64_t last_ns, struct err *err)
{
    settle_stacks(run);
    int status = settle_window(run, last_ns, err);
    if (!status)
        status = lend_spans(run, err);
    if (!status)
        status = python_lock_name(run, err);
    if (!status)
        status = settle_tracks(run, err);
    if (!status)
        status = settle_root(run, meta_u64(run->view, META_ROOT_TRACK, 0), err);
    if (!status)
        status = settle_waiters(run, err);
    if (status)
        return status;
    SORT(&run->edges, compare_edges);
    settle_spawns(run);
    settle_wakers(run);
    helper_threads_mark(run);
    status = exchange_load(run, err);
    return status ? status : stage_pieces(run, err);
}

int settle_samples(struct run *run, uint64_t last_ns, struct err *err)
{
    settle_stacks(run);
    int status = settle_window(run, last_ns, err);
    return status ? status : settle_tracks(run, err);
}
