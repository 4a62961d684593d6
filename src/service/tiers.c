/* SPDX-License-Identifier: Apache-2.0 */
#include "service/tiers.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "model/meta.h"
#include "service/internal.h"

/* Of the waits of its tier's busiest thread, the part that makes one a worker. */
#define WORKER_WAIT_RATIO 0.1
/* Of its connections, the part in use on average that makes a condition that of the pool. */
#define POOL_USE_RATIO 0.7
/* Of the window, the part in which somebody must have waited for a condition for it to matter. */
#define POOL_COVER_RATIO 0.02

double tiers_part(const struct run *run, const struct run_wait *wait)
{
    uint64_t from = num_max(wait->start_ns, run->start_ns), to = num_min(wait->end_ns, run->end_ns);
    return to > from ? (double)(to - from) / (double)(wait->end_ns - wait->start_ns) : 0;
}

/* --- peers --- */

/* "127.0.0.1:8080" → 8080; 0 for what has none. */
static uint64_t port_of(const char *address)
{
    uint64_t port;
    const char *colon = address ? strrchr(address, ':') : NULL;
    return colon && num_parse_u64(colon + 1, &port) == 0 ? port : 0;
}

static uint32_t port_tier(const struct tiers *tiers, uint64_t port)
{
    for (size_t i = 0; i < tiers->ports.count; i++)
        if (tiers->ports.items[i] == port)
            return tiers->port_tiers.items[i];
    return TIER_NONE;
}

/* A condition's waiters sleep on two words of it in turn (glibc), four bytes apart. */
static void lock_key(const struct run_peer *peer, char *key, size_t size)
{
    const char *hex = strstr(peer->address, ":0x");
    if (hex && strcmp(peer->name, PEER_NAME_CONDITION) == 0)
        snprintf(key, size, "l%.*s%llx", (int)(hex - peer->address), peer->address,
                 strtoull(hex + 3, NULL, 16) & ~7ull);
    else
        snprintf(key, size, "l%s", peer->address);
}

static enum peer_role role_of(const struct tiers *tiers, const struct run_peer *peer)
{
    if (peer->kind == PEER_LOCK)
        return strcmp(peer->name, PEER_NAME_CONDITION) == 0 ? ROLE_CONDITION : ROLE_LOCK;
    if (peer->kind != PEER_SOCKET || !peer->address[0])
        return ROLE_NONE;
    if (str_starts(peer->address, "unix:["))
        return ROLE_ACCEPTED;
    if (strcmp(peer->address, peer->path) == 0 && port_of(peer->address))
        return ROLE_LISTENING;
    return port_of(peer->path) && port_tier(tiers, port_of(peer->path)) != TIER_NONE ? ROLE_ACCEPTED
                                                                                     : ROLE_OUT;
}

static int peers_place(struct tiers *tiers, struct err *err)
{
    const struct run *run = tiers->run;
    for (uint32_t i = 0; i < run->peers.count; i++) {
        const struct run_peer *peer = &run->peers.items[i];
        struct peer_place place = {.group = TIER_NONE};
        char key[320] = "";
        uint64_t id = 0;
        if (peer->kind && peer->address)
            place.role = role_of(tiers, peer);
        if (place.role == ROLE_OUT)
            snprintf(key, sizeof key, "o%s", peer->address);
        else if (place.role == ROLE_LOCK || place.role == ROLE_CONDITION)
            lock_key(peer, key, sizeof key);
        if (key[0] && intern_put(&tiers->groups, key, strlen(key), &id, NULL))
            return err_memory(err);
        place.group = id ? (uint32_t)id : TIER_NONE;
        if (vec_push(&tiers->places, place))
            return err_memory(err);
    }
    return 0;
}

/* --- processes --- */

static uint32_t tier_named(struct tiers *tiers, const char *name)
{
    for (uint32_t i = 0; i < tiers->items.count; i++)
        if (strcmp(tiers->items.items[i].name, name) == 0)
            return i;
    struct tier tier = {.name = name};
    return vec_push(&tiers->items, tier) ? TIER_NONE : (uint32_t)tiers->items.count - 1;
}

