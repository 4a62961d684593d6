/* SPDX-License-Identifier: Apache-2.0 */
/* resolve: a change's name against the names of a run. */
#ifndef TOLL_ANALYZE_CHANGE_TARGET_H
#define TOLL_ANALYZE_CHANGE_TARGET_H

#include "model/change.h"
#include "run/recorded_run.h"

struct target {
    struct change change; /* its kind is never CHANGE_ANY */
    uint32_t stage;       /* kind stage: index */
    uint32_t reason;      /* kind wait */
};

/* ERR_USAGE, with the candidates, when the name is unknown or, without a kind, ambiguous. */
WARN_UNUSED int resolve_change(const struct run *run, const struct change *change, struct target *ret_target,
                               struct err *err);

/* Whether the target's name is this peer's (its address, path or name). */
bool resolve_is_peer(const struct target *target, const struct run_peer *peer);

#endif
