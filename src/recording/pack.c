/* SPDX-License-Identifier: Apache-2.0 */
#include "recording/pack.h"

#include <string.h>

#define GROUP_ROWS 64 /* 64 numbers of w bits are w words: every shift is known when compiling */

#ifdef __clang__
#define UNROLL_GROUP _Pragma("clang loop unroll(full)")
#else
#define UNROLL_GROUP _Pragma("GCC unroll 64")
#endif

static inline uint64_t load_word(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, 8);
    return word;
}

static inline __attribute__((always_inline)) void unpack_group(const uint8_t *in, uint64_t *out,
                                                               uint64_t base, unsigned width)
{
    uint64_t mask = ~0ull >> (64 - width);
    UNROLL_GROUP
    for (unsigned i = 0; i < GROUP_ROWS; i++) {
        unsigned word = i * width / 64, shift = i * width % 64;
        uint64_t number = load_word(in + 8 * word) >> shift;
        if (shift + width > 64)
            number |= load_word(in + 8 * (word + 1)) << (64 - shift);
        out[i] = (number & mask) + base;
    }
}

static inline __attribute__((always_inline)) void pack_group(const uint64_t *in, uint8_t *out, unsigned width)
{
    uint64_t word = 0;
    UNROLL_GROUP
    for (unsigned i = 0; i < GROUP_ROWS; i++) {
        unsigned at = i * width / 64, shift = i * width % 64;
        word |= in[i] << shift;
        if (shift + width >= 64) {
            memcpy(out + 8 * at, &word, 8);
            word = shift + width > 64 ? in[i] >> (64 - shift) : 0;
        }
    }
}

/* clang-format off */
#define WIDTH_LIST(X) \
    X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) \
    X(9) X(10) X(11) X(12) X(13) X(14) X(15) X(16) \
    X(17) X(18) X(19) X(20) X(21) X(22) X(23) X(24) \
    X(25) X(26) X(27) X(28) X(29) X(30) X(31) X(32) \
    X(33) X(34) X(35) X(36) X(37) X(38) X(39) X(40) \
    X(41) X(42) X(43) X(44) X(45) X(46) X(47) X(48) \
    X(49) X(50) X(51) X(52) X(53) X(54) X(55) X(56) \
    X(57) X(58) X(59) X(60) X(61) X(62) X(63) X(64)
/* clang-format on */

#define WIDTH_FUNCTIONS(W)                                                                                   \
    static void unpack_##W(const uint8_t *in, uint64_t *out, uint64_t base)                                  \
    {                                                                                                        \
        unpack_group(in, out, base, W);                                                                      \
    }                                                                                                        \
    static void pack_##W(const uint64_t *in, uint8_t *out)                                                   \
    {                                                                                                        \
        pack_group(in, out, W);                                                                              \
    }
WIDTH_LIST(WIDTH_FUNCTIONS)

#define UNPACK_ENTRY(W) unpack_##W,
#define PACK_ENTRY(W)   pack_##W,
static void (*const unpack_width[65])(const uint8_t *, uint64_t *, uint64_t) = {NULL,
                                                                                WIDTH_LIST(UNPACK_ENTRY)};
static void (*const pack_width[65])(const uint64_t *, uint8_t *) = {NULL, WIDTH_LIST(PACK_ENTRY)};

static unsigned bit_width(uint64_t number)
{
    return number ? 64 - (unsigned)__builtin_clzll(number) : 0;
}

static uint64_t zigzag(uint64_t number)
{
    return (number << 1) ^ (0 - (number >> 63));
}

static uint64_t unzigzag(uint64_t number)
{
    return (number >> 1) ^ (0 - (number & 1));
}

static size_t packed_bytes(size_t row_count, unsigned width)
{
    return (row_count * width + 7) / 8;
}

void pack_range(const uint64_t *residuals, size_t row_count, int64_t *ret_low, int64_t *ret_high)
{
    int64_t low = INT64_MAX, high = INT64_MIN;
    for (size_t i = 0; i < row_count; i++) {
        int64_t residual = (int64_t)residuals[i];
        low = residual < low ? residual : low;
        high = residual > high ? residual : high;
    }
    *ret_low = low;
    *ret_high = high;
}

size_t pack_frame_size(int64_t low, int64_t high, size_t row_count)
{
    unsigned base_bytes = (bit_width(zigzag((uint64_t)low)) + 7) / 8;
    return 2 + base_bytes + packed_bytes(row_count, bit_width((uint64_t)high - (uint64_t)low));
}

size_t pack_frame(uint64_t *residuals, size_t row_count, uint8_t *out)
{
    int64_t low, high;
    pack_range(residuals, row_count, &low, &high);
    uint64_t base = (uint64_t)low, stored_base = zigzag(base);
    unsigned width = bit_width((uint64_t)high - base);
    unsigned base_bytes = (bit_width(stored_base) + 7) / 8;
    out[0] = (uint8_t)width;
    out[1] = (uint8_t)base_bytes;
    memcpy(out + 2, &stored_base, 8);
    size_t length = 2 + base_bytes;
    if (!width)
        return length;
    for (size_t i = 0; i < row_count; i++)
        residuals[i] -= base;
    if (row_count == FORMAT_FRAME_ROWS) {
        pack_width[width](residuals, out + length);
        pack_width[width](residuals + GROUP_ROWS, out + length + 8 * (size_t)width);
    } else {
        uint8_t whole[FORMAT_FRAME_ROWS * 8];
        memset(residuals + row_count, 0, (FORMAT_FRAME_ROWS - row_count) * sizeof *residuals);
        pack_width[width](residuals, whole);
        pack_width[width](residuals + GROUP_ROWS, whole + 8 * (size_t)width);
        memcpy(out + length, whole, packed_bytes(row_count, width));
    }
    return length + packed_bytes(row_count, width);
}

size_t pack_read(const uint8_t *in, size_t length, size_t row_count, uint64_t *ret_numbers)
{
    if (length < 2 || in[0] > 64 || in[1] > 8)
        return 0;
    unsigned width = in[0];
    size_t base_bytes = in[1], bytes = packed_bytes(row_count, width);
    if (length - 2 < base_bytes + bytes)
        return 0;
    uint64_t stored_base = 0;
    memcpy(&stored_base, in + 2, base_bytes);
    uint64_t base = unzigzag(stored_base);
    in += 2 + base_bytes;
    if (!width) {
        for (size_t i = 0; i < row_count; i++)
            ret_numbers[i] = base;
    } else if (row_count == FORMAT_FRAME_ROWS) {
        unpack_width[width](in, ret_numbers, base);
        unpack_width[width](in + 8 * (size_t)width, ret_numbers + GROUP_ROWS, base);
    } else {
        uint8_t whole[FORMAT_FRAME_ROWS * 8] = {0};
        memcpy(whole, in, bytes);
        unpack_width[width](whole, ret_numbers, base);
        unpack_width[width](whole + 8 * (size_t)width, ret_numbers + GROUP_ROWS, base);
    }
    return 2 + base_bytes + bytes;
}
