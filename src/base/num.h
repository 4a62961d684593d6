/* SPDX-License-Identifier: Apache-2.0 */
/*
 * num: checked arithmetic and parsing for numbers that come from outside.
 * Checked functions return 0, or -1 with the output untouched when the result does not fit.
 */
#ifndef TOLL_BASE_NUM_H
#define TOLL_BASE_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

static inline WARN_UNUSED int num_add_u64(uint64_t a, uint64_t b, uint64_t *ret_sum)
{
    uint64_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        return -1;
    *ret_sum = sum;
    return 0;
}

static inline WARN_UNUSED int num_mul_u64(uint64_t a, uint64_t b, uint64_t *ret_product)
{
    uint64_t product;
    if (__builtin_mul_overflow(a, b, &product))
        return -1;
    *ret_product = product;
    return 0;
}

static inline WARN_UNUSED int num_mul_size(size_t a, size_t b, size_t *ret_product)
{
    size_t product;
    if (__builtin_mul_overflow(a, b, &product))
        return -1;
    *ret_product = product;
    return 0;
}

/* The whole text is one decimal number (no sign, no blanks), else -1. */
WARN_UNUSED int num_parse_u64(const char *text, uint64_t *ret_value);

/* The whole text is one finite decimal number, else -1. */
WARN_UNUSED int num_parse_double(const char *text, double *ret_value);

/* "30s", "5m", "500ms", "1.5h": a number and one of ms, s, m, h; without a unit it is seconds. In nanoseconds, else -1. */
WARN_UNUSED int num_parse_duration(const char *text, uint64_t *ret_ns);

/* "512MB", "1.5 GB", "64KiB", "100": a number and B, KB, MB, GB, TB (powers of 1000) or KiB, MiB, GiB, TiB; the B may be left out.
 * Whole bytes, else -1. */
WARN_UNUSED int num_parse_bytes(const char *text, uint64_t *ret_bytes);

/* A double travels through uint64_t columns as its bits. */
static inline uint64_t num_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline double num_double(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* A double as the nearest number below it that fits: not a number and less than 0 give 0. */
static inline uint64_t num_u64(double value)
{
    if (!(value > 0))
        return 0;
    return value < 0x1p64 ? (uint64_t)value : UINT64_MAX;
}

static inline uint64_t num_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t num_max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* part / whole, and 0 when the whole is 0. */
static inline double num_ratio(uint64_t part, uint64_t whole)
{
    return whole ? (double)part / (double)whole : 0;
}

#endif
