/* SPDX-License-Identifier: Apache-2.0 */
#include "settings/expression.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct unit {
    const char *name;
    enum setting_kind kind;
    double scale;
};

static const struct unit units[] = {
    {"B", SETTING_BYTES, 1},        {"k", SETTING_BYTES, 0x1p10}, {"kB", SETTING_BYTES, 0x1p10},
    {"KiB", SETTING_BYTES, 0x1p10}, {"m", SETTING_BYTES, 0x1p20}, {"MB", SETTING_BYTES, 0x1p20},
    {"MiB", SETTING_BYTES, 0x1p20}, {"g", SETTING_BYTES, 0x1p30}, {"GB", SETTING_BYTES, 0x1p30},
    {"GiB", SETTING_BYTES, 0x1p30}, {"T", SETTING_BYTES, 0x1p40}, {"TB", SETTING_BYTES, 0x1p40},
    {"TiB", SETTING_BYTES, 0x1p40}, {"us", SETTING_TIME, 1e-6},   {"ms", SETTING_TIME, 1e-3},
    {"s", SETTING_TIME, 1},         {"sec", SETTING_TIME, 1},     {"min", SETTING_TIME, 60},
    {"h", SETTING_TIME, 3600},      {"d", SETTING_TIME, 86400},   {"%", SETTING_PERCENT, 1},
};

static const struct unit *unit_find(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strlen(units[i].name) == length && strncasecmp(units[i].name, name, length) == 0)
            return &units[i];
    return NULL;
}

