/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json_scan.h"

#include <stdlib.h>

#include "base/num.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#define NUMBER_LENGTH_MAX 64 /* of one with a fraction or an exponent */

static bool scan_fail(struct json_scan *scan)
{
    scan->failed = true;
    return false;
}

static inline bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Whether something that is no blank stands next. */
static inline bool skip_blanks(struct json_scan *scan)
{
    while (scan->at < scan->end && is_blank(*scan->at))
        scan->at++;
    return scan->at < scan->end && !scan->failed;
}

/* The quote that ends a text; `end` when none does. Texts of programs are full of escapes, so a block is looked at once. */
static inline const char *find_quote(const char *at, const char *end, bool *ret_is_escaped)
{
    bool is_taken = false; /* the next byte, by the backslash before it */
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
    for (; end - at >= 32; at += 32) {
        __m128i low = _mm_loadu_si128((const __m128i *)(const void *)at);
        __m128i high = _mm_loadu_si128((const __m128i *)(const void *)(at + 16));
        uint32_t quotes = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(low, quote)) |
                          (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(high, quote)) << 16;
        uint32_t found = quotes | (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(low, backslash)) |
                         (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(high, backslash)) << 16;
        found &= ~(uint32_t)is_taken;
        is_taken = false;
        while (found) {
            unsigned first = (unsigned)__builtin_ctz(found);
            if (quotes >> first & 1)
                return at + first;
            *ret_is_escaped = true;
            is_taken = first == 31;
            found &= ~(3u << first);
        }
    }
#endif
    for (; at < end; at++) {
        if (is_taken) {
            is_taken = false;
        } else if (*at == '\\') {
            is_taken = *ret_is_escaped = true;
        } else if (*at == '"') {
            return at;
        }
    }
    return end;
}

/* The first quote or bracket at or behind `at`: '[' and '{', ']' and '}' differ in one bit. */
static inline const char *find_structure(const char *at, const char *end)
{
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"'), bit = _mm_set1_epi8(0x20);
    const __m128i opening = _mm_set1_epi8('{'), closing = _mm_set1_epi8('}');
    for (; end - at >= 16; at += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
        __m128i folded = _mm_or_si128(bytes, bit);
        __m128i found =
            _mm_or_si128(_mm_cmpeq_epi8(bytes, quote),
                         _mm_or_si128(_mm_cmpeq_epi8(folded, opening), _mm_cmpeq_epi8(folded, closing)));
        int mask = _mm_movemask_epi8(found);
        if (mask)
            return at + __builtin_ctz((unsigned)mask);
    }
#endif
    while (at < end && *at != '"' && (*at | 0x20) != '{' && (*at | 0x20) != '}')
        at++;
    return at;
}

/* From behind the opening quote to behind the closing one. */
static bool take_text(struct json_scan *scan, struct json_slice *ret_text)
{
    const char *start = scan->at;
    bool is_escaped = false;
    const char *at = find_quote(start, scan->end, &is_escaped);
    if (at >= scan->end)
        return scan_fail(scan);
    *ret_text = (struct json_slice){.bytes = start, .length = (size_t)(at - start), .is_escaped = is_escaped};
    scan->at = at + 1;
    return true;
}

static bool enter(struct json_scan *scan, char bracket)
{
    if (!skip_blanks(scan) || *scan->at != bracket)
        return false;
    scan->at++;
    scan->has_item = false;
    return true;
}

bool scan_object(struct json_scan *scan)
{
    return enter(scan, '{');
}

bool scan_array(struct json_scan *scan)
{
    return enter(scan, '[');
}

/* Up to the next key or item: over the comma that is due. False behind the last, or when it is wrong. */
static bool next_member(struct json_scan *scan, char bracket)
{
    if (!skip_blanks(scan))
        return scan_fail(scan);
    if (*scan->at == bracket) {
        scan->at++;
        scan->has_item = true; /* of what is around */
        return false;
    }
    if (scan->has_item) {
        if (*scan->at != ',')
            return scan_fail(scan);
        scan->at++;
        if (!skip_blanks(scan) || *scan->at == bracket)
            return scan_fail(scan);
    }
    scan->has_item = true;
    return true;
}

