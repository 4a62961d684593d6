/* SPDX-License-Identifier: Apache-2.0 */
/* seal: a recording out of a receiver's log, or of files of OTLP in any form (otlp/otlp_file.h). */
#ifndef TOLL_RECEIVE_SEAL_H
#define TOLL_RECEIVE_SEAL_H

#include "agents/agent_events.h"
#include "receive/trace_rows.h"

/* What a call of a model costs in dollars; false when nobody knows its price. `usd` may be NULL: then only what spans tell. */
struct seal_price {
    bool (*usd)(void *context, const struct llm_call *call, double *ret_usd);
    void *context;
};

struct seal_request {
    const char *const *paths; /* request logs, or other files of OTLP, one kind or several */
    size_t path_count;
    const char *output;  /* replaced once the recording is complete; may be one of the paths */
    const char *command; /* JSON array of what was run beside it; NULL: none was */
    int exit_status;     /* of that command */
    struct seal_price price;
};

struct seal_result {
    struct trace_counts counts;
    uint64_t entry_count;        /* requests, or lines of JSON */
    uint64_t malformed_count;    /* lines that are no OTLP, and requests that do not hold any more */
    uint64_t byte_count_dropped; /* behind the last whole request */
    uint64_t row_count;
};

/* ERR_INPUT when there is no span in it: then nothing is written, and the paths are as they were. */
WARN_UNUSED int seal_spans(const struct seal_request *request, struct seal_result *ret_result,
                           struct err *err);

#endif
