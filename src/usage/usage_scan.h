/* SPDX-License-Identifier: Apache-2.0 */
/* usage_scan: the shelf of a place as it is now: what was kept, and what its files tell since. */
#ifndef TOLL_USAGE_USAGE_SCAN_H
#define TOLL_USAGE_USAGE_SCAN_H

#include "usage/usage_shelf.h"

#define SCAN_THREADS_MAX 8u

struct scan_request {
    const struct agent_source *source;
    const char *place; /* a folder, or one file */
    bool is_default;   /* where the source keeps its files: what is gone since stays on the shelf */
    bool probes;       /* only files that the source's probe takes: nobody said that they are its */
    bool no_index;     /* read all, keep nothing */
};

struct scan_facts {
    uint64_t file_count, read_count; /* there now; read now, wholly or on */
    uint64_t read_bytes, unreadable_count;
    char note[512]; /* "" */
};

/* ERR_ENVIRONMENT for a place that cannot be read; a file that cannot be is counted. The shelf is to be freed in any case. */
WARN_UNUSED int usage_scan(const struct scan_request *request, struct usage_shelf *ret_shelf,
                           struct scan_facts *ret_facts, struct err *err);

#endif
