/* SPDX-License-Identifier: Apache-2.0 */
#include "analyze/infer.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/search.h"
#include "model/meta.h"

/* Candidates looked at for one wait; a pool larger than this is sampled from its front. */
#define CANDIDATE_MAX 256
#define SERIES_MIN    3
/* Of moments that were recorded exactly, on several CPUs. */
#define CLOCK_ERROR_NS 20000u

struct infer {
    struct run *run;
    uint64_t tolerance_ns;
    bool wakes_are_told;      /* by the recorder, of some waits at least */
    VEC(uint32_t) * children; /* per track: its child processes, by their end */
    VEC(uint32_t) ended;      /* actors that ended, by their end */
    uint32_t *woke_in;        /* per track: the last series of which it ended a wait, 0 */
    struct {
        uint32_t number;
        bool has_children;   /* in it, children are waited for */
    } series;                /* of polling, which is being looked at, as far as it was */
    uint32_t *reaper;        /* per track: the actor whose wait its end has ended, RUN_NONE */
    bool *is_outside;        /* per peer: a server listens there that is none of the run's processes */
    uint32_t *sole_process;  /* per peer: the process of all that ever waited on it, RUN_NONE for several */
    struct map socket_peers; /* hash of "local remote" to peer index */
};

static uint64_t wait_event(const struct run_wait *wait)
{
    return wait->end_ns - wait->runnable_ns;
}

/* How long before (or, within the tolerance, after) the wait was ended the actor last ran; UINT64_MAX when it did not live then.
 * *ret_event is the moment to go on at. */
static uint64_t distance_to_running(const struct infer *infer, uint32_t actor, const struct run_wait *ended,
                                    uint64_t *ret_event)
{
    uint64_t t = wait_event(ended);
    const struct run_track *track = &infer->run->tracks.items[actor];
    if (track->start_ns >= t)
        return UINT64_MAX;
    if (track->end_ns < t) {
        *ret_event = track->end_ns;
        return t - track->end_ns;
    }
    const struct run_wait *wait = run_wait_at(track, t, NULL);
    *ret_event = t;
    bool is_exact = infer->run->boundary_error_ns == 0;
    if (!wait || (!is_exact && (wait->blocked_ns == 0 || t > wait_event(wait))))
        return 0;
    uint64_t away = wait->blocked_ns + wait->runnable_ns;
    if (wait->count > 1) /* when exactly it ran is not told: on average */
        return num_u64(num_ratio(away, wait->end_ns - wait->start_ns) * (double)away /
                       (4.0 * (double)wait->count));
    uint64_t ahead = wait->end_ns - t, behind = t - wait->start_ns;
    /* Who sleeps or queues for a CPU wakes nobody; where boundaries are not exact it may have been awake by then. */
    uint64_t early = is_exact ? CLOCK_ERROR_NS : infer->tolerance_ns;
    /* Where wake-ups are not told, how long the waiter queued is a guess: who was awake before it ran may have woken it. */
    if (is_exact && !infer->wakes_are_told)
        early = num_max(early, num_min(ended->end_ns - t, infer->tolerance_ns));
    if (ahead <= early && ahead < behind)
        return ahead;
    *ret_event = wait->start_ns;
    return behind;
}

static void set_waker(struct run_wait *wait, uint32_t actor, uint64_t event_ns)
{
    wait->waker = actor;
    wait->event_ns = num_max(num_min(event_ns, wait_event(wait)), wait->start_ns);
    wait->waker_source = WAKER_INFERRED;
}

struct choice {
    uint32_t actor;
    uint64_t distance_ns;
    uint64_t event_ns;
};

static bool sleeps_at(const struct infer *infer, uint32_t actor, uint64_t t)
{
    const struct run_wait *wait = run_wait_at(&infer->run->tracks.items[actor], t, NULL);
    return wait && wait->reason == WAIT_SLEEP;
}

static void consider(const struct infer *infer, const struct run_wait *wait, uint32_t actor,
                     struct choice *best)
{
    uint64_t event = 0;
    uint64_t distance = distance_to_running(infer, actor, wait, &event);
    if (distance == UINT64_MAX || event + infer->tolerance_ns < wait->start_ns)
        return;
    /* Who is asleep for a while then, as a runtime's watcher of its threads is every few milliseconds, is the last to be thought of. */
    if (distance && sleeps_at(infer, actor, wait_event(wait)))
        distance += infer->tolerance_ns;
    if (best->actor == RUN_NONE || distance < best->distance_ns)
        *best = (struct choice){.actor = actor, .distance_ns = distance, .event_ns = event};
}

/* Nobody is nearer. */
static bool is_best(const struct choice *best)
{
    return best->actor != RUN_NONE && !best->distance_ns;
}

static void consider_process(const struct infer *infer, const struct run_wait *wait, uint32_t process,
                             uint32_t self, struct choice *best)
{
    const struct run_track *track = &infer->run->tracks.items[process];
    for (size_t i = 0; i < track->actors.count && i < CANDIDATE_MAX && !is_best(best); i++) {
        if (track->actors.items[i] != self)
            consider(infer, wait, track->actors.items[i], best);
    }
}

