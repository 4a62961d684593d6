/* SPDX-License-Identifier: Apache-2.0 */
/*
 * investigation: all that an investigation of a run came to: the verdict on its recording, what each investigator said, and what
 * of it stands (consensus.h), P0 first. Plain structs that decide fills and master prints; one arena owns the texts.
 */
#ifndef TOLL_INVESTIGATE_INVESTIGATION_H
#define TOLL_INVESTIGATE_INVESTIGATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "investigate/claim.h"
#include "model/finding.h"

enum agreement {
    AGREEMENT_CONSENSUS,    /* three of four in support, each read off other rows */
    AGREEMENT_FURTHER,      /* two in support, the others neutral: look further */
    AGREEMENT_SINGLE,       /* one voice */
    AGREEMENT_CONTRADICTED, /* someone contradicts, and no experiment has settled it */
    AGREEMENT_REJECTED,     /* an experiment went against it */
    AGREEMENT_COUNT
};

/* One thing to do, after all that was said about it. */
struct conclusion {
    struct claim claim;                /* the strongest of those that say the same */
    const struct claim *const *merged; /* the others that say the same */
    size_t merged_count;
    const struct vote *const *votes; /* of all of them */
    size_t vote_count;
    size_t support_count, neutral_count, contradict_count; /* voices, not votes: the same rows count once */
    size_t missing_count; /* investigators that were asked and did not finish */
    enum agreement agreement;
    const char *settled_by;   /* the experiment, in a sentence; NULL: none was made */
    const char *next_command; /* what to run next to know more, or to verify; NULL */
    /* In objective_unit: today, and with the change; 0 when no promise is made. */
    double objective_before, objective_after, objective_after_low, objective_after_high;
};

/* A claim that someone contradicts, and what became of it. */
struct contradiction {
    const struct claim *claim;
    const struct vote *vote; /* the first against it */
    const char *experiment;  /* what was done to settle it; NULL: nothing could be, see `outcome` */
    const char *outcome;     /* one sentence */
    bool is_settled;
};

struct similar_case { /* from the journal */
    const char *when, *symptom, *finding, *change, *outcome;
};

/* What is wanted; metric NULL: the file says nothing. */
struct objective {
    const char *text;   /* as it was written: "100000 rows/s" */
    const char *metric; /* wall, throughput, latency, cost, memory */
    const char *unit;   /* "s", "rows/s", "USD" */
    bool more_is_better;
    double wanted, measured; /* in `unit`; measured 0: not known */
    double gap_ratio; /* how far it is to go: wanted / measured - 1, or measured / wanted - 1; <= 0: there */
    bool is_met;
};

struct investigation {
    struct arena arena;
    const struct verdict *verdict; /* of the recording; the opened recording outlives the investigation */
    const char *recording;         /* its name for a person */
    const char *pipeline;          /* the pipeline file as given; NULL */
    const char *name;              /* of the project, for a person; NULL */
    struct objective objective;
    struct statement *statements; /* in the order of the table, externals behind */
    size_t statement_count;
    struct conclusion *conclusions; /* P0 first, what was rejected last */
    size_t conclusion_count;
    size_t left_out_count; /* claims of somebody who made more than are weighed */
    struct contradiction *contradictions;
    size_t contradiction_count;
    struct similar_case *similar;
    size_t similar_count;
    uint64_t run_count;     /* of the pipeline, all together */
    uint64_t wall_ns;       /* of the whole investigation */
    const char *started_at; /* ISO 8601, UTC */
};

const char *agreement_name(enum agreement agreement); /* consensus, further, single, contradicted, rejected */

#endif
