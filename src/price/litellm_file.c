/* SPDX-License-Identifier: Apache-2.0 */
#include "price/litellm_file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "codec/json.h"
#include "price/internal.h"

#define TOKENS_PER_PRICE 1e6
#define KEY_BYTES        128

/* 3e-06 dollars for a token are 3 for a million, not 2.9999999999999996. */
static double per_million(double per_token)
{
    return round(per_token * TOKENS_PER_PRICE * 1e9) / 1e9;
}

static double rate(const struct json_value *entry, const char *name, const char *suffix)
{
    char key[KEY_BYTES];
    double per_token;
    snprintf(key, sizeof key, "%s%s", name, suffix);
    const struct json_value *value = json_member(entry, key);
    if (!json_find_number(value, NULL, &per_token) || !(per_token >= 0) || per_token > 1e3)
        return NAN;
    return per_million(per_token);
}

static struct price_rates rates_read(const struct json_value *entry, const char *suffix)
{
    char hour[KEY_BYTES];
    snprintf(hour, sizeof hour, "_above_1hr%s", suffix);
    return (struct price_rates){.input = rate(entry, "input_cost_per_token", suffix),
                                .output = rate(entry, "output_cost_per_token", suffix),
                                .cache_read = rate(entry, "cache_read_input_token_cost", suffix),
                                .cache_write_5m = rate(entry, "cache_creation_input_token_cost", suffix),
                                .cache_write_1h = rate(entry, "cache_creation_input_token_cost", hour)};
}

static double or_scaled(double value, double base, double ratio)
{
    return isnan(value) ? base * ratio : value;
}

/* What a variant does not say keeps its proportion to input. */
static struct price_rates completed(struct price_rates rates, const struct price_rates *base)
{
    double ratio = base->input > 0 ? rates.input / base->input : 1;
    rates.output = or_scaled(rates.output, base->output, 1);
    rates.cache_read = or_scaled(rates.cache_read, base->cache_read, ratio);
    rates.cache_write_5m = or_scaled(rates.cache_write_5m, base->cache_write_5m, ratio);
    rates.cache_write_1h = or_scaled(rates.cache_write_1h, base->cache_write_1h, ratio);
    return rates;
}

static void above_read(const struct json_value *entry, const char *mode, struct price_set *set)
{
    static const unsigned thousands[] = {128, 200, 256, 272};
    for (size_t i = 0; i < sizeof thousands / sizeof *thousands; i++) {
        char suffix[KEY_BYTES];
        snprintf(suffix, sizeof suffix, "_above_%uk_tokens%s", thousands[i], mode);
        struct price_rates rates = rates_read(entry, suffix);
        if (isnan(rates.input))
            continue;
        set->above[set->above_count++] =
            (struct price_above){.prompt = thousands[i] * 1000ull, .rates = completed(rates, &set->rates)};
    }
}

static int mode_read(struct price_book *book, const struct json_value *entry, const char *suffix,
                     const struct price_row *row, struct price_mode *mode, struct err *err)
{
    struct price_rates rates = rates_read(entry, suffix);
    if (isnan(rates.input))
        return 0;
    struct price_set *set = arena_alloc(&book->arena, sizeof *set);
    if (!set)
        return err_memory(err);
    set->rates = completed(rates, &row->set.rates);
    above_read(entry, suffix, set);
    mode->set = set;
    return 0;
}

static void row_extras(const struct json_value *entry, struct price_row *row)
{
    double number;
    if (json_find_number(entry, "provider_specific_entry.fast", &number) && number > 0)
        row->modes[PRICE_MODE_FAST].ratio = number;
    if (json_find_number(entry, "provider_specific_entry.us", &number) && number > 0)
        row->regions[row->region_count++] = (struct price_region){"us", number};
    if (json_find_number(entry, "search_context_cost_per_query.search_context_size_medium", &number) &&
        number >= 0)
        row->web_search_per_1k = round(number * 1e3 * 1e9) / 1e9;
}

static int model_read(struct price_book *book, const struct json_member_at *at, const char *file,
                      struct err *err)
{
    static const char *const suffixes[PRICE_MODE_COUNT] = {
        [PRICE_MODE_BATCH] = "_batches", [PRICE_MODE_PRIORITY] = "_priority", [PRICE_MODE_FLEX] = "_flex"};
    struct price_row *row = arena_alloc(&book->arena, sizeof *row);
    if (!row)
        return err_memory(err);
    *row = price_row_none();
    row->source = LITELLM_SOURCE;
    row->set.rates = rates_read(at->value, "");
    if (isnan(row->set.rates.input) || isnan(row->set.rates.output))
        return 0;
    above_read(at->value, "", &row->set);
    row_extras(at->value, row);
    int status = 0;
    for (unsigned i = 0; i < PRICE_MODE_COUNT && !status; i++)
        if (suffixes[i])
            status = mode_read(book, at->value, suffixes[i], row, &row->modes[i], err);
    const char *provider = "";
    json_find_text(at->value, "litellm_provider", &provider);
    struct price_model model = {.name = arena_string(&book->arena, at->key),
                                .provider = arena_string(&book->arena, provider),
                                .file = file,
                                .rows = row,
                                .row_count = 1};
    if (!model.name || !model.provider)
        return err_memory(err);
    return status ? status : price_book_take(book, &model, err);
}

int price_litellm_add(struct price_book *book, const char *text, size_t length, const char *name,
                      struct err *err)
{
    struct json_value *root = NULL;
    int status = json_read_text(text, length, name, &root, err);
    if (status)
        return status;
    const char *file = arena_string(&book->arena, name);
    size_t before = book->models.count;
    if (!file)
        status = err_memory(err);
    for (struct json_member_at at = json_members(root); at.value && !status; json_members_next(&at))
        if (strcmp(at.key, "sample_spec") != 0 && strcmp(at.key, "fallback_generalizations") != 0 &&
            json_kind(at.value) == JSON_KIND_OBJECT)
            status = model_read(book, &at, file, err);
    if (!status && book->models.count == before) {
        status = err_set(err, ERR_INPUT, "could not read prices '%s': no model in it has a price for tokens",
                         name);
        err_hint(
            err,
            "a JSON file of prices is an object of models with input_cost_per_token, as LiteLLM keeps it");
    }
    json_free(root);
    return status;
}
