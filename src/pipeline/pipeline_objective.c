/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/pipeline_objective.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

#define NOUN_MAX 32u
#define TEXT_MAX 200u

static const struct {
    const char *name;
    enum pipeline_metric metric;
    enum amount_unit unit;
} metrics[] = {
    {"wall", PIPELINE_WALL, AMOUNT_NS},       {"time", PIPELINE_WALL, AMOUNT_NS},
    {"cpu", PIPELINE_CPU, AMOUNT_NS},         {"memory", PIPELINE_MEMORY, AMOUNT_BYTES},
    {"cost", PIPELINE_COST, AMOUNT_MONEY},    {"tokens", PIPELINE_TOKENS, AMOUNT_COUNT},
    {"latency", PIPELINE_LATENCY, AMOUNT_NS},
};

/* What stands between a metric and its value. `is_above`: more is asked for. Longer ones first. */
static const struct {
    const char *text;
    bool is_above;
} relations[] = {
    {"<=", false},           {">=", true},       {"<", false},     {">", true},      {"less than", false},
    {"no more than", false}, {"at most", false}, {"below", false}, {"under", false}, {"more than", true},
    {"at least", true},      {"above", true},    {"over", true},
};

static int refused(const char *text, const char *why, struct err *err)
{
    err_set(err, ERR_INPUT, "could not understand objective '%.80s': %s", text, why);
    err_hint(err,
             "write, for example, 'wall < 60 s', '100000 rows/s', 'p99 under 200 ms', 'cost under 2 USD' "
             "or 'memory under 500 MB'");
    return -ERR_INPUT;
}

static const char *skip_blanks(const char *text)
{
    return text + strspn(text, " \t");
}

/* The words of a relation at `text`, one blank each; what follows into ret_rest. */
static bool relation_read(const char *text, bool *ret_is_above, const char **ret_rest)
{
    for (size_t i = 0; i < sizeof relations / sizeof relations[0]; i++) {
        size_t length = strlen(relations[i].text);
        bool is_word = isalpha((unsigned char)relations[i].text[0]);
        if (strncmp(text, relations[i].text, length) != 0 ||
            (is_word && text[length] && text[length] != ' ' && text[length] != '\t'))
            continue;
        *ret_is_above = relations[i].is_above;
        *ret_rest = skip_blanks(text + length);
        return true;
    }
    return false;
}

/* "rows/s" of "rows/s >= 1": the noun, and what follows. */
static bool noun_read(const char *text, char noun[NOUN_MAX], const char **ret_rest)
{
    size_t length = 0;
    while (isalpha((unsigned char)text[length]) || (length && strchr("_-", text[length]) && text[length]))
        length++;
    if (!length || length >= NOUN_MAX || strncmp(text + length, "/s", 2) != 0 ||
        isalnum((unsigned char)text[length + 2]))
        return false;
    memcpy(noun, text, length);
    noun[length] = '\0';
    *ret_rest = text + length + 2;
    return true;
}

/* The number at the start without the commas between its thousands, as amount_parse takes it. */
static void without_commas(const char *text, char number[TEXT_MAX])
{
    size_t length = 0;
    for (size_t i = 0; text[i] && length + 1 < TEXT_MAX; i++) {
        bool is_thousands = text[i] == ',' && i && isdigit((unsigned char)text[i - 1]) &&
                            strspn(text + i + 1, "0123456789") == 3;
        if (!is_thousands)
            number[length++] = text[i];
    }
    number[length] = '\0';
    while (length && strchr(" \t", number[length - 1]))
        number[--length] = '\0';
}

/* "100000 rows/s": the amount, with the noun behind it. */
static bool rate_read(const char *text, char noun[NOUN_MAX], double *ret_value)
{
    char number[TEXT_MAX];
    const char *rest = "x";
    without_commas(text, number);
    size_t length = strspn(number, "0123456789._eE+");
    char *word = number + length + strspn(number + length, " \t");
    if (!length || !noun_read(word, noun, &rest) || *skip_blanks(rest))
        return false;
    number[length] = '\0';
    return amount_parse(number, AMOUNT_COUNT, ret_value);
}

