/* SPDX-License-Identifier: Apache-2.0 */
#include "base/suggest.h"

#include <string.h>

static size_t smallest(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t suggest_distance(const char *from, const char *to)
{
    size_t rows = strlen(from), columns = strlen(to);
    size_t before_last[SUGGEST_LENGTH_MAX + 1] = {0}, last[SUGGEST_LENGTH_MAX + 1],
                                            now[SUGGEST_LENGTH_MAX + 1];

    if (rows > SUGGEST_LENGTH_MAX || columns > SUGGEST_LENGTH_MAX)
        return rows > columns ? rows : columns;
    for (size_t j = 0; j <= columns; j++)
        last[j] = j;
    for (size_t i = 1; i <= rows; i++) {
        now[0] = i;
        for (size_t j = 1; j <= columns; j++) {
            size_t replaced = last[j - 1] + (from[i - 1] != to[j - 1]);
            now[j] = smallest(replaced, smallest(last[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
                now[j] = smallest(now[j], before_last[j - 2] + 1);
        }
        memcpy(before_last, last, sizeof last);
        memcpy(last, now, sizeof now);
    }
    return last[columns];
}

int suggest_is_near(const char *from, const char *to)
{
    size_t length = strlen(to);
    size_t allowed = length / 3 > 1 ? length / 3 : 1;

    return suggest_distance(from, to) <= allowed;
}
