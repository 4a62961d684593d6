/* SPDX-License-Identifier: Apache-2.0 */
#include "report/escape.h"

#include <stdint.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

static bool is_between(unsigned char byte, unsigned low, unsigned high)
{
    return byte >= low && byte <= high;
}

static bool is_tail(unsigned char byte)
{
    return is_between(byte, 0x80, 0xbf);
}

size_t escape_utf8_length(const char *text)
{
    const unsigned char *u = (const unsigned char *)text;

    if (u[0] < 0x80)
        return u[0] ? 1 : 0;
    if (is_between(u[0], 0xc2, 0xdf))
        return is_tail(u[1]) ? 2 : 0;
    if (is_between(u[0], 0xe0, 0xef)) {
        unsigned low = u[0] == 0xe0 ? 0xa0 : 0x80, high = u[0] == 0xed ? 0x9f : 0xbf;
        return is_between(u[1], low, high) && is_tail(u[2]) ? 3 : 0;
    }
    if (is_between(u[0], 0xf0, 0xf4)) {
        unsigned low = u[0] == 0xf0 ? 0x90 : 0x80, high = u[0] == 0xf4 ? 0x8f : 0xbf;
        return is_between(u[1], low, high) && is_tail(u[2]) && is_tail(u[3]) ? 4 : 0;
    }
    return 0;
}

size_t escape_columns(const char *text)
{
    size_t count = 0;

    while (*text) {
        size_t length = escape_utf8_length(text);
        text += length ? length : 1;
        count++;
    }
    return count;
}

/* U+202A to U+202E and U+2066 to U+2069 turn the direction of what follows: it reads as something else. */
static bool turns_direction(const char *text)
{
    return (strncmp(text, "\xe2\x80", 2) == 0 && is_between((unsigned char)text[2], 0xaa, 0xae)) ||
           (strncmp(text, "\xe2\x81", 2) == 0 && is_between((unsigned char)text[2], 0xa6, 0xa9));
}

/* U+0000 to U+001F, U+007F, U+0080 to U+009F, and what turns the direction. */
static bool is_control(const char *text)
{
    unsigned char first = (unsigned char)text[0];

    return turns_direction(text) || first < 0x20 || first == 0x7f ||
           (first == 0xc2 && is_between((unsigned char)text[1], 0x80, 0x9f));
}

/* Appends up to `columns` characters and returns where it stopped. */
static const char *append_plain(struct str *str, const char *text, size_t columns)
{
    for (; *text && columns; columns--) {
        size_t length = escape_utf8_length(text);
        if (!length)
            str_append(str, REPLACEMENT);
        else if (is_control(text))
            str_append(str, "?");
        else
            str_append_bytes(str, text, length);
        text += length ? length : 1;
    }
    return text;
}

void escape_plain(struct str *str, const char *text)
{
    append_plain(str, text, SIZE_MAX);
}

void escape_plain_cut(struct str *str, const char *text, size_t columns, bool ascii)
{
    const char *mark = ascii ? "..." : "\xe2\x80\xa6";
    size_t have = escape_columns(text), mark_columns = ascii ? 3 : 1;

    if (have <= columns) {
        escape_plain(str, text);
        return;
    }
    if (columns <= mark_columns) {
        append_plain(str, text, columns);
        return;
    }
    size_t head = (columns - mark_columns + 1) / 2, tail = columns - mark_columns - head;
    append_plain(str, text, head);
    str_append(str, mark);
    for (size_t skip = have - tail; skip; skip--) {
        size_t length = escape_utf8_length(text);
        text += length ? length : 1;
    }
    escape_plain(str, text);
}

void escape_json(struct str *str, const char *text)
{
    while (*text) {
        size_t length = escape_utf8_length(text);
        if (!length)
            str_append(str, REPLACEMENT);
        else if (*text == '"' || *text == '\\')
            str_printf(str, "\\%c", *text);
        else if (*text == '\n')
            str_append(str, "\\n");
        else if (*text == '\t')
            str_append(str, "\\t");
        else if ((unsigned char)*text < 0x20 || *text == 0x7f)
            str_printf(str, "\\u%04x", (unsigned)*text);
        else
            str_append_bytes(str, text, length);
        text += length ? length : 1;
    }
}

/* U+FFFE and U+FFFF are not characters of XML 1.0. */
static bool is_no_xml(const char *text)
{
    return is_control(text) || strncmp(text, "\xef\xbf\xbe", 3) == 0 || strncmp(text, "\xef\xbf\xbf", 3) == 0;
}

void escape_script(struct str *str, const char *text)
{
    struct str json = {0};

    escape_json(&json, text);
    for (const char *at = str_text(&json); *at;) {
        size_t length = escape_utf8_length(at);
        if (*at == '<' || *at == '>' || *at == '&')
            str_printf(str, "\\u%04x", (unsigned)(unsigned char)*at);
        else if (length > 1 && is_no_xml(at))
            str_append(str, REPLACEMENT);
        else
            str_append_bytes(str, at, length ? length : 1);
        at += length ? length : 1;
    }
    str->failed = str->failed || json.failed;
    str_free(&json);
}

void escape_markup(struct str *str, const char *text)
{
    while (*text) {
        size_t length = escape_utf8_length(text);
        switch (*text) {
        case '&': str_append(str, "&amp;"); break;
        case '<': str_append(str, "&lt;"); break;
        case '>': str_append(str, "&gt;"); break;
        case '"': str_append(str, "&quot;"); break;
        case '\'': str_append(str, "&#39;"); break;
        case '\n': str_append(str, "\n"); break;
        default:
            if (!length || is_no_xml(text))
                str_append(str, REPLACEMENT);
            else
                str_append_bytes(str, text, length);
        }
        text += length ? length : 1;
    }
}

void escape_markdown(struct str *str, const char *text)
{
    while (*text) {
        size_t length = escape_utf8_length(text);
        if (!length)
            str_append(str, REPLACEMENT);
        else if (*text == '<' || *text == '&')
            str_append(str, *text == '<' ? "&lt;" : "&amp;");
        else if (is_control(text))
            str_append(str, " ");
        else if (strchr("\\`*_[]|~#@!", *text))
            str_printf(str, "\\%c", *text);
        else
            str_append_bytes(str, text, length);
        text += length ? length : 1;
    }
}

static size_t longest_backticks(const char *text)
{
    size_t longest = 0, run = 0;

    for (; *text; text++) {
        run = *text == '`' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

void escape_markdown_code(struct str *str, const char *text, bool in_cell)
{
    size_t ticks = longest_backticks(text) + 1;
    const char *pad = *text == '`' || (*text && text[strlen(text) - 1] == '`') ? " " : "";

    for (size_t i = 0; i < ticks; i++)
        str_append(str, "`");
    str_append(str, pad);
    while (*text) {
        size_t length = escape_utf8_length(text);
        if (!length)
            str_append(str, REPLACEMENT);
        else if (is_control(text))
            str_append(str, " ");
        else if (in_cell && *text == '|')
            str_append(str, "\\|");
        else
            str_append_bytes(str, text, length);
        text += length ? length : 1;
    }
    str_append(str, pad);
    for (size_t i = 0; i < ticks; i++)
        str_append(str, "`");
}
