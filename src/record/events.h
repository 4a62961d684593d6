/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events: the perf rung. What the kernel tells (perf.h) becomes tracks, exact waits and slices, and samples with
 * stacks. A process that toll did not see start (its fork was lost) gets a track when it is first heard of.
 *
 * The kernel's exit record has no status; it is read from the zombie when that is still there, else stays 0. The
 * main command's first thread stays among the tracks until the recorder has waited for it.
 */
#ifndef TOLL_RECORD_EVENTS_H
#define TOLL_RECORD_EVENTS_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "kernel/perf.h"
#include "record/tracks.h"
#include "record/waits.h"
#include "stacks/stacks.h"

struct events {
    struct emit *emit;
    struct tracks *tracks;
    struct waits *waits;
    struct perf_source *source; /* NULL: not on this rung */
    struct stacks *stacks;
    struct python *python; /* NULL: none */
    uint64_t main_pid;     /* 0: there is no command */
    uint64_t ignored_pid;  /* of the whole machine: toll itself */
    bool whole_machine;
    uint64_t main_end_ns; /* 0: it has not ended yet */
};

/* After the pointers were set. The command (main_pid, 0 without one) waits before its exec. */
WARN_UNUSED int events_open(struct events *events, const struct perf_options *options, uint64_t main_pid,
                            struct err *err);
/* A thread, a process, that ran before: its events, its mappings. Nothing to do on another rung or when all of the
 * machine is watched. */
WARN_UNUSED int events_add_thread(struct events *events, pid_t thread, struct err *err);
void events_join(struct events *events, uint32_t pid);
void events_drain(struct events *events, bool flush);
/* Symbols for what came, for about that long. */
void events_advance(struct events *events, uint64_t budget_ns);
/* The last rows, and the facts of the meta table that only this rung knows. */
void events_finish(struct events *events);
uint64_t events_lost_count(const struct events *events);
void events_close(struct events *events);

#endif
