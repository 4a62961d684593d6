/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpf: what eBPF programs in the kernel tell of process trees, as one stream of events in time order.
 *
 * The programs (watch.bpf.c) follow the tree from inside: each fork, exec with its arguments, exit with its status,
 * slice on a CPU, and each wait with its reason, its other end and who ended it. CPU samples and executable
 * mappings come from perf events, one for each CPU and for the whole machine: nothing is inherited, so a fork costs the
 * recorded program nothing more. A filter in the kernel drops samples of other processes; their mappings are
 * delivered too, and the caller skips what is not of its tree.
 *
 * Order of use: bpf_open; bpf_follow the command's thread, stopped before its exec; let it exec; bpf_drain whenever
 * bpf_wait_fd is readable and at least ten times a second; after the end bpf_drain with `flush`; bpf_close. One thread
 * at a time. Everything hangs on descriptors of this process: when it is killed, nothing stays.
 *
 * What runs already (attach): bpf_follow each of its threads, list them again, and again until nothing new is found:
 * the threads and processes that a followed thread makes are followed by themselves. With `whole_machine` those of
 * every other program too, kernel threads apart.
 *
 * Needs CAP_BPF and CAP_PERFMON (or root), Linux 5.11 or newer with BTF (/sys/kernel/btf/vmlinux).
 * Source: Documentation/bpf of the Linux kernel.
 */
#ifndef TOLL_KERNEL_BPF_H
#define TOLL_KERNEL_BPF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "kernel/bpf_event.h"
#include "kernel/perf.h"

/* Returns 0 to go on, a negative code (err set) to stop with it. Events come in order of time, but for
 * BPF_RECORD_PYTHON, which comes as soon as it is read: what it tells of may soon be gone. */
typedef int bpf_event_fn(void *context, const struct bpf_event *event, struct err *err);

struct bpf_source_options {
    bool whole_machine;  /* every process that is made from now on, whoever makes it */
    unsigned rate_hz;    /* CPU samples per second of CPU time */
    uint32_t dump_bytes; /* of the stacks of samples, copied (perf.h); 0: nor of those of waits and wakers */
    bool no_samples;
    bool no_stacks; /* of waits and wakers */
};

struct bpf_counts_seen {
    uint64_t event_count;      /* delivered */
    uint64_t lost_count;       /* dropped: a ring was full */
    uint64_t unfollowed_count; /* threads that did not fit into the table */
    uint64_t stack_lost_count; /* stacks of waits that did not fit */
    uint64_t io_lost_count;    /* calls of peers that did not fit */
    uint64_t broken_count;     /* records that made no sense and were skipped */
    uint64_t late_count;       /* came so late that their time was moved forward */
};

struct bpf_source;

/* Whether this build has it; else bpf_open says why not. */
bool bpf_is_built(void);
/* ERR_ENVIRONMENT, with a hint, where the kernel refuses. */
WARN_UNUSED int bpf_open(const struct bpf_source_options *options, struct bpf_source **ret_source,
                         struct err *err);
/* Follows a thread that is there: `thread` has its numbers, and where it stands as far as that is known: on a CPU
 * since in_ns, or off it since out_ns (is_waiting, with what `wait` tells), else all zero. One that is followed
 * already is left alone. */
WARN_UNUSED int bpf_follow(struct bpf_source *source, const struct bpf_thread *thread, struct err *err);
/* Readable (for poll) when a ring is half full; bpf_drain makes it wait again. */
int bpf_wait_fd(const struct bpf_source *source);
/* Delivers what the rings hold in time order. The last two milliseconds are held back, because another CPU may
 * still be writing an older event; `flush` delivers those too. */
WARN_UNUSED int bpf_drain(struct bpf_source *source, bool flush, bpf_event_fn *each, void *context,
                          struct err *err);

/* The addresses of a stack that an event names, innermost first; valid until bpf_close. 0 for none. */
size_t bpf_stack(struct bpf_source *source, int32_t stack, const uint64_t **ret_addresses);
/* What the programs hold of a thread now: what is collected and not written, and the wait it is in. */
bool bpf_thread_read(struct bpf_source *source, uint32_t tid, struct bpf_thread *ret_thread);
/* CPU time of all threads followed, up to now. */
uint64_t bpf_cpu_ns(const struct bpf_source *source, uint64_t now_ns);
struct bpf_counts_seen bpf_counts(const struct bpf_source *source);
/* From now on the waits, wakers and samples of a process have their Python stacks, which are told by BPF_RECORD_PYTHON,
 * each once, before the first event that names it. The processes that it forks are like it. */
WARN_UNUSED int bpf_python_put(struct bpf_source *source, uint32_t pid, const struct bpf_python *python,
                               struct err *err);
/* Counts each call of the threads followed by process, other end and operation, while it is on. That slows every
 * system call of the machine by about a third of a microsecond. */
WARN_UNUSED int bpf_io_start(struct bpf_source *source, struct err *err);
void bpf_io_stop(struct bpf_source *source);
/* `file`: what the other end is, as it was met first. */
typedef int bpf_io_fn(void *context, const struct bpf_io_key *key, const struct bpf_io *io,
                      const struct bpf_io_file *file, struct err *err);
/* Delivers what was counted since it was taken last. */
WARN_UNUSED int bpf_io_take(struct bpf_source *source, bpf_io_fn *each, void *context, struct err *err);

/* Where the samples come from. */
const struct perf_source *bpf_perf(const struct bpf_source *source);
void bpf_close(struct bpf_source *source);

#endif
