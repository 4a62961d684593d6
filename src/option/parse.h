/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse: a command line against a verb's table.
 *
 * `--name VALUE`, `--name=VALUE`, `-n VALUE`, `-nVALUE`, bundled flags `-qv`; options may follow operands;
 * `--` ends them. A verb that takes a command stops at the command's first word or at `--`: what follows is the
 * command's own, dashes and all.
 */
#ifndef TOLL_OPTION_PARSE_H
#define TOLL_OPTION_PARSE_H

#include "option/verb.h"

struct parsed {
    char *operands[VERB_OPERANDS_MAX];
    size_t operand_count;
    char *const *command;
    size_t command_count;
    bool wants_help; /* --help or -h: nothing else was looked at */
};

/* `arguments` (argument_count, then NULL) are those behind the verb. Fills the options struct, which holds the
 * defaults, and *ret_parsed; both point into the arguments. ERR_USAGE with a hint when the line is wrong. */
WARN_UNUSED int parse_arguments(const struct verb *verb, char *const *arguments, void *options,
                                struct parsed *ret_parsed, struct err *err);

#endif
