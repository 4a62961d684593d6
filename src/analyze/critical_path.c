/* SPDX-License-Identifier: Apache-2.0 */
#include "analyze/critical_path.h"

#include "analyze/infer.h"
#include "base/num.h"

/* Jumps between actors without going back in time: more is a knot of wrong inferences. */
#define JUMP_MAX 64
/* Who held the CPU is looked up for queueing longer than this. */
#define HOLDER_MIN_NS 50000u

struct walker {
    const struct run *run;
    const struct spins *spins; /* NULL: spinning is running */
    struct path *path;
    uint32_t actor;
    uint64_t t;
    unsigned jumps;
    int status;
    uint32_t helped; /* who waited for a runtime's own thread, since when; RUN_NONE */
    uint64_t helped_ns;
};

static uint32_t holder_at(const struct walker *walker, uint64_t t)
{
    const struct run *run = walker->run;
    uint32_t found = RUN_NONE;
    uint64_t longest = 0;
    for (uint32_t i = 0; i < run->tracks.count; i++) {
        const struct run_track *track = &run->tracks.items[i];
        if (!track->actor || i == walker->actor || track->start_ns >= t || track->end_ns < t)
            continue;
        uint64_t since;
        if (run_wait_at(track, t, &since))
            continue;
        if (found == RUN_NONE || t - since > longest) {
            found = i;
            longest = t - since;
        }
    }
    return found;
}

/* Charges [from, walker->t) and goes there. */
static void charge_to(struct walker *walker, uint64_t from, uint32_t actor, int doing, uint32_t peer)
{
    from = num_max(from, walker->run->start_ns);
    if (from >= walker->t)
        return;
    uint32_t holder = RUN_NONE;
    if (doing == WAIT_CPU_QUEUE && walker->t - from >= HOLDER_MIN_NS)
        holder = holder_at(walker, from + (walker->t - from) / 2);
    struct path_step step = {.start_ns = from,
                             .end_ns = walker->t,
                             .actor = actor,
                             .peer = peer,
                             .holder = holder,
                             .doing = doing};
    if (vec_push(&walker->path->steps, step))
        walker->status = -1;
    walker->t = from;
    walker->jumps = 0;
}

static void charge(struct walker *walker, uint64_t from, int doing, uint32_t peer)
{
    charge_to(walker, from, walker->actor, doing, peer);
}

static void note_via(struct walker *walker, const struct run_wait *wait, uint64_t until)
{
    uint64_t from = num_max(wait->start_ns, walker->run->start_ns);
    struct path_via via = {.start_ns = from,
                           .end_ns = until,
                           .actor = walker->actor,
                           .waker = wait->waker,
                           .peer = wait->peer,
                           .waker_stack = wait->waker_stack,
                           .reason = wait->reason};
    if (until > from && vec_push(&walker->path->vias, via))
        walker->status = -1;
}

/* A row that stands for many equal waits: its running, queueing and blocked parts in proportion. */
static void split_row(struct walker *walker, const struct run_wait *wait)
{
    uint64_t length = walker->t - wait->start_ns;
    double share = num_ratio(length, wait->end_ns - wait->start_ns);
    uint64_t blocked = num_min(num_u64(share * (double)wait->blocked_ns), length);
    uint64_t queued = num_min(num_u64(share * (double)wait->runnable_ns), length - blocked);
    uint64_t start = wait->start_ns;
    charge(walker, start + blocked + queued, DOING_CPU, RUN_NONE);
    charge(walker, start + blocked, WAIT_CPU_QUEUE, RUN_NONE);
    if (wait->waker == RUN_NONE) {
        charge(walker, start, wait->reason, wait->peer);
        return;
    }
    note_via(walker, wait, walker->t);
    charge_to(walker, start, wait->waker, DOING_CPU, RUN_NONE);
}

/* What a runtime's own thread slept before anybody waited for it (until it is time to look after the others) held nobody up: back to who
 * waited. */
static bool step_to_helped(struct walker *walker, const struct run_wait *wait)
{
    bool is_timed = wait->waker == RUN_NONE && wait->blocked_ns && wait->count == 1 &&
                    (wait->reason == WAIT_SLEEP || wait->waker_source == WAKER_INTERRUPT);
    if (walker->helped == RUN_NONE || !walker->run->tracks.items[walker->actor].is_helper || !is_timed ||
        wait->start_ns >= walker->helped_ns || walker->jumps >= JUMP_MAX)
        return false;
    charge(walker, num_min(walker->helped_ns, walker->t), wait->reason, wait->peer);
    walker->actor = walker->helped;
    walker->helped = RUN_NONE;
    walker->jumps++;
    return true;
}

