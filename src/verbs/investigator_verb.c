/* SPDX-License-Identifier: Apache-2.0 */
/* toll investigator: one investigator alone, as external programs are asked; hidden: for tests, and for who writes one. */
#include <unistd.h>

#include "decide/investigator_process.h"
#include "verbs/verbs.h"

static int run(struct verb_context *context, struct err *err)
{
    return investigator_process(context->operands[0], STDIN_FILENO, STDOUT_FILENO, err);
}

static const struct example examples[] = {
    {"toll investigator profiling < request.json", "what one investigator says of a recording"},
};

const struct verb investigator_verb = {
    .name = "investigator",
    .summary = "one investigator alone: a request on stdin, answers as JSON lines",
    .usage = "NAME",
    .description = "Reads one request (docs/investigators.md) from stdin and answers it as the programs do "
                   "that 'toll investigate' "
                   "starts.",
    .operand_min = 1,
    .operand_max = 1,
    .is_hidden = true,
    .examples = examples,
    .example_count = sizeof examples / sizeof examples[0],
    .run = run,
};
