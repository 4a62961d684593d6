/* SPDX-License-Identifier: Apache-2.0 */
#include "report/agents_report.h"

#include <stdio.h>

#include "base/num.h"
#include "report/escape.h"
#include "report/units.h"

#define TEXT_AGENTS_MAX 8
#define TEXT_TASKS_MAX  3
#define NAME_COLUMNS    20
#define RATIO_COLUMNS   7
#define WIDE_COLUMNS    98 /* all that agents did, beside their names, tokens and cost */
/* Order of doing_names: own, api, tool, agent, human, rate_limit, idle, unknown. */
#define SHOWN_DOINGS 7

static const char *const heads[SHOWN_DOINGS] = {"own", "API", "tool", "agent", "human", "limit", "idle"};

struct unit money_text(const struct agents_facts *facts, double usd)
{
    struct unit unit;
    if (!facts->is_priced)
        snprintf(unit.text, sizeof unit.text, "unpriced");
    else
        snprintf(unit.text, sizeof unit.text, usd > 0 && usd < 0.1 ? "$%.4f" : "$%.2f", usd);
    return unit;
}

struct unit tokens_text(double tokens)
{
    struct unit unit;
    if (tokens >= 1e9)
        snprintf(unit.text, sizeof unit.text, "%.1fG", tokens / 1e9);
    else if (tokens >= 1e6)
        snprintf(unit.text, sizeof unit.text, "%.1fM", tokens / 1e6);
    else if (tokens >= 1e4)
        snprintf(unit.text, sizeof unit.text, "%.0fk", tokens / 1e3);
    else
        snprintf(unit.text, sizeof unit.text, "%.0f", tokens);
    return unit;
}

double used_tokens(const struct agent_usage *used)
{
    return used->input + used->output + used->cache_read + used->cache_write_5m + used->cache_write_1h;
}

void phrase_bill(struct str *str, const struct agents_facts *facts)
{
    if (facts && facts->is_priced && facts->used.usd > 0)
        str_printf(str, " and cost %s", money_text(facts, facts->used.usd).text);
}

void phrase_agents(struct str *str, const struct agents_facts *facts)
{
    const struct savings *savings = &facts->savings;
    str_printf(str, "%zu agent%s, %s parallel efficiency, %s tokens, %s", facts->agent_count,
               facts->agent_count == 1 ? "" : "s", unit_ratio(facts->parallel_efficiency_ratio).text,
               tokens_text(used_tokens(&facts->used)).text, money_text(facts, facts->used.usd).text);
    if (facts->unpriced_count && facts->is_priced)
        str_printf(str, " and %llu responses without a price", (unsigned long long)facts->unpriced_count);
    bool has_time = savings->ns > 0, has_money = savings->usd >= 0.01;
    if (!has_time && !has_money)
        return;
    str_append(str, "; all findings together save ");
    if (has_money)
        str_printf(str, "$%.2f ($%.2f to $%.2f)%s", savings->usd, savings->usd_low, savings->usd_high,
                   has_time ? " and " : "");
    if (has_time)
        str_printf(str, "%s (%s to %s)", unit_duration(savings->ns).text, unit_duration(savings->ns_low).text,
                   unit_duration(savings->ns_high).text);
}

/* --- for a terminal --- */

static void text_ratio(struct str *str, uint64_t part, uint64_t whole)
{
    str_printf(str, "%*s", RATIO_COLUMNS, part == 0 ? "" : unit_ratio(num_ratio(part, whole)).text);
}

static void text_name(const struct text_page *page, const char *name, size_t columns)
{
    struct str cut = {0};
    escape_plain_cut(&cut, name, columns, page->options->ascii);
    text_blanks(page->str, 2);
    str_append(page->str, str_text(&cut));
    size_t used = escape_columns(str_text(&cut));
    text_blanks(page->str, columns > used ? columns - used : 0);
    str_free(&cut);
}

static void text_agent(const struct text_page *page, const struct agents_facts *facts,
                       const struct agent_entry *agent, bool is_wide)
{
    uint64_t life = agent->end_ns - num_min(agent->start_ns, agent->end_ns);
    text_name(page, agent->name, NAME_COLUMNS);
    str_printf(page->str, "%9s", unit_duration(life).text);
    for (size_t i = 0; i < SHOWN_DOINGS && is_wide; i++)
        text_ratio(page->str, agent->ns[i], life);
    if (!is_wide)
        text_ratio(page->str, agent->busy_ns, life);
    str_printf(page->str, "%7s%10s\n", tokens_text(used_tokens(&agent->used)).text,
               money_text(facts, agent->used.usd).text);
}

