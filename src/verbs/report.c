/* SPDX-License-Identifier: Apache-2.0 */
/* toll report: a recording's verdict in some format, or the recording itself in that of another tool. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "decide/master_files.h"
#include "model/stack_kind.h"
#include "ops/compare_files.h"
#include "ops/report_file.h"
#include "ops/report_foreign.h"
#include "option/output_format.h"
#include "verbs/verbs.h"

struct options {
    const char *format;
    const char *output;
    const char *objective;
    const char *kind;
    const char *against;
};

#define FORMATS "text json markdown html folded flamegraph speedscope firefox pprof trace-event perfetto"

static const struct option_row rows[] = {
    {.name = "format",
     .letter = 'f',
     .type = OPTION_TEXT,
     .argument = "FORMAT",
     .choices = FORMATS,
     .help = "what to write; else as the output's name ends (.html, .json, .md, .svg)",
     .offset = offsetof(struct options, format)},
    {.name = "kind",
     .type = OPTION_TEXT,
     .argument = "KIND",
     .choices = STACK_KINDS,
     .help = "of stacks: time on a CPU, time waited (each ends in what it waited for), or both; of a "
             "recording with --heap: bytes allocated, at the peak, never freed, or how many temporary "
             "allocations",
     .offset = offsetof(struct options, kind)},
    {.name = "against",
     .type = OPTION_TEXT,
     .argument = "BEFORE",
     .help = "the recording before: each stack with both times (folded), or what changed (flamegraph)",
     .offset = offsetof(struct options, against)},
    {.name = "objective",
     .type = OPTION_TEXT,
     .argument = "WHAT",
     .choices = "wall throughput latency",
     .help = "what the verdict is about: an end, or a service; as recorded when left out",
     .offset = offsetof(struct options, objective)},
    {.name = "output",
     .letter = 'o',
     .type = OPTION_TEXT,
     .argument = "FILE",
     .help = "write there instead of to stdout",
     .offset = offsetof(struct options, output)},
};

static int write_to_stdout(void *context, const char *bytes, size_t length, struct err *err)
{
    FILE *out = context;
    errno = 0;
    if (fwrite(bytes, 1, length, out) != length)
        return err_errno(err, errno ? errno : EIO, "could not write the result to stdout");
    return 0;
}

static int write_to_file(void *context, const char *bytes, size_t length, struct err *err)
{
    const struct fs_replacement *file = context;
    return fs_write_all(file->fd, bytes, length, err);
}

/* A file appears when it is whole. */
static int write_foreign_file(struct report_foreign_request *request, const char *output, struct err *err)
{
    struct fs_replacement file;
    int status = fs_replacement_open(output, 0644, &file, err);
    if (status)
        return status;
    request->write = write_to_file;
    request->context = &file;
    status = ops_report_foreign(request, err);
    if (!status)
        return fs_replacement_commit(&file, err);
    fs_replacement_abandon(&file);
    return status;
}

static int run_foreign(struct verb_context *context, const char *format, struct err *err)
{
    const struct options *options = context->options;
    struct report_foreign_request request = {.path = context->operands[0],
                                             .against = options->against,
                                             .format = format,
                                             .kind = options->kind,
                                             .write = write_to_stdout,
                                             .context = context->out};
    if (options->output)
        return write_foreign_file(&request, options->output, err);
    if (ops_is_binary(format) && isatty(fileno(context->out))) {
        err_set(err, ERR_USAGE, "could not write %s to a terminal: it is no text", format);
        err_hint(err, "name a file: -o FILE");
        return -(int)ERR_USAGE;
    }
    return ops_report_foreign(&request, err);
}

static int put_text(const struct verb_context *context, const struct str *text, struct err *err)
{
    const struct options *options = context->options;
    if (options->output)
        return fs_replace(options->output, str_text(text), text->length, 0644, err);
    fwrite(str_text(text), 1, text->length, context->out);
    return 0;
}

static int run_verdict(struct verb_context *context, const char *format, struct err *err)
{
    const struct options *options = context->options;
    struct report_request request = {.path = context->operands[0],
                                     .format = format,
                                     .objective = options->objective,
                                     .kind = options->kind,
                                     .width = context->width,
                                     .colour = context->colour && !options->output,
                                     .ascii = context->ascii && !options->output};
    struct str text = {0};
    int status = master_files_exist(request.path)
                     ? master_files_read(request.path, request.format, &text, err)
                     : ops_report(&request, &text, err);
    if (!status)
        status = put_text(context, &text, err);
    str_free(&text);
    return status;
}

/* `--kind`, once it is known to be a kind. */
static enum stack_kind kind_of(const struct options *options)
{
    struct err ignored;
    enum stack_kind kind;
    return stack_kind_find(options->kind, &kind, &ignored) ? STACKS_CPU : kind;
}

static int run_heap_change(const struct verb_context *context, struct err *err)
{
    const struct options *options = context->options;
    const struct report_request request = {
        .path = context->operands[0], .kind = options->kind, .against = options->against};
    struct str text = {0};
    int status = ops_report_heap_change(&request, &text, err);
    if (!status)
        status = put_text(context, &text, err);
    str_free(&text);
    return status;
}

