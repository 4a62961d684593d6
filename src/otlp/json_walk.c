/* SPDX-License-Identifier: Apache-2.0 */
#include "otlp/json_walk.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_BYTES_MAX 64

struct place {
    const char *at, *end;
};

static void blanks(struct place *place)
{
    while (place->at < place->end &&
           (*place->at == ' ' || *place->at == '\n' || *place->at == '\t' || *place->at == '\r'))
        place->at++;
}

static bool is_next(struct place *place, char wanted)
{
    if (place->at == place->end || *place->at != wanted)
        return false;
    place->at++;
    return true;
}

/* At the opening quote. */
static bool skip_text(struct place *place)
{
    if (!is_next(place, '"'))
        return false;
    while (place->at < place->end) {
        unsigned char byte = (unsigned char)*place->at;
        if (byte == '"') {
            place->at++;
            return true;
        }
        if (byte < 0x20)
            return false;
        place->at++;
        if (byte == '\\') {
            if (place->at == place->end || !strchr("\"\\/bfnrtu", *place->at) || !*place->at)
                return false;
            place->at++;
        }
    }
    return false;
}

static size_t digits(struct place *place)
{
    const char *first = place->at;
    while (place->at < place->end && *place->at >= '0' && *place->at <= '9')
        place->at++;
    return (size_t)(place->at - first);
}

static bool skip_number(struct place *place)
{
    (void)is_next(place, '-');
    if (!digits(place))
        return false;
    if (is_next(place, '.') && !digits(place))
        return false;
    if (place->at < place->end && (*place->at == 'e' || *place->at == 'E')) {
        place->at++;
        if (place->at < place->end && (*place->at == '+' || *place->at == '-'))
            place->at++;
        return digits(place) > 0;
    }
    return true;
}

static bool skip_word(struct place *place, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(place->end - place->at) < length || memcmp(place->at, word, length) != 0)
        return false;
    place->at += length;
    return true;
}

static bool skip_value(struct place *place, unsigned depth);

/* At the opening bracket. */
static bool skip_many(struct place *place, bool is_object, unsigned depth)
{
    char close = is_object ? '}' : ']';
    place->at++;
    blanks(place);
    if (is_next(place, close))
        return true;
    for (;;) {
        if (is_object) {
            if (!skip_text(place))
                return false;
            blanks(place);
            if (!is_next(place, ':'))
                return false;
            blanks(place);
        }
        if (!skip_value(place, depth + 1))
            return false;
        blanks(place);
        if (is_next(place, close))
            return true;
        if (!is_next(place, ','))
            return false;
        blanks(place);
    }
}

static bool skip_value(struct place *place, unsigned depth)
{
    if (place->at == place->end || depth > JSON_WALK_DEPTH_MAX)
        return false;
    switch (*place->at) {
    case '"': return skip_text(place);
    case '{': return skip_many(place, true, depth);
    case '[': return skip_many(place, false, depth);
    case 't': return skip_word(place, "true");
    case 'f': return skip_word(place, "false");
    case 'n': return skip_word(place, "null");
    default: return skip_number(place);
    }
}

bool json_walk_whole(struct otlp_text text, size_t *ret_offset)
{
    struct place place = {text.bytes, text.length ? text.bytes + text.length : text.bytes};
    blanks(&place);
    bool holds = skip_value(&place, 0);
    if (holds)
        blanks(&place);
    *ret_offset = (size_t)(place.at - text.bytes);
    return holds && place.at == place.end;
}

struct json_walk json_walk_open(struct otlp_text text)
{
    /* Nothing has no address to go on from. */
    struct json_walk scan = {.at = text.bytes, .end = text.length ? text.bytes + text.length : text.bytes};
    if (!text.length || (*scan.at != '{' && *scan.at != '[')) {
        scan.at = scan.end;
        return scan;
    }
    scan.is_object = *scan.at == '{';
    return scan;
}

/* `at` stands on the opening bracket, or behind a value. */
bool json_walk_next(struct json_walk *scan)
{
    struct place place = {scan->at, scan->end};
    blanks(&place);
    if (place.at == place.end || (*place.at != '{' && *place.at != '[' && *place.at != ',')) {
        scan->at = scan->end;
        return false;
    }
    place.at++;
    blanks(&place);
    scan->at = scan->end; /* where it stops unless all of it holds */
    if (scan->is_object) {
        const char *first = place.at + 1;
        if (!skip_text(&place))
            return false;
        scan->key = (struct otlp_text){first, (size_t)(place.at - 1 - first)};
        blanks(&place);
        if (!is_next(&place, ':'))
            return false;
        blanks(&place);
    }
    const char *value = place.at;
    if (!skip_value(&place, 0))
        return false;
    scan->value = (struct otlp_text){value, (size_t)(place.at - value)};
    scan->at = place.at;
    return true;
}

