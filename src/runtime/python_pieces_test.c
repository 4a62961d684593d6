/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/python_pieces.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

int python_pieces_test(void);

#define BASE 0x400000u

/* Four functions of 256 bytes: the interpreter's, its rare code, one that it calls in the place of a return, another. */
static const struct python_range functions[] = {
    {BASE, BASE + 256}, {BASE + 256, BASE + 512}, {BASE + 512, BASE + 768}, {BASE + 768, BASE + 1024}};

struct image {
    uint8_t bytes[1024];
    struct python_place place;
};

static void image_init(struct image *image)
{
    memset(image, 0, sizeof *image);
    image->place.eval[image->place.eval_count++] = functions[0];
}

static void jump_put(struct image *image, size_t from, size_t to, bool is_conditional)
{
    size_t length = is_conditional ? 6 : 5;
    int32_t distance = (int32_t)to - (int32_t)(from + length);
    image->bytes[from] = is_conditional ? 0x0f : 0xe9;
    if (is_conditional)
        image->bytes[from + 1] = 0x84;
    memcpy(image->bytes + from + length - 4, &distance, sizeof distance);
}

static void join(struct image *image)
{
    struct python_code_bytes code = {image->bytes, BASE, sizeof image->bytes};
    python_pieces_join(&code, functions, sizeof functions / sizeof functions[0], &image->place);
}

static void pieces_that_jump_into_each_other_are_one_function(void **state)
{
    struct image image;
    (void)state;
    image_init(&image);
    jump_put(&image, 20, 256 + 30, false);
    jump_put(&image, 40, 256 + 90, true);
    jump_put(&image, 256 + 100, 60, true);
    jump_put(&image, 256 + 120, 80, false);
    join(&image);
    assert_int_equal(image.place.eval_count, 2);
    assert_int_equal(image.place.eval[1].low, BASE + 256);
    assert_int_equal(image.place.eval[1].high, BASE + 512);
}

static void what_is_only_called_is_another_function(void **state)
{
    struct image image;
    (void)state;
    image_init(&image);
    jump_put(&image, 20, 512, false); /* to its beginning */
    jump_put(&image, 40, 512, true);
    jump_put(&image, 60, 768 + 9, false); /* once: it may be other bytes */
    jump_put(&image, 768 + 20, 70, false);
    jump_put(&image, 768 + 40, 90, false);
    jump_put(&image, 80, 256 + 30, false); /* nothing comes back */
    jump_put(&image, 100, 256 + 60, false);
    join(&image);
    assert_int_equal(image.place.eval_count, 1);
}

static void bytes_at_the_end_are_no_jump(void **state)
{
    struct image image;
    (void)state;
    image_init(&image);
    memset(image.bytes, 0xe9, sizeof image.bytes);
    image.place.eval[0].high = BASE + 5000; /* a symbol that makes no sense */
    join(&image);
    assert_int_equal(image.place.eval_count, 1);
    image_init(&image);
    image.place.eval[0].low = BASE - 300;
    join(&image);
    assert_int_equal(image.place.eval_count, 1);
}

/* Each byte of a piece is looked at once for each that may belong to it. */
static void what_is_far_too_long_is_no_piece(void **state)
{
    const size_t size = 3u << 20;
    struct python_range ranges[] = {{BASE, BASE + (1u << 21)}, {BASE + (1u << 21), BASE + size}};
    struct python_code_bytes code = {.address = BASE, .size = size};
    struct image jumps;
    uint8_t *bytes = calloc(1, size);
    (void)state;
    assert_non_null(bytes);
    code.bytes = bytes;
    for (unsigned is_long = 0; is_long < 2; is_long++) {
        struct python_place place = {0};
        size_t from = is_long ? 0 : (1u << 21) - 512;
        ranges[0].low = BASE + from;
        image_init(&jumps);
        jump_put(&jumps, 20, (1u << 21) - from + 30, false);
        jump_put(&jumps, 40, (1u << 21) - from + 60, false);
        memset(bytes, 0, size);
        memcpy(bytes + from, jumps.bytes, 256);
        image_init(&jumps);
        jump_put(&jumps, 20, from + 100 - (1u << 21), false);
        jump_put(&jumps, 40, from + 200 - (1u << 21), false);
        memcpy(bytes + (1u << 21), jumps.bytes, 256);
        place.eval[place.eval_count++] = ranges[0];
        python_pieces_join(&code, ranges, 2, &place);
        assert_int_equal(place.eval_count, is_long ? 1 : 2);
    }
    free(bytes);
}

int python_pieces_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_that_jump_into_each_other_are_one_function),
        cmocka_unit_test(what_is_only_called_is_another_function),
        cmocka_unit_test(bytes_at_the_end_are_no_jump),
        cmocka_unit_test(what_is_far_too_long_is_no_piece),
    };
    return cmocka_run_group_tests_name("python_pieces", tests, NULL, NULL);
}
