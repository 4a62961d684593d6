/* SPDX-License-Identifier: Apache-2.0 */
/* counter_scan: the points of a recording's series, in the order they were written, as timelines draw them. */
#ifndef TOLL_EXPORT_COUNTER_SCAN_H
#define TOLL_EXPORT_COUNTER_SCAN_H

#include "export/cast.h"

struct foreign_point {
    size_t series; /* index */
    const char *name, *unit;
    uint32_t track; /* CAST_NONE: of the machine */
    uint64_t time_ns;
    double value; /* finite: other points are left out */
};

typedef int counter_scan_fn(void *context, const struct foreign_point *point, struct err *err);

WARN_UNUSED int counter_scan(const struct cast *cast, counter_scan_fn *each, void *context, struct err *err);

#endif
