/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted cause: allocation-churn. Records are cut into fields; each field gets a block of its own, which is dropped again
 * with the record. Between records a device settles. Fix: the fields lie in one buffer that all records use in turn.
 */
#include "planted.h"

#define RECORD_COUNT 4
#define FIELD_COUNT  400u
#define ROUND_COUNT  4000u
#define RECORD_UNITS 4u
#define SETTLE_NS    (25 * PLANTED_MS_NS)

static char buffer[FIELD_COUNT][256];

PLANTED_NOINLINE static uint64_t cut_record(uint64_t state, bool is_fixed)
{
    char *fields[FIELD_COUNT];

    for (unsigned i = 0; i < FIELD_COUNT; i++) {
        size_t bytes = 24 + (i * 37 + state % 61) % 200;
        fields[i] = is_fixed ? buffer[i] : malloc(bytes);
        if (!fields[i])
            planted_fail("allocate memory");
        fields[i][0] = (char)(state + i);
    }
    planted_work(state, RECORD_UNITS);
    for (unsigned i = 0; i < FIELD_COUNT && !is_fixed; i++)
        free(fields[i]);
    return state;
}

int main(int argc, char **argv)
{
    bool is_fixed = planted_flag(argc, argv, "--fixed");
    uint64_t state = 1;

    for (int record = 0; record < RECORD_COUNT; record++) {
        for (unsigned round = 0; round < ROUND_COUNT; round++)
            state = cut_record(state, is_fixed);
        planted_sleep(SETTLE_NS);
    }
    printf("%016llx\n", (unsigned long long)state);
    return 0;
}