void text_agents(const struct text_page *page, const struct agents_facts *facts)
{
    struct str line = {0};
    bool is_wide = page->width >= WIDE_COLUMNS;
    str_append(page->str, "\n");
    text_styled(page, STYLE_STRONG, "Agents");
    text_blanks(page->str, 2);
    phrase_agents(&line, facts);
    str_append(&line, ".");
    text_wrap(page, str_text(&line), 8, 8);
    str_printf(page->str, "  %-*s%9s", NAME_COLUMNS, "", "lives");
    for (size_t i = 0; i < SHOWN_DOINGS && is_wide; i++)
        str_printf(page->str, "%*s", RATIO_COLUMNS, heads[i]);
    if (!is_wide)
        str_printf(page->str, "%*s", RATIO_COLUMNS, "busy");
    str_printf(page->str, "%7s%10s\n", "tokens", "cost");
    for (size_t i = 0; i < facts->agent_count && i < TEXT_AGENTS_MAX; i++)
        text_agent(page, facts, &facts->agents[i], is_wide);
    if (facts->agent_count > TEXT_AGENTS_MAX)
        str_printf(page->str, "  and %zu more\n", facts->agent_count - TEXT_AGENTS_MAX);
    if (facts->task_count > 1) {
        text_styled(page, STYLE_STRONG, "Slowest tasks");
        str_append(page->str, "\n");
    }
    for (size_t i = 0; i < facts->task_count && i < TEXT_TASKS_MAX && facts->task_count > 1; i++) {
        const struct agent_task_entry *task = &facts->tasks[i];
        text_name(page, task->name, NAME_COLUMNS + 9);
        str_printf(page->str, "%9s%7s%10s\n", unit_duration(task->busy_ns).text,
                   tokens_text(task->tokens).text, money_text(facts, task->usd).text);
    }
    if (facts->granularity) {
        str_clear(&line);
        str_append(&line, facts->granularity);
        str_append(&line, ".");
        text_styled(page, STYLE_STRONG, "Phases");
        text_blanks(page->str, 2);
        text_wrap(page, str_text(&line), 8, 8);
    }
    str_free(&line);
}

/* --- Markdown --- */

