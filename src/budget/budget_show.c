/* SPDX-License-Identifier: Apache-2.0 */
#include "budget/budget_show.h"

#include <math.h>
#include <stdio.h>

#include "report/escape.h"
#include "report/units.h"

#define MODEL_COLUMNS 60u

struct dollars {
    char text[32];
};

/* Cents, and more digits for less than ten of them. */
static struct dollars dollars(double usd)
{
    struct dollars dollars;
    snprintf(dollars.text, sizeof dollars.text, usd != 0 && usd < 0.1 ? "$%.4f" : "$%.2f", usd);
    return dollars;
}

static void share(struct str *text, double used, double limit)
{
    str_printf(text, " (%s)", used > 0 ? unit_ratio(used / limit).text : "0 %");
}

void budget_line(const struct budget_state *state, struct str *ret_text)
{
    const struct budget_limits *limits = &state->limits;
    const struct spend_total *spent = &state->spent;
    str_append(ret_text, unit_count((double)spent->tokens).text);
    if (limits->tokens)
        str_printf(ret_text, " of %s", unit_count((double)limits->tokens).text);
    str_append(ret_text, " tokens");
    if (limits->tokens)
        share(ret_text, (double)spent->tokens, (double)limits->tokens);
    bool is_unpriced = spent->unpriced_count && spent->unpriced_count == spent->call_count;
    str_printf(ret_text, ", %s", is_unpriced ? "unpriced" : dollars(spent->cost_usd).text);
    if (limits->cost_usd > 0) {
        str_printf(ret_text, " of %s", dollars(limits->cost_usd).text);
        if (!is_unpriced)
            share(ret_text, spent->cost_usd, limits->cost_usd);
    }
    if (state->elapsed_ns)
        str_printf(ret_text, ", %s", unit_duration(state->elapsed_ns).text);
    if (limits->time_ns) {
        str_printf(ret_text, " of %s", unit_duration(limits->time_ns).text);
        share(ret_text, (double)state->elapsed_ns, (double)limits->time_ns);
    }
}

void budget_verdict(const struct budget_state *state, struct str *ret_text)
{
    const struct spend_total *spent = &state->spent;
    struct str limit = {0}, used = {0};
    switch (state->exceeded) {
    case BUDGET_TOKENS:
        str_printf(&limit, "%s tokens", unit_count((double)state->limits.tokens).text);
        str_printf(&used, "%s", unit_count((double)spent->tokens).text);
        break;
    case BUDGET_COST:
        str_append(&limit, dollars(state->limits.cost_usd).text);
        str_append(&used, dollars(spent->cost_usd).text);
        break;
    case BUDGET_TIME:
        str_append(&limit, unit_duration(state->limits.time_ns).text);
        str_append(&used, unit_duration(state->elapsed_ns).text);
        break;
    case BUDGET_NONE: budget_line(state, ret_text); return;
    }
    str_printf(ret_text, "the budget of %s is used up: %s", str_text(&limit), str_text(&used));
    if (spent->call_count)
        str_printf(ret_text, " in %s call%s", unit_count((double)spent->call_count).text,
                   spent->call_count == 1 ? "" : "s");
    if (state->exceeded != BUDGET_TIME && state->elapsed_ns)
        str_printf(ret_text, " after %s", unit_duration(state->elapsed_ns).text);
    if (state->is_stopped)
        str_printf(ret_text, "; its processes were stopped within %s", unit_duration(state->stop_ns).text);
    else if (state->stop_ns)
        str_append(ret_text, "; not all of its processes could be stopped");
    str_free(&limit);
    str_free(&used);
}

void budget_remarks(const struct budget_state *state, struct str *ret_text)
{
    const struct spend_total *spent = &state->spent;
    if (spent->unpriced_count) {
        str_printf(ret_text, "%s of %s calls have no price", unit_count((double)spent->unpriced_count).text,
                   unit_count((double)spent->call_count).text);
        if (*spent->unpriced_model) {
            str_append(ret_text, " (");
            escape_plain_cut(ret_text, spent->unpriced_model, MODEL_COLUMNS, false);
            str_append(ret_text, ")");
        }
        str_append(ret_text, ": the cost is at least that\n");
    }
    if (spent->partial_count)
        str_printf(ret_text,
                   "%s of %s calls wrote no full usage: they count with the most that their text allows\n",
                   unit_count((double)spent->partial_count).text, unit_count((double)spent->call_count).text);
}

static void limit_number(struct json_writer *json, const char *key, double limit)
{
    if (limit > 0)
        json_number(json, key, limit);
    else
        json_nothing(json, key);
}

void budget_json(const struct budget_state *state, bool is_line, struct str *ret_text)
{
    const struct spend_total *spent = &state->spent;
    struct json_writer json = {.str = ret_text, .is_line = is_line};
    bool is_unpriced = spent->unpriced_count && spent->unpriced_count == spent->call_count;
    json_open(&json, NULL, '{');
    json_text(&json, "schema", "toll.budget/1");
    json_text(&json, "exceeded", state->exceeded == BUDGET_NONE ? NULL : budget_kind_name(state->exceeded));
    json_text(&json, "near", state->near == BUDGET_NONE ? NULL : budget_kind_name(state->near));
    json_u64(&json, "tokens", spent->tokens);
    limit_number(&json, "tokens_limit", (double)state->limits.tokens);
    json_number(&json, "cost_usd", is_unpriced ? NAN : spent->cost_usd);
    limit_number(&json, "cost_usd_limit", state->limits.cost_usd);
    json_u64(&json, "time_ns", state->elapsed_ns);
    limit_number(&json, "time_ns_limit", (double)state->limits.time_ns);
    json_u64(&json, "call_count", spent->call_count);
    json_u64(&json, "unpriced_count", spent->unpriced_count);
    json_u64(&json, "partial_count", spent->partial_count);
    json_bool(&json, "is_stopped", state->is_stopped);
    json_u64(&json, "stop_ns", state->stop_ns);
    json_close(&json, '}');
    json_end(&json);
}
