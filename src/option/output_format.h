/* SPDX-License-Identifier: Apache-2.0 */
/* output_format: in which format a verb that has several writes. */
#ifndef TOLL_OPTION_OUTPUT_FORMAT_H
#define TOLL_OPTION_OUTPUT_FORMAT_H

#include <stdbool.h>

struct output_choice {
    const char *format;  /* --format; NULL */
    const char *output;  /* -o; NULL */
    const char *formats; /* those that the verb has, one blank between them */
    bool json;           /* --json */
};

/* The one asked for; else the one that the output's name ends with (.html, .json, .md, .csv, .svg), where the verb has it; else
 * "text". */
const char *output_format(const struct output_choice *choice);

#endif
