/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service: the verdict on a window of a service, which has no end: how many requests a second, how long each takes and with
 * what, which resource is used up first, and what more of it would bring; or that the load offered is the limit.
 */
#ifndef TOLL_SERVICE_SERVICE_H
#define TOLL_SERVICE_SERVICE_H

#include "model/change.h"
#include "model/finding.h"
#include "run/recorded_run.h"

/* Fills the verdict's service, findings and cleared, in its arena; run.objective is "throughput" or "latency". */
WARN_UNUSED int service_judge(const struct run *run, struct verdict *verdict, struct err *err);

struct service_prediction {
    double throughput_per_s_before, throughput_per_s_after, throughput_per_s_low, throughput_per_s_high;
    double factor;
    double drift_ratio;
};

/* What changes would bring (forecast.h). ERR_USAGE where a service knows no such change or name. */
WARN_UNUSED int service_predict(const struct run *run, const struct change *changes, size_t count,
                                struct service_prediction *ret_prediction, struct err *err);

#endif
