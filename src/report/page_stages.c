/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page_stages: two bars a stage. The strong one is its share of the run's critical path, by what was done there;
 * the thin one is its own time, all calls added up, CPU against waits.
 */
#include <string.h>

#include "base/num.h"
#include "report/page.h"
#include "report/phrases.h"
#include "report/units.h"

#define STAGES_MAX 30
#define STAGES_MIN 5 /* shown however small they are; others from RATIO_MIN on */
#define RATIO_MIN  0.001

static const struct stage *find_stage(const struct verdict *verdict, const char *name)
{
    for (size_t i = 0; name && i < verdict->stage_count; i++)
        if (strcmp(verdict->stages[i].name, name) == 0)
            return &verdict->stages[i];
    return NULL;
}

static void write_piece(struct str *str, int doing, double width_ratio, const char *title)
{
    double width = width_ratio < 0 ? 0 : width_ratio > 1 ? 1 : width_ratio;

    if (width <= 0)
        return;
    str_printf(str, "<i class=\"d-%s\" style=\"width:%.2f%%\"", doing_name(doing), width * 100);
    page_title_attribute(str, title);
    str_append(str, "></i>");
}

static void write_critical(struct str *str, const struct verdict *verdict, const struct share *share)
{
    str_append(str, "<div class=\"bar\">");
    for (size_t i = 0; i < share->parts.count; i++) {
        const struct share_part *part = &share->parts.items[i];
        const char *detail = phrase_detail(part->where);
        struct str title = {0};
        str_printf(&title, "%s%s%s: %s, %s of the run", phrase_doing(part->doing), detail ? ", mostly " : "",
                   detail ? detail : "", unit_duration(part->ns).text,
                   unit_ratio(num_ratio(part->ns, verdict->run.wall_ns)).text);
        write_piece(str, part->doing, num_ratio(part->ns, verdict->run.wall_ns), str_text(&title));
        str_free(&title);
    }
    str_append(str, "</div>");
}

static void write_own(struct str *str, const struct stage *stage)
{
    uint64_t total = stage->cpu_ns;

    for (int reason = 0; reason < WAIT_REASON_COUNT; reason++)
        total += stage->wait_ns[reason];
    if (!total)
        return;
    str_append(str, "<div class=\"bar thin\">");
    for (int doing = DOING_CPU; doing < WAIT_REASON_COUNT; doing++) {
        uint64_t ns = doing == DOING_CPU ? stage->cpu_ns : stage->wait_ns[doing];
        struct str title = {0};
        str_printf(&title, "all calls: %s %s", phrase_doing(doing), unit_duration(ns).text);
        write_piece(str, doing, num_ratio(ns, total), str_text(&title));
        str_free(&title);
    }
    str_append(str, "</div>");
}

static void write_facts(struct str *str, const struct stage *stage)
{
    str_append(str, "<div class=\"facts\">");
    str_printf(str, "<span>%s %s</span><span>%s in all</span><span>%s CPU</span>",
               unit_count((double)stage->call_count).text, stage->call_count == 1 ? "call" : "calls",
               unit_duration(stage->wall_ns).text, unit_duration(stage->cpu_ns).text);
    if (stage->rss_bytes_max)
        str_printf(str, "<span>%s memory</span>", unit_bytes(stage->rss_bytes_max).text);
    for (size_t i = 0; i < stage->usage_count; i++) {
        const struct usage_entry *usage = &stage->usage[i];
        bool is_bytes = strcmp(usage->kind, "bytes") == 0 && usage->amount >= 0 && usage->amount < 1e18;
        str_append(str, "<span>");
        if (is_bytes) {
            str_append(str, unit_bytes((uint64_t)usage->amount).text);
        } else if (strcmp(usage->kind, "cost_usd") == 0) {
            str_printf(str, "$%.3f", usage->amount);
        } else {
            str_printf(str, "%s ", unit_count(usage->amount).text);
            page_text(str, usage->kind);
        }
        str_append(str, "</span>");
    }
    str_append(str, "</div>");
}

static void write_row(struct str *str, const struct verdict *verdict, const struct share *share)
{
    const struct stage *stage = find_stage(verdict, share->stage ? share->stage : share->process);
    struct str name = {0};

    phrase_share(&name, verdict, share);
    str_append(str, "<div class=\"stage\">");
    str_append(str, "<div class=\"name\"");
    page_title_attribute(str, str_text(&name));
    str_append(str, ">");
    page_text(str, str_text(&name));
    str_append(str, "</div><div class=\"bars\">");
    write_critical(str, verdict, share);
    if (stage)
        write_own(str, stage);
    str_append(str, "</div>");
    str_append(str, "<div class=\"share\">");
    page_element(str, "b", "", unit_ratio(share->ratio).text);
    str_printf(str, " %s</div>", unit_duration(share->ns).text);
    if (stage)
        write_facts(str, stage);
    str_append(str, "</div>\n");
    str_free(&name);
}

static void mark_used(const struct verdict *verdict, bool *ret_used)
{
    for (size_t i = 0; i < verdict->path_count; i++)
        ret_used[page_doing_index(verdict->path[i].doing)] = true;
    for (size_t i = 0; i < verdict->stage_count; i++)
        for (int reason = 0; reason < WAIT_REASON_COUNT; reason++)
            if (verdict->stages[i].wait_ns[reason])
                ret_used[page_doing_index(reason)] = true;
}

int page_stages(struct str *str, const struct verdict *verdict, struct err *err)
{
    struct share_list list;
    bool is_used[PAGE_DOING_COUNT] = {false};

    if (!verdict->path_count)
        return 0;
    if (phrase_shares(verdict, &list))
        return err_memory(err);
    str_append(
        str,
        "<section id=\"stages\"><h2>Where the time went</h2>\n<p class=\"note\">The strong bar is the part "
        "of "
        "the run that waited for this stage; together they are the whole run. The thin bar is the stage's "
        "own time, all calls added up.</p>\n");
    mark_used(verdict, is_used);
    page_legend(str, is_used);
    str_append(str, "<div class=\"stages\">\n");
    size_t shown = 0;
    while (shown < list.shares.count && shown < STAGES_MAX &&
           (shown < STAGES_MIN || list.shares.items[shown].ratio >= RATIO_MIN))
        write_row(str, verdict, &list.shares.items[shown++]);
    str_append(str, "</div>\n");
    if (list.shares.count > shown)
        str_printf(str, "<p class=\"note\">Smaller ones not shown: %zu.</p>\n", list.shares.count - shown);
    str_append(str, "</section>\n");
    phrase_shares_free(&list);
    return 0;
}
