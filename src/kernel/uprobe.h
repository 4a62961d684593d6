/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uprobe: places in programs' files at which the kernel tells that a thread came by, with some of its registers and of its
 * stack. A place is of a file, not of a process: whoever runs the file is told of, also programs started later and those
 * that nobody asked about. All ends with the descriptors, which a process of its own has last: taking an event away takes the
 * kernel some 0.1 s, and there is one for each place and CPU (event_files.h). Needs CAP_PERFMON (root).
 *
 * At a place the kernel puts a breakpoint into the memory of the programs that have the file mapped (some 10
 * microseconds for each time that one comes by). Programs may ask, before they do the work of telling, whether someone listens: a counter in
 * their memory (the semaphore of a USDT probe), which the kernel increments meanwhile.
 *
 * Source: Documentation/trace/uprobetracer.rst, the "uprobe" PMU of perf_event_open.
 */
#ifndef TOLL_KERNEL_UPROBE_H
#define TOLL_KERNEL_UPROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define UPROBE_REGISTER_MAX 16
#define UPROBE_POINT_MAX    64
#define UPROBE_STACK_MAX    1024

struct uprobe_point {
    const char *path;        /* a file, by a path that this process can open; in its text, */
    uint64_t offset;         /* an instruction */
    uint64_t counter_offset; /* in the file: of a semaphore; 0: none */
    uint64_t registers;      /* which are told: bits of enum perf_event_x86_regs, or perf_event_arm_regs */
    uint32_t stack_bytes;    /* of the stack, from the stack pointer on; rounded up to 8 */
};

#define UPROBE_LOST SIZE_MAX

struct uprobe_hit {
    size_t
        point; /* as uprobes_add said; UPROBE_LOST: hits of any thread may be missing before, nothing else but the time is told */
    uint64_t time_ns;
    uint32_t pid, tid;
    uint64_t registers[UPROBE_REGISTER_MAX]; /* in the order of their bits */
    uint64_t stack[UPROBE_STACK_MAX / 8];
    size_t stack_bytes;
};

/* Returns 0 to go on, a negative code (err set) to stop with it. */
typedef int uprobe_hit_fn(void *context, const struct uprobe_hit *hit, struct err *err);

struct uprobes;

/* Whether places can be watched; tries, and watches none. ERR_ENVIRONMENT, with a hint, where they cannot. */
WARN_UNUSED int uprobes_try(struct err *err);

/* ERR_ENVIRONMENT where the kernel has none of it, or refuses. */
WARN_UNUSED int uprobes_open(struct uprobes **ret_probes, struct err *err);
/* Some milliseconds for each CPU; while the kernel takes away those of another program 0.2 s (a thread's work, therefore). */
WARN_UNUSED int uprobes_add(struct uprobes *probes, const struct uprobe_point *point, size_t *ret_index,
                            struct err *err);
/* Delivers in the order of time, across CPUs; what is younger than two milliseconds only with `flush`. */
WARN_UNUSED int uprobes_drain(struct uprobes *probes, bool flush, uprobe_hit_fn *each, void *context,
                              struct err *err);
/* From another thread: a uprobes_add that goes on, or comes later, fails. */
void uprobes_stop(struct uprobes *probes);
/* Takes back those from the index `count` on, with what was opened for one that could not be added. */
void uprobes_cut(struct uprobes *probes, size_t count);
/* Dropped because a ring was full. */
uint64_t uprobes_lost_count(const struct uprobes *probes);
/* Whether the fullest ring was filled by a quarter or more at the last drain. */
bool uprobes_are_busy(const struct uprobes *probes);
void uprobes_close(struct uprobes *probes);

#endif
