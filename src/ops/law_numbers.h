/* SPDX-License-Identifier: Apache-2.0 */
/*
 * law_numbers: the laws of scaling and of queues on numbers that a person has: as operands, or as rows of a table (commas,
 * semicolons, tabs or blanks between columns; a header and lines with '#' are left out) in a file or on stdin.
 */
#ifndef TOLL_OPS_LAW_NUMBERS_H
#define TOLL_OPS_LAW_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* What was not given is 0. */
struct law_request {
    const char *law;       /* "usl", "amdahl", "little", "queue" */
    char *const *operands; /* numbers, rows "1,955", a file, or "-" for stdin */
    size_t operand_count;
    double parallel_ratio; /* amdahl */
    double workers;
    double count; /* little */
    double throughput_per_s;
    double response_s;
    double arrivals_per_s; /* queue, open */
    double service_per_s;
    double servers;
    double customers; /* queue, closed */
    double think_s;
    const char *const *stations; /* "NAME=DEMAND" or "NAME=DEMAND/SERVERS" */
    size_t station_count;
    double confidence_ratio;
    bool is_absolute; /* usl: absolute residuals */
    bool json;
};

/* The answer as text or JSON (schema toll.law/1), appended to ret_text. ERR_USAGE when it is not clear what is asked,
 * ERR_INPUT when the numbers have no answer. */
WARN_UNUSED int ops_law(const struct law_request *request, struct str *ret_text, struct err *err);

#endif
