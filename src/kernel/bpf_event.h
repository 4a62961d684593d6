/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpf_event: one record of the eBPF programs' ring, checked. Pure: bytes in, pointers into them out.
 *
 * The bytes come from the kernel, but they are checked like any input: lengths, texts that end, times that make
 * sense. A record that does not pass is counted as broken by the reader and skipped.
 */
#ifndef TOLL_KERNEL_BPF_EVENT_H
#define TOLL_KERNEL_BPF_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/bpf_layout.h"
#include "kernel/perf.h"

/* Pointers are valid during the call only; of those below the one that `kind` names is set. */
struct bpf_event {
    enum bpf_record_kind kind; /* 0: `perf` */
    uint64_t time_ns;          /* never earlier than that of the event delivered before */
    uint32_t pid, tid;
    const struct bpf_fork *fork;
    const struct bpf_exec *exec;
    const char *arguments; /* of an exec: arguments_bytes, NUL-separated, not NUL-terminated when cut */
    const struct bpf_comm *comm;
    const struct bpf_exit *exit;
    const struct bpf_slice *slice;
    const struct bpf_python_stack *python;         /* `count` frames of it are there */
    const struct bpf_python_sample *python_sample; /* of the sample that follows */
    const struct bpf_stack *stack;                 /* of a wait or wake-up that is told later */
    struct perf_dump dump;                         /* the same, as samples have it */
    const struct bpf_wait *wait;                   /* a whole one, its memory zero when it has none */
    const struct perf_event *perf;                 /* a mapping, an exec (before its mappings), a sample */
};

/* Room for what a record lacks (the memory of a wait). */
struct bpf_event_room {
    struct bpf_wait wait;
};

/* `bytes` are aligned to 8. False when they are no record. */
bool bpf_event_decode(const void *bytes, size_t size, struct bpf_event_room *room,
                      struct bpf_event *ret_event);

/* Whether a thread's entry in the map makes a wait that may be told: one that `run` collected. */
bool bpf_wait_is_sane(const struct bpf_wait *wait);
/* Whether its texts end. */
bool bpf_io_file_is_sane(const struct bpf_io_file *file);

#endif
