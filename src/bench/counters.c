/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/counters.h"

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/num.h"

static const struct counter_event hardware[COUNTER_COUNT] = {
    [COUNTER_INSTRUCTIONS] = {PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS},
    [COUNTER_CYCLES] = {PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES},
    [COUNTER_BRANCH_MISSES] = {PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_MISSES},
    [COUNTER_CACHE_MISSES] = {PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES},
};

void counters_open(struct counters *counters, pid_t pid, const struct counter_event *events)
{
    for (int i = 0; i < COUNTER_COUNT; i++) {
        const struct counter_event *event = events ? &events[i] : &hardware[i];
        struct perf_event_attr attr = {.type = event->type,
                                       .size = sizeof attr,
                                       .config = event->config,
                                       .read_format =
                                           PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING,
                                       .disabled = 1,
                                       .inherit = 1,
                                       .enable_on_exec = 1,
                                       .exclude_kernel = 1,
                                       .exclude_hv = 1};
        counters->fds[i] = (int)syscall(SYS_perf_event_open, &attr, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
    }
}

void counters_close(struct counters *counters)
{
    for (int i = 0; i < COUNTER_COUNT; i++)
        fs_close(&counters->fds[i]);
}

struct counter_reading counters_read(const struct counters *counters)
{
    struct counter_reading reading = {0};
    for (int i = 0; i < COUNTER_COUNT; i++) {
        uint64_t values[3];
        if (counters->fds[i] < 0 || read(counters->fds[i], values, sizeof values) != (ssize_t)sizeof values)
            continue;
        reading.values[i] = values[0];
        reading.enabled_ns[i] = values[1];
        reading.running_ns[i] = values[2];
    }
    return reading;
}

uint64_t counters_between(const struct counter_reading *before, const struct counter_reading *after,
                          int counter)
{
    uint64_t counted = after->values[counter] - before->values[counter];
    uint64_t enabled = after->enabled_ns[counter] - before->enabled_ns[counter];
    uint64_t running = after->running_ns[counter] - before->running_ns[counter];
    if (!running || running == enabled)
        return counted;
    return num_u64((double)counted * ((double)enabled / (double)running));
}
