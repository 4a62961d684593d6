/* SPDX-License-Identifier: Apache-2.0 */
#include "price/price_show.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "price/internal.h"
#include "report/json_writer.h"

#define NAME_COLUMNS_MIN 20u
#define NAME_COLUMNS_MAX 44u
#define BOLD             "\x1b[1m"
#define FAINT            "\x1b[2m"
#define PLAIN            "\x1b[0m"

struct day {
    char text[24];
};

/* "2026-10-07", with the time of day where it is not midnight; "" for always and until further notice. */
static struct day day_of(int64_t ns)
{
    struct day day = {""};
    time_t seconds = (time_t)(ns / (int64_t)NS_PER_S);
    struct tm parts;
    if (ns == PRICE_FROM_ALWAYS || ns == PRICE_UNTIL_FURTHER || !gmtime_r(&seconds, &parts))
        return day;
    strftime(day.text, sizeof day.text, seconds % 86400 ? "%Y-%m-%dT%H:%M:%SZ" : "%Y-%m-%d", &parts);
    return day;
}

/* The models that are shown, as indexes of book->models. */
struct chosen {
    VEC(size_t) items;
};

static bool holds_word(const char *name, const char *word)
{
    return strcasestr(name, word) != NULL;
}

static int choose(const struct price_book *book, const char *word, struct chosen *chosen, struct err *err)
{
    const struct price_model *exact = price_book_find(book, word);
    size_t before = chosen->items.count;
    for (size_t i = 0; i < book->models.count; i++) {
        const struct price_model *model = &book->models.items[i];
        if (model->is_replaced || (exact ? model != exact : !holds_word(model->name, word)))
            continue;
        if (vec_push(&chosen->items, i))
            return err_memory(err);
    }
    if (chosen->items.count > before)
        return 0;
    err_set(err, ERR_USAGE, "could not find prices of '%.64s': no price book has such a model", word);
    const char *nearest = price_book_nearest(book, word);
    if (nearest)
        err_hint(err, "did you mean '%s'?", nearest);
    else
        err_hint(err, "'toll prices' lists the models; your own go into ~/.config/toll/prices.yaml, "
                      "docs/prices.md shows "
                      "how");
    return -ERR_USAGE;
}

static int choose_all(const struct price_book *book, const struct price_look *look, struct chosen *chosen,
                      struct err *err)
{
    int status = 0;
    for (size_t i = 0; i < look->model_count && !status; i++)
        status = choose(book, look->models[i], chosen, err);
    for (size_t i = 0; !look->model_count && i < book->models.count && !status; i++)
        if (!book->models.items[i].is_replaced && vec_push(&chosen->items, i))
            status = err_memory(err);
    return status;
}

static bool is_shown(const struct price_look *look, const struct price_row *row)
{
    int64_t at_ns = look->at_ns ? look->at_ns : look->now_ns;
    if (look->all_rows)
        return true;
    if (!look->at_ns && row->from_ns > at_ns)
        return true;
    return row->from_ns <= at_ns && at_ns < row->until_ns;
}

static void cell(struct str *text, double price)
{
    char number[32];
    if (isnan(price))
        snprintf(number, sizeof number, "-");
    else if (price != 0 && (price < 0.01 || fabs(price * 100 - round(price * 100)) > 1e-6))
        snprintf(number, sizeof number, "%.4g", price);
    else
        snprintf(number, sizeof number, "%.2f", price);
    str_printf(text, "%9s", number);
}

static void cells(struct str *text, const struct price_rates *rates)
{
    cell(text, rates->input);
    cell(text, rates->output);
    cell(text, rates->cache_read);
    cell(text, rates->cache_write_5m);
    cell(text, rates->cache_write_1h);
}

static void above_lines(struct str *text, const struct price_set *set, const char *lead, unsigned columns)
{
    for (size_t i = 0; i < set->above_count; i++) {
        char name[64];
        snprintf(name, sizeof name, "  %sprompt over %llu,%03llu", lead,
                 (unsigned long long)set->above[i].prompt / 1000,
                 (unsigned long long)set->above[i].prompt % 1000);
        str_printf(text, "%-*s", (int)columns + 12, name);
        cells(text, &set->above[i].rates);
        str_append(text, "\n");
    }
}

