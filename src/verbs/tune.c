/* SPDX-License-Identifier: Apache-2.0 */
/* toll tune: which value of a knob is best. */
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "ops/tune_command.h"
#include "option/output_format.h"
#include "verbs/measuring.h"
#include "verbs/verbs.h"

#define EXIT_INTERRUPTED 130

struct options {
    struct measured_options measured;
    struct option_list knobs, environment_knobs, today, tags;
    const char *objective, *rows, *metric, *better, *fit, *html, *format, *output, *store;
    uint64_t points, rounds;
    bool json, quiet, no_store;
};

static const struct options defaults = {
    .measured = {.warmup = 1, .threshold = -1, .timeout_ns = 600 * NS_PER_S}};

#define FORMATS "text json html"

static const struct option_row rows[] = {
    {.name = "knob",
     .letter = 'k',
     .type = OPTION_LIST,
     .argument = "NAME=VALUES",
     .help = "what to tune: {NAME} in the command; 1..64 is spread evenly by its logarithm, 0..60:10 takes "
             "steps, a,b,c is a list; two "
             "at most",
     .offset = offsetof(struct options, knobs)},
    {.name = "env-knob",
     .letter = 'e',
     .type = OPTION_LIST,
     .argument = "NAME=VALUES",
     .help = "the same as a variable of the command's environment",
     .offset = offsetof(struct options, environment_knobs)},
    {.name = "today",
     .type = OPTION_LIST,
     .argument = "NAME=VALUE",
     .help = "the value in use: what moving from it to the best brings is measured too",
     .offset = offsetof(struct options, today)},
    {.name = "objective",
     .type = OPTION_TEXT,
     .argument = "WHAT",
     .choices = "wall cpu memory",
     .help = "what should become less (wall)",
     .offset = offsetof(struct options, objective)},
    {.name = "rows",
     .type = OPTION_TEXT,
     .argument = "N",
     .help = "what should become more: rows a second, of a run that does N rows; '{NAME}' stands for the "
             "knob's value",
     .offset = offsetof(struct options, rows)},
    {.name = "metric",
     .type = OPTION_TEXT,
     .argument = "REGEX",
     .help = "what should become more: the number that REGEX's brackets find in what the command prints",
     .offset = offsetof(struct options, metric)},
    {.name = "better",
     .type = OPTION_TEXT,
     .argument = "WAY",
     .choices = "more less",
     .help = "which way the number of --metric is better (more)",
     .offset = offsetof(struct options, better)},
    {.name = "fit",
     .type = OPTION_TEXT,
     .argument = "LAW",
     .choices = "auto none usl batch",
     .help = "the law to fit: usl for workers, batch for what batches cost (auto: by the knob's name, else "
             "by whether there is a peak)",
     .offset = offsetof(struct options, fit)},
    {.name = "points",
     .type = OPTION_COUNT,
     .argument = "N",
     .help = "values of a range to begin with (7; 4 of each of two knobs)",
     .offset = offsetof(struct options, points)},
    {.name = "rounds",
     .letter = 'r',
     .type = OPTION_COUNT,
     .argument = "N",
     .help = "rounds of the values that are left (as many as the tests need, at least 10)",
     .offset = offsetof(struct options, rounds)},
    {.name = "time",
     .type = OPTION_DURATION,
     .argument = "TIME",
     .help = "no more rounds than the tests need after so long (1m)",
     .offset = offsetof(struct options, measured.time_ns)},
    ROW_TIMEOUT(struct options, "its value left out (10m)"),
    ROWS_JUDGED(struct options, measured.),
    ROW_WARMUP(struct options),
    ROW_PREPARES(struct options),
    ROWS_RUN(struct options),
    ROWS_ARM(struct options),
    ROWS_OUTPUT(struct options, FORMATS, "everything as JSON (toll.tune/1)"),
    {.name = "html",
     .type = OPTION_TEXT,
     .argument = "FILE",
     .help = "as --format html -o FILE, and the text as well",
     .offset = offsetof(struct options, html)},
    {.name = "quiet",
     .letter = 'q',
     .type = OPTION_FLAG,
     .help = "no progress",
     .offset = offsetof(struct options, quiet)},
    ROWS_HISTORY(struct options),
};

/* One line on a terminal, written over each time. */
static void progress(void *context, const struct sweep_progress *progress)
{
    static const char *const phases[] = {"a first look", "around the best", "today against the best"};
    (void)context;
    fprintf(stderr, "\r\x1b[K%s: round %zu of %zu, %zu values, %.0f s left", phases[progress->phase],
            progress->round, progress->round_count, progress->value_count, ceil(progress->left_s));
    fflush(stderr);
}

