/* SPDX-License-Identifier: Apache-2.0 */
/* What resolver_test looks at: functions inlined into each other, in one unit. Built with -O2 -g. */
#include <stdio.h>

static volatile unsigned sink;

static inline __attribute__((always_inline)) unsigned innermost(unsigned value)
{
    for (unsigned i = 0; i < 3; i++)
        value = value * 31 + sink;
    return value;
}

static inline __attribute__((always_inline)) unsigned middle(unsigned value)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < value; i++) {
        unsigned part = innermost(i);
        if (part & 1)
            sum += innermost(part);
    }
    return sum;
}

__attribute__((noinline)) static unsigned outermost(unsigned value)
{
    sink = value;
    unsigned result = middle(value);
    sink += result;
    return result;
}

__attribute__((noinline)) static unsigned plain(unsigned value)
{
    sink ^= value;
    return sink;
}

int main(int argc, char **argv)
{
    (void)argv;
    unsigned value = outermost((unsigned)argc) + plain((unsigned)argc);
    printf("%u\n", value);
    return 0;
}
