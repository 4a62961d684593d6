/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted cause: handle-leak. Each record opens a file to look something up, and never closes it: the process comes
 * nearer to its limit of open descriptors all the time. Fix: what was opened is closed.
 */
#include "planted.h"

#include <fcntl.h>
#include <unistd.h>

#define RECORD_COUNT 600
#define RECORD_UNITS 500u
#define RECORD_NS    PLANTED_MS_NS

PLANTED_NOINLINE static uint64_t handle_record(uint64_t state)
{
    planted_work(state, RECORD_UNITS);
    return state;
}

int main(int argc, char **argv)
{
    bool is_fixed = planted_flag(argc, argv, "--fixed");
    uint64_t state = 1;

    for (int record = 0; record < RECORD_COUNT; record++) {
        int fd = open("/etc/hostname", O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            planted_fail("open file");
        state = handle_record(state);
        planted_sleep(RECORD_NS);
        if (is_fixed)
            close(fd);
    }
    printf("%016llx\n", (unsigned long long)state);
    return 0;
}
