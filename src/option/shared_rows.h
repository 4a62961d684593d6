/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shared_rows: option rows that several verbs have, word for word. `record` is the verb's options struct, which has the fields
 * named here.
 */
#ifndef TOLL_OPTION_SHARED_ROWS_H
#define TOLL_OPTION_SHARED_ROWS_H

#include "option/verb.h"

/* double threshold, confidence; `at` is what stands before them: `measured.`, or nothing */
#define ROWS_JUDGED(record, at)                                                                              \
    {.name = "threshold",                                                                                    \
     .type = OPTION_NUMBER,                                                                                  \
     .argument = "RATIO",                                                                                    \
     .help = "a difference that is too small to matter (0.01)",                                              \
     .offset = offsetof(record, at threshold)},                                                              \
    {                                                                                                        \
        .name = "confidence", .type = OPTION_NUMBER, .argument = "RATIO", .help = "of the intervals (0.95)", \
        .offset = offsetof(record, at confidence)                                                            \
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

/* const char *format, *output; bool json. FORMATS are the values of --format, what each is for in WHAT. */
#define ROWS_OUTPUT(record, FORMATS, WHAT)                                                                   \
    {.name = "format",                                                                                       \
     .letter = 'f',                                                                                          \
     .type = OPTION_TEXT,                                                                                    \
     .argument = "FORMAT",                                                                                   \
     .choices = (FORMATS),                                                                                   \
     .help = "what to write; else as the output's name ends (.html, .json, …)",                              \
     .offset = offsetof(record, format)},                                                                    \
        {.name = "json", .type = OPTION_FLAG, .help = (WHAT), .offset = offsetof(record, json)},             \
    {                                                                                                        \
        .name = "output", .letter = 'o', .type = OPTION_TEXT, .argument = "FILE",                            \
        .help = "write there instead of to stdout", .offset = offsetof(record, output)                       \
    }

#endif
