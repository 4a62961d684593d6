/* SPDX-License-Identifier: Apache-2.0 */
/* examine: what this machine lets toll record, what is lost, and what allows more. */
#ifndef TOLL_OPS_EXAMINE_H
#define TOLL_OPS_EXAMINE_H

#include <stddef.h>

#include <stdbool.h>

#include "base/arena.h"

struct examined_fact {
    const char *name;
    const char *state; /* "ok", "limited" or "missing" */
    const char *found;
    const char *lost;    /* "" when nothing is */
    const char *command; /* "" when there is none */
};

struct examined {
    struct arena arena;
    const struct examined_fact *facts;
    size_t count;
    const char *rung; /* what `toll run` uses here */
};

WARN_UNUSED int ops_examine(struct examined *ret_examined, struct err *err);
void examined_deinit(struct examined *examined);

#endif
