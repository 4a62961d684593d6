/* SPDX-License-Identifier: Apache-2.0 */
/* One child of late_program.sh: asks the peer for so many pages, each after the one before, and checks them. */
#include "tcp.h"

#define PAGE_UNITS 300u

PLANTED_NOINLINE static uint64_t check_page(uint64_t state)
{
    planted_work(state, PAGE_UNITS);
    return state;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: fetch_share PORT PAGES\n");
        return 2;
    }
    int fd = tcp_open(argv[1]);
    uint64_t state = 1;

    for (unsigned long page = strtoul(argv[2], NULL, 10); page > 0; page--)
        state = check_page(tcp_ask(fd, state));
    close(fd);
    printf("%016llx\n", (unsigned long long)state);
    return 0;
}
