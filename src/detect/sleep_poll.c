/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sleep-poll: the path sleeps. A sleep inside a lock that others wait for belongs to the lock: its time is left to
 * lock-contention.
 */
#include "base/num.h"
#include "detect/detectors.h"

/* One of a series of sleeps for the same event, or the last of them: what it waited for had happened. */
static bool is_poll(const struct run_wait *wait)
{
    return wait->poll_series || (wait->reason == WAIT_SLEEP && wait->waker != RUN_NONE);
}

/* Part of the time that other threads of the process run, beside a thread that only sleeps until they are to stop. */
#define WORK_RATIO_MIN 0.2
#define THREAD_MAX     256

/* One long sleep, through which other threads that the program made work, and on after it: it is as long as they are to work
 * (a load generator's duration), and waits for nothing. */
static bool is_duration(const struct scene *scene, const struct path_step *step)
{
    const struct run *run = scene->run;
    const struct run_track *sleeper = &run->tracks.items[step->actor];
    const struct run_wait *sleep = run_wait_at(sleeper, step->end_ns, NULL);
    size_t count = sleeper->process == RUN_NONE ? 0 : run->tracks.items[sleeper->process].actors.count;
    double work_ratio = 0;
    if (!sleep || 2 * (sleep->end_ns - sleep->start_ns) <= scene->wall_ns)
        return false;
    for (size_t i = 0; i < count && i < THREAD_MAX; i++) {
        uint32_t index = run->tracks.items[sleeper->process].actors.items[i];
        const struct run_track *track = &run->tracks.items[index];
        if (index != step->actor && !track->is_helper &&
            track->start_ns <= step->start_ns + (step->end_ns - step->start_ns) / 10 &&
            track->end_ns > step->end_ns)
            work_ratio += num_ratio(track->run_ns, track->end_ns - track->start_ns);
    }
    return work_ratio >= WORK_RATIO_MIN;
}

static uint64_t duration_ns(const struct scene *scene)
{
    uint64_t ns = 0;
    for (size_t i = 0; i < scene->path->steps.count; i++) {
        const struct path_step *step = &scene->path->steps.items[i];
        if (step->doing == WAIT_SLEEP && step->actor != RUN_NONE && is_duration(scene, step))
            ns += step->end_ns - step->start_ns;
    }
    return ns;
}

int detect_sleep_poll(const struct scene *scene, struct cause_claims *claims, struct err *err)
{
    struct cause_claim claim = {.cause = "sleep-poll", .change = "remove:wait/sleep"};
    uint64_t ns = scene_doing_ns(scene, WAIT_SLEEP, &claim.where);
    uint64_t locked = scene_doing_under_ns(scene, WAIT_SLEEP, WAIT_LOCK);
    claim.critical_ns = ns > locked ? ns - locked : 0;
    if (num_ratio(claim.critical_ns, scene->wall_ns) < CLAIM_RATIO_MIN || locked > ns / 2)
        return 0;
    uint64_t polls = 0, polled_ns = 0;
    for (size_t i = 0; i < scene->run->tracks.count; i++) {
        const struct run_track *track = &scene->run->tracks.items[i];
        for (size_t j = 0; j < track->waits.count; j++) {
            const struct run_wait *wait = &track->waits.items[j];
            polls += is_poll(wait);
            polled_ns += is_poll(wait) ? wait->blocked_ns : 0;
        }
    }
    if (polled_ns <
        claim.critical_ns / 2) /* most of the sleeping ends with nothing that was seen to happen */
        polls = 0;
    if (!polls && duration_ns(scene) > claim.critical_ns / 2)
        return 0;
    claim.title =
        arena_printf(scene->arena, polls ? "%s sleeps on although what it waits for is there" : "%s sleeps",
                     scene_place(scene, &claim.where));
    claim_evidence(scene, &claim, "%s of the path is sleeping%s", scene_duration(scene, claim.critical_ns),
                   polls ? " although what it waited for had happened" : "");
    claim.is_guess =
        !polls; /* what sleeps may be told to: for as long as its work takes elsewhere, between tries */
    if (!polls)
        claim.fix = "wait for an event instead of sleeping, if it waits for something";
    if (polls)
        claim_evidence(scene, &claim, "%llu sleeps look like polling", (unsigned long long)polls);
    return claim_add(claims, &claim, err);
}
