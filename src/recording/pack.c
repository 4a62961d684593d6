/* SPDX-License-Identifier: Apache-2.0 */
#include "recording/pack.h"

#include <stdbool.h>
#include <string.h>

#define PATCH_WIDTH_MIN 3 /* narrower frames, and shorter ones, have little to win */
#define PATCH_WIDTH_MAX 63
#define PATCH_ROWS_MIN  8
#define GROUP_ROWS      64 /* 64 numbers of w bits are w words: every shift is known when compiling */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNROLL_GROUP /* checks on each of 8,192 steps take the compiler half a minute */
#elif defined(__clang__)
#define UNROLL_GROUP _Pragma("clang loop unroll(full)")
#else
#define UNROLL_GROUP _Pragma("GCC unroll 64")
#endif

#define ALWAYS_INLINE inline __attribute__((always_inline))

static inline uint64_t load_word(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, 8);
    return word;
}

static ALWAYS_INLINE void unpack_group(const uint8_t *in, uint64_t *out, uint64_t base, unsigned width)
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

static ALWAYS_INLINE void pack_group(const uint64_t *in, uint8_t *out, unsigned width)
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

/* How a frame is written. Residuals are numbers modulo 2^64, looked at as signed. */
struct frame_plan {
    uint64_t base;
    unsigned width;
    unsigned exception_bytes; /* of each exception; 0: there are none */
    size_t size;
};

static unsigned byte_width(uint64_t number)
{
    return (bit_width(number) + 7) / 8;
}

/*
 * Planning is the writer's hottest code. These loops have no branches and, for a full frame, a constant count: the
 * compiler makes vectors of them in the variants below, which are chosen by what the processor has.
 */
static ALWAYS_INLINE void find_range(const uint64_t *residuals, size_t row_count, int64_t *ret_low,
                                     int64_t *ret_high)
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

/* How many lie outside [start, start + extent), modulo 2^64. */
static ALWAYS_INLINE size_t count_outside(const uint64_t *residuals, size_t row_count, uint64_t start,
                                          uint64_t extent)
{
    uint64_t count = 0;
    for (size_t i = 0; i < row_count; i++)
        count += residuals[i] - start >= extent;
    return (size_t)count;
}

/* The median of three spread over the frame: inside the crowd unless most of the frame is not. */
static ALWAYS_INLINE uint64_t middle_residual(const uint64_t *residuals, size_t row_count)
{
    int64_t a = (int64_t)residuals[row_count / 6], b = (int64_t)residuals[row_count / 2],
            c = (int64_t)residuals[row_count - 1 - row_count / 6];
    int64_t low = a < b ? a : b, high = a < b ? b : a;
    return (uint64_t)(c < low ? low : c > high ? high : c);
}

/* The smallest k for which at most a seventh lies outside 2^k around the middle; `width` when there is none
 * that is two bits narrower than the whole frame. */
static ALWAYS_INLINE unsigned crowd_width(const uint64_t *residuals, size_t row_count, uint64_t middle,
                                          unsigned width)
{
    size_t outside_max = row_count / 7 + 1;
    unsigned low = 0, high = width - 3;
    if (count_outside(residuals, row_count, middle - (1ull << high), 2ull << high) > outside_max)
        return width;
    while (low < high) {
        unsigned k = (low + high) / 2;
        if (count_outside(residuals, row_count, middle - (1ull << k), 2ull << k) > outside_max)
            low = k + 1;
        else
            high = k;
    }
    return high;
}

