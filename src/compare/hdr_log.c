/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/hdr_log.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/num.h"
#include "compare/measured.h"

#define COOKIE_MASK        0xffffff0fu /* bits 4 to 7 are the size of a count */
#define V0_COOKIE          0x1c849308u
#define V0_COMPRESSED      0x1c849309u
#define V1_COOKIE          0x1c849301u
#define V1_COMPRESSED      0x1c849302u
#define V2_COOKIE          0x1c849303u
#define V2_COMPRESSED      0x1c849304u
#define V0_HEADER_BYTES    32u
#define HEADER_BYTES       40u
#define DIGITS_MAX         5u
#define RATIO_MIN          1e-30
#define VARINT_BYTES_MAX   9u
#define INFLATED_BYTES_MAX (HDR_COUNTS_MAX * VARINT_BYTES_MAX + HEADER_BYTES)
#define LOG_BYTES_MAX      ((size_t)1 << 30) /* of a whole log, inflated */
#define TAG_BYTES_MAX      128
#define NUMBERS_BYTES_MAX  256

struct bytes {
    unsigned char *at;
    size_t length;
};

static uint64_t big_endian(const unsigned char *at, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | at[i];
    return value;
}

/* --- Base64 and zlib --- */

static int base64_value(char letter)
{
    if (letter >= 'A' && letter <= 'Z')
        return letter - 'A';
    if (letter >= 'a' && letter <= 'z')
        return letter - 'a' + 26;
    if (letter >= '0' && letter <= '9')
        return letter - '0' + 52;
    return letter == '+' ? 62 : letter == '/' ? 63 : -1;
}

static int base64_decode(const char *text, size_t length, struct bytes *ret_bytes, struct err *err)
{
    unsigned char *bytes = malloc(length / 4 * 3 + 4);
    size_t count = 0;
    uint32_t bits = 0;
    unsigned bit_count = 0;
    if (!bytes)
        return err_memory(err);
    for (size_t i = 0; i < length && text[i] != '='; i++) {
        int value = base64_value(text[i]);
        if (value < 0) {
            free(bytes);
            return err_set(err, ERR_INPUT, "character %zu of a histogram is not Base64", i + 1);
        }
        bits = bits << 6 | (uint32_t)value;
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            bytes[count++] = (unsigned char)(bits >> bit_count);
        }
    }
    *ret_bytes = (struct bytes){bytes, count};
    return 0;
}

/* Twice as much room until it fits, so that a small histogram costs little and a bomb is stopped. */
static int inflate_all(const struct bytes *packed, struct bytes *ret_bytes, struct err *err)
{
    for (size_t room = 4096;; room *= 4) {
        size_t capacity = room < INFLATED_BYTES_MAX ? room : INFLATED_BYTES_MAX;
        uLongf length = capacity;
        unsigned char *bytes = malloc(capacity);
        if (!bytes)
            return err_memory(err);
        int result = uncompress(bytes, &length, packed->at, packed->length);
        if (result == Z_OK) {
            *ret_bytes = (struct bytes){bytes, length};
            return 0;
        }
        free(bytes);
        if (result == Z_MEM_ERROR)
            return err_memory(err);
        if (result != Z_BUF_ERROR || capacity == INFLATED_BYTES_MAX)
            return err_set(err, ERR_INPUT, "a histogram's compressed bytes are damaged or too many");
    }
}

/* --- histograms --- */

struct shape {
    uint64_t low, high;
    unsigned digits;
    double ratio;
    uint32_t shift;      /* of the indexes, a multiple of half a bucket's counts */
    unsigned word_bytes; /* 0: variable */
};

