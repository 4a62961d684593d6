/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rank: claims become findings: each cause's change is replayed, findings are ordered by what they bring, never by
 * their share; and what is not to blame is cleared with the most that fixing it could gain.
 */
#ifndef TOLL_RANK_RANK_H
#define TOLL_RANK_RANK_H

#include "detect/detector.h"

/* Runs all detectors and fills the verdict's findings and cleared list (in the scene's arena). */
WARN_UNUSED int rank_findings(const struct scene *scene, struct verdict *verdict, struct err *err);

#endif
