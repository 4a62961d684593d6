/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted cause: pipe-backpressure. The slow stage in the middle of pipeline.sh: the stage before
 * waits to write to it, the stage behind waits to read from it. Fix: it is 4 times faster.
 */
#include "pipe_stage.h"

#define FILTER_UNITS 2400u
#define FIXED_FACTOR 4u

PLANTED_NOINLINE static uint64_t filter_block(uint64_t state, uint64_t units)
{
    planted_work(state, units);
    return state;
}

int main(int argc, char **argv)
{
    static char block[BLOCK_BYTES];
    uint64_t units = planted_flag(argc, argv, "--fixed") ? FILTER_UNITS / FIXED_FACTOR : FILTER_UNITS;
    uint64_t state = 1;

    while (block_read(block)) {
        state = filter_block(state, units);
        memcpy(block, &state, sizeof state);
        block_write(block);
    }
    return 0;
}
