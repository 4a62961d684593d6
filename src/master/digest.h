/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest: what all formats of the report have in common, worked out once: what is to be done and what is disputed, what was
 * cleared and by whom, and the picture of the path today, after the first change, and where the objective lies.
 */
#ifndef TOLL_MASTER_DIGEST_H
#define TOLL_MASTER_DIGEST_H

#include "base/vec.h"
#include "master/master.h"

/* For Monday at most. */
#define DIGEST_MONDAY_MAX 3
#define DIGEST_THEN_MAX   3 /* told behind them */

struct digest_reason {
    const char *by;
    const char *why; /* NULL: none was given, or it only repeats the share */
};

/* A place that is not to blame: all that say so, in one row. */
struct digest_cleared {
    struct cleared cleared;            /* the largest share and bound of those that were told */
    VEC(struct digest_reason) reasons; /* none: the recording alone says so */
    bool
        is_of_one_thing; /* the bound is less than the share allows: what each looked at was cleared, not the place */
    bool is_suspect; /* worth a line of the first screen: somebody could have suspected it */
};

/* A part of the bar of the critical path: a stage, or of a service the time of a request in a process. */
struct digest_piece {
    const char *name;
    int doing;          /* what it mostly did */
    const char *detail; /* the other end or the function; NULL */
    uint64_t ns;
    double ratio; /* of the whole bar */
};

/* In parts of the time today. */
struct digest_picture {
    VEC(struct digest_piece) pieces;     /* largest first */
    uint64_t whole_ns;                   /* 0: there is no picture */
    const struct conclusion *change;     /* the first that promises something; NULL */
    double after, after_low, after_high; /* with it */
    double goal; /* where the objective is met; 0: not known, or it lies beyond today */
};

struct digest {
    struct arena arena;
    const struct investigation *investigation;
    const struct master_options *options;
    const struct verdict *verdict;
    VEC(const struct conclusion *) to_do;    /* agreed or undisputed, best first */
    VEC(const struct conclusion *) disputed; /* contradicted and not settled */
    VEC(const struct conclusion *) rejected;
    VEC(const struct conclusion *)
    ordered; /* as they are told: what must be settled first, then to_do, then what else is disputed */
    size_t monday_count;                /* of `ordered`: for Monday */
    VEC(struct digest_cleared) cleared; /* largest share first */
    struct digest_picture picture;
    size_t finished_count; /* investigators */
};

WARN_UNUSED int digest_make(const struct investigation *investigation, const struct master_options *options,
                            struct digest *ret_digest, struct err *err);
void digest_free(struct digest *digest);

/* The finding, its time after the change worked out where only the factor was said. */
struct finding digest_finding(const struct digest *digest, const struct conclusion *conclusion);

/* The best other thing to do at the same place, to compare with; NULL. */
const struct conclusion *digest_alternative(const struct digest *digest, const struct conclusion *conclusion);

/* Whether the objective would be met. */
enum digest_reach { REACH_UNKNOWN, REACH_NO, REACH_LIKELY, REACH_YES };
/* By this change alone: YES when the careful end of its interval meets it. */
enum digest_reach digest_reach(const struct digest *digest, const struct conclusion *conclusion);

/* What a format returns at its end: 0, or what had been appended from `length` on is taken back, for memory ran out. */
WARN_UNUSED int master_finish(struct str *text, size_t length, struct err *err);

#endif
