/* SPDX-License-Identifier: Apache-2.0 */
/*
 * investigator: one question about a run, asked in a process of its own. One file and one row of investigators[] each.
 *
 * It is asked twice. Round one, claims: what is wrong, what would mend it, what is not to blame. Round two, votes: what it holds of
 * every claim of the others. It answers through answers.h, may crash, hang or use too much memory alone, and is killed
 * with all that it started. It may be asked about a recording (question.file is NULL) or about a pipeline that it may run.
 */
#ifndef TOLL_INVESTIGATE_INVESTIGATOR_H
#define TOLL_INVESTIGATE_INVESTIGATOR_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "investigate/answers.h"
#include "investigate/claim.h"
#include "judge/opened.h"

struct pipeline_file;

/* What an investigator does to the machine, which decides what may run beside it (engine.h). */
#define INVESTIGATOR_RUNS_PIPELINE                                                                           \
    1u /* measures runs: nothing that loads the machine beside it; needs a pipeline file to do so */
#define INVESTIGATOR_LOADS_MACHINE 2u /* keeps cores busy for more than a moment */
#define INVESTIGATOR_READS_OTHERS  4u /* asked once all others have answered, with their claims */

struct question {
    const char *recording; /* sealed; absolute */
    const char *pipeline;  /* absolute; NULL: only the recording */
    const char *rules;     /* a folder of rules beside the built-in ones (settings/rules.h), absolute; NULL */
    const char *scratch;   /* a folder of its own; what stays there is kept as evidence */
    const struct opened *opened;      /* the recording, judged */
    const struct pipeline_file *file; /* NULL */
    const struct claim *claims;       /* votes round, and READS_OTHERS: the claims of the others */
    size_t claim_count;
    const struct cleared_by *cleared; /* READS_OTHERS: what the others cleared */
    size_t cleared_count;
    uint64_t deadline_ns;  /* CLOCK_MONOTONIC: when it is killed */
    uint64_t memory_bytes; /* what it may use */
    struct arena *arena;   /* until it ends */
};

struct investigator {
    const char *name;
    const char *about; /* the question, for a person: "where the time of the run goes" */
    unsigned flags;
    int (*claims)(const struct question *question, struct answers *answers, struct err *err);
    /* NULL: neutral to all. What gets no vote is voted neutral. */
    int (*votes)(const struct question *question, struct answers *answers, struct err *err);
};

/* The table, in the order of reports; integration last. */
extern const struct investigator *const investigators[];
extern const size_t investigator_count;

/* NULL when there is none of that name. */
const struct investigator *investigator_find(const char *name);

#endif
