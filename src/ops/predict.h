/* SPDX-License-Identifier: Apache-2.0 */
/*
 * predict: what a recorded run would take with some changes made at once, by replay; of a recording made of a service
 * (META_OBJECTIVE), the requests a second it would serve, from a queueing model.
 */
#ifndef TOLL_OPS_PREDICT_H
#define TOLL_OPS_PREDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct prediction {
    uint64_t wall_ns_before, wall_ns_after, wall_ns_low, wall_ns_high;
    bool is_service; /* these, else the times above: */
    double throughput_per_s_before, throughput_per_s_after, throughput_per_s_low, throughput_per_s_high;
    double factor;
    double baseline_drift_ratio;
};

/* ERR_USAGE for a change that cannot be read, names nothing in the recording, or cannot be replayed. */
WARN_UNUSED int ops_predict(const char *path, const char *const *changes, size_t count,
                            struct prediction *ret_prediction, struct err *err);

#endif
