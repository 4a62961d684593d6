/* SPDX-License-Identifier: Apache-2.0 */
/* Items into rows: by what they have in common, each with its sum. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/num.h"
#include "usage/usage_merge.h"

#define TOOLS_MAX 64u
#define QUARTER_S 900 /* a day begins at a whole quarter of an hour everywhere, and clocks change there */
#define NO_NAME   UINT32_MAX

/* What was looked up of one place. */
struct looked_up {
    uint32_t *names; /* string of the shelf -> name; 0: not yet */
    struct map
        agents; /* session and agent -> index in agents of the shelf, + 1 in the low half for kind, the high one for title */
};

struct rollup {
    struct usage_answer *answer;
    const enum usage_key *keys;
    size_t key_count;
    struct usage_rows *rows;
    struct intern row_ids; /* the keys' names as bytes -> row + 1 */
    struct looked_up *places;
    int64_t quarter; /* of the last time that was written out */
    enum usage_key quarter_key;
    uint32_t quarter_name;
};

static uint32_t name_of(struct usage_answer *answer, const char *text)
{
    uint64_t id = 0;
    return intern_put(&answer->names, text, strlen(text), &id, NULL) ? NO_NAME : (uint32_t)id;
}

/* --- keys --- */

static bool time_text(enum usage_key key, const struct tm *parts, char *ret_text, size_t size)
{
    if (key == USAGE_BY_DAY)
        return strftime(ret_text, size, "%Y-%m-%d", parts) != 0;
    if (key == USAGE_BY_WEEK)
        return strftime(ret_text, size, "%G-W%V", parts) != 0;
    return strftime(ret_text, size, "%Y-%m", parts) != 0;
}

static uint32_t time_name(struct rollup *rollup, enum usage_key key, int64_t at_ns)
{
    time_t seconds = (time_t)(at_ns / (int64_t)NS_PER_S);
    int64_t quarter = seconds / QUARTER_S;
    char text[32];
    struct tm parts;
    if (!at_ns)
        return name_of(rollup->answer, USAGE_UNDATED);
    if (rollup->quarter == quarter && rollup->quarter_key == key && rollup->quarter_name)
        return rollup->quarter_name;
    if (!localtime_r(&seconds, &parts) || !time_text(key, &parts, text, sizeof text))
        return name_of(rollup->answer, USAGE_UNDATED);
    rollup->quarter = quarter;
    rollup->quarter_key = key;
    rollup->quarter_name = name_of(rollup->answer, text);
    return rollup->quarter_name;
}

static size_t place_index(const struct rollup *rollup, const struct usage_shelf *shelf)
{
    size_t i = 0;
    while (&rollup->answer->places.items[i]->shelf != shelf)
        i++;
    return i;
}

static uint32_t string_name(struct rollup *rollup, const struct usage_item *item, uint32_t string,
                            const char *none)
{
    struct looked_up *place = &rollup->places[place_index(rollup, item->shelf)];
    if (!place->names[string]) {
        const char *text = shelf_text(item->shelf, string);
        place->names[string] = name_of(rollup->answer, *text ? text : none);
    }
    return place->names[string];
}

static const uint64_t *agent_facts(struct rollup *rollup, const struct usage_item *item)
{
    const struct looked_up *place = &rollup->places[place_index(rollup, item->shelf)];
    return map_get(&place->agents, (uint64_t)item->call.session << 32 | item->call.agent);
}

/* What kind of agent it is, else its id. */
static uint32_t agent_name(struct rollup *rollup, const struct usage_item *item)
{
    const uint64_t *facts = agent_facts(rollup, item);
    uint32_t known = facts ? (uint32_t)*facts : 0;
    if (known)
        return name_of(rollup->answer, shelf_text(item->shelf, item->shelf->agents.items[known - 1].kind));
    return name_of(rollup->answer,
                   item->call.agent ? shelf_text(item->shelf, item->call.agent) : USAGE_MAIN_AGENT);
}

static uint32_t task_name(struct rollup *rollup, const struct usage_item *item)
{
    const uint64_t *facts = agent_facts(rollup, item);
    uint32_t known = facts ? (uint32_t)(*facts >> 32) : 0;
    const char *text = known ? shelf_text(item->shelf, item->shelf->agents.items[known - 1].title)
                             : shelf_text(item->shelf, item->call.task);
    return name_of(rollup->answer, *text ? text : USAGE_NO_TASK);
}

