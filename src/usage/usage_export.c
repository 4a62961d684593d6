/* SPDX-License-Identifier: Apache-2.0 */
/* An answer for programs: JSON and CSV. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/num.h"
#include "report/json_writer.h"
#include "usage/usage_show.h"

/* The first row that says something: not what stands for no name. */
static const struct usage_row *first_named(const struct usage_answer *answer, const struct usage_rows *rows)
{
    static const char *const plain[] = {USAGE_MAIN_AGENT, USAGE_NO_TASK, USAGE_NO_TOOL, USAGE_UNKNOWN};
    for (size_t i = 0; i < rows->items.count; i++) {
        const char *name = usage_name(answer, rows->items.items[i].keys[0]);
        size_t k = 0;
        while (k < sizeof plain / sizeof plain[0] && strcmp(name, plain[k]) != 0)
            k++;
        if (k == sizeof plain / sizeof plain[0])
            return &rows->items.items[i];
    }
    return NULL;
}

int usage_tops(struct usage_answer *answer, struct usage_top ret_tops[USAGE_TOP_MAX], size_t *ret_count,
               struct err *err)
{
    static const enum usage_key wanted[] = {USAGE_BY_MODEL, USAGE_BY_PROJECT, USAGE_BY_AGENT,
                                            USAGE_BY_TASK,  USAGE_BY_TOOL,    USAGE_BY_SESSION};
    const struct usage_sum *totals = &answer->totals;
    uint64_t tokens = tokens_total(&totals->tokens);
    bool by_cost = totals->cost_usd > 0;
    int status = 0;
    *ret_count = 0;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0] && !status; i++) {
        struct usage_rows rows = {0};
        if (answer->query.key_count && answer->query.keys[0] == wanted[i])
            continue;
        status = usage_roll_up(answer, &wanted[i], 1, &rows, err);
        const struct usage_row *row = status ? NULL : first_named(answer, &rows);
        if (row) {
            const struct usage_sum *sum = &row->sum;
            ret_tops[(*ret_count)++] =
                (struct usage_top){.key = wanted[i],
                                   .name = usage_name(answer, row->keys[0]),
                                   .ratio = by_cost ? sum->cost_usd / totals->cost_usd
                                                    : num_ratio(tokens_total(&sum->tokens), tokens),
                                   .cost_usd = sum->cost_usd,
                                   .tokens = tokens_total(&sum->tokens),
                                   .has_cost = usage_has_cost(sum)};
        }
        usage_rows_free(&rows);
    }
    return status;
}

/* --- JSON --- */

static void json_time(struct json_writer *json, const char *key, int64_t at_ns)
{
    time_t seconds = (time_t)(at_ns / (int64_t)NS_PER_S);
    char text[40] = "";
    struct tm parts;
    if (at_ns && gmtime_r(&seconds, &parts) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts))
        json_text(json, key, text);
    else
        json_nothing(json, key);
}

static void json_names(struct json_writer *json, const char *key, const struct usage_answer *answer,
                       const uint32_t *names, size_t count)
{
    json_open(json, key, '[');
    for (size_t i = 0; i < count; i++)
        json_text(json, NULL, usage_name(answer, names[i]));
    json_close(json, ']');
}

static void json_sum(struct json_writer *json, const struct usage_answer *answer, const struct usage_sum *sum)
{
    bool has_cost = usage_has_cost(sum);
    json_u64(json, "call_count", sum->call_count);
    json_u64(json, "tokens_input", sum->tokens.input);
    json_u64(json, "tokens_output", sum->tokens.output);
    json_u64(json, "tokens_cache_read", sum->tokens.cache_read);
    json_u64(json, "tokens_cache_write_5m", sum->tokens.cache_write_5m);
    json_u64(json, "tokens_cache_write_1h", sum->tokens.cache_write_1h);
    json_u64(json, "tokens_reasoning", sum->tokens.reasoning);
    json_u64(json, "tokens_total", tokens_total(&sum->tokens));
    json_u64(json, "tokens_output_high", sum->tokens_output_high);
    json_number(json, "cost_usd", has_cost ? sum->cost_usd : NAN);
    json_number(json, "cost_usd_high", has_cost ? sum->cost_usd_high : NAN);
    json_u64(json, "partial_count", sum->partial_count);
    json_u64(json, "unpriced_count", sum->unpriced_count);
    json_u64(json, "unpriced_tokens", sum->unpriced_tokens);
    json_names(json, "unpriced_models", answer, sum->unpriced_models.items, sum->unpriced_models.count);
    json_names(json, "models", answer, sum->models.items, sum->models.count);
    json_u64(json, "web_search_count", sum->web_search_count);
    json_time(json, "first_at", sum->first_ns);
    json_time(json, "last_at", sum->last_ns);
}

