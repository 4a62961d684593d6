/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unnamed_code: programs of runtimes whose functions nobody told the names of (node, java), and what to run them with so
 * that they have some.
 */
#ifndef TOLL_JUDGE_UNNAMED_CODE_H
#define TOLL_JUDGE_UNNAMED_CODE_H

#include "base/arena.h"
#include "run/recorded_run.h"

/* One sentence for the report's remarks, and which part of the program's samples it is about; NULL and 0 where there is
 * nothing to say, or no memory. */
const char *unnamed_code_remark(const struct run *run, struct arena *arena, double *ret_ratio);

#endif
