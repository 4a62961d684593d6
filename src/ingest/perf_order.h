/* SPDX-License-Identifier: Apache-2.0 */
/*
 * perf_order: records of several CPUs, each in its own order, in the order of time. perf writes in rounds, and says when each has
 * ended: what is not later than the end of the round before cannot be preceded by anything any more. Inside ingest/ only.
 */
#ifndef TOLL_INGEST_PERF_ORDER_H
#define TOLL_INGEST_PERF_ORDER_H

#include "base/vec.h"
#include "ingest/perf_sample.h"

struct perf_ordered {
    uint64_t time_ns, number; /* as they were put */
    struct perf_record record;
    struct perf_sample sample;
};

typedef int perf_order_fn(void *context, const struct perf_ordered *ordered, struct err *err);

/* Zero-initialise but for the first two. */
struct perf_order {
    perf_order_fn *each;
    void *context;
    VEC(struct perf_ordered) waiting;
    uint64_t number, latest_ns, limit_ns;
    uint64_t delivered_ns, late_count; /* earlier than what was delivered already */
};

WARN_UNUSED int perf_order_put(struct perf_order *order, const struct perf_record *record,
                               const struct perf_sample *sample, struct err *err);
WARN_UNUSED int perf_order_round(struct perf_order *order, struct err *err);
WARN_UNUSED int perf_order_end(struct perf_order *order, struct err *err);
void perf_order_free(struct perf_order *order);

#endif
