/* SPDX-License-Identifier: Apache-2.0 */
#include "report/page.h"

#include "report/escape.h"
#include "report/phrases.h"

void page_text(struct str *str, const char *text)
{
    struct str cut = {0};

    if (escape_columns(text) <= PAGE_TEXT_MAX) {
        escape_markup(str, text);
        return;
    }
    escape_plain_cut(&cut, text, PAGE_TEXT_MAX, false);
    escape_markup(str, str_text(&cut));
    str_free(&cut);
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
