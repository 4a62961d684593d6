/* SPDX-License-Identifier: Apache-2.0 */
/* help: what `toll help` prints, all of it from the verbs' tables. */
#ifndef TOLL_CMD_HELP_H
#define TOLL_CMD_HELP_H

#include "option/verb.h"

extern const struct verb help_verb;
extern const struct verb version_verb;

/* What toll is, the verbs, where to go on. */
void help_print_overview(unsigned width, FILE *out);
void help_print_verb(const struct verb *verb, unsigned width, FILE *out);

/* The man page toll.1 in roff (man macros), and the completion script of bash; manual.c. */
void manual_print_roff(FILE *out);
void manual_print_bash(FILE *out);

#endif
