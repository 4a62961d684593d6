/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted cause: network-wait, over UDP. Names are looked up one after another, each found by the answer to the one before
 * (a chain of aliases), at a resolver that takes 20 ms. Fix: a resolver that answers at once; the program is the same.
 */
#include "tcp.h"

#define NAME_COUNT 36
#define NAME_UNITS 800u

PLANTED_NOINLINE static uint64_t read_record(uint64_t state)
{
    planted_work(state, NAME_UNITS);
    return state;
}

PLANTED_NOINLINE static uint64_t write_zone(uint64_t state)
{
    planted_work(state, NAME_UNITS);
    return state + 1;
}

static uint64_t look_up(int fd, uint64_t name)
{
    uint64_t answer;

    if (send(fd, &name, sizeof name, 0) != (ssize_t)sizeof name)
        planted_fail("send name");
    if (recv(fd, &answer, sizeof answer, 0) != (ssize_t)sizeof answer)
        planted_fail("receive address");
    return answer;
}

int main(int argc, char **argv)
{
    const char *port = planted_word(argc, argv, "slow_names PORT");
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    uint64_t state = 1;

    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        planted_fail("open socket");
    for (int name = 0; name < NAME_COUNT; name++)
        state = write_zone(read_record(look_up(fd, state)));
    close(fd);
    printf("%016llx\n", (unsigned long long)state);
    return 0;
}
