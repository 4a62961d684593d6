/* SPDX-License-Identifier: Apache-2.0 */
#include "agents/iso_time.h"

#include <stdbool.h>

#include "base/clock.h"

#define YEAR_MIN 1970
#define YEAR_MAX 2261 /* the last whole one whose nanoseconds fit */

struct cursor {
    const char *at, *end;
};

static bool digits(struct cursor *cursor, int count, int *ret_value)
{
    int value = 0;
    if (cursor->end - cursor->at < count)
        return false;
    for (int i = 0; i < count; i++) {
        unsigned digit = (unsigned)(cursor->at[i] - '0');
        if (digit > 9)
            return false;
        value = value * 10 + (int)digit;
    }
    cursor->at += count;
    *ret_value = value;
    return true;
}

static bool take(struct cursor *cursor, char c)
{
    bool is_there = cursor->at < cursor->end && *cursor->at == c;
    cursor->at += is_there;
    return is_there;
}

/* Days since 1970-01-01 of the Gregorian calendar (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", 2013). */
static int64_t days_since_epoch(int year, int month, int day)
{
    int from_march = year - (month <= 2), era = from_march / 400, of_era = from_march - era * 400;
    int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    return (int64_t)era * 146097 + day_of_era - 719468;
}

static bool fraction(struct cursor *cursor, int64_t *ret_ns)
{
    int64_t ns = 0, unit = (int64_t)NS_PER_S;
    if (!take(cursor, '.') && !take(cursor, ','))
        return true;
    const char *start = cursor->at;
    for (; cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9'; cursor->at++) {
        unit /= 10;
        ns += (*cursor->at - '0') * unit;
    }
    *ret_ns = ns;
    return cursor->at > start;
}

/* Seconds east of UTC. */
static bool zone(struct cursor *cursor, int64_t *ret_s)
{
    int hours = 0, minutes = 0;
    if (cursor->at == cursor->end || take(cursor, 'Z') || take(cursor, 'z'))
        return true;
    bool is_west = take(cursor, '-');
    if (!is_west && !take(cursor, '+'))
        return false;
    if (!digits(cursor, 2, &hours))
        return false;
    take(cursor, ':');
    if (cursor->at < cursor->end && !digits(cursor, 2, &minutes))
        return false;
    *ret_s = (hours * 3600 + minutes * 60) * (is_west ? -1 : 1);
    return true;
}

int64_t iso_time_ns(const char *text, size_t length)
{
    struct cursor cursor = {.at = text, .end = text + length};
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
    int64_t ns = 0, east_s = 0;
    if (!digits(&cursor, 4, &year) || !take(&cursor, '-') || !digits(&cursor, 2, &month) ||
        !take(&cursor, '-') || !digits(&cursor, 2, &day))
        return 0;
    if (year < YEAR_MIN || year > YEAR_MAX || month < 1 || month > 12 || day < 1 || day > 31)
        return 0;
    if (cursor.at < cursor.end) {
        if (!take(&cursor, 'T') && !take(&cursor, ' ') && !take(&cursor, 't'))
            return 0;
        if (!digits(&cursor, 2, &hour) || !take(&cursor, ':') || !digits(&cursor, 2, &minute))
            return 0;
        if (take(&cursor, ':') && (!digits(&cursor, 2, &second) || !fraction(&cursor, &ns)))
            return 0;
        if (!zone(&cursor, &east_s) || cursor.at != cursor.end)
            return 0;
    }
    int64_t seconds =
        days_since_epoch(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - east_s;
    return seconds > 0 ? seconds * (int64_t)NS_PER_S + ns : 0;
}
