/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shared_rows: option rows that several verbs have, word for word. `record` is the verb's options struct, which has the fields
 * named here.
 */
#ifndef TOLL_OPTION_SHARED_ROWS_H
#define TOLL_OPTION_SHARED_ROWS_H

#include "option/verb.h"

/* double threshold, confidence */
#define ROWS_JUDGED(record)                                                                                  \
    {.name = "threshold",                                                                                    \
     .type = OPTION_NUMBER,                                                                                  \
     .argument = "RATIO",                                                                                    \
     .help = "a difference that is too small to matter (0.01)",                                              \
     .offset = offsetof(record, threshold)},                                                                 \
    {                                                                                                        \
        .name = "confidence", .type = OPTION_NUMBER, .argument = "RATIO", .help = "of the intervals (0.95)", \
        .offset = offsetof(record, confidence)                                                               \
    }

/* const char *store; bool no_store; struct option_list tags */
#define ROWS_HISTORY(record)                                                                                 \
    {.name = "store",                                                                                        \
     .type = OPTION_TEXT,                                                                                    \
     .argument = "FILE",                                                                                     \
     .help = "the history that gets the result (~/.local/share/toll/history.db)",                            \
     .offset = offsetof(record, store)},                                                                     \
        {.name = "no-store",                                                                                 \
         .type = OPTION_FLAG,                                                                                \
         .help = "keep the result in no history",                                                            \
         .offset = offsetof(record, no_store)},                                                              \
    {                                                                                                        \
        .name = "tag", .type = OPTION_LIST, .argument = "TAG", .help = "a tag for the history; many times",  \
        .offset = offsetof(record, tags)                                                                     \
    }

#endif
