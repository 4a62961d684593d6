/* SPDX-License-Identifier: Apache-2.0 */
/*
 * span_pair: what a span costs with libtoll, and as two events of LTTng-UST, in turns in one process; for lttng_bench.py,
 * which compiles it, runs it under `toll run` with a session of LTTng at work, and reads the two medians in ns.
 *
 * Bursts fit both rings; between them the readers catch up.
 */
#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include "span_pair_events.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <toll.h>
#include <unistd.h>

#define BURST_SPANS 5000u
#define BURST_COUNT 101u
#define BARRIER()   __asm__ volatile("" ::: "memory")

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double burst_toll(void)
{
    double from_ns = now_ns();
    for (unsigned i = 0; i < BURST_SPANS; i++) {
        TOLL_SPAN("pair");
        BARRIER();
    }
    return (now_ns() - from_ns) / BURST_SPANS;
}

static double burst_lttng(void)
{
    double from_ns = now_ns();
    for (unsigned i = 0; i < BURST_SPANS; i++) {
        lttng_ust_tracepoint(toll_bench, span_begin, i);
        lttng_ust_tracepoint(toll_bench, span_end);
        BARRIER();
    }
    return (now_ns() - from_ns) / BURST_SPANS;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

int main(void)
{
    double toll[BURST_COUNT], lttng[BURST_COUNT];
    if (!toll_active())
        return 1;
    for (unsigned i = 0; i < BURST_COUNT; i++) {
        toll[i] = burst_toll();
        usleep(5000);
        lttng[i] = burst_lttng();
        usleep(5000);
    }
    qsort(toll, BURST_COUNT, sizeof *toll, compare);
    qsort(lttng, BURST_COUNT, sizeof *lttng, compare);
    printf("%.2f %.2f\n", toll[BURST_COUNT / 2], lttng[BURST_COUNT / 2]);
    return 0;
}
