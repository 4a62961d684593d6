/* SPDX-License-Identifier: Apache-2.0 */
#include "report/page.h"

#include <math.h>
#include <string.h>

#include "base/num.h"
#include "report/escape.h"
#include "report/phrases.h"
#include "report/report_assets.h"
#include "report/service_phrases.h"
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

/* --- what a change brings: bars of the time now and after it, or of a service in figures --- */

static void write_scale(struct str *str, const char *name, double ratio, uint64_t ns)
{
    str_append(str, "<div class=\"scale\">");
    page_element(str, "span", "", name);
    str_printf(str, "<div class=\"track\"><i style=\"width:%.1f%%\"></i></div><b>%s</b></div>\n",
               fmin(fmax(ratio * 100, 0.5), 100), unit_duration(ns).text);
}

/* What it still brings when the first finding's change is made too. */
static void write_behind(struct str *str, const struct finding *finding)
{
    struct str text = {0};

    phrase_behind(&text, finding);
    if (text.length > 2)
        str_printf(str, " <small>%s</small>", str_text(&text) + strlen("; "));
    str_free(&text);
}

/* What the run takes now and after the change; the hatched part is the interval of the prediction. */
static void write_gain(struct str *str, const struct verdict *verdict, const struct finding *finding)
{
    const struct gain *gain = &finding->gain;
    uint64_t wall = verdict->run.wall_ns;
    double after = num_ratio(gain->wall_ns_after, wall);

    str_append(str, "<div class=\"gain\">");
    write_scale(str, "now", 1, wall);
    if (gain->factor > 0 && wall) {
        double low = gain->factor_high > 0 ? 1 / gain->factor_high : after;
        double high = gain->factor_low > 0 ? fmin(1 / gain->factor_low, 1) : after;
        str_append(str, "<div class=\"scale after\"><span>after</span><div class=\"track\">");
        str_printf(
            str,
            "<i style=\"width:%.1f%%\"></i><i class=\"range\" style=\"left:%.1f%%;width:%.1f%%\"></i></div>",
            fmin(fmax(after * 100, 0.5), 100), low * 100, fmax(high - low, 0.004) * 100);
        str_printf(str, "<b>%s</b></div>\n<p class=\"factor\"><b>%s</b> faster",
                   unit_duration(gain->wall_ns_after).text, unit_factor(gain->factor).text);
        if (gain->factor_low > 0)
            str_printf(str, " <small>(%s to %s)</small>", unit_factor(gain->factor_low).text,
                       unit_factor(gain->factor_high).text);
        if (verdict->baseline_drift_ratio > DRIFT_BOUND)
            str_append(str, " <small>roughly: the replay of the unchanged run is off</small>");
        write_behind(str, finding);
        str_append(str, "</p>");
    } else if (gain->factor_max > 1 && !finding->has_savings) {
        str_append(str, "<div class=\"scale bound\"><span>at best</span><div class=\"track\">");
        str_printf(str, "<i style=\"width:%.1f%%\"></i></div><b>%s</b></div>\n", 100 / gain->factor_max,
                   unit_duration(num_u64((double)wall / gain->factor_max)).text);
        str_printf(str, "<p class=\"factor\">%s<b>%s</b> faster <small>if it cost nothing</small></p>",
                   gain->factor_max > 1000 ? "" : "at most ", unit_factor(gain->factor_max).text);
    }
    if (finding->has_savings && finding->savings.usd >= 0.01)
        str_printf(str, "<p class=\"factor\"><b>$%.2f</b> less <small>($%.2f to $%.2f)</small></p>",
                   finding->savings.usd, finding->savings.usd_low, finding->savings.usd_high);
    str_append(str, "</div>\n");
}

/* Requests a second now and after the change: more is better, so the longest bar is the best that may come. */
static void write_service_gain(struct str *str, const struct verdict *verdict, const struct finding *finding)
{
    const struct gain *gain = &finding->gain;
    struct str text = {0};

    str_append(str, "<div class=\"gain\">");
    if (gain->factor > 0) {
        phrase_service_gain(&text, verdict, finding);
        page_element(str, "p", "", str_text(&text));
        str_printf(str, "<p class=\"factor\"><b>%s</b> <small>(%s to %s)</small></p>",
                   unit_factor(gain->factor).text, unit_factor(gain->factor_low).text,
                   unit_factor(gain->factor_high).text);
    } else if (gain->factor_max > 1) {
        str_printf(str, "<p class=\"factor\">at most <b>%s</b> <small>if it cost nothing</small></p>",
                   unit_factor(gain->factor_max).text);
    }
    str_append(str, "</div>\n");
    str_free(&text);
}

void page_gain(struct str *str, const struct verdict *verdict, const struct finding *finding)
{
    if (verdict->service)
        write_service_gain(str, verdict, finding);
    else
        write_gain(str, verdict, finding);
}
