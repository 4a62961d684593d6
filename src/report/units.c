/* SPDX-License-Identifier: Apache-2.0 */
#include "report/units.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

/* Three digits where they fit: 4.1, 36.4, 857, and 5 for 5.0. `step` is one unit. */
static struct unit scaled(double value, double step, const char *name)
{
    struct unit unit;
    double shown = value / step;

    snprintf(unit.text, sizeof unit.text, shown >= 99.95 ? "%.0f %s" : "%.1f %s", shown, name);
    char *zero = strstr(unit.text, ".0 ");
    if (zero)
        memmove(zero, zero + 2, strlen(zero + 2) + 1);
    return unit;
}

static struct unit two_parts(uint64_t big, const char *big_name, uint64_t small, const char *small_name)
{
    struct unit unit;

    if (small)
        snprintf(unit.text, sizeof unit.text, "%llu %s %llu %s", (unsigned long long)big, big_name,
                 (unsigned long long)small, small_name);
    else
        snprintf(unit.text, sizeof unit.text, "%llu %s", (unsigned long long)big, big_name);
    return unit;
}

struct unit unit_duration(uint64_t ns)
{
    const uint64_t minute = 60 * NS_PER_S, hour = 60 * minute;

    if (ns == 0)
        return (struct unit){"0 s"};
    if (ns < 9995 * NS_PER_US / 10)
        return scaled((double)ns, (double)NS_PER_US, "us");
    if (ns < 9995 * NS_PER_MS / 10)
        return scaled((double)ns, (double)NS_PER_MS, "ms");
    if (ns < 2 * minute)
        return scaled((double)ns, (double)NS_PER_S, "s");
    uint64_t seconds = ns / NS_PER_S + (ns % NS_PER_S >= NS_PER_S / 2);
    if (ns < 2 * hour)
        return two_parts(seconds / 60, "min", seconds % 60, "s");
    uint64_t minutes = (seconds + 30) / 60;
    return two_parts(minutes / 60, "h", minutes % 60, "min");
}

struct unit unit_count(double amount)
{
    struct unit unit = {"?"};
    char digits[32];

    if (!isfinite(amount) || fabs(amount) >= 1e18)
        return unit;
    int length = snprintf(digits, sizeof digits, "%.0f", fabs(amount));
    char *to = unit.text;
    if (amount <= -0.5)
        *to++ = '-';
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return unit;
}

struct unit unit_bytes(uint64_t bytes)
{
    static const char *const names[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    double step = 1000;
    size_t i = 0;

    if (bytes < 1000) {
        struct unit unit;
        snprintf(unit.text, sizeof unit.text, "%u B", (unsigned)bytes);
        return unit;
    }
    while (i + 1 < sizeof names / sizeof names[0] && (double)bytes / step >= 999.5) {
        step *= 1000;
        i++;
    }
    return scaled((double)bytes, step, names[i]);
}

struct unit unit_ratio(double ratio)
{
    struct unit unit = {"?"};
    double percent = ratio * 100;

    if (!isfinite(ratio))
        return unit;
    if (ratio > 0 && percent < 0.1)
        return (struct unit){"<0.1 %"};
    if (ratio < 1 && percent >= 99.5)
        percent = fmin(percent, 99.9);
    int decimals = percent > 0 && (percent < 9.95 || percent > 99.5) && percent < 100;
    snprintf(unit.text, sizeof unit.text, "%.*f %%", decimals, percent);
    return unit;
}

struct unit unit_factor(double factor)
{
    struct unit unit = {"?"};

    if (isnan(factor))
        return unit;
    if (factor > 1000)
        return (struct unit){"over 1000x"};
    int decimals = factor < 1.995 ? 2 : factor < 9.95 ? 1 : 0;
    snprintf(unit.text, sizeof unit.text, "%.*fx", decimals, factor);
    return unit;
}
