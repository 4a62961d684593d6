/* SPDX-License-Identifier: Apache-2.0 */
/* html_export: one self-contained page, nothing is fetched. page.h has its sections. */
#include <math.h>

#include "base/num.h"
#include "report/agents_report.h"
#include "report/heap_report.h"
#include "report/internal.h"
#include "report/page.h"
#include "report/phrases.h"
#include "report/service_phrases.h"
#include "report/units.h"

#define FINDINGS_MAX 50

static void write_service_facts(struct str *str, const struct verdict *verdict)
{
    const struct service *service = verdict->service;
    struct str text = {0};

    phrase_rate(&text, service->throughput_per_s);
    str_append(&text, "/s");
    page_fact(str, "requests", str_text(&text));
    if (service->latency_ns_p50) {
        page_fact(str, "half take at most", unit_duration(service->latency_ns_p50).text);
        page_fact(str, "99 % take at most", unit_duration(service->latency_ns_p99).text);
    }
    page_fact(str, "watched for", unit_duration(verdict->run.wall_ns).text);
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
        page_fact(str, "took", unit_duration(run->wall_ns).text);
        phrase_exit(&text, run);
        if (!verdict->agents && phrase_knows_exit(run))
            page_fact(str, "ended", str_text(&text));
    }
    if (verdict->agents) {
        page_agent_facts(str, verdict->agents);
        str_append(str, "</dl>\n");
        str_free(&text);
        return;
    }
    page_fact(str, "CPU time", unit_duration(run->cpu_ns).text);
    str_clear(&text);
    str_printf(&text, "%s / %s", unit_count((double)run->process_count).text,
               unit_count((double)run->thread_count).text);
    page_fact(str, "processes / threads", str_text(&text));
    if (run->rss_bytes_max)
        page_fact(str, "memory at most", unit_bytes(run->rss_bytes_max).text);
    str_clear(&text);
    phrase_work(&text, verdict);
    if (text.length)
        page_fact(str, "work", str_text(&text));
    str_append(str, "</dl>\n");
    str_free(&text);
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
        page_remarks(str, &verdict->run.grade);
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
    page_gain(str, verdict, finding);
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

EXPORT_FUNCTION(html_export_write)
{
    struct str title = {0};

    phrase_subject(&title, verdict);
    page_begin(ret_text, title.length ? str_text(&title) : "a run", "");
    str_free(&title);
    write_hero(ret_text, verdict);
    write_findings(ret_text, verdict);
    page_service(ret_text, verdict);
    page_agents(ret_text, verdict);
    page_heap(ret_text, verdict->heap);
    page_gc(ret_text, verdict);
    int status = phrase_serves(verdict) ? 0 : page_stages(ret_text, verdict, err);
    if (!status)
        status = page_timeline(ret_text, verdict, err);
    if (!status)
        status = page_flame(ret_text, verdict, err);
    if (status)
        return status;
    page_io(ret_text, verdict);
    write_cleared(ret_text, verdict);
    page_trust(ret_text, verdict);
    str_append(ret_text, "</main>\n");
    page_foot(ret_text, verdict, options->file);
    page_end(ret_text);
    return 0;
}
