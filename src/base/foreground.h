/* SPDX-License-Identifier: Apache-2.0 */
/*
 * foreground: a command run in its caller's place: the same streams, the same process group. A Ctrl-C reaches it by itself; SIGTERM and
 * SIGHUP to toll are passed on, and toll stays to tell its end. Not for several threads.
 */
#ifndef TOLL_BASE_FOREGROUND_H
#define TOLL_BASE_FOREGROUND_H

#include "base/err.h"

/* How it ended, as a shell tells it: 128 + N for signal N; 126 and 127 with ERR_ENVIRONMENT when it could not be executed. */
WARN_UNUSED int foreground_run(const char *const *words, int *ret_exit_status, struct err *err);

#endif
