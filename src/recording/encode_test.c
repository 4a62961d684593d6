/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "recording/block.h"
#include "recording/encode.h"
#include "recording/pack.h"

#define ROWS_MAX 8192

static uint64_t random_state;

/* splitmix64 (S. Vigna, public domain). */
static uint64_t random_u64(void)
{
    uint64_t z = (random_state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

static uint64_t cells[TABLE_COLUMN_MAX][ROWS_MAX];
static uint64_t decoded[TABLE_COLUMN_MAX][ROWS_MAX];

/* Encodes the first columns of `table`, reads the block back, compares, and returns what column 0 became. */
static struct block check_round_trip(enum table_id id, size_t row_count, bool compress)
{
    static struct encoder encoder;
    struct encode_input input = {.table = table_find(id), .row_count = row_count, .sequence = 7};
    struct block block;
    struct decoder decoder = {0};
    struct err err;
    size_t length;
    encoder_deinit(&encoder);
    assert_int_equal(encoder_init(&encoder, compress, &err), 0);
    for (size_t i = 0; i < input.table->column_count; i++)
        input.columns[i] = cells[i];
    assert_int_equal(encode_rows(&encoder, &input, &length, &err), 0);
    assert_int_equal(length % 8, 0);
    assert_int_equal(block_read(encoder.block, length, &block, &err), 0);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < input.table->column_count; i++) {
            bool relative = block.columns[i].encoding == ENCODING_RELATIVE;
            if (relative != (pass == 1))
                continue;
            assert_int_equal(block_decode(&decoder, &block, i,
                                          relative ? decoded[block.columns[i].base] : NULL, decoded[i], &err),
                             0);
            assert_memory_equal(decoded[i], cells[i], row_count * 8);
        }
    }
    decoder_deinit(&decoder);
    return block;
}

static void frames_of_every_width_and_length_come_back(void **state)
{
    (void)state;
    random_state = 1;
    for (unsigned width = 0; width <= 64; width++) {
        static const size_t counts[] = {1, 2, 63, 64, 65, 127, 128};
        for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
            uint64_t numbers[FORMAT_FRAME_ROWS], kept[FORMAT_FRAME_ROWS], back[FORMAT_FRAME_ROWS];
            uint8_t out[FORMAT_FRAME_HEADER_MAX + 1024 + 8];
            uint64_t base = random_u64() >> (random_u64() % 64);
            for (size_t i = 0; i < counts[c]; i++)
                kept[i] = numbers[i] = base + (width ? random_u64() >> (64 - width) : 0);
            size_t length = pack_frame(numbers, counts[c], out);
            assert_true(length <= FORMAT_FRAME_HEADER_MAX + 1024);
            assert_int_equal(pack_read(out, length, counts[c], back), length);
            assert_memory_equal(back, kept, counts[c] * 8);
            assert_int_equal(pack_read(out, length - 1, counts[c], back), 0);
        }
    }
}

static void frames_hold_the_extremes_of_64_bits(void **state)
{
    (void)state;
    uint64_t extremes[] = {0, UINT64_MAX, 1ull << 63, (1ull << 63) - 1, 1, UINT64_MAX - 1};
    uint64_t numbers[FORMAT_FRAME_ROWS], kept[FORMAT_FRAME_ROWS], back[FORMAT_FRAME_ROWS];
    uint8_t out[FORMAT_FRAME_HEADER_MAX + 1024 + 8];
    for (size_t i = 0; i < FORMAT_FRAME_ROWS; i++)
        kept[i] = numbers[i] = extremes[i % 6];
    size_t length = pack_frame(numbers, FORMAT_FRAME_ROWS, out);
    assert_int_equal(pack_read(out, length, FORMAT_FRAME_ROWS, back), length);
    assert_memory_equal(back, kept, sizeof kept);
}

static void a_few_outliers_do_not_widen_a_frame(void **state)
{
    (void)state;
    random_state = 6;
    uint64_t numbers[FORMAT_FRAME_ROWS], kept[FORMAT_FRAME_ROWS], back[FORMAT_FRAME_ROWS];
    uint8_t out[FORMAT_FRAME_HEADER_MAX + 1024 + 8];
    for (size_t i = 0; i < FORMAT_FRAME_ROWS; i++)
        kept[i] = 5000 + random_u64() % 256;
    kept[0] = 0;
    kept[77] = 1ull << 62;
    kept[127] = UINT64_MAX - 1000000;
    memcpy(numbers, kept, sizeof kept);
    size_t length = pack_frame(numbers, FORMAT_FRAME_ROWS, out);
    assert_true(length < FORMAT_FRAME_ROWS + 40);
    assert_int_equal(pack_read(out, length, FORMAT_FRAME_ROWS, back), length);
    assert_memory_equal(back, kept, sizeof kept);
    for (size_t shorter = 0; shorter < length; shorter++)
        assert_int_equal(pack_read(out, shorter, FORMAT_FRAME_ROWS, back), 0);
}

