/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stage: which stage each actor was in, when; and the stage table.
 *
 * A run with spans has their names as stages: an actor is in its innermost open span, or, where it has none, in
 * the stage its spawner was in when it was spawned. A run without spans has the programs of its tree as stages.
 */
#ifndef TOLL_RUN_STAGE_H
#define TOLL_RUN_STAGE_H

#include "model/finding.h"
#include "run/recorded_run.h"

/* Fills run->stages' pieces of all actors; called by run_load. */
WARN_UNUSED int stage_pieces(struct run *run, struct err *err);

/* The stage table in stage-index order (critical_ns left 0), in the arena. */
WARN_UNUSED int stage_table(const struct run *run, struct arena *arena, struct stage **ret_stages,
                            struct err *err);

#endif
