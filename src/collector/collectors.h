/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collectors: the pauses of garbage collectors in the processes of a recording, as spans (SPAN_GC), from what their
 * runtimes tell without being asked:
 *
 *   JVM (HotSpot)   the counters that jstat reads (hsperf.h), of the same user's processes or as root: on the process's track
 *   CPython         its USDT probes, where it was built with them (Debian's is); root: on the thread's track
 *   V8 (Node.js)    entries of functions that begin and end a pause; root: on the thread's track
 *   a JVM without counters (-XX:-UsePerfData)   HotSpot's USDT probes; root
 *
 *     collectors_create(&(struct collectors_options){…}, &collectors, err);
 *     … for each process, now and then: collectors_look(collectors, pid, now_ns, &its_seek);
 *     … when collectors_due_ns: collectors_poll(collectors, &host, now_ns, err);
 *     collectors_finish(collectors, &host, end_ns, err);
 *
 * A span is named for its kind ("gc: young", "gc: scavenge", "gc: generation 2"); generation, cause and collector are its
 * attributes as far as they are told. Pauses that were not seen, and short ones beyond GC_SPANS_PER_S of a process, are
 * counted with their time: attributes of the process's track (ATTR_GC_MISSED_COUNT …).
 *
 * Nothing is asked of the programs, and what they tell is checked. One thread at a time.
 */
#ifndef TOLL_COLLECTOR_COLLECTORS_H
#define TOLL_COLLECTOR_COLLECTORS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/view.h"

#define GC_SPANS_PER_S 2000 /* of a process, and shorter than GC_SHORT_NS */
#define GC_SHORT_NS    200000

struct collectors_options {
    bool may_probe; /* also by breakpoints: nothing that ran before must stay as it was */
    bool is_new;    /* all processes begin under the recording's eyes */
};

/* What the recorder gives. Times are CLOCK_MONOTONIC ns. */
struct collectors_host {
    void *context;
    struct sink *sink;
    /* The track of the thread that had the number at that time, or of its process (tid 0, or where the thread is not known);
     * 0: it is none of the recording's. */
    uint64_t (*track_of)(void *context, uint64_t pid, uint64_t tid, uint64_t time_ns);
    /* Whether the process with that track still runs. */
    bool (*is_there)(void *context, uint64_t pid, uint64_t track);
    /* The next id of TABLE_SPAN. A row with it is always written. */
    uint64_t (*new_span)(void *context);
};

/* Of one process. All zero when it begins to run another program. */
struct collector_seek {
    uint64_t first_ns, due_ns;
    bool is_over; /* its runtime was found, or will not be */
};

struct collectors;

WARN_UNUSED int collectors_create(const struct collectors_options *options,
                                  struct collectors **ret_collectors, struct err *err);
/* Asks when it is due whether the process runs a runtime with a collector. */
void collectors_look(struct collectors *collectors, uint64_t pid, uint64_t now_ns,
                     struct collector_seek *seek);
/* Reads what there is. An error is the sink's or that memory ran out. */
WARN_UNUSED int collectors_poll(struct collectors *collectors, const struct collectors_host *host,
                                uint64_t now_ns, struct err *err);
/* When collectors_poll should come again; UINT64_MAX: nothing is watched. */
uint64_t collectors_due_ns(const struct collectors *collectors);
/* Reads the rest; nothing ends later than end_ns. */
WARN_UNUSED int collectors_finish(struct collectors *collectors, const struct collectors_host *host,
                                  uint64_t end_ns, struct err *err);
/* What is outside view. */
struct collectors_losses {
    uint64_t lost_count; /* passings of places that are not told, as the kernel's ring was full */
    uint64_t jvm_count;  /* JVMs of which more ran at once than are looked at */
    uint64_t late_ns;    /* so long a program ran before its places were watched, where that is much */
    const char *refusal; /* why CPython or V8 was found and not watched; NULL. Theirs */
};
struct collectors_losses collectors_losses(const struct collectors *collectors);
/* What told of pauses: "hsperfdata, usdt"; "none". */
const char *collectors_sources(struct collectors *collectors);
void collectors_destroy(struct collectors *collectors);

#endif
