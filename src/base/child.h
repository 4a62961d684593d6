/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child: another program run to its end, with what it prints.
 *
 * It has a process group of its own. A Ctrl-C or SIGTERM that arrives meanwhile is passed on to all of that (a shell alone would wait
 * for what it runs); who does not listen gets a SIGTERM after two seconds and a SIGKILL after two more, or at a second Ctrl-C. The
 * result says so: nothing is left running, and the caller can tidy up. It ends with its caller. Not for several threads.
 */
#ifndef TOLL_BASE_CHILD_H
#define TOLL_BASE_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/* Of what it prints the last so many bytes are kept, unless the options say another number. */
#define CHILD_TEXT_MAX (1u << 20)

struct child_options {
    const char *const *words;   /* NULL-terminated; the first is looked for in PATH */
    const char *folder;         /* where it runs; NULL: here */
    const char *const *without; /* NULL-terminated: variables that it does not get; NULL: it gets all */
    size_t text_bytes_max;      /* 0: CHILD_TEXT_MAX */
    uint64_t limit_ns;          /* after so long it is asked to end, as by a Ctrl-C, and made to; 0: never */
    bool is_merged;             /* stderr goes into the text, as in 2>&1 */
    bool shows;                 /* both go to toll's stderr, the texts stay empty */
};

struct child_result {
    int exit_status;      /* as a shell tells it: 128 + N for signal N, 127 when there is no such program */
    bool was_interrupted; /* a signal asked for the end */
    bool is_late;         /* the limit did */
    int signal;           /* that one; 0: none did */
    struct str text;      /* of stdout */
    struct str errors;    /* of stderr, unless merged */
};

/* ERR_ENVIRONMENT when it cannot be started; how it ends is the result. Its stdin is /dev/null. */
WARN_UNUSED int child_run(const struct child_options *options, struct child_result *ret_result,
                          struct err *err);
void child_result_free(struct child_result *result);

/* The last line of a text, without its newline, into `ret_line`: where programs say why. */
void child_last_line(const struct str *text, char *ret_line, size_t size);

#endif
