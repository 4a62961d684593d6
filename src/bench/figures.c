/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/figures.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>

#include "report/units.h"

const char *figure_duration(double ns, char text[FIGURE_MAX])
{
    static const struct {
        double ns;
        const char *name;
    } units[] = {{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}, {1, "ns"}};
    size_t unit = 0;
    while (unit < 3 && ns < units[unit].ns)
        unit++;
    double value = ns / units[unit].ns;
    snprintf(text, FIGURE_MAX, "%.*f %s",
             value >= 1000  ? 0
             : value >= 100 ? 1
             : value >= 10  ? 2
                            : 3,
             value, units[unit].name);
    return text;
}

const char *figure_factor(double ratio, char text[FIGURE_MAX])
{
    if (!isfinite(ratio))
        snprintf(text, FIGURE_MAX, "any");
    else
        snprintf(text, FIGURE_MAX, ratio >= 10 ? "%.1fx" : ratio >= 2 ? "%.2fx" : "%.3fx", ratio);
    return text;
}

const char *figure_percent(double ratio, char text[FIGURE_MAX])
{
    snprintf(text, FIGURE_MAX,
             ratio >= 0.1     ? "%.0f %%"
             : ratio >= 0.001 ? "%.1f %%"
                              : "%.2f %%",
             100 * ratio);
    return text;
}

const char *figure_number(double number, char text[FIGURE_MAX])
{
    double size = fabs(number);
    if (size >= 10000 || !isfinite(number))
        snprintf(text, FIGURE_MAX, "%s", unit_count(number).text);
    else
        snprintf(text, FIGURE_MAX, "%.4g", number);
    return text;
}
