/* SPDX-License-Identifier: Apache-2.0 */
/*
 * str: a growing text. Zero-initialise it. When memory runs out it stays as it was and
 * `failed` is set, so a writer appends freely and asks once at the end.
 */
#ifndef TOLL_BASE_STR_H
#define TOLL_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct str {
    char *text; /* NUL-terminated once anything was appended */
    size_t length;
    size_t capacity;
    bool failed;
};

void str_append(struct str *str, const char *text);
void str_append_bytes(struct str *str, const char *bytes, size_t length);
void str_printf(struct str *str, const char *format, ...) PRINTF_LIKE(2, 3);
/* The text, "" when nothing was appended. */
const char *str_text(const struct str *str);
void str_clear(struct str *str);
void str_free(struct str *str);

bool str_starts(const char *text, const char *prefix);
bool str_ends(const char *text, const char *suffix);

#endif
