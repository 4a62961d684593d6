/* SPDX-License-Identifier: Apache-2.0 */
/* toll gate: a project held to its budgets. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "ops/gate_checks.h"
#include "verbs/verbs.h"

#define EXIT_INTERRUPTED 130

struct options {
    const char *config, *baseline, *junit, *sarif, *markdown, *output, *store, *build;
    uint64_t time_ns, runs, seed;
    bool init, github, no_github, no_build, no_confirm, no_store, show_output, json, quiet;
};

static const struct option_row rows[] = {
    {.name = "config",
     .letter = 'f',
     .type = OPTION_TEXT,
     .argument = "FILE",
     .help = "the file of budgets (toll.yaml)",
     .offset = offsetof(struct options, config)},
    {.name = "baseline",
     .letter = 'b',
     .type = OPTION_TEXT,
     .argument = "REVISION",
     .help = "compare with this revision, or with 'history', whatever the file says",
     .offset = offsetof(struct options, baseline)},
    {.name = "time",
     .type = OPTION_DURATION,
     .argument = "TIME",
     .help = "measure each gate for at most so long (10s, or what the file says)",
     .offset = offsetof(struct options, time_ns)},
    {.name = "runs",
     .letter = 'r',
     .type = OPTION_COUNT,
     .argument = "N",
     .help = "exactly so many rounds",
     .offset = offsetof(struct options, runs)},
    {.name = "junit",
     .type = OPTION_TEXT,
     .argument = "FILE",
     .help = "write JUnit XML there",
     .offset = offsetof(struct options, junit)},
    {.name = "sarif",
     .type = OPTION_TEXT,
     .argument = "FILE",
     .help = "write SARIF 2.1.0 there",
     .offset = offsetof(struct options, sarif)},
    {.name = "markdown",
     .type = OPTION_TEXT,
     .argument = "FILE",
     .help = "write a comment for a change request there",
     .offset = offsetof(struct options, markdown)},
    {.name = "github",
     .type = OPTION_FLAG,
     .help = "annotations and a step summary, as by itself where GITHUB_ACTIONS is set",
     .offset = offsetof(struct options, github)},
    {.name = "no-github",
     .type = OPTION_FLAG,
     .help = "not even where GITHUB_ACTIONS is set",
     .offset = offsetof(struct options, no_github)},
    {.name = "json",
     .type = OPTION_FLAG,
     .help = "the result as JSON (toll.gate/1)",
     .offset = offsetof(struct options, json)},
    {.name = "output",
     .letter = 'o',
     .type = OPTION_TEXT,
     .argument = "FILE",
     .help = "write there instead of to stdout",
     .offset = offsetof(struct options, output)},
    {.name = "no-build",
     .type = OPTION_FLAG,
     .help = "measure what is there; the baseline is built all the same",
     .offset = offsetof(struct options, no_build)},
    {.name = "no-confirm",
     .type = OPTION_FLAG,
     .help = "do not measure once more what failed",
     .offset = offsetof(struct options, no_confirm)},
    {.name = "store",
     .type = OPTION_TEXT,
     .argument = "FILE",
     .help = "the history (~/.local/share/toll/history.db)",
     .offset = offsetof(struct options, store)},
    {.name = "no-store",
     .type = OPTION_FLAG,
     .help = "add nothing to the history",
     .offset = offsetof(struct options, no_store)},
    {.name = "seed",
     .type = OPTION_COUNT,
     .argument = "N",
     .help = "of the order of runs",
     .offset = offsetof(struct options, seed)},
    {.name = "show-output",
     .type = OPTION_FLAG,
     .help = "let builds and commands print",
     .offset = offsetof(struct options, show_output)},
    {.name = "init",
     .type = OPTION_FLAG,
     .help = "measure the command behind -- and write a first file of budgets for it",
     .offset = offsetof(struct options, init)},
    {.name = "build",
     .type = OPTION_TEXT,
     .argument = "COMMAND",
     .help = "with --init: what builds the project (make, where there is a Makefile)",
     .offset = offsetof(struct options, build)},
    {.name = "quiet",
     .letter = 'q',
     .type = OPTION_FLAG,
     .help = "no progress",
     .offset = offsetof(struct options, quiet)},
};

struct shown {
    char stage[128];
    bool is_terminal;
};

static void show_stage(void *context, const char *what)
{
    struct shown *shown = context;
    snprintf(shown->stage, sizeof shown->stage, "%s", what);
    if (shown->is_terminal)
        fprintf(stderr, "\r\x1b[K%s", shown->stage);
    else
        fprintf(stderr, "toll: %s\n", shown->stage);
    fflush(stderr);
}

/* One line on a terminal, written over each time. */
static void show_progress(void *context, const struct bench_progress *progress)
{
    const struct shown *shown = context;
    if (!shown->is_terminal)
        return;
    fprintf(stderr, "\r\x1b[K%s: %zu of about %zu rounds", shown->stage, progress->round,
            progress->round_count);
    if (progress->ratio > 0 && isfinite(progress->half_ratio))
        fprintf(stderr, ", %.3fx of the baseline, within %.1f %%", progress->ratio,
                100 * progress->half_ratio);
    if (progress->left_s > 0)
        fprintf(stderr, ", %.0f s left", ceil(progress->left_s));
    fflush(stderr);
}

