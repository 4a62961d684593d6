/* SPDX-License-Identifier: Apache-2.0 */
/* investigation_jobs: who is asked: the built-in investigators, and programs of the user. */
#ifndef TOLL_DECIDE_INVESTIGATION_JOBS_H
#define TOLL_DECIDE_INVESTIGATION_JOBS_H

#include "investigate/engine.h"

/* A program; name NULL: after its file. */
struct external_investigator {
    const char *name, *command, *directory;
};

struct investigation_jobs {
    struct engine_job items[ENGINE_JOBS_MAX];
    size_t count;
};

/* `only` are names, several in one text with commas between them; none: all. What is in `always` is asked in any case. Texts are in
 * the arena. ERR_USAGE for a name that nobody has, with those there are, and for too many. */
struct investigation_choice {
    const char *const *only;
    size_t only_count;
    const struct external_investigator *known; /* of the pipeline file */
    size_t known_count;
    const char *const *always; /* lines given by hand */
    size_t always_count;
};
WARN_UNUSED int investigation_jobs_choose(const struct investigation_choice *choice, struct arena *arena,
                                          struct investigation_jobs *ret_jobs, struct err *err);

#endif