/* "2 USD", "$2", "2 €": the currency is a word of its own. */
static bool money_read(const char *text, char noun[NOUN_MAX], double *ret_value)
{
    char number[TEXT_MAX];
    without_commas(text, number);
    if (number[0] == '$') {
        snprintf(noun, NOUN_MAX, "USD");
        return amount_parse(number, AMOUNT_MONEY, ret_value);
    }
    size_t length = strspn(number, "0123456789._");
    const char *word = skip_blanks(number + length);
    size_t letters = 0;
    while (isalpha((unsigned char)word[letters]))
        letters++;
    if (word[letters] || (letters != 3 && letters))
        return false;
    snprintf(noun, NOUN_MAX, "%s", letters ? word : "USD");
    for (char *at = noun; *at; at++)
        *at = (char)toupper((unsigned char)*at);
    number[length] = '\0';
    return amount_parse(number, AMOUNT_MONEY, ret_value);
}

struct parser {
    const char *text;
    struct pipeline_objective objective;
    enum amount_unit unit;
    char name[NOUN_MAX + 4], noun[NOUN_MAX];
};

/* The metric at the start, and what follows it; false when there is none. */
static bool metric_read(struct parser *parser, const char **ret_rest)
{
    const char *text = parser->text, *rest = text;
    if (noun_read(text, parser->noun, &rest)) {
        parser->objective.metric = PIPELINE_RATE;
        parser->unit = AMOUNT_PER_S;
    } else if (*text == 'p' && isdigit((unsigned char)text[1])) {
        rest = text + 1 + strspn(text + 1, "0123456789.");
        parser->objective.metric = PIPELINE_LATENCY;
        parser->unit = AMOUNT_NS;
    } else {
        size_t length = 0, i = 0;
        while (isalpha((unsigned char)text[length]))
            length++;
        while (i < sizeof metrics / sizeof metrics[0] &&
               (strlen(metrics[i].name) != length || strncmp(metrics[i].name, text, length) != 0))
            i++;
        if (i == sizeof metrics / sizeof metrics[0])
            return false;
        parser->objective.metric = metrics[i].metric;
        parser->unit = metrics[i].unit;
        rest = text + length;
    }
    size_t length = (size_t)(rest - text);
    if (length >= sizeof parser->name)
        return false;
    snprintf(parser->name, sizeof parser->name, "%.*s", (int)length, text);
    if (strcmp(parser->name, "time") == 0)
        snprintf(parser->name, sizeof parser->name, "wall");
    *ret_rest = skip_blanks(rest);
    return true;
}

static bool value_read(struct parser *parser, const char *text)
{
    char number[TEXT_MAX], noun[NOUN_MAX];
    struct pipeline_objective *objective = &parser->objective;
    without_commas(text, number);
    if (objective->metric == PIPELINE_COST)
        return money_read(text, parser->noun, &objective->value);
    if (objective->metric == PIPELINE_RATE)
        return amount_parse(number, AMOUNT_PER_S, &objective->value) ||
               (rate_read(text, noun, &objective->value) && strcmp(noun, parser->noun) == 0);
    return amount_parse(number, parser->unit, &objective->value);
}

/* "wall < 1 s", "wall". */
static int metric_first(struct parser *parser, const char *rest, struct err *err)
{
    struct pipeline_objective *objective = &parser->objective;
    char why[128];
    bool is_above = false;
    if (!*rest)
        return 0;
    if (!relation_read(rest, &is_above, &rest)) {
        snprintf(why, sizeof why, "behind '%s' belongs <, <=, under, at most%s", parser->name,
                 objective->metric == PIPELINE_RATE ? ", >, >=, over or at least" : " or below");
        return refused(parser->text, why, err);
    }
    if (is_above != (objective->metric == PIPELINE_RATE)) {
        snprintf(why, sizeof why, "%s is better the %s it is", parser->name,
                 objective->metric == PIPELINE_RATE ? "more" : "less");
        return refused(parser->text, why, err);
    }
    if (!value_read(parser, rest) || !(objective->value > 0)) {
        snprintf(why, sizeof why, "'%.40s' is no amount of it (%s)", rest, amount_examples(parser->unit));
        return refused(parser->text, why, err);
    }
    objective->has_value = true;
    return 0;
}