static bool is_github(const struct options *options)
{
    const char *said = getenv("GITHUB_ACTIONS");
    return !options->no_github && (options->github || (said && strcmp(said, "true") == 0));
}

static int init(struct verb_context *context, struct err *err)
{
    const struct options *options = context->options;
    struct gate_init_request request = {.config = options->config,
                                        .command = context->command,
                                        .baseline = options->baseline,
                                        .build = options->build};
    struct str text = {0};
    if (!context->command_count) {
        err_set(err, ERR_USAGE, "could not write a file of budgets: the command is missing");
        err_hint(err, "usage: toll gate --init -- COMMAND…");
        return -ERR_USAGE;
    }
    int status = ops_gate_init(&request, &text, err);
    if (!status)
        fputs(str_text(&text), context->out);
    str_free(&text);
    return status;
}

/* Where annotations are shown, the error is one too. */
static void tell_error(const struct gate_request *request, const struct err *err, FILE *out)
{
    struct str text = {0};
    if (!request->github)
        return;
    gate_annotate_error(err->what, &text);
    fputs(str_text(&text), request->json ? stderr : out);
    str_free(&text);
}

static int run(struct verb_context *context, struct err *err)
{
    const struct options *options = context->options;
    struct shown shown = {.is_terminal = isatty(STDERR_FILENO)};
    struct gate_answer answer = {0};
    if (options->init)
        return init(context, err);
    if (context->command_count)
        return err_set(err, ERR_USAGE,
                       "could not take a command: it is in the file of budgets (--init writes one)");
    struct gate_request request = {.config = options->config,
                                   .names = context->operands,
                                   .name_count = context->operand_count,
                                   .baseline = options->baseline,
                                   .time_s = (double)options->time_ns / (double)NS_PER_S,
                                   .runs = options->runs,
                                   .seed = options->seed,
                                   .no_build = options->no_build,
                                   .no_confirm = options->no_confirm,
                                   .show_output = options->show_output,
                                   .json = options->json,
                                   .junit = options->junit,
                                   .sarif = options->sarif,
                                   .markdown = options->markdown,
                                   .output = options->output,
                                   .github = is_github(options),
                                   .store = options->store,
                                   .no_store = options->no_store,
                                   .version = TOLL_VERSION,
                                   .look = {.width = context->width,
                                            .colour = context->colour && !options->output,
                                            .ascii = context->ascii},
                                   .stage = options->quiet ? NULL : show_stage,
                                   .progress = options->quiet ? NULL : show_progress,
                                   .context = &shown};
    int status = ops_gate(&request, &answer, err);
    if (shown.is_terminal && !options->quiet)
        fprintf(stderr, "\r\x1b[K");
    if (status) {
        tell_error(&request, err, context->out);
        return status;
    }
    if (answer.is_interrupted) {
        fputs("toll: interrupted, nothing was judged\n", stderr);
        context->exit_status = EXIT_INTERRUPTED;
    } else {
        fputs(str_text(&answer.text), context->out);
        fputs(str_text(&answer.annotations), options->json && !options->output ? stderr : context->out);
        context->exit_status = gate_exit_status(answer.verdict);
    }
    fputs(str_text(&answer.warnings), stderr);
    gate_answer_free(&answer);
    return 0;
}

static const struct example examples[] = {
    {"toll gate --init -- ./parse big.csv", "a first toll.yaml, from what the command takes now"},
    {"toll gate", "every budget of toll.yaml"},
    {"toll gate parse --baseline HEAD~1", "one gate, against the commit before"},
    {"toll gate --junit gate.xml --sarif gate.sarif", "for a CI service to read"},
};

const struct verb gate_verb = {
    .name = "gate",
    .summary = "hold a project to its budgets: pass, fail, or not to be told here",
    .usage = "[--config FILE] [NAME…] | --init -- COMMAND…",
    .description =
        "Reads budgets from toll.yaml: time, CPU, memory, p99, rows per second, size of files, tokens, cost; "
        "each "
        "absolute, "
        "or relative to a revision, which is built in a clean copy, to another command, or to the history. "
        "Measures "
        "the command "
        "and its baseline in turn, judges all budgets together (Holm), and measures once more what failed, "
        "in "
        "fresh processes: "
        "a failure has to recur.\n\n"
        "The exit status is the verdict: 0 all budgets are kept, 1 one is not, 5 neither can be said, 6 the "
        "machine was too busy "
        "with other things to say it. Every result goes into the history.",
    .options = rows,
    .option_count = sizeof rows / sizeof rows[0],
    .options_size = sizeof(struct options),
    .operand_max = VERB_OPERANDS_MAX,
    .takes_command = true,
    .command_optional = true,
    .examples = examples,
    .example_count = sizeof examples / sizeof examples[0],
    .run = run,
};
