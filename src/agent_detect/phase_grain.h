/* SPDX-License-Identifier: Apache-2.0 */
/*
 * phase_grain: how finely the work of a team is cut into phases, and how finely its structure asks for.
 *
 * A phase is a group of started agents that live side by side: a new one begins where all before have ended. Of all that they work,
 * the longest chain of agents that need each other is what no number of agents makes shorter; the rest is the parallel potential. An
 * agent needs another when a dependency or data between them was recorded, or when it waited for one that it did not start. The
 * dependency density is the number of such pairs for each started agent.
 *
 *     potential over 0.7: fine, 6 to 10 phases     else density over 0.8: coarse, 3 to 5     else balanced, 4 to 7
 */
#ifndef TOLL_AGENT_DETECT_PHASE_GRAIN_H
#define TOLL_AGENT_DETECT_PHASE_GRAIN_H

#include "agent_detect/agent_detector.h"

struct phase_grain {
    struct phases phases; /* name NULL: no agent started another */
    uint32_t *phase_of;   /* by agent, in the scene's arena; TEAM_NONE: the one that started the others */
};

WARN_UNUSED int phase_grain_find(const struct agent_scene *scene, struct phase_grain *ret_grain,
                                 struct err *err);
/* Adds what so many phases change (`set:run/phases=6`): pieces that whoever is free takes, or agents that go on with what the next
 * one did. -1 when memory ran out. */
int phase_grain_claim(const struct agent_scene *scene, const struct phase_grain *grain, uint64_t wanted,
                      struct agent_claim *claim);

#endif
