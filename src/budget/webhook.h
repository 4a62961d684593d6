/* SPDX-License-Identifier: Apache-2.0 */
/* webhook: tells an address what happened, by one POST of JSON (libcurl). */
#ifndef TOLL_BUDGET_WEBHOOK_H
#define TOLL_BUDGET_WEBHOOK_H

#include "base/err.h"

#define WEBHOOK_WAIT_S 10L

/* ERR_USAGE for what is no http or https address, ERR_ENVIRONMENT when it cannot be reached or answers with a status of 300 or more, and in a
 * toll that was built without libcurl. */
WARN_UNUSED int webhook_check(const char *url, struct err *err);
WARN_UNUSED int webhook_post(const char *url, const char *json, struct err *err);

#endif
