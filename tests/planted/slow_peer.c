/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted cause: network-wait. Each request to the peer is made from the answer before it, so the
 * requests cannot overlap; the peer takes 20 ms for each, the program 4 ms. Fix: a peer that
 * answers at once (the program is the same, the port is another).
 *
 * The same program is built as deep_lookup, the grandchild of grandchild.sh.
 */
#include "tcp.h"

#define REQUEST_COUNT 55
#define PARSE_UNITS   1000u

PLANTED_NOINLINE static uint64_t parse_answer(uint64_t state)
{
    planted_work(state, PARSE_UNITS);
    return state;
}

PLANTED_NOINLINE static uint64_t build_request(uint64_t state)
{
    planted_work(state, PARSE_UNITS);
    return state;
}

int main(int argc, char **argv)
{
    int fd = tcp_open(planted_word(argc, argv, "slow_peer PORT"));
    unsigned request_count = planted_scaled(argc, argv, REQUEST_COUNT);
    uint64_t token = 1;

    for (unsigned request = 0; request < request_count; request++) {
        uint64_t answer = tcp_ask(fd, token);
        token = build_request(parse_answer(answer));
    }
    close(fd);
    printf("%016llx\n", (unsigned long long)token);
    return 0;
}
