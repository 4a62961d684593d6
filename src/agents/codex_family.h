/* SPDX-License-Identifier: Apache-2.0 */
/*
 * codex_family: where a Codex session comes from, and which of its lines are its parent's.
 *
 * A session that was forked, or spawned as a subagent, may begin with its parent's whole history, written again within seconds
 * with new times. What was counted there must not be counted here. The parent's file lies in the same tree (its name ends
 * with its id): a count whose running total stands in the parent, before the session began, is the parent's. Where the parent's file is gone, what the
 * replay itself shows has to do: a turn that began before the session did, or lines that follow each other faster than any
 * model answers.
 */
#ifndef TOLL_AGENTS_CODEX_FAMILY_H
#define TOLL_AGENTS_CODEX_FAMILY_H

#include "agents/agent_events.h"
#include "codec/json.h"

#define CODEX_ID_BYTES 80u

/* Running total of a session, as its file tells it. */
struct codex_total {
    uint64_t input, cached, output, reasoning;
    uint64_t written; /* to the cache; a part of input */
};

/* Of a session_meta line. */
struct codex_meta {
    char id[CODEX_ID_BYTES];
    char parent[CODEX_ID_BYTES]; /* forked from, or spawned by; "" */
    bool is_spawned;             /* by another agent */
    int64_t start_ns;
};

struct codex_family;

bool codex_total_equal(const struct codex_total *left, const struct codex_total *right);
/* False: the value is none. */
bool codex_total_read(const struct json_value *usage, struct codex_total *ret_total);
void codex_meta_read(const struct json_value *payload, struct codex_meta *ret_meta);

/* Looks for the parents' files near `path`. NULL in *ret_family: no parent's file is there. */
WARN_UNUSED int codex_family_find(const char *path, const struct codex_meta *meta,
                                  struct codex_family **ret_family, struct err *err);
void codex_family_free(struct codex_family *family);
/* Whether a running total stands in a parent's file. NULL: no. */
bool codex_family_has(const struct codex_family *family, const struct codex_total *total);
/* The id of the first ancestor that spawned: the conversation that this agent belongs to; `meta`'s parent where the files end. */
const char *codex_family_root(const struct codex_family *family, const struct codex_meta *meta);

#endif
