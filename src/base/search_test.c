/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/search.h"

static void the_first_that_holds_is_found_at_every_place(void **state)
{
    (void)state;
    bool holds[9];
    for (size_t count = 0; count <= 9; count++) {
        for (size_t first = 0; first <= count; first++) {
            for (size_t i = 0; i < count; i++)
                holds[i] = i >= first;
            assert_int_equal(search_first(i, count, holds[i]), first);
        }
    }
}

static void of_equal_values_the_first_or_the_one_behind_the_last(void **state)
{
    (void)state;
    const int values[] = {1, 3, 3, 3, 7};
    assert_int_equal(search_first(i, 5, values[i] >= 3), 1);
    assert_int_equal(search_first(i, 5, values[i] > 3), 4);
    assert_int_equal(search_first(i, 5, values[i] > 7), 5);
}

static void the_looks_are_logarithmic(void **state)
{
    (void)state;
    size_t looks = 0;
    assert_int_equal(search_first(i, (size_t)1 << 40, (looks++, i >= 123456789)), 123456789);
    assert_true(looks <= 41);
}

int search_test(void);
int search_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_that_holds_is_found_at_every_place),
        cmocka_unit_test(of_equal_values_the_first_or_the_one_behind_the_last),
        cmocka_unit_test(the_looks_are_logarithmic),
    };
    return cmocka_run_group_tests_name("search", tests, NULL, NULL);
}
