/* SPDX-License-Identifier: Apache-2.0 */
/* page_agents: the agents of a run in the HTML report: their lives as bars, their bill, and tokens and context over time. */
#include <math.h>

#include "base/num.h"
#include "report/agents_report.h"
#include "report/page.h"
#include "report/units.h"

#define PLOT_WIDTH  1000
#define PLOT_HEIGHT 160
#define AGENTS_MAX  60

/* Order of doing_names, in the colours of the page's legend. */
static const char *const classes[AGENT_DOINGS] = {"d-cpu",   "d-remote",     "d-ipc",  "d-child",
                                                  "d-human", "d-rate_limit", "d-idle", "d-unknown"};
static const char *const words[AGENT_DOINGS] = {"own work", "a model's API", "tools", "another agent",
                                                "a human",  "a rate limit",  "idle",  "unknown"};

static void write_legend(struct str *str, const struct agents_facts *facts)
{
    str_append(str, "<ul class=\"legend\">");
    for (size_t i = 0; i < AGENT_DOINGS; i++) {
        uint64_t sum = 0;
        for (size_t j = 0; j < facts->agent_count; j++)
            sum += facts->agents[j].ns[i];
        if (sum)
            str_printf(str, "<li><i class=\"%s\"></i>%s</li>", classes[i], words[i]);
    }
    str_append(str, "</ul>\n");
}

static void write_agent(struct str *str, const struct agents_facts *facts, const struct agent_entry *agent)
{
    uint64_t life = agent->end_ns - num_min(agent->start_ns, agent->end_ns);
    str_append(str, "<div class=\"stage\"><div class=\"name\"");
    page_title_attribute(str, agent->title[0] ? agent->title : agent->name);
    str_append(str, ">");
    page_text(str, agent->name);
    str_append(str, "</div><div class=\"bars\"><div class=\"bar\">");
    for (size_t i = 0; i < AGENT_DOINGS; i++) {
        double ratio = num_ratio(agent->ns[i], life);
        if (ratio > 0.001)
            str_printf(str, "<i class=\"%s\" style=\"width:%.2f%%\" title=\"%s %s\"></i>", classes[i],
                       100 * ratio, words[i], unit_duration(agent->ns[i]).text);
    }
    str_printf(str, "</div></div><div class=\"share\"><b>%s</b> %s</div>",
               money_text(facts, agent->used.usd).text, unit_duration(life).text);
    str_printf(str,
               "<div class=\"facts\"><span>busy %s</span><span>%s tokens</span><span>%llu responses</span>"
               "<span>%llu tool calls</span><span>context up to %s</span></div></div>\n",
               unit_duration(agent->busy_ns).text, tokens_text(used_tokens(&agent->used)).text,
               (unsigned long long)agent->call_count, (unsigned long long)agent->tool_count,
               tokens_text(agent->context_tokens_max).text);
}

/* One line: steps of a value over the run. */
static void write_line(struct str *str, const struct agents_facts *facts, size_t agent, double most)
{
    bool is_total = agent == SIZE_MAX;
    size_t count = 0;
    for (size_t i = 0; i < facts->point_count; i++) {
        const struct agent_point *point = &facts->points[i];
        if (!is_total && point->agent != agent)
            continue;
        double x = PLOT_WIDTH * num_ratio(point->time_ns, facts->makespan_ns);
        double value = is_total ? point->tokens_total : point->context_tokens;
        double y = PLOT_HEIGHT - 6 - (PLOT_HEIGHT - 12) * (most > 0 ? value / most : 0);
        if (!count)
            str_printf(str, "<path class=\"%s\" style=\"--h:%zu\" d=\"", is_total ? "total" : "context",
                       is_total ? 0 : agent * 47 % 360);
        str_printf(str, "%s%.1f %.1f", count++ ? "L" : "M", x, y);
    }
    if (!count)
        return;
    str_append(str, "\"><title>");
    page_text(str, is_total ? "tokens used so far" : facts->agents[agent].name);
    str_append(str, "</title></path>");
}

