/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words: a command line into words as a POSIX shell splits them (blanks, quotes, backslashes), and nothing else that a
 * shell does: no variables, patterns, pipes or redirections. They stay in the words as they are written.
 */
#ifndef TOLL_BASE_WORDS_H
#define TOLL_BASE_WORDS_H

#include "base/arena.h"

struct words {
    char **items; /* NULL-terminated, in the arena */
    size_t count;
    char
        shell_character; /* the first unquoted |, &, ;, < or >, $ or `: it would mean something to a shell; 0: none */
};

/* ERR_USAGE for a quote without its end, a backslash at the end, or no word at all. */
WARN_UNUSED int words_split(const char *line, struct arena *arena, struct words *ret_words, struct err *err);

/* The words as one line that a shell reads back as the same words. */
char *words_join(char *const *words, struct arena *arena);

#endif
