/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err: what went wrong, for a person.
 *
 * Every fallible function returns 0 or a negative enum err_code and takes a last `struct err *`
 * on its caller's stack (NULL is allowed: the caller only wants to know that it failed).
 * The form is `could not <do> <kind> '<name>': <reason>`; a hint says what to do about it.
 */
#ifndef TOLL_BASE_ERR_H
#define TOLL_BASE_ERR_H

#include <stdarg.h>

#define WARN_UNUSED              __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

/* The values are toll's exit statuses (docs/errors.md). */
enum err_code {
    ERR_NONE = 0,
    ERR_THRESHOLD = 1,   /* a threshold was crossed */
    ERR_USAGE = 2,       /* the command line is wrong */
    ERR_ENVIRONMENT = 3, /* the machine refused: permission, disk, memory */
    ERR_INPUT = 4,       /* a file or a message is not what it should be */
    ERR_BUG = 70         /* our mistake */
};

struct err {
    enum err_code code;
    char what[768];
    char hint[512];
};

/* Sets what went wrong and returns -code, so that `return err_set(err, ERR_INPUT, "…")` works. */
int err_set(struct err *err, enum err_code code, const char *format, ...) PRINTF_LIKE(3, 4);

/* Like err_set with ERR_ENVIRONMENT, and appends `: <strerror(errnum)>`. */
int err_errno(struct err *err, int errnum, const char *format, ...) PRINTF_LIKE(3, 4);

/* Memory ran out: returns -ERR_ENVIRONMENT. */
int err_memory(struct err *err);

/* Adds what the user can do. Returns nothing: the failure keeps its code. */
void err_hint(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* Puts `<text>: ` before what went wrong; a layer does it once, adding its noun. Returns -code. */
int err_wrap(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* The analyzer sees one source at a time: this tells it that a failure is never 0. */
#if defined(__clang_analyzer__) && !defined(ERR_IS_DEFINED_HERE)
#define ERR_NEGATIVE(call)                                                                                   \
    __extension__({                                                                                          \
        int negative = call;                                                                                 \
        negative < 0 ? negative : -1;                                                                        \
    })
#define err_set(...)   ERR_NEGATIVE(err_set(__VA_ARGS__))
#define err_errno(...) ERR_NEGATIVE(err_errno(__VA_ARGS__))
#define err_memory(e)  ERR_NEGATIVE(err_memory(e))
#define err_wrap(...)  ERR_NEGATIVE(err_wrap(__VA_ARGS__))
#endif

#endif
