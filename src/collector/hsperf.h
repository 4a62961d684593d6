/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hsperf: what a JVM (HotSpot) tells of its collectors in the file that jstat reads, /tmp/hsperfdata_USER/PID: how many
 * pauses each had, how long all of them took, and when the last began and ended. Readings that come often enough see
 * each pause exactly; those between two readings that were not seen are counted, with the time they took.
 *
 * Times in the file are ticks since the JVM started, of CLOCK_MONOTONIC; when it started is not told. Whatever changed
 * between two readings was written between them, which bounds it: more tightly with each change (a JVM writes its clock
 * 20 times a second).
 *
 * The file: 32 bytes of prologue, then entries: length, where the name begins, how many elements, type, flags, unit,
 * variability, where the data begins (perfMemory.hpp, perfData.hpp of OpenJDK). It is another program's: nothing in it is
 * believed before it is checked, and it is read, never mapped.
 */
#ifndef TOLL_COLLECTOR_HSPERF_H
#define TOLL_COLLECTOR_HSPERF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"

#define HSPERF_BYTES_MAX     (256u << 10)
#define HSPERF_COLLECTOR_MAX 8
#define HSPERF_TEXT_BYTES    64

/* Where the counters lie; 0: there is none. */
struct hsperf_layout {
    uint64_t frequency; /* ticks a second */
    uint32_t ticks, last_cause;
    size_t collector_count;
    struct hsperf_place {
        char name[HSPERF_TEXT_BYTES]; /* "G1 young collection pauses" */
        uint32_t invocations, time, entry, exit;
    } collectors[HSPERF_COLLECTOR_MAX];
};

/* False: it is no such file, not yet complete, of the other byte order, or tells of no collector. */
bool hsperf_layout_of(const uint8_t *bytes, size_t size, struct hsperf_layout *ret_layout);

struct hsperf_pause {
    uint64_t start_ticks, end_ticks;
    size_t collector;
    char cause[HSPERF_TEXT_BYTES];
};

struct hsperf_watch {
    struct hsperf_layout layout;
    bool is_begun;
    uint64_t read_ns;              /* when the reading before began */
    int64_t since_low, since_high; /* bounds of when ticks began, CLOCK_MONOTONIC ns */
    uint64_t ticks;
    struct hsperf_seen {
        uint64_t invocations; /* accounted for */
        uint64_t entry, exit; /* of the last that was told; as read last: */
        uint64_t read_entry, read_exit;
        uint64_t time, told_ticks, first_time;
        uint64_t missed_count;
    } seen[HSPERF_COLLECTOR_MAX];
    VEC(struct hsperf_pause) pauses; /* told since it was emptied */
};

/* A reading of the file, between those two times. `is_new`: with the first reading, the program began under the reader's eyes:
 * pauses before it count as missed. Returns -1 when memory ran out. */
struct hsperf_reading {
    const uint8_t *bytes;
    size_t size;
    uint64_t before_ns, after_ns;
    bool is_new;
};
int hsperf_watch_read(struct hsperf_watch *watch, const struct hsperf_reading *reading);
void hsperf_watch_free(struct hsperf_watch *watch);

/* CLOCK_MONOTONIC ns, and how far that may be off. */
uint64_t hsperf_time_ns(const struct hsperf_watch *watch, uint64_t ticks);
uint64_t hsperf_error_ns(const struct hsperf_watch *watch);

/* Pauses that were not seen, and how long they took together. */
void hsperf_missed(const struct hsperf_watch *watch, uint64_t *ret_count, uint64_t *ret_ns);

/* "young", "full", "concurrent" (the pauses of a collection that mostly runs beside the program), "" not known. */
const char *hsperf_generation(const char *collector);

#endif
