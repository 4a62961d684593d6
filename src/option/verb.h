/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verb: what toll can be told to do. One file in src/verbs and one row of cmd/verb_table.c each.
 *
 * A verb describes its command line as a table. The parser, `--help`, the man page and the shell completion
 * all come from that one table, so they cannot disagree:
 *
 *     struct report_options { const char *format; bool brief; };
 *     static const struct option_row rows[] = {
 *         {.name = "format", .letter = 'f', .type = OPTION_TEXT, .argument = "FORMAT", .help = "…",
 *          .offset = offsetof(struct report_options, format)},
 *         {.name = "brief", .letter = 'b', .type = OPTION_FLAG, .help = "…",
 *          .offset = offsetof(struct report_options, brief)},
 *     };
 *
 * The run function reads its options struct and its operands, calls one ops function and writes the result to
 * `context->out` (stdout, checked by main at exit) or talk to stderr. It prints no error: it returns it.
 */
#ifndef TOLL_OPTION_VERB_H
#define TOLL_OPTION_VERB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

#define OPTION_LIST_MAX 64

/* The type decides the type of the field at `offset`. */
enum option_type {
    OPTION_FLAG,     /* bool */
    OPTION_TEXT,     /* const char *, NULL unless given */
    OPTION_COUNT,    /* uint64_t, a whole number */
    OPTION_NUMBER,   /* double */
    OPTION_DURATION, /* uint64_t nanoseconds: 30s, 5m, 500ms */
    OPTION_LIST,     /* struct option_list: the option may be given many times */
    OPTION_DIVIDER   /* uint64_t: how many operands stand before it; no value, given once, not first */
};

struct option_list {
    const char *items[OPTION_LIST_MAX];
    size_t count;
};

struct option_row {
    const char *name; /* without dashes */
    char letter;      /* the short form, 0 for none */
    enum option_type type;
    const char *argument; /* the value's name in help, "FILE"; NULL for a flag and a divider */
    const char *choices;  /* the values allowed, one blank between them; NULL: anything */
    const char *help;     /* lower case, no full stop */
    size_t offset;        /* of the field in the verb's options struct */
};

struct example {
    const char *command;
    const char *what;
};

/* What a verb's run function gets. */
struct verb_context {
    const struct verb *verb;
    const void *options; /* the verb's options struct, defaults where nothing was given */
    char *const *operands;
    size_t operand_count;
    char *const *command; /* what follows the options of a verb that takes a command; NULL-terminated */
    size_t command_count;
    FILE *out;        /* stdout */
    unsigned width;   /* columns of the terminal, 80 when there is none */
    bool colour;      /* stdout is a terminal that wants colour (NO_COLOR and TERM=dumb say no) */
    bool colour_talk; /* the same for stderr */
    bool ascii;       /* the locale's characters are not UTF-8 */
    int exit_status;  /* out: toll's exit status, where it is not the error's */
};

#define VERB_OPERANDS_MAX 64

struct verb {
    const char *name;
    const char *summary;     /* one line, lower case, no full stop */
    const char *usage;       /* what follows `toll NAME`: "FILE [--format FORMAT] [-o OUT]" */
    const char *description; /* paragraphs for the help and the man page, separated by one empty line */
    const struct option_row *options;
    size_t option_count;
    const void *defaults; /* an options struct, NULL for all zero */
    size_t options_size;  /* sizeof the options struct */
    unsigned operand_min; /* operands it needs */
    unsigned
        operand_max; /* operands it takes, at most VERB_OPERANDS_MAX; before the command, if it takes one */
    bool takes_command;     /* a command follows: options end at its first word or at `--` */
    bool command_optional;  /* it may be left out; the verb looks at its options */
    bool is_hidden;         /* not in the overview */
    int exit_status_failed; /* the exit status of any failure; 0: the error's own */
    const struct example *examples;
    size_t example_count;
    int (*run)(struct verb_context *context, struct err *err);
};

#endif