/* A plain decimal number at the start of the text (no hexadecimal, no "inf"); where it ends, or NULL. */
static const char *number_read(const char *text, double *ret_number)
{
    char *end;
    const char *digits = text + (*text == '-' || *text == '+');
    if (!isdigit((unsigned char)*digits) && !(*digits == '.' && isdigit((unsigned char)digits[1])))
        return NULL;
    if (digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X'))
        return NULL;
    double number = strtod(text, &end);
    if (!isfinite(number))
        return NULL;
    *ret_number = number;
    return end;
}

/* A number and its unit; where they end, or NULL when there is none. The letters behind a number are all its unit. */
static const char *literal_read(const char *text, struct setting_amount *ret_amount)
{
    double number;
    const char *end = number_read(text, &number);
    if (!end)
        return NULL;
    const char *at = end;
    while (*at == ' ')
        at++;
    size_t length = 0;
    while (isalpha((unsigned char)at[length]))
        length++;
    if (!length && *at == '%')
        length = 1;
    const struct unit *unit = length ? unit_find(at, length) : NULL;
    if (length && !unit && at == end)
        return NULL;
    ret_amount->kind = unit ? unit->kind : SETTING_COUNT;
    ret_amount->number = number * (unit ? unit->scale : 1);
    return unit ? at + length : end;
}

static bool is_one_of(const char *word, const char *const *list)
{
    for (; *list; list++)
        if (strcasecmp(word, *list) == 0)
            return true;
    return false;
}

static const char *canonical(const char *word)
{
    static const char *const yes[] = {"on", "true", "yes", NULL}, *const no[] = {"off", "false", "no", NULL};
    return is_one_of(word, yes) ? "on" : is_one_of(word, no) ? "off" : word;
}

void setting_amount_read(const char *text, const char *unit, struct setting_amount *ret_amount)
{
    struct setting_amount amount = {.kind = SETTING_WORD};
    while (isspace((unsigned char)*text))
        text++;
    size_t length = strlen(text);
    while (length && isspace((unsigned char)text[length - 1]))
        length--;
    snprintf(amount.word, sizeof amount.word, "%.*s", (int)(length < 1000 ? length : 1000), text);
    const char *end = literal_read(amount.word, &amount);
    if (!end || *end) {
        amount.kind = SETTING_WORD;
        amount.number = 0;
    } else if (amount.kind == SETTING_COUNT && unit && amount.number >= 0) {
        /* Less than nothing stands for something else (-1: automatic): it has no unit. */
        struct setting_amount one = {0};
        const char *letters = literal_read(unit, &one) ? "" : unit;
        const struct unit *bare = *letters ? unit_find(letters, strlen(letters)) : NULL;
        if (bare)
            one = (struct setting_amount){.kind = bare->kind, .number = bare->scale};
        if (one.number > 0) {
            amount.kind = one.kind;
            amount.number *= one.number;
        }
    }
    *ret_amount = amount;
}

bool setting_amount_equals(const struct setting_amount *a, const struct setting_amount *b)
{
    if (a->kind == SETTING_WORD || b->kind == SETTING_WORD)
        return strcasecmp(canonical(a->word), canonical(b->word)) == 0;
    return fabs(a->number - b->number) <= 1e-9 * fmax(fabs(a->number), fabs(b->number));
}

/* Rounded down as a person would: a large number keeps few digits. */
static double rounded(double number)
{
    double step = 1;
    while (number / step >= 64)
        step *= 2;
    return floor(number / step) * step;
}

static void bytes_print(double bytes, const char *unit, char *ret_text, size_t size)
{
    const struct unit *scale = unit && *unit ? unit_find(unit, strlen(unit)) : NULL;
    double one = scale ? scale->scale : 1, whole = one >= 0x1p20 ? one : 0x1p20;
    /* In whole MB from one MB on. */
    double number = bytes >= 0x1p20 ? rounded(floor(bytes / whole)) * whole : floor(bytes);
    snprintf(ret_text, size, "%.0f%s", floor(number / one), scale ? unit : "");
}

void setting_amount_print(const struct setting_amount *amount, const char *bytes_unit, char *ret_text,
                          size_t size)
{
    if (amount->word[0])
        snprintf(ret_text, size, "%s", amount->word);
    else if (amount->kind == SETTING_BYTES)
        bytes_print(amount->number, bytes_unit, ret_text, size);
    else if (amount->kind == SETTING_TIME)
        snprintf(ret_text, size, amount->number < 1 ? "%.0fms" : "%.0fs",
                 amount->number < 1 ? amount->number * 1e3 : amount->number);
    else
        snprintf(ret_text, size, "%.0f%s", floor(amount->number + 1e-9),
                 amount->kind == SETTING_PERCENT ? "%" : "");
}

struct parser {
    const char *text, *at;
    const struct setting_facts *facts;
    unsigned depth;
    struct err *err;
};

/* Always fails. */
#define EXPECTED(parser, what)                                                                               \
    err_set((parser)->err, ERR_INPUT, "'%.80s': %s is expected at character %zu", (parser)->text, (what),    \
            (size_t)((parser)->at - (parser)->text) + 1)

static int sum_parse(struct parser *parser, struct setting_amount *ret_amount);

static void blanks_skip(struct parser *parser)
{
    while (*parser->at == ' ')
        parser->at++;
}

static bool sign_take(struct parser *parser, char sign)
{
    blanks_skip(parser);
    if (*parser->at != sign)
        return false;
    parser->at++;
    return true;
}

static bool word_take(struct parser *parser, const char *word)
{
    size_t length = strlen(word);
    blanks_skip(parser);
    if (strncmp(parser->at, word, length) != 0 || isalnum((unsigned char)parser->at[length]))
        return false;
    parser->at += length;
    return true;
}

/* The kind of a result: bytes and time win over plain numbers. */
static enum setting_kind kind_of(const struct setting_amount *a, const struct setting_amount *b)
{
    return a->kind != SETTING_COUNT ? a->kind : b->kind;
}

static int call_parse(struct parser *parser, bool is_min, struct setting_amount *ret_amount)
{
    struct setting_amount a, b;
    if (!sign_take(parser, '('))
        return EXPECTED(parser, "'('");
    int status = sum_parse(parser, &a);
    if (status)
        return status;
    if (!sign_take(parser, ','))
        return EXPECTED(parser, "','");
    status = sum_parse(parser, &b);
    if (status)
        return status;
    if (!sign_take(parser, ')'))
        return EXPECTED(parser, "')'");
    bool takes_first = is_min ? a.number <= b.number : a.number >= b.number;
    *ret_amount =
        (struct setting_amount){.kind = kind_of(&a, &b), .number = takes_first ? a.number : b.number};
    return 0;
}

static int primary_parse(struct parser *parser, struct setting_amount *ret_amount)
{
    struct setting_amount amount = {0};
    if (sign_take(parser, '(')) {
        int status = sum_parse(parser, ret_amount);
        return status ? status : sign_take(parser, ')') ? 0 : EXPECTED(parser, "')'");
    }
    if (word_take(parser, "ram")) {
        *ret_amount = (struct setting_amount){.kind = SETTING_BYTES, .number = parser->facts->ram_bytes};
        return 0;
    }
    if (word_take(parser, "cores")) {
        *ret_amount = (struct setting_amount){.kind = SETTING_COUNT, .number = parser->facts->cores};
        return 0;
    }
    if (word_take(parser, "min"))
        return call_parse(parser, true, ret_amount);
    if (word_take(parser, "max"))
        return call_parse(parser, false, ret_amount);
    blanks_skip(parser);
    const char *end = literal_read(parser->at, &amount);
    if (!end)
        return EXPECTED(parser, "an amount, 'ram', 'cores', 'min(' or 'max('");
    parser->at = end;
    if (amount.kind == SETTING_PERCENT && word_take(parser, "of")) {
        struct setting_amount whole;
        int status = primary_parse(parser, &whole);
        if (status)
            return status;
        amount = (struct setting_amount){.kind = whole.kind, .number = amount.number / 100 * whole.number};
    }
    *ret_amount = amount;
    return 0;
}

static int product_parse(struct parser *parser, struct setting_amount *ret_amount)
{
    struct setting_amount a, b;
    int status = primary_parse(parser, &a);
    while (!status) {
        bool times = sign_take(parser, '*');
        if (!times && !sign_take(parser, '/'))
            break;
        status = primary_parse(parser, &b);
        if (!status && !times && b.number == 0)
            status = EXPECTED(parser, "another divisor than 0");
        if (!status)
            a = (struct setting_amount){.kind = kind_of(&a, &b),
                                        .number = times ? a.number * b.number : a.number / b.number};
    }
    if (!status)
        *ret_amount = a;
    return status;
}

static int sum_parse(struct parser *parser, struct setting_amount *ret_amount)
{
    struct setting_amount a, b;
    if (parser->depth == EXPRESSION_DEPTH_MAX)
        return EXPECTED(parser, "less depth");
    parser->depth++;
    int status = product_parse(parser, &a);
    while (!status) {
        bool plus = sign_take(parser, '+');
        if (!plus && !sign_take(parser, '-'))
            break;
        status = product_parse(parser, &b);
        if (!status)
            a = (struct setting_amount){.kind = kind_of(&a, &b),
                                        .number = plus ? a.number + b.number : a.number - b.number};
    }
    parser->depth--;
    if (!status)
        *ret_amount = a;
    return status;
}

/* One word, which is no expression: what is not begun by a digit, a sign or a name that expressions have. */
static bool is_word(const char *text)
{
    static const char *const names[] = {"ram", "cores", "min", "max"};
    if (!isalpha((unsigned char)*text) && *text != '/' && *text != '_')
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t length = strlen(names[i]);
        if (strncmp(text, names[i], length) == 0 && !isalnum((unsigned char)text[length]) &&
            text[length] != '_')
            return false;
    }
    return true;
}

