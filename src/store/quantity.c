/* SPDX-License-Identifier: Apache-2.0 */
#include "store/quantity.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/str.h"
#include "report/escape.h"
#include "report/units.h"

#define LONG_NS (120.0 * 1e9) /* from here on as minutes and hours */

/* Four digits, so that neighbours line up; whole numbers as they are. */
static struct quantity digits(double value, const char *unit)
{
    struct quantity quantity;
    double size = fabs(value);
    char number[40];
    if (size >= 1e15 || (size > 0 && size < 0.01))
        snprintf(number, sizeof number, "%.4g", value);
    else if (size >= 10000 || (size >= 1000 && floor(value) >= value))
        snprintf(number, sizeof number, "%s", unit_count(value).text);
    else
        snprintf(number, sizeof number, "%.*f",
                 floor(value) >= value ? 0
                 : size >= 1000        ? 0
                 : size >= 100         ? 1
                 : size >= 10          ? 2
                                       : 3,
                 value);
    snprintf(quantity.text, sizeof quantity.text, "%s%s%.30s", number, *unit ? " " : "", unit);
    return quantity;
}

static struct quantity duration(double ns)
{
    static const struct {
        double ns;
        const char *name;
    } units[] = {{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}, {1, "ns"}};
    struct quantity quantity;
    size_t unit = 0;
    if (ns >= LONG_NS) {
        snprintf(quantity.text, sizeof quantity.text, "%s", unit_duration(num_u64(ns)).text);
        return quantity;
    }
    while (unit < 3 && fabs(ns) < units[unit].ns)
        unit++;
    return digits(ns / units[unit].ns, units[unit].name);
}

static struct quantity bytes(double value)
{
    static const char *const names[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    size_t i = 0;
    for (; fabs(value) >= 999.95 && i + 1 < sizeof names / sizeof names[0]; i++)
        value /= 1000;
    return digits(value, names[i]);
}

struct quantity quantity_of(const char *metric, const char *unit, double value)
{
    struct quantity quantity;
    if (unit && *unit) {
        struct str plain = {0};
        escape_plain(&plain, unit);
        quantity = digits(value, str_text(&plain));
        str_free(&plain);
        return quantity;
    }
    if (str_ends(metric, "_ns"))
        return duration(value);
    if (str_ends(metric, "_s") && !str_ends(metric, "_per_s"))
        return duration(value * (double)NS_PER_S);
    if (str_ends(metric, "_ms"))
        return duration(value * (double)NS_PER_MS);
    if (strstr(metric, "bytes"))
        return bytes(value);
    quantity = digits(value, "");
    if (str_ends(metric, "_per_s"))
        memcpy(quantity.text + strlen(quantity.text), "/s", sizeof "/s");
    return quantity;
}

struct quantity quantity_change(double ratio)
{
    struct quantity quantity;
    double percent = 100 * ratio;
    if (!isfinite(ratio))
        snprintf(quantity.text, sizeof quantity.text, "?");
    else if (ratio >= 9)
        snprintf(quantity.text, sizeof quantity.text, "%.3g times", ratio + 1);
    else
        snprintf(quantity.text, sizeof quantity.text, fabs(percent) >= 9.95 ? "%+.0f %%" : "%+.1f %%",
                 fabs(percent) < 0.05 ? 0.0 : percent);
    return quantity;
}

struct quantity quantity_size(double ratio)
{
    struct quantity quantity = quantity_change(fabs(ratio));
    if (quantity.text[0] == '+')
        memmove(quantity.text, quantity.text + 1, strlen(quantity.text));
    return quantity;
}
