/* SPDX-License-Identifier: Apache-2.0 */
/* scenario: small runs written by hand, for tests. Times are milliseconds from the run's start. */
#ifndef TOLL_ANALYZE_SCENARIO_H
#define TOLL_ANALYZE_SCENARIO_H

#include "analyze/critical_path.h"
#include "model/dataset.h"

struct scenario {
    struct dataset data;
    uint64_t next_track, next_peer, next_span, next_frame, next_series;
    struct run run;
    struct path path;
};

void scenario_init(struct scenario *scenario, uint64_t cpu_count, uint64_t wall_ms);
void scenario_deinit(struct scenario *scenario);

/* A process of one thread; the thread's track id. `parent` is a thread that spawns it, 0 for the root. */
uint64_t scenario_process(struct scenario *scenario, uint64_t parent, const char *name, uint64_t start_ms,
                          uint64_t end_ms);
uint64_t scenario_thread(struct scenario *scenario, uint64_t creator, const char *name, uint64_t start_ms,
                         uint64_t end_ms);
uint64_t scenario_peer(struct scenario *scenario, uint64_t kind, const char *name, const char *address);
/* The process of `thread` holds an end of the peer: IO_READ or IO_WRITE. */
void scenario_holds(struct scenario *scenario, uint64_t thread, uint64_t peer, uint64_t operation);
void scenario_wait(struct scenario *scenario, uint64_t thread, uint64_t start_ms, uint64_t end_ms,
                   uint64_t reason, uint64_t peer);
/* A wait for a child; of its end, `queued_ms` are told to be queueing for a CPU. */
void scenario_child_wait(struct scenario *scenario, uint64_t thread, uint64_t start_ms, uint64_t end_ms,
                         uint64_t queued_ms);
void scenario_queue(struct scenario *scenario, uint64_t thread, uint64_t start_ms, uint64_t end_ms);
void scenario_span(struct scenario *scenario, uint64_t thread, const char *name, uint64_t start_ms,
                   uint64_t end_ms);
/* A sample every millisecond in [start_ms, end_ms) in one function. */
void scenario_samples(struct scenario *scenario, uint64_t thread, const char *function, uint64_t start_ms,
                      uint64_t end_ms);

/* A call chain, `outer` calls `inner`; its id. */
uint64_t scenario_stack(struct scenario *scenario, const char *outer, const char *inner);
void scenario_stack_samples(struct scenario *scenario, uint64_t thread, uint64_t stack, uint64_t start_ms,
                            uint64_t end_ms);

/* A wait whose waker was recorded: `source` is WAKER_EXACT, or WAKER_INTERRUPT. */
struct scenario_wake {
    uint64_t thread, waker;
    uint64_t start_ms, end_ms, queued_ms;
    uint64_t reason, peer, source;
    uint64_t stack, waker_stack;
    uint64_t count; /* 0 is 1; of a row of several, half of the blocked time is running */
};
void scenario_woken(struct scenario *scenario, const struct scenario_wake *wake);

/* An io row of the process of `thread`, over its life; peer 0: all its peers together. */
struct scenario_io {
    uint64_t thread, peer, operation;
    uint64_t count, bytes, time_ns;
    const char *sizes; /* the text of its histogram, NULL */
};
void scenario_io(struct scenario *scenario, const struct scenario_io *io);
/* An attribute of the process of `thread`. */
void scenario_attr(struct scenario *scenario, uint64_t thread, const char *key, uint64_t value);
/* A series of the process of `thread` (0: of the machine) that goes from `low` at start_ms to `high` at end_ms in a
 * straight line, a point every 10 ms, and stays there. Its id. */
struct scenario_series {
    uint64_t thread;
    const char *name, *unit;
    uint64_t start_ms, end_ms;
    double low, high;
};
uint64_t scenario_series(struct scenario *scenario, const struct scenario_series *series);
/* More points of a series, likewise. */
void scenario_points(struct scenario *scenario, uint64_t id, const struct scenario_series *series);
/* A row of `count` equal waits, times in milliseconds; what is not blocked_ns of it is running. */
void scenario_waits(struct scenario *scenario, const struct row_wait *row_ms);
/* A connection: a socket peer with that remote and local end. */
uint64_t scenario_connection(struct scenario *scenario, const char *address, const char *local);

/* A whole run: four threads, ten turns each of 10 ms asleep under the lock "100:0x1000", 402 ms in all. */
void scenario_convoy(struct scenario *scenario);

/* A whole run of 200 ms: one core, on which "victim" (thread 2) and "hog" (thread 4) take turns of 5 ms. */
void scenario_contention(struct scenario *scenario);

/* Loads, infers and walks. */
void scenario_walk(struct scenario *scenario);
/* Milliseconds of the path that the program `process` (NULL: any) was doing `doing`. */
uint64_t scenario_doing_ms(const struct scenario *scenario, const char *process, int doing);
uint64_t scenario_via_ms(const struct scenario *scenario, uint64_t reason);

#endif
