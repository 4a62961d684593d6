/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate_export: a gate's result for a person and for the programs around a test run. Each appends to `text`, opens no file and
 * prints nothing; the same result gives the same bytes.
 */
#ifndef TOLL_GATE_GATE_EXPORT_H
#define TOLL_GATE_GATE_EXPORT_H

#include "base/str.h"
#include "gate/gate.h"

struct gate_look {
    unsigned width;
    bool colour;
    bool ascii;
};

void gate_text(const struct gate_result *result, const struct gate_look *look, struct str *text);

/* Everything, schema toll.gate/1; docs/gate.md has the fields. */
void gate_json(const struct gate_result *result, struct str *text);

/* JUnit XML as Jenkins, GitLab and others read it: a testcase each check; inconclusive and noisy are skipped. */
void gate_junit(const struct gate_result *result, struct str *text);

/* SARIF 2.1.0: a result for each check that did not pass, at its line of the file of budgets. */
void gate_sarif(const struct gate_result *result, const char *version, struct str *text);

/* Workflow commands of GitHub Actions (::error …), at most GATE_ANNOTATIONS_MAX of a kind, which is what GitHub shows. */
#define GATE_ANNOTATIONS_MAX 10u
void gate_annotations(const struct gate_result *result, struct str *text);

/* The same for what kept the gate from judging anything. */
void gate_annotate_error(const char *what, struct str *text);

/* A comment or a step's summary: a table and what it means. */
void gate_markdown(const struct gate_result *result, struct str *text);

#endif
