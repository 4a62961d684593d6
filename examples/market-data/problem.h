/* SPDX-License-Identifier: Apache-2.0 */
/* What went wrong, in words, on the caller's stack; functions that fill one return -1. */
#ifndef MARKET_DATA_PROBLEM_H
#define MARKET_DATA_PROBLEM_H

#include <stdarg.h>
#include <stdio.h>

#define MUST_CHECK __attribute__((warn_unused_result))

struct problem {
    char text[320];
};

/* Writes the sentence and returns -1, so that a caller can `return problem_set(...)`. */
__attribute__((format(printf, 2, 3))) static inline int problem_set(struct problem *problem,
                                                                    const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(problem->text, sizeof(problem->text), format, arguments);
    va_end(arguments);
    return -1;
}

#endif
