/* SPDX-License-Identifier: Apache-2.0 */
/* toll init: a first pipeline file. */
#include <stdio.h>

#include "decide/init_pipeline.h"
#include "verbs/verbs.h"

struct options {
    const char *output;
    bool force;
};

static const struct option_row rows[] = {
    {.name = "output",
     .letter = 'o',
     .type = OPTION_TEXT,
     .argument = "FILE",
     .help = "write there (toll.yaml); - prints it",
     .offset = offsetof(struct options, output)},
    {.name = "force",
     .type = OPTION_FLAG,
     .help = "write over a file that is there",
     .offset = offsetof(struct options, force)},
};

static int run(struct verb_context *context, struct err *err)
{
    const struct options *options = context->options;
    struct init_request request = {.recording = context->operand_count ? context->operands[0] : NULL,
                                   .command = context->command,
                                   .output = options->output,
                                   .force = options->force};
    struct str text = {0};
    if (!request.recording == !context->command_count) {
        err_set(err, ERR_USAGE, "could not write a pipeline file: it takes a recording or a command");
        err_hint(err, "usage: toll init RECORDING.toll, or toll init -- COMMAND…");
        return -ERR_USAGE;
    }
    int status = decide_init(&request, &text, err);
    if (!status)
        fputs(str_text(&text), context->out);
    str_free(&text);
    return status;
}

static const struct example examples[] = {
    {"toll init toll-fetch.sh-20261126-170455.toll", "a first toll.yaml, of what was recorded"},
    {"toll init -- make -j 4", "of a command that was not recorded yet"},
    {"toll init fetch.toll -o -", "only look at it"},
};

const struct verb init_verb = {
    .name = "init",
    .summary = "write a first pipeline file, toll.yaml, of a recording",
    .usage = "RECORDING [-o FILE] [--force] | -- COMMAND…",
    .description = "Writes what `toll investigate` works by: what the run is to reach (with what it reaches "
                   "today), how to run it, its "
                   "stages, and the knobs that can be turned: numbers behind -j, -P, --workers, --batch and "
                   "the like, variables of such "
                   "names that its scripts read, and how far findings ask for them to go.\n\n"
                   "It is a guess to be looked at: every guess says in a comment where it comes from.",
    .options = rows,
    .option_count = sizeof rows / sizeof rows[0],
    .options_size = sizeof(struct options),
    .operand_max = 1,
    .takes_command = true,
    .command_optional = true,
    .examples = examples,
    .example_count = sizeof examples / sizeof examples[0],
    .run = run,
};
