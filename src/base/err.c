/* SPDX-License-Identifier: Apache-2.0 */
#define ERR_IS_DEFINED_HERE
#include "base/err.h"

#include <stdio.h>
#include <string.h>

int err_set(struct err *err, enum err_code code, const char *format, ...)
{
    if (err) {
        va_list arguments;
        va_start(arguments, format);
        err->code = code;
        err->hint[0] = '\0';
        vsnprintf(err->what, sizeof err->what, format, arguments);
        va_end(arguments);
    }
    return -(int)code;
}

int err_errno(struct err *err, int errnum, const char *format, ...)
{
    if (err) {
        char reason[128];
        va_list arguments;
        va_start(arguments, format);
        err->code = ERR_ENVIRONMENT;
        err->hint[0] = '\0';
        int length = vsnprintf(err->what, sizeof err->what, format, arguments);
        va_end(arguments);
        if (length < 0)
            length = 0;
        size_t used = (size_t)length < sizeof err->what ? (size_t)length : sizeof err->what - 1;
        snprintf(err->what + used, sizeof err->what - used, ": %s",
                 strerror_r(errnum, reason, sizeof reason));
    }
    return -(int)ERR_ENVIRONMENT;
}

int err_memory(struct err *err)
{
    return err_set(err, ERR_ENVIRONMENT, "could not allocate memory: the machine has none left");
}

void err_hint(struct err *err, const char *format, ...)
{
    if (!err)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(err->hint, sizeof err->hint, format, arguments);
    va_end(arguments);
}

int err_wrap(struct err *err, const char *format, ...)
{
    if (!err)
        return -(int)ERR_BUG;
    char before[sizeof err->what];
    char prefix[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(prefix, sizeof prefix, format, arguments);
    va_end(arguments);
    memcpy(before, err->what, sizeof before);
    snprintf(err->what, sizeof err->what, "%s: %.500s", prefix, before);
    return -(int)err->code;
}
