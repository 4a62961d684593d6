/* SPDX-License-Identifier: Apache-2.0 */
/* gate_phrases: what all formats say alike of a check and of a result. */
#ifndef TOLL_GATE_GATE_PHRASES_H
#define TOLL_GATE_GATE_PHRASES_H

#include "base/str.h"
#include "gate/gate.h"

/* "at most 200 ms", "at most +5 %", "at least 50,000/s", "at most -5 %" */
struct amount gate_limit_text(const struct gate_check *check);

/* "23.1 ms", or "20.9 ms -> 23.1 ms" with a baseline; the arrow as the caller has it */
void gate_values_text(struct str *text, const struct gate_check *check, const struct gate_outcome *outcome,
                      const char *arrow);

/* "1.105x (1.095x to 1.133x)" or "" for an absolute limit; ascending */
void gate_ratio_text(struct str *text, const struct gate_outcome *outcome);

/* One sentence without its full stop: "wall is 1.105x of main's (1.095x to 1.133x), at most +5 % is allowed, and failed again
 * in fresh processes". */
void gate_sentence(struct str *text, const struct gate_result *result, size_t check);

/* "2 of 5 checks failed", "5 checks passed", … */
void gate_summary(struct str *text, const struct gate_result *result);

/* "ok", "FAIL", "?", "noisy" */
const char *gate_mark(enum gate_verdict verdict);

/* How many of the checks that were judged have this verdict; GATE_VERDICT_ANY: all. */
#define GATE_VERDICT_ANY ((enum gate_verdict) - 1)
size_t gate_count(const struct gate_result *result, enum gate_verdict verdict);

#endif
