/* SPDX-License-Identifier: Apache-2.0 */
#include "agents/agent_events.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

int agent_events_test(void);

static void a_response_told_twice_is_counted_once(void **state)
{
    (void)state;
    struct llm_call call = {.start_ns = 20,
                            .end_ns = 30,
                            .tokens = {.input = 3, .output = 1, .cache_read = 100},
                            .output_high = 90,
                            .cost_usd = NAN,
                            .is_partial = true};
    struct llm_call last = {.start_ns = 10,
                            .end_ns = 40,
                            .tokens = {.input = 3, .output = 384},
                            .output_high = 384,
                            .cost_usd = 0.5};
    llm_call_merge(&call, &last);
    assert_int_equal(call.tokens.input, 3);
    assert_int_equal(call.tokens.output, 384);
    assert_int_equal(call.tokens.cache_read, 100);
    assert_int_equal(call.start_ns, 10);
    assert_int_equal(call.end_ns, 40);
    assert_int_equal(call.output_high, 384);
    assert_false(call.is_partial);
    assert_true(call.cost_usd == 0.5);
}

static void a_prompt_is_input_with_all_of_the_cache(void **state)
{
    (void)state;
    struct tokens tokens = {.input = 1,
                            .output = 10,
                            .cache_read = 100,
                            .cache_write_5m = 1000,
                            .cache_write_1h = 10000,
                            .reasoning = 5};
    assert_int_equal(tokens_prompt(&tokens), 11101);
    assert_int_equal(tokens_total(&tokens), 11111);
}

int agent_events_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_response_told_twice_is_counted_once),
        cmocka_unit_test(a_prompt_is_input_with_all_of_the_cache),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
