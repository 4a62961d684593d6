/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted cause: cpu-single-thread. Four threads share the rounds of a job and meet at a
 * barrier after each, but the keys all hash to thread 0: it works, the others wait for it. The
 * work is spread over four functions, so none of them is the cause. Fix: thread 0 and thread 1
 * take half the work each (two, so that two cores are enough to show the whole gain).
 */
#include "planted.h"

#include <pthread.h>

#define THREAD_COUNT   4
#define ROUND_COUNT    12
#define FUNCTION_UNITS 15000u

struct member {
    unsigned index;
    unsigned round_count;
    unsigned share_count; /* how many threads the work is split over */
    uint64_t state;
    pthread_t thread;
};

static pthread_barrier_t round_end;

PLANTED_NOINLINE static uint64_t split_keys(uint64_t state, uint64_t units)
{
    planted_work(state, units);
    return state;
}

PLANTED_NOINLINE static uint64_t look_up_keys(uint64_t state, uint64_t units)
{
    planted_work(state, units);
    return state + 1;
}

PLANTED_NOINLINE static uint64_t merge_rows(uint64_t state, uint64_t units)
{
    planted_work(state, units);
    return state + 2;
}

PLANTED_NOINLINE static uint64_t encode_rows(uint64_t state, uint64_t units)
{
    planted_work(state, units);
    return state + 3;
}

static void *member_run(void *argument)
{
    struct member *member = argument;
    uint64_t units = FUNCTION_UNITS / member->share_count;

    for (unsigned round = 0; round < member->round_count; round++) {
        if (member->index < member->share_count) {
            member->state = split_keys(member->state, units);
            member->state = look_up_keys(member->state, units);
            member->state = merge_rows(member->state, units);
            member->state = encode_rows(member->state, units);
        }
        pthread_barrier_wait(&round_end);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    struct member members[THREAD_COUNT];
    uint64_t sum = 0;

    if (pthread_barrier_init(&round_end, NULL, THREAD_COUNT) != 0)
        planted_fail("make barrier");
    for (unsigned i = 0; i < THREAD_COUNT; i++) {
        members[i].index = i;
        members[i].round_count = planted_scaled(argc, argv, ROUND_COUNT);
        members[i].share_count = planted_flag(argc, argv, "--fixed") ? 2 : 1;
        members[i].state = i;
        if (pthread_create(&members[i].thread, NULL, member_run, &members[i]) != 0)
            planted_fail("start thread");
    }
    for (unsigned i = 0; i < THREAD_COUNT; i++) {
        pthread_join(members[i].thread, NULL);
        sum += members[i].state;
    }
    printf("%016llx\n", (unsigned long long)sum);
    return 0;
}
