/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pattern.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/num.h"

/* Larger than any bound: sums and products stop here. */
#define SIZE_FULL (UINT64_C(1) << 32)

struct measure {
    const char *at;
    uint64_t sizes[PATTERN_DEPTH_MAX +
                   1]; /* of each open bracket: what is behind its beginning, but for the last piece */
    uint64_t last;     /* the piece that a repetition would be of */
    size_t depth;
    const char *why; /* NULL: within bounds */
};

static uint64_t add(uint64_t a, uint64_t b)
{
    return num_min(a + b, SIZE_FULL);
}

/* What begins with '[': up to its ']', which does not end it where it comes first. */
static const char *behind_set(const char *at)
{
    at += 1 + (at[1] == '^');
    at += *at == ']';
    while (*at && *at != ']') {
        const char *close = *at == '[' && strchr(".:=", at[1]) && at[1] ? strchr(at + 2, at[1]) : NULL;
        at = close && close[1] == ']' ? close + 2 : at + 1;
    }
    return at + (*at == ']');
}

static uint64_t number(const char **at, bool *ret_is_there)
{
    uint64_t value = 0;
    for (; isdigit((unsigned char)**at); ++*at, *ret_is_there = true)
        value = num_min(value * 10 + (uint64_t)(**at - '0'), SIZE_FULL);
    return value;
}

/* {m}, {m,}, {,n}, {m,n}: how often the piece is written out; 1 where the braces are no repetition. Moves behind them. */
static uint64_t repetition(struct measure *measure)
{
    const char *at = measure->at + 1;
    bool has_number = false;
    uint64_t least = number(&at, &has_number), most = 0;
    if (*at == ',') {
        at++;
        most = number(&at, &has_number);
    }
    if (*at != '}' || !has_number) {
        measure->at++;
        return 1;
    }
    measure->at = at + 1;
    return num_max(num_max(least, most), 1);
}

static void piece(struct measure *measure, size_t length)
{
    measure->sizes[measure->depth] = add(measure->sizes[measure->depth], measure->last);
    measure->last = 1;
    measure->at += length;
}

static void open_group(struct measure *measure)
{
    piece(measure, 1);
    measure->sizes[measure->depth] = add(measure->sizes[measure->depth], measure->last);
    if (measure->depth == PATTERN_DEPTH_MAX) {
        measure->why = "its brackets are too deep in each other";
        return;
    }
    measure->sizes[++measure->depth] = 0;
    measure->last = 0;
}

static void close_group(struct measure *measure)
{
    measure->at++;
    if (!measure->depth)
        return; /* an ordinary character, or an error of regcomp's */
    uint64_t size = add(measure->sizes[measure->depth], measure->last);
    measure->depth--;
    measure->last = add(size, 1);
}

static void step(struct measure *measure)
{
    switch (*measure->at) {
    case '(': open_group(measure); return;
    case ')': close_group(measure); return;
    case '[': piece(measure, (size_t)(behind_set(measure->at) - measure->at)); return;
    case '{': {
        /* Both are at most SIZE_FULL. */
        uint64_t times = repetition(measure);
        measure->last = num_min(measure->last * times, SIZE_FULL);
        return;
    }
    case '\\':
        if (measure->at[1] >= '1' && measure->at[1] <= '9')
            measure->why = "it refers back to a group, which can take for ever";
        piece(measure, measure->at[1] ? 2 : 1);
        return;
    default: piece(measure, 1);
    }
}

static const char *over_bounds(const char *text)
{
    struct measure measure = {.at = text};
    if (strlen(text) > PATTERN_BYTES_MAX)
        return "it is too long";
    while (*measure.at && !measure.why)
        step(&measure);
    uint64_t size = measure.last;
    for (size_t i = 0; i <= measure.depth; i++)
        size = add(size, measure.sizes[i]);
    if (!measure.why && size > PATTERN_SIZE_MAX)
        measure.why = "its repetitions make it too large";
    return measure.why;
}

int pattern_compile(const char *text, int flags, regex_t *ret_pattern, struct err *err)
{
    const char *why = over_bounds(text);
    char reason[128];
    if (why) {
        err_set(err, ERR_INPUT, "%s", why);
        err_hint(
            err,
            "a pattern has %u bytes at most, %u characters with its {repetitions} written out, and no \\1",
            PATTERN_BYTES_MAX, PATTERN_SIZE_MAX);
        return -ERR_INPUT;
    }
    int failed = regcomp(ret_pattern, text, flags | REG_EXTENDED);
    if (!failed)
        return 0;
    regerror(failed, ret_pattern, reason, sizeof reason);
    return err_set(err, ERR_INPUT, "%s", reason);
}
