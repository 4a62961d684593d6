/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tables: a recording made from what another tool wrote: threads, stacks, samples, waits and spans come in the order of their
 * file, rows go to a sink.
 *
 * A thread's life in a recording is its waits and running in between. Most files tell samples alone: then a sample stands for
 * the running before it, as long as its tool lets pass between two (told with the sample, else measured: the quarter of the
 * gaps between a thread's samples that is shortest, among the first 2,048), and what lies between such stretches is written
 * as waits whose reason is not known. Once a file tells of one switch or wait, no wait is made up.
 *
 * Memory: what is different (threads, frames, stacks), not samples. One thread at a time.
 */
#ifndef TOLL_INGEST_TABLES_H
#define TOLL_INGEST_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/view.h"

struct tables;

WARN_UNUSED int tables_create(struct sink *sink, struct tables **ret_tables, struct err *err);
/* NULL is allowed. */
void tables_destroy(struct tables *tables);
/* For rows of a kind that has no function here: edges, series, attributes. */
struct sink *tables_sink(struct tables *tables);

/* A thread that renames itself is another thread here, whose life begins where the first one's last event was. */
struct tables_who {
    uint64_t pid,
        tid; /* pid 0: not told; the thread is then a process of its own, unless it was told before */
    const char *name;
    size_t name_length;
    uint64_t life; /* numbers are given again: which of the processes and threads that had them */
};
/* The number of a thread, for the functions below. */
WARN_UNUSED int tables_thread(struct tables *tables, const struct tables_who *who, uint32_t *ret_thread,
                              struct err *err);
/* The thread with that number that was told last; UINT32_MAX when there is none. */
uint32_t tables_thread_of(const struct tables *tables, uint64_t tid);
/* Its id in the track table. */
uint64_t tables_track(const struct tables *tables, uint32_t thread);
/* The name of its process, when it is not that of the thread whose number is the process's. */
WARN_UNUSED int tables_name_process(struct tables *tables, uint64_t pid, const char *name, struct err *err);
/* For files that tell when a thread renames itself: it stays the same thread. With `is_exec` its process is another program from
 * then on. Events come in time order. */
WARN_UNUSED int tables_rename(struct tables *tables, uint32_t thread, uint64_t time_ns, const char *name,
                              bool is_exec, struct err *err);
/* A new thread is called as its maker is, until it is renamed. */
void tables_inherit_name(struct tables *tables, uint32_t thread, uint32_t maker);
/* The process of `parent` made that of `thread`, a child. */
void tables_set_parent(struct tables *tables, uint32_t thread, uint32_t parent);
/* A process ends with this thread: a thread of its maker that goes on within 2 ms, and began to wait before, waited for it. */
void tables_process_ended(struct tables *tables, uint32_t thread, uint64_t time_ns);
/* The process in which the command began; else it is the one with most samples. */
void tables_set_root(struct tables *tables, uint64_t pid);

/* Texts may be NULL. Equal frames are one row. */
struct tables_frame {
    const char *function, *file, *module;
    uint64_t line, address;
    bool is_inlined; /* into its caller */
};
WARN_UNUSED int tables_frame(struct tables *tables, const struct tables_frame *frame, uint64_t *ret_frame,
                             struct err *err);
/* The stack that calls `frame` from `parent` (0: it is the outermost). */
WARN_UNUSED int tables_stack(struct tables *tables, uint64_t parent, uint64_t frame, uint64_t *ret_stack,
                             struct err *err);

struct tables_sample {
    uint32_t thread;
    uint64_t time_ns;
    uint64_t stack; /* 0: none */
    uint64_t weight;
    enum sample_kind kind;
    uint64_t covers_ns; /* the running that it stands for; 0: not told */
};
WARN_UNUSED int tables_sample(struct tables *tables, const struct tables_sample *sample, struct err *err);

/* A thread leaves the CPU, because it could not go on, or though it could (preempted). */
WARN_UNUSED int tables_off(struct tables *tables, uint32_t thread, uint64_t time_ns, bool is_preempted,
                           struct err *err);
/* Someone made a thread able to go on; waker UINT32_MAX: not a thread. */
void tables_wake(struct tables *tables, uint32_t thread, uint64_t time_ns, uint32_t waker);
/* It is on the CPU again. */
WARN_UNUSED int tables_on(struct tables *tables, uint32_t thread, uint64_t time_ns, struct err *err);
/* It is on the CPU by now, and since when is not known: a wait that was open has no reason. True when there was one. */
WARN_UNUSED int tables_active(struct tables *tables, uint32_t thread, uint64_t time_ns, bool *ret_was_off,
                              struct err *err);
/* A wait that the file tells whole; `track` of the row is set here. */
WARN_UNUSED int tables_wait(struct tables *tables, uint32_t thread, struct row_wait wait, struct err *err);
/* A span; its id and track are set here. *ret_span for spans inside it, may be NULL. */
WARN_UNUSED int tables_span(struct tables *tables, uint32_t thread, struct row_span span, uint64_t *ret_span,
                            struct err *err);
/* The same on the track of the thread's process. */
WARN_UNUSED int tables_process_span(struct tables *tables, uint32_t thread, struct row_span span,
                                    uint64_t *ret_span, struct err *err);
/* A thread lives from its first to its last event, or as told here (0: not told). Where the file tells of switches, one whose
 * end is not told lives as long as the run. */
void tables_life(struct tables *tables, uint32_t thread, uint64_t start_ns, uint64_t end_ns);
/* The file tells of switches: no wait is made up between samples. */
void tables_has_switches(struct tables *tables);

/* What is told of the whole: texts may be NULL. */
struct tables_about {
    const char *format, *file; /* "perf script text", "perf.txt" */
    const char *clock;         /* what the times are, a sentence for a person */
    const char *unit;          /* of weights: "ns", "cycles", "samples" */
    const char *event;         /* that was sampled */
    const char *command;       /* JSON array, or NULL: made of the file's name */
    const char *host, *kernel;
    uint64_t cpu_count;           /* 0: not told */
    uint64_t started_realtime_ns; /* 0: not told */
    uint64_t
        realtime_less_ns; /* what a time of the file is to be added to for the time of day; 0: not told */
    uint64_t lost_count;
    uint64_t stack_count, stack_truncated_count; /* of stacks that the reader looked up itself */
    uint64_t scale; /* weights are so many times the file's; 0 and 1: not scaled */
    const char *const *remarks;
    size_t remark_count;
};

struct tables_facts {
    uint64_t sample_count, wait_count, span_count, stack_count, thread_count, process_count;
    uint64_t start_ns, end_ns;
    uint64_t interval_ns; /* that a sample stands for, where that was measured; else 0 */
    bool has_waits;       /* that the file told */
};

/* Writes what is left. ERR_INPUT when nothing has a time. */
WARN_UNUSED int tables_finish(struct tables *tables, const struct tables_about *about,
                              struct tables_facts *ret_facts, struct err *err);

#endif
