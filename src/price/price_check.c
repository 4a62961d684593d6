/* SPDX-License-Identifier: Apache-2.0 */
#include "price/price_show.h"

#include "base/num.h"
#include "report/json_writer.h"
#include "report/units.h"

#define BOLD  "\x1b[1m"
#define RED   "\x1b[31m"
#define GREEN "\x1b[32m"
#define PLAIN "\x1b[0m"

void price_verdict_models(struct price_verdict *verdict, const struct price_book *book, size_t first)
{
    verdict->model_count = book->models.count - first;
    for (size_t i = first; i < book->models.count; i++) {
        const struct price_model *model = &book->models.items[i];
        bool is_sourced = true;
        for (size_t j = 0; j < model->row_count; j++)
            is_sourced = is_sourced && *model->rows[j].source;
        if (is_sourced)
            continue;
        if (verdict->unsourced_count < PRICE_UNSOURCED_MAX)
            verdict->unsourced[verdict->unsourced_count] = model->name;
        verdict->unsourced_count++;
    }
}

static void unsourced_line(const struct price_verdict *verdict, struct str *text)
{
    size_t named = num_min(verdict->unsourced_count, PRICE_UNSOURCED_MAX);
    str_append(text, "       without a source, where they are published:");
    for (size_t i = 0; i < named; i++)
        str_printf(text, "%s %s", i ? "," : "", verdict->unsourced[i]);
    if (verdict->unsourced_count > named)
        str_printf(text, " and %zu more", verdict->unsourced_count - named);
    str_append(text, "\n");
}

static void file_lines(const struct price_verdict *verdict, bool colour, struct str *text)
{
    if (*verdict->wrong) {
        str_printf(text, "%swrong%s  %s\n", colour ? RED : "", colour ? PLAIN : "", verdict->wrong);
        if (*verdict->hint)
            str_printf(text, "       hint: %s\n", verdict->hint);
        return;
    }
    str_printf(text, "%sgood%s   %s: prices of %zu model%s\n", colour ? GREEN : "", colour ? PLAIN : "",
               verdict->file, verdict->model_count, verdict->model_count == 1 ? "" : "s");
    if (verdict->unsourced_count)
        unsourced_line(verdict, text);
}

static void seen_lines(const struct price_seen *seen, bool colour, struct str *text)
{
    if (!seen->call_count) {
        str_printf(text,
                   "No calls of models were found in the agents' default places (%s files looked at).\n",
                   unit_count((double)seen->file_count).text);
        return;
    }
    if (!seen->gaps.count) {
        str_printf(text, "All %s calls of models in %s files have a price.\n",
                   unit_count((double)seen->call_count).text, unit_count((double)seen->file_count).text);
        return;
    }
    str_printf(text, "%sSeen in use without a price%s, of %s calls in %s files:\n", colour ? BOLD : "",
               colour ? PLAIN : "", unit_count((double)seen->call_count).text,
               unit_count((double)seen->file_count).text);
    for (size_t i = 0; i < seen->gaps.count; i++) {
        const struct price_gap *gap = &seen->gaps.items[i];
        str_printf(text, "  %s (%s): %s tokens in %s call%s: %s\n", *gap->model ? gap->model : "no name",
                   gap->source, unit_count((double)gap->token_count).text,
                   unit_count((double)gap->call_count).text, gap->call_count == 1 ? "" : "s",
                   price_answer_text(gap->why));
    }
    str_append(text, "Their prices can go into ~/.config/toll/prices.yaml; docs/prices.md shows how.\n");
}

void price_check_text(const struct price_findings *findings, bool colour, struct str *ret_text)
{
    for (size_t i = 0; i < findings->file_count; i++)
        file_lines(&findings->files[i], colour, ret_text);
    if (findings->seen)
        seen_lines(findings->seen, colour, ret_text);
}

static void json_seen(struct json_writer *json, const struct price_seen *seen)
{
    json_u64(json, "file_count", seen->file_count);
    json_u64(json, "call_count", seen->call_count);
    json_open(json, "unpriced", '[');
    for (size_t i = 0; i < seen->gaps.count; i++) {
        const struct price_gap *gap = &seen->gaps.items[i];
        json_open(json, NULL, '{');
        json_text(json, "model", gap->model);
        json_text(json, "source", gap->source);
        json_u64(json, "call_count", gap->call_count);
        json_u64(json, "tokens", gap->token_count);
        json_text(json, "why", price_answer_text(gap->why));
        json_close(json, '}');
    }
    json_close(json, ']');
}

void price_check_json(const struct price_findings *findings, struct str *ret_text)
{
    struct json_writer json = {.str = ret_text};
    json_open(&json, NULL, '{');
    json_text(&json, "schema", "toll.prices/1");
    json_open(&json, "files", '[');
    for (size_t i = 0; i < findings->file_count; i++) {
        const struct price_verdict *verdict = &findings->files[i];
        json_open(&json, NULL, '{');
        json_text(&json, "file", verdict->file);
        json_bool(&json, "is_right", !*verdict->wrong);
        json_text(&json, "error", *verdict->wrong ? verdict->wrong : NULL);
        json_text(&json, "hint", *verdict->hint ? verdict->hint : NULL);
        json_u64(&json, "model_count", verdict->model_count);
        json_u64(&json, "unsourced_count", verdict->unsourced_count);
        json_close(&json, '}');
    }
    json_close(&json, ']');
    if (findings->seen)
        json_seen(&json, findings->seen);
    json_close(&json, '}');
    json_end(&json);
}
