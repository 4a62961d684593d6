/* SPDX-License-Identifier: Apache-2.0 */
/* Items into rows: by what they have in common, each with its sum. */
#include <assert.h>
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
        agents;    /* session and agent -> name of the kind, and in the high half of the task; 0: not told */
    bool has_main; /* facts of conversations themselves are in it */
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
    uint32_t main_name, no_task_name;
    VEC(uint32_t) row_of_name; /* with one key only: name -> row + 1 */
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
    assert(place->names); /* made for each place before anything is looked up */
    if (!place->names[string]) {
        const char *text = shelf_text(item->shelf, string);
        place->names[string] = name_of(rollup->answer, *text ? text : none);
    }
    return place->names[string];
}

/* What is told of the call's agent; 0: nothing. */
static uint64_t agent_facts(struct rollup *rollup, const struct usage_item *item)
{
    const struct looked_up *place = &rollup->places[place_index(rollup, item->shelf)];
    if (!item->call.agent && !place->has_main)
        return 0;
    const uint64_t *facts = map_get(&place->agents, (uint64_t)item->call.session << 32 | item->call.agent);
    return facts ? *facts : 0;
}

/* What kind of agent it is, else its id. */
static uint32_t agent_name(struct rollup *rollup, const struct usage_item *item)
{
    uint32_t kind = (uint32_t)agent_facts(rollup, item);
    if (kind)
        return kind;
    return item->call.agent ? string_name(rollup, item, item->call.agent, USAGE_UNKNOWN) : rollup->main_name;
}

static uint32_t task_name(struct rollup *rollup, const struct usage_item *item)
{
    uint32_t title = (uint32_t)(agent_facts(rollup, item) >> 32);
    if (title)
        return title;
    return item->call.task ? string_name(rollup, item, item->call.task, USAGE_NO_TASK) : rollup->no_task_name;
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
    return count == 1 ? whole : whole / count + (index < whole % count);
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

/* The row of one key's name + 1, 0 for a new one: most tables have one key. */
static uint32_t *single_row(struct rollup *rollup, uint32_t name)
{
    if (vec_reserve(&rollup->row_of_name, (size_t)name + 1))
        return NULL;
    while (rollup->row_of_name.count <= name)
        rollup->row_of_name.items[rollup->row_of_name.count++] = 0;
    return &rollup->row_of_name.items[name];
}

/* The row of the keys' names, made when it is not there. -1 when memory ran out. */
static int row_find(struct rollup *rollup, const uint32_t names[USAGE_KEYS_MAX], struct usage_row **ret_row)
{
    uint32_t *single = rollup->key_count == 1 ? single_row(rollup, names[0]) : NULL;
    uint64_t row = single ? *single : 0;
    bool is_new = single && !*single;
    if (rollup->key_count == 1 && !single)
        return -1;
    if (!single &&
        intern_put(&rollup->row_ids, (const char *)names, sizeof(uint32_t) * USAGE_KEYS_MAX, &row, &is_new))
        return -1;
    if (is_new) {
        struct usage_row fresh = {0};
        memcpy(fresh.keys, names, sizeof fresh.keys);
        if (vec_push(&rollup->rows->items, fresh))
            return -1;
        row = rollup->rows->items.count;
        if (single)
            *single = (uint32_t)row;
    }
    *ret_row = &rollup->rows->items.items[row - 1];
    return 0;
}

static int row_add(struct rollup *rollup, const struct usage_item *item, uint32_t tool, size_t index,
                   size_t count)
{
    uint32_t names[USAGE_KEYS_MAX] = {0};
    struct usage_row *row = NULL;
    for (size_t i = 0; i < rollup->key_count; i++) {
        names[i] = key_name(rollup, rollup->keys[i], item, tool);
        if (names[i] == NO_NAME)
            return -1;
    }
    return row_find(rollup, names, &row) ? -1 : sum_add(rollup, &row->sum, item, index, count);
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

static int look_up_agents(struct usage_answer *answer, const struct usage_shelf *shelf,
                          struct looked_up *place)
{
    for (size_t i = 0; i < shelf->agents.count; i++) {
        const struct usage_agent *agent = &shelf->agents.items[i];
        uint64_t key = (uint64_t)agent->session << 32 | agent->agent;
        const uint64_t *known = map_get(&place->agents, key);
        uint64_t value = known ? *known : 0;
        uint32_t kind = agent->kind ? name_of(answer, shelf_text(shelf, agent->kind)) : (uint32_t)value;
        uint32_t title =
            agent->title ? name_of(answer, shelf_text(shelf, agent->title)) : (uint32_t)(value >> 32);
        if (kind == NO_NAME || title == NO_NAME || map_put(&place->agents, key, (uint64_t)title << 32 | kind))
            return -1;
        place->has_main = place->has_main || !agent->agent;
    }
    return 0;
}

static int rollup_init(struct rollup *rollup, struct usage_answer *answer)
{
    rollup->answer = answer;
    rollup->main_name = name_of(answer, USAGE_MAIN_AGENT);
    rollup->no_task_name = name_of(answer, USAGE_NO_TASK);
    rollup->places = calloc(answer->places.count + 1, sizeof *rollup->places);
    if (!rollup->places || rollup->main_name == NO_NAME || rollup->no_task_name == NO_NAME)
        return -1;
    for (size_t i = 0; i < answer->places.count; i++) {
        const struct usage_shelf *shelf = &answer->places.items[i]->shelf;
        rollup->places[i].names = calloc(shelf->strings.entries.count + 1, sizeof(uint32_t));
        if (!rollup->places[i].names || look_up_agents(answer, shelf, &rollup->places[i]))
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
    vec_free(&rollup->row_of_name);
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
