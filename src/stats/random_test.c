/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert_near.h"

/* The reference implementation's first numbers after the state 1, 2, 3, 4. */
static void the_generator_is_xoshiro256_starstar(void **state)
{
    (void)state;
    struct random random = {.state = {1, 2, 3, 4}};
    const uint64_t wanted[] = {11520, 0, 1509978240, 1215971899390074240};
    for (size_t i = 0; i < 4; i++)
        assert_true(random_u64(&random) == wanted[i]);
}

static void the_same_seed_gives_the_same_numbers(void **state)
{
    (void)state;
    struct random a, b, c;
    random_seed(&a, 42);
    random_seed(&b, 42);
    random_seed(&c, 43);
    for (int i = 0; i < 100; i++) {
        uint64_t number = random_u64(&a);
        assert_true(number == random_u64(&b));
        assert_true(number != random_u64(&c));
    }
}

static void numbers_below_a_limit_are_equally_likely(void **state)
{
    (void)state;
    struct random random;
    int seen[6] = {0};
    random_seed(&random, 1);
    for (int i = 0; i < 60000; i++)
        seen[random_below(&random, 6)]++;
    for (int i = 0; i < 6; i++)
        assert_near(seen[i], 10000, 400);
    assert_int_equal(random_below(&random, 0), 0);
}

static void normal_numbers_have_mean_0_and_deviation_1(void **state)
{
    (void)state;
    struct random random;
    double sum = 0, squares = 0;
    random_seed(&random, 1);
    for (int i = 0; i < 100000; i++) {
        double x = random_normal(&random);
        sum += x;
        squares += x * x;
    }
    assert_near(sum / 100000, 0, 0.015);
    assert_near(squares / 100000, 1, 0.02);
}

static void shuffling_keeps_every_index(void **state)
{
    (void)state;
    struct random random;
    size_t indexes[50], sum = 0, moved = 0;
    random_seed(&random, 9);
    for (size_t i = 0; i < 50; i++)
        indexes[i] = i;
    random_shuffle(&random, indexes, 50);
    for (size_t i = 0; i < 50; i++) {
        sum += indexes[i];
        moved += indexes[i] != i;
    }
    assert_int_equal(sum, 49 * 50 / 2);
    assert_true(moved > 30);
}

int random_test(void);
int random_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_generator_is_xoshiro256_starstar),
        cmocka_unit_test(the_same_seed_gives_the_same_numbers),
        cmocka_unit_test(numbers_below_a_limit_are_equally_likely),
        cmocka_unit_test(normal_numbers_have_mean_0_and_deviation_1),
        cmocka_unit_test(shuffling_keeps_every_index),
    };
    return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
