/* SPDX-License-Identifier: Apache-2.0 */
/* toll bench: commands measured side by side. */
#include <limits.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "ops/bench_commands.h"
#include "option/shared_rows.h"
#include "verbs/verbs.h"

#define EXIT_INTERRUPTED 130
#define COMMANDS_MAX     (VERB_OPERANDS_MAX + OPTION_LIST_MAX + 1)

struct options {
    const char *store, *cache;
    struct option_list versus, names, parameters, exports, prepares, cache_files, tags;
    const char *cleanup, *setup, *conclude, *input, *output;
    uint64_t warmup, runs, runs_min, runs_max, seed, cpu;
    uint64_t time_ns;
    double precision, confidence, threshold;
    bool shell, ignore_failure, show_output, pin, no_jitter, no_control, record, json, quiet, no_store;
};

static const struct options defaults = {.warmup = 1, .threshold = -1, .cpu = UINT64_MAX};

static const struct option_row rows[] = {
    {.name = "vs",
     .type = OPTION_LIST,
     .argument = "COMMAND",
     .help = "a command to compare with the first; many times",
     .offset = offsetof(struct options, versus)},
    {.name = "parameter",
     .letter = 'L',
     .type = OPTION_LIST,
     .argument = "NAME=A,B,C",
     .help = "measure each value of {NAME} in the commands; 1..10 and 0..100..25 are ranges",
     .offset = offsetof(struct options, parameters)},
    {.name = "name",
     .letter = 'n',
     .type = OPTION_LIST,
     .argument = "NAME",
     .help = "what to call a command, in their order (A, B, C)",
     .offset = offsetof(struct options, names)},
    {.name = "runs",
     .letter = 'r',
     .type = OPTION_COUNT,
     .argument = "N",
     .help = "exactly so many rounds, each of which runs every command once",
     .offset = offsetof(struct options, runs)},
    {.name = "min-runs",
     .letter = 'm',
     .type = OPTION_COUNT,
     .argument = "N",
     .help = "rounds before precision may stop it (10)",
     .offset = offsetof(struct options, runs_min)},
    {.name = "max-runs",
     .letter = 'M',
     .type = OPTION_COUNT,
     .argument = "N",
     .help = "rounds at most (1000)",
     .offset = offsetof(struct options, runs_max)},
    {.name = "time",
     .type = OPTION_DURATION,
     .argument = "TIME",
     .help = "stop after so long (5s), but not before six rounds",
     .offset = offsetof(struct options, time_ns)},
    {.name = "precision",
     .type = OPTION_NUMBER,
     .argument = "RATIO",
     .help = "stop when half the interval is as narrow (0.005)",
     .offset = offsetof(struct options, precision)},
    ROWS_JUDGED(struct options),
    {.name = "warmup",
     .letter = 'w',
     .type = OPTION_COUNT,
     .argument = "N",
     .help = "rounds before those that count (1)",
     .offset = offsetof(struct options, warmup)},
    {.name = "prepare",
     .letter = 'p',
     .type = OPTION_LIST,
     .argument = "COMMAND",
     .help = "run before each run, not timed; once for all commands, or once for each in their order",
     .offset = offsetof(struct options, prepares)},
    {.name = "cleanup",
     .letter = 'c',
     .type = OPTION_TEXT,
     .argument = "COMMAND",
     .help = "run after each run, not timed",
     .offset = offsetof(struct options, cleanup)},
    {.name = "setup",
     .letter = 's',
     .type = OPTION_TEXT,
     .argument = "COMMAND",
     .help = "run once for each command, before its first run",
     .offset = offsetof(struct options, setup)},
    {.name = "conclude",
     .type = OPTION_TEXT,
     .argument = "COMMAND",
     .help = "run once for each command, after its last run",
     .offset = offsetof(struct options, conclude)},
    {.name = "cache",
     .type = OPTION_TEXT,
     .argument = "STATE",
     .choices = "as-is warmed dropped",
     .help = "the page cache before each run (as-is); dropped takes root, or --cache-file",
     .offset = offsetof(struct options, cache)},
    {.name = "cache-file",
     .type = OPTION_LIST,
     .argument = "FILE",
     .help = "a file or folder that --cache is about, instead of everything",
     .offset = offsetof(struct options, cache_files)},
    {.name = "input",
     .type = OPTION_TEXT,
     .argument = "FILE",
     .help = "the commands' stdin (/dev/null)",
     .offset = offsetof(struct options, input)},
    {.name = "shell",
     .letter = 'S',
     .type = OPTION_FLAG,
     .help = "let /bin/sh run the commands; its own start is measured with them",
     .offset = offsetof(struct options, shell)},
    {.name = "ignore-failure",
     .letter = 'i',
     .type = OPTION_FLAG,
     .help = "an exit status other than 0 is no reason to stop",
     .offset = offsetof(struct options, ignore_failure)},
    {.name = "show-output",
     .type = OPTION_FLAG,
     .help = "let the commands print; else what they print is thrown away",
     .offset = offsetof(struct options, show_output)},
    {.name = "pin",
     .type = OPTION_FLAG,
     .help = "keep the commands on one CPU, the last of those allowed",
     .offset = offsetof(struct options, pin)},
    {.name = "cpu",
     .type = OPTION_COUNT,
     .argument = "N",
     .help = "keep the commands on this CPU",
     .offset = offsetof(struct options, cpu)},
    {.name = "no-jitter",
     .type = OPTION_FLAG,
     .help = "the same environment size and addresses in each run",
     .offset = offsetof(struct options, no_jitter)},
    {.name = "no-control",
     .type = OPTION_FLAG,
     .help = "do not run the first command against itself",
     .offset = offsetof(struct options, no_control)},
    {.name = "seed",
     .type = OPTION_COUNT,
     .argument = "N",
     .help = "of the order and the environment sizes; the same gives the same",
     .offset = offsetof(struct options, seed)},
    {.name = "record",
     .type = OPTION_FLAG,
     .help = "one more run of each command, into a recording",
     .offset = offsetof(struct options, record)},
    {.name = "json",
     .type = OPTION_FLAG,
     .help = "every run and comparison as JSON (toll.bench/1)",
     .offset = offsetof(struct options, json)},
    {.name = "export",
     .type = OPTION_LIST,
     .argument = "FORMAT[=FILE]",
     .help = "hyperfine-json, csv, markdown, asciidoc, orgmode or html; without a file instead of the table",
     .offset = offsetof(struct options, exports)},
    {.name = "output",
     .letter = 'o',
     .type = OPTION_TEXT,
     .argument = "FILE",
     .help = "write there instead of to stdout",
     .offset = offsetof(struct options, output)},
    {.name = "quiet",
     .letter = 'q',
     .type = OPTION_FLAG,
     .help = "no progress",
     .offset = offsetof(struct options, quiet)},
    ROWS_HISTORY(struct options),
};

