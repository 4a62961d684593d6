/* SPDX-License-Identifier: Apache-2.0 */
/* span_pair_events: the two events of span_pair.c, as LTTng-UST wants them declared. */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER toll_bench

#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "./span_pair_events.h"

#if !defined(TOLL_BENCH_SPAN_PAIR_EVENTS_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define TOLL_BENCH_SPAN_PAIR_EVENTS_H

#include <lttng/tracepoint.h>

LTTNG_UST_TRACEPOINT_EVENT(toll_bench, span_begin, LTTNG_UST_TP_ARGS(unsigned, number),
                           LTTNG_UST_TP_FIELDS(lttng_ust_field_integer(unsigned, number, number)))
LTTNG_UST_TRACEPOINT_EVENT(toll_bench, span_end, LTTNG_UST_TP_ARGS(), LTTNG_UST_TP_FIELDS())

#endif

#include <lttng/tracepoint-event.h>