static int processes_group(struct tiers *tiers, struct err *err)
{
    const struct run *run = tiers->run;
    for (uint32_t i = 0; i < run->tracks.count; i++) {
        const struct run_track *track = &run->tracks.items[i];
        uint32_t at = TIER_NONE;
        if (track->present && track->kind == TRACK_PROCESS) {
            at = tier_named(tiers, run_process_name(run, i, num_min(track->end_ns, run->end_ns)));
            if (at == TIER_NONE || vec_push(&tiers->items.items[at].processes, i))
                return err_memory(err);
        }
        if (vec_push(&tiers->tier_of_process, at))
            return err_memory(err);
    }
    return 0;
}

struct port_loader {
    struct tiers *tiers;
};

/* Rows of operation accept say who listens where. */
static int load_ports(void *context, const struct batch *batch, struct err *err)
{
    struct tiers *tiers = ((struct port_loader *)context)->tiers;
    const struct run *run = tiers->run;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_io row;
        batch_row(batch, i, (uint64_t *)&row);
        if (row.operation != IO_ACCEPT || row.peer == 0 || row.peer > run->peers.count || row.track == 0 ||
            row.track > run->tracks.count)
            continue;
        const struct run_track *track = &run->tracks.items[row.track - 1];
        uint32_t process = track->present ? track->process : RUN_NONE;
        uint64_t port = port_of(run->peers.items[row.peer - 1].path);
        if (process == RUN_NONE || !port || port_tier(tiers, port) != TIER_NONE)
            continue;
        if (vec_push(&tiers->ports, port) ||
            vec_push(&tiers->port_tiers, tiers->tier_of_process.items[process]))
            return err_memory(err);
    }
    return 0;
}

/* --- waits --- */

/* Who takes its own requests is woken by another worker only for what they share. */
static bool is_for_sibling(const struct tiers *tiers, uint32_t tier, const struct run_wait *wait)
{
    bool may_be = wait->reason == WAIT_PIPE || wait->reason == WAIT_IPC ||
                  (wait->reason == WAIT_POLL && wait->peer == RUN_NONE);
    if (!may_be || !tiers->items.items[tier].takes_own || wait->waker == RUN_NONE ||
        wait->waker_source != WAKER_EXACT)
        return false;
    uint32_t process = tiers->run->tracks.items[wait->waker].process;
    return process != RUN_NONE && tiers->tier_of_process.items[process] == tier;
}

uint32_t tiers_group(const struct tiers *tiers, uint32_t tier, const struct run_wait *wait)
{
    if (is_for_sibling(tiers, tier, wait))
        return GROUP_SIBLINGS;
    return wait->peer == RUN_NONE ? TIER_NONE : tiers->places.items[wait->peer].group;
}

static struct tier_lock *lock_at(struct tiers *tiers, uint32_t tier, const struct run_wait *wait)
{
    uint32_t group = tiers_group(tiers, tier, wait);
    for (size_t i = 0; i < tiers->locks.count; i++)
        if (tiers->locks.items[i].tier == tier && tiers->locks.items[i].group == group)
            return &tiers->locks.items[i];
    struct tier_lock lock = {.tier = tier,
                             .group = group,
                             .address = tiers->items.items[tier].name,
                             .name = PEER_NAME_LOCK,
                             .link = TIER_NONE};
    if (group != GROUP_SIBLINGS) {
        lock.address = tiers->run->peers.items[wait->peer].address;
        lock.name = tiers->run->peers.items[wait->peer].name;
    }
    return vec_push(&tiers->locks, lock) ? NULL : &tiers->locks.items[tiers->locks.count - 1];
}

