/* SPDX-License-Identifier: Apache-2.0 */
/* span_command: a command as a span, for programs that cannot say it themselves. */
#ifndef TOLL_OPS_SPAN_COMMAND_H
#define TOLL_OPS_SPAN_COMMAND_H

#include "base/err.h"

/* Runs the command (NULL-terminated) inside a span of that name, which the command's processes inherit; without a
 * recorder just runs it. Its stdin, stdout and stderr are the caller's, and signals that the caller gets are passed on.
 *
 * *ret_exit_status is the command's as a shell sees it (128 + n for signal n). Where the command could not be started
 * that is an error, and *ret_exit_status is 127 (not found) or 126 all the same; 125 for any other failure. */
WARN_UNUSED int ops_span(const char *name, char *const *command, int *ret_exit_status, struct err *err);

#endif
