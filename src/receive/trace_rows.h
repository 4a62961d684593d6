/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace_rows: spans of OpenTelemetry into the model.
 *
 * A service is a process track; what it does one after another is on a lane, a thread track below it that requests share in turn. A
 * span lies on its parent's lane when it is the same service's, within the parent and beside no other child; else it gets a lane of
 * its own (work that overlaps, another service, an agent). Where a lane waits for such a child, there is a wait whose waker is the
 * child's lane, so the critical path walks across services and agents. A client's span without a recorded other end is a wait for
 * that peer; so is a call of a model (kind api). Agents are tracks of kind agent; calls of models are spans with usage rows.
 * Attributes become attr rows, secret-looking ones hidden; points of metrics become series.
 *
 * Spans may come in any order. They are held in windows of TRACE_WINDOW_SPANS, so memory is bounded. When one is full, what has its parents is
 * written, and what still waits for one goes into the next window; where that is more than half of it (a trace of millions of spans, whose root
 * comes last) all is written: their parent's id is known, but the parent is not seen to have waited for them, and they are counted. A child
 * that comes after its parent was written has that parent's id. A span told twice within three windows counts once, a call's response once.
 *
 * An agent's own usage repeats that of its calls; where no span below it tells of any, it is a call at the agent's end.
 */
#ifndef TOLL_RECEIVE_TRACE_ROWS_H
#define TOLL_RECEIVE_TRACE_ROWS_H

#include "agents/agent_events.h"
#include "model/view.h"
#include "otlp/otlp.h"

#define TRACE_WINDOW_SPANS 400000u

struct trace_counts {
    uint64_t span_count, point_count, record_count;
    uint64_t repeated_count;                              /* spans told again */
    uint64_t orphan_count;                                /* whose parent was not told */
    uint64_t early_count;                                 /* written before their parent came */
    uint64_t service_count, trace_root_count, call_count; /* calls of models */
    uint64_t tokens;                                      /* of all calls, cache too */
    uint64_t unpriced_count;                              /* calls whose cost nobody knows */
    double cost_usd;                                      /* of the others */
    uint64_t cut_count;                                   /* values that were too long */
};

struct trace_rows;

WARN_UNUSED int trace_rows_create(struct sink *sink, struct trace_rows **ret_rows, struct err *err);
/* What calls of models cost, where spans do not tell; called with one that has its time, model, tokens and tier. */
void trace_rows_price(struct trace_rows *rows,
                      bool (*usd)(void *context, const struct llm_call *call, double *ret_usd),
                      void *context);
/* Other windows than TRACE_WINDOW_SPANS, at least 2. */
void trace_rows_window(struct trace_rows *rows, uint32_t spans);
void trace_rows_destroy(struct trace_rows *rows);
/* Takes what the decoder tells; valid as long as the rows. */
const struct otlp_reader *trace_rows_reader(struct trace_rows *rows);
/* Writes what is still held, the tracks' ends, and the meta rows of the run. ERR_INPUT when there was no span at all. */
WARN_UNUSED int trace_rows_finish(struct trace_rows *rows, struct trace_counts *ret_counts, struct err *err);

#endif
