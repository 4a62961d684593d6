/* SPDX-License-Identifier: Apache-2.0 */
#include "budget/spend.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert_near.h"

int spend_test(void);

static struct price_book *built_in(void)
{
    struct price_book_options options = {.built_in_only = true};
    struct price_book *book = NULL;
    struct err err = {0};
    if (price_book_open(&options, &book, &err))
        fail_msg("%s", err.what);
    return book;
}

static struct llm_call call_of(const char *id, uint64_t input, uint64_t output)
{
    return (struct llm_call){.session = "s",
                             .agent = "",
                             .project = "",
                             .task = "",
                             .id = id,
                             .model = "claude-opus-5",
                             .provider = "",
                             .region = "",
                             .tokens = {.input = input, .output = output},
                             .output_high = output,
                             .cost_usd = NAN};
}

static void take(struct spend *spend, const char *scope, const struct llm_call *call)
{
    struct err err = {0};
    assert_int_equal(spend_take(spend, scope, call, &err), 0);
}

static void a_call_counts_once_however_often_it_is_told(void **state)
{
    (void)state;
    struct price_book *book = built_in();
    struct spend spend = {.book = book};
    struct llm_call call = call_of("m1", 1000, 10), last = call_of("m1", 1000, 500),
                    other = call_of("", 100, 0);
    take(&spend, "claude", &call);
    take(&spend, "claude", &last);
    take(&spend, "claude", &call);
    assert_int_equal(spend.total.tokens, 1500);
    assert_int_equal(spend.total.call_count, 1);
    assert_near(spend.total.cost_usd, 0.005 + 0.0125, 1e-12);
    take(&spend, "other source", &call); /* an id of another scope */
    take(&spend, "claude", &other);      /* without an id each is one of its own */
    take(&spend, "claude", &other);
    assert_int_equal(spend.total.tokens, 1500 + 1010 + 200);
    assert_int_equal(spend.total.call_count, 4);
    spend_free(&spend);
    price_book_close(book);
}

static void a_partial_usage_counts_by_its_upper_bound_until_the_true_one_comes(void **state)
{
    (void)state;
    struct price_book *book = built_in();
    struct spend spend = {.book = book};
    struct llm_call call = call_of("m1", 1000, 1);
    call.is_partial = true;
    call.output_high = 400;
    take(&spend, "claude", &call);
    assert_int_equal(spend.total.tokens, 1400);
    assert_int_equal(spend.total.partial_count, 1);
    call = call_of("m1", 1000, 300);
    take(&spend, "claude", &call);
    assert_int_equal(spend.total.tokens, 1300);
    assert_int_equal(spend.total.partial_count, 0);
    spend_free(&spend);
    price_book_close(book);
}

static void what_came_before_or_is_of_another_session_is_not_counted(void **state)
{
    (void)state;
    struct price_book *book = built_in();
    struct spend spend = {.book = book, .since_ns = 1800000000000000000, .session = "s"};
    struct llm_call before = call_of("m1", 1000, 0), after = call_of("m2", 10, 0),
                    other = call_of("m3", 100, 0);
    before.end_ns = spend.since_ns - 1;
    after.end_ns = other.end_ns = spend.since_ns;
    other.session = "t";
    take(&spend, "claude", &before);
    take(&spend, "claude", &after);
    take(&spend, "claude", &other);
    assert_int_equal(spend.total.tokens, 10);
    /* The run began in the middle of a second: an answer of before is told apart, unless its time has no fraction. */
    spend.since_ns += 500000000;
    before.end_ns = spend.since_ns - 1000000;
    take(&spend, "claude", &before);
    assert_int_equal(spend.total.tokens, 10);
    struct llm_call coarse = call_of("m4", 5, 0);
    coarse.end_ns = spend.since_ns - 500000000;
    take(&spend, "claude", &coarse);
    assert_int_equal(spend.total.tokens, 15);
    spend_free(&spend);
    price_book_close(book);
}

static void calls_without_a_price_are_counted_and_named(void **state)
{
    (void)state;
    struct price_book *book = built_in();
    struct spend spend = {.book = book};
    struct llm_call call = call_of("m1", 1000, 0);
    call.model = "mystery-9";
    take(&spend, "claude", &call);
    assert_int_equal(spend.total.tokens, 1000);
    assert_int_equal(spend.total.unpriced_count, 1);
    assert_string_equal(spend.total.unpriced_model, "mystery-9");
    spend_free(&spend);
    price_book_close(book);
}

int spend_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_counts_once_however_often_it_is_told),
        cmocka_unit_test(a_partial_usage_counts_by_its_upper_bound_until_the_true_one_comes),
        cmocka_unit_test(what_came_before_or_is_of_another_session_is_not_counted),
        cmocka_unit_test(calls_without_a_price_are_counted_and_named),
    };
    return cmocka_run_group_tests_name("spend", tests, NULL, NULL);
}
