/* SPDX-License-Identifier: Apache-2.0 */
/*
 * html_export: one self-contained page, nothing is fetched. Its policy allows its own script by hash and nothing
 * else, so even a name that slipped through an escape could not run.
 */
#include <math.h>

#include "base/num.h"
#include "report/internal.h"
#include "report/page.h"
#include "report/phrases.h"
#include "report/report_assets.h"
#include "report/service_phrases.h"
#include "report/units.h"

#define FINDINGS_MAX 50

static void write_head(struct str *str, const struct verdict *verdict)
{
    struct str command = {0};

    phrase_subject(&command, verdict);
    str_printf(str,
               "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
               "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
               "'unsafe-inline'; "
               "script-src 'sha256-%s'; base-uri 'none'; form-action 'none'\">\n"
               "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
               "<meta name=\"color-scheme\" content=\"light dark\">\n<title>toll: ",
               report_js_hash);
    page_text(str, command.length ? str_text(&command) : "a run");
    str_append(str, "</title>\n<style>\n");
    str_append(str, report_css);
    str_append(str, "</style>\n</head>\n<body>\n");
    str_free(&command);
}

static void write_fact(struct str *str, const char *name, const char *value)
{
    str_append(str, "<div>");
    page_element(str, "dt", "", name);
    page_element(str, "dd", "", value);
    str_append(str, "</div>");
}

static void write_service_facts(struct str *str, const struct verdict *verdict)
{
    const struct service *service = verdict->service;
    struct str text = {0};

    phrase_rate(&text, service->throughput_per_s);
    str_append(&text, "/s");
    write_fact(str, "requests", str_text(&text));
    if (service->latency_ns_p50) {
        write_fact(str, "half take at most", unit_duration(service->latency_ns_p50).text);
        write_fact(str, "99 % take at most", unit_duration(service->latency_ns_p99).text);
    }
    write_fact(str, "watched for", unit_duration(verdict->run.wall_ns).text);
    str_free(&text);
}

static void write_facts(struct str *str, const struct verdict *verdict)
{
    const struct run_facts *run = &verdict->run;
    struct str text = {0};

    str_append(str, "<dl class=\"facts\">");
    if (verdict->service) {
        write_service_facts(str, verdict);
    } else {
        write_fact(str, "took", unit_duration(run->wall_ns).text);
        phrase_exit(&text, run);
        write_fact(str, "ended", str_text(&text));
    }
    write_fact(str, "CPU time", unit_duration(run->cpu_ns).text);
    str_clear(&text);
    str_printf(&text, "%s / %s", unit_count((double)run->process_count).text,
               unit_count((double)run->thread_count).text);
    write_fact(str, "processes / threads", str_text(&text));
    if (run->rss_bytes_max)
        write_fact(str, "memory at most", unit_bytes(run->rss_bytes_max).text);
    str_clear(&text);
    phrase_work(&text, verdict);
    if (text.length)
        write_fact(str, "work", str_text(&text));
    str_append(str, "</dl>\n");
    str_free(&text);
}

static void write_remarks(struct str *str, const struct grade *grade)
{
    if (!grade->remark_count)
        return;
    str_append(str, "<ul class=\"remarks\">");
    for (size_t i = 0; i < grade->remark_count; i++)
        page_element(str, "li", "", grade->remarks[i]);
    str_append(str, "</ul>\n");
}

/* The answer: the first finding, or that there is none. */
static void write_hero(struct str *str, const struct verdict *verdict)
{
    struct str text = {0};

    str_append(str, "<section class=\"hero\">\n");
    phrase_subject(&text, verdict);
    page_element(str, "p", " class=\"command\"", text.length ? str_text(&text) : "a run");
    str_clear(&text);
    if (phrase_poor(&text, verdict)) {
        str_append(str, "<div class=\"beware\" role=\"note\"><b>Beware:</b> ");
        page_text(str, str_text(&text));
        str_append(str, ".");
        write_remarks(str, &verdict->run.grade);
        str_append(str, "</div>\n");
    }
    str_clear(&text);
    if (!verdict->finding_count) {
        phrase_no_finding(&text, verdict);
        text.text[0] = 'N';
        str_append(&text, ".");
    } else {
        const struct finding *first = &verdict->findings[0];
        phrase_title(&text, first);
    }
    page_element(str, "h1", "", str_text(&text));
    write_facts(str, verdict);
    str_append(str, "</section>\n");
    str_free(&text);
}