static void helped_note(struct walker *walker, const struct run_wait *wait)
{
    const struct run_track *tracks = walker->run->tracks.items;
    if (!tracks[wait->waker].is_helper) {
        walker->helped = RUN_NONE;
    } else if (!tracks[walker->actor].is_helper) {
        walker->helped = walker->actor;
        walker->helped_ns = wait->start_ns;
    }
}

static void step_over_wait(struct walker *walker, const struct run_wait *wait)
{
    if (step_to_helped(walker, wait))
        return;
    if (wait->count > 1) {
        split_row(walker, wait);
        return;
    }
    uint64_t queue_start = wait->end_ns - wait->runnable_ns;
    if (walker->t > queue_start) {
        charge(walker, num_max(queue_start, wait->start_ns), WAIT_CPU_QUEUE, RUN_NONE);
        return;
    }
    /* A walk that comes into a wait long before its event (by a spawn inside it) cannot go on at the waker. */
    bool known = wait->waker != RUN_NONE && wait->waker != walker->actor &&
                 wait->event_ns <= walker->t + run_tolerance_ns(walker->run);
    if (!known || wait->event_ns < walker->run->start_ns || walker->jumps >= JUMP_MAX || wait->poll_series) {
        charge(walker, wait->start_ns, wait->reason, wait->peer);
        return;
    }
    /* What the wait lasted beyond the waker's deed is the waiter's own (a poller's useless sleep). */
    charge(walker, num_max(wait->event_ns, wait->start_ns), wait->reason, wait->peer);
    note_via(walker, wait, walker->t);
    helped_note(walker, wait);
    walker->actor = wait->waker;
    walker->jumps++;
}

/* At the start of an actor: on to who spawned it. */
static void step_to_spawner(struct walker *walker)
{
    const struct run_track *track = &walker->run->tracks.items[walker->actor];
    /* Where a knot of waits brought the walk to an actor's beginning, its maker leads out of it. */
    if (track->spawner == RUN_NONE || walker->jumps >= 2 * JUMP_MAX) {
        walker->actor = RUN_NONE;
        charge(walker, walker->run->start_ns, WAIT_UNKNOWN, RUN_NONE);
        return;
    }
    walker->actor = track->spawner;
    walker->jumps++;
    uint64_t spawned = num_min(track->spawn_ns, walker->t);
    charge(walker, spawned, DOING_CPU, RUN_NONE);
}

/* Running back to `since`, or to where it spun for another, and then on at that one. */
static void step_over_running(struct walker *walker, uint64_t since)
{
    const struct spin *spin = walker->spins ? spin_before(walker->spins, walker->actor, walker->t) : NULL;
    if (!spin || spin->waker == RUN_NONE || spin->end_ns <= since) {
        charge(walker, since, DOING_CPU, RUN_NONE);
        return;
    }
    if (spin->end_ns < walker->t) {
        charge(walker, num_max(since, spin->end_ns), DOING_CPU, RUN_NONE);
        return;
    }
    since = num_max(since, spin->start_ns);
    /* The deed may have been done before it got its CPU back. */
    if (spin->event_ns <= since || spin->event_ns > walker->t || walker->jumps >= JUMP_MAX) {
        charge(walker, since, DOING_CPU, RUN_NONE);
        return;
    }
    charge(walker, spin->event_ns, DOING_CPU, RUN_NONE);
    struct run_wait wait = {.start_ns = spin->start_ns,
                            .waker = spin->waker,
                            .peer = RUN_NONE,
                            .waker_stack = RUN_NONE,
                            .reason = WAIT_POLL};
    note_via(walker, &wait, walker->t);
    walker->actor = spin->waker;
    walker->jumps++;
}

