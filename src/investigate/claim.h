/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claim: what an investigator states: what to change and what that brings, what is not to blame, and what it holds of the
 * claims of others. Plain structs; who makes them owns the texts (mostly an arena).
 *
 * A claim is a finding (model/finding.h) with who says it, how it is known and what it was read off. Its name for others is
 * "INVESTIGATOR/ID". Rows are places of the recording, "waits 120-340", "path entry 3": two statements that were read off the
 * same rows are one voice (consensus.h).
 */
#ifndef TOLL_INVESTIGATE_CLAIM_H
#define TOLL_INVESTIGATE_CLAIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "model/finding.h"

/* How a claim is known, strongest first: counted or replayed from a recording; tried in runs of the pipeline; a rule of the
 * trade; concluded from signs. */
enum evidence_class {
    EVIDENCE_MEASURED,
    EVIDENCE_EXPERIMENT,
    EVIDENCE_RULE,
    EVIDENCE_INFERRED,
    EVIDENCE_CLASS_COUNT
};

enum stance { STANCE_SUPPORT, STANCE_NEUTRAL, STANCE_CONTRADICT, STANCE_COUNT };

struct claim {
    const char *investigator; /* filled by who reads the answers; an investigator may leave it NULL */
    const char *id;           /* unique among the claims of its investigator: "1", "shared_buffers" */
    struct finding finding;   /* its priority is worked out from the gain when it is read */
    enum evidence_class evidence_class;
    const char *const *rows;
    size_t row_count;
    const char *verify; /* a command that confirms it, "toll verify …"; NULL */
    const char *revert; /* how to take the change back; NULL */
};

/* What an investigator holds of a claim of another. */
struct vote {
    const char *investigator;
    const char *claim; /* "configuration/1" */
    enum stance stance;
    const char *why;
    const char *const *rows;
    size_t row_count;
    double factor_max; /* the most that the claim's place can bring, as the voter sees it; 0: not said */
};

struct cleared_by {
    const char *investigator;
    struct cleared cleared;
    const char *why;
};

/* A process ended well and made sense; or it did not: never neutral, never "nothing found". */
enum statement_outcome { STATEMENT_FINISHED, STATEMENT_DID_NOT_FINISH };

/* All that one investigator said, in both rounds. What it said before it failed is kept, as evidence only. */
struct statement {
    const char *investigator;
    enum statement_outcome outcome;
    const char *why_not;      /* of one that did not finish: "ran out of memory: over 512 MB"; else NULL */
    bool has_voted;           /* the votes round ended well, too; else its votes are not counted */
    const char *why_no_votes; /* of one that finished its claims but not its votes; else NULL */
    struct claim *claims;
    size_t claim_count;
    struct vote *votes;
    size_t vote_count;
    struct cleared_by *cleared;
    size_t cleared_count;
    const char **notes;
    size_t note_count;
    uint64_t wall_ns;       /* of both rounds */
    uint64_t rss_bytes_max; /* of its processes together, as far as it was seen; 0: it was not */
};

/* "measured", "support": as they stand in JSON. */
const char *evidence_class_name(enum evidence_class evidence_class);
const char *stance_name(enum stance stance);
/* false when the text names none. */
bool evidence_class_find(const char *name, enum evidence_class *ret_class);
bool stance_find(const char *name, enum stance *ret_stance);

/* "INVESTIGATOR/ID". */
void claim_name(const struct claim *claim, struct str *str);
bool claim_is_named(const struct claim *claim, const char *name);

/* Whether both speak of the same place: each field that both know is equal, and there is one such field that says where (stage,
 * process, function, peer, path). */
bool where_overlaps(const struct where *a, const struct where *b);

/* Whether its gain is not confined to its place: work that would overlap (workers, cores, streams) gains elsewhere too, so that the
 * place's share of the path is no bound. A knob's change does not say what it turns: then the cause does. */
bool claim_reaches_further(const struct claim *claim);

/* Copies with all their texts into an arena; -1 when memory ran out. */
WARN_UNUSED int claim_copy(const struct claim *claim, struct arena *arena, struct claim *ret_copy);
WARN_UNUSED int finding_copy(const struct finding *finding, struct arena *arena, struct finding *ret_copy);

#endif
