/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine: what this machine lets the recorder see, found by trying it (on itself and on a child made for that), what
 * is lost where it does not, and the command that allows more.
 */
#ifndef TOLL_RECORD_MACHINE_H
#define TOLL_RECORD_MACHINE_H

#include <stdbool.h>
#include <stddef.h>

#include "record/rung.h"

#define DOCTOR_FACT_MAX 16

enum doctor_state {
    DOCTOR_OK = 1,
    DOCTOR_LIMITED, /* works, but not all of it */
    DOCTOR_MISSING
};

struct doctor_fact {
    const char *name; /* "perf events", … */
    enum doctor_state state;
    char found[200];   /* what was tried and what came of it */
    char lost[200];    /* what a recording lacks without; "" when nothing */
    char command[240]; /* that allows more; "" when there is none */
};

/* Fills up to DOCTOR_FACT_MAX facts; returns how many. Never fails: what cannot be tried is missing. */
size_t doctor_look(struct doctor_fact *ret_facts);
/* Whether that rung works here. */
bool doctor_allows(const struct doctor_fact *facts, size_t count, enum record_rung rung);
/* The rung that `toll run` uses here when none is asked for: "perf" or "proc". */
const char *doctor_rung(const struct doctor_fact *facts, size_t count);
/* "ok", "limited", "missing" */
const char *doctor_state_name(enum doctor_state state);

#endif