int expression_value(const char *text, const struct setting_facts *facts, struct setting_amount *ret_amount,
                     struct err *err)
{
    while (*text == ' ')
        text++;
    if (!*text || strlen(text) >= EXPRESSION_LENGTH_MAX)
        return err_set(err, ERR_INPUT, "an expression has 1 to %d characters", EXPRESSION_LENGTH_MAX - 1);
    size_t length = strlen(text);
    if (*text == '\'' && length > 2 && text[length - 1] == '\'') {
        *ret_amount = (struct setting_amount){.kind = SETTING_WORD};
        snprintf(ret_amount->word, sizeof ret_amount->word, "%.*s", (int)length - 2, text + 1);
        return 0;
    }
    /* A literal is proposed as it was written. */
    struct setting_amount literal;
    setting_amount_read(text, NULL, &literal);
    if (literal.kind != SETTING_WORD || is_word(text)) {
        *ret_amount = literal;
        return 0;
    }
    struct parser parser = {.text = text, .at = text, .facts = facts, .err = err};
    struct setting_amount amount;
    int status = sum_parse(&parser, &amount);
    blanks_skip(&parser);
    if (!status && *parser.at)
        status = EXPECTED(&parser, "the end, or one of + - * /");
    if (!status && !isfinite(amount.number))
        status = err_set(err, ERR_INPUT, "'%.80s': the number is too large", text);
    if (status)
        return status;
    amount.word[0] = '\0';
    *ret_amount = amount;
    return 0;
}

