/* SPDX-License-Identifier: Apache-2.0 */
#include "report/page.h"

#include "report/escape.h"
#include "report/phrases.h"
#include "report/report_assets.h"
#include "report/units.h"

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

/* Even a name that slipped through an escape could not run. */
void page_begin(struct str *str, const char *title, const char *style)
{
    str_printf(str,
               "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
               "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
               "'unsafe-inline'; "
               "script-src 'sha256-%s' 'sha256-%s' 'sha256-%s'; base-uri 'none'; form-action 'none'\">\n"
               "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
               "<meta name=\"color-scheme\" content=\"light dark\">\n<title>toll: ",
               report_js_hash, timeline_js_hash, flame_js_hash);
    page_text(str, title);
    str_append(str, "</title>\n<style>\n");
    str_append(str, tokens_css);
    str_append(str, report_css);
    str_append(str, style);
    str_append(str, "</style>\n</head>\n<body>\n"
                    "<header><a class=\"brand\" href=\"#top\" id=\"top\">toll</a><button type=\"button\" "
                    "id=\"theme\" hidden>Dark</button></header>\n<main>\n");
}

void page_end(struct str *str)
{
    str_append(str, "<script>");
    str_append(str, report_js);
    str_append(str, "</script>\n</body>\n</html>\n");
}

void page_fact(struct str *str, const char *name, const char *value)
{
    str_append(str, "<div>");
    page_element(str, "dt", "", name);
    page_element(str, "dd", "", value);
    str_append(str, "</div>");
}

void page_remarks(struct str *str, const struct grade *grade)
{
    if (!grade->remark_count)
        return;
    str_append(str, "<ul class=\"remarks\">");
    for (size_t i = 0; i < grade->remark_count; i++)
        page_element(str, "li", "", grade->remarks[i]);
    str_append(str, "</ul>\n");
}

void page_trust(struct str *str, const struct verdict *verdict)
{
    const struct grade *grade = &verdict->run.grade;
    struct str text = {0};

    str_append(str, "<section id=\"trust\"><h2>How far to trust this</h2>\n<dl class=\"facts\">");
    page_fact(str, "recording", unit_ratio(grade->score_ratio).text);
    if (verdict->service) {
        page_fact(str, "requests counted by", verdict->service->request_source);
        page_fact(str, "model misses by", unit_ratio(verdict->service->drift_ratio).text);
    } else {
        page_fact(str, "of the path explained", unit_ratio(grade->critical_path_explained_ratio).text);
        page_fact(str, "replay misses by", unit_ratio(verdict->baseline_drift_ratio).text);
    }
    page_fact(str, "cost of recording", unit_ratio(grade->overhead_ratio).text);
    page_fact(str, "events lost", unit_count((double)grade->lost_count).text);
    page_fact(str, "call stacks cut", unit_ratio(grade->stack_truncated_ratio).text);
    if (grade->missed_process_count_max) {
        str_printf(&text, "up to %s", unit_count((double)grade->missed_process_count_max).text);
        page_fact(str, "short processes missed", str_text(&text));
    }
    str_append(str, "</dl>\n");
    if (grade->score_ratio >= SCORE_POOR)
        page_remarks(str, grade);
    str_append(str, "</section>\n");
    str_free(&text);
}

void page_foot(struct str *str, const struct verdict *verdict, const char *file)
{
    const struct run_facts *run = &verdict->run;
    const struct {
        const char *before;
        const char *text;
    } parts[] = {{"recording ", run->id}, {"started ", run->started_at}, {"on ", run->host}, {"from ", file}};
    const char *separator = "";

    str_append(str, "<footer>");
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (!parts[i].text || !parts[i].text[0])
            continue;
        str_printf(str, "%s%s", separator, parts[i].before);
        page_text(str, parts[i].text);
        separator = " &middot; ";
    }
    str_append(str, "</footer>\n");
}
