/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lock-contention, false-parallelism: threads wait for a lock while its holder is on the path; found through via. Where the
 * holders do nothing but compute, for most of the run, the threads are no better than one: false-parallelism. The place is the code
 * that holds the lock: where it was given up, as the waker's stack says, else what the holder was seen at meanwhile.
 */
#include <stdlib.h>
#include <string.h>

#include "analyze/wait_place.h"
#include "base/num.h"
#include "base/str.h"
#include "detect/detectors.h"
#include "model/meta.h"

/* Waits of one thread for one lock whose place is looked for. */
#define PLACE_LOOK_MAX 256
/* How much of the path the waits for one lock are when its threads are said to take turns, and of that how much its holders
 * compute. */
#define TURNS_RATIO_MIN    0.5
#define TURNS_COMPUTED_MIN 0.8
/* Of the time that others wait, what its holder does most is told from this part on. */
#define HOLDER_RATIO_MIN 0.5

struct lock_facts {
    uint64_t waiter_count, wait_count, wait_ns;
    uint64_t held_ns, computed_ns; /* while others waited: in all, and what the holder did not wait of it */
    struct places waiting, holding, inside;
    bool exact; /* where it is given up was recorded, not inferred; likewise where it is waited for */
    bool waiting_exact;
};

static bool is_lock(const struct run *run, uint32_t peer, const char *address)
{
    return peer != RUN_NONE && run->peers.items[peer].kind == PEER_LOCK && run->peers.items[peer].address &&
           strcmp(run->peers.items[peer].address, address) == 0;
}

static bool is_condition(const struct run *run, const char *address)
{
    for (uint32_t i = 0; i < run->peers.count; i++) {
        if (is_lock(run, i, address))
            return strcmp(run->peers.items[i].name, PEER_NAME_CONDITION) == 0;
    }
    return false;
}

static void count_waiter(const struct run *run, uint32_t actor, const char *address, struct lock_facts *facts)
{
    const struct run_track *track = &run->tracks.items[actor];
    size_t looked = 0;
    for (size_t i = 0; i < track->waits.count; i++) {
        const struct run_wait *wait = &track->waits.items[i];
        if (wait->reason != WAIT_LOCK || !wait->blocked_ns || !is_lock(run, wait->peer, address))
            continue;
        struct where where;
        facts->waiter_count += looked == 0;
        facts->wait_count += wait->count;
        facts->wait_ns += wait->blocked_ns;
        if (looked++ < PLACE_LOOK_MAX) {
            facts->waiting_exact |= place_wait(run, actor, wait, &where) == PLACE_RECORDED;
            places_add(&facts->waiting, &where, wait->blocked_ns);
        }
    }
}

/* What the holder did while others waited for it: it ran, or it waited inside. */
static void look_at_holder(const struct run *run, const struct path_via *via, struct lock_facts *facts)
{
    const struct run_track *holder = &run->tracks.items[via->waker];
    struct places *inside = &facts->inside;
    uint64_t running_ns = via->end_ns - via->start_ns;
    facts->held_ns += running_ns;
    facts->computed_ns += running_ns;
    for (size_t i = run_waits_before(holder, via->end_ns); i-- > 0;) {
        const struct run_wait *wait = &holder->waits.items[i];
        if (wait->end_ns <= via->start_ns)
            break;
        uint64_t from = num_max(wait->start_ns, via->start_ns), to = num_min(wait->end_ns, via->end_ns);
        struct where at;
        running_ns -= num_min(to - from, running_ns);
        if (wait->blocked_ns)
            facts->computed_ns -= num_min(to - from, facts->computed_ns);
        if (wait->blocked_ns && wait->reason != WAIT_LOCK) {
            (void)place_wait(run, via->waker, wait, &at);
            places_add(inside, &at, to - from);
        }
    }
    size_t first = run_samples_before(holder, via->start_ns), last = run_samples_before(holder, via->end_ns);
    for (size_t i = first; i < last; i++) {
        struct where at = {0};
        place_actor(run, via->waker, via->end_ns, &at);
        attribute_function(run, holder->samples.items[i].stack, &at);
        places_add(inside, &at, running_ns / (last - first));
    }
}

/* The innermost function that a finding could name is the Python interpreter's own: the stack lacks Python's. */
static bool is_interpreter(const struct run *run, uint32_t stack)
{
    uint32_t frame = attribute_frame(run, stack);
    const char *module = frame == RUN_NONE ? NULL : run->frames.items[frame].module;
    const char *slash = module ? strrchr(module, '/') : NULL;
    return slash && (str_starts(slash, "/python3") || str_starts(slash, "/libpython3"));
}

