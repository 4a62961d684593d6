/* SPDX-License-Identifier: Apache-2.0 */
/* agent_facts: the agents section of a verdict. */
#ifndef TOLL_AGENT_DETECT_AGENT_FACTS_H
#define TOLL_AGENT_DETECT_AGENT_FACTS_H

#include "agent_detect/agent_detector.h"

WARN_UNUSED int agent_facts_fill(const struct agent_scene *scene, const struct savings *savings,
                                 const struct agents_facts **ret_facts, struct err *err);

#endif