struct tier_link *tiers_link(struct tiers *tiers, uint32_t tier, uint32_t peer)
{
    const struct run_peer *other = &tiers->run->peers.items[peer];
    uint32_t group = tiers->places.items[peer].group;
    for (size_t i = 0; i < tiers->links.count; i++)
        if (tiers->links.items[i].tier == tier && tiers->links.items[i].group == group)
            return &tiers->links.items[i];
    struct tier_link link = {.tier = tier,
                             .group = group,
                             .address = other->address,
                             .to = port_tier(tiers, port_of(other->address))};
    return vec_push(&tiers->links, link) ? NULL : &tiers->links.items[tiers->links.count - 1];
}

static uint32_t index_of_lock(const struct tiers *tiers, uint32_t tier, uint32_t group)
{
    for (uint32_t i = 0; i < tiers->locks.count; i++)
        if (tiers->locks.items[i].tier == tier && tiers->locks.items[i].group == group)
            return i;
    return TIER_NONE;
}

static uint32_t index_of_link(const struct tiers *tiers, uint32_t tier, uint32_t group)
{
    for (uint32_t i = 0; i < tiers->links.count; i++)
        if (tiers->links.items[i].tier == tier && tiers->links.items[i].group == group)
            return i;
    return TIER_NONE;
}

static enum activity socket_activity(const struct tiers *tiers, uint32_t tier, const struct run_wait *wait,
                                     uint32_t *ret_index)
{
    if (wait->peer == RUN_NONE)
        return ACTIVITY_IDLE; /* on many at once, or for whatever comes */
    const struct peer_place *place = &tiers->places.items[wait->peer];
    if (place->role == ROLE_ACCEPTED || place->role == ROLE_LISTENING)
        return ACTIVITY_IDLE;
    if (place->role != ROLE_OUT)
        return ACTIVITY_OTHER;
    *ret_index = index_of_link(tiers, tier, place->group);
    return ACTIVITY_PEER;
}

enum activity tiers_activity(const struct tiers *tiers, uint32_t tier, const struct run_wait *wait,
                             uint32_t *ret_index)
{
    uint32_t unused;
    uint32_t *index = ret_index ? ret_index : &unused;
    *index = TIER_NONE;
    if (is_for_sibling(tiers, tier, wait)) {
        *index = index_of_lock(tiers, tier, GROUP_SIBLINGS);
        return ACTIVITY_LOCK;
    }
    if (wait->reason == WAIT_IDLE || wait->reason == WAIT_HUMAN)
        return ACTIVITY_IDLE;
    if (wait->reason == WAIT_NETWORK || wait->reason == WAIT_POLL || wait->reason == WAIT_IPC)
        return socket_activity(tiers, tier, wait, index);
    if (wait->reason != WAIT_LOCK || wait->peer == RUN_NONE)
        return ACTIVITY_OTHER;
    const struct peer_place *place = &tiers->places.items[wait->peer];
    *index = index_of_lock(tiers, tier, place->group);
    if (place->role == ROLE_LOCK || *index == TIER_NONE)
        return ACTIVITY_LOCK;
    if (tiers->locks.items[*index].link != TIER_NONE)
        return ACTIVITY_POOL;
    *index = TIER_NONE;
    return ACTIVITY_IDLE;
}

/* CPU time in the window. Where only looks tell when a thread ran, its samples weigh exactly what it used. */
static double cpu_ns(const struct tiers *tiers, const struct run_track *track)
{
    double sum_ns = 0;
    if (!tiers->run->boundary_error_ns)
        return (double)track->run_ns;
    for (size_t i = 0; i < track->samples.count; i++)
        sum_ns += (double)track->samples.items[i].weight;
    return sum_ns < (double)track->run_ns ? sum_ns : (double)track->run_ns;
}

static uint64_t blocked_count(const struct run *run, const struct run_track *track)
{
    uint64_t count = 0;
    for (size_t i = 0; i < track->waits.count; i++) {
        const struct run_wait *wait = &track->waits.items[i];
        count +=
            wait->blocked_ns && wait->end_ns > run->start_ns && wait->end_ns < run->end_ns ? wait->count : 0;
    }
    return count;
}

