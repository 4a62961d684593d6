/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/help.h"

#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "cmd/verb_table.h"

#define OPTION_COLUMN_MAX 30

/* Breaks text at blanks; the first line starts at `column`, the others are indented to it. */
static void print_wrapped(FILE *out, const char *text, size_t column, size_t width)
{
    size_t at = column;

    while (*text) {
        size_t word = strcspn(text, " \n");
        if (at > column && at + 1 + word > width) {
            fprintf(out, "\n%*s", (int)column, "");
            at = column;
        } else if (at > column) {
            fputc(' ', out);
            at++;
        }
        fprintf(out, "%.*s", (int)word, text);
        at += word;
        text += word;
        if (str_starts(text, "\n\n")) {
            fprintf(out, "\n\n%*s", (int)column, "");
            at = column;
        }
        text += strspn(text, " \n");
    }
    fputc('\n', out);
}

/* "-o, --output FILE" */
static void format_option(const struct option_row *row, struct str *ret_text)
{
    if (row->letter)
        str_printf(ret_text, "-%c, ", row->letter);
    else
        str_append(ret_text, "    ");
    str_printf(ret_text, "--%s", row->name);
    if (row->argument)
        str_printf(ret_text, " %s", row->argument);
}

static size_t option_column(const struct verb *verb)
{
    size_t column = strlen("-h, --help");

    for (size_t i = 0; i < verb->option_count; i++) {
        struct str text = {0};
        format_option(&verb->options[i], &text);
        if (text.length <= OPTION_COLUMN_MAX)
            column = num_max(column, text.length);
        str_free(&text);
    }
    return column + 4;
}

static void print_option(const struct option_row *row, size_t column, unsigned width, FILE *out)
{
    struct str left = {0}, right = {0};

    format_option(row, &left);
    str_append(&right, row->help);
    if (row->choices)
        str_printf(&right, " (%s)", row->choices);
    if (left.length + 4 > column)
        fprintf(out, "  %s\n%*s", str_text(&left), (int)column, "");
    else
        fprintf(out, "  %-*s", (int)column - 2, str_text(&left));
    print_wrapped(out, str_text(&right), column, width);
    str_free(&left);
    str_free(&right);
}

static const struct option_row help_row = {.name = "help", .letter = 'h', .help = "show this"};

void help_print_verb(const struct verb *verb, unsigned width, FILE *out)
{
    fprintf(out, "toll %s: %s\n\nUsage: toll %s%s%s\n", verb->name, verb->summary, verb->name,
            *verb->usage ? " " : "", verb->usage);
    if (verb->description) {
        fputc('\n', out);
        print_wrapped(out, verb->description, 0, width);
    }
    size_t column = option_column(verb);
    fprintf(out, "\nOptions:\n");
    for (size_t i = 0; i < verb->option_count; i++)
        print_option(&verb->options[i], column, width, out);
    print_option(&help_row, column, width, out);
    if (verb->example_count)
        fprintf(out, "\nExamples:\n");
    for (size_t i = 0; i < verb->example_count; i++)
        fprintf(out, "  %s\n      %s\n", verb->examples[i].command, verb->examples[i].what);
}

void help_print_overview(unsigned width, FILE *out)
{
    size_t column = 0;

    fprintf(out, "toll finds what a program is really waiting for, and what fixing it is worth.\n\n"
                 "Usage: toll VERB [ARGUMENTS]\n\n");
    for (size_t i = 0; i < verb_count; i++)
        if (!verbs[i]->is_hidden)
            column = num_max(column, strlen(verbs[i]->name));
    for (size_t i = 0; i < verb_count; i++) {
        if (verbs[i]->is_hidden)
            continue;
        fprintf(out, "  %-*s  ", (int)column, verbs[i]->name);
        print_wrapped(out, verbs[i]->summary, column + 4, width);
    }
    fprintf(out, "\nStart with: toll run -- COMMAND\n'toll help VERB' tells more about one of them.\n");
}

struct help_options {
    bool man;
    bool bash;
};

static int run_help(struct verb_context *context, struct err *err)
{
    const struct help_options *options = context->options;

    if (options->man) {
        manual_print_roff(context->out);
    } else if (options->bash) {
        manual_print_bash(context->out);
    } else if (context->operand_count == 0) {
        help_print_overview(context->width, context->out);
    } else {
        const struct verb *verb = verb_find(context->operands[0]);
        if (!verb) {
            err_set(err, ERR_USAGE, "could not find help on '%s': toll has no such verb",
                    context->operands[0]);
            const struct verb *nearest = verb_nearest(context->operands[0]);
            if (nearest)
                err_hint(err, "did you mean 'toll help %s'? 'toll help' lists the verbs", nearest->name);
            else
                err_hint(err, "'toll help' lists the verbs");
            return -(int)ERR_USAGE;
        }
        help_print_verb(verb, context->width, context->out);
    }
    return 0;
}

static const struct option_row help_rows[] = {
    {.name = "man",
     .type = OPTION_FLAG,
     .help = "print the manual page toll.1 (roff)",
     .offset = offsetof(struct help_options, man)},
    {.name = "bash",
     .type = OPTION_FLAG,
     .help = "print the completion script for bash",
     .offset = offsetof(struct help_options, bash)},
};

static const struct example help_examples[] = {
    {"toll help run", "how to record a command"},
    {"source <(toll help --bash)", "complete verbs, options and recordings with the tab key"},
};

const struct verb help_verb = {
    .name = "help",
    .summary = "tell what toll can do, or more about one verb",
    .usage = "[VERB]",
    .options = help_rows,
    .option_count = sizeof help_rows / sizeof help_rows[0],
    .options_size = sizeof(struct help_options),
    .operand_max = 1,
    .examples = help_examples,
    .example_count = sizeof help_examples / sizeof help_examples[0],
    .run = run_help,
};

static int run_version(struct verb_context *context, struct err *err)
{
    (void)err;
    fprintf(context->out, "toll %s\n", TOLL_VERSION);
    return 0;
}

const struct verb version_verb = {
    .name = "version",
    .summary = "tell which toll this is",
    .usage = "",
    .run = run_version,
};