bool scan_key(struct json_scan *scan, struct json_slice *ret_key)
{
    if (!next_member(scan, '}'))
        return false;
    if (*scan->at != '"')
        return scan_fail(scan);
    scan->at++;
    if (!take_text(scan, ret_key) || !skip_blanks(scan) || *scan->at != ':')
        return scan_fail(scan);
    scan->at++;
    return skip_blanks(scan) || scan_fail(scan);
}

bool scan_item(struct json_scan *scan)
{
    return next_member(scan, ']');
}

static bool is_number_byte(char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'E' || c == 'e';
}

/* true, false, null or a number, of which only the characters are looked at. */
static void skip_word(struct json_scan *scan)
{
    static const char *const words[] = {"true", "false", "null"};
    const char *start = scan->at;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t length = strlen(words[i]);
        if ((size_t)(scan->end - start) >= length && memcmp(start, words[i], length) == 0) {
            scan->at += length;
            return;
        }
    }
    while (scan->at < scan->end && is_number_byte(*scan->at))
        scan->at++;
    if (scan->at == start)
        scan->failed = true;
}

/* An object or an array, of which the bracket stands next. */
static void skip_nested(struct json_scan *scan)
{
    uint64_t objects[SCAN_DEPTH_MAX / 64] = {0}; /* one bit a level: an object, else an array */
    unsigned depth = 0;
    struct json_slice text;
    do {
        scan->at = find_structure(scan->at, scan->end);
        if (scan->at >= scan->end) {
            scan->failed = true;
            return;
        }
        char c = *scan->at++;
        if (c == '"') {
            if (!take_text(scan, &text))
                return;
        } else if (c == '{' || c == '[') {
            if (depth == SCAN_DEPTH_MAX) {
                scan->failed = true;
                return;
            }
            uint64_t bit = 1ull << (depth % 64);
            objects[depth / 64] = c == '{' ? objects[depth / 64] | bit : objects[depth / 64] & ~bit;
            depth++;
        } else {
            depth--;
            if (((objects[depth / 64] >> (depth % 64)) & 1) != (c == '}')) {
                scan->failed = true;
                return;
            }
        }
    } while (depth);
}

void scan_skip(struct json_scan *scan)
{
    struct json_slice text;
    if (!skip_blanks(scan)) {
        scan->failed = true;
        return;
    }
    if (*scan->at == '"') {
        scan->at++;
        take_text(scan, &text);
    } else if (*scan->at == '{' || *scan->at == '[') {
        skip_nested(scan);
    } else {
        skip_word(scan);
    }
    scan->has_item = true;
}

void scan_raw(struct json_scan *scan, struct json_slice *ret_raw)
{
    skip_blanks(scan);
    const char *start = scan->at;
    scan_skip(scan);
    *ret_raw = (struct json_slice){.bytes = start, .length = (size_t)(scan->at - start)};
}

bool scan_text(struct json_scan *scan, struct json_slice *ret_text)
{
    if (!skip_blanks(scan) || *scan->at != '"') {
        scan_skip(scan);
        return false;
    }
    scan->at++;
    return take_text(scan, ret_text);
}

bool scan_double(struct json_scan *scan, double *ret_value)
{
    struct json_slice raw;
    char text[NUMBER_LENGTH_MAX];
    scan_raw(scan, &raw);
    if (scan->failed || !raw.length || raw.length >= sizeof text ||
        !(*raw.bytes == '-' || (*raw.bytes >= '0' && *raw.bytes <= '9')))
        return false;
    memcpy(text, raw.bytes, raw.length);
    text[raw.length] = '\0';
    char *behind = NULL;
    double value = strtod(text, &behind);
    if (*behind)
        return scan_fail(scan);
    *ret_value = value;
    return true;
}

