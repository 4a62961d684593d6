/* SPDX-License-Identifier: Apache-2.0 */
#include "store/moment.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/num.h"

#define SECONDS_MAX 9e9 /* what fits into nanoseconds of 63 bits */

static bool age_parse(const char *text, double *ret_seconds)
{
    static const struct {
        const char *name;
        double seconds;
    } units[] = {{"s", 1}, {"min", 60}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800}};
    char number[32];
    size_t length = strspn(text, "0123456789.");
    if (!length || length >= sizeof number)
        return false;
    snprintf(number, sizeof number, "%.*s", (int)length, text);
    if (num_parse_double(number, ret_seconds))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(text + length, units[i].name) != 0)
            continue;
        *ret_seconds *= units[i].seconds;
        return *ret_seconds < SECONDS_MAX;
    }
    return false;
}

static bool date_parse(const char *text, int64_t *ret_seconds)
{
    static const char *const forms[] = {"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S",
                                        "%Y-%m-%dT%H:%M:%S"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct tm parts = {.tm_isdst = -1};
        const char *rest = strptime(text, forms[i], &parts);
        if (!rest || (*rest && strcmp(rest, "Z") != 0))
            continue;
        time_t seconds = *rest ? timegm(&parts) : mktime(&parts);
        *ret_seconds = (int64_t)seconds;
        return seconds > 0 && (double)seconds < SECONDS_MAX;
    }
    return false;
}

int moment_parse(const char *text, int64_t now_ns, int64_t *ret_at_ns, struct err *err)
{
    double seconds;
    int64_t whole;
    if (*text == '@' && num_parse_double(text + 1, &seconds) == 0 && seconds > 0 && seconds < SECONDS_MAX) {
        *ret_at_ns = (int64_t)floor(seconds) * (int64_t)NS_PER_S +
                     (int64_t)((seconds - floor(seconds)) * (double)NS_PER_S);
        return 0;
    }
    if (age_parse(text, &seconds)) {
        *ret_at_ns = now_ns - (int64_t)(seconds * (double)NS_PER_S);
        return 0;
    }
    if (date_parse(text, &whole)) {
        *ret_at_ns = whole * (int64_t)NS_PER_S;
        return 0;
    }
    err_set(err, ERR_USAGE, "could not read the time '%.60s'", text);
    err_hint(
        err,
        "2026-11-20, '2026-11-20 14:03', 2026-11-20T14:03:05Z, @1763647385, or an age as 30min, 12h, 7d");
    return -ERR_USAGE;
}
