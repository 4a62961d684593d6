/* SPDX-License-Identifier: Apache-2.0 */
/* plan: the arms of a benchmark from what was asked: words, parameters put in, programs found. */
#ifndef TOLL_BENCH_PLAN_H
#define TOLL_BENCH_PLAN_H

#include "bench/bench.h"

#define PLAN_VALUES_MAX     1000u
#define PLAN_PARAMETERS_MAX 16u

/* Fills result->arms (the control last), without runs. */
WARN_UNUSED int plan_arms(const struct bench_options *options, struct bench_result *result, struct err *err);

/* One more arm: the first command with these values. */
WARN_UNUSED int plan_arm_of(const struct bench_options *options, const struct bench_parameter *parameters,
                            size_t count, struct bench_result *result, struct err *err);

/* The text with each {NAME} of the arm's parameters replaced, in the result's arena; NULL when memory ran out. */
char *plan_fill_in(const struct bench_arm *arm, const char *text, struct bench_result *result);

/* The value of a name among "NAME=VALUE" texts, the last one's; NULL when there is none. `variables` may be NULL. */
const char *bench_variable(char *const *variables, const char *name);

#endif
