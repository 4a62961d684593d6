/* SPDX-License-Identifier: Apache-2.0 */
#include "report/text_page.h"

#include <string.h>

#include "report/escape.h"

size_t text_page_width(const struct export_options *options)
{
    size_t width = options->width ? options->width : EXPORT_WIDTH_DEFAULT;

    return width < EXPORT_WIDTH_MIN ? EXPORT_WIDTH_MIN : width;
}

void text_styled(const struct text_page *page, enum text_style style, const char *text)
{
    static const char *const codes[] = {
        [STYLE_STRONG] = "1", [STYLE_FAINT] = "2", [STYLE_P0] = "1;31", [STYLE_P1] = "1;31",
        [STYLE_P2] = "1;33",  [STYLE_P3] = "1;36", [STYLE_BAR] = "34",  [STYLE_GOOD] = "32",
    };

    if (page->options->colour)
        str_printf(page->str, "\033[%sm%s\033[0m", codes[style], text);
    else
        str_append(page->str, text);
}

enum text_style text_priority_style(enum priority priority)
{
    return (enum text_style)(STYLE_P0 + (int)priority);
}

void text_blanks(struct str *str, size_t count)
{
    str_printf(str, "%*s", (int)count, "");
}

/* The length of the next piece that stays on one line: a word, and after a number the word it counts. */
static size_t piece_length(const char *text)
{
    size_t length = strcspn(text, " ");

    if (length && text[length] == ' ' && text[length - 1] >= '0' && text[length - 1] <= '9')
        length += 1 + strcspn(text + length + 1, " ");
    return length;
}

void text_wrap(const struct text_page *page, const char *text, size_t at, size_t indent)
{
    struct str word = {0};
    size_t limit = page->width - indent;
    bool is_first = true;

    while (*text) {
        size_t length = piece_length(text);
        struct str raw = {0};
        str_append_bytes(&raw, text, length);
        str_clear(&word);
        escape_plain_cut(&word, str_text(&raw), limit, page->options->ascii);
        str_free(&raw);
        size_t columns = escape_columns(str_text(&word));
        if (at + !is_first + columns > page->width && at > indent) {
            str_append(page->str, "\n");
            text_blanks(page->str, indent);
            at = indent;
        } else if (!is_first) {
            str_append(page->str, " ");
            at++;
        }
        str_append(page->str, str_text(&word));
        at += columns;
        is_first = false;
        text += length;
        text += strspn(text, " ");
    }
    str_append(page->str, "\n");
    str_free(&word);
}

void text_bar(const struct text_page *page, double ratio, size_t columns)
{
    static const char *const eighths[] = {"",
                                          "\xe2\x96\x8f",
                                          "\xe2\x96\x8e",
                                          "\xe2\x96\x8d",
                                          "\xe2\x96\x8c",
                                          "\xe2\x96\x8b",
                                          "\xe2\x96\x8a",
                                          "\xe2\x96\x89"};
    double clipped = !(ratio > 0) ? 0 : ratio > 1 ? 1 : ratio;
    size_t parts = page->options->ascii ? 1 : 8, filled = (size_t)(clipped * (double)(columns * parts) + 0.5);
    struct str bar = {0};

    if (!filled && ratio > 0)
        filled = 1;
    for (size_t i = 0; i < filled / parts; i++)
        str_append(&bar, page->options->ascii ? "#" : "\xe2\x96\x88");
    str_append(&bar, eighths[filled % parts]);
    if (filled)
        text_styled(page, STYLE_BAR, str_text(&bar));
    text_blanks(page->str, columns - (filled + parts - 1) / parts + 2);
    str_free(&bar);
}

void text_quoted(struct str *str, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+:@%=-";

    if (*word && strspn(word, plain) == strlen(word)) {
        str_append(str, word);
        return;
    }
    str_append(str, "'");
    for (; *word; word++)
        if (*word == '\'')
            str_append(str, "'\\''");
        else
            str_append_bytes(str, word, 1);
    str_append(str, "'");
}
