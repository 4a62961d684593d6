/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/span_command.h"

#include "verbs/verbs.h"

static int run_span(struct verb_context *context, struct err *err)
{
    if (!context->operands[0][0])
        return err_set(err, ERR_USAGE, "could not begin a span: its name is empty");
    return ops_span(context->operands[0], context->command, &context->exit_status, err);
}

static const struct example span_examples[] = {
    {"toll span extract -- unzip -q data.zip", "the stage 'extract' of a shell script"},
};

const struct verb span_verb = {
    .name = "span",
    .summary = "run one command of a script as a named stage",
    .usage = "NAME -- COMMAND…",
    .description = "Inside a script that runs under 'toll run', the command and all that it starts belong to "
                   "the stage of that name. "
                   "Stages nest. Outside a recording the command just runs.\n\n"
                   "The exit status is the command's; 127 when there is no such command, 126 when it cannot "
                   "be run, 125 when toll "
                   "itself failed.",
    .operand_min = 1,
    .operand_max = 1,
    .takes_command = true,
    .exit_status_failed = 125,
    .examples = span_examples,
    .example_count = sizeof span_examples / sizeof span_examples[0],
    .run = run_span,
};
