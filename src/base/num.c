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

int num_parse_duration(const char *text, uint64_t *ret_ns)
{
    static const struct {
        const char *unit;
        double ns;
    } units[] = {{"", 1e9}, {"s", 1e9}, {"ms", 1e6}, {"m", 60e9}, {"h", 3600e9}};
    char number[32];
    size_t length = strspn(text, "0123456789.");
    double value;

    if (length == 0 || length >= sizeof number)
        return -1;
    memcpy(number, text, length);
    number[length] = '\0';
    if (num_parse_double(number, &value))
        return -1;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(text + length, units[i].unit) != 0 || value * units[i].ns > 1e18)
            continue;
        *ret_ns = num_u64(value * units[i].ns + 0.5);
        return 0;
    }
    return -1;
}
