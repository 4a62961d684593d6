/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer_limit: whether what a peer sends is limited for each connection, which more connections lift, or for all of them
 * together (a shared link), which they do not.
 *
 * A connection's rate is the bytes read from it over the time waited for it; its company, how many connections to the peer
 * were waited for at once meanwhile, itself included. Where connections had more and less company, the slope of the rate's
 * logarithm over the company's tells: 0 for a limit of each, -1 for one that all share.
 */
#ifndef TOLL_DETECT_PEER_LIMIT_H
#define TOLL_DETECT_PEER_LIMIT_H

#include "detect/detector.h"

enum peer_limit { PEER_LIMIT_UNKNOWN, PEER_LIMIT_CONNECTION, PEER_LIMIT_LINK };

/* Unknown where there are fewer than four connections of some size, all had about the same company, or the slope is in
 * between. `peer` is its name as run_peer_name has it. */
WARN_UNUSED int peer_limit_of(const struct run *run, const char *peer, enum peer_limit *ret_limit,
                              struct err *err);

/* What more at once of something that waits for the peer assumes of it, in the scene's arena. */
WARN_UNUSED int peer_limit_assumption(const struct scene *scene, const char *peer, const char **ret_text,
                                      struct err *err);

#endif
