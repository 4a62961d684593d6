/* SPDX-License-Identifier: Apache-2.0 */
/* investigate_progress: who of the investigators does what now: a line each that is drawn again at a terminal, else a line an event. */
#ifndef TOLL_DECIDE_INVESTIGATE_PROGRESS_H
#define TOLL_DECIDE_INVESTIGATE_PROGRESS_H

#include <stdbool.h>
#include <stdio.h>

#include "investigate/engine.h"

struct investigate_progress {
    FILE *out;
    bool is_terminal, colour;
    unsigned width;
    size_t drawn_count; /* lines that stand there */
    enum engine_state states[ENGINE_JOBS_MAX];
    bool is_voting;
};

void investigate_progress_init(struct investigate_progress *progress, FILE *out, unsigned width, bool colour);
/* For engine_options.show and investigate_request.say. */
void investigate_progress_show(void *context, const struct engine_status *statuses, size_t count);
void investigate_progress_say(void *context, const char *what);

#endif
