/* SPDX-License-Identifier: Apache-2.0 */
#include "budget/budget_limits.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"

#define VALUE_BYTES 64u
#define TOKENS_MAX  1e18

static int wrong(const char *item, const char *value, struct err *err)
{
    err_set(err, ERR_USAGE, "could not take budget '%.64s': '%.40s' is no amount above 0", item, value);
    err_hint(err,
             "a budget is tokens=1M, cost=10 (dollars), time=30m, or several with commas: tokens=1M,cost=10");
    return -ERR_USAGE;
}

/* "1M", "250k", "1.5G", "800000" */
static int tokens_parse(const char *item, char *value, uint64_t *ret_tokens, struct err *err)
{
    static const struct {
        char letter;
        double factor;
    } units[] = {{'k', 1e3}, {'K', 1e3}, {'m', 1e6}, {'M', 1e6},
                 {'g', 1e9}, {'G', 1e9}, {'b', 1e9}, {'B', 1e9}};
    size_t length = strlen(value);
    double factor = 1, number;
    char text[VALUE_BYTES];
    snprintf(text, sizeof text, "%s", value);
    for (size_t i = 0; length && i < sizeof units / sizeof *units; i++)
        if (text[length - 1] == units[i].letter) {
            factor = units[i].factor;
            text[length - 1] = '\0';
            break;
        }
    if (num_parse_double(text, &number) || !(number > 0) || number * factor > TOKENS_MAX ||
        number * factor < 1)
        return wrong(item, value, err);
    *ret_tokens = (uint64_t)(number * factor);
    return 0;
}

static int cost_parse(const char *item, char *value, double *ret_usd, struct err *err)
{
    char text[VALUE_BYTES];
    snprintf(text, sizeof text, "%s", *value == '$' ? value + 1 : value);
    size_t length = strlen(text);
    if (length > 3 && strcasecmp(text + length - 3, "usd") == 0)
        text[length -= 3] = '\0';
    while (length && text[length - 1] == ' ')
        text[--length] = '\0';
    double usd;
    if (num_parse_double(text, &usd) || !(usd > 0))
        return wrong(item, value, err);
    *ret_usd = usd;
    return 0;
}

static int item_parse(const char *item, struct budget_limits *limits, struct err *err)
{
    char value[VALUE_BYTES] = "";
    const char *equals = strchr(item, '=');
    if (!equals || strlen(equals + 1) >= sizeof value) {
        err_set(err, ERR_USAGE, "could not take budget '%.64s': it is not NAME=AMOUNT", item);
        err_hint(
            err,
            "a budget is tokens=1M, cost=10 (dollars), time=30m, or several with commas: tokens=1M,cost=10");
        return -ERR_USAGE;
    }
    snprintf(value, sizeof value, "%s", equals + 1);
    size_t length = (size_t)(equals - item);
    if (length == 6 && strncmp(item, "tokens", length) == 0)
        return tokens_parse(item, value, &limits->tokens, err);
    if (length == 4 && strncmp(item, "cost", length) == 0)
        return cost_parse(item, value, &limits->cost_usd, err);
    if (length == 4 && strncmp(item, "time", length) == 0)
        return num_parse_duration(value, &limits->time_ns) || !limits->time_ns ? wrong(item, value, err) : 0;
    err_set(err, ERR_USAGE, "could not take budget '%.64s': there is no '%.*s' to limit", item,
            (int)(length > 40 ? 40 : length), item);
    err_hint(err, "there are: tokens, cost, time");
    return -ERR_USAGE;
}

int budget_limits_parse(const char *text, struct budget_limits *limits, struct err *err)
{
    struct budget_limits taken = *limits;
    const char *at = text;
    for (;;) {
        char item[2 * VALUE_BYTES];
        size_t length = strcspn(at, ",");
        snprintf(item, sizeof item, "%.*s", (int)(length < sizeof item ? length : sizeof item - 1), at);
        int status = item_parse(item, &taken, err);
        if (status)
            return status;
        if (!at[length])
            break;
        at += length + 1;
    }
    *limits = taken;
    return 0;
}

bool budget_limits_any(const struct budget_limits *limits)
{
    return limits->tokens || limits->cost_usd > 0 || limits->time_ns;
}
