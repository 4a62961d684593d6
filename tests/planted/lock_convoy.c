/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted cause: lock-contention. Four threads post entries to one ledger; each holds the lock
 * through the 4 ms of the entry's write and does a little work outside it, so they go one by one.
 * Fix: the write happens outside the lock, only the count is kept under it.
 */
#include "planted.h"

#include <pthread.h>

#define THREAD_COUNT 4
#define ENTRY_COUNT  80
#define WRITE_NS     (4 * PLANTED_MS_NS)
#define ENTRY_UNITS  75u

static pthread_mutex_t ledger = PTHREAD_MUTEX_INITIALIZER;
static uint64_t ledger_count;
static unsigned entry_count;
static bool fixed;

PLANTED_NOINLINE static uint64_t prepare_entry(uint64_t state)
{
    planted_work(state, ENTRY_UNITS);
    return state;
}

PLANTED_NOINLINE static void write_entry(void)
{
    planted_sleep(WRITE_NS);
}

static void *post_entries(void *argument)
{
    uint64_t *state = argument;

    for (unsigned entry = 0; entry < entry_count; entry++) {
        *state = prepare_entry(*state);
        if (fixed)
            write_entry();
        pthread_mutex_lock(&ledger);
        if (!fixed)
            write_entry();
        ledger_count++;
        pthread_mutex_unlock(&ledger);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREAD_COUNT];
    uint64_t states[THREAD_COUNT] = {1, 2, 3, 4};

    fixed = planted_flag(argc, argv, "--fixed");
    entry_count = planted_scaled(argc, argv, ENTRY_COUNT);
    for (int i = 0; i < THREAD_COUNT; i++) {
        if (pthread_create(&threads[i], NULL, post_entries, &states[i]) != 0)
            planted_fail("start thread");
    }
    for (int i = 0; i < THREAD_COUNT; i++)
        pthread_join(threads[i], NULL);
    printf("%llu entries\n", (unsigned long long)ledger_count);
    return 0;
}
