/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rung: a way to know what a process tree does. The best that the machine allows is used; a refused one degrades to the
 * next, and the recording says which and why.
 *
 *   bpf   eBPF programs: every fork, exec, exit, switch and wake; each wait with its reason, other end and waker
 *   perf  perf_event: every fork, exec, exit and switch, CPU samples with stacks; reasons from looks at /proc
 *   preload  a library in each program: exact waits with their wakers, CPU samples with stacks; no privilege
 *   proc  looks at /proc alone: exact sums, edges to about a look
 */
#ifndef TOLL_RECORD_RUNG_H
#define TOLL_RECORD_RUNG_H

#include <stdbool.h>

enum record_rung { /* better ones first */
                   RUNG_BPF = 1,
                   RUNG_PERF,
                   RUNG_PRELOAD,
                   RUNG_PROC,
                   RUNG_COUNT
};

/* The best that is used when none is asked for. */
#define RUNG_FIRST RUNG_BPF

/* As in --recorder, META_RECORDER_CPU and reports: "perf"; "" outside the enum. */
const char *rung_name(enum record_rung rung);
/* False when there is none of that name. */
bool rung_find(const char *name, enum record_rung *ret_rung);

#endif
