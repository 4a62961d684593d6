/* SPDX-License-Identifier: Apache-2.0 */
#include "base/num.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int num_parse_u64(const char *text, uint64_t *ret_value)
{
    if (*text == '\0')
        return -1;
    uint64_t value = 0;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || num_mul_u64(value, 10, &value) ||
            num_add_u64(value, (uint64_t)(*text - '0'), &value))
            return -1;
    }
    *ret_value = value;
    return 0;
}

int num_parse_double(const char *text, double *ret_value)
{
    if (*text == '\0' || *text == ' ' || *text == '\t')
        return -1;
    char *end = NULL;
    errno = 0;
    double value = strtod(text, &end);
    if (*end != '\0' || errno == ERANGE || !isfinite(value))
        return -1;
    *ret_value = value;
    return 0;
}

/* The number at the start of a text; *ret_unit is what stands behind it. */
static int parse_leading(const char *text, double *ret_value, const char **ret_unit)
{
    char number[32];
    size_t length = strspn(text, "0123456789.");

    if (length == 0 || length >= sizeof number)
        return -1;
    memcpy(number, text, length);
    number[length] = '\0';
    *ret_unit = text + length;
    return num_parse_double(number, ret_value);
}

int num_parse_duration(const char *text, uint64_t *ret_ns)
{
    static const struct {
        const char *unit;
        double ns;
    } units[] = {{"", 1e9}, {"s", 1e9}, {"ms", 1e6}, {"m", 60e9}, {"h", 3600e9}};
    const char *unit;
    double value;

    if (parse_leading(text, &value, &unit))
        return -1;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(unit, units[i].unit) != 0 || value * units[i].ns > 1e18)
            continue;
        *ret_ns = num_u64(value * units[i].ns + 0.5);
        return 0;
    }
    return -1;
}

int num_parse_bytes(const char *text, uint64_t *ret_bytes)
{
    static const char prefixes[] = "KMGT";
    const char *unit;
    double value, scale = 1;

    if (parse_leading(text, &value, &unit))
        return -1;
    unit += strspn(unit, " ");
    const char *prefix = *unit ? strchr(prefixes, *unit & ~0x20) : NULL;
    if (prefix) {
        unit++;
        for (const char *at = prefixes; at <= prefix; at++)
            scale *= *unit == 'i' ? 1024 : 1000;
        unit += *unit == 'i';
    }
    unit += (*unit & ~0x20) == 'B';
    if (*unit || value * scale > 1e18)
        return -1;
    *ret_bytes = num_u64(value * scale + 0.5);
    return 0;
}