bool scan_u64(struct json_scan *scan, uint64_t *ret_value)
{
    if (!skip_blanks(scan))
        return scan_fail(scan);
    const char *at = scan->at;
    uint64_t value = 0;
    bool fits = true;
    for (; at < scan->end && *at >= '0' && *at <= '9'; at++)
        fits = fits && num_mul_u64(value, 10, &value) == 0 &&
               num_add_u64(value, (uint64_t)(*at - '0'), &value) == 0;
    bool is_whole =
        at > scan->at && at < scan->end && (*at == ',' || *at == '}' || *at == ']' || is_blank(*at));
    if (is_whole && fits) {
        scan->at = at;
        *ret_value = value;
        return true;
    }
    double number = -1;
    if (!scan_double(scan, &number) || !(number >= 0))
        return false;
    *ret_value = num_u64(number);
    return true;
}

bool scan_bool(struct json_scan *scan, bool *ret_value)
{
    struct json_slice raw;
    scan_raw(scan, &raw);
    if (scan->failed)
        return false;
    if (scan_is(&raw, "true"))
        *ret_value = true;
    else if (scan_is(&raw, "false"))
        *ret_value = false;
    else
        return false;
    return true;
}

bool scan_finish(struct json_scan *scan)
{
    return !skip_blanks(scan) && !scan->failed;
}