static uint32_t key_name(struct rollup *rollup, enum usage_key key, const struct usage_item *item,
                         uint32_t tool)
{
    switch (key) {
    case USAGE_BY_DAY:
    case USAGE_BY_WEEK:
    case USAGE_BY_MONTH: return time_name(rollup, key, item->call.start_ns);
    case USAGE_BY_SESSION: return string_name(rollup, item, item->call.session, USAGE_UNKNOWN);
    case USAGE_BY_PROJECT: return string_name(rollup, item, item->call.project, USAGE_UNKNOWN);
    case USAGE_BY_AGENT: return agent_name(rollup, item);
    case USAGE_BY_TASK: return task_name(rollup, item);
    case USAGE_BY_MODEL: return string_name(rollup, item, item->call.model, USAGE_UNKNOWN);
    case USAGE_BY_SOURCE: return name_of(rollup->answer, item->shelf->source->name);
    case USAGE_BY_TOOL: break;
    }
    return tool;
}

/* --- sums --- */

#define ADD_NAME(vec, name)                                                                                  \
    ({                                                                                                       \
        size_t name_at_ = 0;                                                                                 \
        while (name_at_ < (vec)->count && (vec)->items[name_at_] != (name))                                  \
            name_at_++;                                                                                      \
        name_at_ == (vec)->count ? vec_push((vec), (name)) : 0;                                              \
    })

/* A share of a number: part `index` of `count`; they add up to the whole. */
static uint64_t part_of(uint64_t whole, size_t index, size_t count)
{
    return whole / count + (index < whole % count);
}

static uint64_t add_up(uint64_t sum, uint64_t more)
{
    return num_add_u64(sum, more, &sum) ? UINT64_MAX : sum;
}

static void add_tokens(struct tokens *sum, const struct tokens *more, size_t index, size_t count)
{
    sum->input = add_up(sum->input, part_of(more->input, index, count));
    sum->output = add_up(sum->output, part_of(more->output, index, count));
    sum->cache_read = add_up(sum->cache_read, part_of(more->cache_read, index, count));
    sum->cache_write_5m = add_up(sum->cache_write_5m, part_of(more->cache_write_5m, index, count));
    sum->cache_write_1h = add_up(sum->cache_write_1h, part_of(more->cache_write_1h, index, count));
    sum->reasoning = add_up(sum->reasoning, part_of(more->reasoning, index, count));
}

/* Share `index` of `count` of an item. */
static int sum_add(struct rollup *rollup, struct usage_sum *sum, const struct usage_item *item, size_t index,
                   size_t count)
{
    const struct usage_call *call = &item->call;
    uint64_t total = add_up(tokens_prompt(&call->tokens), call->tokens.output);
    uint32_t model = string_name(rollup, item, call->model, USAGE_UNKNOWN);
    if (model == NO_NAME || ADD_NAME(&sum->models, model))
        return -1;
    sum->call_count++;
    sum->partial_count += (call->flags & USAGE_PARTIAL) != 0;
    add_tokens(&sum->tokens, &call->tokens, index, count);
    sum->tokens_output_high = add_up(sum->tokens_output_high, part_of(call->output_high, index, count));
    sum->web_search_count += part_of(call->web_searches, index, count);
    if (call->start_ns && (!sum->first_ns || call->start_ns < sum->first_ns))
        sum->first_ns = call->start_ns;
    if (call->end_ns > sum->last_ns)
        sum->last_ns = call->end_ns;
    if (!isnan(item->cost_usd)) {
        sum->priced_count++;
        sum->cost_usd += item->cost_usd / (double)count;
        sum->cost_usd_high +=
            (isnan(item->cost_usd_high) ? item->cost_usd : item->cost_usd_high) / (double)count;
        return 0;
    }
    if (!total && !call->web_searches)
        return 0; /* nothing to pay for */
    sum->unpriced_count++;
    sum->unpriced_tokens = add_up(sum->unpriced_tokens, part_of(total, index, count));
    return ADD_NAME(&sum->unpriced_models, model);
}

static int row_add(struct rollup *rollup, const struct usage_item *item, uint32_t tool, size_t index,
                   size_t count)
{
    uint32_t names[USAGE_KEYS_MAX] = {0};
    uint64_t row = 0;
    bool is_new = false;
    for (size_t i = 0; i < rollup->key_count; i++) {
        names[i] = key_name(rollup, rollup->keys[i], item, tool);
        if (names[i] == NO_NAME)
            return -1;
    }
    if (intern_put(&rollup->row_ids, (const char *)names, sizeof names, &row, &is_new))
        return -1;
    if (is_new) {
        struct usage_row fresh = {0};
        memcpy(fresh.keys, names, sizeof names);
        if (vec_push(&rollup->rows->items, fresh))
            return -1;
    }
    return sum_add(rollup, &rollup->rows->items.items[row - 1].sum, item, index, count);
}