static bool take(struct run_wait *wait, const struct choice *best)
{
    if (best->actor == RUN_NONE)
        return false;
    set_waker(wait, best->actor, best->event_ns);
    return true;
}

/* --- child: a process that exits, or a thread that is joined --- */

/* The last moment at which a child's end may have ended the wait: the queueing at its end is not known well. */
static uint64_t last_end(const struct infer *infer, const struct run_wait *wait)
{
    return num_max(wait_event(wait) + infer->tolerance_ns, wait->end_ns);
}

/* Near enough that its end may have ended the wait. */
static bool ends_within(const struct infer *infer, const struct run_track *track, const struct run_wait *wait)
{
    return !track->open && track->start_ns < wait_event(wait) &&
           track->end_ns + infer->tolerance_ns >= wait->start_ns && track->end_ns <= last_end(infer, wait);
}

static uint64_t apart(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* Of two ends the nearer to the wait's own; on exact clocks an end behind the wait is no reason. */
static bool ends_nearer(const struct infer *infer, const struct run_track *a, const struct run_track *b,
                        const struct run_wait *wait)
{
    uint64_t event = wait_event(wait), last = num_max(event + infer->run->boundary_error_ns, wait->end_ns);
    bool a_late = a->end_ns > last, b_late = b->end_ns > last;
    if (a_late != b_late)
        return b_late;
    return apart(a->end_ns, event) < apart(b->end_ns, event);
}

static bool infer_thread(struct infer *infer, struct run_wait *wait, uint32_t self)
{
    const struct run_track *track = &infer->run->tracks.items[self];
    uint64_t tid;
    if (wait->peer == RUN_NONE || track->process == RUN_NONE ||
        num_parse_u64(infer->run->peers.items[wait->peer].address, &tid))
        return false;
    const struct run_track *process = &infer->run->tracks.items[track->process];
    for (size_t i = 0; i < process->actors.count; i++) {
        uint32_t index = process->actors.items[i];
        const struct run_track *other = &infer->run->tracks.items[index];
        /* The wait names the thread, so its end may be seen late (a look at /proc after it). */
        bool ended = !other->open && other->end_ns + infer->tolerance_ns >= wait->start_ns &&
                     other->end_ns <= wait_event(wait) + 10 * infer->tolerance_ns;
        if (index != self && other->tid == tid && ended) {
            set_waker(wait, index, other->end_ns);
            return true;
        }
    }
    return false;
}

/* A shell waits until a child's exec, and shortly after for its end: an end inside the second wait and nearer to the
 * end of that one is no end of the first. */
static bool ends_a_later_wait(const struct infer *infer, const struct run_track *child,
                              const struct run_wait *wait, uint32_t self)
{
    uint64_t event = wait_event(wait), end = child->end_ns;
    if (end <= event + infer->run->boundary_error_ns)
        return false;
    const struct run_wait *other = run_wait_at(&infer->run->tracks.items[self], end, NULL);
    return other && other != wait && other->reason == WAIT_CHILD && other->blocked_ns &&
           apart(end, wait_event(other)) < apart(end, event);
}

/* The first child that ends late enough to have ended the wait. */
static size_t first_ending(const struct infer *infer, uint32_t process, const struct run_wait *wait)
{
    const struct run_track *tracks = infer->run->tracks.items;
    const uint32_t *children = infer->children[process].items;
    return search_first(i, infer->children[process].count,
                        tracks[children[i]].end_ns + infer->tolerance_ns >= wait->start_ns);
}

/* Who is killed in its sleep runs for some ten microseconds more; the last of them for as long as it takes to free the memory, which was
 * measured to be 0.1 ns a byte. */
#define KILLED_NS          (100 * NS_PER_US)
#define FREED_BYTES_PER_NS 10

/* How a thread's life ended: awake, or killed in its last wait. */
struct ending {
    uint64_t awake_ns;  /* since when it had been awake when it ended */
    uint64_t worked_ns; /* when it last did something of its own */
    bool is_awake;
};

static struct ending ending_of(const struct run_track *track, uint64_t killed_ns)
{
    struct ending ending = {.awake_ns = track->start_ns, .worked_ns = track->end_ns, .is_awake = true};
    for (size_t i = track->waits.count; i-- > 0;) {
        const struct run_wait *wait = &track->waits.items[i];
        if (!wait->blocked_ns)
            continue;
        ending.awake_ns = wait->end_ns;
        ending.is_awake = wait->end_ns + killed_ns < track->end_ns;
        ending.worked_ns = ending.is_awake ? track->end_ns : wait->start_ns;
        break;
    }
    return ending;
}

uint32_t infer_ender(const struct run *run, uint32_t process)
{
    const struct run_track *all = &run->tracks.items[process];
    size_t count = num_min(all->actors.count, CANDIDATE_MAX);
    uint32_t ender = RUN_NONE;
    uint64_t worked_last = 0, earliest = UINT64_MAX;
    uint64_t killed_ns = KILLED_NS + all->rss_bytes_max / FREED_BYTES_PER_NS;
    for (size_t i = 0; i < count; i++)
        worked_last =
            num_max(worked_last, ending_of(&run->tracks.items[all->actors.items[i]], killed_ns).worked_ns);
    for (size_t i = 0; i < count; i++) {
        uint32_t actor = all->actors.items[i];
        const struct run_track *track = &run->tracks.items[actor];
        struct ending ending = ending_of(track, killed_ns);
        if (track->end_ns + run_tolerance_ns(run) < worked_last)
            continue;
        if (track->tid == all->pid && ending.is_awake)
            return actor;
        if (ending.awake_ns < earliest) {
            ender = actor;
            earliest = ending.awake_ns;
        }
    }
    return ender;
}

static bool infer_child(struct infer *infer, struct run_wait *wait, uint32_t self)
{
    if (infer_thread(infer, wait, self))
        return true;
    const struct run_track *track = &infer->run->tracks.items[self];
    if (track->process == RUN_NONE)
        return false;
    uint64_t wanted = 0;
    if (wait->peer != RUN_NONE && num_parse_u64(infer->run->peers.items[wait->peer].address, &wanted))
        wanted = 0;
    uint32_t found = RUN_NONE;
    for (size_t i = first_ending(infer, track->process, wait); i < infer->children[track->process].count;
         i++) {
        uint32_t index = infer->children[track->process].items[i];
        const struct run_track *child = &infer->run->tracks.items[index];
        if (child->end_ns > last_end(infer, wait))
            break;
        /* An end ends one wait: what its waiter waits for next is something else. */
        if (!ends_within(infer, child, wait) || (wanted && child->pid != wanted) ||
            infer->reaper[index] == self || ends_a_later_wait(infer, child, wait, self))
            continue;
        if (found == RUN_NONE || ends_nearer(infer, child, &infer->run->tracks.items[found], wait))
            found = index;
    }
    if (found == RUN_NONE)
        return false;
    uint32_t ender = infer_ender(infer->run, found);
    if (ender == RUN_NONE || ender == self)
        return false;
    set_waker(wait, ender, infer->run->tracks.items[found].end_ns);
    infer->reaper[found] = self;
    return true;
}

/* --- pipes and sockets: the other end --- */

static bool holds(const struct run_peer *peer, bool write, uint32_t process)
{
    const uint32_t *items = write ? peer->writers.items : peer->readers.items;
    size_t count = write ? peer->writers.count : peer->readers.count;
    for (size_t i = 0; i < count; i++) {
        if (items[i] == process)
            return true;
    }
    return false;
}

static uint32_t process_of(const struct infer *infer, uint32_t track)
{
    return infer->run->tracks.items[track].process;
}

/* A shell holds the pipes of its children open while it waits for them: it is not the other end. */
static bool is_ancestor(const struct infer *infer, uint32_t process, uint32_t of)
{
    uint32_t at = of;
    for (size_t hops = 0; at != RUN_NONE && hops < CANDIDATE_MAX; hops++) {
        at = infer->run->tracks.items[at].parent;
        if (at == process)
            return true;
    }
    return false;
}

static bool infer_pipe(struct infer *infer, struct run_wait *wait, uint32_t self)
{
    if (wait->peer == RUN_NONE)
        return false;
    const struct run_peer *peer = &infer->run->peers.items[wait->peer];
    uint32_t own = process_of(infer, self);
    bool reads = holds(peer, false, own), writes = holds(peer, true, own);
    struct choice best = {.actor = RUN_NONE}, ancestor = {.actor = RUN_NONE};
    for (int write = 0; write < 2; write++) {
        if ((write == 0 && reads && !writes) || (write == 1 && writes && !reads))
            continue;
        const uint32_t *items = write ? peer->writers.items : peer->readers.items;
        size_t count = write ? peer->writers.count : peer->readers.count;
        for (size_t i = 0; i < count && i < CANDIDATE_MAX; i++) {
            uint32_t process = process_of(infer, items[i]);
            if (process != RUN_NONE && process != own)
                consider_process(infer, wait, process, self,
                                 is_ancestor(infer, process, own) ? &ancestor : &best);
        }
    }
    uint32_t sole = infer->sole_process[wait->peer];
    bool has_others = sole == RUN_NONE || sole != own;
    for (size_t i = 0; has_others && best.actor == RUN_NONE && i < peer->waiters.count && i < CANDIDATE_MAX;
         i++) {
        if (process_of(infer, peer->waiters.items[i]) != own)
            consider(infer, wait, peer->waiters.items[i], &best);
    }
    return take(wait, &best) || take(wait, &ancestor);
}

/* Another process has one end alone: data go from it, or to it. */
static bool carries_data(const struct infer *infer, const struct run_peer *peer, uint32_t own)
{
    for (int write = 0; write < 2; write++) {
        const uint32_t *items = write ? peer->writers.items : peer->readers.items;
        size_t count = write ? peer->writers.count : peer->readers.count;
        for (size_t i = 0; i < count && i < CANDIDATE_MAX; i++) {
            uint32_t process = process_of(infer, items[i]);
            if (process != own && !is_ancestor(infer, process, own) && !holds(peer, !write, process))
                return true;
        }
    }
    return false;
}

/* A pipe that a process holds both ends of carries tokens, as between make and its jobs: what it waits for there is
 * the end of a child. */
static bool infer_tokens(struct infer *infer, struct run_wait *wait, uint32_t self)
{
    if (wait->peer == RUN_NONE)
        return false;
    const struct run_peer *peer = &infer->run->peers.items[wait->peer];
    uint32_t own = process_of(infer, self);
    if (!holds(peer, false, own) || !holds(peer, true, own) || carries_data(infer, peer, own) ||
        !infer_child(infer, wait, self))
        return false;
    wait->reason = WAIT_CHILD;
    wait->peer = RUN_NONE;
    return true;
}

/* A pipe that nobody else has one end of alone: a thread of the same process wrote, to wake this one up (as event loops are). It may
 * have been a while ago: how long this one queued for a CPU is not always known. */
static bool infer_own_pipe(struct infer *infer, struct run_wait *wait, uint32_t self)
{
    if (wait->peer == RUN_NONE || process_of(infer, self) == RUN_NONE)
        return false;
    const struct run_peer *peer = &infer->run->peers.items[wait->peer];
    uint32_t own = process_of(infer, self);
    struct choice best = {.actor = RUN_NONE};
    if (!holds(peer, false, own) || !holds(peer, true, own) || carries_data(infer, peer, own))
        return false;
    consider_process(infer, wait, own, self, &best);
    return take(wait, &best);
}

/* Of several pipes waited for together it is not told which one ended the wait: a thread of the same process that ran then
 * (which may tell it of something else), or a child. */
static bool infer_pipes(struct infer *infer, struct run_wait *wait, uint32_t self)
{
    struct choice best = {.actor = RUN_NONE};
    uint32_t own = process_of(infer, self);
    if (wait->peer != RUN_NONE || own == RUN_NONE)
        return false;
    consider_process(infer, wait, own, self, &best);
    size_t first = first_ending(infer, own, wait);
    for (size_t i = first; i < infer->children[own].count && i - first < CANDIDATE_MAX; i++)
        consider_process(infer, wait, infer->children[own].items[i], self, &best);
    return best.actor != RUN_NONE && best.distance_ns <= infer->tolerance_ns && take(wait, &best);
}

static uint64_t ends_key(const char *local, const char *remote)
{
    return map_hash_bytes(local, strlen(local)) * 3 + map_hash_bytes(remote, strlen(remote));
}

static bool infer_socket(struct infer *infer, struct run_wait *wait, uint32_t self)
{
    if (wait->peer == RUN_NONE)
        return false;
    const struct run_peer *peer = &infer->run->peers.items[wait->peer];
    if (!peer->path[0] || !peer->address[0])
        return false;
    const uint64_t *other = map_get(&infer->socket_peers, ends_key(peer->address, peer->path));
    if (!other)
        return false;
    struct choice best = {.actor = RUN_NONE};
    const struct run_peer *far = &infer->run->peers.items[*other];
    for (size_t i = 0; i < far->waiters.count && i < CANDIDATE_MAX; i++) {
        if (far->waiters.items[i] != self)
            consider_process(infer, wait, process_of(infer, far->waiters.items[i]), self, &best);
    }
    return take(wait, &best);
}

/* --- locks: who used it and did not wait for it --- */

/* When the actor last got the lock before t, as far as it had to wait for it; 0 when it never had. */
static uint64_t last_acquired(const struct infer *infer, uint32_t actor, uint32_t lock, uint64_t t)
{
    const struct run_track *track = &infer->run->tracks.items[actor];
    size_t at = run_waits_before(track, t);
    for (size_t looked = 0; at-- > 0 && looked < CANDIDATE_MAX; looked++) {
        if (track->waits.items[at].peer == lock && track->waits.items[at].end_ns <= t)
            return track->waits.items[at].end_ns;
    }
    return 0;
}

/* Of two that ran about when the lock was given up, the holder is the one that got it later. */
static void consider_holder(const struct infer *infer, const struct run_wait *wait, uint32_t actor,
                            struct choice *best)
{
    struct choice one = {.actor = RUN_NONE};
    consider(infer, wait, actor, &one);
    if (one.actor == RUN_NONE)
        return;
    bool both_near = best->actor != RUN_NONE && one.distance_ns <= infer->tolerance_ns &&
                     best->distance_ns <= infer->tolerance_ns;
    uint64_t t = wait_event(wait);
    bool later = both_near && last_acquired(infer, actor, wait->peer, t) >
                                  last_acquired(infer, best->actor, wait->peer, t);
    if (best->actor == RUN_NONE || (both_near ? later : one.distance_ns < best->distance_ns))
        *best = one;
}

/* At the end of the wait the actor waits for the same lock, and goes on waiting. */
static bool waits_too(const struct infer *infer, const struct run_wait *wait, uint32_t actor)
{
    const struct run_wait *its = run_wait_at(&infer->run->tracks.items[actor], wait_event(wait), NULL);
    return its && its->peer == wait->peer && its->reason == WAIT_LOCK && its->blocked_ns &&
           wait_event(its) >= wait_event(wait);
}

/* How many of a track's waits on both sides are looked at. */
#define NEIGHBOUR_MAX 16

/* All who use the lock wait for it: who seems to wait for it as well has it, and waits for something else. A recorder that looks now and
 * then takes it for what the thread waited for about then; a wait as long of another kind is the better guess. False when there is none. */
static bool settle_holder(struct infer *infer, struct run_wait *wait, uint32_t self)
{
    const struct run_track *track = &infer->run->tracks.items[self];
    size_t at = (size_t)(wait - track->waits.items);
    size_t from = at > NEIGHBOUR_MAX ? at - NEIGHBOUR_MAX : 0;
    uint64_t length = wait->end_ns - wait->start_ns, nearest = length / 10;
    const struct run_wait *found = NULL;
    for (size_t i = from; i < track->waits.count && i <= at + NEIGHBOUR_MAX; i++) {
        const struct run_wait *other = &track->waits.items[i];
        uint64_t apart_ns = apart(other->end_ns - other->start_ns, length);
        if (other->reason == WAIT_LOCK || other->reason == WAIT_CPU_QUEUE || !other->blocked_ns ||
            other->count > 1 || apart_ns > nearest)
            continue;
        nearest = apart_ns;
        found = other;
    }
    if (found) {
        wait->reason = found->reason;
        wait->peer = found->peer;
    }
    return found != NULL;
}

static bool infer_lock(struct infer *infer, struct run_wait *wait, uint32_t self)
{
    const struct run_track *track = &infer->run->tracks.items[self];
    struct choice best = {.actor = RUN_NONE};
    bool is_used = false; /* by others */
    if (wait->peer != RUN_NONE &&
        strcmp(infer->run->peers.items[wait->peer].name, PEER_NAME_CONDITION) != 0) {
        const struct run_peer *lock = &infer->run->peers.items[wait->peer];
        for (size_t i = 0; i < lock->waiters.count && i < CANDIDATE_MAX; i++) {
            uint32_t actor = lock->waiters.items[i];
            is_used = is_used || actor != self;
            if (actor != self && !waits_too(infer, wait, actor))
                consider_holder(infer, wait, actor, &best);
        }
    }
    if (best.actor == RUN_NONE && is_used && settle_holder(infer, wait, self))
        return false;
    bool is_anybody = best.actor == RUN_NONE && track->process != RUN_NONE;
    size_t count = is_anybody ? infer->run->tracks.items[track->process].actors.count : 0;
    for (size_t i = 0; i < count && i < CANDIDATE_MAX && !is_best(&best); i++) {
        uint32_t actor = infer->run->tracks.items[track->process].actors.items[i];
        if (actor != self && !(is_used && waits_too(infer, wait, actor)))
            consider(infer, wait, actor, &best);
    }
    return take(wait, &best);
}

/* --- polling --- */

/* How many of a track's last waits are looked at for a sleep. */
#define STEP_LOOK_MAX 4

/* The wait is a sleep, or a wait for a child that did nothing but sleep (a shell's `sleep 0.5`). */
static bool is_sleep(const struct infer *infer, const struct run_wait *wait)
{
    if (wait->count > 1)
        return false;
    if (wait->reason == WAIT_SLEEP)
        return true;
    if (wait->reason != WAIT_CHILD || wait->waker == RUN_NONE)
        return false;
    const struct run_track *child = &infer->run->tracks.items[wait->waker];
    uint64_t slept = 0;
    for (size_t i = 0; i < child->waits.count && i < CANDIDATE_MAX; i++)
        slept += child->waits.items[i].reason == WAIT_SLEEP ? child->waits.items[i].blocked_ns : 0;
    return slept * 10 >= (child->end_ns - child->start_ns) * 8 && slept > NS_PER_MS;
}

static bool alike(const struct run_wait *a, const struct run_wait *b)
{
    uint64_t x = a->end_ns - a->start_ns, y = b->end_ns - b->start_ns;
    return x <= y * 2 && y <= x * 2;
}

/* Not polled for: a shell's `sleep 0.5`, a child that ends with the step, is the sleep and not its reason; and who
 * ended while the sleeper waited for children (a pipeline between two sleeps) was waited for there. */
static bool is_step(const struct infer *infer, uint32_t self, size_t first, size_t last, uint32_t actor)
{
    const struct run_track *sleeper = &infer->run->tracks.items[self];
    const struct run_track *ended = &infer->run->tracks.items[actor];
    if (infer->woke_in[actor] == infer->series.number)
        return true;
    if (!infer->series.has_children || ended->spawner != self)
        return false;
    uint64_t early_ns = ended->end_ns - num_min(ended->end_ns, infer->tolerance_ns);
    size_t before = run_waits_before(sleeper, early_ns);
    for (size_t i = num_max(first, before ? before - 1 : 0); i <= last; i++) {
        const struct run_wait *wait = &sleeper->waits.items[i];
        if (wait->start_ns >= ended->end_ns + infer->tolerance_ns)
            break;
        if (wait->reason == WAIT_CHILD && !is_sleep(infer, wait) &&
            ended->end_ns < wait->end_ns + infer->tolerance_ns)
            return true;
    }
    return false;
}

/* Of a series, one wait more. */
static void series_add(struct infer *infer, const struct run_wait *wait)
{
    if (wait->waker != RUN_NONE)
        infer->woke_in[wait->waker] = infer->series.number;
    if (wait->reason == WAIT_CHILD && !is_sleep(infer, wait))
        infer->series.has_children = true;
}

/* When the sleeper could begin to wait for the actor: what it starts itself it starts before it sleeps, though the
 * start was perhaps seen later. */
static uint64_t born(const struct run_track *track, uint32_t sleeper)
{
    return track->spawner == sleeper ? num_min(track->spawn_ns, track->start_ns) : track->start_ns;
}

/* A sibling that sleeps as the sleeper does, to its end, does the same work beside it: it is not what is waited for. */
static bool is_in_step(const struct infer *infer, const struct run_track *sleeper,
                       const struct run_wait *sleep, const struct run_track *ended)
{
    if (ended->spawner == RUN_NONE || ended->spawner != sleeper->spawner)
        return false;
    for (size_t i = ended->waits.count, looked = 0; i-- > 0 && looked < STEP_LOOK_MAX; looked++) {
        const struct run_wait *wait = &ended->waits.items[i];
        if (is_sleep(infer, wait) && alike(wait, sleep))
            return true;
    }
    return false;
}

/* A thread whose process goes on: nobody outside it sees that it ended. */
static bool is_inner(const struct infer *infer, const struct run_track *ended,
                     const struct run_track *sleeper)
{
    if (ended->process == RUN_NONE || ended->process == sleeper->process)
        return false;
    const struct run_track *process = &infer->run->tracks.items[ended->process];
    return process->open || process->end_ns > ended->end_ns + infer->tolerance_ns;
}

/* The actor that exited last during the last sleep of a series. */
static uint32_t finisher(const struct infer *infer, uint32_t self, size_t first, size_t last,
                         uint64_t *ret_event)
{
    const struct run_track *sleeper = &infer->run->tracks.items[self];
    const struct run_wait *end = &sleeper->waits.items[last];
    uint32_t found = RUN_NONE;
    const struct run_track *tracks = infer->run->tracks.items;
    const uint32_t *ended = infer->ended.items;
    size_t at =
        search_first(i, infer->ended.count, tracks[ended[i]].end_ns + infer->tolerance_ns > end->start_ns);
    for (; at < infer->ended.count && tracks[ended[at]].end_ns <= end->end_ns; at++) {
        uint32_t i = ended[at];
        const struct run_track *track = &tracks[i];
        if (born(track, self) > end->start_ns || i == self || is_step(infer, self, first, last, i) ||
            is_in_step(infer, sleeper, end, track) || is_inner(infer, track, sleeper))
            continue;
        if (found == RUN_NONE || track->end_ns > *ret_event) {
            found = i;
            *ret_event = track->end_ns;
        }
    }
    return found;
}

static bool is_waiter(const struct run_peer *peer, uint32_t actor)
{
    for (size_t i = 0; i < peer->waiters.count && i < CANDIDATE_MAX; i++) {
        if (peer->waiters.items[i] == actor)
            return true;
    }
    return false;
}

/* The sleeper is meanwhile waited for at a lock that it uses too: it sleeps as the holder, as part of its work, and looks for nothing. */
static bool sleeps_under_lock(const struct infer *infer, uint32_t self, const struct run_wait *sleep)
{
    const struct run *run = infer->run;
    uint32_t process = run->tracks.items[self].process;
    size_t count = process == RUN_NONE ? 0 : run->tracks.items[process].actors.count;
    for (size_t i = 0; i < count && i < CANDIDATE_MAX; i++) {
        uint32_t actor = run->tracks.items[process].actors.items[i];
        const struct run_wait *wait =
            run_wait_at(&run->tracks.items[actor], sleep->start_ns / 2 + sleep->end_ns / 2, NULL);
        if (actor == self || !wait || wait->reason != WAIT_LOCK || !wait->blocked_ns || wait->count > 1)
            continue;
        bool is_shared = wait->peer != RUN_NONE && is_waiter(&run->peers.items[wait->peer], self) &&
                         strcmp(run->peers.items[wait->peer].name, PEER_NAME_CONDITION) != 0;
        if (wait->waker == self || is_shared)
            return true;
    }
    return false;
}

/* Each sleep in which something finished is the end of one wait for it; the sleeps before it since the last such end
 * waited for the same, if it was there to be waited for. */
static void settle_series(struct infer *infer, uint32_t self, size_t first, size_t last)
{
    struct run_track *track = &infer->run->tracks.items[self];
    size_t begin = first;
    infer->series.number++;
    infer->series.has_children = false;
    for (size_t i = first; i <= last; i++) {
        series_add(infer, &track->waits.items[i]);
        struct run_wait *end = &track->waits.items[i];
        uint64_t event = 0;
        uint32_t waker = is_sleep(infer, end) ? finisher(infer, self, first, i, &event) : RUN_NONE;
        if (waker == RUN_NONE || sleeps_under_lock(infer, self, end))
            continue;
        uint64_t born_ns = born(&infer->run->tracks.items[waker], self);
        for (size_t j = begin; j < i; j++) {
            if (track->waits.items[j].end_ns <= born_ns ||
                sleeps_under_lock(infer, self, &track->waits.items[j]))
                continue;
            track->waits.items[j].poll_series = track->waits.items[j].blocked_ns > 0;
            if (is_sleep(infer, &track->waits.items[j]))
                track->waits.items[j].reason = WAIT_SLEEP;
        }
        end->reason = WAIT_SLEEP;
        set_waker(end, waker, event);
        series_add(infer, end);
        begin = i + 1;
    }
}

static void infer_polling(struct infer *infer, uint32_t self)
{
    struct run_track *track = &infer->run->tracks.items[self];
    size_t first = SIZE_MAX, last = 0, length = 0;
    for (size_t i = 0; i <= track->waits.count; i++) {
        const struct run_wait *wait = i < track->waits.count ? &track->waits.items[i] : NULL;
        bool joins = wait && is_sleep(infer, wait);
        /* Short pauses between the sleeps (a fork, a preemption) do not end the series. */
        bool noise = wait && !joins && first != SIZE_MAX &&
                     (wait->end_ns - wait->start_ns) * 4 <
                         track->waits.items[last].end_ns - track->waits.items[last].start_ns;
        if (joins && first != SIZE_MAX) {
            const struct run_wait *before = &track->waits.items[last];
            uint64_t gap = wait->start_ns - before->end_ns;
            joins = alike(before, wait) && gap * 2 < wait->end_ns - wait->start_ns;
        }
        if (joins) {
            first = first == SIZE_MAX ? i : first;
            last = i;
            length++;
        } else if (!noise) {
            if (first != SIZE_MAX && length >= SERIES_MIN)
                settle_series(infer, self, first, last);
            first = SIZE_MAX;
            length = 0;
            if (wait && is_sleep(infer, wait)) {
                first = last = i;
                length = 1;
            }
        }
    }
}

/* --- all of it --- */

static void apply_edges(struct infer *infer)
{
    for (size_t i = 0; i < infer->run->edges.count; i++) {
        const struct run_edge *edge = &infer->run->edges.items[i];
        if (edge->kind == EDGE_SPAWN || edge->kind == EDGE_ORDER || edge->from == edge->to)
            continue;
        struct run_track *to = &infer->run->tracks.items[edge->to];
        uint64_t before;
        struct run_wait *wait = run_wait_at(to, edge->to_ns, &before);
        if (!wait && before > to->start_ns && edge->to_ns - before <= infer->tolerance_ns)
            wait = run_wait_at(to, before, NULL);
        if (wait && wait->waker == RUN_NONE && wait->waker_source != WAKER_EXACT &&
            edge->from_ns > wait->start_ns && infer->run->tracks.items[edge->from].actor)
            set_waker(wait, edge->from, edge->from_ns);
    }
}

/* The network delivers what a server sent in the time of any thread that happens to send something then: a recorded waker
 * that is not the server only lent its CPU. */
static void clear_innocent(const struct infer *infer, struct run_wait *wait)
{
    if (wait->reason != WAIT_NETWORK || wait->waker == RUN_NONE || wait->peer == RUN_NONE ||
        !infer->is_outside[wait->peer])
        return;
    wait->waker = RUN_NONE;
    wait->event_ns = wait_event(wait);
    wait->waker_source = WAKER_INTERRUPT;
}

static void infer_wait(struct infer *infer, struct run_wait *wait, uint32_t self)
{
    clear_innocent(infer, wait);
    /* Who was recorded as the waker is not guessed again, also where it is none of the run's. */
    if (wait->waker != RUN_NONE || wait->blocked_ns == 0 || wait->waker_source == WAKER_EXACT)
        return;
    if (wait->waker_source == WAKER_INTERRUPT) {
        /* Data on the loopback device arrive in an interrupt, though their sender is known by the socket. */
        if (wait->reason == WAIT_NETWORK || wait->reason == WAIT_POLL)
            infer_socket(infer, wait, self);
        return;
    }
    switch ((enum wait_reason)wait->reason) {
    case WAIT_CHILD: infer_child(infer, wait, self); break;
    case WAIT_PIPE:
        (void)(infer_tokens(infer, wait, self) || infer_pipe(infer, wait, self) ||
               infer_own_pipe(infer, wait, self) || infer_pipes(infer, wait, self));
        break;
    case WAIT_NETWORK:
    case WAIT_IPC:
    case WAIT_POLL: (void)(infer_pipe(infer, wait, self) || infer_socket(infer, wait, self)); break;
    case WAIT_LOCK: infer_lock(infer, wait, self); break;
    case WAIT_UNKNOWN:
    case WAIT_CPU_QUEUE:
    case WAIT_DISK_READ:
    case WAIT_DISK_WRITE:
    case WAIT_DISK_SYNC:
    case WAIT_DNS:
    case WAIT_SLEEP:
    case WAIT_PAGE_FAULT:
    case WAIT_RECLAIM:
    case WAIT_GPU:
    case WAIT_RATE_LIMIT:
    case WAIT_REMOTE:
    case WAIT_HUMAN:
    case WAIT_IDLE:
    case WAIT_REASON_COUNT: break;
    }
}

static int compare_ends(const void *a, const void *b, void *context)
{
    const struct run *run = context;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    uint64_t x_end = run->tracks.items[x].end_ns, y_end = run->tracks.items[y].end_ns;
    if (x_end != y_end)
        return x_end > y_end ? 1 : -1;
    return (x > y) - (x < y);
}

static uint32_t sole_process(const struct run *run, const struct run_peer *peer)
{
    uint32_t sole = RUN_NONE;
    for (size_t i = 0; i < peer->waiters.count; i++) {
        uint32_t process = run->tracks.items[peer->waiters.items[i]].process;
        if (i && process != sole)
            return RUN_NONE;
        sole = process;
    }
    return sole;
}

/* "nginx[123]" */
static bool is_outside(const struct map *pids, const struct run_peer *peer)
{
    const char *open = peer->server ? strrchr(peer->server, '[') : NULL;
    char *end = NULL;
    uint64_t pid = open ? strtoull(open + 1, &end, 10) : 0;
    return pid && *end == ']' && !map_get(pids, pid);
}

static int find_outside(struct infer *infer)
{
    const struct run *run = infer->run;
    struct map pids = {0};
    int status = 0;
    infer->is_outside = calloc(run->peers.count + 1, sizeof *infer->is_outside);
    for (size_t i = 0; i < run->tracks.count && !status; i++) {
        const struct run_track *track = &run->tracks.items[i];
        if (track->present && track->kind == TRACK_PROCESS)
            status = map_put(&pids, track->pid, 1);
    }
    for (size_t i = 0; infer->is_outside && !status && i < run->peers.count; i++)
        infer->is_outside[i] = is_outside(&pids, &run->peers.items[i]);
    map_free(&pids);
    return infer->is_outside ? status : -1;
}

static int find_ended(struct infer *infer)
{
    struct run *run = infer->run;
    for (uint32_t i = 0; i < run->tracks.count; i++) {
        const struct run_track *track = &run->tracks.items[i];
        if (track->present && track->actor && !track->open && vec_push(&infer->ended, i))
            return -1;
    }
    if (infer->ended.count)
        qsort_r(infer->ended.items, infer->ended.count, sizeof *infer->ended.items, compare_ends, run);
    return 0;
}

static int prepare(struct infer *infer)
{
    struct run *run = infer->run;
    infer->children = calloc(run->tracks.count + 1, sizeof *infer->children);
    infer->reaper = malloc((run->tracks.count + 1) * sizeof *infer->reaper);
    infer->woke_in = calloc(run->tracks.count + 1, sizeof *infer->woke_in);
    infer->sole_process = malloc((run->peers.count + 1) * sizeof *infer->sole_process);
    if (!infer->children || !infer->reaper || !infer->woke_in || !infer->sole_process || find_outside(infer))
        return -1;
    for (uint32_t i = 0; i < run->tracks.count && !infer->wakes_are_told; i++)
        for (size_t j = 0; j < run->tracks.items[i].waits.count && !infer->wakes_are_told; j++)
            infer->wakes_are_told = run->tracks.items[i].waits.items[j].waker_source == WAKER_EXACT;
    for (size_t i = 0; i < run->peers.count; i++)
        infer->sole_process[i] = sole_process(run, &run->peers.items[i]);
    memset(infer->reaper, 0xff, (run->tracks.count + 1) * sizeof *infer->reaper);
    for (uint32_t i = 0; i < run->tracks.count; i++) {
        const struct run_track *track = &run->tracks.items[i];
        if (!track->present || track->kind != TRACK_PROCESS || track->parent == RUN_NONE)
            continue;
        uint32_t parent = run->tracks.items[track->parent].process;
        if (parent != RUN_NONE && vec_push(&infer->children[parent], i))
            return -1;
    }
    for (uint32_t i = 0; i < run->tracks.count; i++) {
        if (infer->children[i].count)
            qsort_r(infer->children[i].items, infer->children[i].count, sizeof *infer->children[i].items,
                    compare_ends, run);
    }
    if (find_ended(infer))
        return -1;
    for (uint32_t i = 0; i < run->peers.count; i++) {
        const struct run_peer *peer = &run->peers.items[i];
        if (peer->kind == PEER_SOCKET && peer->path[0] && peer->address[0] &&
            map_put(&infer->socket_peers, ends_key(peer->path, peer->address), i))
            return -1;
    }
    return 0;
}

int infer_wakers(struct run *run, struct err *err)
{
    struct infer infer = {.run = run, .tolerance_ns = run_tolerance_ns(run)};
    int status = prepare(&infer);
    if (!status) {
        apply_edges(&infer);
        for (uint32_t i = 0; i < run->tracks.count; i++) {
            struct run_track *track = &run->tracks.items[i];
            for (size_t j = 0; track->actor && j < track->waits.count; j++)
                infer_wait(&infer, &track->waits.items[j], i);
        }
        for (uint32_t i = 0; i < run->tracks.count; i++) {
            if (run->tracks.items[i].actor && !run->tracks.items[i].is_helper)
                infer_polling(&infer, i);
        }
    }
    for (size_t i = 0; infer.children && i < run->tracks.count; i++)
        vec_free(&infer.children[i]);
    free(infer.children);
    free(infer.reaper);
    free(infer.woke_in);
    free(infer.sole_process);
    free(infer.is_outside);
    vec_free(&infer.ended);
    map_free(&infer.socket_peers);
    return status ? err_memory(err) : 0;
}
