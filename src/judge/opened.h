/* SPDX-License-Identifier: Apache-2.0 */
/* opened: a recording opened and judged, as the other use cases need it. */
#ifndef TOLL_JUDGE_OPENED_H
#define TOLL_JUDGE_OPENED_H

#include "model/finding.h"
#include "model/stack_kind.h"
#include "recording/reader.h"

struct judged_run;
struct run;
struct whatif;

struct opened {
    struct reader *reader;
    struct verdict verdict; /* its texts point into the reader's file */
    /* of opened_open_whole, else NULL: */
    struct judged_run *judged;
    const struct run *run;
    const struct whatif *whatif; /* NULL of a service */
};

/* `objective` NULL: the recording's own. ERR_INPUT, with the file's name, for what is no sealed recording of a run. */
WARN_UNUSED int opened_open(const char *path, const char *objective, struct opened *ret_opened,
                            struct err *err);
/* The same, and keeps the run in memory (about 80 bytes a wait) for who asks on after the verdict. */
WARN_UNUSED int opened_open_whole(const char *path, const char *objective, struct opened *ret_opened,
                                  struct err *err);
/* One flame graph, and what its title needs: no more of the verdict than that, unless the title is told by what a service
 * is. `kind` is any but STACKS_ALL; ERR_INPUT for allocations that were not recorded. */
WARN_UNUSED int opened_open_flame(const char *path, enum stack_kind kind, struct opened *ret_opened,
                                  struct err *err);
void opened_close(struct opened *opened);

#endif
