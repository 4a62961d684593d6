/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipeline_objective: what a run is to reach, as people write it:
 *
 *     wall < 1 s          wall under 60 s       wall at most 2 min
 *     100000 rows/s       rows/s >= 100000      at least 100_000 orders/s
 *     p99 under 200 ms    p99.9 <= 1 s
 *     cost under 2 USD    cost < $2             memory under 500 MB        cpu < 10 s        tokens < 20000
 *     wall                as little of it as can be had
 *
 * A time is in nanoseconds, memory in bytes, a rate in units of work a second. Pure; any thread.
 */
#ifndef TOLL_PIPELINE_PIPELINE_OBJECTIVE_H
#define TOLL_PIPELINE_PIPELINE_OBJECTIVE_H

#include <stdbool.h>

#include "base/arena.h"
#include "report/amount.h"

enum pipeline_metric {
    PIPELINE_WALL,
    PIPELINE_RATE, /* units of work a second: rows/s, requests/s */
    PIPELINE_LATENCY,
    PIPELINE_CPU,
    PIPELINE_MEMORY,
    PIPELINE_COST,
    PIPELINE_TOKENS
};

struct pipeline_objective {
    enum pipeline_metric metric;
    const char *name; /* "wall", "rows/s", "p99", "cost": how it is called */
    const char *noun; /* of a rate, "rows"; of cost, its currency, "USD"; else "" */
    bool has_value;   /* else it should be as good as can be had */
    double value;
    const char *text; /* as it was written */
};

/* ERR_INPUT with what was expected; the hint has forms that would be read. Texts are in the arena. */
WARN_UNUSED int pipeline_objective_parse(const char *text, struct arena *arena,
                                         struct pipeline_objective *ret_objective, struct err *err);

/* More of it is better: a rate. */
bool pipeline_objective_is_rate(const struct pipeline_objective *objective);

/* Which verdict is about it: wall, throughput, latency or cost. A job's rate is a matter of its wall time: `wall`. */
const char *pipeline_objective_verdict(const struct pipeline_objective *objective);

/* What a run of that wall time that does so many units of work (0: not known) reaches; false where wall time does not say it. */
bool pipeline_objective_of_wall(const struct pipeline_objective *objective, double wall_ns, double unit_count,
                                double *ret_value);

/* "46,100 rows/s", "2.413 s", "1.80 USD": a value of it. */
struct amount pipeline_objective_amount(const struct pipeline_objective *objective, double value);

/* The unit in which people speak of it and how much that is: "s" and 1e9, "rows/s" and 1, "MB" and 1e6. */
const char *pipeline_objective_unit(const struct pipeline_objective *objective, double *ret_scale);

/* How much better a value has to get: 2.1 is 2.1 times; 1 and less: it is there. 1 without a value. */
double pipeline_objective_factor(const struct pipeline_objective *objective, double measured);

#endif
