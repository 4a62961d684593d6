/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/mark_phase.h"

#include <unistd.h>

#include "verbs/verbs.h"

static int run_mark(struct verb_context *context, struct err *err)
{
    return ops_mark(context->operands[0], getppid(), err);
}

static const struct example mark_examples[] = {
    {"toll mark load", "from here on the script is in its phase 'load'"},
};

const struct verb mark_verb = {
    .name = "mark",
    .summary = "name the phase that the calling script is in from here on",
    .usage = "NAME",
    .description = "Inside a script that runs under 'toll run', what the script does from now until its next "
                   "mark or its end belongs "
                   "to the phase of that name: the process that calls 'toll mark' is meant, so a mark in a "
                   "subshell names "
                   "the subshell's phase. Outside a recording nothing happens.",
    .operand_min = 1,
    .operand_max = 1,
    .examples = mark_examples,
    .example_count = sizeof mark_examples / sizeof mark_examples[0],
    .run = run_mark,
};