/* --- copies --- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hexadecimal digits; -1 when they are not there. */
static int32_t hex_four(const char *at, const char *end)
{
    int32_t value = 0;
    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static size_t utf8_put(uint32_t c, char ret_bytes[4])
{
    if (c < 0x80) {
        ret_bytes[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        ret_bytes[0] = (char)(0xc0 | (c >> 6));
        ret_bytes[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        ret_bytes[0] = (char)(0xe0 | (c >> 12));
        ret_bytes[1] = (char)(0x80 | ((c >> 6) & 0x3f));
        ret_bytes[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    ret_bytes[0] = (char)(0xf0 | (c >> 18));
    ret_bytes[1] = (char)(0x80 | ((c >> 12) & 0x3f));
    ret_bytes[2] = (char)(0x80 | ((c >> 6) & 0x3f));
    ret_bytes[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* Behind "\u": the character, and *at moves behind it. */
static uint32_t unicode_escape(const char **at, const char *end)
{
    int32_t high = hex_four(*at, end);
    if (high < 0)
        return 0xfffd;
    *at += 4;
    if (high >= 0xd800 && high < 0xdc00 && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u') {
        int32_t low = hex_four(*at + 2, end);
        if (low >= 0xdc00 && low < 0xe000) {
            *at += 6;
            return 0x10000u + ((uint32_t)(high - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
        }
    }
    return high == 0 || (high >= 0xd800 && high < 0xe000) ? 0xfffd : (uint32_t)high;
}

/* Behind a backslash. */
static size_t escape_put(const char **at, const char *end, char ret_bytes[4])
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    char c = *(*at)++;
    if (c == 'u')
        return utf8_put(unicode_escape(at, end), ret_bytes);
    const char *known = c ? strchr(from, c) : NULL;
    ret_bytes[0] = known ? to[known - from] : c;
    return 1;
}

/* Without the last character when it is cut. */
static size_t whole_characters(const char *text, size_t length)
{
    size_t start = length;
    while (start && length - start < 4 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
        start--;
    if (!start)
        return length;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t wanted = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    return wanted > 1 && length - start + 1 < wanted ? start - 1 : length;
}

size_t scan_copy(const struct json_slice *slice, char *ret_text, size_t size)
{
    const char *at = slice->bytes, *end = at + slice->length;
    size_t length = 0;
    while (at < end) {
        char bytes[4];
        size_t count = 1;
        bytes[0] = *at++;
        if (bytes[0] == '\\' && at < end)
            count = escape_put(&at, end, bytes);
        else if (!bytes[0])
            count = utf8_put(0xfffd, bytes);
        if (length + count >= size) {
            length = whole_characters(ret_text, length);
            break;
        }
        memcpy(ret_text + length, bytes, count);
        length += count;
    }
    ret_text[length] = '\0';
    return length;
}

/* --- lines --- */

static const char needle[] = "\"usage\"";
#define NEEDLE_LENGTH (sizeof needle - 1)

static bool is_needle(const char *at, const char *end)
{
    return end - at >= (ptrdiff_t)NEEDLE_LENGTH && memcmp(at, needle, NEEDLE_LENGTH) == 0;
}

static const char *line_bytes(const char *at, const char *end, bool *has)
{
    for (; at < end && *at != '\n'; at++)
        if (*at == '"' && !*has && is_needle(at, end))
            *has = true;
    return at;
}

#if defined(__SSE2__)

/* Blocks of 32 bytes and those six behind them, where a match of the needle's last byte may lie. */
#define BLOCK_REACH 40

__attribute__((target("avx2"))) static const char *line_avx2(const char *at, const char *end, bool *has)
{
    const __m256i newline = _mm256_set1_epi8('\n'), quote = _mm256_set1_epi8('"'), u = _mm256_set1_epi8('u');
    for (; end - at >= BLOCK_REACH; at += 32) {
        __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)at);
        __m256i second = _mm256_loadu_si256((const __m256i *)(const void *)(at + 1));
        __m256i last = _mm256_loadu_si256((const __m256i *)(const void *)(at + NEEDLE_LENGTH - 1));
        unsigned lines = (unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, newline));
        unsigned words = (unsigned)_mm256_movemask_epi8(
            _mm256_and_si256(_mm256_cmpeq_epi8(bytes, quote),
                             _mm256_and_si256(_mm256_cmpeq_epi8(second, u), _mm256_cmpeq_epi8(last, quote))));
        if (__builtin_expect(!(lines | words), 1))
            continue;
        if (lines)
            words &= lines ^ (lines - 1); /* those before the newline */
        for (; words && !*has; words &= words - 1)
            *has = is_needle(at + __builtin_ctz(words), end);
        if (lines)
            return at + __builtin_ctz(lines);
    }
    return line_bytes(at, end, has);
}

static const char *line_sse2(const char *at, const char *end, bool *has)
{
    const __m128i newline = _mm_set1_epi8('\n'), quote = _mm_set1_epi8('"'), u = _mm_set1_epi8('u');
    for (; end - at >= BLOCK_REACH; at += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
        __m128i second = _mm_loadu_si128((const __m128i *)(const void *)(at + 1));
        __m128i last = _mm_loadu_si128((const __m128i *)(const void *)(at + NEEDLE_LENGTH - 1));
        unsigned lines = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, newline));
        unsigned words = (unsigned)_mm_movemask_epi8(
            _mm_and_si128(_mm_cmpeq_epi8(bytes, quote),
                          _mm_and_si128(_mm_cmpeq_epi8(second, u), _mm_cmpeq_epi8(last, quote))));
        if (lines)
            words &= lines ^ (lines - 1);
        for (; words && !*has; words &= words - 1)
            *has = is_needle(at + __builtin_ctz(words), end);
        if (lines)
            return at + __builtin_ctz(lines);
    }
    return line_bytes(at, end, has);
}

const char *scan_line(const char *at, const char *end, bool *ret_has_usage)
{
    *ret_has_usage = false;
    return __builtin_cpu_supports("avx2") ? line_avx2(at, end, ret_has_usage)
                                          : line_sse2(at, end, ret_has_usage);
}

#else

const char *scan_line(const char *at, const char *end, bool *ret_has_usage)
{
    *ret_has_usage = false;
    return line_bytes(at, end, ret_has_usage);
}

#endif