static void write_scale(struct str *str, const char *name, double ratio, uint64_t ns)
{
    str_append(str, "<div class=\"scale\">");
    page_element(str, "span", "", name);
    str_printf(str, "<div class=\"track\"><i style=\"width:%.1f%%\"></i></div><b>%s</b></div>\n",
               fmin(fmax(ratio * 100, 0.5), 100), unit_duration(ns).text);
}

/* What the run takes now and after the change; the hatched part is the interval of the prediction. */
static void write_gain(struct str *str, const struct verdict *verdict, const struct gain *gain)
{
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
        str_append(str, "</p>");
    } else if (gain->factor_max > 1) {
        str_append(str, "<div class=\"scale bound\"><span>at best</span><div class=\"track\">");
        str_printf(str, "<i style=\"width:%.1f%%\"></i></div><b>%s</b></div>\n", 100 / gain->factor_max,
                   unit_duration(num_u64((double)wall / gain->factor_max)).text);
        str_printf(str, "<p class=\"factor\">%s<b>%s</b> faster <small>if it cost nothing</small></p>",
                   gain->factor_max > 1000 ? "" : "at most ", unit_factor(gain->factor_max).text);
    }
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

static void write_evidence(struct str *str, const struct finding *finding)
{
    if (!finding->evidence_count && !finding->rationale)
        return;
    str_append(str, "<details><summary>Why</summary><ul>");
    for (size_t i = 0; i < finding->evidence_count; i++)
        page_element(str, "li", "", finding->evidence[i]);
    if (finding->rationale) {
        struct str text = {0};
        str_printf(&text, "The gain: %s", finding->rationale);
        page_element(str, "li", "", str_text(&text));
        str_free(&text);
    }
    str_append(str, "</ul></details>\n");
}

static void write_finding(struct str *str, const struct verdict *verdict, const struct finding *finding)
{
    struct str text = {0};

    str_printf(str, "<article class=\"finding p%d\">\n<div class=\"what\"><div class=\"badge\">%s</div><div>",
               (int)finding->priority, priority_name(finding->priority));
    phrase_title(&text, finding);
    page_element(str, "h3", "", str_text(&text));
    str_clear(&text);
    phrase_fix(&text, finding);
    if (text.length) {
        str_append(&text, ".");
        page_element(str, "p", " class=\"fix\"", str_text(&text));
    }
    str_append(str, "<p class=\"meta\">");
    page_element(str, "code", "", finding->cause);
    if (finding->change)
        page_element(str, "code", "", finding->change);
    if (finding->assumption)
        page_element(str, "span", "", finding->assumption);
    str_printf(str, "<span>effort %s</span></p>\n", effort_name(finding->effort));
    write_evidence(str, finding);
    str_append(str, "</div></div>\n");
    if (verdict->service)
        write_service_gain(str, verdict, finding);
    else
        write_gain(str, verdict, &finding->gain);
    str_append(str, "</article>\n");
    str_free(&text);
}

static void write_findings(struct str *str, const struct verdict *verdict)
{
    if (!verdict->finding_count)
        return;
    str_append(str, "<section id=\"findings\"><h2>What to do</h2>\n");
    for (size_t i = 0; i < verdict->finding_count && i < FINDINGS_MAX; i++)
        write_finding(str, verdict, &verdict->findings[i]);
    if (verdict->finding_count > FINDINGS_MAX)
        str_printf(str, "<p class=\"note\">%zu smaller findings are not shown.</p>\n",
                   verdict->finding_count - FINDINGS_MAX);
    str_append(str, "</section>\n");
}