static int read_header(const struct bytes *bytes, struct shape *ret_shape, size_t *ret_at, size_t *ret_end,
                       struct err *err)
{
    struct shape shape = {.ratio = 1};
    const unsigned char *at = bytes->at;
    uint32_t cookie = bytes->length >= 4 ? (uint32_t)big_endian(at, 4) : 0, base = cookie & COOKIE_MASK;
    bool is_v0 = base == V0_COOKIE;
    size_t header = is_v0 ? V0_HEADER_BYTES : HEADER_BYTES;
    if (!is_v0 && base != V1_COOKIE && base != V2_COOKIE)
        return err_set(err, ERR_INPUT, "a histogram begins with 0x%08x, which is none of its versions",
                       cookie);
    if (bytes->length < header)
        return err_set(err, ERR_INPUT, "a histogram of %zu bytes is shorter than its header", bytes->length);
    shape.word_bytes = base == V2_COOKIE ? 0 : (cookie >> 4) & 0xe;
    const unsigned char *fields = is_v0 ? at + 4 : at + 12;
    shape.digits = (unsigned)big_endian(fields, 4);
    shape.low = big_endian(fields + 4, 8);
    shape.high = big_endian(fields + 12, 8);
    *ret_at = header;
    *ret_end = bytes->length;
    if (!is_v0) {
        uint64_t payload = big_endian(at + 4, 4);
        shape.ratio = num_double(big_endian(at + 32, 8));
        shape.shift = (uint32_t)big_endian(at + 8, 4);
        /* hdr-histogram-js writes a whole number there. */
        if (shape.ratio < RATIO_MIN)
            shape.ratio = 1;
        if (payload < bytes->length - header)
            *ret_end = header + payload;
    }
    if (shape.digits > DIGITS_MAX || shape.low < 1 || shape.high < 2 * shape.low || shape.high > INT64_MAX ||
        !(shape.ratio > 0 && isfinite(shape.ratio)) || shape.word_bytes > 8)
        return err_set(err, ERR_INPUT, "a histogram's header makes no sense");
    *ret_shape = shape;
    return 0;
}

static unsigned log2_floor(uint64_t value)
{
    return 63 - (unsigned)__builtin_clzll(value);
}

/* How many counts a histogram of that shape has at most. */
static int shape_apply(const struct shape *shape, struct hdr_counts *counts, struct err *err)
{
    uint64_t largest_single = 2;
    for (unsigned i = 0; i < shape->digits; i++)
        largest_single *= 10;
    unsigned sub_magnitude = log2_floor(largest_single - 1) + 1;
    counts->unit_magnitude = log2_floor(shape->low);
    counts->sub_half_magnitude = (sub_magnitude > 1 ? sub_magnitude : 1) - 1;
    counts->ratio = shape->ratio;
    if (counts->unit_magnitude + sub_magnitude > 61)
        return err_set(err, ERR_INPUT, "a histogram's header makes no sense");
    /* hdr-histogram-js writes a 1 that it does not mean. */
    if (shape->shift && shape->shift % (UINT32_C(1) << counts->sub_half_magnitude) == 0)
        return err_set(err, ERR_INPUT, "a histogram is shifted, which toll does not read");
    uint64_t untracked = (UINT64_C(1) << sub_magnitude) << counts->unit_magnitude;
    size_t buckets = 1;
    for (; untracked <= shape->high && buckets < 64; buckets++) {
        if (untracked > INT64_MAX / 2) {
            buckets++;
            break;
        }
        untracked <<= 1;
    }
    counts->count_max = (buckets + 1) << counts->sub_half_magnitude;
    if (counts->count_max > HDR_COUNTS_MAX * 16)
        return err_set(err, ERR_INPUT, "a histogram has too many counts");
    counts->counts = calloc(counts->count_max, sizeof *counts->counts);
    return counts->counts ? 0 : err_memory(err);
}

static int count_put(struct hdr_counts *counts, size_t index, uint64_t count, struct err *err)
{
    if (index >= counts->count_max)
        return err_set(err, ERR_INPUT, "a histogram has more counts than its header allows");
    if (count > INT64_MAX || num_add_u64(counts->total, count, &counts->total))
        return err_set(err, ERR_INPUT, "a histogram's counts are too large");
    counts->counts[index] = count;
    return 0;
}

static int read_fixed(const struct bytes *bytes, size_t at, size_t end, unsigned size,
                      struct hdr_counts *counts, struct err *err)
{
    int status = 0;
    if (size != 2 && size != 4 && size != 8)
        return err_set(err, ERR_INPUT, "a histogram's counts are of %u bytes", size);
    for (size_t index = 0; !status && at + size <= end; at += size, index++) {
        uint64_t count = big_endian(bytes->at + at, size);
        if (count)
            status = count_put(counts, index, count, err);
    }
    return status;
}

