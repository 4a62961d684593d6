/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted cause: unbuffered-io. A file is written a number at a time, 1 to 16 bytes each, and every number is a system
 * call. Fix: the same bytes through a buffer of 64 KB.
 */
#include "planted.h"

#include <fcntl.h>
#include <unistd.h>

#define NUMBER_COUNT 2400000
#define NUMBER_EVERY 16 /* numbers for one unit of work */

static char buffer[65536];

PLANTED_NOINLINE static uint64_t next_numbers(uint64_t state)
{
    planted_work(state, 1);
    return state;
}

static void write_all(int fd, const char *bytes, size_t length)
{
    if (write(fd, bytes, length) != (ssize_t)length)
        planted_fail("write");
}

int main(int argc, char **argv)
{
    char path[512];
    bool is_fixed = planted_flag(argc, argv, "--fixed");
    size_t used = 0;
    uint64_t state = 1;

    snprintf(path, sizeof path, "%s/numbers", planted_word(argc, argv, "tiny_writes FOLDER [--fixed]"));
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        planted_fail("create file");
    for (int i = 0; i < NUMBER_COUNT; i++) {
        char number[16];
        if (i % NUMBER_EVERY == 0)
            state = next_numbers(state);
        size_t length = 1 + (size_t)(i % (int)sizeof number);
        memset(number, '0' + (int)(state % 10), length);
        if (!is_fixed) {
            write_all(fd, number, length);
            continue;
        }
        if (used + length > sizeof buffer) {
            write_all(fd, buffer, used);
            used = 0;
        }
        memcpy(buffer + used, number, length);
        used += length;
    }
    write_all(fd, buffer, used);
    close(fd);
    unlink(path);
    printf("%016llx\n", (unsigned long long)state);
    return 0;
}
