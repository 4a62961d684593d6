/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted cause: idle-worker. One thread reads and splits every batch before it puts it into a queue, and two
 * workers have little left to do with it: they are idle most of the time. The work of the feeding thread is spread
 * over two functions. Fix: the workers take the batches themselves, and read and split them side by side.
 */
#include "planted.h"

#include <pthread.h>

#define WORKER_COUNT 2
#define BATCH_COUNT  120
#define READ_UNITS   1400u
#define SPLIT_UNITS  1400u
#define STORE_UNITS  600u

struct member {
    uint64_t state;
    pthread_t thread;
};

static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t queue_filled = PTHREAD_COND_INITIALIZER;
static unsigned queued_count, taken_count;
static bool fixed;

PLANTED_NOINLINE static uint64_t read_batch(uint64_t state)
{
    planted_work(state, READ_UNITS);
    return state;
}

PLANTED_NOINLINE static uint64_t split_batch(uint64_t state)
{
    planted_work(state, SPLIT_UNITS);
    return state + 1;
}

PLANTED_NOINLINE static uint64_t prepare_batch(uint64_t state)
{
    return split_batch(read_batch(state));
}

PLANTED_NOINLINE static uint64_t store_batch(uint64_t state)
{
    planted_work(state, STORE_UNITS);
    return state + 2;
}

/* Waits for a batch; false when there are no more. */
static bool take_batch(void)
{
    pthread_mutex_lock(&queue_lock);
    while (taken_count < BATCH_COUNT && taken_count == queued_count)
        pthread_cond_wait(&queue_filled, &queue_lock);
    bool taken = taken_count < BATCH_COUNT;
    taken_count += taken;
    if (taken_count == BATCH_COUNT)
        pthread_cond_broadcast(&queue_filled);
    pthread_mutex_unlock(&queue_lock);
    return taken;
}

static void put_batches(unsigned count)
{
    pthread_mutex_lock(&queue_lock);
    queued_count += count;
    pthread_cond_broadcast(&queue_filled);
    pthread_mutex_unlock(&queue_lock);
}

static void *serve_queue(void *argument)
{
    struct member *member = argument;

    while (take_batch()) {
        if (fixed)
            member->state = prepare_batch(member->state);
        member->state = store_batch(member->state);
    }
    return NULL;
}

PLANTED_NOINLINE static uint64_t feed_queue(uint64_t state)
{
    for (unsigned batch = 0; batch < BATCH_COUNT; batch++) {
        state = prepare_batch(state);
        put_batches(1);
    }
    return state;
}

int main(int argc, char **argv)
{
    struct member members[WORKER_COUNT];
    uint64_t sum = 1;

    fixed = planted_flag(argc, argv, "--fixed");
    for (unsigned i = 0; i < WORKER_COUNT; i++) {
        members[i].state = i;
        if (pthread_create(&members[i].thread, NULL, serve_queue, &members[i]) != 0)
            planted_fail("start thread");
    }
    if (fixed)
        put_batches(BATCH_COUNT);
    else
        sum = feed_queue(sum);
    for (unsigned i = 0; i < WORKER_COUNT; i++) {
        pthread_join(members[i].thread, NULL);
        sum += members[i].state;
    }
    printf("%016llx\n", (unsigned long long)sum);
    return 0;
}
