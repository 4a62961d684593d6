/* SPDX-License-Identifier: Apache-2.0 */
/* The first stage of pipeline.sh: makes blocks, far faster than the next stage takes them. */
#include "pipe_stage.h"

#define SOURCE_UNITS 200u

PLANTED_NOINLINE static uint64_t make_block(uint64_t state)
{
    planted_work(state, SOURCE_UNITS);
    return state;
}

int main(void)
{
    static char block[BLOCK_BYTES];
    uint64_t state = 1;

    for (int i = 0; i < BLOCK_COUNT; i++) {
        state = make_block(state);
        memcpy(block, &state, sizeof state);
        block_write(block);
    }
    return 0;
}
