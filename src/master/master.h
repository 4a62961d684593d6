/* SPDX-License-Identifier: Apache-2.0 */
/*
 * master: the report of an investigation, for who has to decide: the first screen says what is wrong and by how much, why, what to
 * do on Monday and what that brings, and what is not to blame; below it the evidence, who looked, what was disputed, the
 * order of work, and how good past predictions were. docs/investigate.md says how to read it.
 *
 * Pure: the same investigation and options give the same bytes. Names come from recorded programs and from programs that
 * investigate: they are escaped for each format.
 */
#ifndef TOLL_MASTER_MASTER_H
#define TOLL_MASTER_MASTER_H

#include "base/str.h"
#include "investigate/investigation.h"
#include "report/exporter.h"

/* How good past predictions were (toll calibration). */
struct master_calibration {
    uint64_t count; /* predictions that were verified; 0: none yet */
    double bias_ratio, bias_low,
        bias_high;      /* exp(median error) - 1: above 0 it took longer than said; the ends NAN when few */
    double error_ratio; /* the usual size of an error */
    uint64_t interval_count, inside_count; /* predictions that had an interval; measured within it */
};

struct master_options {
    struct export_options look; /* width, colour and ascii of the text; `file` is not used */
    const char *folder;         /* where the report lies, for commands; NULL: not told */
    const struct master_calibration *calibration; /* NULL: there is no history to read */
};

/* Each appends; nothing is appended on failure, which only memory is a reason for. */
/* The first screen, for a terminal. */
WARN_UNUSED int master_text(const struct investigation *investigation, const struct master_options *options,
                            struct str *ret_text, struct err *err);
/* GitHub Flavored Markdown. */
WARN_UNUSED int master_markdown(const struct investigation *investigation,
                                const struct master_options *options, struct str *ret_text, struct err *err);
/* One self-contained page, nothing is fetched; dark and light, from a telephone to paper. */
WARN_UNUSED int master_html(const struct investigation *investigation, const struct master_options *options,
                            struct str *ret_text, struct err *err);
/* Schema toll.report/1 with the fields of docs/investigate.md added. */
WARN_UNUSED int master_json(const struct investigation *investigation, const struct master_options *options,
                            struct str *ret_text, struct err *err);

#endif