/* One line on a terminal, written over each time. */
static void progress(void *context, const struct bench_progress *progress)
{
    (void)context;
    fprintf(stderr, "\r\x1b[K%zu of about %zu rounds", progress->round, progress->round_count);
    if (progress->ratio > 0 && isfinite(progress->half_ratio))
        fprintf(stderr, ", the second at %.3fx of the first, within %.1f %%", progress->ratio,
                100 * progress->half_ratio);
    fprintf(stderr, ", %.0f s left", ceil(progress->left_s));
    fflush(stderr);
}

/* The CPU to stay on, -1 for any. */
static int chosen_cpu(const struct options *options)
{
    cpu_set_t set;
    if (options->cpu != UINT64_MAX)
        return options->cpu < INT_MAX ? (int)options->cpu : INT_MAX;
    if (!options->pin || sched_getaffinity(0, sizeof set, &set))
        return -1;
    for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--)
        if (CPU_ISSET((size_t)cpu, &set))
            return cpu;
    return -1;
}

/* What stands behind `--` first, then operands, then --vs. */
static size_t commands_fill(const struct verb_context *context, struct bench_text *commands)
{
    const struct options *options = context->options;
    size_t count = 0;
    /* A shell takes one text as it is. */
    if (options->shell && context->command_count == 1)
        commands[count++] = (struct bench_text){.line = context->command[0]};
    else if (context->command_count)
        commands[count++] = (struct bench_text){.words = context->command};
    for (size_t i = 0; i < context->operand_count; i++)
        commands[count++] = (struct bench_text){.line = context->operands[i]};
    for (size_t i = 0; i < options->versus.count; i++)
        commands[count++] = (struct bench_text){.line = options->versus.items[i]};
    return count;
}