/* The ninth byte of a number holds eight bits; the others seven, and whether one follows. */
static int read_varint(const struct bytes *bytes, size_t *at, size_t end, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < VARINT_BYTES_MAX; i++) {
        if (*at >= end)
            return -1;
        uint64_t byte = bytes->at[(*at)++];
        bool is_last = i == VARINT_BYTES_MAX - 1;
        value |= (is_last ? byte : byte & 0x7f) << (7 * i);
        if (is_last || !(byte & 0x80))
            break;
    }
    *ret_value = value;
    return 0;
}

static int read_variable(const struct bytes *bytes, size_t at, size_t end, struct hdr_counts *counts,
                         struct err *err)
{
    size_t index = 0;
    while (at < end) {
        uint64_t raw;
        if (read_varint(bytes, &at, end, &raw))
            return err_set(err, ERR_INPUT, "a histogram ends within a count");
        /* ZigZag: odd is negative, a run of zeros. */
        uint64_t amount = raw & 1 ? (raw >> 1) + 1 : raw >> 1;
        if (raw & 1) {
            if (amount > counts->count_max - index)
                return err_set(err, ERR_INPUT, "a histogram has more counts than its header allows");
            index += amount;
            continue;
        }
        int status = count_put(counts, index++, amount, err);
        if (status)
            return status;
    }
    return 0;
}

static int counts_read(const struct bytes *bytes, struct hdr_counts *ret_counts, struct err *err)
{
    struct shape shape = {0};
    struct hdr_counts counts = {0};
    size_t at = 0, end = 0;
    int status = read_header(bytes, &shape, &at, &end, err);
    if (!status)
        status = shape_apply(&shape, &counts, err);
    if (!status)
        status = shape.word_bytes ? read_fixed(bytes, at, end, shape.word_bytes, &counts, err)
                                  : read_variable(bytes, at, end, &counts, err);
    if (status)
        hdr_counts_free(&counts);
    else
        *ret_counts = counts;
    return status;
}

static int unpack(const struct bytes *outer, struct bytes *ret_inner, struct err *err)
{
    uint32_t cookie = outer->length >= 8 ? (uint32_t)big_endian(outer->at, 4) & COOKIE_MASK : 0;
    if (cookie != V0_COMPRESSED && cookie != V1_COMPRESSED && cookie != V2_COMPRESSED)
        return err_set(err, ERR_INPUT, "a histogram is not compressed as HdrHistogram does it");
    struct bytes packed = {outer->at + 8, outer->length - 8};
    uint64_t length = big_endian(outer->at + 4, 4);
    if (length < packed.length)
        packed.length = length;
    return inflate_all(&packed, ret_inner, err);
}

int hdr_counts_decode(const char *payload, size_t length, struct hdr_counts *ret_counts, struct err *err)
{
    struct bytes outer = {0}, inner = {0};
    int status = base64_decode(payload, length, &outer, err);
    if (!status)
        status = unpack(&outer, &inner, err);
    if (!status)
        status = counts_read(&inner, ret_counts, err);
    free(outer.at);
    free(inner.at);
    return status;
}

double hdr_counts_quantile(const struct hdr_counts *counts, double quantile)
{
    double rank = ceil(quantile * (double)counts->total);
    uint64_t wanted = rank < 1 ? 1 : num_u64(rank), seen = 0;
    for (size_t i = 0; i < counts->count_max && counts->total; i++) {
        seen += counts->counts[i];
        if (seen < wanted)
            continue;
        unsigned half = counts->sub_half_magnitude;
        uint64_t bucket = i >> half, sub = i & ((UINT64_C(1) << half) - 1);
        if (bucket)
            sub += UINT64_C(1) << half;
        unsigned shift = (unsigned)(bucket ? bucket - 1 : 0) + counts->unit_magnitude;
        return counts->ratio * (ldexp((double)sub + 1, (int)shift) - 1);
    }
    return 0;
}

