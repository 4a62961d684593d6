/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redact: command lines are recorded, secrets in them are not. A secret is told by its name (password, token,
 * secret, api-key, authorization … in an option, a NAME=value or a header), by its place (mysql -p…, curl -u) or
 * by its form (user:password@ in an URL). What is hidden reads "***".
 */
#ifndef TOLL_BASE_REDACT_H
#define TOLL_BASE_REDACT_H

#include <stddef.h>

#include "base/str.h"

#define REDACT_HIDDEN    "***"
#define REDACT_BYTES_MAX 4096 /* of one command line; what is behind is cut */

/* Appends the arguments (NUL-separated, as in /proc/PID/cmdline) as a JSON array of strings. */
void redact_arguments(const char *arguments, size_t length, struct str *ret_json);
/* The same from an argv. */
void redact_argv(char *const *argv, struct str *ret_json);

/* The same for one line, as it is typed: words, quotes and blanks stay. */
void redact_line(const char *line, struct str *ret_line);

#endif
