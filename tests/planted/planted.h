/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the planted programs share: a fixed amount of CPU work, a sleep, and the reading of
 * their arguments (flags, a scale and one positional word).
 *
 * Work is counted, never timed, so that a twin that does a quarter of the work does exactly a
 * quarter, on any machine and beside any load. One unit is 1,000 dependent multiply-xor steps,
 * about 2 us on a 3 GHz core.
 *
 * planted_work is a macro so that the work belongs to the named function that uses it, also
 * for a profiler that reports inlined functions.
 */
#ifndef TOLL_TESTS_PLANTED_H
#define TOLL_TESTS_PLANTED_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PLANTED_NOINLINE   __attribute__((noinline))
#define PLANTED_UNIT_STEPS 1000u
#define PLANTED_MS_NS      UINT64_C(1000000)

/* Runs `units` of work over the uint64_t lvalue `state`. */
#define planted_work(state, units)                                                                           \
    do {                                                                                                     \
        for (uint64_t planted_step = (uint64_t)(units)*PLANTED_UNIT_STEPS; planted_step > 0;                 \
             planted_step--) {                                                                               \
            (state) = (state)*UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);                 \
            (state) ^= (state) >> 29;                                                                        \
        }                                                                                                    \
    } while (0)

/* Sleeps the whole of duration_ns, also when a signal interrupts. */
static inline void planted_sleep(uint64_t duration_ns)
{
    struct timespec left = {.tv_sec = (time_t)(duration_ns / UINT64_C(1000000000)),
                            .tv_nsec = (long)(duration_ns % UINT64_C(1000000000))};

    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) {
    }
}

/* Whether `--fixed` or another flag is among the arguments. */
static inline bool planted_flag(int argc, char **argv, const char *flag)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], flag) == 0)
            return true;
    }
    return false;
}

/* The first argument that is no flag; ends the program with `usage` when there is none. */
static inline const char *planted_word(int argc, char **argv, const char *usage)
{
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0)
            return argv[i];
    }
    fprintf(stderr, "usage: %s\n", usage);
    exit(2);
}

/* `count` times the percentage of `--scale=PERCENT`, at least 1; `count` itself without one: the size of a cause beside others. */
static inline unsigned planted_scaled(int argc, char **argv, unsigned count)
{
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--scale=", 8) == 0) {
            unsigned long scaled = count * strtoul(argv[i] + 8, NULL, 10) / 100;
            return scaled > 0 ? (unsigned)scaled : 1;
        }
    }
    return count;
}

/* Ends the program with the reason of a failed system call. */
_Noreturn static inline void planted_fail(const char *what)
{
    fprintf(stderr, "could not %s: %s\n", what, strerror(errno));
    exit(1);
}

#endif
