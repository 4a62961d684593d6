/* SPDX-License-Identifier: Apache-2.0 */
#include "base/num.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

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
