/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init_pipeline: a first toll.yaml, of a recording (command, stages, what it reaches today, knobs that its command line, its scripts and
 * its findings suggest) or of a command alone. docs/pipeline.md is the user's side.
 */
#ifndef TOLL_DECIDE_INIT_PIPELINE_H
#define TOLL_DECIDE_INIT_PIPELINE_H

#include <stdbool.h>

#include "base/str.h"

struct init_request {
    const char *recording; /* NULL: the command */
    char *const *command;  /* NULL-terminated */
    const char *output;    /* NULL: toll.yaml; "-": nothing is written, the text is the answer */
    bool force;            /* a file that is there is replaced */
};

/* ret_text gets what belongs on stdout. ERR_USAGE for a file that is there, ERR_INPUT for what is no recording of a command. */
WARN_UNUSED int decide_init(const struct init_request *request, struct str *ret_text, struct err *err);

#endif
