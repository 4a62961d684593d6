/* SPDX-License-Identifier: Apache-2.0 */
/* toll verify: whether a change did what it should. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "decide/verify_pipeline.h"
#include "ops/verify_change.h"
#include "verbs/measuring.h"
#include "verbs/verbs.h"

#define EXIT_DECLINED 130

struct options {
    struct measured_options measured;
    struct option_list versus, environment, changes, metrics, tags;
    const char *revisions, *build, *recording, *predict, *name, *store;
    uint64_t finding;
    bool yes, dry_run, no_store, json, quiet;
};

static const struct options defaults = {.measured = MEASURED_DEFAULTS};

#define AT(field) .offset = offsetof(struct options, field)

static const struct option_row rows[] = {
    {.name = "vs",
     .type = OPTION_LIST,
     .argument = "COMMAND",
     .help = "the command after the change",
     AT(versus)},
    {.name = "env",
     .type = OPTION_LIST,
     .argument = "NAME=OLD,NEW",
     .help = "a variable's value before and after; NAME=NEW: before is what it is now",
     AT(environment)},
    {.name = "revisions",
     .type = OPTION_TEXT,
     .argument = "A..B",
     .help = "two git revisions, each checked out in a folder of its own; A alone: A..HEAD",
     AT(revisions)},
    {.name = "build",
     .type = OPTION_TEXT,
     .argument = "COMMAND",
     .help = "run by /bin/sh in each revision's folder before anything is measured",
     AT(build)},
    {.name = "recording",
     .type = OPTION_TEXT,
     .argument = "FILE",
     .help = "a recording of before, whose first finding says what to expect",
     AT(recording)},
    {.name = "finding",
     .type = OPTION_COUNT,
     .argument = "N",
     .help = "the N-th finding of the recording instead of the first",
     AT(finding)},
    {.name = "change",
     .type = OPTION_LIST,
     .argument = "CHANGE",
     .help = "what was changed, as for toll whatif, instead of a finding",
     AT(changes)},
    {.name = "predict",
     .type = OPTION_TEXT,
     .argument = "FACTOR",
     .help = "what to expect without a recording: 1.8x, or 1.6x..2x",
     AT(predict)},
    {.name = "metric",
     .type = OPTION_LIST,
     .argument = "METRIC",
     .choices = "wall cpu memory instructions",
     .help = "what decides (wall); each of several must hold",
     AT(metrics)},
    {.name = "yes", .letter = 'y', .type = OPTION_FLAG, .help = "do not ask", AT(yes)},
    {.name = "dry-run", .type = OPTION_FLAG, .help = "only tell what would be done", AT(dry_run)},
    ROWS_ROUNDS(struct options, "5s"),
    ROW_TIMEOUT(struct options, "the measurement with it (never)"),
    ROWS_JUDGED(struct options, measured.),
    ROW_WARMUP(struct options),
    ROW_PREPARE(struct options),
    ROWS_RUN(struct options),
    ROW_NO_CONTROL(struct options),
    {.name = "name",
     .letter = 'n',
     .type = OPTION_TEXT,
     .argument = "NAME",
     .help = "what the history calls it (the commands)",
     AT(name)},
    ROWS_HISTORY(struct options),
    {.name = "json",
     .type = OPTION_FLAG,
     .help = "preflight, every run, comparison and outcome as JSON (toll.verify/1)",
     AT(json)},
    {.name = "quiet", .letter = 'q', .type = OPTION_FLAG, .help = "no progress", AT(quiet)},
};

struct talk {
    const struct options *options;
    FILE *out;
    bool shows_progress;
};

/* One line on a terminal, written over each time. */
static void progress(void *context, const struct bench_progress *progress)
{
    (void)context;
    fprintf(stderr, "\r\x1b[K%zu of about %zu rounds", progress->round, progress->round_count);
    if (progress->ratio > 0 && isfinite(progress->half_ratio))
        fprintf(stderr, ", after at %.3fx of before, within %.1f %%", progress->ratio,
                100 * progress->half_ratio);
    fprintf(stderr, ", %.0f s left", ceil(progress->left_s));
    fflush(stderr);
}

static void tell(void *context, const char *what)
{
    const struct talk *talk = context;
    if (talk->shows_progress)
        fprintf(stderr, "\r\x1b[K%s", what);
}

/* Told on stdout; where that takes JSON, only to who is asked. */
static bool may_go_on(void *context, const char *preflight)
{
    const struct talk *talk = context;
    char answer[16] = "";
    if (!talk->options->json)
        fprintf(talk->out, "%s\n", preflight);
    else if (!talk->options->yes)
        fprintf(stderr, "%s\n", preflight);
    fflush(talk->out);
    if (talk->options->yes)
        return true;
    fprintf(stderr, "Go on? [y/N] ");
    if (!fgets(answer, sizeof answer, stdin))
        fprintf(stderr, "\n");
    return answer[0] == 'y' || answer[0] == 'Y';
}

