/* SPDX-License-Identifier: Apache-2.0 */
/*
 * discover: new processes and threads of the tree on the proc rung.
 *
 * The kernel gives out ids in order, and /proc/loadavg tells the last one given out in this pid namespace. So a
 * tick costs one read when nothing was forked, and a look at each new id otherwise: who is its parent? An id that
 * shows nothing is asked for again for a while (its fork may be under way); if it never does it is counted: that
 * bounds the processes of the tree that were missed. Ten times a second the children that threads have are read
 * too, should the kernel's ids tell nothing (a container's /proc/loadavg may be made up). Orphans come to toll,
 * which is a child subreaper for the time of the recording, and so are of the tree by their parent.
 */
#ifndef TOLL_RECORD_DISCOVER_H
#define TOLL_RECORD_DISCOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "record/tracks.h"

#define DISCOVER_NEW_MAX 4096 /* ids looked at in one tick; more are counted as missed */

struct discover_retry {
    uint64_t id;
    uint64_t since_ns, due_ns;
};

struct discover {
    struct tracks *tracks;
    int loadavg_fd;
    uint64_t self_pid;
    uint64_t main_pid;  /* orphans are put below it; 0: none. The owner sets it */
    bool whole_machine; /* every new process is wanted, whoever made it; likewise */
    uint64_t last_id;
    uint64_t last_ns;
    uint64_t children_due_ns;
    uint64_t missed_count;              /* ids that were gone before they could be read */
    VEC(struct discover_retry) retries; /* given out, but not yet to be seen */
};

/* Before the command is forked. */
WARN_UNUSED int discover_init(struct discover *discover, struct tracks *tracks, struct err *err);
void discover_deinit(struct discover *discover);
void discover_tick(struct discover *discover, uint64_t now_ns);
/* The most processes and threads of the tree that may have come and gone unseen. */
uint64_t discover_missed_count(const struct discover *discover);

#endif
