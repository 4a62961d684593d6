/* SPDX-License-Identifier: Apache-2.0 */
/* heap_facts: what a run allocated, for its report. */
#ifndef TOLL_HEAP_DETECT_HEAP_FACTS_H
#define TOLL_HEAP_DETECT_HEAP_FACTS_H

#include "base/err.h"
#include "model/finding.h"
#include "run/recorded_run.h"

/* In the arena; NULL where allocations were not recorded. */
WARN_UNUSED int heap_facts_of(const struct run *run, struct arena *arena, const struct heap_facts **ret_facts,
                              struct err *err);

#endif
