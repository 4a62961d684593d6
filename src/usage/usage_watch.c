/* SPDX-License-Identifier: Apache-2.0 */
/* How fast it goes: the rate of the last minutes, and the limit that it runs into. */
#include <math.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/num.h"
#include "report/amount.h"
#include "report/units.h"
#include "usage/usage_show.h"

#define HOUR_S 3600.0
#define WINDOW_NS                                                                                            \
    (15 * 60 * NS_PER_S) /* of the rate: long enough for a slow answer, short enough to be now */
#define HOUR_NS     (3600 * NS_PER_S)
#define AHEAD_H_MAX (24.0 * 366)

struct usage_burn usage_burn(const struct usage_answer *answer, int64_t now_ns, uint64_t window_ns)
{
    struct usage_burn burn = {.window_ns = window_ns};
    int64_t since_ns = now_ns - (int64_t)window_ns;
    double hours = (double)window_ns / (double)NS_PER_S / HOUR_S;
    for (size_t i = 0; i < answer->items.count; i++) {
        const struct usage_item *item = &answer->items.items[i];
        if (item->call.end_ns <= since_ns || item->call.end_ns > now_ns)
            continue;
        burn.tokens_per_h += (double)tokens_total(&item->call.tokens) / hours;
        if (!isnan(item->cost_usd))
            burn.usd_per_h += item->cost_usd / hours;
    }
    return burn;
}

static bool count_read(const char *text, double *ret_amount)
{
    char number[32];
    size_t length = strlen(text);
    char unit = length ? text[length - 1] : '\0';
    double factor = unit == 'k' || unit == 'K'   ? 1e3
                    : unit == 'M'                ? 1e6
                    : unit == 'B' || unit == 'G' ? 1e9
                                                 : 1;
    length -= factor > 1;
    if (!length || length >= sizeof number)
        return false;
    memcpy(number, text, length);
    number[length] = '\0';
    if (!amount_parse(number, AMOUNT_COUNT, ret_amount))
        return false;
    *ret_amount *= factor;
    return true;
}

int usage_limit_read(const char *text, struct usage_limit *ret_limit, struct err *err)
{
    double amount = 0;
    if (str_starts(text, "cost=") && amount_parse(text + 5, AMOUNT_MONEY, &amount) && amount > 0) {
        *ret_limit = (struct usage_limit){USAGE_LIMIT_COST, amount};
        return 0;
    }
    if (str_starts(text, "tokens=") && count_read(text + 7, &amount) && amount > 0) {
        *ret_limit = (struct usage_limit){USAGE_LIMIT_TOKENS, amount};
        return 0;
    }
    err_set(err, ERR_USAGE, "could not take option '--limit': '%.40s' is no limit", text);
    err_hint(err, "write it as cost=10 (dollars) or tokens=1M");
    return -ERR_USAGE;
}

static void append_clock(struct str *text, int64_t at_ns)
{
    time_t seconds = (time_t)(at_ns / (int64_t)NS_PER_S);
    char clock[32] = "";
    struct tm parts;
    if (localtime_r(&seconds, &parts))
        strftime(clock, sizeof clock, "%H:%M", &parts);
    str_append(text, clock);
}

static bool limit_line(const struct usage_answer *answer, const struct usage_look *look,
                       const struct usage_burn *burn, const struct usage_limit *limit, struct str *text)
{
    bool is_cost = limit->kind == USAGE_LIMIT_COST;
    double used = is_cost ? answer->totals.cost_usd : (double)tokens_total(&answer->totals.tokens);
    double rate = is_cost ? burn->usd_per_h : burn->tokens_per_h;
    double hours = rate > 0 ? (limit->amount - used) / rate : INFINITY;
    str_printf(text, "Limit %s: %s used",
               is_cost ? usage_dollars(limit->amount).text : usage_short(num_u64(limit->amount)).text,
               unit_ratio(used / limit->amount).text);
    if (used >= limit->amount) {
        str_append(text, ", reached\n");
        return true;
    }
    if (hours < AHEAD_H_MAX) {
        uint64_t ahead_ns = num_u64(hours * HOUR_S) * NS_PER_S;
        str_printf(text, ", reached in %s at this rate", unit_duration(ahead_ns).text);
        if (hours < 24) {
            str_append(text, " (");
            append_clock(text, look->now_ns + (int64_t)ahead_ns);
            str_append(text, ")");
        }
    } else {
        str_append(text, ", not reached at this rate");
    }
    str_append(text, "\n");
    return false;
}

bool usage_watch_text(const struct usage_answer *answer, const struct usage_look *look,
                      const struct usage_limit *limits, size_t limit_count, struct str *text)
{
    struct usage_burn burn = usage_burn(answer, look->now_ns, WINDOW_NS);
    bool is_reached = false;
    str_printf(text, "Rate  %s/h, %s tokens/min over the last 15 min\n", usage_dollars(burn.usd_per_h).text,
               usage_short(num_u64(burn.tokens_per_h / 60)).text);
    for (size_t i = 0; i < limit_count; i++)
        is_reached = limit_line(answer, look, &burn, &limits[i], text) || is_reached;
    return is_reached;
}

void usage_line(const struct usage_answer *answer, const struct usage_look *look, struct str *text)
{
    const struct usage_sum *sum = &answer->totals;
    struct usage_burn burn = usage_burn(answer, look->now_ns, HOUR_NS);
    const char *dot = look->ascii ? "|" : "\xc2\xb7";
    if (usage_has_cost(sum))
        str_printf(text, "%s%s", usage_dollars(sum->cost_usd).text, sum->unpriced_count ? "+" : "");
    else
        str_append(text, "unpriced");
    str_printf(text, " %s %s tokens %s ", dot, usage_short(tokens_total(&sum->tokens)).text, dot);
    if (usage_has_cost(sum))
        str_printf(text, "%s/h", usage_dollars(burn.usd_per_h).text);
    else
        str_printf(text, "%s/h", usage_short(num_u64(burn.tokens_per_h)).text);
    if (sum->models.count == 1)
        str_printf(text, " %s %s", dot, usage_name(answer, sum->models.items[0]));
    else if (sum->models.count)
        str_printf(text, " %s %zu models", dot, sum->models.count);
    str_append(text, "\n");
}