/* Of CPU time what `toll compare` draws. */
static int run_difference(struct verb_context *context, struct err *err)
{
    const struct options *options = context->options;
    if (stack_kind_is_heap(kind_of(options)))
        return run_heap_change(context, err);
    char *before[] = {(char *)(uintptr_t)options->against};
    const struct compare_request request = {.a = before,
                                            .a_count = 1,
                                            .b = context->operands,
                                            .b_count = 1,
                                            .output_format = "flamegraph",
                                            .options = {.threshold_ratio = -1, .noise_ratio = -1}};
    struct compare_outcome outcome = {0};
    int status = ops_compare(&request, &outcome, err);
    if (!status)
        status = put_text(context, &outcome.text, err);
    str_free(&outcome.text);
    return status;
}

/* A flame graph is of one kind of stacks, a difference of time on a CPU or of allocations. */
static int check_choice(const struct verb_context *context, const char *format, struct err *err)
{
    const struct options *options = context->options;
    bool is_flame = strcmp(format, "flamegraph") == 0 && !master_files_exist(context->operands[0]);
    if (strcmp(format, "html") == 0 && options->kind) {
        err_set(err, ERR_USAGE, "could not write html: it takes no option '--kind'");
        err_hint(err, "the page has all kinds that were recorded");
        return -(int)ERR_USAGE;
    }
    if (!is_flame && (options->kind || options->against)) {
        err_set(err, ERR_USAGE, "could not write %s: it takes no option '--%s'", format,
                options->kind ? "kind" : "against");
        err_hint(err, options->kind ? "it goes with --format flamegraph, and with those of other tools"
                                    : "it goes with --format folded or flamegraph");
        return -(int)ERR_USAGE;
    }
    enum stack_kind kind = kind_of(options);
    bool is_bad = kind == STACKS_ALL || (options->against && kind == STACKS_OFF_CPU);
    if (!is_bad)
        return 0;
    err_set(err, ERR_USAGE, "could not draw a flame graph of kind '%s': %s", options->kind,
            kind == STACKS_ALL ? "it is of one kind alone"
                               : "a difference is of time on a CPU or of allocations");
    err_hint(err, kind == STACKS_ALL
                      ? "--format html has all of them; --kind all goes with --format folded"
                      : "--format folded --kind off-cpu --against BEFORE has both times by stack");
    return -(int)ERR_USAGE;
}

static int run(struct verb_context *context, struct err *err)
{
    const struct options *options = context->options;
    const struct output_choice choice = {
        .format = options->format, .output = options->output, .formats = FORMATS};
    const char *format = output_format(&choice);
    int status;
    if (ops_is_foreign(format) && !master_files_exist(context->operands[0]))
        return run_foreign(context, format, err);
    status = check_choice(context, format, err);
    if (status)
        return status;
    if (options->against)
        return run_difference(context, err);
    return run_verdict(context, format, err);
}

static const struct example examples[] = {
    {"toll report a.toll", "the verdict, for a person"},
    {"toll report a.toll --format html -o a.html", "one page with the timeline and the flame graph"},
    {"toll report a.toll --format json | jq .findings[0]", "for a program"},
    {"toll report a.toll --format folded --kind off-cpu", "where it waited, by stack, and for what"},
    {"toll report a.toll --format folded --kind peak", "what was allocated at the peak, by stack, in bytes"},
    {"toll report b.toll --against a.toll --format folded", "each stack's time in both"},
    {"toll report a.toll --kind off-cpu -o waits.svg", "a flame graph of the time waited"},
    {"toll report a.toll --kind peak -o peak.svg", "a flame graph of what was allocated at the peak"},
    {"toll report b.toll --against a.toll --kind leak -o more.svg", "what more, or less, was never freed"},
    {"toll report b.toll --against a.toll -o difference.svg",
     "a flame graph of both, coloured by what changed"},
    {"toll report a.toll -o a.speedscope.json", "for the viewer of that name"},
    {"toll report a.toll -o a.pb.gz && go tool pprof -http : a.pb.gz", "CPU time and time waited in pprof"},
};

const struct verb report_verb = {
    .name = "report",
    .summary = "what a recording says, as text, JSON, Markdown, a page or a flame graph",
    .usage = "FILE|DIR [--format FORMAT] [--kind KIND] [--against BEFORE] [--objective WHAT] [-o OUT]",
    .description = "Judges a recording and writes the verdict. Of the folder that `toll investigate` wrote, "
                   "its report again.\n\n"
                   "Formats of other tools hold the recording itself, for their viewers.",
    .options = rows,
    .option_count = sizeof rows / sizeof rows[0],
    .options_size = sizeof(struct options),
    .operand_min = 1,
    .operand_max = 1,
    .examples = examples,
    .example_count = sizeof examples / sizeof examples[0],
    .run = run,
};
