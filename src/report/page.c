/* SPDX-License-Identifier: Apache-2.0 */
#include "report/page.h"

#include "report/escape.h"
#include "report/phrases.h"

void page_text(struct str *str, const char *text)
{
    struct str cut = {0}, escaped = {0};

    if (escape_columns(text) > PAGE_TEXT_MAX) {
        escape_plain_cut(&cut, text, PAGE_TEXT_MAX, false);
        text = str_text(&cut);
    }
    escape_markup(&escaped, text);
    /* A number keeps its sign: no line breaks before it. */
    for (const char *at = str_text(&escaped); *at; at++)
        if (at[0] == ' ' && at[1] == '%')
            str_append(str, "&nbsp;");
        else
            str_append_bytes(str, at, 1);
    str_free(&cut);
    str_free(&escaped);
}

void page_element(struct str *str, const char *tag, const char *attributes, const char *text)
{
    str_printf(str, "<%s%s>", tag, attributes);
    page_text(str, text);
    str_printf(str, "</%s>", tag);
}

void page_title_attribute(struct str *str, const char *text)
{
    str_append(str, " title=\"");
    page_text(str, text);
    str_append(str, "\"");
}

size_t page_doing_index(int doing)
{
    return doing >= DOING_CPU && doing < WAIT_REASON_COUNT ? (size_t)(doing + 1) : (size_t)(WAIT_UNKNOWN + 1);
}

void page_legend(struct str *str, const bool *is_used)
{
    str_append(str, "<ul class=\"legend\">");
    for (size_t i = 0; i < PAGE_DOING_COUNT; i++) {
        if (!is_used[i])
            continue;
        str_printf(str, "<li><i class=\"d-%s\"></i>", doing_name((int)i - 1));
        escape_markup(str, phrase_doing_short((int)i - 1));
        str_append(str, "</li>");
    }
    str_append(str, "</ul>\n");
}