static void look_at_holders(const struct scene *scene, const char *address, struct lock_facts *facts)
{
    const struct run *run = scene->run;
    for (size_t i = 0; i < scene->path->vias.count; i++) {
        const struct path_via *via = &scene->path->vias.items[i];
        if (via->reason != WAIT_LOCK || !is_lock(run, via->peer, address))
            continue;
        struct where where = {0};
        place_actor(run, via->waker, via->end_ns, &where);
        facts->exact |=
            !is_interpreter(run, via->waker_stack) && attribute_own_function(run, via->waker_stack, &where);
        places_add(&facts->holding, &where, via->end_ns - via->start_ns);
        look_at_holder(run, via, facts);
    }
}

static const char *spent(int doing)
{
    switch (doing) {
    case DOING_CPU: return "computing";
    case WAIT_SLEEP: return "sleeping";
    case WAIT_DISK_SYNC: return "waiting for the disk to confirm writes";
    case WAIT_DISK_READ:
    case WAIT_DISK_WRITE: return "waiting for the disk";
    case WAIT_NETWORK: return "waiting for the network";
    case WAIT_CHILD: return "waiting for another program";
    case WAIT_PIPE: return "waiting for a pipe";
    default: return "waiting";
    }
}

/* What is done most under a lock while others wait for it: what could be done outside, where it is not computing. */
static void tell_holder(const struct scene *scene, struct cause_claim *claim)
{
    int most = DOING_CPU;
    uint64_t most_ns = 0, total_ns = 0;
    for (int doing = DOING_CPU; doing < WAIT_REASON_COUNT; doing++) {
        uint64_t ns = scene_doing_under_ns(scene, doing, WAIT_LOCK);
        total_ns += ns;
        if (ns > most_ns) {
            most = doing;
            most_ns = ns;
        }
    }
    double ratio = num_ratio(most_ns, total_ns);
    if (ratio < HOLDER_RATIO_MIN || most == WAIT_CPU_QUEUE || most == WAIT_LOCK)
        return;
    claim_evidence(scene, claim, "its holder spends %.0f %% of the time that others wait %s", 100 * ratio,
                   spent(most));
    if (most != DOING_CPU)
        claim->fix = arena_printf(
            scene->arena,
            "do not hold the lock while %s (%.0f %% of the time that others wait for it), or split it",
            spent(most), 100 * ratio);
}

static void tell_evidence(const struct scene *scene, struct cause_claim *claim,
                          const struct lock_facts *facts)
{
    const struct where *holding = &claim->where, *waiting = &claim->where_waiting;
    claim_evidence(scene, claim, "for %s of the path threads wait for lock %s",
                   scene_duration(scene, claim->critical_ns), holding->peer);
    claim_evidence(scene, claim, "%llu threads waited for it %llu times, %s in all",
                   (unsigned long long)facts->waiter_count, (unsigned long long)facts->wait_count,
                   scene_duration(scene, facts->wait_ns));
    if (waiting->function)
        claim_evidence(scene, claim, "waiting: %s%s", scene_place(scene, waiting),
                       facts->waiting_exact ? "" : " or near it (seen before and after)");
    if (holding->function)
        claim_evidence(scene, claim, "holding: %s%s", scene_place(scene, holding),
                       facts->exact ? ", where it is given up"
                                    : " (inferred: what its holder did meanwhile)");
    const struct place_tally *inside = places_heaviest(&facts->inside);
    if (facts->exact && holding->function && inside && inside->where.function &&
        strcmp(inside->where.function, holding->function) != 0)
        claim_evidence(scene, claim, "while it is held: %s", scene_place(scene, &inside->where));
}

/* Threads that compute only while they hold one lock, for most of the run: they are no more than one thread. */
static bool take_turns(const struct via_entry *via, const struct lock_facts *facts)
{
    return facts->waiter_count >= 2 && via->ratio >= TURNS_RATIO_MIN &&
           num_ratio(facts->computed_ns, facts->held_ns) >= TURNS_COMPUTED_MIN;
}

/* Its holder changes while one waits: what the path does meanwhile is what all of them do, one after another. */
static bool take_turns_with_gil(const struct scene *scene, const struct via_entry *via,
                                const struct lock_facts *facts)
{
    uint64_t total_ns = 0;
    for (int doing = DOING_CPU; doing < WAIT_REASON_COUNT; doing++)
        total_ns += scene_doing_under_ns(scene, doing, WAIT_LOCK);
    uint64_t computed_ns = scene_doing_under_ns(scene, DOING_CPU, WAIT_LOCK) +
                           scene_doing_under_ns(scene, WAIT_CPU_QUEUE, WAIT_LOCK);
    return facts->waiter_count >= 2 && via->ratio >= TURNS_RATIO_MIN &&
           num_ratio(computed_ns, total_ns) >= TURNS_COMPUTED_MIN;
}