static ALWAYS_INLINE void plan_patched(const uint64_t *residuals, size_t row_count, int64_t frame_low,
                                       int64_t frame_high, struct frame_plan *plan)
{
    uint64_t middle = middle_residual(residuals, row_count);
    unsigned crowd = crowd_width(residuals, row_count, middle, plan->width);
    if (crowd == plan->width)
        return;
    /* What lies outside counts as the middle, which lies inside. */
    uint64_t reach = 1ull << crowd;
    int64_t low = 0, high = 0;
    for (size_t i = 0; i < row_count; i++) {
        uint64_t away = residuals[i] - middle;
        int64_t inside = away + reach < 2 * reach ? (int64_t)away : 0;
        low = inside < low ? inside : low;
        high = inside > high ? inside : high;
    }
    uint64_t base = middle + (uint64_t)low;
    unsigned width = bit_width((uint64_t)(high - low));
    size_t exception_count = count_outside(residuals, row_count, base, 1ull << width);
    uint64_t below = zigzag((uint64_t)((int64_t)((uint64_t)frame_low - base) >> width));
    uint64_t above = zigzag((uint64_t)((int64_t)((uint64_t)frame_high - base) >> width));
    unsigned exception_bytes = byte_width(below | above);
    size_t size = 3 + byte_width(zigzag(base)) + packed_bytes(row_count, width) +
                  exception_count * (1 + exception_bytes);
    if (exception_count && size < plan->size)
        *plan = (struct frame_plan){
            .base = base, .width = width, .exception_bytes = exception_bytes, .size = size};
}

/* A frame of 64 bits stays whole: its differences to the base may not fit into signed 64 bits. */
static ALWAYS_INLINE struct frame_plan plan_rows(const uint64_t *residuals, size_t row_count)
{
    int64_t low, high;
    find_range(residuals, row_count, &low, &high);
    uint64_t base = (uint64_t)low;
    unsigned width = bit_width((uint64_t)high - base);
    struct frame_plan plan = {
        .base = base, .width = width, .size = 2 + byte_width(zigzag(base)) + packed_bytes(row_count, width)};
    if (width > PATCH_WIDTH_MIN && width <= PATCH_WIDTH_MAX && row_count >= PATCH_ROWS_MIN)
        plan_patched(residuals, row_count, low, high, &plan);
    return plan;
}

#ifdef __x86_64__
#define PLAN_VARIANT(name, features)                                                                         \
    __attribute__((target(features))) static struct frame_plan plan_full_##name(const uint64_t *residuals)   \
    {                                                                                                        \
        return plan_rows(residuals, FORMAT_FRAME_ROWS);                                                      \
    }
PLAN_VARIANT(avx512, "avx512f,avx512vl,avx512dq")
PLAN_VARIANT(avx2, "avx2")
#endif

