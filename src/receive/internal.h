/* SPDX-License-Identifier: Apache-2.0 */
/* internal: spans that are held until their window is laid out. Inside receive/ only. */
#ifndef TOLL_RECEIVE_INTERNAL_H
#define TOLL_RECEIVE_INTERNAL_H

#include "agents/genai.h"
#include "base/map.h"
#include "base/vec.h"
#include "receive/trace_rows.h"

#define HELD_NONE  UINT32_MAX
#define LANES_MAX  200000u /* above, spans are written without a lane of their own */
#define SERIES_MAX 20000u
#define CALLS_MAX  4000000u /* ids of responses that are known; a call told again after so many counts again */

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
    bool is_away;                /* its lane is not its parent's */
    bool is_cut;                 /* from its parent, which is below it */
    bool has_usage, usage_below; /* tokens of its own; of a span below it */
    uint64_t parent_row;         /* of a parent in another window; 0: none */
};

/* A parent that has not come although its children had to be written: it has its row already. */
struct missing_span {
    uint64_t row, start_ns, end_ns, child_count;
    uint32_t service;
    bool usage_below, has_come;
};

/* What a call used. */
struct told_call {
    struct tokens tokens;
    uint64_t model;   /* string id, 0 */
    double usd;       /* where is_priced */
    const char *tier; /* NULL: the standard one */
    uint64_t first_token_after_ns;
    uint32_t attempt;
    bool is_priced;
};

/* The usage of an agent itself: it counts when no span below tells of any. */
struct own_usage {
    uint64_t key; /* of its span */
    struct told_call call;
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
    uint32_t window; /* spans of one */
    VEC(struct held_span) spans;
    struct map span_of;    /* key to index, of the window */
    struct map written[2]; /* key to row, of the two windows before */
    struct map missing_of; /* key to index */
    VEC(struct missing_span) missing;
    struct map calls; /* keys of responses that were told */
    VEC(struct own_usage) own;
    VEC(struct service) services;
    VEC(struct lane) lanes;
    VEC(struct lane_pool) pools;
    struct map service_of, agent_of, peer_of, series_of; /* string ids to indexes and ids */
    struct trace_root root;
    VEC(uint8_t) keys; /* by string id: whether values of that key are hidden */
    struct str text;   /* for values that are no texts */
};

/* trace_calls.c: a call of a model, into the span; its usage rows, unless the same response was told before. */
WARN_UNUSED int trace_call_take(struct trace_rows *rows, const struct genai *genai, struct held_span *held,
                                struct err *err);
/* The response was told before; from now on it was. */
WARN_UNUSED int trace_call_is_told(struct trace_rows *rows, const struct genai *genai, bool *ret_told,
                                   struct err *err);
/* Usage that an agent tells itself is kept, and written once its window is laid out. */
WARN_UNUSED int trace_own_keep(struct trace_rows *rows, const struct genai *genai, struct held_span *held,
                               struct err *err);
WARN_UNUSED int trace_own_write(struct trace_rows *rows, struct err *err);

/* trace_window.c: finds the parents of the window's spans, and marks those above spans with usage. */
WARN_UNUSED int trace_window_link(struct trace_rows *rows, struct err *err);
/* The window is full: writes it, but for spans whose parents are still to come when those are not too many. */
WARN_UNUSED int trace_window_full(struct trace_rows *rows, struct err *err);
/* The row of a span that was written in one of the windows before; 0: none. */
uint64_t trace_window_written(const struct trace_rows *rows, uint64_t key);
/* A span comes that has its row already; NULL: it has not. */
struct missing_span *trace_window_missing(const struct trace_rows *rows, uint64_t key);
/* The span is written; it has a parent_row. */
void trace_window_early(struct trace_rows *rows, const struct held_span *span);
/* Rows for parents that never came. */
WARN_UNUSED int trace_window_finish(struct trace_rows *rows, struct err *err);

/* trace_rows.c */
WARN_UNUSED int trace_peer(struct trace_rows *rows, uint8_t kind, struct otlp_text name, uint32_t *ret_peer,
                           struct err *err);

/* Lays out the window's spans, writes their rows, waits and edges, and forgets them. */
WARN_UNUSED int trace_lanes_write(struct trace_rows *rows, struct err *err);
/* The rows of services and lanes, with their ends. */
WARN_UNUSED int trace_lanes_finish(struct trace_rows *rows, struct err *err);
WARN_UNUSED int lane_pool_new(struct trace_rows *rows, const struct lane_pool *pool, uint32_t *ret_index,
                              struct err *err);

#endif
