/* SPDX-License-Identifier: Apache-2.0 */
/* The last stage of pipeline.sh: counts blocks, far faster than the stage before gives them. */
#include "pipe_stage.h"

#define SINK_UNITS 200u

PLANTED_NOINLINE static uint64_t sum_block(uint64_t state)
{
    planted_work(state, SINK_UNITS);
    return state;
}

int main(void)
{
    static char block[BLOCK_BYTES];
    uint64_t state = 1;
    int count = 0;

    for (; block_read(block); count++) {
        state = sum_block(state);
    }
    printf("%d blocks %016llx\n", count, (unsigned long long)state);
    return 0;
}
