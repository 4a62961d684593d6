/* SPDX-License-Identifier: Apache-2.0 */
/* verify_facts: what ops_verify looks up for a preflight: in a recording, and in the git repository. */
#ifndef TOLL_OPS_VERIFY_FACTS_H
#define TOLL_OPS_VERIFY_FACTS_H

#include "ops/verify_change.h"
#include "verify/preflight.h"

/* The prediction of the request's recording, or the one given; none when there is neither. Texts go to the preflight's arena;
 * also fills what the facts say of the recording. ERR_USAGE for a change or a finding that promises nothing. */
WARN_UNUSED int verify_predict(const struct verify_request *request, struct preflight *preflight,
                               struct preflight_facts *facts, struct err *err);

/* Both commits of "A..B" (an empty one is HEAD), their difference, how to take it back, and what could mislead. */
WARN_UNUSED int verify_revisions(const char *revisions, struct preflight *preflight, unsigned width,
                                 struct err *err);

#endif
