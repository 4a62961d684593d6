/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gc_points: the places in a runtime's file at which its collector's pauses begin and end: USDT probes, where the runtime
 * was built with them (CPython's gc__start and gc__done, HotSpot's gc__begin and gc__end), or functions that are called
 * just then and nowhere else (V8's GCTracer). Entries alone: where functions return is never looked at, as that would put the
 * kernel's own address on the program's stack.
 *
 * USDT probes are notes in the file: where, which semaphore to increment, and where the arguments are, as an assembler
 * writes it: "-4@112(%rsp)", "1@%dil" (https://sourceware.org/systemtap/wiki/UserSpaceProbeImplementation).
 */
#ifndef TOLL_COLLECTOR_GC_POINTS_H
#define TOLL_COLLECTOR_GC_POINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/uprobe.h"

#define GC_POINT_MAX 8

enum gc_role {
    GC_BEGINS = 1,
    GC_ENDS,
    GC_IS /* the pause that goes on is of that kind */
};

enum gc_runtime { GC_PYTHON = 1, GC_V8, GC_HOTSPOT };

/* An argument of a probe. */
struct gc_argument {
    bool is_known;
    uint64_t register_bit; /* that holds it, or the address that `offset` is added to */
    bool is_memory;        /* on the stack, at register + offset */
    int32_t offset;
    uint32_t bytes;
    bool is_signed;
};

struct gc_point {
    enum gc_role role;
    enum gc_runtime runtime;
    const char *kind; /* of GC_IS: "scavenge" */
    const char *generation;
    uint64_t offset, counter_offset; /* in the file; 0: no semaphore */
    struct gc_argument argument;     /* of GC_BEGINS: the generation, or whether it is a full collection */
};

struct gc_points {
    struct gc_point items[GC_POINT_MAX];
    size_t count; /* 0: the file has none, or not both a beginning and an end */
};

/* Takes the descriptor. A file that cannot be read has none. */
void gc_points_of(int fd, struct gc_points *ret_points);

/* "-4@112(%rsp)"; of several arguments the first. Not known: another form, or machine. */
struct gc_argument gc_argument_of(const char *text);
/* What the kernel is to tell at the point, for gc_argument_value. */
void gc_point_wants(const struct gc_point *point, struct uprobe_point *ret_wanted);
/* False when it was not told. */
bool gc_argument_value(const struct gc_argument *argument, const struct uprobe_hit *hit, int64_t *ret_value);

#endif
