/* SPDX-License-Identifier: Apache-2.0 */
/* small_tasks: `batch:agent/NAME=5`: so many of the small tasks of an agent, or of agents of a kind, in one. */
#ifndef TOLL_AGENT_DETECT_SMALL_TASKS_H
#define TOLL_AGENT_DETECT_SMALL_TASKS_H

#include "agent_detect/agent_detector.h"

/* Adds the effects; *ret_count: the tasks of that name, however many became batches. */
WARN_UNUSED int small_tasks_change(const struct agent_scene *scene, const struct change *change,
                                   struct agent_claim *claim, size_t *ret_count, struct err *err);

#endif
