/* SPDX-License-Identifier: Apache-2.0 */
/* recorder_state: what the parts of the recorder share: its loop, the start of a rung, the facts of the meta table. */
#ifndef TOLL_RECORD_RECORDER_STATE_H
#define TOLL_RECORD_RECORDER_STATE_H

#include "record/allocations.h"
#include "record/discover.h"
#include "record/events.h"
#include "record/inside.h"
#include "record/launch.h"
#include "record/observe.h"
#include "record/recorder.h"
#include "record/rung.h"
#include "record/running.h"
#include "record/system.h"
#include "record/watch.h"
#include "rings/spans.h"

struct recorder {
    const struct record_options *options;
    struct emit emit;
    struct launch launch;   /* of a command; else, or beside it: */
    struct running running; /* what ran already */
    bool is_attached;
    struct tracks tracks;
    struct waits waits;
    struct peers peers;
    struct resolve resolve;
    struct observe observe;
    struct discover discover; /* proc rung */
    struct events events;     /* perf rung */
    struct watch watch;       /* bpf rung */
    struct inside inside;     /* preload rung */
    struct allocations allocations;
    struct stacks *stacks; /* proc rung: of Python code */
    struct python *python; /* not on the bpf rung, which has its own */
    struct collectors *collectors;
    struct span_drain *spans; /* NULL: the SDK's spans are not recorded */
    struct system system;
    enum record_rung rung;
    char preload[LAUNCH_PRELOAD_BYTES_MAX]; /* the library that the rung wants in the command; "" for none */
    uint64_t start_ns, end_ns;
    uint64_t cpu_before_ns;
    uint64_t symbols_cpu_ns; /* spent on names of functions so far */
    uint64_t observe_due_ns, system_due_ns, flush_due_ns, spans_due_ns, collectors_due_ns;
    char fallback[768]; /* why better rungs are not used */
    uint64_t main_pid;
    bool is_ended;
    int exit_status;
};

static inline uint64_t recorder_rate_hz(const struct recorder *recorder)
{
    return recorder->options->rate_hz ? recorder->options->rate_hz : RECORD_RATE_HZ_DEFAULT;
}

/* Whether the kernel tells every switch. */
static inline bool recorder_is_exact(const struct recorder *recorder)
{
    return recorder->events.source || recorder->watch.source;
}

/* Those of the rung; NULL: none. */
static inline struct stacks *recorder_stacks(const struct recorder *recorder)
{
    return recorder->watch.source    ? recorder->watch.stacks
           : recorder->events.source ? recorder->events.stacks
           : recorder->inside.drain  ? recorder->inside.stacks
                                     : recorder->stacks;
}

static inline uint64_t recorder_lost_count(const struct recorder *recorder)
{
    return events_lost_count(&recorder->events) + watch_lost_count(&recorder->watch);
}

/* recorder_start.c: what is recorded runs from here on, or goes on. `ret_shell_status`: what to exit with where the command
 * could not run. */
WARN_UNUSED int recording_start(struct recorder *recorder, enum record_rung wanted, int *ret_shell_status,
                                struct err *err);

/* rung_start.c: the wanted rung or an error; without a wish (0) the best that starts. The command waits at its gate. */
WARN_UNUSED int rung_open(struct recorder *recorder, enum record_rung wanted, struct err *err);

/* recorder_meta.c: the facts known when the run starts, and those known at its end. */
void recorder_meta_start(struct recorder *recorder);
void recorder_meta_end(struct recorder *recorder, uint64_t overhead_ns);

#endif
