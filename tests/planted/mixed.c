/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two causes in one thread, for combined.py: each item is asked of a peer (network-wait) and checksummed (cpu-hot), beside a
 * little other work. `--items=N`, `--ask=PERCENT` (how many of the items are asked for) and `--hot=PERCENT` (of a checksum's
 * work) set how large each of them is.
 * Fixes: --cached, the peer at the second port, which answers at once; --fast, a checksum 4 times faster.
 */
#include "tcp.h"

#define OTHER_UNITS  400u
#define HOT_UNITS    8000u
#define FIXED_FACTOR 4u

PLANTED_NOINLINE static uint64_t unpack_item(uint64_t state)
{
    planted_work(state, OTHER_UNITS);
    return state;
}

PLANTED_NOINLINE static uint64_t checksum_item(uint64_t state, uint64_t units)
{
    planted_work(state, units);
    return state;
}

PLANTED_NOINLINE static uint64_t store_item(uint64_t state)
{
    planted_work(state, OTHER_UNITS);
    return state + 1;
}

static unsigned number_of(int argc, char **argv, const char *name)
{
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], name, strlen(name)) == 0)
            return (unsigned)strtoul(argv[i] + strlen(name), NULL, 10);
    }
    fprintf(stderr,
            "usage: mixed SLOW_PORT FAST_PORT --items=N --ask=PERCENT --hot=PERCENT [--cached] [--fast]\n");
    exit(2);
}

int main(int argc, char **argv)
{
    unsigned item_count = number_of(argc, argv, "--items="), ask_percent = number_of(argc, argv, "--ask=");
    uint64_t hot_units = HOT_UNITS * number_of(argc, argv, "--hot=") / 100;
    uint64_t units = planted_flag(argc, argv, "--fast") ? hot_units / FIXED_FACTOR : hot_units;
    const char *port = planted_flag(argc, argv, "--cached") ? argv[2] : argv[1];
    int fd = tcp_open(port);
    uint64_t state = 1;

    for (unsigned item = 0; item < item_count; item++) {
        if (item * ask_percent / 100 != (item + 1) * ask_percent / 100)
            state ^= tcp_ask(fd, state);
        state = store_item(checksum_item(unpack_item(state), units));
    }
    close(fd);
    printf("%016llx\n", (unsigned long long)state);
    return 0;
}
