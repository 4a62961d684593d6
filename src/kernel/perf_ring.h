/* SPDX-License-Identifier: Apache-2.0 */
/*
 * perf_ring: reads the kernel's perf rings, one per CPU, and merges them into one stream in time order.
 *
 * Bytes come from the kernel, but they are checked like any input: a record that does not fit is counted and
 * skipped. Tests give rings made by hand. See perf.h for the events.
 *
 * Sample layout, fixed by perf_open: TID TIME CPU PERIOD CALLCHAIN, perhaps REGS_USER STACK_USER behind it, and TID TIME CPU
 * behind every other record.
 */
#ifndef TOLL_KERNEL_PERF_RING_H
#define TOLL_KERNEL_PERF_RING_H

#include <linux/perf_event.h>

#include "kernel/perf.h"

#define PERF_SAMPLE_TYPE                                                                                     \
    (PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU | PERF_SAMPLE_PERIOD | PERF_SAMPLE_CALLCHAIN)

struct perf_ring {
    struct perf_event_mmap_page *page; /* data_head is the kernel's, data_tail ours */
    const uint8_t *data;
    uint64_t size_bytes; /* a power of two */
    uint64_t head;       /* where this drain ends */
    uint64_t tail;       /* consumed up to here */
    uint64_t released;   /* the tail that the kernel knows */
    uint64_t next_ns;    /* time of the record at the tail, when there is one */
    uint64_t on_cpu_ns;  /* cycles only: since when this CPU runs on_cpu_tid, or its last sample */
    uint32_t on_cpu_tid;
};

struct perf_rings {
    struct perf_ring *items;
    size_t count;
    bool period_is_cycles; /* else nanoseconds */
    bool user_only;
    uint64_t sample_ns;  /* the weight of a sample while nothing better is known */
    double ns_per_cycle; /* 0: not known yet */
    uint64_t last_ns;    /* time of the last event delivered */
    struct perf_counts counts;
    union {
        uint64_t aligned;
        uint8_t bytes[65536];
    } record; /* one that wraps around the end of its ring */
};

/* Delivers the records up to `bound_ns` (inclusive), oldest first. */
WARN_UNUSED int perf_rings_drain(struct perf_rings *rings, uint64_t bound_ns, perf_event_fn *each,
                                 void *context, struct err *err);

#endif
