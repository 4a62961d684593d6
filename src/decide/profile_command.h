/* SPDX-License-Identifier: Apache-2.0 */
/* profile_command: a command run under its runtime's own profiler, and what that found as a ranked list. */
#ifndef TOLL_DECIDE_PROFILE_COMMAND_H
#define TOLL_DECIDE_PROFILE_COMMAND_H

#include <stdbool.h>

#include "base/str.h"
#include "import/profile.h"

struct profile_request {
    char *const *command;
    const char *profiler; /* a name of runners[], or "auto" */
    const char *output;   /* where the profiler's own file is kept; NULL: it is removed */
    unsigned width;
    bool colour, ascii;
};

struct profile_outcome {
    int exit_status; /* of the command, as a shell sees it */
    bool is_missing; /* nothing was run: the profiler is not installed, or none fits; `why` says so */
    char why[256];
    struct str text; /* the list; the caller frees it */
};

/* A command that ran keeps its exit status whatever becomes of the profile: then err says what is missing. */
int decide_profile(const struct profile_request *request, struct profile_outcome *ret_outcome,
                   struct err *err);

/* An existing profile's file, ranked; what jfr wrote is read with it. The caller frees it (import/profile.h). */
WARN_UNUSED int decide_profile_open(const char *path, struct profile *ret_profile, struct err *err);

#endif
