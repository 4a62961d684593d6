/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recorded_run: a recorded run in memory, as every analysis walks it.
 *
 * A track that does work is an *actor*: a thread, or a logical track that no thread carries. A process is a
 * container of actors. An actor's life [start, end] is its waits, in order and without overlap, and running
 * in between. Times are those of the recording; the run's window is [start_ns, end_ns].
 *
 * Everything belongs to the run and lives until run_deinit. Indexes, not ids: id - 1.
 */
#ifndef TOLL_RUN_RECORDED_RUN_H
#define TOLL_RUN_RECORDED_RUN_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/vec.h"
#include "model/view.h"

#define RUN_NONE            UINT32_MAX
#define RUN_STACK_DEPTH_MAX 1024

struct run_wait {
    uint64_t start_ns, end_ns;
    uint64_t blocked_ns, runnable_ns;
    uint64_t event_ns; /* when the waker's deed was done; end_ns - runnable_ns unless inferred earlier */
    uint32_t count;
    uint32_t peer;        /* index, RUN_NONE */
    uint32_t waker;       /* actor index, RUN_NONE: external */
    uint32_t stack;       /* where it waited; index, RUN_NONE when not recorded */
    uint32_t waker_stack; /* where the waker woke it, likewise */
    uint8_t reason;       /* enum wait_reason */
    uint8_t waker_source;
    bool poll_series; /* one of several sleeps that all wait for the event of the last one */
};

struct run_sample {
    uint64_t time_ns;
    uint64_t weight;
    uint32_t stack; /* index, RUN_NONE */
};

struct run_span {
    uint64_t start_ns, end_ns;
    uint64_t id;
    uint32_t name;   /* name index (see run.names) */
    uint32_t parent; /* id of the parent span, 0 */
    bool exec;
    bool borrowed; /* stands on a logical track; this copy is on the thread that carried it */
};

struct run_edge {
    uint64_t from_ns, to_ns;
    uint32_t from, to; /* track indexes */
    uint8_t kind, source;
};

/* A piece of an actor's life in one stage; pieces cover the life without a gap. */
struct run_piece {
    uint64_t start_ns, end_ns;
    uint32_t stage; /* stage index, RUN_NONE: outside any stage */
};

struct run_track {
    uint64_t id;
    uint64_t start_ns, end_ns; /* end_ns is the run's end when the track was still open */
    uint64_t pid, tid;
    uint64_t exit_status;
    const char *name;
    uint32_t parent;  /* track index, RUN_NONE */
    uint32_t process; /* the process track it belongs to (itself for a process), RUN_NONE */
    uint8_t kind;
    bool present; /* a row was seen */
    bool open;    /* not ended when the recording did */
    bool actor;
    bool is_helper;  /* a thread that a runtime has for itself */
    bool accepts;    /* a process that holds a socket for new clients */
    uint64_t run_ns; /* time running, inside the window */
    /* of a process, from its attributes; 0 when not recorded */
    uint64_t rss_bytes_max, cpu_user_ns, cpu_system_ns, fault_minor_count, fault_major_count;
    uint64_t recording_ns; /* of its CPU time, what toll's library used in it */
    /* Of a process's flows, all added up: calls counted for all peers together, apart by peer, time inside calls. */
    uint64_t call_together_count, call_apart_count, call_inside_ns;
    uint64_t descriptor_limit;
    /* Of a process whose collector's pauses are told: by what ("hsperfdata"), else NULL; those that have no span. */
    const char *gc_source;
    uint64_t gc_missed_count, gc_missed_ns;
    /* spawn: the actor and the moment that started this one */
    uint32_t spawner;
    uint64_t spawn_ns;
    VEC(struct run_wait) waits;
    VEC(struct run_span) spans; /* by start; exec spans stand on the process */
    VEC(struct run_sample) samples;
    VEC(struct run_piece) pieces;
    VEC(uint32_t) actors; /* of a process: its actors */
};

struct run_peer {
    uint8_t kind;
    const char *name, *address, *path;
    const char *server;    /* who listens there, on this machine; NULL when not known */
    VEC(uint32_t) readers; /* process track indexes that hold it open for reading, writing */
    VEC(uint32_t) writers;
    VEC(uint32_t) waiters; /* actors that ever waited on it */
};

struct run_frame {
    const char *function, *file, *module;
    uint32_t line;
    bool spins;   /* code that does nothing but look whether something changed */
    bool inlined; /* into the function that the next frame outwards stands for */
    uint64_t address;
};

struct run_stack {
    uint32_t parent; /* RUN_NONE at the root, which is reached from everywhere */
    uint32_t frame;
    uint32_t depth; /* below RUN_STACK_DEPTH_MAX: a deeper one is cut, its lower part starts anew */
};

struct run_point {
    uint64_t time_ns;
    double value;
};

/* A server on this machine that the run talks to: cores it used over time. */
struct run_server {
    const char *name;
    uint64_t series;
    VEC(struct run_point) points;
};

