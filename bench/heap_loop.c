/* SPDX-License-Identifier: Apache-2.0 */
/* heap_loop: COUNT blocks of 16 to 215 bytes, each made 10 to 18 functions deep and freed at once; prints the wall time and the CPU time in ns. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define DEPTH_MIN 8u
#define DEPTHS    9u

static void *volatile seen;

__attribute__((noinline)) static unsigned long make_block(unsigned long index)
{
    seen = malloc(16 + index % 200);
    free(seen);
    return index;
}

__attribute__((noinline)) static unsigned long descend(unsigned depth, unsigned long index)
{
    return (depth ? descend(depth - 1, index) : make_block(index)) + depth; /* the addition keeps the frame */
}

static long long between(const struct timespec *start, const struct timespec *end)
{
    return (long long)(end->tv_sec - start->tv_sec) * 1000000000 + (long long)(end->tv_nsec - start->tv_nsec);
}

int main(int argc, char **argv)
{
    unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 2000000, calls = 0;
    struct timespec start, end, cpu_start, cpu_end;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu_start);
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (unsigned long i = 0; i < count; i++)
        calls += descend(DEPTH_MIN + (unsigned)(i % DEPTHS), i);
    clock_gettime(CLOCK_MONOTONIC, &end);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu_end);
    printf("%lld %lld\n", between(&start, &end), between(&cpu_start, &cpu_end));
    return calls ? 0 : 1;
}
