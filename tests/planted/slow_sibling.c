/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted cause: straggler. Four threads render a quarter of the tiles each, in equal time but for one whose tiles take
 * six times as long (it asks for every texture anew), so the others are done and the run waits for it. The work
 * is spread over three functions. Fix: that one has its textures as well.
 */
#include "tcp.h"

#include <pthread.h>

#define THREAD_COUNT 4
#define TILE_COUNT   10
#define TILE_UNITS   300u

struct member {
    const char *port;
    unsigned tile_count;
    uint64_t state;
    pthread_t thread;
};

PLANTED_NOINLINE static uint64_t trace_rays(uint64_t state, uint64_t units)
{
    planted_work(state, units);
    return state;
}

PLANTED_NOINLINE static uint64_t shade_pixels(uint64_t state, uint64_t units)
{
    planted_work(state, units);
    return state + 1;
}

PLANTED_NOINLINE static uint64_t encode_tile(uint64_t state, uint64_t units)
{
    planted_work(state, units);
    return state + 2;
}

static void *render_tiles(void *argument)
{
    struct member *member = argument;
    int fd = tcp_open(member->port);

    for (unsigned tile = 0; tile < member->tile_count; tile++) {
        member->state = trace_rays(member->state, TILE_UNITS);
        member->state = shade_pixels(member->state, TILE_UNITS);
        member->state = encode_tile(member->state, TILE_UNITS);
        member->state ^= tcp_ask(fd, member->state);
    }
    close(fd);
    return NULL;
}

int main(int argc, char **argv)
{
    const char *port = planted_word(argc, argv, "slow_sibling PORT [--fixed]");
    struct member members[THREAD_COUNT];
    uint64_t sum = 0;

    for (unsigned i = 0; i < THREAD_COUNT; i++) {
        bool slow = i == 2 && !planted_flag(argc, argv, "--fixed");
        members[i].tile_count = planted_scaled(argc, argv, TILE_COUNT) * (slow ? 6 : 1);
        members[i].port = port;
        members[i].state = i;
        if (pthread_create(&members[i].thread, NULL, render_tiles, &members[i]) != 0)
            planted_fail("start thread");
    }
    for (unsigned i = 0; i < THREAD_COUNT; i++) {
        pthread_join(members[i].thread, NULL);
        sum += members[i].state;
    }
    printf("%016llx\n", (unsigned long long)sum);
    return 0;
}