int hdr_counts_add(struct hdr_counts *to, const struct hdr_counts *from, struct err *err)
{
    if (!to->counts) {
        *to = *from;
        to->counts = calloc(from->count_max, sizeof *to->counts);
        if (!to->counts)
            return err_memory(err);
        to->total = 0;
    }
    if (to->count_max != from->count_max || to->unit_magnitude != from->unit_magnitude ||
        to->sub_half_magnitude != from->sub_half_magnitude || fabs(to->ratio - from->ratio) > 0)
        return err_set(err, ERR_INPUT, "its histograms have different ranges or precisions");
    for (size_t i = 0; i < from->count_max; i++)
        if (num_add_u64(to->counts[i], from->counts[i], &to->counts[i]) ||
            num_add_u64(to->total, from->counts[i], &to->total))
            return err_set(err, ERR_INPUT, "its counts are too large");
    return 0;
}

void hdr_counts_free(struct hdr_counts *counts)
{
    free(counts->counts);
    *counts = (struct hdr_counts){0};
}

/* --- the log --- */

/* `START,LENGTH,MAX,` before the payload, after a tag. */
static int line_read(const struct text_line *line, struct hdr_interval *interval, char *tag,
                     const char **ret_payload, size_t *ret_length, struct err *err)
{
    const char *at = line->at, *end = line->at + line->length;
    char numbers[NUMBERS_BYTES_MAX];
    tag[0] = '\0';
    if (line->length > 4 && strncmp(at, "Tag=", 4) == 0) {
        const char *comma = memchr(at, ',', line->length);
        size_t length = comma ? (size_t)(comma - at) - 4 : TAG_BYTES_MAX;
        if (length >= TAG_BYTES_MAX)
            return err_set(err, ERR_INPUT, "line %zu: its tag does not end, or is too long", line->number);
        memcpy(tag, at + 4, length);
        tag[length] = '\0';
        at += length + 5;
    }
    const char *last = at;
    for (int i = 0; i < 3 && last; i++) {
        last = memchr(last, ',', (size_t)(end - last));
        last = last ? last + 1 : NULL;
    }
    if (!last || (size_t)(last - at) >= sizeof numbers)
        return err_set(err, ERR_INPUT, "line %zu: there are not three numbers and a histogram", line->number);
    memcpy(numbers, at, (size_t)(last - at));
    numbers[last - at] = '\0';
    if (sscanf(numbers, "%lf,%lf,%lf,", &interval->start_s, &interval->length_s, &interval->max) != 3)
        return err_set(err, ERR_INPUT, "line %zu: there are not three numbers and a histogram", line->number);
    *ret_payload = last;
    *ret_length = (size_t)(end - last);
    interval->tag = tag;
    return 0;
}

int hdr_log_each(const struct compare_text *text, hdr_interval_fn *each, void *context, struct err *err)
{
    struct text_line line = {0};
    size_t interval_count = 0, inflated_bytes = 0;
    int status = 0;
    while (!status && text_next(text, &line)) {
        struct hdr_interval interval = {0};
        char tag[TAG_BYTES_MAX];
        const char *payload = NULL;
        size_t length = 0;
        if (!line.length || line.at[0] == '#' || line.at[0] == '"')
            continue;
        if (interval_count++ == HDR_INTERVALS_MAX)
            return err_set(err, ERR_INPUT, "it has over %u intervals", HDR_INTERVALS_MAX);
        status = line_read(&line, &interval, tag, &payload, &length, err);
        if (status)
            return status;
        status = hdr_counts_decode(payload, length, &interval.counts, err);
        if (status)
            return status == -ERR_INPUT ? err_wrap(err, "line %zu", line.number) : status;
        inflated_bytes += interval.counts.count_max;
        if (inflated_bytes > LOG_BYTES_MAX)
            status = err_set(err, ERR_INPUT, "line %zu: its histograms are too large", line.number);
        if (!status)
            status = each(context, &interval, err);
        hdr_counts_free(&interval.counts);
    }
    return status;
}