static struct tune_request request_of(const struct verb_context *context, const struct bench_text *command)
{
    const struct options *options = context->options;
    const struct output_choice choice = {
        .format = options->format, .output = options->output, .formats = FORMATS, .json = options->json};
    struct tune_request request = {
        .options = {.bench = {.commands = command, .command_count = 1, .printed = options->metric},
                    .knobs = options->knobs.items,
                    .knob_count = options->knobs.count,
                    .environment_knobs = options->environment_knobs.items,
                    .environment_knob_count = options->environment_knobs.count,
                    .today = options->today.items,
                    .today_count = options->today.count,
                    .rows = options->rows,
                    .point_count = options->points,
                    .round_count = options->rounds,
                    .time_s = (double)options->measured.time_ns / (double)NS_PER_S},
        .objective = options->objective,
        .better = options->better,
        .law = options->fit,
        .cache = options->measured.cache,
        .format = output_format(&choice),
        .html = options->html,
        .output = options->output,
        .keep = {.is_on = !options->no_store,
                 .store = options->store,
                 .tags = options->tags.items,
                 .tag_count = options->tags.count},
        .look = {.width = context->width,
                 .colour = context->colour && !options->output,
                 .ascii = context->ascii},
    };
    measured_fill(&options->measured, &request.options.bench);
    request.options.bench.time_s = 0; /* the sweep's own */
    return request;
}

static int run(struct verb_context *context, struct err *err)
{
    const struct options *options = context->options;
    struct bench_text command = measured_command(context, &options->measured);
    bool shows_progress = !options->quiet && isatty(STDERR_FILENO);
    struct tune_outcome outcome = {0};
    if (!context->command_count)
        command = (struct bench_text){.line = context->operand_count ? context->operands[0] : NULL};
    if (!command.words && !command.line) {
        err_set(err, ERR_USAGE, "could not run 'toll tune': the command is missing");
        err_hint(err, "usage: toll tune --knob NAME=1..64 -- COMMAND {NAME}…");
        return -ERR_USAGE;
    }
    struct tune_request request = request_of(context, &command);
    request.options.progress = shows_progress ? progress : NULL;
    int status = ops_tune(&request, &outcome, err);
    if (shows_progress)
        fprintf(stderr, "\r\x1b[K");
    if (status)
        return status;
    fputs(str_text(&outcome.text), context->out);
    fputs(str_text(&outcome.warning), stderr);
    str_free(&outcome.text);
    str_free(&outcome.warning);
    if (outcome.is_interrupted)
        context->exit_status = EXIT_INTERRUPTED;
    return 0;
}

static const struct example examples[] = {
    {"toll tune --knob workers=1..64 --today workers=4 -- ./load --workers {workers}",
     "how many workers, and what that brings"},
    {"toll tune --knob batch=1..10000 --rows 100000 -- ./insert --rows 100000 --batch {batch}",
     "what a batch costs: a + b n"},
    {"toll tune --env-knob OMP_NUM_THREADS=1..16 -- ./solve", "a variable of the environment"},
    {"toll tune --knob j=1..8 --knob l=1..8 -o map.html -- make -j{j} -l{l}",
     "two knobs: a page with their map"},
    {"toll tune --knob P=1..512 --metric '([0-9.]+) requests per second' -- redis-benchmark -n 100000 -t set "
     "-P {P}",
     "a rate that the command prints"},
};

const struct verb tune_verb = {
    .name = "tune",
    .summary = "find the best value of a knob of a command",
    .usage = "--knob NAME=VALUES [--knob NAME=VALUES] [--today NAME=VALUE] [--json] -- COMMAND…",
    .description =
        "Measures the command with values spread over the range, in turn, in blocks that cancel drift; then "
        "with more values around "
        "the best of them. Told are the best value, the plateau (every value that was not shown to be worse: "
        "pairs, Holm), what "
        "memory each takes, and with --today what moving from today's value brings, measured anew.\n\n"
        "A law is fitted where it can be: for workers the Universal Scalability Law, which says where more "
        "of them stop helping; "
        "for batches cost = a + b n, which says from which size on a larger one brings next to nothing.\n\n"
        "A value at which the command fails is told and left out. No shell runs the command unless --shell "
        "asks for it.",
    .options = rows,
    .option_count = sizeof rows / sizeof rows[0],
    .defaults = &defaults,
    .options_size = sizeof(struct options),
    .operand_max = 1,
    .takes_command = true,
    .command_optional = true,
    .examples = examples,
    .example_count = sizeof examples / sizeof examples[0],
    .run = run,
};
