/* SPDX-License-Identifier: Apache-2.0 */
#include "agents/json_pick.h"

#include <math.h>
#include <string.h>

#include "agents/iso_time.h"
#include "base/clock.h"
#include "base/num.h"

#define COUNT_MAX 9007199254740992.0
#define DEPTH_MAX 32u

const char *pick_text(const struct json_value *value, const char *path)
{
    const char *text = "";
    json_find_text(value, path, &text);
    return text;
}

const char *pick_text_of(const struct json_value *value, const char *const *paths)
{
    for (; *paths; paths++)
        if (*pick_text(value, *paths))
            return pick_text(value, *paths);
    return "";
}

double pick_number(const struct json_value *value, const char *path)
{
    double number;
    const char *text;
    if (json_find_number(value, path, &number))
        return number;
    if (json_find_text(value, path, &text) && num_parse_double(text, &number) == 0)
        return number;
    return NAN;
}

uint64_t pick_count(const struct json_value *value, const char *path)
{
    double number = pick_number(value, path);
    return number > 0 && number <= COUNT_MAX ? (uint64_t)number : 0;
}

uint64_t pick_count_of(const struct json_value *value, const char *const *paths)
{
    for (; *paths; paths++)
        if (pick_count(value, *paths))
            return pick_count(value, *paths);
    return 0;
}

int64_t pick_time(const struct json_value *value, const char *path)
{
    const char *text;
    double number;
    if (json_find_text(value, path, &text)) {
        int64_t ns = iso_time_ns(text, strlen(text));
        if (ns || num_parse_double(text, &number))
            return ns;
    } else if (!json_find_number(value, path, &number)) {
        return 0;
    }
    /* 1e11 seconds are 5138 years; as milliseconds they are 1973. */
    double ns = number < 1e11   ? number * 1e9
                : number < 1e14 ? number * 1e6
                : number < 1e17 ? number * 1e3
                                : number;
    return ns > 0 && ns < 9e18 ? (int64_t)ns : 0;
}

static uint64_t bytes_below(const struct json_value *value, unsigned depth)
{
    const char *text;
    uint64_t bytes = 0;
    if (depth == DEPTH_MAX)
        return 0;
    if (json_find_text(value, NULL, &text))
        return strlen(text);
    if (json_kind(value) == JSON_KIND_ARRAY)
        for (size_t i = 0; i < json_count(value); i++)
            bytes += bytes_below(json_item(value, i), depth + 1);
    else if (json_kind(value) == JSON_KIND_OBJECT)
        for (struct json_member_at at = json_members(value); at.value; json_members_next(&at))
            bytes += bytes_below(at.value, depth + 1);
    return bytes;
}

uint64_t pick_text_bytes(const struct json_value *value)
{
    return bytes_below(value, 0);
}

static const char *text_below(const struct json_value *value, unsigned depth)
{
    const char *text = "";
    if (depth == DEPTH_MAX || json_find_text(value, NULL, &text))
        return text;
    if (json_kind(value) == JSON_KIND_OBJECT)
        return *pick_text(value, "text") ? pick_text(value, "text")
                                         : text_below(json_find(value, "content"), depth + 1);
    for (size_t i = 0; i < json_count(value) && !*text; i++)
        text = text_below(json_item(value, i), depth + 1);
    return text;
}

const char *pick_first_text(const struct json_value *value)
{
    return text_below(value, 0);
}
