/* SPDX-License-Identifier: Apache-2.0 */
/* clear_stages: what is not to blame: stages that no finding is about and that would gain little if they were free of charge. */
#ifndef TOLL_RANK_CLEAR_STAGES_H
#define TOLL_RANK_CLEAR_STAGES_H

#include "detect/detector.h"

/* Fills the verdict's cleared list, by their share of the path; its findings are there already. */
WARN_UNUSED int clear_stages(const struct scene *scene, struct verdict *verdict, struct err *err);

#endif