static int run(struct verb_context *context, struct err *err)
{
    const struct options *options = context->options;
    struct bench_text commands[COMMANDS_MAX];
    size_t count = commands_fill(context, commands);
    bool shows_progress = !options->quiet && isatty(STDERR_FILENO);
    struct bench_request request = {
        .options = {.commands = commands,
                    .command_count = count,
                    .names = options->names.items,
                    .name_count = options->names.count,
                    .parameters = options->parameters.items,
                    .parameter_count = options->parameters.count,
                    .use_shell = options->shell,
                    .prepares = options->prepares.items,
                    .prepare_count = options->prepares.count,
                    .cleanup = options->cleanup,
                    .setup = options->setup,
                    .conclude = options->conclude,
                    .input = options->input,
                    .cache_files = options->cache_files.items,
                    .cache_file_count = options->cache_files.count,
                    .warmup_count = options->warmup,
                    .round_count = options->runs,
                    .round_count_min = options->runs_min,
                    .round_count_max = options->runs_max,
                    .time_s = (double)options->time_ns / (double)NS_PER_S,
                    .precision_ratio = options->precision,
                    .confidence_ratio = options->confidence,
                    .threshold_ratio = options->threshold,
                    .seed = options->seed,
                    .ignore_failure = options->ignore_failure,
                    .show_output = options->show_output,
                    .no_jitter = options->no_jitter,
                    .no_control = options->no_control,
                    .cpu = chosen_cpu(options),
                    .progress = shows_progress ? progress : NULL},
        .cache = options->cache,
        .json = options->json,
        .exports = options->exports.items,
        .export_count = options->exports.count,
        .output = options->output,
        .record = options->record,
        .keep = {.is_on = !options->no_store,
                 .store = options->store,
                 .tags = options->tags.items,
                 .tag_count = options->tags.count},
        .look = {.width = context->width,
                 .colour = context->colour && !options->output,
                 .ascii = context->ascii},
    };
    struct bench_outcome outcome = {0};
    if (!count) {
        err_set(err, ERR_USAGE, "could not run 'toll bench': the command is missing");
        err_hint(err, "usage: toll bench -- COMMAND…, or toll bench 'COMMAND' --vs 'COMMAND'");
        return -ERR_USAGE;
    }
    int status = ops_bench(&request, &outcome, err);
    if (shows_progress)
        fprintf(stderr, "\r\x1b[K");
    if (status)
        return status;
    fputs(str_text(&outcome.text), context->out);
    str_free(&outcome.text);
    fputs(str_text(&outcome.warning), stderr);
    str_free(&outcome.warning);
    if (outcome.is_interrupted)
        context->exit_status = EXIT_INTERRUPTED;
    return 0;
}

static const struct example examples[] = {
    {"toll bench -- ./parse big.csv", "one command"},
    {"toll bench './parse-old big.csv' --vs './parse-new big.csv'", "whether the new one is faster"},
    {"toll bench --parameter n=1,2,4,8 'make -j{n}' --prepare 'make clean'",
     "one command with several values"},
    {"toll bench 'A' --vs 'B' --export hyperfine-json=bench.json", "also as hyperfine would write it"},
};

const struct verb bench_verb = {
    .name = "bench",
    .summary = "measure commands side by side and say which is faster",
    .usage = "[-- COMMAND… | 'COMMAND'] [--vs 'COMMAND']… [--json]",
    .description = "Runs the commands in turn, in blocks that cancel drift (A B, B A), with the first one "
                   "also against itself, until "
                   "the interval of their ratio is narrow enough. The verdict is how a command compares with "
                   "the first: faster, "
                   "slower, equivalent, or inconclusive, which is an answer too; with it comes the smallest "
                   "difference that could have been seen.\n\n"
                   "A command given as one text is split into words as a shell splits them (quotes, "
                   "backslashes), but no shell "
                   "runs it: start-up would be measured as well. What commands print is thrown away, their "
                   "stdin is empty. They "
                   "are started by a process of half a megabyte, so that their peak memory is their own. "
                   "Each run gets an environment "
                   "of another size (TOLL_BENCH_OFFSET) and other addresses, because either can make a "
                   "program seem faster.\n\n"
                   "Each command's medians go into the history (toll history; --no-store).\n\n"
                   "Ctrl-C ends the measurement and prints what there is.",
    .options = rows,
    .option_count = sizeof rows / sizeof rows[0],
    .defaults = &defaults,
    .options_size = sizeof(struct options),
    .operand_max = VERB_OPERANDS_MAX,
    .takes_command = true,
    .command_optional = true,
    .examples = examples,
    .example_count = sizeof examples / sizeof examples[0],
    .run = run,
};