static void mode_lines(struct str *text, const struct price_row *row, unsigned columns)
{
    for (unsigned i = 0; i < PRICE_MODE_COUNT; i++) {
        const struct price_set *set = row->modes[i].set;
        char lead[32];
        if (!set)
            continue;
        str_printf(text, "  %-*s", (int)columns + 10, price_mode_name(i));
        cells(text, &set->rates);
        str_append(text, "\n");
        snprintf(lead, sizeof lead, "%s, ", price_mode_name(i));
        above_lines(text, set, lead, columns);
    }
}

/* "batch x0.5, us x1.1, web search 10.00 a thousand" */
static void extras_line(struct str *text, const struct price_row *row, bool colour)
{
    const char *between = "";
    size_t start = text->length;
    str_printf(text, "  %s", colour ? FAINT : "");
    for (unsigned i = 0; i < PRICE_MODE_COUNT; i++)
        if (!row->modes[i].set && !isnan(row->modes[i].ratio)) {
            str_printf(text, "%s%s x%g", between, price_mode_name(i), row->modes[i].ratio);
            between = ", ";
        }
    for (size_t i = 0; i < row->region_count; i++, between = ", ")
        str_printf(text, "%sin '%s' x%g", between, row->regions[i].name, row->regions[i].ratio);
    if (!isnan(row->web_search_per_1k)) {
        str_printf(text, "%sa thousand web searches %.2f", between, row->web_search_per_1k);
        between = ", ";
    }
    if (*row->note)
        str_printf(text, "%s%s", *between ? "; " : "", row->note);
    if (!*between && !*row->note) {
        text->length = start;
        text->text[start] = '\0';
        return;
    }
    str_printf(text, "%s\n", colour ? PLAIN : "");
}

static unsigned name_columns(const struct price_book *book, const struct chosen *chosen)
{
    size_t columns = NAME_COLUMNS_MIN;
    for (size_t i = 0; i < chosen->items.count; i++) {
        size_t length = strlen(book->models.items[chosen->items.items[i]].name) + 2;
        columns = length > columns ? length : columns;
    }
    return (unsigned)(columns > NAME_COLUMNS_MAX ? NAME_COLUMNS_MAX : columns);
}

static void head(struct str *text, const struct price_model *model, const struct price_look *look,
                 unsigned columns)
{
    str_printf(text, "%s%-*s%-12s%9s%9s%9s%9s%9s%s\n", look->colour ? BOLD : "", (int)columns,
               *model->provider ? model->provider : "models", "from", "input", "output", "read", "write 5m",
               "write 1h", look->colour ? PLAIN : "");
}

static void model_lines(struct str *text, const struct price_model *model, const struct price_look *look,
                        unsigned columns)
{
    size_t shown = 0;
    for (size_t i = 0; i < model->row_count; i++) {
        const struct price_row *row = &model->rows[i];
        if (!is_shown(look, row))
            continue;
        str_printf(text, "%-*s%-12s", (int)columns, shown++ ? "" : model->name, day_of(row->from_ns).text);
        cells(text, &row->set.rates);
        str_append(text, "\n");
        above_lines(text, &row->set, "", columns);
        mode_lines(text, row, columns);
        if (look->model_count)
            extras_line(text, row, look->colour);
    }
    if (!shown)
        str_printf(text, "%-*s%s\n", (int)columns, model->name, "no price at that time");
}

static void provenance(struct str *text, const struct price_model *model, const struct price_look *look)
{
    if (!look->model_count)
        return;
    str_printf(text, "  %s%s%s%s", look->colour ? FAINT : "", model->file,
               *model->rows[model->row_count - 1].source ? ": " : "",
               model->rows[model->row_count - 1].source);
    for (size_t i = 0; i < model->alias_count; i++)
        str_printf(text, "%s%s", i ? ", " : "; also ", model->aliases[i]);
    str_printf(text, "%s\n", look->colour ? PLAIN : "");
}

