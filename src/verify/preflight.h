/* SPDX-License-Identifier: Apache-2.0 */
/* preflight: what is about to be compared, told before anything runs. Pure: what has to be looked up comes in as facts. */
#ifndef TOLL_VERIFY_PREFLIGHT_H
#define TOLL_VERIFY_PREFLIGHT_H

#include "verify/verify.h"

/* Words that are only on one side, as "- word word" and "+ word word", in order. */
WARN_UNUSED int preflight_words(struct preflight *preflight, char *const *before, char *const *after,
                                struct err *err);

/* A variable's two values: "NAME=old,new", or "NAME=new" against what it is now (NULL: unset). A comma in a value is written \,.
 * The values go to the arena as "NAME=value"; *ret_before is NULL where it stays unset. ERR_USAGE for anything else. */
WARN_UNUSED int preflight_variable(struct preflight *preflight, const char *text, const char *now,
                                   const char **ret_before, const char **ret_after, struct err *err);

struct preflight_facts {
    const struct bench_options *options; /* how it will be measured */
    char shell_character;                /* in a command that no shell will see; 0 */
    bool other_program;                  /* the two commands start different programs */
    const char *recorded_command;        /* of the prediction's recording, as a line; NULL */
    const char *before_command;          /* to hold it against */
    uint64_t recorded_cpu_count;         /* 0: not known */
};

/* The risks and checks that hold for every kind. */
WARN_UNUSED int preflight_complete(struct preflight *preflight, const struct preflight_facts *facts,
                                   struct err *err);

#endif
