/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spend_watch: the files of agents while they grow. Files that change are looked at again at each poll, folders are searched for new ones now and
 * then, so seldom that it costs a fiftieth of a CPU at most. Only what was appended is read where a source can do that.
 */
#ifndef TOLL_BUDGET_SPEND_WATCH_H
#define TOLL_BUDGET_SPEND_WATCH_H

#include "agents/source.h"
#include "budget/spend.h"

struct spend_watch_options {
    const struct price_book *book;
    const char *const
        *places; /* files and folders, there or not yet; none: the default places of all sources */
    size_t place_count;
    const struct agent_source *source; /* of the places; NULL: found out by looking at each file */
    int64_t since_ns;                  /* Unix */
    const char *session;
};

struct spend_watch;

WARN_UNUSED int spend_watch_create(const struct spend_watch_options *options, struct spend_watch **ret_watch,
                                   struct err *err);
/* Reads what is new. A file that cannot be read is passed over and tried again. */
WARN_UNUSED int spend_watch_poll(struct spend_watch *watch, struct err *err);
/* The same, with a search for new files. */
WARN_UNUSED int spend_watch_look(struct spend_watch *watch, struct err *err);
struct spend_total spend_watch_total(const struct spend_watch *watch);
void spend_watch_destroy(struct spend_watch *watch);

#endif
