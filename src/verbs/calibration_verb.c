/* SPDX-License-Identifier: Apache-2.0 */
/* toll calibration: how good past predictions were. */
#include "ops/calibrate.h"
#include "verbs/verbs.h"

struct options {
    const char *store, *machine;
    bool json;
};

static const struct option_row rows[] = {
    {.name = "store",
     .type = OPTION_TEXT,
     .argument = "FILE",
     .help = "the history (~/.local/share/toll/history.db)",
     .offset = offsetof(struct options, store)},
    {.name = "machine",
     .type = OPTION_TEXT,
     .argument = "TEXT",
     .help = "only from machines with this in their description",
     .offset = offsetof(struct options, machine)},
    {.name = "json",
     .type = OPTION_FLAG,
     .help = "every prediction and the figures as JSON (toll.calibration/1)",
     .offset = offsetof(struct options, json)},
};

static int run(struct verb_context *context, struct err *err)
{
    const struct options *options = context->options;
    struct calibrate_request request = {
        .store = options->store,
        .machine = options->machine,
        .json = options->json,
        .look = {.width = context->width, .colour = context->colour, .ascii = context->ascii}};
    struct str text;
    int status = ops_calibrate(&request, &text, err);
    if (status)
        return status;
    fputs(str_text(&text), context->out);
    str_free(&text);
    return 0;
}

static const struct example examples[] = {
    {"toll calibration", "all predictions of the history, against what came of them"},
    {"toll calibration --json | jq .coverage_ratio",
     "how often the outcome was within the predicted interval"},
};

const struct verb calibration_verb = {
    .name = "calibration",
    .summary = "how good past predictions were",
    .usage = "[--store FILE] [--json]",
    .description =
        "Takes each change in the history that toll verify measured beside a prediction, and prints how far "
        "off the predictions were: their bias, the size of the usual error, and how often the outcome "
        "was within the predicted interval, with intervals of their own; also by cause and by kind of "
        "change, and as a plot.\n\n"
        "Under six predictions nothing is claimed.",
    .options = rows,
    .option_count = sizeof rows / sizeof rows[0],
    .options_size = sizeof(struct options),
    .examples = examples,
    .example_count = sizeof examples / sizeof examples[0],
    .run = run,
};
