/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted cause: false-parallelism. Two threads compute, but each holds the interpreter's lock for all of it and lets go of
 * it only to write a line, so that they take turns and use one core. The work is spread over three functions. Fix: the
 * lock is held only to count.
 */
#include "planted.h"

#include <pthread.h>

#define THREAD_COUNT 2
#define STEP_COUNT   30
#define STEP_UNITS   2000u
#define WRITE_NS     (4 * PLANTED_MS_NS)

struct member {
    uint64_t state;
    pthread_t thread;
};

static pthread_mutex_t interpreter = PTHREAD_MUTEX_INITIALIZER;
static unsigned step_count;
static bool fixed;

PLANTED_NOINLINE static uint64_t fetch_bytes(uint64_t state)
{
    planted_work(state, STEP_UNITS);
    return state;
}

PLANTED_NOINLINE static uint64_t run_bytes(uint64_t state)
{
    planted_work(state, STEP_UNITS);
    return state + 1;
}

PLANTED_NOINLINE static uint64_t count_references(uint64_t state)
{
    planted_work(state, STEP_UNITS);
    return state + 2;
}

static uint64_t do_step(uint64_t state)
{
    return count_references(run_bytes(fetch_bytes(state)));
}

static void *interpret(void *argument)
{
    struct member *member = argument;

    for (unsigned step = 0; step < STEP_COUNT; step++) {
        if (fixed)
            member->state = do_step(member->state);
        pthread_mutex_lock(&interpreter);
        if (!fixed)
            member->state = do_step(member->state);
        step_count++;
        pthread_mutex_unlock(&interpreter);
        planted_sleep(WRITE_NS);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    struct member members[THREAD_COUNT];
    uint64_t sum = 0;

    fixed = planted_flag(argc, argv, "--fixed");
    for (unsigned i = 0; i < THREAD_COUNT; i++) {
        members[i] = (struct member){.state = i};
        if (pthread_create(&members[i].thread, NULL, interpret, &members[i]) != 0)
            planted_fail("start thread");
    }
    for (unsigned i = 0; i < THREAD_COUNT; i++) {
        pthread_join(members[i].thread, NULL);
        sum += members[i].state;
    }
    printf("%u steps, %016llx\n", step_count, (unsigned long long)sum);
    return 0;
}
