/* SPDX-License-Identifier: Apache-2.0 */
#include "stacks/stack_memo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

int stack_memo_test(void);

static void what_was_put_last_in_a_place_is_known(void **state)
{
    struct stack_memo memo = {0};
    (void)state;
    assert_int_equal(stack_memo_get(&memo, stack_memo_key(1, 2, 3)), 0);
    size_t known = 0;
    for (uint64_t i = 0; i < 100000; i++)
        assert_int_equal(stack_memo_put(&memo, stack_memo_key(i, 2, 3), i + 1, NULL), 0);
    for (uint64_t i = 0; i < 100000; i++) {
        uint64_t row = stack_memo_get(&memo, stack_memo_key(i, 2, 3));
        assert_true(row == 0 || row == i + 1);
        known += row != 0;
    }
    assert_true(known > 20000 && known <= 32768);
    assert_int_equal(stack_memo_get(&memo, stack_memo_key(99999, 2, 3)), 100000);
    stack_memo_free(&memo);
}

static void the_three_numbers_have_their_places(void **state)
{
    (void)state;
    assert_true(stack_memo_key(1, 2, 3) != stack_memo_key(2, 1, 3));
    assert_true(stack_memo_key(1, 2, 3) != stack_memo_key(1, 3, 2));
}

int stack_memo_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_last_in_a_place_is_known),
        cmocka_unit_test(the_three_numbers_have_their_places),
    };
    return cmocka_run_group_tests_name("stack_memo", tests, NULL, NULL);
}