static void each_encoding_is_taken_for_the_data_it_suits(void **state)
{
    (void)state;
    random_state = 2;
    uint64_t start = 1ull << 40;
    for (size_t i = 0; i < ROWS_MAX; i++) {
        start += 1000 + random_u64() % 1000;
        cells[COLUMN(wait, track)][i] = (1 + random_u64() % 9) * 1000003;
        cells[COLUMN(wait, start_ns)][i] = start;
        cells[COLUMN(wait, end_ns)][i] = start + 50000 + random_u64() % 100000;
        cells[COLUMN(wait, count)][i] = 1;
        cells[COLUMN(wait, blocked_ns)][i] = random_u64();
        cells[COLUMN(wait, runnable_ns)][i] = 70000 + random_u64() % 4000;
        cells[COLUMN(wait, reason)][i] = i < 5000 ? 3 : 9;
        cells[COLUMN(wait, peer)][i] = i;
        for (size_t rest = COLUMN(wait, stack); rest < TABLE_COLUMN_MAX; rest++)
            cells[rest][i] = UINT64_MAX;
    }
    struct block block = check_round_trip(TABLE_WAIT, ROWS_MAX, false);
    assert_int_equal(block.columns[COLUMN(wait, track)].encoding, ENCODING_DICTIONARY);
    assert_int_equal(block.columns[COLUMN(wait, start_ns)].encoding, ENCODING_DELTA);
    assert_int_equal(block.columns[COLUMN(wait, end_ns)].encoding, ENCODING_RELATIVE);
    assert_int_equal(block.columns[COLUMN(wait, end_ns)].base, COLUMN(wait, start_ns));
    assert_int_equal(block.columns[COLUMN(wait, count)].encoding, ENCODING_CONSTANT);
    assert_int_equal(block.columns[COLUMN(wait, blocked_ns)].encoding, ENCODING_PLAIN);
    assert_int_equal(block.columns[COLUMN(wait, runnable_ns)].encoding, ENCODING_FRAMES);
    assert_int_equal(block.columns[COLUMN(wait, reason)].encoding, ENCODING_RUNS);
    assert_int_equal(block.columns[COLUMN(wait, peer)].encoding, ENCODING_DELTA);
    assert_int_equal(block.columns[COLUMN(wait, peer)].min, 0);
    assert_int_equal(block.columns[COLUMN(wait, peer)].max, ROWS_MAX - 1);
    assert_true(block.columns[COLUMN(wait, stack)].max == UINT64_MAX);
}

static void rows_ordered_by_their_end_keep_starts_relative_to_ends(void **state)
{
    (void)state;
    random_state = 3;
    uint64_t end = 1ull << 40;
    for (size_t i = 0; i < ROWS_MAX; i++) {
        end += random_u64() % 1000;
        cells[COLUMN(slice, track)][i] = 1;
        cells[COLUMN(slice, cpu)][i] = 1;
        cells[COLUMN(slice, start_ns)][i] = end - random_u64() % 1000000;
        cells[COLUMN(slice, end_ns)][i] = end;
    }
    struct block block = check_round_trip(TABLE_SLICE, ROWS_MAX, false);
    assert_int_equal(block.columns[COLUMN(slice, end_ns)].encoding, ENCODING_DELTA);
    assert_int_equal(block.columns[COLUMN(slice, start_ns)].encoding, ENCODING_RELATIVE);
}

/* Columns made of pieces of different kinds, so that frames, runs and trials meet at odd places. */
static void fill_random_column(uint64_t *column, size_t row_count)
{
    for (size_t row = 0; row < row_count;) {
        size_t end = row + 1 + random_u64() % (row_count - row);
        uint64_t kind = random_u64() % 6, base = random_u64() >> (random_u64() % 64);
        unsigned shift = (unsigned)(random_u64() % 64);
        for (; row < end; row++) {
            uint64_t noise = random_u64() >> shift;
            switch (kind) {
            case 0: column[row] = base; break;
            case 1: column[row] = base + noise; break;
            case 2: column[row] = base += noise; break;
            case 3: column[row] = base -= noise; break;
            case 4: column[row] = (random_u64() & 3) * base; break;
            default: column[row] = random_u64() & 1 ? UINT64_MAX : 0; break;
            }
        }
    }
}

static void random_columns_come_back_in_both_variants(void **state)
{
    (void)state;
    random_state = 4;
    static const size_t counts[] = {1, 2, 3, 127, 128, 129, 1000, 8191, 8192};
    for (size_t round = 0; round < 40; round++) {
        for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
            enum table_id id = (enum table_id)(TABLE_TRACK + random_u64() % (TABLE_END - TABLE_TRACK));
            for (size_t i = 0; i < TABLE_COLUMN_MAX; i++)
                fill_random_column(cells[i], counts[c]);
            check_round_trip(id, counts[c], round % 2);
        }
    }
}

static void a_column_that_varies_only_between_tried_frames_comes_back(void **state)
{
    (void)state;
    random_state = 5;
    for (size_t i = 0; i < ROWS_MAX; i++) {
        bool tried = i / FORMAT_FRAME_ROWS % 8 == 0;
        cells[0][i] = tried ? i % 2 * 1000 : random_u64();
        cells[1][i] = tried ? (i % 3) << 40 : i;
    }
    struct block block = check_round_trip(TABLE_META, ROWS_MAX, false);
    assert_int_equal(block.columns[0].encoding, ENCODING_PLAIN);
    assert_true(block.columns[1].length <= ROWS_MAX * 8);
}

int encode_test(void);
int encode_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_every_width_and_length_come_back),
        cmocka_unit_test(frames_hold_the_extremes_of_64_bits),
        cmocka_unit_test(a_few_outliers_do_not_widen_a_frame),
        cmocka_unit_test(each_encoding_is_taken_for_the_data_it_suits),
        cmocka_unit_test(rows_ordered_by_their_end_keep_starts_relative_to_ends),
        cmocka_unit_test(random_columns_come_back_in_both_variants),
        cmocka_unit_test(a_column_that_varies_only_between_tried_frames_comes_back),
    };
    return cmocka_run_group_tests_name("encode", tests, NULL, NULL);
}