/* One that only sleeps, or waits for children, takes no requests. */
static bool may_serve(const struct tiers *tiers, const struct run_track *track)
{
    for (size_t i = 0; i < track->waits.count; i++) {
        const struct run_wait *wait = &track->waits.items[i];
        if (wait->reason != WAIT_SLEEP && wait->reason != WAIT_CHILD && wait->blocked_ns)
            return true;
    }
    return track->waits.count == 0 && tiers->ports.count;
}

/* The threads that work as often as the busiest does, or as long. */
static int workers_find(struct tiers *tiers, struct tier *tier, struct err *err)
{
    const struct run *run = tiers->run;
    uint64_t count_max = 0, run_max = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < tier->processes.count; i++) {
            const struct run_track *process = &run->tracks.items[tier->processes.items[i]];
            for (size_t j = 0; j < process->actors.count; j++) {
                uint32_t actor = process->actors.items[j];
                const struct run_track *track = &run->tracks.items[actor];
                uint64_t count = blocked_count(run, track);
                if (pass == 0) {
                    count_max = num_max(count_max, count);
                    run_max = num_max(run_max, track->run_ns);
                    tier->run_all_ns += cpu_ns(tiers, track);
                    continue;
                }
                bool works = ((double)count >= WORKER_WAIT_RATIO * (double)count_max && count > 1) ||
                             ((double)track->run_ns >= 0.5 * (double)run_max && run_max);
                if (works && may_serve(tiers, track) && vec_push(&tier->workers, actor))
                    return err_memory(err);
            }
        }
    }
    return 0;
}

static bool has_intake(const struct tiers *tiers, const struct run_track *track)
{
    for (size_t i = 0; i < track->waits.count; i++) {
        uint32_t peer = track->waits.items[i].peer;
        enum peer_role role = peer == RUN_NONE ? ROLE_NONE : tiers->places.items[peer].role;
        if (role == ROLE_ACCEPTED || role == ROLE_LISTENING)
            return true;
    }
    return false;
}

static double intake_ns(const struct tiers *tiers, const struct run_track *track)
{
    double sum_ns = 0;
    for (size_t i = 0; i < track->waits.count; i++) {
        const struct run_wait *wait = &track->waits.items[i];
        enum peer_role role = wait->peer == RUN_NONE ? ROLE_NONE : tiers->places.items[wait->peer].role;
        if (role == ROLE_ACCEPTED || role == ROLE_LISTENING)
            sum_ns += tiers_part(tiers->run, wait) * (double)wait->blocked_ns;
    }
    return sum_ns;
}

/* Whether most of the workers wait on sockets that clients come to. Then one that does not, and seldom waits at all, has
 * other work (a parent, a writer in the background). */
static void intake_find(const struct tiers *tiers, struct tier *tier)
{
    size_t count = 0, kept = 0;
    uint64_t most = 0;
    for (size_t i = 0; i < tier->workers.count; i++) {
        const struct run_track *track = &tiers->run->tracks.items[tier->workers.items[i]];
        count += has_intake(tiers, track);
        most = num_max(most, blocked_count(tiers->run, track));
    }
    tier->takes_own = 2 * count > tier->workers.count;
    for (size_t i = 0; i < tier->workers.count && tier->takes_own; i++) {
        const struct run_track *track = &tiers->run->tracks.items[tier->workers.items[i]];
        if (has_intake(tiers, track) || 2 * blocked_count(tiers->run, track) >= most)
            tier->workers.items[kept++] = tier->workers.items[i];
    }
    /* Where they do not, one that spends its time so hands requests to the others. */
    for (size_t i = 0; i < tier->workers.count && !tier->takes_own; i++) {
        const struct run_track *track = &tiers->run->tracks.items[tier->workers.items[i]];
        if (intake_ns(tiers, track) < tiers->window_ns / 2)
            tier->workers.items[kept++] = tier->workers.items[i];
        else
            tier->handed_count += blocked_count(tiers->run, track);
    }
    tier->workers.count = kept ? kept : tier->workers.count;
}

