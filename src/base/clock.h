/* SPDX-License-Identifier: Apache-2.0 */
/* clock: nanoseconds. A recording's time is CLOCK_MONOTONIC; CLOCK_REALTIME appears once, as its anchor. */
#ifndef TOLL_BASE_CLOCK_H
#define TOLL_BASE_CLOCK_H

#include <stdint.h>

#define NS_PER_S  1000000000ull
#define NS_PER_MS 1000000ull
#define NS_PER_US 1000ull

uint64_t clock_monotonic_ns(void);
uint64_t clock_realtime_ns(void);
/* CPU time used by the calling thread, and by the calling process. */
uint64_t clock_thread_cpu_ns(void);
uint64_t clock_process_cpu_ns(void);
/* Sleeps until the monotonic instant, or until a signal arrives. */
void clock_sleep_until(uint64_t monotonic_ns);

#endif
