/* SPDX-License-Identifier: Apache-2.0 */
/* verb_table: the verbs there are, by name and in order, and how one of them is run. */
#ifndef TOLL_CMD_VERB_TABLE_H
#define TOLL_CMD_VERB_TABLE_H

#include "option/verb.h"

/* In the order of the overview. */
extern const struct verb *const verbs[];
extern const size_t verb_count;

/* NULL when there is no such verb. */
const struct verb *verb_find(const char *name);

/* The verb whose name is nearest to a mistyped one, NULL when none is near. */
const struct verb *verb_nearest(const char *word);

/* Runs `toll ARGUMENTS…`. Returns the exit status; `err` is filled when there is something to tell. */
int verb_dispatch(int argc, char **argv, struct err *err);

#endif