struct run_bind {
    uint64_t start_ns, end_ns;
    uint32_t track, thread;
};

/* What one process exchanged with one peer (exchange.h); [operation] is an enum io_operation. */
struct run_flow {
    uint32_t process; /* track index */
    uint32_t peer;    /* one of that name; RUN_NONE: all its peers together */
    const char *name; /* NULL: all its peers together */
    uint64_t start_ns, end_ns;
    uint64_t count[IO_OPERATION_COUNT], bytes[IO_OPERATION_COUNT], time_ns[IO_OPERATION_COUNT];
    uint64_t small_count[IO_OPERATION_COUNT]; /* of reads and writes: under 256 bytes */
    uint64_t wait_count, wait_ns;
    uint64_t opening_wait_ns;       /* of wait_ns: the first wait for each connection that was seen */
    uint64_t connection_count;      /* of a socket: those that were seen */
    uint64_t connection_late_count; /* of them, first waited for in the second half of the process's life */
};

/* What was counted of one process over time; process RUN_NONE: of the machine. */
struct run_series {
    const char *name, *unit;
    uint32_t process;
    uint64_t seen_count, stride;
    struct run_point last;
    VEC(struct run_point) points;
};

/* A pause of a garbage collector (SPAN_GC), which is no stage. */
struct run_pause {
    uint64_t start_ns, end_ns;
    uint32_t track; /* index: of a process all its threads stand still, else that thread */
    const char *name;
};

struct run_usage {
    uint64_t span;
    const char *kind;
    double amount;
};

struct run_stage {
    const char *name;
    bool process; /* a program of the tree, not a span */
};

struct run {
    struct arena arena;
    const struct view *view;
    uint64_t start_ns, end_ns;
    uint32_t cpu_count;
    bool knows_cpu_count; /* it was recorded; else it is 1 */
    uint32_t root;        /* actor: the main command's main thread */
    bool has_spans;       /* stages are spans; else each program of the tree is one */
    uint64_t boundary_error_ns;
    VEC(struct run_track) tracks;
    VEC(struct run_peer) peers;
    VEC(struct run_frame) frames;
    VEC(struct run_stack) stacks;
    VEC(struct run_edge) edges;    /* by to_ns */
    VEC(struct run_point) outside; /* cores used by others, by time */
    VEC(struct run_point) stalls;  /* part of the time that some task of the machine was stalled for memory */
    VEC(struct run_server) servers;
    VEC(struct run_usage) usage;
    VEC(struct run_pause) pauses; /* as they were written */
    VEC(struct run_bind) binds;
    VEC(struct run_flow) flows;
    VEC(struct run_series) series;
    uint64_t call_ns; /* what an empty system call took on the machine; 0 unknown */
    VEC(struct run_stage) stages;
    struct intern stage_names;
};

/* Loads a view. ERR_INPUT when the recording has no track or no end. Memory: about 80 bytes a wait. */
WARN_UNUSED int run_load(const struct view *view, struct run *ret_run, struct err *err);
/* Tracks, their programs, samples and stacks alone, which is what a flame graph of CPU time is made of: of a
 * recording that is sealed a few hundredths of the whole. */
WARN_UNUSED int run_load_samples(const struct view *view, struct run *ret_run, struct err *err);
void run_deinit(struct run *run);

/* How far a deed and the wake-up it causes may be apart: 2 ms on exact clocks, more where /proc was looked at. */
uint64_t run_tolerance_ns(const struct run *run);

/* How many of a track's waits start before t: they are items[0 .. count - 1]. */
size_t run_waits_before(const struct run_track *track, uint64_t t);

/* Likewise for its samples. */
size_t run_samples_before(const struct run_track *track, uint64_t t);

/* The wait that holds the instant before `t` (start_ns < t <= end_ns), else NULL; *ret_before is the end of the
 * last wait at or before t (the start of running), the track's start when there is none. */
struct run_wait *run_wait_at(const struct run_track *track, uint64_t t, uint64_t *ret_before);

/* The stage an actor was in just before t; RUN_NONE outside any. */
uint32_t run_stage_at(const struct run *run, uint32_t actor, uint64_t t);

/* The process's name as it was at t (its program image), never NULL. */
const char *run_process_name(const struct run *run, uint32_t track, uint64_t t);

/* How a peer is called in reports: its address, else path, else name; NULL for RUN_NONE and unnamed ones. */
const char *run_peer_name(const struct run *run, uint32_t peer);

/* The mean part of the run in which some task of the machine was stalled for memory (searched for it, or waited for a
 * page that was there before), and from where on that matters. */
double run_stalled_ratio(const struct run *run);
#define RUN_STALLED_MIN 0.1

/* Index of a stage name, added when new; RUN_NONE when memory ran out. */
uint32_t run_stage_index(struct run *run, const char *name, bool process);

#endif