int price_show_text(const struct price_book *book, const struct price_look *look, struct str *ret_text,
                    struct err *err)
{
    struct chosen chosen = {0};
    int status = choose_all(book, look, &chosen, err);
    unsigned columns = name_columns(book, &chosen);
    const char *provider = NULL;
    for (size_t i = 0; i < chosen.items.count && !status; i++) {
        const struct price_model *model = &book->models.items[chosen.items.items[i]];
        if (!provider || strcmp(provider, model->provider) != 0) {
            str_append(ret_text, provider ? "\n" : "");
            head(ret_text, model, look, columns);
        }
        provider = model->provider;
        model_lines(ret_text, model, look, columns);
        provenance(ret_text, model, look);
    }
    if (!status)
        str_printf(ret_text, "\n%sDollars for a million tokens%s.%s\n", look->colour ? FAINT : "",
                   look->model_count
                       ? ""
                       : "; 'toll prices MODEL' shows batch, regions, fees, and where it is published",
                   look->colour ? PLAIN : "");
    vec_free(&chosen.items);
    return !status && ret_text->failed ? err_memory(err) : status;
}

static void json_rates(struct json_writer *json, const struct price_rates *rates)
{
    json_number(json, "input", rates->input);
    json_number(json, "output", rates->output);
    json_number(json, "cache_read", rates->cache_read);
    json_number(json, "cache_write_5m", rates->cache_write_5m);
    json_number(json, "cache_write_1h", rates->cache_write_1h);
}

static void json_set(struct json_writer *json, const struct price_set *set)
{
    json_rates(json, &set->rates);
    json_open(json, "above", '[');
    for (size_t i = 0; i < set->above_count; i++) {
        json_open(json, NULL, '{');
        json_u64(json, "prompt", set->above[i].prompt);
        json_rates(json, &set->above[i].rates);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void json_row(struct json_writer *json, const struct price_row *row)
{
    struct day from = day_of(row->from_ns), until = day_of(row->until_ns);
    json_open(json, NULL, '{');
    json_text(json, "from", *from.text ? from.text : NULL);
    json_text(json, "until", *until.text ? until.text : NULL);
    json_set(json, &row->set);
    for (unsigned i = 0; i < PRICE_MODE_COUNT; i++) {
        if (row->modes[i].set) {
            json_open(json, price_mode_name(i), '{');
            json_set(json, row->modes[i].set);
            json_close(json, '}');
        } else {
            json_number(json, price_mode_name(i), row->modes[i].ratio);
        }
    }
    json_open(json, "regions", '{');
    for (size_t i = 0; i < row->region_count; i++)
        json_number(json, row->regions[i].name, row->regions[i].ratio);
    json_close(json, '}');
    json_number(json, "web_search", row->web_search_per_1k);
    json_text(json, "source", row->source);
    json_text(json, "note", row->note);
    json_close(json, '}');
}

static void json_model(struct json_writer *json, const struct price_model *model,
                       const struct price_look *look)
{
    json_open(json, NULL, '{');
    json_text(json, "model", model->name);
    json_text(json, "provider", model->provider);
    json_open(json, "aliases", '[');
    for (size_t i = 0; i < model->alias_count; i++)
        json_text(json, NULL, model->aliases[i]);
    json_close(json, ']');
    json_text(json, "file", model->file);
    json_open(json, "prices", '[');
    for (size_t i = 0; i < model->row_count; i++)
        if (is_shown(look, &model->rows[i]))
            json_row(json, &model->rows[i]);
    json_close(json, ']');
    json_close(json, '}');
}

int price_show_json(const struct price_book *book, const struct price_look *look, struct str *ret_text,
                    struct err *err)
{
    struct chosen chosen = {0};
    struct json_writer json = {.str = ret_text};
    int status = choose_all(book, look, &chosen, err);
    if (!status) {
        json_open(&json, NULL, '{');
        json_text(&json, "schema", "toll.prices/1");
        json_text(&json, "unit", "USD for a million tokens, web_search for a thousand");
        json_open(&json, "models", '[');
        for (size_t i = 0; i < chosen.items.count; i++)
            json_model(&json, &book->models.items[chosen.items.items[i]], look);
        json_close(&json, ']');
        json_close(&json, '}');
        json_end(&json);
    }
    vec_free(&chosen.items);
    return !status && ret_text->failed ? err_memory(err) : status;
}
