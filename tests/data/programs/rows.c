/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program of known functions for toll compare: rows [SLOWER [ROUNDS]]. parse_row works SLOWER times as long (1), the others
 * always alike. The size of a round varies, so that no clock that samples keeps in step with it.
 */
#include <stdlib.h>

static volatile unsigned long sink;

#define SPIN(name)                                                                                           \
    __attribute__((noinline)) static void name(unsigned long count)                                          \
    {                                                                                                        \
        unsigned long x = 1;                                                                                 \
        for (unsigned long i = 0; i < count; i++)                                                            \
            x = x * 6364136223846793005ul + i;                                                               \
        sink = x;                                                                                            \
    }

SPIN(parse_row)
SPIN(check_row)
SPIN(hash_key)
SPIN(write_row)
SPIN(log_line)

__attribute__((noinline)) static void handle(unsigned long size, unsigned long slower)
{
    parse_row(3 * size * slower);
    check_row(2 * size);
    hash_key(2 * size);
    write_row(size);
    sink++; /* no tail call: handle stays on the stack */
}

int main(int argc, char **argv)
{
    unsigned long slower = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
    unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 200, random = 1;
    for (unsigned long i = 0; i < rounds; i++) {
        random = random * 6364136223846793005ul + 1442695040888963407ul;
        handle(900000 + (random >> 44), slower);
        log_line(400000);
    }
    return 0;
}
