/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/yaml_write.h"

#include <ctype.h>
#include <string.h>

static bool is_control(char letter)
{
    return (unsigned char)letter < ' ' || letter == 0x7f;
}

/* Newlines and their like have a name in double quotes alone. */
static void escaped(struct str *text, const char *value)
{
    str_append(text, "\"");
    for (; *value; value++)
        if (is_control(*value))
            str_printf(text, "\\x%02x", (unsigned char)*value);
        else
            str_printf(text, "%s%c", strchr("\"\\", *value) ? "\\" : "", *value);
    str_append(text, "\"");
}

void yaml_write_text(struct str *text, const char *value)
{
    bool is_plain =
        *value && strcmp(value, "null") != 0 && (isalnum((unsigned char)*value) || strchr("./_", *value));
    for (const char *at = value; *at; at++)
        is_plain = is_plain && (isalnum((unsigned char)*at) || strchr(" ./_+=-<>", *at));
    if (is_plain && value[strlen(value) - 1] != ' ') {
        str_append(text, value);
        return;
    }
    for (const char *at = value; *at; at++) {
        if (is_control(*at)) {
            escaped(text, value);
            return;
        }
    }
    str_append(text, "'");
    for (const char *at = value; *at; at++) {
        if (*at == '\'')
            str_append(text, "'");
        str_append_bytes(text, at, 1);
    }
    str_append(text, "'");
}
