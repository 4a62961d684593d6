/* SPDX-License-Identifier: Apache-2.0 */
#include "base/histogram.h"

#include <string.h>

#include "base/num.h"

void histogram_add(struct histogram *histogram, uint64_t value, uint64_t count)
{
    uint64_t *bucket = &histogram->count[histogram_bucket(value)];
    if (num_add_u64(*bucket, count, bucket))
        *bucket = UINT64_MAX;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (num_add_u64(into->count[i], from->count[i], &into->count[i]))
            into->count[i] = UINT64_MAX;
    }
}

uint64_t histogram_total(const struct histogram *histogram)
{
    uint64_t total = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (num_add_u64(total, histogram->count[i], &total))
            return UINT64_MAX;
    }
    return total;
}

static double lower_edge(unsigned bucket)
{
    return bucket ? (double)(UINT64_C(1) << bucket) : 0;
}

static double bucket_width(unsigned bucket)
{
    return bucket ? (double)(UINT64_C(1) << bucket) : 2;
}

double histogram_below(const struct histogram *histogram, uint64_t limit)
{
    unsigned last = histogram_bucket(limit);
    double below = 0;
    for (unsigned i = 0; i < last; i++)
        below += (double)histogram->count[i];
    return below + (double)histogram->count[last] * ((double)limit - lower_edge(last)) / bucket_width(last);
}

double histogram_quantile(const struct histogram *histogram, double ratio)
{
    double wanted = (double)histogram_total(histogram) * ratio, value = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        double here = (double)histogram->count[i];
        if (here > 0) {
            double part = wanted < here ? wanted / here : 1;
            value = lower_edge(i) + bucket_width(i) * (part > 0 ? part : 0);
            if (wanted <= here)
                break;
            wanted -= here;
        }
    }
    return value;
}

static char *print_number(char *end, uint64_t number)
{
    char digits[20];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    while (count)
        *end++ = digits[--count];
    return end;
}

size_t histogram_print(const struct histogram *histogram, char text[HISTOGRAM_TEXT_MAX])
{
    char *end = text;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (!histogram->count[i])
            continue;
        if (end != text)
            *end++ = ',';
        end = print_number(end, i);
        *end++ = ':';
        end = print_number(end, histogram->count[i]);
    }
    *end = '\0';
    return (size_t)(end - text);
}

/* Reads a number and the sign behind it; NULL when there is none. */
static const char *read_number(const char *at, const char *end, uint64_t *ret_number)
{
    uint64_t number = 0;
    const char *first = at;
    for (; at < end && *at >= '0' && *at <= '9'; at++) {
        if (num_mul_u64(number, 10, &number) || num_add_u64(number, (uint64_t)(*at - '0'), &number))
            return NULL;
    }
    *ret_number = number;
    return at == first ? NULL : at;
}

int histogram_parse(const char *text, size_t length, struct histogram *ret_histogram, struct err *err)
{
    struct histogram histogram = {0};
    uint64_t exponent, count, least = 0;
    const char *at = text, *end = text + length;
    while (at < end) {
        const char *entry = at;
        at = read_number(at, end, &exponent);
        if (at && at < end && *at == ':')
            at = read_number(at + 1, end, &count);
        else
            at = NULL;
        if (!at || (at < end && *at != ',') || at + 1 == end || exponent < least ||
            exponent >= HISTOGRAM_BUCKETS || !count)
            return err_set(err, ERR_INPUT,
                           "could not read histogram: byte %zu is not the start of exponent:count",
                           (size_t)(entry - text));
        histogram.count[exponent] = count;
        least = exponent + 1;
        at += at < end;
    }
    *ret_histogram = histogram;
    return 0;
}
