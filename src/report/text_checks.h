/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text_checks: for tests, what must hold of every text that toll writes: as agreed (golden files), valid, of our own tags alone, no wider
 * than asked. Each fails the test that calls it. Inline, because the tests of two modules share them.
 */
#ifndef TOLL_REPORT_TEXT_CHECKS_H
#define TOLL_REPORT_TEXT_CHECKS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fs.h"
#include "report/escape.h"

/* Against the file of that name in the folder TOLL_GOLDEN; UPDATE=1 rewrites it. */
static inline void check_golden(const char *name, const struct str *found)
{
    struct str path = {0}, expected = {0};
    struct err err = {0};

    str_printf(&path, "%s/%s", getenv("TOLL_GOLDEN"), name);
    if (getenv("UPDATE"))
        assert_int_equal(fs_replace(str_text(&path), str_text(found), found->length, 0644, &err), 0);
    assert_int_equal(fs_read(str_text(&path), 16 << 20, &expected, &err), 0);
    assert_string_equal(str_text(found), str_text(&expected));
    str_free(&path);
    str_free(&expected);
}

static inline size_t text_occurrences(const char *text, const char *what)
{
    size_t count = 0;

    for (; (text = strstr(text, what)); text++)
        count++;
    return count;
}

/* Columns of the longest line, but for those that begin with one of `free` (ended by NULL): they are there to be copied. */
static inline size_t text_longest_line(const char *text, const char *const *free)
{
    size_t longest = 0;

    while (*text) {
        struct str line = {0};
        size_t length = strcspn(text, "\n"), i = 0;
        str_append_bytes(&line, text, length);
        while (free[i] && strncmp(str_text(&line), free[i], strlen(free[i])) != 0)
            i++;
        size_t columns = free[i] ? 0 : escape_columns(str_text(&line));
        longest = columns > longest ? columns : longest;
        str_free(&line);
        text += length + (text[length] == '\n');
    }
    return longest;
}

static inline void check_utf8(const struct str *text)
{
    assert_int_equal(strlen(str_text(text)), text->length);
    for (const char *at = str_text(text); *at; at += escape_utf8_length(at))
        assert_int_not_equal(escape_utf8_length(at), 0);
}

/* The coloured text without its colours is the plain one, which has none. */
static inline void check_colours(const struct str *plain, const struct str *coloured)
{
    struct str stripped = {0};

    assert_null(strchr(str_text(plain), '\033'));
    for (const char *at = str_text(coloured); *at; at++)
        if (*at == '\033')
            at = strchr(at, 'm');
        else
            str_append_bytes(&stripped, at, 1);
    assert_string_equal(str_text(&stripped), str_text(plain));
    str_free(&stripped);
}

static inline void check_ascii(const char *text)
{
    for (; *text; text++)
        assert_in_range((unsigned char)*text, 1, 0x7e);
}

/* Reads `name="value"` pairs up to '>', which it returns: no other form, no handlers, no addresses but those within the page. */
static inline const char *check_attributes(const char *at)
{
    while (*at != '>') {
        size_t blank = strspn(at, " /\n?");
        at += blank;
        if (*at == '>')
            break;
        assert_true(blank > 0);
        size_t length = strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-");
        assert_true(length > 0);
        assert_false(strncmp(at, "on", 2) == 0 || strncmp(at, "src", 3) == 0);
        bool is_address = length == 4 && strncmp(at, "href", 4) == 0;
        at += length;
        if (*at != '=')
            continue;
        assert_int_equal(at[1], '"');
        assert_true(!is_address || at[2] == '#');
        at = strchr(at + 2, '"');
        assert_non_null(at);
        at++;
    }
    return at;
}

/* Every '<' begins one of `tags` (ended by NULL), and what is between them is text, or our own style and script. */
static inline void check_markup(const char *text, const char *const *tags)
{
    for (const char *at = strchr(text, '<'); at; at = strchr(at, '<')) {
        const char *name = at + 1 + strspn(at + 1, "/!?");
        size_t length = strcspn(name, " />\n?"), i = 0;
        while (tags[i] && !(strlen(tags[i]) == length && strncmp(tags[i], name, length) == 0))
            i++;
        if (!tags[i])
            fail_msg("a tag that is not ours: %.40s", at);
        at = check_attributes(name + length);
        if (strcmp(tags[i], "style") == 0 || strcmp(tags[i], "script") == 0)
            at = name[-1] == '/' ? at : strstr(at, tags[i][1] == 't' ? "</style>" : "</script>");
        assert_non_null(at);
    }
}

/* A page of ours. */
static inline void check_page(const char *text)
{
    static const char *const tags[] = {
        "doctype", "html",    "head",   "meta",   "title",      "style", "body", "header", "main", "footer",
        "section", "article", "script", "a",      "b",          "i",     "p",    "h1",     "h2",   "h3",
        "div",     "span",    "small",  "code",   "button",     "dl",    "dt",   "dd",     "ul",   "li",
        "details", "summary", "table",  "thead",  "tbody",      "tr",    "th",   "td",     "svg",  "rect",
        "path",    "g",       "text",   "figure", "figcaption", NULL};
    check_markup(text, tags);
}

#endif
