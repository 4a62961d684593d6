/* SPDX-License-Identifier: Apache-2.0 */
/* changes: the one table from a cause to its default change, what it assumes, and how it is said. */
#ifndef TOLL_DETECT_CHANGES_H
#define TOLL_DETECT_CHANGES_H

#include <stdbool.h>

#include "model/finding.h"

struct default_change {
    const char *cause;
    const char *assumption; /* NULL when none is needed */
    const char *fix;
    enum effort effort;
    /* The size of the improvement is known, so the replayed gain is a promise. Otherwise the finding gives only
     * factor_max, and is ranked by what the change (a modest one, 2x) brings. */
    bool promise;
};

/* Never NULL: causes outside the table get a default without promise. */
const struct default_change *default_change_of(const char *cause);

#endif
