/* SPDX-License-Identifier: Apache-2.0 */
/* What the three programs of pipeline.sh share: whole blocks in and out of a pipe. */
#ifndef TOLL_TESTS_PLANTED_PIPE_STAGE_H
#define TOLL_TESTS_PLANTED_PIPE_STAGE_H

#include "planted.h"

#include <unistd.h>

#define BLOCK_COUNT 300
#define BLOCK_BYTES 65536

/* False at the end of the input; anything between nothing and a whole block is an error. */
static inline bool block_read(char *block)
{
    size_t used = 0;

    while (used < BLOCK_BYTES) {
        ssize_t got = read(STDIN_FILENO, block + used, BLOCK_BYTES - used);
        if (got == 0 && used == 0)
            return false;
        if (got <= 0)
            planted_fail("read block");
        used += (size_t)got;
    }
    return true;
}

static inline void block_write(const char *block)
{
    size_t used = 0;

    while (used < BLOCK_BYTES) {
        ssize_t put = write(STDOUT_FILENO, block + used, BLOCK_BYTES - used);
        if (put <= 0)
            planted_fail("write block");
        used += (size_t)put;
    }
}

#endif
