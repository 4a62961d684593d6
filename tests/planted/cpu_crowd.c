/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted cause: cpu-contention. The main thread has the work that counts; beside it, threads that
 * guess at later work keep three runnable threads for every core, so the main thread queues two
 * thirds of the time. What they guess is not needed when the main thread is done. Fix: no guessing
 * threads.
 */
#include "planted.h"

#include <pthread.h>
#include <sched.h>

#define THREADS_PER_CORE 3
#define STEP_COUNT       160
#define STEP_UNITS       600u
#define GUESS_UNITS      2000000u /* more than there is time for */

PLANTED_NOINLINE static uint64_t solve_rows(uint64_t state)
{
    planted_work(state, STEP_UNITS);
    return state;
}

PLANTED_NOINLINE static uint64_t solve_columns(uint64_t state)
{
    planted_work(state, STEP_UNITS);
    return state + 1;
}

PLANTED_NOINLINE static uint64_t solve_corners(uint64_t state)
{
    planted_work(state, STEP_UNITS);
    return state + 2;
}

PLANTED_NOINLINE static uint64_t guess_ahead(uint64_t state)
{
    planted_work(state, GUESS_UNITS);
    return state;
}

static void *guess(void *argument)
{
    uint64_t *state = argument;

    *state = guess_ahead(*state);
    return NULL;
}

static int core_count(void)
{
    cpu_set_t cores;

    if (sched_getaffinity(0, sizeof cores, &cores) != 0)
        planted_fail("read affinity");
    return CPU_COUNT(&cores);
}

int main(int argc, char **argv)
{
    int guess_count = planted_flag(argc, argv, "--fixed") ? 0 : THREADS_PER_CORE * core_count() - 1;
    uint64_t *guesses = calloc((size_t)guess_count + 1, sizeof *guesses);
    uint64_t state = 1;
    pthread_t thread;

    if (guesses == NULL)
        planted_fail("allocate");
    for (int i = 0; i < guess_count; i++) {
        if (pthread_create(&thread, NULL, guess, &guesses[i]) != 0)
            planted_fail("start thread");
    }
    for (int step = 0; step < STEP_COUNT; step++)
        state = solve_corners(solve_columns(solve_rows(state)));
    printf("%016llx\n", (unsigned long long)state);
    exit(0);
}
