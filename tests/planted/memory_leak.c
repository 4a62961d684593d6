/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted cause: memory-leak. Each request keeps what it was answered, and forgets that it did; a table that is built up at the
 * start is kept on purpose, and is none. Fix: the answer is freed.
 */
#include "planted.h"

#define REQUEST_COUNT 600
#define REQUEST_UNITS 300u
#define REQUEST_NS    PLANTED_MS_NS
#define ANSWER_BYTES  20000u
#define TABLE_COUNT   200
#define TABLE_BYTES   20000u

static char *table[TABLE_COUNT];

PLANTED_NOINLINE static char *answer_request(uint64_t *state)
{
    char *answer = malloc(ANSWER_BYTES);

    if (!answer)
        planted_fail("allocate memory");
    planted_work(*state, REQUEST_UNITS);
    memset(answer, (int)*state, ANSWER_BYTES);
    return answer;
}

PLANTED_NOINLINE static void build_table(void)
{
    for (int i = 0; i < TABLE_COUNT; i++) {
        table[i] = malloc(TABLE_BYTES);
        if (!table[i])
            planted_fail("allocate memory");
        memset(table[i], i, TABLE_BYTES);
    }
}

int main(int argc, char **argv)
{
    bool is_fixed = planted_flag(argc, argv, "--fixed");
    uint64_t state = 1;

    build_table();
    for (int request = 0; request < REQUEST_COUNT; request++) {
        char *volatile answer = answer_request(&state);
        state += (uint64_t)answer[ANSWER_BYTES / 2];
        if (is_fixed)
            free(answer);
        planted_sleep(REQUEST_NS);
    }
    printf("%016llx %d\n", (unsigned long long)state, table[TABLE_COUNT - 1][0]);
    return 0;
}
