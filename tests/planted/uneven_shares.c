/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted cause: imbalance. Four threads read the segments of a table, a fixed range of keys each, but the keys are
 * dense at one end: the ranges hold 4, 8, 16 and 68 segments. Each segment is asked for, then worked on. Fix: a
 * thread takes the next segment when it is done with the last.
 */
#include "tcp.h"

#include <pthread.h>
#include <stdatomic.h>

#define THREAD_COUNT  4
#define SEGMENT_COUNT 96
#define SEGMENT_UNITS 300u

struct member {
    const char *port;
    unsigned share; /* 0: takes the next one */
    uint64_t state;
    pthread_t thread;
};

static atomic_uint next_segment;
static unsigned segment_count;

PLANTED_NOINLINE static uint64_t unpack_segment(uint64_t state)
{
    planted_work(state, SEGMENT_UNITS);
    return state;
}

PLANTED_NOINLINE static uint64_t scan_segment(uint64_t state)
{
    planted_work(state, SEGMENT_UNITS);
    return state + 1;
}

static uint64_t read_segment(int fd, uint64_t state)
{
    state ^= tcp_ask(fd, state);
    return scan_segment(unpack_segment(state));
}

static void *read_share(void *argument)
{
    struct member *member = argument;
    int fd = tcp_open(member->port);

    for (unsigned i = 0; i < member->share; i++)
        member->state = read_segment(fd, member->state);
    while (member->share == 0 && atomic_fetch_add(&next_segment, 1) < segment_count)
        member->state = read_segment(fd, member->state);
    close(fd);
    return NULL;
}

int main(int argc, char **argv)
{
    static const unsigned shares[THREAD_COUNT] = {4, 8, 16, 68};
    const char *port = planted_word(argc, argv, "uneven_shares PORT [--fixed]");
    struct member members[THREAD_COUNT];
    uint64_t sum = 0;

    segment_count = planted_scaled(argc, argv, SEGMENT_COUNT);
    for (unsigned i = 0; i < THREAD_COUNT; i++) {
        members[i].share = planted_flag(argc, argv, "--fixed") ? 0 : planted_scaled(argc, argv, shares[i]);
        members[i].port = port;
        members[i].state = i;
        if (pthread_create(&members[i].thread, NULL, read_share, &members[i]) != 0)
            planted_fail("start thread");
    }
    for (unsigned i = 0; i < THREAD_COUNT; i++) {
        pthread_join(members[i].thread, NULL);
        sum += members[i].state;
    }
    printf("%016llx\n", (unsigned long long)sum);
    return 0;
}
