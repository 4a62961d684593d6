/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate_values: runs a command for the numbers that it prints or writes into files, in turn with its baseline. Each run gives one
 * value of each check. Where three rounds gave the same every time, more say nothing new (tokens, a size); else there are as
 * many rounds as a verdict needs.
 */
#ifndef TOLL_GATE_GATE_VALUES_H
#define TOLL_GATE_GATE_VALUES_H

#include "base/err.h"
#include "gate/gate.h"

struct gate_side {
    const char *command; /* NULL: there is none, files are read as they are */
    const char *folder;  /* NULL: here */
};

struct gate_values_request {
    const struct gate *gate;
    const struct gate_check *const *checks; /* of kind GATE_FROM_TEXT */
    size_t check_count;
    const struct gate_side *sides; /* the baseline last, if there is one */
    size_t side_count;
    size_t round_least; /* for a verdict */
    double time_s;      /* after which no more are begun than are needed */
    void (*progress)(void *context, size_t round, size_t round_count); /* NULL: none */
    void *progress_context;
};

/* values[side][check * GATE_VALUES_ROUNDS_MAX + round], for gate_values_free. */
#define GATE_SIDES_MAX 2u
struct gate_values {
    double *values[GATE_SIDES_MAX];
    size_t rounds;
    bool was_interrupted;
};
#define GATE_VALUES_ROUNDS_MAX 200u

/* ERR_ENVIRONMENT for a command that fails, ERR_INPUT for a number that is not there. */
WARN_UNUSED int gate_values_run(const struct gate_values_request *request, struct gate_values *ret_values,
                                struct err *err);
static inline const double *gate_values_of(const struct gate_values *values, size_t side, size_t check)
{
    return values->values[side] + check * GATE_VALUES_ROUNDS_MAX;
}
void gate_values_free(struct gate_values *values);

#endif