void markdown_agents(struct str *str, const struct agents_facts *facts)
{
    str_append(str, "### Agents\n\n");
    str_append(str, "| agent | lives | own | API | tool | agent | human | limit | idle | tokens | cost |\n"
                    "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
    for (size_t i = 0; i < facts->agent_count; i++) {
        const struct agent_entry *agent = &facts->agents[i];
        uint64_t life = agent->end_ns - num_min(agent->start_ns, agent->end_ns);
        str_append(str, "| ");
        escape_markdown(str, agent->name);
        str_printf(str, " | %s", unit_duration(life).text);
        for (size_t j = 0; j < SHOWN_DOINGS; j++)
            str_printf(str, " | %s", unit_ratio(num_ratio(agent->ns[j], life)).text);
        str_printf(str, " | %s | %s |\n", tokens_text(used_tokens(&agent->used)).text,
                   money_text(facts, agent->used.usd).text);
    }
    str_append(str, "\n| slowest tasks | of | works | tokens | cost |\n|---|---|---:|---:|---:|\n");
    for (size_t i = 0; i < facts->task_count; i++) {
        const struct agent_task_entry *task = &facts->tasks[i];
        str_append(str, "| ");
        escape_markdown(str, task->name);
        str_append(str, " | ");
        escape_markdown(str, task->agent);
        str_printf(str, " | %s | %s | %s |\n", unit_duration(task->busy_ns).text,
                   tokens_text(task->tokens).text, money_text(facts, task->usd).text);
    }
    str_append(str, "\n");
    if (facts->granularity) {
        str_append(str, "Phases: ");
        escape_markdown(str, facts->granularity);
        str_append(str, ".\n\n");
    }
}

/* --- JSON --- */

void json_savings(struct json_writer *json, const struct savings *savings)
{
    json_open(json, "savings", '{');
    json_number(json, "cost_usd", savings->usd);
    json_number(json, "cost_usd_low", savings->usd_low);
    json_number(json, "cost_usd_high", savings->usd_high);
    json_u64(json, "time_ns", savings->ns);
    json_u64(json, "time_ns_low", savings->ns_low);
    json_u64(json, "time_ns_high", savings->ns_high);
    json_close(json, '}');
}

static void json_cost(struct json_writer *json, const struct agents_facts *facts, double usd)
{
    if (facts->is_priced)
        json_number(json, "cost_usd", usd);
    else
        json_nothing(json, "cost_usd");
}

static void json_used(struct json_writer *json, const struct agents_facts *facts,
                      const struct agent_usage *used)
{
    json_open(json, "usage", '{');
    json_number(json, "tokens_input", used->input);
    json_number(json, "tokens_output", used->output);
    json_number(json, "tokens_cache_read", used->cache_read);
    json_number(json, "tokens_cache_write_5m", used->cache_write_5m);
    json_number(json, "tokens_cache_write_1h", used->cache_write_1h);
    json_number(json, "tokens_reasoning", used->reasoning);
    json_cost(json, facts, used->usd);
    json_close(json, '}');
}

static void json_agent(struct json_writer *json, const struct agents_facts *facts,
                       const struct agent_entry *agent)
{
    json_open(json, NULL, '{');
    json_text(json, "name", agent->name);
    json_text(json, "kind", agent->kind[0] ? agent->kind : NULL);
    json_text(json, "title", agent->title[0] ? agent->title : NULL);
    json_text(json, "parent", agent->parent);
    json_u64(json, "start_ns", agent->start_ns);
    json_u64(json, "end_ns", agent->end_ns);
    json_u64(json, "busy_ns", agent->busy_ns);
    json_open(json, "time_ns", '{');
    for (size_t i = 0; i < AGENT_DOINGS; i++)
        json_u64(json, facts->doing_names[i], agent->ns[i]);
    json_close(json, '}');
    json_used(json, facts, &agent->used);
    json_number(json, "context_tokens_max", agent->context_tokens_max);
    json_u64(json, "response_count", agent->call_count);
    json_u64(json, "tool_count", agent->tool_count);
    json_u64(json, "task_count", agent->task_count);
    json_close(json, '}');
}

static void json_tasks(struct json_writer *json, const struct agents_facts *facts)
{
    json_open(json, "tasks", '[');
    for (size_t i = 0; i < facts->task_count; i++) {
        const struct agent_task_entry *task = &facts->tasks[i];
        json_open(json, NULL, '{');
        json_text(json, "name", task->name);
        json_text(json, "agent", task->agent);
        json_u64(json, "start_ns", task->start_ns);
        json_u64(json, "end_ns", task->end_ns);
        json_u64(json, "busy_ns", task->busy_ns);
        json_number(json, "tokens", task->tokens);
        json_cost(json, facts, task->usd);
        json_u64(json, "response_count", task->call_count);
        json_close(json, '}');
    }
    json_close(json, ']');
    json_u64(json, "task_left_out_count", facts->task_hidden_count);
    json_open(json, "timeline", '[');
    for (size_t i = 0; i < facts->point_count; i++) {
        const struct agent_point *point = &facts->points[i];
        json_open(json, NULL, '{');
        json_u64(json, "time_ns", point->time_ns);
        json_text(json, "agent", facts->agents[point->agent].name);
        json_number(json, "context_tokens", point->context_tokens);
        json_number(json, "tokens_total", point->tokens_total);
        json_cost(json, facts, point->usd_total);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void json_phases(struct json_writer *json, const struct phases *phases)
{
    if (!phases->name) {
        json_nothing(json, "phases");
        return;
    }
    json_open(json, "phases", '{');
    json_text(json, "granularity", phases->name);
    json_number(json, "parallel_potential_ratio", phases->potential_ratio);
    json_number(json, "dependency_density_ratio", phases->density_ratio);
    json_u64(json, "dependency_count", phases->dependency_count);
    json_u64(json, "now_count", phases->now_count);
    json_u64(json, "proposed_low", phases->low);
    json_u64(json, "proposed_high", phases->high);
    json_close(json, '}');
}

void json_agents(struct json_writer *json, const struct agents_facts *facts)
{
    json_open(json, "agents", '{');
    json_u64(json, "makespan_ns", facts->makespan_ns);
    json_u64(json, "busy_ns", facts->busy_ns);
    json_number(json, "parallel_efficiency_ratio", facts->parallel_efficiency_ratio);
    json_used(json, facts, &facts->used);
    json_u64(json, "response_count", facts->call_count);
    json_u64(json, "unpriced_count", facts->unpriced_count);
    json_u64(json, "partial_count", facts->partial_count);
    json_savings(json, &facts->savings);
    json_text(json, "granularity", facts->granularity);
    json_phases(json, &facts->phases);
    json_open(json, "agents", '[');
    for (size_t i = 0; i < facts->agent_count; i++)
        json_agent(json, facts, &facts->agents[i]);
    json_close(json, ']');
    json_tasks(json, facts);
    json_close(json, '}');
}
