/* SPDX-License-Identifier: Apache-2.0 */
/* verify_export: a preflight and an outcome for a person and for programs. */
#ifndef TOLL_VERIFY_VERIFY_EXPORT_H
#define TOLL_VERIFY_VERIFY_EXPORT_H

#include "base/str.h"
#include "bench/bench_export.h"
#include "verify/verify.h"

struct verify_story {
    const struct preflight *preflight;
    const struct bench_result *result; /* NULL: nothing was run yet (JSON alone) */
    const struct outcome *outcome;     /* likewise */
    const char *history_path;          /* where it is kept; NULL: nowhere */
    const char *history_error;         /* why it is not, though it should be; NULL */
};

/* What is told before anything runs. */
void preflight_text(const struct preflight *preflight, const struct bench_look *look, struct str *text);

/* The benchmark's table, prediction and measurement, the verdict, what to do. */
void outcome_text(const struct verify_story *story, const struct bench_look *look, struct str *text);

/* All of it, schema toll.verify/1; docs/verify.md has the fields. */
void verify_json(const struct verify_story *story, struct str *text);

/* "1.80x faster (1.62x to 1.95x)" or "1.25x slower" from ratios after / before; NAN ends leave the interval out. */
void verify_speed(struct str *text, double ratio, double ratio_low, double ratio_high);

/* Words from column `at` on; further lines start at `indent`. Ends the line. */
void verify_wrap(struct str *text, const struct bench_look *look, const char *words, size_t at,
                 size_t indent);

#endif
