/* SPDX-License-Identifier: Apache-2.0 */
/*
 * span_rows: the events of one ring, one after the other, become rows. Knows nothing of files.
 *
 * A ring holds a stack of open spans; an end names its begin, so it closes that span and all above it, and one that
 * names none is nothing. Everything a program could make grow has a limit here; what is over it is counted as lost.
 */
#ifndef TOLL_RINGS_SPAN_ROWS_H
#define TOLL_RINGS_SPAN_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "base/vec.h"
#include "rings/span_clock.h"
#include "rings/spans.h"
#include "wire/ring.h"

#define SPAN_DEPTH_MAX    1024  /* open at once on one thread */
#define SPAN_USAGE_MAX    8     /* kinds of usage of one span */
#define SPAN_BIND_MAX     64    /* workers and agents open at once on one thread */
#define SPAN_LOGICAL_MAX  65536 /* workers and agents of one process */
#define SPAN_SERIES_MAX   65536 /* counters of one process */
#define SPAN_OPEN_LONG_NS 1000000000ull

struct span_usage {
    uint64_t kind; /* string */
    double amount;
};

struct open_span {
    uint64_t id;
    uint64_t track;
    uint64_t name; /* string */
    uint64_t start_ns;
    uint32_t index; /* of the begin's slot, its low 32 bits */
    uint16_t usage_count;
    bool is_written; /* with end_ns 0 */
    struct span_usage usage[SPAN_USAGE_MAX];
};

struct open_bind {
    size_t logical; /* in span_process.logicals */
    uint64_t start_ns;
};

/* A worker or agent. */
struct span_logical {
    uint64_t track;
    uint64_t name; /* string */
    uint64_t kind; /* enum track_kind */
    uint64_t start_ns;
    uint64_t end_ns;
};

/* One image of one process. */
struct span_process {
    uint64_t pid;
    uint64_t nonce;
    uint64_t created_ns;
    uint64_t track; /* of the process, 0 until it is needed */
    int names_fd;
    int pid_fd;             /* -1 when there is none */
    uint64_t refused_count; /* as read last */
    uint64_t gone_ns;       /* when it was seen to have ended, 0 before */
    uint64_t end_ns;        /* when it ended, 0 while unknown */
    bool is_gone_first;     /* the rings were read since gone_ns was set */
    VEC(uint64_t) names;    /* name id → string, 0 when not read yet */
    VEC(struct span_logical) logicals;
    struct map logical_of; /* kind and string → index in logicals */
    struct map series_of;  /* string → id */
    VEC(struct span_ring *) rings;
};

struct span_ring {
    struct span_process *process;
    int fd;
    uint64_t tail;
    uint64_t lost_count; /* as read last */
    uint64_t tid;
    uint64_t track;   /* of the thread, 0 until it is needed */
    uint64_t last_ns; /* time does not go back in a ring */
    uint32_t number;  /* in its file's name */
    VEC(struct open_span) open;
    VEC(struct open_bind) binds;
};

/* A phase set by `toll mark`. */
struct span_mark {
    uint64_t pid;
    int pid_fd;
    uint64_t gone_ns; /* when it was seen to have ended, 0 before */
    struct open_span span;
};

/* What the rows of all rings share. */
struct span_rows {
    const struct span_clock *clock;
    uint64_t start_ns; /* nothing is earlier */
    uint64_t now_ns;   /* of this poll */
    struct span_drain_totals totals;
    VEC(struct span_mark) marks;
};

/* One event. Fails when the sink does or memory runs out. */
WARN_UNUSED int span_rows_event(struct span_rows *rows, struct span_ring *ring,
                                const struct ring_event *event, const struct span_host *host,
                                struct err *err);
/* First rows of what is open for long. */
WARN_UNUSED int span_rows_open(struct span_rows *rows, struct span_ring *ring, const struct span_host *host,
                               struct err *err);
/* The thread of the ring ended: closes its spans and binds. */
WARN_UNUSED int span_rows_thread_end(struct span_ring *ring, uint64_t end_ns, const struct span_host *host,
                                     struct err *err);
/* The process ended, its rings before it: last rows of its workers and agents. */
WARN_UNUSED int span_rows_process_end(struct span_process *process, uint64_t end_ns,
                                      const struct span_host *host, struct err *err);
/* The phase at that index ended; it is removed. */
WARN_UNUSED int span_rows_mark_end(struct span_rows *rows, size_t index, uint64_t end_ns,
                                   enum span_status status, const struct span_host *host, struct err *err);

#endif
