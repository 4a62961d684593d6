/* SPDX-License-Identifier: Apache-2.0 */
/* printed: a number out of what a command prints, by a regular expression. Not for several threads. */
#ifndef TOLL_BENCH_PRINTED_H
#define TOLL_BENCH_PRINTED_H

#include "base/err.h"

#define PRINTED_BYTES_MAX (4u << 20) /* the end of the output is looked at when there is more */

struct printed;

/* `expression` is an extended regular expression of POSIX with one pair of brackets about the number, "([0-9.]+) rows/s".
 * ERR_USAGE when it is none. */
WARN_UNUSED int printed_open(const char *expression, struct printed **ret_printed, struct err *err);
void printed_close(struct printed *printed);

/* The file that gets what the command prints. */
int printed_fd(const struct printed *printed);

/* NULL is allowed in both: nobody asks for a number. */
void printed_clear(struct printed *printed);
/* The last match's number, thousands' commas left out. ERR_INPUT when nothing matches or the match is no number above 0. */
WARN_UNUSED int printed_number(struct printed *printed, double *ret_number, struct err *err);

#endif
