/* SPDX-License-Identifier: Apache-2.0 */
/* record_otlp: receives OTLP until a signal, a time or a command's end, and seals what came into a recording. */
#ifndef TOLL_OPS_RECORD_OTLP_H
#define TOLL_OPS_RECORD_OTLP_H

#include "receive/receiver.h"
#include "receive/seal.h"

#define RECORD_OTLP_ADDRESS "127.0.0.1:4318"

struct record_otlp_request {
    const char *address; /* NULL: RECORD_OTLP_ADDRESS */
    const char *output;  /* NULL: toll-otlp-<time>.toll in the current folder */
    const char *
        budget; /* tokens=1M,cost=10 (budget/budget_limits.h): beyond it the command is stopped, and it ends; NULL: none */
    uint64_t limit_ns; /* 0: until a signal, or the command's end */
    char *const
        *command; /* NULL: none. It gets OTEL_EXPORTER_OTLP_ENDPOINT and …_PROTOCOL, and passes signals on */
    /* Told once requests are taken, before the command starts: where, and which file. May be NULL. */
    void (*started)(void *context, const char *address, const char *path);
    /* Told when it receives no more and makes the recording. May be NULL. */
    void (*ended)(void *context, uint64_t span_count);
    void *context;
};

struct record_otlp_outcome {
    struct receiver_counts received;
    struct seal_result sealed; /* when anything was received */
    bool is_sealed;
    int exit_status;   /* of the command */
    bool ran;          /* the command did */
    struct str budget; /* what was used up of it, lines; the caller frees it */
    bool is_over_budget;
    char path[4096];
};

/* Fills the outcome also on failure. What was received and could not be sealed stays in the file, for ops_recover. */
WARN_UNUSED int ops_record_otlp(const struct record_otlp_request *request,
                                struct record_otlp_outcome *ret_outcome, struct err *err);

#endif
