/* SPDX-License-Identifier: Apache-2.0 */
/*
 * knob: something of a command that can be set: {NAME} in its words, or a variable of its environment, and the values to try.
 *
 *     workers=1..64         whole numbers, spread evenly by their logarithm (by their value when the range starts below 1)
 *     workers=0..60:10      0, 10, 20 and so on
 *     ratio=0.1..0.9        as many decimals as are written
 *     mode=fast,safe        these and no others, in this order; numbers are known as numbers
 *
 * Pure; any thread.
 */
#ifndef TOLL_SWEEP_KNOB_H
#define TOLL_SWEEP_KNOB_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

#define KNOB_VALUES_MAX 64u /* of a list, or tried of a range */

struct knob_value {
    const char *text; /* as it is put into the command */
    double number;    /* NAN: none */
};

struct knob {
    const char *name;
    bool is_environment;
    bool is_list;
    bool is_number;         /* all its values are */
    bool is_log;            /* spread by the logarithm */
    double low, high, step; /* of a range; values are low + k step, or any multiple of the step for is_log */
    int decimals;
    struct knob_value values[KNOB_VALUES_MAX]; /* of a list */
    size_t value_count;
};

/* "NAME=VALUES". ERR_USAGE when it is none of the above, for a value twice, or for a name that no variable could have. */
WARN_UNUSED int knob_parse(const char *text, bool is_environment, struct arena *arena, struct knob *ret_knob,
                           struct err *err);

/* A value as a person names it; a number is one of the knob's even where the range does not reach that far. */
WARN_UNUSED int knob_value_of(const struct knob *knob, const char *text, struct arena *arena,
                              struct knob_value *ret_value, struct err *err);

/* Up to `wanted` values over the whole range with both its ends, or all of a list, ascending or as listed. Returns their number; 0
 * when memory runs out. */
size_t knob_coarse(const struct knob *knob, size_t wanted, struct arena *arena,
                   struct knob_value ret_values[KNOB_VALUES_MAX]);

/* Up to `wanted` values of a range strictly between two of them; none of a list. */
size_t knob_between(const struct knob *knob, double below, double above, size_t wanted, struct arena *arena,
                    struct knob_value ret_values[KNOB_VALUES_MAX]);

/* The same value: the same number, or the same text. */
bool knob_equal(const struct knob_value *a, const struct knob_value *b);

#endif
