/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate_checks: holds a project to its file of budgets: builds, checks out and builds the baseline, measures, judges, measures what
 * failed once more, and tells the result in the forms that were asked for. docs/gate.md is the user's side.
 */
#ifndef TOLL_OPS_GATE_CHECKS_H
#define TOLL_OPS_GATE_CHECKS_H

#include "base/str.h"
#include "bench/bench.h"
#include "gate/gate_export.h"

#define GATE_CONFIG_DEFAULT "toll.yaml"

struct gate_request {
    const char *config; /* NULL: GATE_CONFIG_DEFAULT */
    char *const *names; /* of gates; none: all */
    size_t name_count;
    const char *baseline; /* a revision, or "history", instead of the file's; NULL: the file's */
    double time_s;        /* of each gate; 0: as the file says */
    size_t runs;          /* exactly so many; 0: as the file says */
    uint64_t seed;        /* 0: from the clock */
    bool no_build;        /* what is there is measured */
    bool no_confirm;      /* one failure is a failure */
    bool show_output;     /* of builds and commands, on stderr */
    bool json;            /* as JSON instead of text */
    const char *junit, *sarif, *markdown, *output; /* files; NULL: not wanted */
    bool github;         /* annotations, and a summary into the file that GITHUB_STEP_SUMMARY names */
    const char *store;   /* of the history; NULL: the usual one */
    bool no_store;       /* nothing is added to it */
    const char *version; /* of toll */
    struct gate_look look;
    void (*stage)(void *context, const char *what); /* what is being done now; NULL: nobody asks */
    void (*progress)(void *context, const struct bench_progress *progress);
    void *context;
};

struct gate_answer {
    struct str text;        /* for stdout */
    struct str annotations; /* for the log of a GitHub action: stdout too, unless that is JSON */
    struct str warnings;    /* lines for stderr */
    enum gate_verdict verdict;
    bool is_interrupted; /* nothing was judged */
};

WARN_UNUSED int ops_gate(const struct gate_request *request, struct gate_answer *ret_answer, struct err *err);
void gate_answer_free(struct gate_answer *answer);

/* Measures a command and writes a first file of budgets for it, which must not be there yet. */
struct gate_init_request {
    const char *config;   /* NULL: GATE_CONFIG_DEFAULT */
    char *const *command; /* NULL-terminated */
    const char *baseline; /* a revision; NULL: the branch that is checked out, else absolute budgets */
    const char *build;    /* NULL: make, where there is a Makefile */
};
WARN_UNUSED int ops_gate_init(const struct gate_init_request *request, struct str *ret_text, struct err *err);

#endif