/* Links and locks that the tier's workers wait for. */
static int waits_sum(struct tiers *tiers, uint32_t index, struct err *err)
{
    const struct run *run = tiers->run;
    for (size_t i = 0; i < tiers->items.items[index].workers.count; i++) {
        const struct run_track *track = &run->tracks.items[tiers->items.items[index].workers.items[i]];
        for (size_t j = 0; j < track->waits.count; j++) {
            const struct run_wait *wait = &track->waits.items[j];
            double part = tiers_part(run, wait);
            bool is_sibling = is_for_sibling(tiers, index, wait);
            if ((wait->peer == RUN_NONE && !is_sibling) || part <= 0)
                continue;
            enum peer_role role = is_sibling ? ROLE_LOCK : tiers->places.items[wait->peer].role;
            double ns = part * (double)(wait->blocked_ns + wait->runnable_ns);
            if (role == ROLE_OUT && wait->reason != WAIT_SLEEP) {
                struct tier_link *link = tiers_link(tiers, index, wait->peer);
                if (!link)
                    return err_memory(err);
                link->wait_ns += ns;
                link->wait_count += wait->count;
            } else if ((is_sibling || wait->reason == WAIT_LOCK) &&
                       (role == ROLE_LOCK || role == ROLE_CONDITION)) {
                struct tier_lock *lock = lock_at(tiers, index, wait);
                if (!lock)
                    return err_memory(err);
                lock->wait_ns += part * (double)wait->blocked_ns;
                lock->wait_count += wait->count;
            }
        }
    }
    return 0;
}

/* --- locks: how long somebody waited, and what else happened meanwhile --- */

struct stretch {
    uint64_t start_ns, end_ns;
};

struct stretches {
    struct stretch *items;
    size_t count, capacity;
};

