/* SPDX-License-Identifier: Apache-2.0 */
#include "sweep/knob.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert_near.h"
#include "base/str.h"

/* The coarse values of a knob as one text. */
static void check_coarse(const char *text, size_t wanted, const char *expected)
{
    struct arena arena = {0};
    struct knob knob;
    struct knob_value values[KNOB_VALUES_MAX];
    struct str joined = {0};
    assert_int_equal(knob_parse(text, false, &arena, &knob, NULL), 0);
    size_t count = knob_coarse(&knob, wanted, &arena, values);
    for (size_t i = 0; i < count; i++)
        str_printf(&joined, "%s%s", i ? " " : "", values[i].text);
    assert_string_equal(str_text(&joined), expected);
    str_free(&joined);
    arena_free(&arena);
}

static void a_range_is_spread_by_its_logarithm(void **state)
{
    (void)state;
    check_coarse("n=1..64", 7, "1 2 4 8 16 32 64");
    check_coarse("n=10..10000", 7, "10 32 100 316 1000 3162 10000");
    check_coarse("n=1..4", 7, "1 2 3 4");
    check_coarse("n=0.1..10.0", 5, "0.1 0.3 1.0 3.2 10.0");
    check_coarse("n=0..60", 7, "0 10 20 30 40 50 60");
    check_coarse("n=-2..2", 7, "-2 -1 0 1 2");
}

static void a_step_and_a_list_are_kept(void **state)
{
    (void)state;
    check_coarse("n=0..65:10", 7, "0 10 20 30 40 50 60");
    check_coarse("n=5..100:5", 4, "5 35 70 100");
    check_coarse("mode=fast,safe,2", 7, "fast safe 2");
    check_coarse("n=8,1", 7, "8 1");
}

static void between_two_values_there_are_only_those_of_the_range(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct knob knob;
    struct knob_value values[KNOB_VALUES_MAX];
    assert_int_equal(knob_parse("n=1..64", false, &arena, &knob, NULL), 0);
    assert_int_equal(knob_between(&knob, 8, 16, 2, &arena, values), 2);
    assert_string_equal(values[0].text, "10");
    assert_string_equal(values[1].text, "13");
    assert_int_equal(knob_between(&knob, 1, 2, 2, &arena, values), 0);
    assert_int_equal(knob_between(&knob, 1, 3, 3, &arena, values), 1);
    assert_int_equal(knob_between(&knob, 8, 8, 2, &arena, values), 0);
    assert_int_equal(knob_parse("n=0..60:10", false, &arena, &knob, NULL), 0);
    assert_int_equal(knob_between(&knob, 20, 40, 2, &arena, values), 1);
    assert_near(values[0].number, 30, 1e-9);
    assert_int_equal(knob_parse("n=1,64", false, &arena, &knob, NULL), 0);
    assert_int_equal(knob_between(&knob, 1, 64, 2, &arena, values), 0);
    arena_free(&arena);
}

static void a_value_may_lie_outside_the_range(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct knob knob;
    struct knob_value value, listed = {"100.0", 100};
    assert_int_equal(knob_parse("n=1..64", false, &arena, &knob, NULL), 0);
    assert_int_equal(knob_value_of(&knob, "100", &arena, &value, NULL), 0);
    assert_true(knob_equal(&value, &listed));
    assert_int_equal(knob_value_of(&knob, "many", &arena, &value, NULL), -ERR_USAGE);
    arena_free(&arena);
}

static void what_is_no_knob_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"n",        "=1",       "n=",    "n=1..",   "n=4..1",   "n=1..x",
                                      "n=1..8:0", "n=1..8:x", "n=1,1", "n=1,1.0", "n=1..8:-1"};
    struct arena arena = {0};
    struct knob knob;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(knob_parse(bad[i], false, &arena, &knob, NULL), -ERR_USAGE);
    assert_int_equal(knob_parse("OMP-N=1", true, &arena, &knob, NULL), -ERR_USAGE);
    assert_int_equal(knob_parse("OMP_N=1", true, &arena, &knob, NULL), 0);
    arena_free(&arena);
}

int knob_test(void);
int knob_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_is_spread_by_its_logarithm),
        cmocka_unit_test(a_step_and_a_list_are_kept),
        cmocka_unit_test(between_two_values_there_are_only_those_of_the_range),
        cmocka_unit_test(a_value_may_lie_outside_the_range),
        cmocka_unit_test(what_is_no_knob_is_refused),
    };
    return cmocka_run_group_tests_name("knob", tests, NULL, NULL);
}