static const char *turns_title_of(const struct scene *scene, const struct cause_claim *claim,
                                  const struct lock_facts *facts)
{
    return arena_printf(scene->arena, "%llu threads of %s compute in turns: whoever does holds one lock",
                        (unsigned long long)facts->waiter_count,
                        claim->where.process ? claim->where.process : "the run");
}

static const char *title_of(const struct scene *scene, const struct cause_claim *claim,
                            const struct lock_facts *facts)
{
    const char *process = claim->where.process ? claim->where.process : "the run";
    const char *holding = claim->where.function, *waiting = claim->where_waiting.function;
    unsigned long long count = facts->waiter_count;
    if (holding && waiting && strcmp(holding, waiting) != 0)
        return arena_printf(scene->arena, "%llu threads of %s queue %s %s for the lock that %s holds", count,
                            process, facts->waiting_exact ? "in" : "near", waiting, holding);
    if (holding || waiting)
        return arena_printf(scene->arena, "%llu threads of %s queue for one lock, taken %s %s", count,
                            process, facts->exact || facts->waiting_exact ? "in" : "near",
                            holding ? holding : waiting);
    return arena_printf(scene->arena, "%llu threads of %s queue for one lock", count, process);
}

/* One thread at a time runs Python code: neither smaller locks nor shorter holding help. */
static bool is_gil(const struct run *run, const char *address)
{
    for (uint32_t i = 0; i < run->peers.count; i++)
        if (is_lock(run, i, address))
            return strcmp(run->peers.items[i].name, PEER_NAME_GIL) == 0;
    return false;
}

static void tell_gil(const struct scene *scene, struct cause_claim *claim, const struct lock_facts *facts)
{
    const char *process = claim->where.process ? claim->where.process : "the run";
    const char *function = claim->where.function;
    claim->title = arena_printf(scene->arena, "%llu threads of %s take turns with Python's GIL%s%s",
                                (unsigned long long)facts->waiter_count, process,
                                function ? ", held in " : "", function ? function : "");
    claim->assumption = "the threads could as well be processes";
    claim->fix =
        "compute in processes (multiprocessing, ProcessPoolExecutor) instead of threads, or in code that "
        "releases the GIL (NumPy, zlib, an extension of your own)";
}

static int claim_lock(const struct scene *scene, struct cause_claims *claims, const struct via_entry *via,
                      struct lock_facts *facts, struct err *err)
{
    const char *lock = via->where.peer;
    struct cause_claim claim = {.cause = "lock-contention", .critical_ns = via->ns};
    for (uint32_t i = 0; i < scene->run->tracks.count; i++)
        count_waiter(scene->run, i, lock, facts);
    look_at_holders(scene, lock, facts);
    bool gil = is_gil(scene->run, lock); /* is given up anywhere: what is done under it counts */
    const struct place_tally *holding =
        places_heaviest(facts->exact && !gil ? &facts->holding : &facts->inside);
    holding = holding ? holding : places_heaviest(&facts->holding);
    const struct place_tally *waiting = places_heaviest(&facts->waiting);
    if (holding)
        claim.where = holding->where;
    if (waiting)
        claim.where_waiting = waiting->where;
    claim.where.peer = claim.where_waiting.peer = lock;
    claim.waiter_count = facts->waiter_count;
    claim.acquisition_count = facts->wait_count;
    claim.change = arena_printf(scene->arena, "remove:lock/%s", lock);
    claim.title = title_of(scene, &claim, facts);
    if (gil && take_turns_with_gil(scene, via, facts)) {
        claim.cause = "false-parallelism";
    } else if (take_turns(via, facts)) {
        claim.cause = "false-parallelism";
        claim.title = turns_title_of(scene, &claim, facts);
        claim_evidence(scene, &claim, "its holder computes for %.0f %% of the time that others wait",
                       100 * num_ratio(facts->computed_ns, facts->held_ns));
    } else {
        tell_holder(scene, &claim);
    }
    if (gil)
        tell_gil(scene, &claim, facts);
    tell_evidence(scene, &claim, facts);
    return claim_add(claims, &claim, err);
}

int detect_lock_contention(const struct scene *scene, struct cause_claims *claims, struct err *err)
{
    struct lock_facts *facts = malloc(sizeof *facts);
    int status = facts ? 0 : err_memory(err);
    for (size_t i = 0; i < scene->attribution->via_count && !status; i++) {
        const struct via_entry *via = &scene->attribution->vias[i];
        const char *lock = via->where.peer;
        if (via->reason != WAIT_LOCK || !lock || via->ratio < CLAIM_RATIO_MIN ||
            is_condition(scene->run, lock))
            continue;
        memset(facts, 0, sizeof *facts);
        status = claim_lock(scene, claims, via, facts, err);
    }
    free(facts);
    return status;
}