static void json_places(struct json_writer *json, const struct usage_answer *answer)
{
    json_open(json, "sources", '[');
    for (size_t i = 0; i < answer->places.count; i++) {
        const struct usage_place *place = answer->places.items[i];
        json_open(json, NULL, '{');
        json_text(json, "name", place->source->name);
        json_text(json, "path", place->path);
        json_u64(json, "file_count", place->facts.file_count);
        json_u64(json, "file_read_count", place->facts.read_count);
        json_u64(json, "bytes_read", place->facts.read_bytes);
        json_u64(json, "unreadable_count", place->facts.unreadable_count);
        if (*place->facts.note)
            json_text(json, "note", place->facts.note);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void json_faults(struct json_writer *json, const struct usage_answer *answer)
{
    json_u64(json, "malformed_count", answer->fault_count);
    json_open(json, "malformed", '[');
    for (size_t i = 0; i < answer->faults.count; i++) {
        json_open(json, NULL, '{');
        json_text(json, "file", answer->faults.items[i].path);
        json_u64(json, "line", answer->faults.items[i].line);
        json_text(json, "why", answer->faults.items[i].why);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static int json_tops(struct json_writer *json, struct usage_answer *answer, struct err *err)
{
    struct usage_top tops[USAGE_TOP_MAX];
    size_t count = 0;
    int status = usage_tops(answer, tops, &count, err);
    if (status)
        return status;
    json_open(json, "top", '[');
    for (size_t i = 0; i < count; i++) {
        json_open(json, NULL, '{');
        json_text(json, "by", usage_key_name(tops[i].key));
        json_text(json, "name", tops[i].name);
        json_number(json, "ratio", tops[i].ratio);
        json_number(json, "cost_usd", tops[i].has_cost ? tops[i].cost_usd : NAN);
        json_u64(json, "tokens", tops[i].tokens);
        json_close(json, '}');
    }
    json_close(json, ']');
    return 0;
}

int usage_json(struct usage_answer *answer, const struct usage_look *look, struct str *text, struct err *err)
{
    struct json_writer json = {.str = text};
    size_t shown = look->top ? num_min(look->top, answer->rows.items.count) : answer->rows.items.count;
    json_open(&json, NULL, '{');
    json_text(&json, "schema", "toll.usage/1");
    json_open(&json, "by", '[');
    for (size_t k = 0; k < answer->query.key_count; k++)
        json_text(&json, NULL, usage_key_name(answer->query.keys[k]));
    json_close(&json, ']');
    json_text(&json, "timezone", look->timezone);
    json_time(&json, "since", answer->query.since_ns);
    json_time(&json, "until", answer->query.until_ns);
    json_open(&json, "totals", '{');
    json_sum(&json, answer, &answer->totals);
    json_close(&json, '}');
    json_open(&json, "rows", '[');
    for (size_t i = 0; i < shown; i++) {
        const struct usage_row *row = &answer->rows.items.items[i];
        json_open(&json, NULL, '{');
        for (size_t k = 0; k < answer->query.key_count; k++)
            json_text(&json, usage_key_name(answer->query.keys[k]), usage_name(answer, row->keys[k]));
        json_sum(&json, answer, &row->sum);
        json_close(&json, '}');
    }
    json_close(&json, ']');
    int status = json_tops(&json, answer, err);
    json_faults(&json, answer);
    json_places(&json, answer);
    json_close(&json, '}');
    json_end(&json);
    return status ? status : text->failed ? err_memory(err) : 0;
}

/* --- CSV --- */

static void csv_text(struct str *text, const char *value)
{
    if (!strpbrk(value, ",\"\r\n")) {
        str_append(text, value);
        return;
    }
    str_append(text, "\"");
    for (; *value; value++)
        str_printf(text, *value == '"' ? "\"\"" : "%c", *value);
    str_append(text, "\"");
}

static void csv_sum(struct str *text, const struct usage_answer *answer, const struct usage_sum *sum)
{
    const uint64_t counts[] = {sum->call_count,        sum->tokens.input,          sum->tokens.output,
                               sum->tokens.cache_read, sum->tokens.cache_write_5m, sum->tokens.cache_write_1h,
                               sum->tokens.reasoning};
    struct str models = {0};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        str_printf(text, ",%llu", (unsigned long long)counts[i]);
    if (usage_has_cost(sum))
        str_printf(text, ",%.10g", sum->cost_usd);
    else
        str_append(text, ",");
    str_printf(text, ",%llu,", (unsigned long long)sum->partial_count);
    for (size_t i = 0; i < sum->unpriced_models.count; i++)
        str_printf(&models, "%s%s", i ? " " : "", usage_name(answer, sum->unpriced_models.items[i]));
    csv_text(text, str_text(&models));
    str_append(text, "\n");
    str_free(&models);
}

void usage_csv(const struct usage_answer *answer, const struct usage_look *look, struct str *text)
{
    size_t shown = look->top ? num_min(look->top, answer->rows.items.count) : answer->rows.items.count;
    for (size_t k = 0; k < answer->query.key_count; k++)
        str_printf(text, "%s%s", k ? "," : "", usage_key_name(answer->query.keys[k]));
    str_append(text, ",call_count,tokens_input,tokens_output,tokens_cache_read,tokens_cache_write_5m,"
                     "tokens_cache_write_1h,tokens_reasoning,cost_usd,partial_count,unpriced_models\n");
    for (size_t i = 0; i < shown; i++) {
        const struct usage_row *row = &answer->rows.items.items[i];
        for (size_t k = 0; k < answer->query.key_count; k++) {
            str_append(text, k ? "," : "");
            csv_text(text, usage_name(answer, row->keys[k]));
        }
        csv_sum(text, answer, &row->sum);
    }
}
