/* SPDX-License-Identifier: Apache-2.0 */
/* folded: "outermost;…;innermost WEIGHT" lines, as stackcollapse scripts, py-spy --format raw and heaptrack_print -F write them. */
#include <stdlib.h>
#include <string.h>

#include "import/internal.h"

#define LINE_BYTES_MAX 65536u

/* The number at a line's end: where it begins, or NULL. */
static const char *weight_of(const char *line, size_t length, double *ret_weight)
{
    size_t at = length;
    while (at > 0 && strchr("0123456789.", line[at - 1]))
        at--;
    if (at == length || at < 2 || line[at - 1] != ' ')
        return NULL;
    char *end = NULL;
    *ret_weight = strtod(line + at, &end);
    return end == line + length ? line + at - 1 : NULL;
}

/* "name (file.py:12)" as py-spy writes it, "name (file.c)" as heaptrack does; any other frame is a name. */
static size_t frame_add(struct profile *profile, char *frame)
{
    size_t length = strlen(frame);
    char *open = strrchr(frame, '(');
    if (length < 4 || frame[length - 1] != ')' || !open || open == frame || open[-1] != ' ' ||
        strchr(open, ' ') || !strchr(open, '.'))
        return profile_function(profile, frame, "", 0);
    char *colon = strrchr(open, ':'), *end = NULL;
    uint64_t line = colon ? strtoull(colon + 1, &end, 10) : 0;
    if (colon && (end == colon + 1 || end != frame + length - 1))
        return profile_function(profile, frame, "", 0);
    open[-1] = '\0';
    frame[length - 1] = '\0';
    if (colon)
        *colon = '\0';
    return profile_function(profile, frame, open + 1, line);
}

static int line_read(struct profile *profile, const char *line, size_t length)
{
    char text[LINE_BYTES_MAX];
    size_t chain[PROFILE_DEPTH_MAX], count = 0;
    double weight;
    const char *end = length < sizeof text ? weight_of(line, length, &weight) : NULL;
    if (!end || memchr(line, '\0', length)) {
        profile->lost_count += length > 0;
        return 0;
    }
    memcpy(text, line, (size_t)(end - line));
    text[end - line] = '\0';
    /* From the end: the innermost first, and what is cut are outer ones. */
    for (char *at = text + strlen(text); at >= text && count < PROFILE_DEPTH_MAX; at--) {
        if (at > text && at[-1] != ';')
            continue;
        if (*at && (chain[count++] = frame_add(profile, at)) == SIZE_MAX)
            return -1;
        if (at > text)
            at[-1] = '\0';
        else
            break;
    }
    profile->cut_count += count == PROFILE_DEPTH_MAX;
    return profile_stack(profile, chain, count, weight);
}

bool folded_recognise(const struct import_bytes *bytes)
{
    const char *end = memchr(bytes->bytes, '\n', bytes->length);
    size_t length = end ? (size_t)(end - bytes->bytes) : bytes->length;
    double weight;
    return length > 0 && length < LINE_BYTES_MAX && !memchr(bytes->bytes, '\0', length) &&
           weight_of(bytes->bytes, length, &weight);
}

int folded_read(const struct import_bytes *bytes, struct profile *profile, struct err *err)
{
    profile->source = "folded stacks";
    profile->measures = "samples";
    profile->unit = PROFILE_SAMPLES;
    for (size_t at = 0; at < bytes->length;) {
        const char *line = bytes->bytes + at;
        const char *end = memchr(line, '\n', bytes->length - at);
        size_t length = end ? (size_t)(end - line) : bytes->length - at;
        if (line_read(profile, line, length))
            return err_memory(err);
        at += length + 1;
    }
    if (profile->stack_count == 0 && profile->lost_count)
        return import_not(bytes, "folded stacks", "no line ends with a number", err);
    return 0;
}
