/* SPDX-License-Identifier: Apache-2.0 */
#include "price/price_file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/suggest.h"
#include "codec/yaml.h"
#include "price/internal.h"

#define PER_MILLION_MAX 1e9
#define RATIO_MAX       1000.0

struct reading {
    struct price_book *book;
    const char *path;
    const struct yaml_value *defaults;
    struct err *err;
};

/* Always fails, at the place of `value`. */
#define REFUSED(reading, value, format, ...)                                                                 \
    err_set((reading)->err, ERR_INPUT, "could not read prices '%s': line %u, column %u: " format,            \
            (reading)->path, yaml_line(value), yaml_column(value), ##__VA_ARGS__)

#define ROW_KEYS                                                                                             \
    "from", "until", "source", "note", "input", "output", "cache_read", "cache_write_5m", "cache_write_1h",  \
        "above", "batch", "priority", "flex", "fast", "regions", "web_search", NULL

int price_day_read(const char *text, int64_t *ret_ns)
{
    static const char *const forms[] = {"%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct tm parts = {0};
        const char *rest = strptime(text, forms[i], &parts);
        if (!rest || *rest || parts.tm_year < 70 || parts.tm_year > 200)
            continue;
        *ret_ns = (int64_t)timegm(&parts) * (int64_t)NS_PER_S;
        return 0;
    }
    return -1;
}

/* The value is a map of nothing but these keys. */
static int check_map(const struct reading *reading, const struct yaml_value *value, const char *what,
                     const char *const *allowed)
{
    if (yaml_kind(value) != YAML_MAP)
        return REFUSED(reading, value, "%s is a %s, a map of keys is expected", what, yaml_kind_name(value));
    for (const struct yaml_value *at = yaml_first(value); at; at = yaml_next(at)) {
        size_t i = 0;
        while (allowed[i] && strcmp(allowed[i], yaml_key(at)) != 0)
            i++;
        if (allowed[i])
            continue;
        int status = REFUSED(reading, at, "%s has no key '%.64s'", what, yaml_key(at));
        for (i = 0; allowed[i]; i++)
            if (suggest_is_near(yaml_key(at), allowed[i])) {
                err_hint(reading->err, "did you mean '%s'?", allowed[i]);
                break;
            }
        return status;
    }
    return 0;
}

static int copy(const struct reading *reading, const char *text, const char **ret_text)
{
    const char *copied = arena_string(&reading->book->arena, text);
    if (!copied)
        return err_memory(reading->err);
    *ret_text = copied;
    return 0;
}

/* Untouched when there is no such value. */
static int take_text(const struct reading *reading, const struct yaml_value *value, const char *what,
                     const char **ret_text)
{
    if (!value)
        return 0;
    if (!yaml_text(value) || !*yaml_text(value))
        return REFUSED(reading, value, "'%s' is a %s, a text is expected", what, yaml_kind_name(value));
    if (strlen(yaml_text(value)) > 1000)
        return REFUSED(reading, value, "'%s' has over 1000 bytes", what);
    return copy(reading, yaml_text(value), ret_text);
}

static int take_number(const struct reading *reading, const struct yaml_value *value, const char *what,
                       double most, double *ret_number)
{
    double number;
    if (!value)
        return 0;
    if (!yaml_text(value) || num_parse_double(yaml_text(value), &number) || number < 0 || number > most)
        return REFUSED(reading, value, "'%s' is '%.64s', a number from 0 to %g is expected", what,
                       yaml_text(value) ? yaml_text(value) : yaml_kind_name(value), most);
    *ret_number = number;
    return 0;
}

static int take_rates(const struct reading *reading, const struct yaml_value *map, const char *what,
                      struct price_rates *ret_rates)
{
    struct price_rates rates = price_rates_none();
    const struct {
        const char *key;
        double *place;
    } fields[] = {{"input", &rates.input},
                  {"output", &rates.output},
                  {"cache_read", &rates.cache_read},
                  {"cache_write_5m", &rates.cache_write_5m},
                  {"cache_write_1h", &rates.cache_write_1h}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        int status = take_number(reading, yaml_member(map, fields[i].key), fields[i].key, PER_MILLION_MAX,
                                 fields[i].place);
        if (status)
            return status;
    }
    if (isnan(rates.input) || isnan(rates.output))
        return REFUSED(reading, map, "%s needs '%s'", what, isnan(rates.input) ? "input" : "output");
    *ret_rates = rates;
    return 0;
}

/* A tier has a price for whatever the base has one for. */
static int check_tier(const struct reading *reading, const struct yaml_value *map,
                      const struct price_rates *base, const struct price_rates *tier)
{
    const char *missing = NULL;
    if (!isnan(base->cache_read) && isnan(tier->cache_read))
        missing = "cache_read";
    else if (!isnan(base->cache_write_5m) && isnan(tier->cache_write_5m))
        missing = "cache_write_5m";
    else if (!isnan(base->cache_write_1h) && isnan(tier->cache_write_1h))
        missing = "cache_write_1h";
    return missing ? REFUSED(reading, map, "'above' needs '%s', which the prices below it have", missing) : 0;
}

static int take_above(const struct reading *reading, const struct yaml_value *map, struct price_set *set)
{
    static const char *const keys[] = {"prompt",         "input",          "output", "cache_read",
                                       "cache_write_5m", "cache_write_1h", NULL};
    struct price_above above = {0};
    int status = check_map(reading, map, "'above'", keys);
    const char *prompt = yaml_text(yaml_member(map, "prompt"));
    if (!status && (!prompt || num_parse_u64(prompt, &above.prompt) || !above.prompt))
        status = REFUSED(reading, yaml_member(map, "prompt") ? yaml_member(map, "prompt") : map,
                         "'above' needs 'prompt', a number of tokens");
    if (!status)
        status = take_rates(reading, map, "'above'", &above.rates);
    if (!status)
        status = check_tier(reading, map, &set->rates, &above.rates);
    if (!status && set->above_count == PRICE_ABOVE_MAX)
        status = REFUSED(reading, map, "over %u tiers", PRICE_ABOVE_MAX);
    if (!status && set->above_count && set->above[set->above_count - 1].prompt >= above.prompt)
        status = REFUSED(reading, map, "tiers are in the order of 'prompt', the lowest first");
    if (!status)
        set->above[set->above_count++] = above;
    return status;
}

/* `value` is the value of 'above', `map` what it stands in. */
static int take_set(const struct reading *reading, const struct yaml_value *map,
                    const struct yaml_value *value, const char *what, struct price_set *ret_set)
{
    int status = take_rates(reading, map, what, &ret_set->rates);
    if (!status && yaml_kind(value) == YAML_LIST) {
        for (const struct yaml_value *at = yaml_first(value); at && !status; at = yaml_next(at))
            status = take_above(reading, at, ret_set);
    } else if (!status && value) {
        status = take_above(reading, value, ret_set);
    }
    return status;
}

static int take_mode(const struct reading *reading, const struct yaml_value *value, const char *what,
                     struct price_mode *mode)
{
    static const char *const keys[] = {"input",          "output", "cache_read", "cache_write_5m",
                                       "cache_write_1h", "above",  NULL};
    if (!value)
        return 0;
    if (yaml_kind(value) != YAML_MAP)
        return take_number(reading, value, what, RATIO_MAX, &mode->ratio);
    struct price_set *set = arena_alloc(&reading->book->arena, sizeof *set);
    if (!set)
        return err_memory(reading->err);
    int status = check_map(reading, value, what, keys);
    if (!status)
        status = take_set(reading, value, yaml_member(value, "above"), what, set);
    mode->set = set;
    return status;
}

static int take_regions(const struct reading *reading, const struct yaml_value *map, struct price_row *row)
{
    if (!map)
        return 0;
    if (yaml_kind(map) != YAML_MAP || yaml_count(map) > PRICE_REGIONS_MAX)
        return REFUSED(reading, map, "'regions' is a %s, a map of at most %u regions is expected",
                       yaml_kind_name(map), PRICE_REGIONS_MAX);
    int status = 0;
    for (const struct yaml_value *at = yaml_first(map); at && !status; at = yaml_next(at)) {
        struct price_region *region = &row->regions[row->region_count++];
        region->ratio = 1;
        status = copy(reading, yaml_key(at), &region->name);
        if (!status)
            status = take_number(reading, at, yaml_key(at), RATIO_MAX, &region->ratio);
    }
    return status;
}

static int take_day(const struct reading *reading, const struct yaml_value *value, const char *what,
                    int64_t *ret_ns)
{
    if (value && (!yaml_text(value) || price_day_read(yaml_text(value), ret_ns)))
        return REFUSED(reading, value, "'%s' is '%.64s', a day like 2026-10-07 is expected", what,
                       yaml_text(value) ? yaml_text(value) : yaml_kind_name(value));
    return 0;
}

/* What the row says, else what the file's defaults say. */
static const struct yaml_value *row_member(const struct reading *reading, const struct yaml_value *map,
                                           const char *key)
{
    const struct yaml_value *value = yaml_member(map, key);
    return value ? value : yaml_member(reading->defaults, key);
}

static int row_read(const struct reading *reading, const struct yaml_value *map, struct price_row *row)
{
    static const char *const keys[] = {ROW_KEYS};
    int status = check_map(reading, map, "a row of prices", keys);
    row->line = yaml_line(map);
    if (!status)
        status = take_day(reading, yaml_member(map, "from"), "from", &row->from_ns);
    if (!status)
        status = take_day(reading, yaml_member(map, "until"), "until", &row->until_ns);
    if (!status && row->until_ns <= row->from_ns)
        status = REFUSED(reading, yaml_member(map, "until"), "'until' is not after 'from'");
    if (!status)
        status = take_text(reading, row_member(reading, map, "source"), "source", &row->source);
    if (!status)
        status = take_text(reading, row_member(reading, map, "note"), "note", &row->note);
    if (!status)
        status = take_set(reading, map, yaml_member(map, "above"), "a row of prices", &row->set);
    for (size_t i = 0; i < PRICE_MODE_COUNT && !status; i++) {
        const char *name = price_mode_name((enum price_mode_id)i);
        status = take_mode(reading, row_member(reading, map, name), name, &row->modes[i]);
    }
    if (!status)
        status = take_regions(reading, row_member(reading, map, "regions"), row);
    if (!status)
        status = take_number(reading, row_member(reading, map, "web_search"), "web_search", PER_MILLION_MAX,
                             &row->web_search_per_1k);
    return status;
}

static int rows_read(const struct reading *reading, const struct yaml_value *list, struct price_model *model)
{
    if (yaml_kind(list) != YAML_LIST || !yaml_count(list) || yaml_count(list) > PRICE_ROWS_MAX)
        return REFUSED(reading, list, "'prices' is a %s of %zu, a list of 1 to %u rows is expected",
                       yaml_kind_name(list), yaml_count(list), PRICE_ROWS_MAX);
    struct price_row *rows = arena_alloc(&reading->book->arena, yaml_count(list) * sizeof *rows);
    if (!rows)
        return err_memory(reading->err);
    for (const struct yaml_value *at = yaml_first(list); at; at = yaml_next(at)) {
        struct price_row *row = &rows[model->row_count], *before = model->row_count ? row - 1 : NULL;
        *row = price_row_none();
        int status = row_read(reading, at, row);
        if (!status && before && row->from_ns == PRICE_FROM_ALWAYS)
            status = REFUSED(reading, at, "the second row of prices and those behind it need 'from'");
        if (!status && before && row->from_ns <= before->from_ns)
            status = REFUSED(reading, at, "rows are in the order of 'from', the oldest first");
        if (!status && before && before->until_ns != PRICE_UNTIL_FURTHER && before->until_ns > row->from_ns)
            status = REFUSED(reading, at, "it begins before the row above it has ended");
        if (status)
            return status;
        if (before && before->until_ns == PRICE_UNTIL_FURTHER)
            before->until_ns = row->from_ns;
        model->row_count++;
    }
    model->rows = rows;
    return 0;
}

static int aliases_read(const struct reading *reading, const struct yaml_value *list,
                        struct price_model *model)
{
    if (!list)
        return 0;
    if (yaml_kind(list) != YAML_LIST || yaml_count(list) > PRICE_ALIASES_MAX)
        return REFUSED(reading, list, "'aliases' is a %s, a list of at most %u names is expected",
                       yaml_kind_name(list), PRICE_ALIASES_MAX);
    for (const struct yaml_value *at = yaml_first(list); at; at = yaml_next(at)) {
        int status = take_text(reading, at, "aliases", &model->aliases[model->alias_count]);
        if (status)
            return status;
        model->alias_count++;
    }
    return 0;
}

static int model_read(const struct reading *reading, const struct yaml_value *map, const char *provider,
                      const char *file)
{
    static const char *const keys[] = {"model", "aliases", "prices", "provider", NULL};
    struct price_model model = {.provider = provider, .file = file, .line = yaml_line(map)};
    int status = check_map(reading, map, "a model", keys);
    if (!status && !yaml_member(map, "model"))
        status = REFUSED(reading, map, "a model needs 'model', its name");
    if (!status)
        status = take_text(reading, yaml_member(map, "model"), "model", &model.name);
    if (!status)
        status = take_text(reading, yaml_member(map, "provider"), "provider", &model.provider);
    if (!status)
        status = aliases_read(reading, yaml_member(map, "aliases"), &model);
    if (!status && !yaml_member(map, "prices"))
        status = REFUSED(reading, map, "model '%.64s' needs 'prices'", model.name);
    if (!status)
        status = rows_read(reading, yaml_member(map, "prices"), &model);
    for (size_t i = 0; i < reading->book->models.count && !status; i++)
        if (reading->book->models.items[i].file == file &&
            strcmp(reading->book->models.items[i].name, model.name) == 0)
            status = REFUSED(reading, map, "there is a model '%.64s' in line %u already", model.name,
                             reading->book->models.items[i].line);
    return status ? status : price_book_take(reading->book, &model, reading->err);
}

static int root_read(struct reading *reading, const struct yaml_value *root)
{
    static const char *const keys[] = {"provider", "defaults", "models", NULL};
    static const char *const row_keys[] = {ROW_KEYS};
    const char *provider = "", *file = NULL;
    if (yaml_kind(root) == YAML_NOTHING)
        return 0;
    int status = check_map(reading, root, "a file of prices", keys);
    if (!status)
        status = copy(reading, reading->path, &file);
    if (!status)
        status = take_text(reading, yaml_member(root, "provider"), "provider", &provider);
    reading->defaults = yaml_member(root, "defaults");
    if (!status && reading->defaults)
        status = check_map(reading, reading->defaults, "'defaults'", row_keys);
    const struct yaml_value *models = yaml_member(root, "models");
    if (!status && yaml_kind(models) != YAML_LIST)
        status = REFUSED(reading, models ? models : root, "'models' is a %s, a list is expected",
                         yaml_kind_name(models));
    for (const struct yaml_value *at = yaml_first(models); at && !status; at = yaml_next(at))
        status = model_read(reading, at, provider, file);
    return status;
}

int price_yaml_add(struct price_book *book, const char *text, size_t length, const char *name,
                   struct err *err)
{
    struct reading reading = {.book = book, .path = name, .err = err};
    struct yaml_value *root = NULL;
    int status = yaml_read_text(text, length, name, &root, err);
    if (!status)
        status = root_read(&reading, root);
    yaml_free(root);
    return status;
}
