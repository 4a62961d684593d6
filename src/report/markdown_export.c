/* SPDX-License-Identifier: Apache-2.0 */
/* markdown_export: a page for an issue or a pull request (GitHub Flavored Markdown); all findings, with evidence. */
#include "base/num.h"
#include "report/agents_report.h"
#include "report/escape.h"
#include "report/heap_report.h"
#include "report/internal.h"
#include "report/phrases.h"
#include "report/service_phrases.h"
#include "report/units.h"

#define SHARES_MAX 100

static void write_head(struct str *str, const struct verdict *verdict)
{
    struct str text = {0};

    str_append(str, "## toll: ");
    phrase_subject(&text, verdict);
    escape_markdown_code(str, text.length ? str_text(&text) : "a run", false);
    if (!verdict->service)
        str_printf(str, " took %s", unit_duration(verdict->run.wall_ns).text);
    phrase_bill(str, verdict->agents);
    str_append(str, "\n\n");
    str_clear(&text);
    if (verdict->service) {
        phrase_service(&text, verdict);
    } else if (verdict->agents) {
        phrase_agents(&text, verdict->agents);
    } else {
        if (phrase_knows_exit(&verdict->run)) {
            phrase_exit(&text, &verdict->run);
            str_append(&text, ". ");
        }
        phrase_work(&text, verdict);
    }
    phrase_sentence(str, str_text(&text));
    str_append(str, "\n\n");
    str_clear(&text);
    if (phrase_poor(&text, verdict)) {
        str_append(str, "> **Beware:** ");
        escape_markdown(str, str_text(&text));
        str_append(str, ".\n\n");
    }
    str_free(&text);
}

static void write_finding(struct str *str, const struct verdict *verdict, const struct finding *finding)
{
    struct str text = {0};

    str_printf(str, "### %s: ", priority_name(finding->priority));
    phrase_title(&text, finding);
    escape_markdown(str, str_text(&text));
    str_append(str, "\n\n");
    str_clear(&text);
    phrase_fix(&text, finding);
    str_append(str, "**");
    escape_markdown(str, str_text(&text));
    str_append(str, text.length ? "**: " : "Gain**: ");
    str_clear(&text);
    phrase_gain(&text, verdict, finding);
    escape_markdown(str, text.length ? str_text(&text) : "not known");
    str_append(str, ".\n\n");
    if (finding->change) {
        str_append(str, "Change: ");
        escape_markdown_code(str, finding->change, false);
        if (finding->assumption) {
            str_append(str, " (");
            escape_markdown(str, finding->assumption);
            str_append(str, ")");
        }
        str_append(str, "\n\n");
    }
    for (size_t i = 0; i < finding->evidence_count; i++) {
        str_append(str, "- ");
        escape_markdown(str, finding->evidence[i]);
        str_append(str, "\n");
    }
    if (finding->evidence_count)
        str_append(str, "\n");
    str_free(&text);
}

static void write_findings(struct str *str, const struct verdict *verdict)
{
    struct str text = {0};

    for (size_t i = 0; i < verdict->finding_count; i++)
        write_finding(str, verdict, &verdict->findings[i]);
    if (verdict->finding_count)
        return;
    phrase_no_finding(&text, verdict);
    text.text[0] = 'N';
    escape_markdown(str, str_text(&text));
    str_append(str, ".\n\n");
    str_free(&text);
}

static int write_shares(struct str *str, const struct verdict *verdict, struct err *err)
{
    struct share_list list;

    if (!verdict->path_count)
        return 0;
    if (phrase_shares(verdict, &list))
        return err_memory(err);
    str_append(str, "### Where the time went\n\n| where | share | time | mostly |\n|---|---:|---:|---|\n");
    for (size_t i = 0; i < list.shares.count && i < SHARES_MAX; i++) {
        const struct share *share = &list.shares.items[i];
        const char *detail = phrase_detail(share->parts.items[0].where);
        struct str text = {0};
        phrase_share(&text, verdict, share);
        str_append(str, "| ");
        escape_markdown(str, str_text(&text));
        str_printf(str, " | %s | %s | %s", unit_ratio(share->ratio).text, unit_duration(share->ns).text,
                   phrase_doing_short(share->parts.items[0].doing));
        if (detail && detail != share->process) {
            str_append(str, " ");
            escape_markdown_code(str, detail, true);
        }
        str_append(str, " |\n");
        str_free(&text);
    }
    if (list.shares.count > SHARES_MAX)
        str_printf(str, "\nSmaller ones not shown: %zu.\n", list.shares.count - SHARES_MAX);
    str_append(str, "\n");
    phrase_shares_free(&list);
    return 0;
}

