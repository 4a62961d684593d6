/* SPDX-License-Identifier: Apache-2.0 */
#include "report/amount.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "report/units.h"

#define NUMBER_MAX 40u

struct scale {
    const char *name;
    double factor;
};

static const struct scale durations[] = {{"ns", 1},  {"us", 1e3},   {"µs", 1e3},   {"ms", 1e6},
                                         {"s", 1e9}, {"min", 60e9}, {"h", 3600e9}, {NULL, 0}};
static const struct scale sizes[] = {{"", 1},         {"B", 1},    {"kB", 1e3},   {"KB", 1e3},
                                     {"MB", 1e6},     {"GB", 1e9}, {"KiB", 1024}, {"MiB", 1048576},
                                     {"GiB", 0x1p30}, {NULL, 0}};
static const struct scale rates[] = {{"", 1}, {"/s", 1}, {NULL, 0}};
static const struct scale counts[] = {{"", 1}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {NULL, 0}};
static const struct scale dollars[] = {{"", 1}, {"USD", 1}, {NULL, 0}};

static const struct scale *scales_of(enum amount_unit unit)
{
    switch (unit) {
    case AMOUNT_NS: return durations;
    case AMOUNT_BYTES: return sizes;
    case AMOUNT_PER_S: return rates;
    case AMOUNT_COUNT: return counts;
    case AMOUNT_MONEY: break;
    }
    return dollars;
}

/* The number at the start, without the underscores in it; what follows it and blanks into `ret_rest`. */
static bool number_read(const char *text, double *ret_number, const char **ret_rest)
{
    char number[NUMBER_MAX + 1];
    size_t length = 0;
    for (; isdigit((unsigned char)*text) || strchr("._", *text); text++) {
        if (!*text)
            break;
        if (*text == '_')
            continue;
        if (length == NUMBER_MAX)
            return false;
        number[length++] = *text;
    }
    if ((*text == 'e' || *text == 'E') &&
        (isdigit((unsigned char)text[1]) || text[1] == '-' || text[1] == '+')) {
        do {
            if (length == NUMBER_MAX)
                return false;
            number[length++] = *text++;
        } while (isdigit((unsigned char)*text) || ((*text == '-' || *text == '+') && strchr("eE", text[-1])));
    }
    number[length] = '\0';
    if (!length || num_parse_double(number, ret_number))
        return false;
    *ret_rest = text + strspn(text, " ");
    return true;
}

bool amount_parse(const char *text, enum amount_unit unit, double *ret_value)
{
    const char *rest;
    double number;
    if (unit == AMOUNT_MONEY && *text == '$')
        text++;
    if (!number_read(text, &number, &rest))
        return false;
    for (const struct scale *scale = scales_of(unit); scale->name; scale++) {
        if (strcmp(scale->name, rest) == 0) {
            *ret_value = number * scale->factor;
            return isfinite(*ret_value);
        }
    }
    return false;
}

const char *amount_examples(enum amount_unit unit)
{
    switch (unit) {
    case AMOUNT_NS: return "200ms, 1.5s";
    case AMOUNT_BYTES: return "500kB, 5MB";
    case AMOUNT_PER_S: return "50000, 2.5e6";
    case AMOUNT_COUNT: return "12000, 1_000_000";
    case AMOUNT_MONEY: break;
    }
    return "0.25, $1.50";
}

bool amount_percent_read(const char *text, double *ret_ratio, char *ret_sign)
{
    char sign = 0;
    double number;
    const char *rest;
    if (*text == '+' || *text == '-')
        sign = *text++;
    if (!number_read(text, &number, &rest) || strcmp(rest, "%") != 0)
        return false;
    *ret_ratio = number / 100;
    *ret_sign = sign;
    return true;
}

/* Four digits. */
static struct amount duration(double ns)
{
    static const struct scale units[] = {{"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}};
    struct amount amount;
    size_t unit = 0;
    if (ns >= 100e9) {
        snprintf(amount.text, sizeof amount.text, "%s", unit_duration(num_u64(ns)).text);
        return amount;
    }
    while (unit < 3 && ns < units[unit].factor)
        unit++;
    double value = ns / units[unit].factor;
    int digits = value >= 1000 ? 0 : value >= 100 ? 1 : value >= 10 ? 2 : 3;
    snprintf(amount.text, sizeof amount.text, "%.*f %s", ns > 0 ? digits : 0, value, units[unit].name);
    return amount;
}

static struct amount bytes(double value)
{
    static const struct scale units[] = {{"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1}};
    struct amount amount;
    size_t unit = 0;
    while (unit < 3 && value < units[unit].factor)
        unit++;
    double scaled = value / units[unit].factor;
    int digits = unit == 3 || scaled >= 1000 ? 0 : scaled >= 100 ? 1 : 2;
    snprintf(amount.text, sizeof amount.text, "%.*f %s", digits, scaled, units[unit].name);
    return amount;
}

struct amount amount_text(double value, enum amount_unit unit)
{
    struct amount amount;
    switch (unit) {
    case AMOUNT_NS: return duration(value);
    case AMOUNT_BYTES: return bytes(value);
    case AMOUNT_PER_S:
        if (value < 100)
            snprintf(amount.text, sizeof amount.text, "%.4g/s", value);
        else
            snprintf(amount.text, sizeof amount.text, "%.40s/s", unit_count(value).text);
        return amount;
    case AMOUNT_COUNT:
        if (value < 1000)
            snprintf(amount.text, sizeof amount.text, "%.4g", value);
        else
            snprintf(amount.text, sizeof amount.text, "%s", unit_count(value).text);
        return amount;
    case AMOUNT_MONEY: break;
    }
    snprintf(amount.text, sizeof amount.text, value >= 1000 ? "%.0f" : value >= 1 ? "%.2f" : "%.4g", value);
    return amount;
}

struct amount amount_factor(double ratio)
{
    struct amount amount;
    if (!(ratio < 1000))
        snprintf(amount.text, sizeof amount.text, "over 1000x");
    else
        snprintf(amount.text, sizeof amount.text,
                 ratio >= 10  ? "%.1fx"
                 : ratio >= 2 ? "%.2fx"
                              : "%.3fx",
                 ratio);
    return amount;
}

struct amount amount_percent(double ratio)
{
    struct amount amount;
    snprintf(amount.text, sizeof amount.text, "%.4g %%", 100 * ratio);
    return amount;
}
