/* SPDX-License-Identifier: Apache-2.0 */
/* internal: spans that are held until their window is laid out. Inside receive/ only. */
#ifndef TOLL_RECEIVE_INTERNAL_H
#define TOLL_RECEIVE_INTERNAL_H

#include "base/map.h"
#include "base/vec.h"
#include "receive/trace_rows.h"

#define HELD_NONE  UINT32_MAX
#define LANES_MAX  200000u /* above, spans are written without a lane of their own */
#define SERIES_MAX 20000u

enum held_kind { HELD_OTHER, HELD_CLIENT, HELD_LLM, HELD_HUMAN };

struct held_span {
    uint64_t key, parent_key; /* of trace and span id; parent 0: none */
    uint64_t start_ns, end_ns;
    uint64_t row, name;      /* ids of the model */
    uint64_t child_end_ns;   /* of its children on its own lane, so far */
    uint64_t laid_end_ns;    /* end_ns, but not behind its parent when it is on its lane */
    uint32_t service, agent; /* index; string id of the agent whose span it is, 0 */
    uint32_t peer;           /* id, 0 */
    uint32_t parent, lane;   /* index, HELD_NONE */
    uint8_t category, status, kind;
    bool is_away; /* its lane is not its parent's */
};

struct lane {
    uint64_t track, name;
    uint64_t start_ns, free_ns;
    uint32_t pool;
};

/* Lanes of one service, or of one agent of it: the free one that ended first is taken again. */
struct lane_pool {
    uint64_t process;   /* track */
    uint64_t name;      /* of its lanes */
    uint8_t kind;       /* enum track_kind of them */
    VEC(uint32_t) heap; /* lane indexes, by free_ns */
};

struct service {
    uint64_t track, name;
    uint64_t pid;
    uint64_t start_ns, end_ns;
    uint32_t pool;
};

/* Where the run's end is: the root span that ended last. */
struct trace_root {
    uint64_t end_ns;
    uint32_t lane;
    bool has_parent_id; /* an orphan: only taken when there is no true root */
};

struct trace_rows {
    struct sink *sink;
    struct otlp_reader reader;
    struct trace_counts counts;
    bool (*usd)(void *context, const struct llm_call *call, double *ret_usd); /* NULL: nobody knows prices */
    void *usd_context;
    uint64_t base_ns; /* Unix time of the recording's time 0; 0: not known yet */
    uint64_t start_ns, end_ns;
    uint64_t track_last, span_last, peer_last, series_last;
    VEC(struct held_span) spans;
    struct map span_of; /* key to index, of the window */
    VEC(struct service) services;
    VEC(struct lane) lanes;
    VEC(struct lane_pool) pools;
    struct map service_of, agent_of, peer_of, series_of; /* string ids to indexes and ids */
    struct trace_root root;
    VEC(uint8_t) keys; /* by string id: whether values of that key are hidden */
    struct str text;   /* for values that are no texts */
};

/* Lays out the window's spans, writes their rows, waits and edges, and forgets them. */
WARN_UNUSED int trace_lanes_write(struct trace_rows *rows, struct err *err);
/* The rows of services and lanes, with their ends. */
WARN_UNUSED int trace_lanes_finish(struct trace_rows *rows, struct err *err);
WARN_UNUSED int lane_pool_new(struct trace_rows *rows, const struct lane_pool *pool, uint32_t *ret_index,
                              struct err *err);

#endif
