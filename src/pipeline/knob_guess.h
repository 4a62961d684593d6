/* SPDX-License-Identifier: Apache-2.0 */
/*
 * knob_guess: what of a command looks like a knob: numbers behind options that say "so many at once" or "so much at a time" (-j 4,
 * -P4, --workers 4, --batch-size=100), and variables with such names that its script reads (${WORKERS:-4}, os.environ.get("BATCH",
 * 100), xargs -P $P). A guess for a person to look at; toll init writes it down as one. Pure.
 */
#ifndef TOLL_PIPELINE_KNOB_GUESS_H
#define TOLL_PIPELINE_KNOB_GUESS_H

#include <stdbool.h>

#include "base/arena.h"
#include "law/knob_role.h"

#define KNOB_GUESSES_MAX 12u

struct knob_guess {
    const char *name;
    const char *variable; /* of the environment; NULL: {NAME} in the line */
    const char *now;
    enum knob_role role;
    unsigned long long low, high; /* the range to try */
    const char *why;              /* "-P 4 in the command", "fetch.sh reads it, 4 where it is not set" */
};

struct knob_guesses {
    const char *line; /* the command, with {NAME} where values belong */
    struct knob_guess items[KNOB_GUESSES_MAX];
    size_t count;
};

/* Of a command as one line. */
WARN_UNUSED int knob_guess_line(const char *line, struct arena *arena, struct knob_guesses *ret_guesses,
                                struct err *err);

/* And of a script of that name that the command runs. `value_of` gives a variable's value now, NULL when it is not set. */
WARN_UNUSED int knob_guess_script(const char *script, const char *name, const char *(*value_of)(const char *),
                                  struct arena *arena, struct knob_guesses *guesses, struct err *err);

/* A number of workers that was proposed is within the range of the knob that a change names. */
void knob_guess_reach(struct knob_guesses *guesses, double proposed);

#endif
