/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/suggest.h"

static void the_distance_counts_single_changes(void **state)
{
    (void)state;
    assert_int_equal(suggest_distance("report", "report"), 0);
    assert_int_equal(suggest_distance("reprot", "report"), 1);
    assert_int_equal(suggest_distance("eport", "report"), 1);
    assert_int_equal(suggest_distance("reports", "report"), 1);
    assert_int_equal(suggest_distance("rexort", "report"), 1);
    assert_int_equal(suggest_distance("", "report"), 6);
    assert_int_equal(suggest_distance("kitten", "sitting"), 3);
}

static void only_a_near_word_is_offered(void **state)
{
    (void)state;
    assert_true(suggest_is_near("wahtif", "whatif"));
    assert_true(suggest_is_near("rum", "run"));
    assert_false(suggest_is_near("make", "run"));
    assert_false(suggest_is_near("xy", "run"));
}

static void a_word_of_any_length_is_safe(void **state)
{
    (void)state;
    char word[4096];
    for (size_t i = 0; i + 1 < sizeof word; i++)
        word[i] = 'a';
    word[sizeof word - 1] = '\0';
    assert_int_equal(suggest_distance(word, "run"), sizeof word - 1);
    assert_false(suggest_is_near(word, "run"));
}

int suggest_test(void);
int suggest_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_distance_counts_single_changes),
        cmocka_unit_test(only_a_near_word_is_offered),
        cmocka_unit_test(a_word_of_any_length_is_safe),
    };
    return cmocka_run_group_tests_name("suggest", tests, NULL, NULL);
}
