/* SPDX-License-Identifier: Apache-2.0 */
/*
 * perf: what the kernel's perf_event tells of one process tree, as a stream of events in time order.
 *
 * One inherited event per CPU does everything: it samples the CPU with call stacks and carries the records of
 * every fork, exec, exit, executable mapping and context switch of the tree. One event, because each fork of
 * the recorded program clones them all. Events stay in the kernel's rings until they are drained; memory does
 * not grow with the run. Times are CLOCK_MONOTONIC.
 *
 * Order of use: fork the command, stopped before its exec; perf_open(pid); let it exec, which starts the
 * recording; perf_drain whenever perf_wait_fd is readable and at least ten times a second; after the end
 * perf_drain with `flush`; perf_close. One thread at a time.
 *
 * What runs already is watched from perf_open on, through one event per thread and CPU (`threads`; the kernel's
 * inheritance brings the threads and processes they make), or one per CPU for the whole machine. Events of a CPU
 * share its ring. Nothing is changed in what is watched, and all ends with the descriptors.
 *
 * A sample stands for `weight_ns` of CPU time. The kernel starts every thread's first period at zero on every
 * CPU, so a thread that uses less CPU time than one period has no sample: how long a thread ran is known
 * exactly from its switches, what it did is known from its samples.
 *
 * Source: include/uapi/linux/perf_event.h, perf_event_open(2).
 */
#ifndef TOLL_KERNEL_PERF_H
#define TOLL_KERNEL_PERF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define PERF_BUILD_ID_MAX 20

enum perf_kind {
    PERF_FORK = 1,   /* pid, tid: the new one; ppid, ptid: its maker. A new thread when pid == ppid */
    PERF_EXEC,       /* name: the new comm. Comes before the maps of the new image */
    PERF_COMM,       /* name: a thread renamed itself */
    PERF_EXIT,       /* of one thread; ppid: its parent process */
    PERF_MAP,        /* map: an executable mapping */
    PERF_SWITCH_OUT, /* preempted: it could have gone on */
    PERF_SWITCH_IN,
    PERF_SAMPLE,  /* chain, weight_ns */
    PERF_LOST,    /* lost_count events were dropped before this one */
    PERF_THROTTLE /* the kernel paused sampling: it took too much time */
};

struct perf_map {
    uint64_t address;
    uint64_t length_bytes;
    uint64_t offset_bytes; /* in the file */
    const char *path;      /* the kernel's name: a path, "[vdso]", "//anon", "path (deleted)" */
    size_t build_id_size;  /* 0: none, and device and inode tell which file it was; else those are 0 */
    uint8_t build_id[PERF_BUILD_ID_MAX];
    uint32_t device_major, device_minor;
    uint64_t inode;
};

/* The program's registers and a copy of the top of its stack, from its stack pointer on, when a sample was taken. */
struct perf_dump {
    uint64_t ip, sp, bp;
    uint64_t base; /* rbx of x86-64, x19 of AArch64 */
    uint64_t lr;   /* AArch64: the link register */
    const uint8_t *bytes;
    size_t size; /* 0: there is none */
};

/* Pointers are valid during the call only. Fields that a kind does not name are 0 or NULL. */
struct perf_event {
    enum perf_kind kind;
    uint64_t time_ns; /* never earlier than that of the event delivered before */
    uint32_t pid, tid;
    uint32_t cpu;
    uint32_t ppid, ptid;
    bool preempted;
    uint64_t weight_ns;
    /* Innermost first. Values above (uint64_t)-4096 are markers (PERF_CONTEXT_KERNEL, PERF_CONTEXT_USER) that
     * say what the addresses after them are. */
    const uint64_t *chain;
    size_t chain_count;
    struct perf_dump dump; /* of a sample, where perf_options.dump_bytes asked for it */
    uint64_t lost_count;
    const char *name;
    struct perf_map map;
};

/* Returns 0 to go on, a negative code (err set) to stop with it. */
typedef int perf_event_fn(void *context, const struct perf_event *event, struct err *err);

struct perf_options {
    pid_t pid;            /* the command, stopped before its exec; or, 0: */
    const pid_t *threads; /* that run already; or, none: */
    size_t thread_count;
    bool whole_machine; /* every thread on every CPU (needs CAP_PERFMON, or perf_event_paranoid below 1) */
    unsigned rate_hz;   /* samples per second of CPU time, 1 to 10000 */
    bool user_only;     /* leave the kernel out even where it is allowed */
    bool no_samples;    /* the process tree and switches alone */
    bool no_switches;
    bool no_hardware;    /* cpu-clock even where there are counters */
    uint32_t dump_bytes; /* of each sample's stack, copied; fewer when rings are small; 0: none */
    bool
        no_tree; /* no forks and exits; execs and mappings alone. Without switches a sample weighs one period */
};

struct perf_counts {
    uint64_t event_count;    /* delivered */
    uint64_t lost_count;     /* dropped by the kernel: a ring was full */
    uint64_t throttle_count; /* times the kernel paused sampling */
    uint64_t late_count;     /* came so late that their time was moved forward */
    uint64_t broken_count;   /* records that made no sense and were skipped */
};

struct perf_source;

/* ERR_ENVIRONMENT, with a hint, where the kernel refuses. Falls back by itself to user-only events, to cpu-clock
 * and to smaller rings. */
WARN_UNUSED int perf_open(const struct perf_options *options, struct perf_source **ret_source,
                          struct err *err);
/* Watches one more thread that runs already. One that ended meanwhile is no failure. */
WARN_UNUSED int perf_add_thread(struct perf_source *source, pid_t thread, struct err *err);
/* Readable (for poll) when a ring is half full; perf_drain makes it wait again. */
int perf_wait_fd(const struct perf_source *source);
/* Delivers what the rings hold, across CPUs in time order. The last two milliseconds are held back, because
 * another CPU may still be writing an older event; `flush` delivers those too. */
WARN_UNUSED int perf_drain(struct perf_source *source, bool flush, perf_event_fn *each, void *context,
                           struct err *err);
/* A program (BPF_PROG_TYPE_PERF_EVENT) that says which samples are kept. */
WARN_UNUSED int perf_filter(struct perf_source *source, int program_fd, struct err *err);
struct perf_counts perf_counts(const struct perf_source *source);
/* "cycles", "cpu-clock", "none" without samples; ":u" behind it when the kernel is left out. */
const char *perf_event_name(const struct perf_source *source);
bool perf_sees_kernel(const struct perf_source *source);
size_t perf_ring_bytes(const struct perf_source *source); /* of one CPU */
/* Of each sample's stack; 0 where the kernel gives none. */
size_t perf_dump_bytes(const struct perf_source *source);
void perf_close(struct perf_source *source);

#endif
