/* SPDX-License-Identifier: Apache-2.0 */
/* experiment_place: which program's processes an experiment on a change is about. Pure. */
#ifndef TOLL_DECIDE_EXPERIMENT_PLACE_H
#define TOLL_DECIDE_EXPERIMENT_PLACE_H

#include "model/change.h"
#include "model/finding.h"

struct experiment_place {
    const char *process; /* NULL: there is none, see why_not */
    const char *span;    /* process NULL: a span inside a program, which libtoll can make longer; NULL */
    bool is_wider; /* the place is a part of what the process does: what is found bounds it, and no more */
    char why_not[384];
};

/* `verdict`, of a recording of the run, tells stages, peers, functions and files apart; NULL: a stage is a program's name. `where`
 * NULL: the change's own place alone; else the claim's, for a change that names none. A stage that is a part of a process
 * has no process: it is a span; a process that does nearly all of what the place is about can, as a bound. */
void experiment_place_find(const struct change *change, const struct where *where,
                           const struct verdict *verdict, struct experiment_place *ret_place);

#endif