static bool hex4(const char *at, const char *end, uint32_t *ret_code)
{
    uint32_t code = 0;
    if (end - at < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 16;
        if (digit == 16)
            return false;
        code = code << 4 | digit;
    }
    *ret_code = code;
    return true;
}

static size_t utf8(uint32_t code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

/* Behind `\u`; halves of pairs that stand alone, and NUL, become U+FFFD. */
static const char *unicode(const char *at, const char *end, char **out)
{
    uint32_t code, low;
    if (!hex4(at, end, &code)) {
        *out += utf8(0xfffd, *out);
        return at;
    }
    at += 4;
    if (code >= 0xd800 && code < 0xdc00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u' &&
        hex4(at + 2, end, &low) && low >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        at += 6;
    }
    *out += utf8(code == 0 || (code >= 0xd800 && code < 0xe000) ? 0xfffd : code, *out);
    return at;
}

/* What an escape stands for is never longer than the escape. */
static bool unescape(struct otlp_text raw, struct arena *arena, struct otlp_text *ret_text)
{
    char *copy = arena_alloc(arena, raw.length + 1), *out = copy;
    const char *at = raw.bytes, *end = raw.bytes + raw.length;
    if (!copy)
        return false;
    while (at < end) {
        if (*at != '\\' || at + 1 == end) {
            *out++ = *at++;
            continue;
        }
        at++;
        switch (*at) {
        case 'b': *out++ = '\b'; break;
        case 'f': *out++ = '\f'; break;
        case 'n': *out++ = '\n'; break;
        case 'r': *out++ = '\r'; break;
        case 't': *out++ = '\t'; break;
        case 'u': at = unicode(at + 1, end, &out); continue;
        default: *out++ = *at; break;
        }
        at++;
    }
    *ret_text = (struct otlp_text){copy, (size_t)(out - copy)};
    return true;
}

bool json_walk_text(struct otlp_text value, struct arena *arena, struct otlp_text *ret_text)
{
    if (value.length < 2 || value.bytes[0] != '"')
        return false;
    struct otlp_text raw = {value.bytes + 1, value.length - 2};
    if (memchr(raw.bytes, '\\', raw.length))
        return unescape(raw, arena, ret_text);
    *ret_text = raw;
    return true;
}

/* The text of a number, NUL-terminated, with or without quotes. */
static bool number_text(struct otlp_text value, char copy[NUMBER_BYTES_MAX])
{
    if (value.length >= 2 && value.bytes[0] == '"') {
        value.bytes++;
        value.length -= 2;
    }
    if (!value.length || value.length >= NUMBER_BYTES_MAX)
        return false;
    memcpy(copy, value.bytes, value.length);
    copy[value.length] = '\0';
    return true;
}

bool json_walk_double(struct otlp_text value, double *ret_number)
{
    char copy[NUMBER_BYTES_MAX], *end;
    if (!number_text(value, copy) || strchr("{[tfn \t", copy[0]))
        return false;
    double number = strtod(copy, &end);
    if (*end)
        return false;
    *ret_number = number;
    return true;
}

bool json_walk_u64(struct otlp_text value, uint64_t *ret_number)
{
    char copy[NUMBER_BYTES_MAX], *end;
    double number;
    if (!number_text(value, copy))
        return false;
    if (copy[0] >= '0' && copy[0] <= '9') {
        errno = 0;
        uint64_t whole = strtoull(copy, &end, 10);
        if (!*end && errno == 0) {
            *ret_number = whole;
            return true;
        }
    }
    if (!json_walk_double(value, &number) || !(number >= 0) || number >= 0x1p64)
        return false;
    *ret_number = (uint64_t)number;
    return true;
}

bool json_walk_i64(struct otlp_text value, int64_t *ret_number)
{
    char copy[NUMBER_BYTES_MAX], *end;
    double number;
    if (!number_text(value, copy))
        return false;
    if ((copy[0] >= '0' && copy[0] <= '9') || copy[0] == '-') {
        errno = 0;
        int64_t whole = strtoll(copy, &end, 10);
        if (!*end && errno == 0) {
            *ret_number = whole;
            return true;
        }
    }
    if (!json_walk_double(value, &number) || !(number >= -0x1p63 && number < 0x1p63))
        return false;
    *ret_number = (int64_t)number;
    return true;
}

bool json_walk_bool(struct otlp_text value, bool *ret_bool)
{
    if (!otlp_text_is(value, "true") && !otlp_text_is(value, "false"))
        return false;
    *ret_bool = value.bytes[0] == 't';
    return true;
}
