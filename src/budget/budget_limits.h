/* SPDX-License-Identifier: Apache-2.0 */
/* budget_limits: how much may be used up. */
#ifndef TOLL_BUDGET_BUDGET_LIMITS_H
#define TOLL_BUDGET_BUDGET_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define BUDGET_TOKENS_DEFAULT 1000000u
#define BUDGET_USD_DEFAULT    10.0
#define BUDGET_WARN_RATIO     0.8 /* of a limit: told once */

/* 0: no limit of that kind. */
struct budget_limits {
    uint64_t tokens; /* input, output, and all of the cache */
    double cost_usd;
    uint64_t time_ns;
};

/* "tokens=1M,cost=10,time=30m": any of the three, a comma between them. Tokens take k, M, G; cost a $ before or USD behind it; time ms,
 * s, m, h. ERR_USAGE for anything else. Adds to what is there. */
WARN_UNUSED int budget_limits_parse(const char *text, struct budget_limits *limits, struct err *err);
bool budget_limits_any(const struct budget_limits *limits);

#endif