/* An answer that asks for several tools is shared among them. */
static int item_by_tools(struct rollup *rollup, const struct usage_item *item)
{
    const char *at = shelf_text(item->shelf, item->call.tools);
    uint32_t tools[TOOLS_MAX];
    size_t count = 0;
    while (*at && count < TOOLS_MAX) {
        size_t length = strcspn(at, ",");
        uint64_t id = 0;
        if (length && intern_put(&rollup->answer->names, at, length, &id, NULL))
            return -1;
        if (length)
            tools[count++] = (uint32_t)id;
        at += length + (at[length] == ',');
    }
    if (!count) {
        uint32_t none = name_of(rollup->answer, USAGE_NO_TOOL);
        return none == NO_NAME ? -1 : row_add(rollup, item, none, 0, 1);
    }
    int status = 0;
    for (size_t i = 0; i < count && !status; i++)
        status = row_add(rollup, item, tools[i], i, count);
    return status;
}

/* --- set-up --- */

static int look_up_agents(const struct usage_shelf *shelf, struct looked_up *place)
{
    for (size_t i = 0; i < shelf->agents.count; i++) {
        const struct usage_agent *agent = &shelf->agents.items[i];
        uint64_t key = (uint64_t)agent->session << 32 | agent->agent;
        const uint64_t *known = map_get(&place->agents, key);
        uint64_t value = known ? *known : 0;
        if (agent->kind)
            value = (value & ~(uint64_t)UINT32_MAX) | (i + 1);
        if (agent->title)
            value = (value & UINT32_MAX) | (uint64_t)(i + 1) << 32;
        if (map_put(&place->agents, key, value))
            return -1;
    }
    return 0;
}

static int rollup_init(struct rollup *rollup, struct usage_answer *answer)
{
    rollup->answer = answer;
    rollup->places = calloc(answer->places.count + 1, sizeof *rollup->places);
    if (!rollup->places)
        return -1;
    for (size_t i = 0; i < answer->places.count; i++) {
        const struct usage_shelf *shelf = &answer->places.items[i]->shelf;
        rollup->places[i].names = calloc(shelf->strings.entries.count + 1, sizeof(uint32_t));
        if (!rollup->places[i].names || look_up_agents(shelf, &rollup->places[i]))
            return -1;
    }
    return 0;
}

static void rollup_deinit(struct rollup *rollup)
{
    for (size_t i = 0; rollup->places && i < rollup->answer->places.count; i++) {
        free(rollup->places[i].names);
        map_free(&rollup->places[i].agents);
    }
    free(rollup->places);
    intern_free(&rollup->row_ids);
}

/* --- order --- */

struct order {
    const struct usage_answer *answer;
    const enum usage_key *keys;
    size_t key_count;
};

static int by_cost(const struct usage_sum *left, const struct usage_sum *right)
{
    if (left->cost_usd != right->cost_usd)
        return left->cost_usd > right->cost_usd ? -1 : 1;
    uint64_t a = tokens_total(&left->tokens), b = tokens_total(&right->tokens);
    return a > b ? -1 : a < b;
}

static int row_order(const void *left, const void *right, void *data)
{
    const struct usage_row *a = left, *b = right;
    const struct order *order = data;
    size_t i = 0;
    for (; i < order->key_count && usage_key_is_time(order->keys[i]); i++) {
        int way = strcmp(usage_name(order->answer, a->keys[i]), usage_name(order->answer, b->keys[i]));
        if (way)
            return way;
    }
    int way = by_cost(&a->sum, &b->sum);
    for (; i < order->key_count && !way; i++)
        way = strcmp(usage_name(order->answer, a->keys[i]), usage_name(order->answer, b->keys[i]));
    return way;
}

int usage_roll_up(struct usage_answer *answer, const enum usage_key *keys, size_t key_count,
                  struct usage_rows *ret_rows, struct err *err)
{
    struct rollup rollup = {.keys = keys, .key_count = key_count, .rows = ret_rows};
    bool has_tool = false;
    int status = rollup_init(&rollup, answer);
    for (size_t i = 0; i < key_count; i++)
        has_tool = has_tool || keys[i] == USAGE_BY_TOOL;
    for (size_t i = 0; i < answer->items.count && !status; i++)
        status = has_tool ? item_by_tools(&rollup, &answer->items.items[i])
                          : row_add(&rollup, &answer->items.items[i], 0, 0, 1);
    rollup_deinit(&rollup);
    struct order order = {.answer = answer, .keys = keys, .key_count = key_count};
    if (ret_rows->items.count)
        qsort_r(ret_rows->items.items, ret_rows->items.count, sizeof ret_rows->items.items[0], row_order,
                &order);
    return status ? err_memory(err) : 0;
}

int usage_total(struct usage_answer *answer, struct err *err)
{
    struct rollup rollup = {0};
    int status = rollup_init(&rollup, answer);
    for (size_t i = 0; i < answer->items.count && !status; i++)
        status = sum_add(&rollup, &answer->totals, &answer->items.items[i], 0, 1);
    rollup_deinit(&rollup);
    return status ? err_memory(err) : 0;
}