static struct frame_plan plan_frame(const uint64_t *residuals, size_t row_count)
{
#ifdef __x86_64__
    if (row_count == FORMAT_FRAME_ROWS && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq"))
        return plan_full_avx512(residuals);
    if (row_count == FORMAT_FRAME_ROWS && __builtin_cpu_supports("avx2"))
        return plan_full_avx2(residuals);
#endif
    return plan_rows(residuals, row_count);
}

size_t pack_frame_size(const uint64_t *residuals, size_t row_count)
{
    return plan_frame(residuals, row_count).size;
}

/* Their rows first, without a branch that would be mispredicted at each of them. */
static void write_exceptions(const uint64_t *differences, size_t row_count, const struct frame_plan *plan,
                             uint8_t *out)
{
    uint8_t rows[FORMAT_FRAME_ROWS + 1], parts[FORMAT_FRAME_ROWS * 8 + 8];
    uint64_t mask = (1ull << plan->width) - 1;
    size_t count = 0;
    for (size_t i = 0; i < row_count; i++) {
        rows[count] = (uint8_t)i;
        count += differences[i] > mask;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t above = zigzag((uint64_t)((int64_t)differences[rows[i]] >> plan->width));
        memcpy(parts + i * plan->exception_bytes, &above, 8);
    }
    out[0] = (uint8_t)count;
    memcpy(out + 1, rows, count);
    memcpy(out + 1 + count, parts, count * plan->exception_bytes);
}

static void write_packed(uint64_t *differences, size_t row_count, unsigned width, uint8_t *out)
{
    uint64_t mask = ~0ull >> (64 - width);
    for (size_t i = 0; i < row_count; i++)
        differences[i] &= mask;
    if (row_count == FORMAT_FRAME_ROWS) {
        pack_width[width](differences, out);
        pack_width[width](differences + GROUP_ROWS, out + 8 * (size_t)width);
    } else {
        uint8_t whole[FORMAT_FRAME_ROWS * 8];
        memset(differences + row_count, 0, (FORMAT_FRAME_ROWS - row_count) * sizeof *differences);
        pack_width[width](differences, whole);
        pack_width[width](differences + GROUP_ROWS, whole + 8 * (size_t)width);
        memcpy(out, whole, packed_bytes(row_count, width));
    }
}

size_t pack_frame(uint64_t *residuals, size_t row_count, uint8_t *out)
{
    struct frame_plan plan = plan_frame(residuals, row_count);
    uint64_t stored_base = zigzag(plan.base);
    unsigned base_bytes = byte_width(stored_base);
    out[0] = (uint8_t)plan.width;
    out[1] = (uint8_t)(base_bytes | plan.exception_bytes << 4);
    memcpy(out + 2, &stored_base, 8);
    size_t length = 2 + base_bytes, packed = packed_bytes(row_count, plan.width);
    for (size_t i = 0; i < row_count; i++)
        residuals[i] -= plan.base;
    if (plan.exception_bytes)
        write_exceptions(residuals, row_count, &plan, out + length + packed);
    if (plan.width)
        write_packed(residuals, row_count, plan.width, out + length);
    return plan.size;
}

/* The high parts of the exceptions; returns the bytes read, 0 when they are not valid. */
static size_t read_exceptions(const uint8_t *in, size_t length, size_t row_count, unsigned width,
                              size_t exception_bytes, uint64_t *numbers)
{
    size_t count = length ? in[0] : 0, bytes = 1 + count * (1 + exception_bytes);
    if (!count || count > row_count || width > 63 || length < bytes)
        return 0;
    const uint8_t *parts = in + 1 + count;
    for (size_t i = 0; i < count; i++) {
        uint64_t above = 0;
        memcpy(&above, parts + i * exception_bytes, exception_bytes);
        if (in[1 + i] >= row_count)
            return 0;
        numbers[in[1 + i]] += unzigzag(above) << width;
    }
    return bytes;
}

size_t pack_read(const uint8_t *in, size_t length, size_t row_count, uint64_t *ret_numbers)
{
    if (length < 2 || in[0] > 64 || (in[1] & 15) > 8 || in[1] >> 4 > 8)
        return 0;
    unsigned width = in[0];
    size_t base_bytes = in[1] & 15, exception_bytes = in[1] >> 4, packed = packed_bytes(row_count, width);
    size_t read = 2 + base_bytes + packed;
    if (length < read)
        return 0;
    uint64_t stored_base = 0;
    memcpy(&stored_base, in + 2, base_bytes);
    uint64_t base = unzigzag(stored_base);
    const uint8_t *at = in + 2 + base_bytes;
    if (!width) {
        for (size_t i = 0; i < row_count; i++)
            ret_numbers[i] = base;
    } else if (row_count == FORMAT_FRAME_ROWS) {
        unpack_width[width](at, ret_numbers, base);
        unpack_width[width](at + 8 * (size_t)width, ret_numbers + GROUP_ROWS, base);
    } else {
        uint8_t whole[FORMAT_FRAME_ROWS * 8] = {0};
        memcpy(whole, at, packed);
        unpack_width[width](whole, ret_numbers, base);
        unpack_width[width](whole + 8 * (size_t)width, ret_numbers + GROUP_ROWS, base);
    }
    if (!exception_bytes)
        return read;
    size_t more = read_exceptions(in + read, length - read, row_count, width, exception_bytes, ret_numbers);
    return more ? read + more : 0;
}