int pipeline_objective_parse(const char *text, struct arena *arena, struct pipeline_objective *ret_objective,
                             struct err *err)
{
    struct parser parser = {.text = skip_blanks(text), .unit = AMOUNT_NS};
    struct pipeline_objective *objective = &parser.objective;
    const char *rest = parser.text;
    bool is_above = false;
    int status = 0;
    if (strlen(text) >= TEXT_MAX)
        return refused(text, "it is too long", err);
    if (metric_read(&parser, &rest)) {
        status = metric_first(&parser, rest, err);
    } else {
        /* "100000 rows/s", "at least 100000 rows/s" */
        bool has_relation = relation_read(parser.text, &is_above, &rest);
        if ((has_relation && !is_above) || !rate_read(rest, parser.noun, &objective->value) ||
            !(objective->value > 0))
            status = refused(
                text, "it begins with none of wall, a rate (rows/s), p99, cpu, memory, cost, tokens", err);
        objective->metric = PIPELINE_RATE;
        objective->has_value = true;
        snprintf(parser.name, sizeof parser.name, "%s/s", parser.noun);
    }
    if (status)
        return status;
    objective->name = arena_string(arena, parser.name);
    objective->noun =
        arena_string(arena, objective->metric == PIPELINE_COST && !*parser.noun ? "USD" : parser.noun);
    objective->text = arena_string(arena, text);
    if (!objective->name || !objective->noun || !objective->text)
        return err_memory(err);
    *ret_objective = *objective;
    return 0;
}

bool pipeline_objective_is_rate(const struct pipeline_objective *objective)
{
    return objective->metric == PIPELINE_RATE;
}

const char *pipeline_objective_verdict(const struct pipeline_objective *objective)
{
    switch (objective->metric) {
    case PIPELINE_LATENCY: return "latency";
    case PIPELINE_COST:
    case PIPELINE_TOKENS: return "cost";
    case PIPELINE_WALL:
    case PIPELINE_RATE:
    case PIPELINE_CPU:
    case PIPELINE_MEMORY: break;
    }
    return "wall";
}

bool pipeline_objective_of_wall(const struct pipeline_objective *objective, double wall_ns, double unit_count,
                                double *ret_value)
{
    if (!(wall_ns > 0))
        return false;
    if (objective->metric == PIPELINE_WALL) {
        *ret_value = wall_ns;
        return true;
    }
    if (objective->metric != PIPELINE_RATE || !(unit_count > 0))
        return false;
    *ret_value = unit_count / (wall_ns / 1e9);
    return true;
}

struct amount pipeline_objective_amount(const struct pipeline_objective *objective, double value)
{
    struct amount amount;
    switch (objective->metric) {
    case PIPELINE_WALL:
    case PIPELINE_LATENCY:
    case PIPELINE_CPU: return amount_text(value, AMOUNT_NS);
    case PIPELINE_MEMORY: return amount_text(value, AMOUNT_BYTES);
    case PIPELINE_TOKENS: return amount_text(value, AMOUNT_COUNT);
    case PIPELINE_RATE:
        snprintf(amount.text, sizeof amount.text, "%.20s %.20s/s", amount_text(value, AMOUNT_COUNT).text,
                 objective->noun);
        return amount;
    case PIPELINE_COST: break;
    }
    snprintf(amount.text, sizeof amount.text, "%.30s %.8s", amount_text(value, AMOUNT_MONEY).text,
             objective->noun);
    return amount;
}

const char *pipeline_objective_unit(const struct pipeline_objective *objective, double *ret_scale)
{
    *ret_scale = 1;
    switch (objective->metric) {
    case PIPELINE_WALL:
    case PIPELINE_CPU: *ret_scale = 1e9; return "s";
    case PIPELINE_LATENCY: *ret_scale = 1e6; return "ms";
    case PIPELINE_MEMORY: *ret_scale = 1e6; return "MB";
    case PIPELINE_RATE: return objective->name;
    case PIPELINE_TOKENS: return "tokens";
    case PIPELINE_COST: break;
    }
    return objective->noun;
}

double pipeline_objective_factor(const struct pipeline_objective *objective, double measured)
{
    if (!objective->has_value || !(measured > 0))
        return 1;
    return pipeline_objective_is_rate(objective) ? objective->value / measured : measured / objective->value;
}
