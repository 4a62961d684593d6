/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted cause: cpu-hot. One thread reads, checks and formats 40 batches; four fifths of the
 * time is in checksum_batch. Between batches it lets a device settle (an eighth of the time), so
 * that the fixed twin is not bound by CPU. Fix: checksum_batch 4 times faster.
 */
#include "planted.h"

#define BATCH_COUNT  40
#define HOT_UNITS    16000u
#define FIXED_FACTOR 4u
#define OTHER_UNITS  800u
#define SETTLE_NS    (5 * PLANTED_MS_NS)

PLANTED_NOINLINE static uint64_t read_batch(uint64_t state)
{
    planted_work(state, OTHER_UNITS);
    return state;
}

PLANTED_NOINLINE static uint64_t checksum_batch(uint64_t state, uint64_t units)
{
    planted_work(state, units);
    return state;
}

PLANTED_NOINLINE static uint64_t format_batch(uint64_t state)
{
    planted_work(state, OTHER_UNITS);
    return state;
}

int main(int argc, char **argv)
{
    uint64_t hot_units = planted_flag(argc, argv, "--fixed") ? HOT_UNITS / FIXED_FACTOR : HOT_UNITS;
    int batch_count = (int)planted_scaled(argc, argv, BATCH_COUNT);
    uint64_t state = 1;

    for (int batch = 0; batch < batch_count; batch++) {
        state = read_batch(state);
        state = checksum_batch(state, hot_units);
        state = format_batch(state);
        planted_sleep(SETTLE_NS);
    }
    printf("%016llx\n", (unsigned long long)state);
    return 0;
}
