/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deployment: whether something is in production or in development, by signs that each have a weight: positive ones speak for
 * production, negative ones for development. Too little weight either way is "unknown", and treated with the same care as
 * production. The signs are a table (deployment.c).
 */
#ifndef TOLL_DIAGNOSE_DEPLOYMENT_H
#define TOLL_DIAGNOSE_DEPLOYMENT_H

#include "diagnose/listeners.h"
#include "diagnose/process_look.h"

/* From this weight on it is said. */
#define DEPLOYMENT_SURE     3
#define DEPLOYMENT_SIGN_MAX 24

enum deployment_kind { DEPLOYMENT_UNKNOWN, DEPLOYMENT_PRODUCTION, DEPLOYMENT_DEVELOPMENT };

struct deployment_sign {
    const char *says; /* "NODE_ENV=production" */
    int weight;
};

struct deployment {
    enum deployment_kind kind;
    int weight;
    struct deployment_sign signs[DEPLOYMENT_SIGN_MAX];
    size_t sign_count;
};

/* What the signs are looked for in; NULL what there is not. */
struct deployment_evidence {
    const struct process_about *process;
    const struct process_row *row;
    const struct process_list *processes;
    const struct listeners *listeners; /* of all */
    uint64_t uptime_ns;                /* of the process, or of the machine */
    const char *folder;
    const char *root;
    struct arena *arena;
};

void deployment_judge(const struct deployment_evidence *evidence, struct deployment *ret_deployment);
/* "production", "development", "unknown" */
const char *deployment_name(enum deployment_kind kind);

#endif
