/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted cause: spin. On every core one thread computes parts, and beside it a collector waits for each part by looking
 * at a counter again and again, so the two share the core. The computing is spread over three functions. Fix: the
 * collector sleeps on a condition until the part is there.
 */
#include "planted.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define PAIR_MAX   64
#define PART_COUNT 40
#define PART_UNITS 2100u

struct pair {
    atomic_uint done_count;
    pthread_mutex_t lock;
    pthread_cond_t done;
    uint64_t state, sum;
    pthread_t maker, collector;
};

static bool fixed;

PLANTED_NOINLINE static uint64_t read_part(uint64_t state)
{
    planted_work(state, PART_UNITS);
    return state;
}

PLANTED_NOINLINE static uint64_t sort_part(uint64_t state)
{
    planted_work(state, PART_UNITS);
    return state + 1;
}

PLANTED_NOINLINE static uint64_t pack_part(uint64_t state)
{
    planted_work(state, PART_UNITS);
    return state + 2;
}

static void *make_parts(void *argument)
{
    struct pair *pair = argument;

    for (unsigned part = 0; part < PART_COUNT; part++) {
        pair->state = pack_part(sort_part(read_part(pair->state)));
        if (fixed)
            pthread_mutex_lock(&pair->lock);
        atomic_fetch_add(&pair->done_count, 1);
        if (fixed) {
            pthread_cond_signal(&pair->done);
            pthread_mutex_unlock(&pair->lock);
        }
    }
    return NULL;
}

PLANTED_NOINLINE static void await_part(struct pair *pair, unsigned part)
{
    while (atomic_load(&pair->done_count) <= part) {
    }
}

static void sleep_until_part(struct pair *pair, unsigned part)
{
    pthread_mutex_lock(&pair->lock);
    while (atomic_load(&pair->done_count) <= part)
        pthread_cond_wait(&pair->done, &pair->lock);
    pthread_mutex_unlock(&pair->lock);
}

static void *collect_parts(void *argument)
{
    struct pair *pair = argument;

    for (unsigned part = 0; part < PART_COUNT; part++) {
        if (fixed)
            sleep_until_part(pair, part);
        else
            await_part(pair, part);
        pair->sum += part;
    }
    return NULL;
}

static int core_count(void)
{
    cpu_set_t cores;

    if (sched_getaffinity(0, sizeof cores, &cores) != 0)
        planted_fail("read affinity");
    return CPU_COUNT(&cores) < PAIR_MAX ? CPU_COUNT(&cores) : PAIR_MAX;
}

int main(int argc, char **argv)
{
    static struct pair pairs[PAIR_MAX];
    int count = core_count();
    uint64_t sum = 0;

    fixed = planted_flag(argc, argv, "--fixed");
    for (int i = 0; i < count; i++) {
        pthread_mutex_init(&pairs[i].lock, NULL);
        pthread_cond_init(&pairs[i].done, NULL);
        if (pthread_create(&pairs[i].maker, NULL, make_parts, &pairs[i]) != 0 ||
            pthread_create(&pairs[i].collector, NULL, collect_parts, &pairs[i]) != 0)
            planted_fail("start thread");
    }
    for (int i = 0; i < count; i++) {
        pthread_join(pairs[i].maker, NULL);
        pthread_join(pairs[i].collector, NULL);
        sum += pairs[i].state + pairs[i].sum;
    }
    printf("%016llx\n", (unsigned long long)sum);
    return 0;
}
