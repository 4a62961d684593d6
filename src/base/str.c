/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

static bool reserve(struct str *str, size_t more)
{
    if (str->failed || more >= SIZE_MAX - str->length) {
        str->failed = true;
        return false;
    }
    if (str->length + more + 1 <= str->capacity)
        return true;
    char *grown = vec_grow(str->text, &str->capacity, str->length + more + 1, 1);
    if (!grown) {
        str->failed = true;
        return false;
    }
    str->text = grown;
    return true;
}

void str_append_bytes(struct str *str, const char *bytes, size_t length)
{
    if (!reserve(str, length))
        return;
    if (length)
        memcpy(str->text + str->length, bytes, length);
    str->length += length;
    str->text[str->length] = '\0';
}

void str_append(struct str *str, const char *text)
{
    str_append_bytes(str, text, strlen(text));
}

void str_printf(struct str *str, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length >= 0 && reserve(str, (size_t)length)) {
        vsnprintf(str->text + str->length, (size_t)length + 1, format, again);
        str->length += (size_t)length;
    }
    va_end(again);
}

const char *str_text(const struct str *str)
{
    return str->text ? str->text : "";
}

void str_clear(struct str *str)
{
    str->length = 0;
    str->failed = false;
    if (str->text)
        str->text[0] = '\0';
}

void str_free(struct str *str)
{
    free(str->text);
    *str = (struct str){0};
}

bool str_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *text, const char *suffix)
{
    size_t length = strlen(text), tail = strlen(suffix);
    return length >= tail && strcmp(text + length - tail, suffix) == 0;
}