/* Asked before anything is looked up: a script must not find out later. Without a command that is what is missing. */
static int check_asking(const struct verb_context *context, const struct verify_request *request,
                        struct err *err)
{
    const struct options *options = context->options;
    bool has_command = request->before.words || request->before.line || context->operand_count;
    if (!has_command || options->yes || options->dry_run || (isatty(STDIN_FILENO) && isatty(STDERR_FILENO)))
        return 0;
    err_set(err, ERR_USAGE, "could not ask whether to go on: this is no terminal");
    err_hint(err, "--yes goes on without asking, --dry-run only tells what would be done");
    return -ERR_USAGE;
}

/* An operand that is a pipeline file; NULL. */
static const char *pipeline_of(const struct verb_context *context)
{
    return context->operand_count && verify_is_pipeline(context->operands[0]) ? context->operands[0] : NULL;
}

/* The one before stands behind `--` or is the operand; the one after is --vs. */
static int commands_fill(const struct verb_context *context, struct verify_request *request, struct err *err)
{
    const struct options *options = context->options;
    if ((context->command_count != 0) + context->operand_count > 1 || options->versus.count > 1) {
        err_set(err, ERR_USAGE, "could not compare more than two commands");
        err_hint(err, "'toll bench' compares many; a command with arguments is one text or follows --");
        return -ERR_USAGE;
    }
    if (context->command_count)
        request->before = measured_command(context, &options->measured);
    else if (context->operand_count && !pipeline_of(context))
        request->before.line = context->operands[0];
    if (options->versus.count)
        request->after.line = options->versus.items[0];
    return 0;
}

static struct verify_request request_of(const struct verb_context *context, struct talk *talk)
{
    const struct options *options = context->options;
    struct verify_request request = {
        .options = {.progress = talk->shows_progress ? progress : NULL},
        .environment = options->environment.items,
        .environment_count = options->environment.count,
        .revisions = options->revisions,
        .build = options->build,
        .recording = options->recording,
        .changes = options->changes.items,
        .change_count = options->changes.count,
        .finding = options->finding,
        .predicted = options->predict,
        .metrics = options->metrics.items,
        .metric_count = options->metrics.count,
        .name = options->name,
        .tags = options->tags.items,
        .tag_count = options->tags.count,
        .store = options->store,
        .no_store = options->no_store,
        .preflight_only = options->dry_run,
        .json = options->json,
        .look = {.width = context->width, .colour = context->colour, .ascii = context->ascii},
        .may_go_on = may_go_on,
        .tell = tell,
        .context = talk,
    };
    measured_fill(&options->measured, &request.options);
    return request;
}

static int run(struct verb_context *context, struct err *err)
{
    const struct options *options = context->options;
    struct talk talk = {options, context->out, !options->quiet && isatty(STDERR_FILENO)};
    struct verify_request request = request_of(context, &talk);
    struct verify_answer answer;
    int status = commands_fill(context, &request, err);
    if (!status)
        status = check_asking(context, &request, err);
    if (status)
        return status;
    status = pipeline_of(context) ? decide_verify(&request, pipeline_of(context), &answer, err)
                                  : ops_verify(&request, &answer, err);
    if (talk.shows_progress)
        fprintf(stderr, "\r\x1b[K");
    context->exit_status = answer.exit_status;
    if (status)
        return status;
    fputs(str_text(&answer.text), context->out);
    if (answer.warning.length)
        fprintf(stderr, "toll: %s\n", str_text(&answer.warning));
    if (answer.was_declined) {
        fprintf(stderr, "Nothing was run.\n");
        context->exit_status = EXIT_DECLINED;
    }
    str_free(&answer.text);
    str_free(&answer.warning);
    return 0;
}

static const struct example examples[] = {
    {"toll verify './parse-old big.csv' --vs './parse-new big.csv'", "two commands"},
    {"toll verify --env WORKERS=1,8 --recording before.toll -- ./pipeline",
     "a setting, beside what the recording's first finding promises"},
    {"toll verify --revisions main..HEAD --build make -- ./pipeline", "two revisions, built side by side"},
    {"toll verify --revisions HEAD~1..HEAD --recording before.toll toll.yaml",
     "the last commit, by the pipeline's own command"},
    {"toll verify --yes --metric wall --metric memory --json 'A' --vs 'B'",
     "in a script; memory must hold too"},
};

const struct verb verify_verb = {
    .name = "verify",
    .summary = "before and after of a change: did it do what it should",
    .usage = "'BEFORE' --vs 'AFTER' | --env NAME=OLD,NEW -- COMMAND… | --revisions A..B [--build COMMAND] -- "
             "COMMAND… | … toll.yaml",
    .description =
        "Tells what differs, what it should gain, what could go wrong and how to take it back; asks; then "
        "runs before and after in turn as toll bench does and says: better, the same, a regression, or "
        "inconclusive.\n\n"
        "With a recording of before (toll run) its finding's prediction stands beside the outcome; both go "
        "into the history, where toll calibration holds all predictions against what came of them.\n\n"
        "In place of a command a pipeline file can stand: what it runs, with its variables and with today's "
        "values of its knobs.\n\n"
        "Revisions are checked out with git worktree into temporary folders, built there, and removed "
        "afterwards whatever happens. The folder that toll is started in is not touched; the command and "
        "the build run in the folder of the same place in each checkout.\n\n"
        "Ends with 0 when it is better or the same, 1 for a regression, 5 when there is no verdict, 130 when "
        "interrupted or not wanted.",
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
