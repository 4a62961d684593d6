/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claim_json: claims, votes and what was cleared as JSON, as they travel between processes and as reports list them
 * (docs/investigators.md). Members of toll.report/1 keep their names.
 */
#ifndef TOLL_INVESTIGATE_CLAIM_JSON_H
#define TOLL_INVESTIGATE_CLAIM_JSON_H

#include "codec/json.h"
#include "investigate/claim.h"
#include "report/json_writer.h"

/* Longest lists and texts that are read from an investigator; a longer text is cut, a longer list is refused. */
#define CLAIM_TEXT_BYTES_MAX ((size_t)16 << 10)
#define CLAIM_LIST_MAX       1000u
#define CLAIM_ID_BYTES_MAX   80u

/* An object under a key (NULL in an array). */
void json_claim(struct json_writer *json, const char *key, const struct claim *claim);
void json_vote(struct json_writer *json, const char *key, const struct vote *vote);
void json_cleared_by(struct json_writer *json, const char *key, const struct cleared_by *cleared);

/* Of an object, with texts in the arena. Unknown members are left alone. ERR_INPUT says which member is missing or not what it
 * should be ("claim '3': gain.factor should be a number above 0"). A gain without an interval gets its factor as both ends.
 * The investigator stays as the object says it, NULL when it says none. */
WARN_UNUSED int claim_read(const struct json_value *object, struct arena *arena, struct claim *ret_claim,
                           struct err *err);
WARN_UNUSED int vote_read(const struct json_value *object, struct arena *arena, struct vote *ret_vote,
                          struct err *err);
WARN_UNUSED int cleared_read(const struct json_value *object, struct arena *arena,
                             struct cleared_by *ret_cleared, struct err *err);

#endif