static void write_plot(struct str *str, const struct agents_facts *facts, bool is_total)
{
    double most = 0;
    for (size_t i = 0; i < facts->point_count; i++)
        most = fmax(most, is_total ? facts->points[i].tokens_total : facts->points[i].context_tokens);
    if (facts->point_count < 2)
        return;
    str_printf(str, "<figure class=\"usage\"><figcaption>%s <b>%s</b></figcaption>",
               is_total ? "Tokens used so far, by all:"
                        : "Context of each request, a line for each agent; the largest:",
               tokens_text(most).text);
    str_printf(str, "<svg viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" role=\"img\">", PLOT_WIDTH,
               PLOT_HEIGHT);
    if (is_total)
        write_line(str, facts, SIZE_MAX, most);
    for (size_t i = 0; i < facts->agent_count && i < AGENTS_MAX && !is_total; i++)
        write_line(str, facts, i, most);
    str_printf(str,
               "</svg><div class=\"axis\"><span style=\"left:0\">0</span><span "
               "style=\"right:0\">%s</span></div></figure>\n",
               unit_duration(facts->makespan_ns).text);
}

static void write_tasks(struct str *str, const struct agents_facts *facts)
{
    if (facts->task_count < 2)
        return;
    str_append(str, "<h3 class=\"below\">Slowest "
                    "tasks</h3>\n<table><thead><tr><th>task</th><th>agent</th><th class=\"number\">works</th>"
                    "<th class=\"number\">tokens</th><th class=\"number\">cost</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < facts->task_count; i++) {
        const struct agent_task_entry *task = &facts->tasks[i];
        str_append(str, "<tr>");
        page_element(str, "td", "", task->name);
        page_element(str, "td", "", task->agent);
        page_element(str, "td", " class=\"number\"", unit_duration(task->busy_ns).text);
        page_element(str, "td", " class=\"number\"", tokens_text(task->tokens).text);
        page_element(str, "td", " class=\"number\"", money_text(facts, task->usd).text);
        str_append(str, "</tr>\n");
    }
    str_append(str, "</tbody></table>\n");
}

void page_agent_facts(struct str *str, const struct agents_facts *facts)
{
    page_fact(str, "agents", unit_count((double)facts->agent_count).text);
    page_fact(str, "parallel efficiency", unit_ratio(facts->parallel_efficiency_ratio).text);
    page_fact(str, "tokens", tokens_text(used_tokens(&facts->used)).text);
    page_fact(str, "cost", money_text(facts, facts->used.usd).text);
}

void page_agents(struct str *str, const struct verdict *verdict)
{
    const struct agents_facts *facts = verdict->agents;
    struct str line = {0};
    if (!facts)
        return;
    phrase_agents(&line, facts);
    str_append(&line, ".");
    str_append(str, "<section id=\"agents\"><h2>Agents</h2>\n");
    page_element(str, "p", " class=\"note\"", str_text(&line));
    write_legend(str, facts);
    str_append(str, "<div class=\"stages\">\n");
    for (size_t i = 0; i < facts->agent_count && i < AGENTS_MAX; i++)
        write_agent(str, facts, &facts->agents[i]);
    str_append(str, "</div>\n");
    if (facts->agent_count > AGENTS_MAX)
        str_printf(str, "<p class=\"note\">%zu more agents are not shown.</p>\n",
                   facts->agent_count - AGENTS_MAX);
    write_plot(str, facts, true);
    write_plot(str, facts, false);
    write_tasks(str, facts);
    if (facts->granularity) {
        str_clear(&line);
        str_printf(&line, "Phases: %s.", facts->granularity);
        page_element(str, "p", " class=\"note\"", str_text(&line));
    }
    str_append(str, "</section>\n");
    str_free(&line);
}
