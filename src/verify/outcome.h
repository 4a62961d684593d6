/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outcome: what a benchmark of before (the first arm) and after (the second) says of the change. Pure.
 *
 * Each metric that decides must hold by itself; p-values are adjusted (Holm) among those, and among the others, so that looking at
 * memory besides does not cost wall time its verdict.
 */
#ifndef TOLL_VERIFY_OUTCOME_H
#define TOLL_VERIFY_OUTCOME_H

#include "verify/verify.h"

/* "wall", "cpu", "memory", "instructions", or bench.h's names for them. False for another. */
bool outcome_metric_find(const char *name, enum bench_metric *ret_metric);

/* `decides` says of each enum bench_metric whether the verdict hangs on it. ERR_ENVIRONMENT when one of those was not measured (a
 * machine without counters). The outcome points into the result. */
WARN_UNUSED int outcome_judge(const struct bench_result *result, const bool *decides,
                              const struct verify_prediction *prediction, struct outcome *ret_outcome,
                              struct err *err);

/* The metric of an outcome; NULL when it has no ratio. */
const struct verify_metric *outcome_metric(const struct outcome *outcome, enum bench_metric metric);

/* 0 better or the same, 1 a regression, 5 no verdict, 130 interrupted. */
int outcome_exit_status(const struct outcome *outcome);
#define OUTCOME_EXIT_INCONCLUSIVE 5
#define OUTCOME_EXIT_INTERRUPTED  130

#endif
