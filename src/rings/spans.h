/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spans: what programs say with the SDK (include/toll.h), read out of their rings (wire/ring.h) into rows.
 *
 *     span_drain_create(&(struct span_drain_options){0}, &drain, err);
 *     … setenv("TOLL_SESSION", span_drain_folder(drain)) for the command …
 *     … every span_drain_pause_ns(drain) at the latest: span_drain_poll(drain, &host, err);
 *     span_drain_finish(drain, &host, end_ns, err);
 *     span_drain_destroy(drain);
 *
 * Rows: a span per begin, written when it ends (with its usage rows, one per kind, amounts added up), and before
 * that once with end_ns 0 when it is open for long. Its track is the thread's, or the worker or agent that the
 * thread carried when it began; its parent is the span around it on its thread. Workers and agents are tracks under
 * their process with a bind row for each time a thread carried them. Counters are series of the process track.
 * Edges are between thread tracks. `toll mark` gives a shell phases: spans of its first thread, each ended by the next.
 *
 * What a program leaves open when its thread or process ends gets that end and SPAN_STATUS_CUT.
 *
 * Nothing that a program writes into its rings can crash the reader or make it grow without limit; what makes no sense
 * is counted and passed over. One thread at a time.
 */
#ifndef TOLL_RINGS_SPANS_H
#define TOLL_RINGS_SPANS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/table.h"
#include "model/view.h"

/* span.status of spans from the SDK */
enum span_status {
    SPAN_STATUS_OK = 0,
    SPAN_STATUS_CUT =
        1 /* never ended by the program: by the span around it, its thread's or its process's end */
};

struct span_drain_options {
    const char *folder;  /* an empty one, absolute; NULL: made in memory-backed storage, removed at the end */
    uint32_t ring_bytes; /* per thread, a power of two from 16 KiB to 16 MiB; 0: 512 KiB */
    bool is_monotonic_forced; /* clock_gettime in the programs even where the CPU's counter is good */
};

/* What the recorder gives. Times are CLOCK_MONOTONIC ns. */
struct span_host {
    void *context;
    struct sink *sink;
    /* The track of the thread that had the number `tid` at that time, of the process when tid is 0; made when it is
     * not known yet, found although it has ended meanwhile. 0 to refuse: its events are counted as lost. */
    uint64_t (*track_of)(void *context, uint64_t pid, uint64_t tid, uint64_t time_ns);
    /* The next id of TABLE_TRACK, TABLE_SPAN or TABLE_SERIES. A row with it is always written. */
    uint64_t (*new_id)(void *context, enum table_id table);
    /* When the process that had this number at time_ns ended, 0 when that is not known (yet). May be NULL. */
    uint64_t (*end_of)(void *context, uint64_t pid, uint64_t time_ns);
};

struct span_drain_totals {
    uint64_t span_count;    /* begun */
    uint64_t event_count;   /* slots read */
    uint64_t lost_count;    /* spans and other events that were dropped: rings full, limits, content broken */
    uint64_t process_count; /* that used the SDK */
    uint64_t residual_ns_max; /* how far the CPU's counter was off CLOCK_MONOTONIC between two looks */
    bool is_clock_tsc;
};

struct span_drain;

WARN_UNUSED int span_drain_create(const struct span_drain_options *options, struct span_drain **ret_drain,
                                  struct err *err);
/* For the environment of the command, as WIRE_SESSION_VARIABLE. */
const char *span_drain_folder(const struct span_drain *drain);
/* Reads what there is. An error is the sink's or that memory ran out. */
WARN_UNUSED int span_drain_poll(struct span_drain *drain, const struct span_host *host, struct err *err);
/* How long rings can be left alone at the rate seen in the last poll, 1 to 100 ms. */
uint64_t span_drain_pause_ns(const struct span_drain *drain);
/* Reads the rest and closes what is open, at end_ns where its process still runs. Programs that go on stop recording. */
WARN_UNUSED int span_drain_finish(struct span_drain *drain, const struct span_host *host, uint64_t end_ns,
                                  struct err *err);
struct span_drain_totals span_drain_totals(const struct span_drain *drain);
/* Removes the session's files. NULL is allowed, and a drain that was not finished. */
void span_drain_destroy(struct span_drain *drain);

#endif
