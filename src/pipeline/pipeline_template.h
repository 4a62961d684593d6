/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline_template: a first toll.yaml, with comments, as a text. pipeline_file.h reads it back. */
#ifndef TOLL_PIPELINE_PIPELINE_TEMPLATE_H
#define TOLL_PIPELINE_PIPELINE_TEMPLATE_H

#include "base/str.h"
#include "pipeline/knob_guess.h"

struct template_stage {
    const char *name;
    bool is_span;          /* else a process */
    double critical_ratio; /* of the time */
};

struct pipeline_template {
    const char *made_of;        /* "fetch.toll", NULL: no recording */
    const char *folder;         /* where it worked, when that is another than the file's; NULL */
    const char *objective;      /* "wall < 400 ms" */
    const char *objective_note; /* "today: 3.02 s"; NULL */
    const char *line;           /* the command, with {NAME} where knobs go */
    bool is_redacted;           /* what looked like a secret is not in it */
    double rows;                /* of a run; 0: not known */
    const char *rows_note;
    const struct template_stage *stages;
    size_t stage_count;
    const struct knob_guesses *knobs;
    const char
        *proposal; /* a change that toll proposes and that no knob does: "workers:process/curl=10"; NULL */
    const char *proposal_note; /* "about 8.7x" */
};

void pipeline_template_write(const struct pipeline_template *template, struct str *text);

#endif