static void write_request(struct str *str, const char *which, const struct path_entry *path, size_t count)
{
    if (!count)
        return;
    str_printf(
        str, "### Where a request's time goes, %s\n\n| where | share | time | doing |\n|---|---:|---:|---|\n",
        which);
    for (size_t i = 0; i < count; i++) {
        const char *detail = phrase_detail(&path[i].where);
        str_append(str, "| ");
        escape_markdown(str, path[i].where.process ? path[i].where.process : "");
        str_printf(str, " | %s | %s | %s", unit_ratio(path[i].ratio).text, unit_duration(path[i].ns).text,
                   phrase_doing_short(path[i].doing));
        if (detail && detail != path[i].where.process) {
            str_append(str, " ");
            escape_markdown_code(str, detail, true);
        }
        str_append(str, " |\n");
    }
    str_append(str, "\n");
}

static void write_service(struct str *str, const struct service *service)
{
    str_append(str, "### What is in use\n\n| what | in use | of each request |\n|---|---:|---|\n");
    for (size_t i = 0; i < service->resource_count; i++) {
        struct str text = {0};
        phrase_resource(&text, &service->resources[i]);
        str_append(str, "| ");
        escape_markdown(str, str_text(&text));
        str_printf(str, " | %s | ", unit_ratio(service->resources[i].utilisation_ratio).text);
        str_clear(&text);
        phrase_demand(&text, &service->resources[i]);
        escape_markdown(str, str_text(&text));
        str_append(str, " |\n");
        str_free(&text);
    }
    str_append(str, "\n");
    write_request(str, "near the median", service->path_p50, service->path_p50_count);
    write_request(str, "among the slowest hundredth", service->path_p99, service->path_p99_count);
}

static void write_cleared(struct str *str, const struct verdict *verdict)
{
    if (!verdict->cleared_count)
        return;
    str_append(
        str,
        verdict->service
            ? "### Not to blame\n\n| where | in use | faster at most, with more of it |\n|---|---:|---:|\n"
            : "### Not to blame\n\n| where | share | faster at most, if it were free |\n|---|---:|---:|\n");
    for (size_t i = 0; i < verdict->cleared_count; i++) {
        struct str text = {0};
        phrase_where(&text, &verdict->cleared[i].where);
        str_append(str, "| ");
        escape_markdown(str, str_text(&text));
        str_printf(str, " | %s | %s |\n", unit_ratio(verdict->cleared[i].critical_ratio).text,
                   unit_factor(verdict->cleared[i].factor_max).text);
        str_free(&text);
    }
    str_append(str, "\n");
}

EXPORT_FUNCTION(markdown_export_write)
{
    struct str text = {0};

    (void)options;
    write_head(ret_text, verdict);
    write_findings(ret_text, verdict);
    if (phrase_serves(verdict))
        write_service(ret_text, verdict->service);
    int status = phrase_serves(verdict) ? 0 : write_shares(ret_text, verdict, err);
    if (status)
        return status;
    if (verdict->agents)
        markdown_agents(ret_text, verdict->agents);
    if (verdict->heap)
        markdown_heap(ret_text, verdict->heap);
    markdown_gc(ret_text, verdict);
    write_cleared(ret_text, verdict);
    phrase_trust(&text, verdict);
    str_append(ret_text, "Trust: ");
    escape_markdown(ret_text, str_text(&text));
    str_append(ret_text, "\n");
    for (size_t i = 0; i < verdict->run.grade.remark_count; i++) {
        str_append(ret_text, "- ");
        escape_markdown(ret_text, verdict->run.grade.remarks[i]);
        str_append(ret_text, "\n");
    }
    str_free(&text);
    return 0;
}
