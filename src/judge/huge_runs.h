/* SPDX-License-Identifier: Apache-2.0 */
/* huge_runs: well-formed runs of one shape and any size, for tests: what is slow is slow on one of them. */
#ifndef TOLL_JUDGE_HUGE_RUNS_H
#define TOLL_JUDGE_HUGE_RUNS_H

#include "model/dataset.h"

struct huge_run {
    const char *name;
    int (*fill)(struct sink *sink, uint64_t count);
};

extern const struct huge_run huge_runs[];
extern const size_t huge_run_count;

/* Fills an initialised dataset with a run of about `count` rows. 0, or -1 when memory ran out. */
WARN_UNUSED int huge_run_fill(const struct huge_run *run, struct dataset *dataset, uint64_t count);

#endif
