/* SPDX-License-Identifier: Apache-2.0 */
/* judged_difference: from a difference's interval to its verdict; what results and recordings share. */
#ifndef TOLL_COMPARE_JUDGED_DIFFERENCE_H
#define TOLL_COMPARE_JUDGED_DIFFERENCE_H

#include "compare/compare.h"

struct compare_options options_filled(const struct compare_options *options);

/* Fills ratios, p-value and verdict from log_ratio. A denial that is set already stands, and there is no verdict then. */
void difference_judge(struct difference *difference, const struct compare_options *options);

/* Adjusts the p-values by Holm's method, those of the primary metrics among themselves and the others among themselves, and
 * takes back the verdicts that do not stand it. The widest smallest effect of the primary ones becomes the comparison's. */
WARN_UNUSED int differences_holm(struct comparison *comparison, struct err *err);

/* Faster or slower. */
bool difference_is_claim(const struct difference *difference);

#endif