static void write_cleared(struct str *str, const struct verdict *verdict)
{
    if (!verdict->cleared_count)
        return;
    str_append(str, "<section id=\"cleared\"><h2>Not to blame</h2>\n<p class=\"note\">");
    str_append(str,
               verdict->service
                   ? "What was suspected and is not it: the most that more of each would bring."
                   : "What was suspected and is not it: the most that the run would gain if each of these "
                     "cost nothing at all.");
    str_append(str, "</p>\n<table><thead><tr><th>where</th>"
                    "<th class=\"number\">share</th><th class=\"number\">gain at "
                    "most</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < verdict->cleared_count; i++) {
        struct str text = {0};
        phrase_where(&text, &verdict->cleared[i].where);
        str_append(str, "<tr>");
        page_element(str, "td", "", str_text(&text));
        page_element(str, "td", " class=\"number\"", unit_ratio(verdict->cleared[i].critical_ratio).text);
        page_element(str, "td", " class=\"number\"", unit_factor(verdict->cleared[i].factor_max).text);
        str_append(str, "</tr>\n");
        str_free(&text);
    }
    str_append(str, "</tbody></table></section>\n");
}

static void write_trust(struct str *str, const struct verdict *verdict)
{
    const struct grade *grade = &verdict->run.grade;
    struct str text = {0};

    str_append(str, "<section id=\"trust\"><h2>How far to trust this</h2>\n<dl class=\"facts\">");
    write_fact(str, "recording", unit_ratio(grade->score_ratio).text);
    if (verdict->service) {
        write_fact(str, "requests counted by", verdict->service->request_source);
        write_fact(str, "model misses by", unit_ratio(verdict->service->drift_ratio).text);
    } else {
        write_fact(str, "of the path explained", unit_ratio(grade->critical_path_explained_ratio).text);
        write_fact(str, "replay misses by", unit_ratio(verdict->baseline_drift_ratio).text);
    }
    write_fact(str, "cost of recording", unit_ratio(grade->overhead_ratio).text);
    write_fact(str, "events lost", unit_count((double)grade->lost_count).text);
    write_fact(str, "call stacks cut", unit_ratio(grade->stack_truncated_ratio).text);
    if (grade->missed_process_count_max) {
        str_printf(&text, "up to %s", unit_count((double)grade->missed_process_count_max).text);
        write_fact(str, "short processes missed", str_text(&text));
    }
    str_append(str, "</dl>\n");
    if (grade->score_ratio >= SCORE_POOR)
        write_remarks(str, grade);
    str_append(str, "</section>\n");
    str_free(&text);
}

static void write_foot(struct str *str, const struct verdict *verdict, const struct export_options *options)
{
    const struct run_facts *run = &verdict->run;
    const struct {
        const char *before;
        const char *text;
    } parts[] = {
        {"recording ", run->id}, {"started ", run->started_at}, {"on ", run->host}, {"from ", options->file}};
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

EXPORT_FUNCTION(html_export_write)
{
    write_head(ret_text, verdict);
    str_append(
        ret_text,
        "<header><a class=\"brand\" href=\"#top\" id=\"top\">toll</a><button type=\"button\" id=\"theme\" "
        "hidden>Dark</button></header>\n<main>\n");
    write_hero(ret_text, verdict);
    write_findings(ret_text, verdict);
    page_service(ret_text, verdict);
    int status = phrase_serves(verdict) ? 0 : page_stages(ret_text, verdict, err);
    if (!status)
        status = page_timeline(ret_text, verdict, err);
    if (!status)
        status = page_flame(ret_text, verdict, err);
    if (status)
        return status;
    write_cleared(ret_text, verdict);
    write_trust(ret_text, verdict);
    str_append(ret_text, "</main>\n");
    write_foot(ret_text, verdict, options);
    str_append(ret_text, "<script>");
    str_append(ret_text, report_js);
    str_append(ret_text, "</script>\n</body>\n</html>\n");
    return 0;
}
