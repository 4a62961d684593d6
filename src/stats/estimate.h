/* SPDX-License-Identifier: Apache-2.0 */
/* estimate: a value, its interval, and the p-value of "it is 0", as the rank methods and the bootstrap give them. */
#ifndef TOLL_STATS_ESTIMATE_H
#define TOLL_STATS_ESTIMATE_H

#include <stdbool.h>

struct estimate {
    double value;
    double low, high; /* minus and plus infinity when there is too little data for the confidence wanted */
    double confidence_ratio; /* what the interval covers at least; 0 when it is infinite */
    double p_value;          /* two-sided */
    bool is_exact;           /* from the exact distribution, not the normal one */
};

#endif