static int compare_stretches(const void *a, const void *b)
{
    const struct stretch *x = a, *y = b;
    return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

/* The blocked part of the tier's waits of one group, within the window, in order of time. */
static int stretches_of(const struct tiers *tiers, uint32_t tier, uint32_t group, struct stretches *stretches,
                        uint32_t *ret_waiter_count)
{
    const struct run *run = tiers->run;
    const struct tier *of = &tiers->items.items[tier];
    *ret_waiter_count = 0;
    for (size_t i = 0; i < of->workers.count; i++) {
        const struct run_track *track = &run->tracks.items[of->workers.items[i]];
        bool waits = false;
        for (size_t j = 0; j < track->waits.count; j++) {
            const struct run_wait *wait = &track->waits.items[j];
            struct stretch stretch = {num_max(wait->start_ns, run->start_ns),
                                      num_min(wait->end_ns - wait->runnable_ns, run->end_ns)};
            if (tiers_group(tiers, tier, wait) != group || !wait->blocked_ns ||
                stretch.end_ns <= stretch.start_ns)
                continue;
            waits = true;
            if (vec_push(stretches, stretch))
                return -1;
        }
        *ret_waiter_count += waits;
    }
    if (stretches->count)
        qsort(stretches->items, stretches->count, sizeof *stretches->items, compare_stretches);
    return 0;
}

/* Merges what overlaps; the sum of what is left. */
static double stretches_merge(struct stretches *stretches)
{
    size_t kept = 0;
    double sum_ns = 0;
    for (size_t i = 0; i < stretches->count; i++) {
        struct stretch at = stretches->items[i];
        if (kept && at.start_ns <= stretches->items[kept - 1].end_ns)
            stretches->items[kept - 1].end_ns = num_max(stretches->items[kept - 1].end_ns, at.end_ns);
        else
            stretches->items[kept++] = at;
    }
    stretches->count = kept;
    for (size_t i = 0; i < kept; i++)
        sum_ns += (double)(stretches->items[i].end_ns - stretches->items[i].start_ns);
    return sum_ns;
}

/* How much of `waits` (in order of their start) lies within `cover` (merged), summed over the waits. */
static double overlap_ns(const struct stretches *waits, const struct stretches *cover)
{
    double sum_ns = 0;
    size_t first = 0;
    for (size_t i = 0; i < waits->count; i++) {
        const struct stretch *wait = &waits->items[i];
        while (first < cover->count && cover->items[first].end_ns <= wait->start_ns)
            first++;
        for (size_t j = first; j < cover->count && cover->items[j].start_ns < wait->end_ns; j++)
            sum_ns += (double)(num_min(cover->items[j].end_ns, wait->end_ns) -
                               num_max(cover->items[j].start_ns, wait->start_ns));
    }
    return sum_ns;
}

/* The link whose connections are in use while threads wait on the condition; TIER_NONE for a condition of another kind. */
static int pool_find(const struct tiers *tiers, const struct tier_lock *lock, const struct stretches *cover,
                     uint32_t *ret_link)
{
    *ret_link = TIER_NONE;
    for (uint32_t i = 0; i < tiers->links.count; i++) {
        const struct tier_link *link = &tiers->links.items[i];
        struct stretches waits = {0};
        uint32_t waiter_count;
        if (link->tier != lock->tier || !link->connection_count || !link->wait_count)
            continue;
        if (stretches_of(tiers, link->tier, link->group, &waits, &waiter_count)) {
            vec_free(&waits);
            return -1;
        }
        double used = overlap_ns(&waits, cover) / lock->cover_ns;
        vec_free(&waits);
        if (used >= POOL_USE_RATIO * link->connection_count)
            *ret_link = i;
    }
    return 0;
}

static int locks_look(struct tiers *tiers, struct err *err)
{
    for (size_t i = 0; i < tiers->locks.count; i++) {
        struct tier_lock *lock = &tiers->locks.items[i];
        struct stretches cover = {0};
        int status = stretches_of(tiers, lock->tier, lock->group, &cover, &lock->waiter_count);
        if (!status) {
            lock->cover_ns = stretches_merge(&cover);
            if (strcmp(lock->name, PEER_NAME_CONDITION) == 0 &&
                lock->cover_ns >= POOL_COVER_RATIO * tiers->window_ns)
                status = pool_find(tiers, lock, &cover, &lock->link);
        }
        vec_free(&cover);
        if (status)
            return err_memory(err);
    }
    return 0;
}

/* --- sums --- */

static void worker_sum(const struct tiers *tiers, uint32_t index, struct tier *tier,
                       const struct run_track *track, uint64_t *ret_peerless)
{
    const struct run *run = tiers->run;
    uint64_t from = num_max(track->start_ns, run->start_ns), to = num_min(track->end_ns, run->end_ns);
    double life_ns = to > from ? (double)(to - from) : 0, idle_ns = 0;
    for (size_t i = 0; i < track->waits.count; i++) {
        const struct run_wait *wait = &track->waits.items[i];
        double part = tiers_part(run, wait);
        if (part <= 0)
            continue;
        bool is_idle = wait->blocked_ns && tiers_activity(tiers, index, wait, NULL) == ACTIVITY_IDLE;
        tier->queue_ns += part * (double)wait->runnable_ns;
        idle_ns += is_idle ? part * (double)wait->blocked_ns : 0;
        tier->idle_count += is_idle && wait->end_ns < run->end_ns ? wait->count : 0;
        *ret_peerless += is_idle && wait->peer == RUN_NONE && wait->reason != WAIT_IDLE ? wait->count : 0;
    }
    idle_ns *= tier->wait_scale;
    tier->idle_ns += idle_ns;
    tier->busy_ns += life_ns > idle_ns ? life_ns - idle_ns : 0;
    tier->run_ns += cpu_ns(tiers, track);
}

/* The time that is neither CPU time nor told as a wait was spent in waits like those that are. */
static void scale_find(struct tiers *tiers, struct tier *tier)
{
    double blocked_ns = 0, missing_ns = 0;
    tier->wait_scale = 1;
    for (size_t i = 0; i < tier->workers.count; i++) {
        const struct run_track *track = &tiers->run->tracks.items[tier->workers.items[i]];
        missing_ns += (double)track->run_ns - cpu_ns(tiers, track);
        for (size_t j = 0; j < track->waits.count; j++)
            blocked_ns +=
                tiers_part(tiers->run, &track->waits.items[j]) * (double)track->waits.items[j].blocked_ns;
    }
    if (blocked_ns > 0)
        tier->wait_scale = (blocked_ns + missing_ns) / blocked_ns;
}

static void scale_waits(struct tiers *tiers)
{
    for (size_t i = 0; i < tiers->links.count; i++)
        tiers->links.items[i].wait_ns *= tiers->items.items[tiers->links.items[i].tier].wait_scale;
    for (size_t i = 0; i < tiers->locks.count; i++) {
        struct tier_lock *lock = &tiers->locks.items[i];
        double scale = tiers->items.items[lock->tier].wait_scale;
        lock->wait_ns *= scale;
        lock->cover_ns =
            lock->cover_ns * scale < tiers->window_ns ? lock->cover_ns * scale : tiers->window_ns;
    }
}

static void tier_sum(struct tiers *tiers, uint32_t index)
{
    struct tier *tier = &tiers->items.items[index];
    uint64_t peerless = 0;
    scale_find(tiers, tier);
    for (size_t i = 0; i < tier->workers.count; i++)
        worker_sum(tiers, index, tier, &tiers->run->tracks.items[tier->workers.items[i]], &peerless);
    tier->is_loop = peerless * 2 > tier->idle_count && peerless > 1;
}

static void links_settle(struct tiers *tiers)
{
    for (size_t i = 0; i < tiers->links.count; i++) {
        struct tier_link *link = &tiers->links.items[i];
        if (link->to == TIER_NONE || link->to == link->tier)
            continue;
        struct tier *to = &tiers->items.items[link->to];
        to->has_upstream = true;
        /* As many workers as connections; fewer when some were never used, more when some have other work. */
        to->is_by_connection = to->is_by_connection || (link->requests_per_s > 0 && to->processes.count > 1 &&
                                                        to->workers.count <= 2 * link->connection_count);
    }
}

int tiers_find(const struct run *run, struct tiers *ret_tiers, struct err *err)
{
    struct tiers *tiers = ret_tiers;
    *tiers = (struct tiers){.run = run, .window_ns = (double)(run->end_ns - run->start_ns)};
    struct port_loader loader = {tiers};
    int status = processes_group(tiers, err);
    if (!status)
        status = view_scan_all(run->view, TABLE_IO, load_ports, &loader, err);
    if (!status)
        status = peers_place(tiers, err);
    for (uint32_t i = 0; i < tiers->items.count && !status; i++) {
        status = workers_find(tiers, &tiers->items.items[i], err);
        intake_find(tiers, &tiers->items.items[i]);
        if (!status)
            status = waits_sum(tiers, i, err);
    }
    if (!status)
        status = flows_load(tiers, err);
    if (!status)
        status = locks_look(tiers, err);
    for (uint32_t i = 0; i < tiers->items.count && !status; i++)
        tier_sum(tiers, i);
    if (!status)
        scale_waits(tiers);
    links_settle(tiers);
    return status;
}

void tiers_free(struct tiers *tiers)
{
    for (size_t i = 0; i < tiers->items.count; i++) {
        vec_free(&tiers->items.items[i].processes);
        vec_free(&tiers->items.items[i].workers);
    }
    vec_free(&tiers->items);
    vec_free(&tiers->links);
    vec_free(&tiers->locks);
    vec_free(&tiers->places);
    vec_free(&tiers->tier_of_process);
    vec_free(&tiers->ports);
    vec_free(&tiers->port_tiers);
    intern_free(&tiers->groups);
}
