/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/perf_order.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/sort.h"

int perf_order_put(struct perf_order *order, const struct perf_record *record,
                   const struct perf_sample *sample, struct err *err)
{
    struct perf_ordered ordered = {.time_ns = sample->has_time ? sample->time_ns : 0,
                                   .number = order->number++,
                                   .record = *record,
                                   .sample = *sample};
    order->latest_ns = num_max(order->latest_ns, ordered.time_ns);
    order->late_count += ordered.time_ns && ordered.time_ns < order->delivered_ns;
    return vec_push(&order->waiting, ordered) ? err_memory(err) : 0;
}

static int compare(const void *a, const void *b)
{
    const struct perf_ordered *x = a, *y = b;
    if (x->time_ns != y->time_ns)
        return x->time_ns < y->time_ns ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

static int deliver(struct perf_order *order, uint64_t limit_ns, struct err *err)
{
    size_t done = 0;
    int status = 0;
    if (!order->waiting.count)
        return 0;
    if (!sort_is_done(order->waiting.items, order->waiting.count, sizeof order->waiting.items[0], compare))
        qsort(order->waiting.items, order->waiting.count, sizeof order->waiting.items[0], compare);
    while (done < order->waiting.count && order->waiting.items[done].time_ns <= limit_ns && !status) {
        order->delivered_ns = num_max(order->delivered_ns, order->waiting.items[done].time_ns);
        status = order->each(order->context, &order->waiting.items[done++], err);
    }
    order->waiting.count -= done;
    memmove(order->waiting.items, order->waiting.items + done,
            order->waiting.count * sizeof order->waiting.items[0]);
    return status;
}

int perf_order_round(struct perf_order *order, struct err *err)
{
    int status = deliver(order, order->limit_ns, err);
    order->limit_ns = order->latest_ns;
    return status;
}

int perf_order_end(struct perf_order *order, struct err *err)
{
    return deliver(order, UINT64_MAX, err);
}

void perf_order_free(struct perf_order *order)
{
    vec_free(&order->waiting);
}
