/* SPDX-License-Identifier: Apache-2.0 */
/*
 * requests: how long a request is in the hands of the serving tier, and with what.
 *
 * Spans of category request say it. Without them a worker's life is cut into requests where it comes back to wait for
 * work; when it never waits because work is always there, where it has waited for what it waits for once a request.
 * The time at a recorded peer is split by what that peer's workers did meanwhile. Pure.
 */
#ifndef TOLL_SERVICE_REQUESTS_H
#define TOLL_SERVICE_REQUESTS_H

#include "model/finding.h"
#include "service/capacity.h"

/* Fills latency and paths of the service; leaves them when requests cannot be told apart. */
WARN_UNUSED int requests_measure(const struct capacity *capacity, struct arena *arena,
                                 struct service *service, struct err *err);

#endif
