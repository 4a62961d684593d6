/* SPDX-License-Identifier: Apache-2.0 */
/* tables_state: the state behind tables.h. Inside ingest/ only. */
#ifndef TOLL_INGEST_TABLES_STATE_H
#define TOLL_INGEST_TABLES_STATE_H

#include "base/clock.h"
#include "base/map.h"
#include "base/num.h"
#include "base/vec.h"
#include "ingest/tables.h"

#define EARLY_MAX           2048u
#define INTERVAL_NS_DEFAULT NS_PER_MS
#define INTERVAL_NS_MIN     (100 * NS_PER_US)
#define CHILD_DELAY_NS_MAX  (2 * NS_PER_MS) /* from the end of a child to who waited for it */
#define INTERVAL_NS_MAX     NS_PER_S

struct table_thread {
    uint64_t pid, tid; /* pid 0: not told */
    uint64_t name;     /* string id */
    uint64_t track;
    uint32_t process; /* index */
    uint64_t start_ns, end_ns;
    uint64_t covered_ns;     /* up to here samples say that it ran */
    uint64_t last_covers_ns; /* of the last sample */
    uint64_t sample_count;
    uint64_t off_ns, woken_ns;
    uint32_t waker;
    bool is_seen, is_ended, is_covered, is_off, is_preempted, is_woken_from_outside;
};

struct table_process {
    uint64_t pid, name, track;
    uint64_t parent;       /* index + 1; 0: not told */
    uint64_t child_end_ns; /* the last end of a child, and the child's thread */
    uint32_t child_thread;
    uint64_t first_name; /* of the program before the first that it executed; 0: it executed none */
    uint64_t start_ns, end_ns;
    uint64_t sample_count;
    bool is_named; /* by its first thread, or as told */
    bool is_seen;
};

/* A program that a process executed. */
struct table_image {
    uint64_t start_ns, name;
    uint32_t process;
};

/* A sample of the time in which it is not known yet what one stands for. */
struct table_early {
    uint64_t time_ns, covers_ns;
    uint32_t thread;
};

/* Who was asked for last, by number: most events are of few threads. */
#define RECENT_COUNT      64u
#define RECENT_NAME_BYTES 32u

struct table_recent {
    uint64_t pid, tid, life;
    size_t name_length; /* 0: none */
    uint32_t thread;
    char name[RECENT_NAME_BYTES];
};

struct tables {
    struct table_recent recent[RECENT_COUNT];
    struct sink *sink;
    VEC(struct table_thread) threads;
    VEC(struct table_process) processes;
    VEC(struct table_early) early;
    VEC(struct table_image) images;        /* in time order */
    struct intern thread_keys, frame_keys; /* ids are index + 1, and frame ids */
    struct map process_of, thread_of;      /* by number */
    struct map stack_of;                   /* by parent and frame */
    uint64_t track_count, span_count, pause_count, wait_count, sample_count;
    uint64_t interval_ns;
    uint64_t start_ns, end_ns;
    uint64_t root_pid;
    bool is_seen, is_settled, is_measured, has_waits;
};

/* The open wait of a thread ends; why it waited is not known. */
WARN_UNUSED int tables_close_wait(struct tables *tables, struct table_thread *thread, uint64_t time_ns,
                                  struct err *err);
/* Samples that came before the interval was known. */
WARN_UNUSED int tables_settle_early(struct tables *tables, struct err *err);

#endif
