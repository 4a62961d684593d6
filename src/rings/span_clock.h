/* SPDX-License-Identifier: Apache-2.0 */
/*
 * span_clock: the clock of a session, converted to CLOCK_MONOTONIC nanoseconds.
 *
 * The CPU's counter is read beside CLOCK_MONOTONIC at every poll; pairs a quarter of a second apart are kept, and a
 * time between two of them lies on the line through them, so the kernel's slewing of its clock is followed.
 */
#ifndef TOLL_RINGS_SPAN_CLOCK_H
#define TOLL_RINGS_SPAN_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/vec.h"
#include "wire/ring.h"

struct span_clock_pair {
    uint64_t raw;
    uint64_t ns;
};

struct span_clock {
    enum wire_clock kind;
    VEC(struct span_clock_pair) pairs; /* the last one moves until it is far enough from the one before */
    uint64_t residual_ns_max;
};

/* Whether the counter runs at one rate, always, on all CPUs. */
bool span_clock_is_tsc_good(void);
/* 0, or -1 when memory ran out. */
WARN_UNUSED int span_clock_init(struct span_clock *clock, enum wire_clock kind);
/* Another pair. 0, or -1 when memory ran out. */
WARN_UNUSED int span_clock_look(struct span_clock *clock);
/* Any value gives a time; one outside the pairs lies on the line of the nearest two. Never below 0. */
uint64_t span_clock_ns(const struct span_clock *clock, uint64_t raw);
/* The clock now, as programs read it. */
uint64_t span_clock_raw(const struct span_clock *clock);
/* Its rate so far, at least 1; good to a percent. */
uint64_t span_clock_ticks_per_us(const struct span_clock *clock);
void span_clock_deinit(struct span_clock *clock);

#endif
