/* SPDX-License-Identifier: Apache-2.0 */
/* toll bench: commands measured side by side. */
#include <limits.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "option/output_format.h"
#include "verbs/measuring.h"
#include "verbs/verbs.h"

#define EXIT_INTERRUPTED 130
#define COMMANDS_MAX     (VERB_OPERANDS_MAX + OPTION_LIST_MAX + 1)

struct options {
    struct measured_options measured;
    const char *store, *format, *output;
    struct option_list versus, names, parameters, exports, tags;
    uint64_t cpu;
    bool pin, record, json, quiet, no_store;
};

static const struct options defaults = {.measured = MEASURED_DEFAULTS, .cpu = UINT64_MAX};

#define FORMATS "text json html hyperfine-json csv markdown asciidoc orgmode"

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
    ROWS_ROUNDS(struct options, "5s"),
    ROW_TIMEOUT(struct options, "the measurement with it (never)"),
    ROWS_JUDGED(struct options, measured.),
    ROW_WARMUP(struct options),
    ROW_PREPARES(struct options),
    ROWS_RUN(struct options),
    ROWS_ARM(struct options),
    ROW_NO_CONTROL(struct options),
    {.name = "pin",
     .type = OPTION_FLAG,
     .help = "keep the commands on one CPU, the last of those allowed",
     .offset = offsetof(struct options, pin)},
    {.name = "cpu",
     .type = OPTION_COUNT,
     .argument = "N",
     .help = "keep the commands on this CPU",
     .offset = offsetof(struct options, cpu)},
    {.name = "record",
     .type = OPTION_FLAG,
     .help = "one more run of each command, into a recording",
     .offset = offsetof(struct options, record)},
    ROWS_OUTPUT(struct options, FORMATS, "every run and comparison as JSON (toll.bench/1)"),
    {.name = "export",
     .type = OPTION_LIST,
     .argument = "FORMAT[=FILE]",
     .help = "one more format, into a file; many times",
     .offset = offsetof(struct options, exports)},
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
    if (context->command_count)
        commands[count++] = measured_command(context, &options->measured);
    for (size_t i = 0; i < context->operand_count; i++)
        commands[count++] = (struct bench_text){.line = context->operands[i]};
    for (size_t i = 0; i < options->versus.count; i++)
        commands[count++] = (struct bench_text){.line = options->versus.items[i]};
    return count;
}

/* Of the formats that are neither the text nor JSON the engine knows as an export without a file. */
static int exports_fill(const struct options *options, const char *format, struct option_list *ret_exports,
                        struct err *err)
{
    *ret_exports = options->exports;
    if (strcmp(format, "text") == 0 || strcmp(format, "json") == 0)
        return 0;
    if (ret_exports->count == OPTION_LIST_MAX)
        return err_set(err, ERR_USAGE, "could not take more than %d of '--export'", OPTION_LIST_MAX - 1);
    ret_exports->items[ret_exports->count++] = format;
    return 0;
}

static struct bench_request request_of(const struct verb_context *context)
{
    const struct options *options = context->options;
    struct bench_request request = {
        .options = {.names = options->names.items,
                    .name_count = options->names.count,
                    .parameters = options->parameters.items,
                    .parameter_count = options->parameters.count},
        .cache = options->measured.cache,
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
    measured_fill(&options->measured, &request.options);
    request.options.cpu = chosen_cpu(options);
    return request;
}

static int run(struct verb_context *context, struct err *err)
{
    const struct options *options = context->options;
    const struct output_choice choice = {
        .format = options->format, .output = options->output, .formats = FORMATS, .json = options->json};
    const char *format = output_format(&choice);
    struct bench_text commands[COMMANDS_MAX];
    size_t count = commands_fill(context, commands);
    bool shows_progress = !options->quiet && isatty(STDERR_FILENO);
    struct bench_request request = request_of(context);
    struct bench_outcome outcome = {0};
    struct option_list exports;
    if (!count) {
        err_set(err, ERR_USAGE, "could not run 'toll bench': the command is missing");
        err_hint(err, "usage: toll bench -- COMMAND…, or toll bench 'COMMAND' --vs 'COMMAND'");
        return -ERR_USAGE;
    }
    int status = exports_fill(options, format, &exports, err);
    if (status)
        return status;
    request.options.commands = commands;
    request.options.command_count = count;
    request.options.progress = shows_progress ? progress : NULL;
    request.json = strcmp(format, "json") == 0;
    request.exports = exports.items;
    request.export_count = exports.count;
    status = ops_bench(&request, &outcome, err);
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
    {"toll bench 'A' --vs 'B' --format html -o bench.html", "a page with every run"},
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
