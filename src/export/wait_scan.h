/* SPDX-License-Identifier: Apache-2.0 */
/* wait_scan: the waits of a recording, in the order they were written, as timelines draw them. */
#ifndef TOLL_EXPORT_WAIT_SCAN_H
#define TOLL_EXPORT_WAIT_SCAN_H

#include "export/cast.h"

struct foreign_wait {
    uint32_t track;
    uint64_t start_ns, end_ns;
    uint64_t woken_ns; /* from here to end_ns it only wanted a CPU */
    uint64_t count;    /* 1; of a row of several equal waits, which are not told apart */
    uint64_t blocked_ns;
    uint8_t reason;
    uint32_t peer, stack; /* CAST_NONE */
    uint32_t waker;       /* the track that ended it; CAST_NONE where none is known or an interrupt did */
};

typedef int wait_scan_fn(void *context, const struct foreign_wait *wait, struct err *err);

WARN_UNUSED int wait_scan(const struct cast *cast, wait_scan_fn *each, void *context, struct err *err);

#endif
