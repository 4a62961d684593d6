/* SPDX-License-Identifier: Apache-2.0 */
#include "investigate/voices.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct range {
    size_t table_length;
    uint64_t first, last;
};

/* "waits 120-340", "path 3". */
static bool range_read(const char *text, struct range *range)
{
    const char *blank = strrchr(text, ' ');
    char *end;
    if (!blank || blank == text || blank[1] < '0' || blank[1] > '9')
        return false;
    errno = 0;
    range->table_length = (size_t)(blank - text);
    range->first = range->last = strtoull(blank + 1, &end, 10);
    if (*end == '-' && end[1] >= '0' && end[1] <= '9')
        range->last = strtoull(end + 1, &end, 10);
    return !*end && !errno && range->first <= range->last;
}

bool rows_overlap(const char *one, const char *other)
{
    struct range left, right;
    if (strcmp(one, other) == 0)
        return true;
    if (!range_read(one, &left) || !range_read(other, &right))
        return false;
    return left.table_length == right.table_length && strncmp(one, other, left.table_length) == 0 &&
           left.first <= right.last && right.first <= left.last;
}

static bool are_one(const struct voice *one, const struct voice *other)
{
    if (one->investigator && other->investigator && strcmp(one->investigator, other->investigator) == 0)
        return true;
    for (size_t i = 0; i < one->row_count; i++)
        for (size_t j = 0; j < other->row_count; j++)
            if (rows_overlap(one->rows[i], other->rows[j]))
                return true;
    return false;
}

/* Groups of voices that hang together, each named by its first member. */
size_t voices_count(const struct voice *voices, size_t count)
{
    size_t groups[VOICES_MAX], independent = 0;
    if (count > VOICES_MAX)
        count = VOICES_MAX;
    for (size_t i = 0; i < count; i++) {
        groups[i] = i;
        for (size_t j = 0; j < i; j++) {
            if (groups[j] == groups[i] || !are_one(&voices[i], &voices[j]))
                continue;
            size_t from = groups[i], to = groups[j];
            for (size_t k = 0; k <= i; k++)
                if (groups[k] == from)
                    groups[k] = to;
        }
    }
    for (size_t i = 0; i < count; i++) {
        bool is_first = true;
        for (size_t j = 0; j < i; j++)
            is_first = is_first && groups[j] != groups[i];
        independent += is_first;
    }
    return independent;
}
