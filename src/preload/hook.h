/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hook: the shape of most hooks.
 *
 * HOOK_CALL(type, name, (parameters), (arguments), kind, fd, value, size): times one call. HOOK_ALSO gives another
 * name (the 64-bit spelling of a function) the same body.
 */
#ifndef TOLL_PRELOAD_HOOK_H
#define TOLL_PRELOAD_HOOK_H

#include "preload/internal.h"

/* NOLINTBEGIN(bugprone-macro-parentheses): types, parameter lists and arguments bring their own */
#define HOOK_AS(type, symbol, name, parameters, arguments, kind, fd, value, size)                            \
    HOOK type symbol parameters;                                                                             \
    HOOK type symbol parameters                                                                              \
    {                                                                                                        \
        struct call call = CALL_INIT(kind, fd, value, size);                                                 \
        type result;                                                                                         \
                                                                                                             \
        if (!calls_on() || call_is_inner(call.frame))                                                        \
            return REAL(name) arguments;                                                                     \
        call_begin(&call);                                                                                   \
        result = REAL(name) arguments;                                                                       \
        call_end(&call, (int64_t)result);                                                                    \
        return result;                                                                                       \
    }

/* NOLINTEND(bugprone-macro-parentheses) */

#define HOOK_CALL(type, name, parameters, arguments, kind, fd, value, size)                                  \
    HOOK_AS(type, name, name, parameters, arguments, kind, fd, value, size)

#endif