enum comparison { IS_LESS, IS_LESS_OR_EQUAL, IS_MORE, IS_MORE_OR_EQUAL, IS_NOT, IS };

static const char *comparison_read(const char *text, enum comparison *ret_comparison)
{
    static const struct {
        const char *sign;
        enum comparison comparison;
    } signs[] = {{"<=", IS_LESS_OR_EQUAL}, {">=", IS_MORE_OR_EQUAL}, {"!=", IS_NOT},
                 {"<", IS_LESS},           {">", IS_MORE},           {"=", IS}};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (strncmp(text, signs[i].sign, strlen(signs[i].sign)) == 0) {
            *ret_comparison = signs[i].comparison;
            return text + strlen(signs[i].sign);
        }
    *ret_comparison = IS;
    return text;
}

static bool compares(const struct setting_amount *found, enum comparison comparison,
                     const struct setting_amount *limit)
{
    bool are_numbers = found->kind != SETTING_WORD && limit->kind != SETTING_WORD;
    switch (comparison) {
    case IS: return setting_amount_equals(found, limit);
    case IS_NOT: return !setting_amount_equals(found, limit);
    case IS_LESS: return are_numbers && found->number < limit->number;
    case IS_LESS_OR_EQUAL:
        return are_numbers && (found->number < limit->number || setting_amount_equals(found, limit));
    case IS_MORE: return are_numbers && found->number > limit->number;
    case IS_MORE_OR_EQUAL:
        return are_numbers && (found->number > limit->number || setting_amount_equals(found, limit));
    }
    return false;
}

int expression_holds(const char *condition, const struct setting_amount *found,
                     const struct setting_facts *facts, bool *ret_holds, int *ret_direction, struct err *err)
{
    bool holds = true;
    int direction = 0;
    char part[EXPRESSION_LENGTH_MAX];
    if (strlen(condition) >= sizeof part)
        return err_set(err, ERR_INPUT, "a condition has 1 to %d characters", EXPRESSION_LENGTH_MAX - 1);
    for (const char *at = condition; at;) {
        const char *joint = strstr(at, " and ");
        struct setting_amount limit;
        enum comparison comparison;
        snprintf(part, sizeof part, "%.*s", joint ? (int)(joint - at) : (int)strlen(at), at);
        const char *text = part + strspn(part, " ");
        int status = expression_value(comparison_read(text, &comparison), facts, &limit, err);
        if (status)
            return status;
        holds = holds && compares(found, comparison, &limit);
        if (comparison == IS_LESS || comparison == IS_LESS_OR_EQUAL)
            direction = 1;
        else if (comparison == IS_MORE || comparison == IS_MORE_OR_EQUAL)
            direction = -1;
        at = joint ? joint + strlen(" and ") : NULL;
    }
    *ret_holds = holds;
    *ret_direction = direction;
    return 0;
}
