/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/conditions.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/num.h"

/* The kernel counts in ticks: over fewer than so many the counts say nothing. */
#define TICKS_MIN 20

struct conditions conditions_now(void)
{
    struct conditions now = {.time_ns = clock_monotonic_ns()};
    uint64_t user = 0, nice = 0, system = 0, idle = 0, waiting = 0, hard = 0, soft = 0, steal = 0;
    char text[512];
    if (fs_read_small("/proc/stat", text, sizeof text) > 0 &&
        sscanf(text,
               "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
               " %" SCNu64,
               &user, &nice, &system, &idle, &waiting, &hard, &soft, &steal) >= 4) {
        now.busy = user + nice + system + hard + soft;
        now.idle = idle + waiting;
        now.steal = steal;
    }
    return now;
}

double conditions_steal_ratio(const struct conditions *before, const struct conditions *after)
{
    uint64_t steal = after->steal - before->steal;
    uint64_t all = steal + (after->busy - before->busy) + (after->idle - before->idle);
    return all < TICKS_MIN ? 0 : num_ratio(steal, all);
}

double conditions_outside_cores(const struct conditions *before, const struct conditions *after,
                                uint64_t own_cpu_ns)
{
    long per_s = sysconf(_SC_CLK_TCK);
    double seconds = (double)(after->time_ns - before->time_ns) / (double)NS_PER_S;
    if (per_s <= 0 || seconds * (double)per_s < TICKS_MIN)
        return 0;
    double busy = (double)(after->busy - before->busy) / (double)per_s;
    return fmax(0, (busy - (double)own_cpu_ns / (double)NS_PER_S) / seconds);
}
