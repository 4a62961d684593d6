/* SPDX-License-Identifier: Apache-2.0 */
/* toll report: a recording's verdict in some format. */
#include <errno.h>
#include <string.h>

#include "base/fs.h"
#include "decide/master_files.h"
#include "ops/report_file.h"
#include "option/output_format.h"
#include "verbs/verbs.h"

struct options {
    const char *format;
    const char *output;
    const char *objective;
};

#define FORMATS "text json markdown html folded flamegraph"

static const struct option_row rows[] = {
    {.name = "format",
     .letter = 'f',
     .type = OPTION_TEXT,
     .argument = "FORMAT",
     .choices = FORMATS,
     .help = "what to write; else as the output's name ends (.html, .json, .md, .svg)",
     .offset = offsetof(struct options, format)},
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

static int run(struct verb_context *context, struct err *err)
{
    const struct options *options = context->options;
    const struct output_choice choice = {
        .format = options->format, .output = options->output, .formats = FORMATS};
    struct report_request request = {.path = context->operands[0],
                                     .format = output_format(&choice),
                                     .objective = options->objective,
                                     .width = context->width,
                                     .colour = context->colour && !options->output,
                                     .ascii = context->ascii && !options->output};
    struct str text = {0};
    int status = master_files_exist(request.path)
                     ? master_files_read(request.path, request.format, &text, err)
                     : ops_report(&request, &text, err);
    if (!status && options->output)
        status = fs_replace(options->output, str_text(&text), text.length, 0644, err);
    else if (!status)
        fwrite(str_text(&text), 1, text.length, context->out);
    str_free(&text);
    return status;
}

static const struct example examples[] = {
    {"toll report a.toll", "the verdict, for a person"},
    {"toll report a.toll --format html -o a.html", "one page with the timeline and the flame graph"},
    {"toll report a.toll --format json | jq .findings[0]", "for a program"},
};

const struct verb report_verb = {
    .name = "report",
    .summary = "what a recording says, as text, JSON, Markdown, a page or a flame graph",
    .usage = "FILE|DIR [--format FORMAT] [--objective WHAT] [-o OUT]",
    .description = "Judges a recording and writes the verdict. Of the folder that `toll investigate` wrote, "
                   "its report again.",
    .options = rows,
    .option_count = sizeof rows / sizeof rows[0],
    .options_size = sizeof(struct options),
    .operand_min = 1,
    .operand_max = 1,
    .examples = examples,
    .example_count = sizeof examples / sizeof examples[0],
    .run = run,
};
