/* SPDX-License-Identifier: Apache-2.0 */
/* toll experiment: a change or a place of a run, tried for real. */
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "decide/experiment_change.h"
#include "verbs/measuring.h"
#include "verbs/verbs.h"

struct options {
    struct measured_options measured;
    struct option_list tags;
    const char *by, *recording, *predict, *now, *store;
    bool no_store, json, quiet;
};

static const struct options defaults = {.measured = MEASURED_DEFAULTS};

#define AT(field) .offset = offsetof(struct options, field)

static const struct option_row rows[] = {
    {.name = "by",
     .type = OPTION_TEXT,
     .argument = "MEANS",
     .choices = "auto replay hold stop others",
     .help = "how a place is tried: its output replayed at no cost, its end held back, stopped for a part of "
             "the time, or all else stopped while it runs (auto: the first of these that is possible)",
     AT(by)},
    {.name = "recording",
     .type = OPTION_TEXT,
     .argument = "FILE",
     .help = "a recording of the run: what it promises for the change, and which program a stage is",
     AT(recording)},
    {.name = "predict",
     .type = OPTION_TEXT,
     .argument = "FACTOR",
     .help = "what was claimed: 1.5x, or 1.4x..1.6x; counts before what the recording says",
     AT(predict)},
    {.name = "now",
     .type = OPTION_TEXT,
     .argument = "VALUE",
     .help = "today's value of the knob, where {NAME} stands in the command",
     AT(now)},
    ROW_ROUNDS_EXACT(struct options),
    ROW_TIME(struct options, "20s"),
    ROW_TIMEOUT(struct options, "the experiment with it (never)"),
    ROWS_JUDGED(struct options, measured.),
    ROW_WARMUP(struct options),
    ROW_PREPARE(struct options),
    ROWS_RUN(struct options),
    ROWS_HISTORY(struct options),
    {.name = "json",
     .type = OPTION_FLAG,
     .help = "outcome, gain and every run as JSON (toll.experiment/1)",
     AT(json)},
    {.name = "quiet", .letter = 'q', .type = OPTION_FLAG, .help = "no progress", AT(quiet)},
};

/* One line on a terminal, written over each time. */
static void progress(void *context, const struct bench_progress *progress)
{
    (void)context;
    fprintf(stderr, "\r\x1b[K%zu of about %zu rounds", progress->round, progress->round_count);
    if (progress->ratio > 0 && isfinite(progress->half_ratio))
        fprintf(stderr, ", at %.3fx within %.1f %%", progress->ratio, 100 * progress->half_ratio);
    fprintf(stderr, ", %.0f s left", ceil(progress->left_s));
    fflush(stderr);
}

static struct change_request request_of(const struct verb_context *context, bool shows_progress)
{
    const struct options *options = context->options;
    struct change_request request = {
        .change = context->operands[0],
        .pipeline = context->operand_count > 1 ? context->operands[1] : NULL,
        .command = measured_command(context, &options->measured),
        .recording = options->recording,
        .means = options->by,
        .predicted = options->predict,
        .now = options->now,
        .options = {.progress = shows_progress ? progress : NULL},
        .keep = {.is_on = !options->no_store,
                 .store = options->store,
                 .tags = options->tags.items,
                 .tag_count = options->tags.count},
        .json = options->json,
        .look = {.width = context->width, .colour = context->colour, .ascii = context->ascii},
    };
    measured_fill(&options->measured, &request.options);
    return request;
}

static int run(struct verb_context *context, struct err *err)
{
    const struct options *options = context->options;
    bool shows_progress = !options->quiet && isatty(STDERR_FILENO);
    struct change_request request = request_of(context, shows_progress);
    struct change_answer answer;
    int status = decide_experiment(&request, &answer, err);
    if (shows_progress)
        fprintf(stderr, "\r\x1b[K");
    context->exit_status = answer.exit_status;
    if (status)
        return status;
    fputs(str_text(&answer.text), context->out);
    fputs(str_text(&answer.warning), stderr);
    str_free(&answer.text);
    str_free(&answer.warning);
    return 0;
}

static const struct example examples[] = {
    {"toll experiment remove:process/check -- ./nightly.sh", "what the run would take if check cost nothing"},
    {"toll experiment speed:process/curl=2 --predict 1.5x -- ./fetch.sh",
     "whether curl twice as fast makes the run 1.5 times as fast"},
    {"toll experiment set:knob/P=10 toll.yaml", "a knob of a pipeline, as an investigation proposes it"},
    {"toll experiment set:knob/WORKERS=8 -- ./pipeline", "a variable of the environment, for real"},
    {"toll experiment remove:stage/sort --by hold --recording run.toll -- ./nightly.sh",
     "how much of the run hangs on a stage, held against what the recording says"},
};

const struct verb experiment_verb = {
    .name = "experiment",
    .summary = "try a change or a place of a run for real",
    .usage = "CHANGE [toll.yaml | -- COMMAND…] [--by MEANS] [--recording FILE] [--predict FACTOR]",
    .description =
        "Runs with and without the change take turns; told is what it brings, with its interval, and whether "
        "what was claimed holds: confirmed, rejected or undecided.\n\n"
        "What is run is the command, or what a pipeline file says (toll.yaml, when it lies here). "
        "set:knob/NAME=VALUE sets the pipeline's knob; {NAME} in the command, or a variable of its "
        "environment. Any other change "
        "is "
        "about a place, a program that the run starts: what that did in one run is kept (what it printed and "
        "wrote below the folder, how it ended) and done again at no cost, which shows what the place is "
        "worth at most; speed:process/NAME=2 does it in half of its time. Where that is not possible each of "
        "its calls is "
        "made longer by a known share, or it is stopped for a part of the time, and how much of that the run "
        "feels is the share that hangs on it. No program is changed, and no privilege is needed.\n\n"
        "The command runs many times: it must be one that may.\n\n"
        "Ends with 0 when measured or confirmed, 1 when rejected, 5 when undecided, 130 when interrupted.",
    .options = rows,
    .option_count = sizeof rows / sizeof rows[0],
    .defaults = &defaults,
    .options_size = sizeof(struct options),
    .operand_min = 1,
    .operand_max = 2,
    .takes_command = true,
    .command_optional = true,
    .examples = examples,
    .example_count = sizeof examples / sizeof examples[0],
    .run = run,
};
