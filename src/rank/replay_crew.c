/* SPDX-License-Identifier: Apache-2.0 */
#include "rank/replay_crew.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/num.h"

#define HAND_COUNT_MAX 16
/* What the copies of the program beside the first may take in all. */
#define COPIES_BYTES_MAX (UINT64_C(1) << 30)

struct crew {
    struct replay_job *jobs;
    size_t count;
    atomic_size_t next;
    atomic_bool is_over; /* something failed */
};

struct hand {
    struct crew *crew;
    struct whatif whatif;
    pthread_t thread;
    int status;
    struct err err;
};

static int replay_job(const struct whatif *whatif, struct replay_job *job, struct err *err)
{
    struct change changes[REPLAY_CREW_CHANGES_MAX];
    for (size_t i = 0; i < job->count; i++)
        changes[i] = *job->changes[i];
    job->status = job->is_told ? whatif_predict(whatif, changes, job->count, &job->result, err)
                               : whatif_replay(whatif, changes, job->count, &job->result, err);
    return job->status == -ERR_USAGE ? 0 : job->status;
}

static void work(struct hand *hand)
{
    struct crew *crew = hand->crew;
    while (!hand->status && !atomic_load(&crew->is_over)) {
        size_t at = atomic_fetch_add(&crew->next, 1);
        if (at >= crew->count)
            return;
        hand->status = replay_job(&hand->whatif, &crew->jobs[at], &hand->err);
        if (hand->status)
            atomic_store(&crew->is_over, true);
    }
}

static void *hand_main(void *argument)
{
    work(argument);
    return NULL;
}

/* Threads beside the calling one. */
static size_t hand_count(const struct whatif *whatif, size_t job_count)
{
    cpu_set_t cpus;
    size_t cpu_count = sched_getaffinity(0, sizeof cpus, &cpus) ? 1 : (size_t)CPU_COUNT(&cpus);
    uint64_t bytes = 1;
    for (size_t i = 0; i < whatif->program.actor_count; i++)
        bytes += whatif->program.actors[i].ops.count * sizeof(struct op);
    uint64_t copies = num_min(COPIES_BYTES_MAX / bytes, HAND_COUNT_MAX);
    size_t most = (size_t)num_min(copies, job_count > 1 ? job_count - 1 : 0);
    return (size_t)num_min(most, cpu_count > 1 ? cpu_count - 1 : 0);
}

/* Signals are the calling thread's. */
static bool start(struct hand *hand, const struct whatif *whatif)
{
    sigset_t all, before;
    if (whatif_twin(whatif, &hand->whatif, NULL))
        return false;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int refused = pthread_create(&hand->thread, NULL, hand_main, hand);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (refused)
        whatif_twin_deinit(&hand->whatif);
    return !refused;
}

int replay_crew(const struct whatif *whatif, struct replay_job *jobs, size_t count, struct err *err)
{
    struct crew crew = {.jobs = jobs, .count = count};
    size_t wanted = hand_count(whatif, count), started = 0;
    struct hand own = {.crew = &crew, .whatif = *whatif};
    struct hand *hands = calloc(wanted + 1, sizeof *hands);
    if (!hands)
        wanted = 0;
    for (; started < wanted; started++) {
        hands[started].crew = &crew;
        if (!start(&hands[started], whatif))
            break;
    }
    work(&own);
    int status = own.status;
    const struct err *why = &own.err;
    for (size_t i = 0; i < started; i++) {
        pthread_join(hands[i].thread, NULL);
        whatif_twin_deinit(&hands[i].whatif);
        if (hands[i].status && !status) {
            status = hands[i].status;
            why = &hands[i].err;
        }
    }
    if (status && err)
        *err = *why;
    free(hands);
    return status;
}
