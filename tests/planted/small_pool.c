/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted cause: config, the size of a pool. Two workers take requests from a list; each waits 20 ms for the answer of a
 * server that would serve many at once, so the workers are never free and the list waits. Fix: sixteen workers.
 */
#include "tcp.h"

#include <pthread.h>
#include <stdatomic.h>

#define WORKER_COUNT       2
#define WORKER_COUNT_FIXED 16
#define REQUEST_COUNT      112
#define REQUEST_UNITS      150u

struct member {
    const char *port;
    uint64_t state;
    pthread_t thread;
};

static atomic_uint next_request;
static unsigned request_count;

PLANTED_NOINLINE static uint64_t check_answer(uint64_t state)
{
    planted_work(state, REQUEST_UNITS);
    return state;
}

static void *serve_list(void *argument)
{
    struct member *member = argument;
    int fd = tcp_open(member->port);

    for (unsigned request; (request = atomic_fetch_add(&next_request, 1)) < request_count;)
        member->state = check_answer(member->state ^ tcp_ask(fd, request));
    close(fd);
    return NULL;
}

int main(int argc, char **argv)
{
    const char *port = planted_word(argc, argv, "small_pool PORT [--fixed]");
    unsigned count = planted_flag(argc, argv, "--fixed") ? WORKER_COUNT_FIXED : WORKER_COUNT;
    struct member members[WORKER_COUNT_FIXED];
    uint64_t sum = 0;

    request_count = planted_scaled(argc, argv, REQUEST_COUNT);
    for (unsigned i = 0; i < count; i++) {
        members[i] = (struct member){.port = port, .state = i};
        if (pthread_create(&members[i].thread, NULL, serve_list, &members[i]) != 0)
            planted_fail("start thread");
    }
    for (unsigned i = 0; i < count; i++) {
        pthread_join(members[i].thread, NULL);
        sum += members[i].state;
    }
    printf("%016llx\n", (unsigned long long)sum);
    return 0;
}
