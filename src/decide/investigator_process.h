/* SPDX-License-Identifier: Apache-2.0 */
/* investigator_process: one built-in investigator alone, asked by a request as programs get it (docs/investigators.md). */
#ifndef TOLL_DECIDE_INVESTIGATOR_PROCESS_H
#define TOLL_DECIDE_INVESTIGATOR_PROCESS_H

#include "base/err.h"

/* Reads the request from one descriptor and answers on the other. ERR_USAGE, with the names there are, for an unknown name;
 * ERR_INPUT for what is no request, or no recording. */
WARN_UNUSED int investigator_process(const char *name, int request_fd, int answers_fd, struct err *err);

#endif