static void walk(struct walker *walker)
{
    while (!walker->status && walker->t > walker->run->start_ns) {
        const struct run_track *track = &walker->run->tracks.items[walker->actor];
        if (walker->t > track->end_ns) {
            /* The actor had ended: the gap is its parent's or the kernel's work of ending it. */
            charge(walker, num_max(track->end_ns, walker->run->start_ns), DOING_CPU, RUN_NONE);
            continue;
        }
        if (walker->t <= track->start_ns) {
            step_to_spawner(walker);
            continue;
        }
        uint64_t since;
        const struct run_wait *wait = run_wait_at(track, walker->t, &since);
        if (wait)
            step_over_wait(walker, wait);
        else
            step_over_running(walker, num_max(since, track->start_ns));
    }
}

static void reverse(struct path *path)
{
    for (size_t i = 0, j = path->steps.count; i + 1 < j; i++) {
        struct path_step swap = path->steps.items[i];
        path->steps.items[i] = path->steps.items[--j];
        path->steps.items[j] = swap;
    }
}

/* The thread that ended the root process; of one that went on, the thread that was running last. */
static uint32_t last_actor(const struct run *run)
{
    uint32_t process = run->tracks.items[run->root].process;
    if (process != RUN_NONE && !run->tracks.items[process].open) {
        uint32_t ender = infer_ender(run, process);
        return ender == RUN_NONE ? run->root : ender;
    }
    const struct run_wait *wait = run_wait_at(&run->tracks.items[run->root], run->end_ns, NULL);
    if (process == RUN_NONE || !wait || wait->end_ns < run->end_ns)
        return run->root;
    uint32_t best = run->root;
    uint64_t ran_last = wait->start_ns;
    for (size_t i = 0; i < run->tracks.items[process].actors.count; i++) {
        uint32_t index = run->tracks.items[process].actors.items[i];
        const struct run_track *track = &run->tracks.items[index];
        uint64_t before;
        const struct run_wait *its = run_wait_at(track, run->end_ns, &before);
        uint64_t ran = num_min(its ? its->start_ns : run->end_ns, track->end_ns);
        if (ran > ran_last && track->end_ns + 1000000 >= run->end_ns) {
            best = index;
            ran_last = ran;
        }
    }
    return best;
}

int path_walk(const struct run *run, struct path *ret_path, struct err *err)
{
    return path_walk_spins(run, NULL, ret_path, err);
}

int path_walk_spins(const struct run *run, const struct spins *spins, struct path *ret_path, struct err *err)
{
    struct path path = {0};
    struct walker walker = {.run = run,
                            .spins = spins,
                            .path = &path,
                            .actor = last_actor(run),
                            .t = run->end_ns,
                            .helped = RUN_NONE};
    walk(&walker);
    if (walker.status) {
        path_deinit(&path);
        return err_memory(err);
    }
    reverse(&path);
    *ret_path = path;
    return 0;
}

void path_deinit(struct path *path)
{
    vec_free(&path->steps);
    vec_free(&path->vias);
}

static uint64_t via_key(const struct run *run, const struct path_via *via)
{
    if (via->peer != RUN_NONE && via->reason != WAIT_CHILD)
        return (uint64_t)via->peer << 8 | via->reason;
    return (1ull << 60) | (uint64_t)run->tracks.items[via->waker].process << 8 | via->reason;
}

struct keyed_via {
    uint64_t key;
    struct path_via via;
};

static int compare_vias(const void *a, const void *b)
{
    const struct keyed_via *x = a, *y = b;
    if (x->key != y->key)
        return x->key > y->key ? 1 : -1;
    return (x->via.start_ns > y->via.start_ns) - (x->via.start_ns < y->via.start_ns);
}

void path_merge_vias(const struct run *run, struct path *path)
{
    struct keyed_via *keyed = path->vias.count ? malloc(path->vias.count * sizeof *keyed) : NULL;
    if (!keyed)
        return;
    for (size_t i = 0; i < path->vias.count; i++)
        keyed[i] = (struct keyed_via){.key = via_key(run, &path->vias.items[i]), .via = path->vias.items[i]};
    qsort(keyed, path->vias.count, sizeof *keyed, compare_vias);
    size_t kept = 0;
    uint64_t covered = 0;
    for (size_t i = 0; i < path->vias.count; i++) {
        struct path_via via = keyed[i].via;
        if (i == 0 || keyed[i].key != keyed[i - 1].key)
            covered = 0;
        via.start_ns = num_max(via.start_ns, covered);
        covered = num_max(covered, via.end_ns);
        if (via.end_ns > via.start_ns)
            path->vias.items[kept++] = via;
    }
    path->vias.count = kept;
    free(keyed);
}
