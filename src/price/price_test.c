/* SPDX-License-Identifier: Apache-2.0 */
#include "price/price.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert_near.h"
#include "price/price_book.h"
#include "price/price_file.h"

int price_test(void);

#define MILLION 1000000u

static struct price_book *built_in(void)
{
    struct price_book_options options = {.built_in_only = true};
    struct price_book *book = NULL;
    struct err err = {0};
    if (price_book_open(&options, &book, &err))
        fail_msg("%s", err.what);
    return book;
}

static struct llm_call call_of(const char *model, const char *day)
{
    struct llm_call call = {.model = model, .region = "", .cost_usd = NAN};
    assert_int_equal(price_day_read(day, &call.start_ns), 0);
    return call;
}

static void assert_usd(const struct price_book *book, const struct llm_call *call, double expected)
{
    double usd = -1;
    enum price_answer answer = price_call(book, call, &usd);
    if (!price_is_known(answer))
        fail_msg("%s: %s", call->model, price_answer_text(answer));
    if (fabs(usd - expected) > 1e-9)
        fail_msg("%s: %.9f, not %.9f", call->model, usd, expected);
}

static void assert_unpriced(const struct price_book *book, const struct llm_call *call,
                            enum price_answer expected)
{
    double usd = -1;
    assert_int_equal(price_call(book, call, &usd), expected);
    assert_false(price_is_known(expected));
    assert_true(usd < 0);
}

static void a_long_prompt_has_the_higher_price_for_the_whole_request(void **state)
{
    (void)state;
    struct price_book *book = built_in();
    struct llm_call call = call_of("claude-sonnet-4-5", "2026-01-05");
    call.tokens = (struct tokens){.input = 300000, .output = 1000};
    assert_usd(book, &call, 1.8225); /* 300,000 x 6 + 1,000 x 22.5 */
    call.tokens = (struct tokens){.input = 100000, .cache_read = 200000, .output = 1000};
    assert_usd(book, &call,
               0.7425); /* 100,000 x 6 + 200,000 x 0.60 + 1,000 x 22.5: the cache counts for the length */
    call.tokens = (struct tokens){.input = 200000, .output = 1000};
    assert_usd(book, &call, 0.615); /* exactly at the threshold: 200,000 x 3 + 1,000 x 15 */
    call = call_of("claude-haiku-5-5", "2026-11-01");
    call.tokens =
        (struct tokens){.input = 50000, .cache_write_5m = 25000, .cache_write_1h = 25000, .output = 2000};
    assert_usd(book, &call, 0.005 + 0.003125 + 0.005 + 0.001);
    call.tokens.input++;
    assert_usd(book, &call, 50001 * 0.5e-6 + 0.015625 + 0.025 + 0.005);
    price_book_close(book);
}

static void new_models_have_prices_and_reads_cost_what_their_model_says(void **state)
{
    (void)state;
    static const struct {
        const char *model;
        struct tokens tokens;
        double usd;
    } cases[] = {
        {"claude-opus-5-5", {.input = MILLION, .output = MILLION}, 24},
        {"claude-opus-5-5", {.cache_read = MILLION}, 0.20},
        {"claude-opus-5-5", {.cache_write_1h = MILLION}, 8},
        {"claude-sonnet-5-5", {.input = MILLION, .output = MILLION}, 12},
        {"claude-haiku-5-5", {.input = 1000, .output = 1000}, 0.0006},
        {"claude-fable-5-1", {.cache_read = MILLION}, 0.25},
        {"claude-fable-5", {.cache_read = MILLION}, 1},
        {"claude-opus-5", {.cache_write_5m = MILLION, .cache_write_1h = MILLION}, 16.25},
        {"claude-opus-4-1", {.input = MILLION, .output = MILLION}, 90},
        {"claude-haiku-4-5", {.input = MILLION, .output = MILLION, .cache_read = MILLION}, 6.1},
        {"gpt-6.1-sol", {.input = 100000, .cache_read = 100000, .output = 10000}, 0.2 + 0.01 + 0.1},
        {"gpt-6.1-sol", {.input = 200000, .cache_read = 100000, .output = 10000}, 0.8 + 0.02 + 0.15},
        {"gpt-6-luna",
         {.input = MILLION / 10, .cache_read = MILLION / 10, .output = MILLION},
         0.01 + 0.001 + 0.5},
        {"gpt-6-astra", {.input = 100000, .output = 10000}, 1 + 0.5},
        {"gpt-5.6-sol", {.input = 200000, .output = 10000}, 0.8 + 0.2},
        {"gemini-3.8-flash", {.input = MILLION, .output = MILLION}, 4.5},
        {"gpt-5.5", {.input = 200000, .output = 10000, .cache_read = 100000}, 2 + 0.45 + 0.1},
        {"gpt-5.6-terra", {.input = 200000, .output = 10000, .cache_write_5m = 10000}, 0.4 + 0.12 + 0.025},
        {"gemini-3.1-pro", {.input = 100000, .output = 1000}, 0.212},
        {"gemini-3.1-pro", {.input = 200001, .output = 1000}, 200001 * 4e-6 + 0.018},
    };
    struct price_book *book = built_in();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct llm_call call = call_of(cases[i].model, "2026-11-20");
        call.tokens = cases[i].tokens;
        assert_usd(book, &call, cases[i].usd);
    }
    price_book_close(book);
}

static void the_price_is_that_of_the_day_of_the_call(void **state)
{
    (void)state;
    struct price_book *book = built_in();
    struct llm_call call = call_of("claude-sonnet-5-5", "2026-10-06T23:59:59Z");
    call.tokens.cache_read = MILLION;
    assert_usd(book, &call, 0.20);
    call = call_of("claude-sonnet-5-5", "2026-10-07");
    call.tokens.cache_read = MILLION;
    assert_usd(book, &call, 0.10);
    call.start_ns = 0; /* no time: today's */
    assert_usd(book, &call, 0.10);
    call.end_ns = 1; /* 1970 */
    assert_unpriced(book, &call, PRICE_BEFORE);
    price_book_close(book);
}

static void modes_regions_and_searches_have_their_prices(void **state)
{
    (void)state;
    struct price_book *book = built_in();
    struct llm_call call = call_of("claude-opus-5", "2026-11-20");
    call.tokens.input = MILLION;
    assert_usd(book, &call, 5);
    call.tier = SERVICE_BATCH;
    assert_usd(book, &call, 2.5);
    call.tier = SERVICE_STANDARD;
    call.region = "us";
    assert_usd(book, &call, 5.5);
    call.region = "not_available";
    assert_usd(book, &call, 5);
    call.is_fast = true;
    assert_usd(book, &call, 10);
    call.is_fast = false;
    call.region = "us";
    call.web_searches = 3; /* a fee has no region */
    assert_usd(book, &call, 5.53);
    struct llm_call flex = call_of("gpt-5.5", "2026-11-20");
    flex.tokens = (struct tokens){.input = 100000, .output = 10000};
    flex.tier = SERVICE_FLEX;
    assert_usd(book, &flex, 0.25 + 0.15);
    flex.tier = SERVICE_STANDARD;
    flex.is_fast = true;
    assert_usd(book, &flex, 1.25 + 0.75);
    flex = call_of("gpt-5.6-luna", "2026-11-20");
    flex.tokens.input = 300000;
    flex.is_fast = true;
    assert_usd(book, &flex, 0.3 * 0.8); /* fast and above 272k tokens: 0.8 */
    price_book_close(book);
}

static void what_has_no_price_is_unpriced_and_never_free(void **state)
{
    (void)state;
    struct price_book *book = built_in();
    struct llm_call call = call_of("mystery-9", "2026-11-20");
    call.tokens.input = 1;
    assert_unpriced(book, &call, PRICE_UNKNOWN_MODEL);
    call.model = "";
    assert_unpriced(book, &call, PRICE_NO_MODEL);
    call.model = "gpt-5.5-mini"; /* not gpt-5.5 */
    assert_unpriced(book, &call, PRICE_UNKNOWN_MODEL);
    call.model = "claude-haiku-4-5";
    call.is_fast = true;
    assert_unpriced(book, &call, PRICE_NO_MODE);
    call.is_fast = false;
    static const char no_read[] = "models:\n  - model: house\n    prices:\n      - {input: 3, output: 12}\n";
    struct err err = {0};
    assert_int_equal(price_book_add(book, no_read, sizeof no_read - 1, "house.yaml", &err), 0);
    call.model = "house";
    call.tokens.cache_read = 1;
    assert_unpriced(book, &call, PRICE_NO_CACHE_READ);
    call.model = "gemini-3-pro";
    call.web_searches = 1;
    assert_unpriced(book, &call, PRICE_NO_WEB_SEARCH);
    price_book_close(book);
}

static void what_nobody_pays_for_costs_nothing_and_a_told_cost_stands_in(void **state)
{
    (void)state;
    struct price_book *book = built_in();
    struct llm_call call = call_of("<synthetic>", "2026-11-20");
    call.tokens.output = 10;
    call.is_unbilled = true;
    assert_usd(book, &call, 0);
    call.is_unbilled = false;
    call.cost_usd = 0; /* a source that knows no price writes 0 */
    assert_unpriced(book, &call, PRICE_UNKNOWN_MODEL);
    call.cost_usd = 1.25;
    assert_usd(book, &call, 1.25);
    call.model = "claude-opus-5";
    call.tokens = (struct tokens){.input = MILLION};
    assert_usd(book, &call, 5); /* the book comes first */
    price_book_close(book);
}

static void the_parts_add_up_to_the_whole_and_another_model_has_its_own(void **state)
{
    (void)state;
    struct price_book *book = built_in();
    struct llm_call call = call_of("claude-sonnet-4-5", "2026-11-20");
    call.tokens = (struct tokens){1000, 2000, 3000, 4000, 5000, 500};
    call.web_searches = 2;
    struct price_parts parts;
    assert_int_equal(price_call_parts(book, &call, &parts), PRICE_KNOWN);
    assert_near(parts.input, 0.003, 1e-12);
    assert_near(parts.output, 0.03, 1e-12); /* reasoning is in it */
    assert_near(parts.cache_read, 0.0009, 1e-12);
    assert_near(parts.cache_write_5m, 0.015, 1e-12);
    assert_near(parts.cache_write_1h, 0.03, 1e-12);
    assert_near(parts.web_search, 0.02, 1e-12);
    assert_near(parts.total, 0.0989, 1e-12);
    assert_int_equal(price_call_as(book, &call, "claude-haiku-4-5", &parts), PRICE_KNOWN);
    assert_near(parts.output, 0.01, 1e-12);
    price_book_close(book);
}

static void every_built_in_row_has_a_day_and_a_source(void **state)
{
    (void)state;
    struct price_book *book = built_in();
    assert_true(book->models.count > 40);
    for (size_t i = 0; i < book->models.count; i++) {
        const struct price_model *model = &book->models.items[i];
        assert_false(model->is_replaced);
        assert_ptr_equal(price_book_find(book, model->name), model);
        for (size_t j = 0; j < model->alias_count; j++)
            assert_ptr_equal(price_book_find(book, model->aliases[j]), model);
        for (size_t j = 0; j < model->row_count; j++) {
            if (model->rows[j].from_ns == PRICE_FROM_ALWAYS || !*model->rows[j].source)
                fail_msg("%s has a row without a day or a source", model->name);
            assert_true(model->rows[j].set.rates.input > 0);
        }
    }
    price_book_close(book);
}

int price_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_prompt_has_the_higher_price_for_the_whole_request),
        cmocka_unit_test(new_models_have_prices_and_reads_cost_what_their_model_says),
        cmocka_unit_test(the_price_is_that_of_the_day_of_the_call),
        cmocka_unit_test(modes_regions_and_searches_have_their_prices),
        cmocka_unit_test(what_has_no_price_is_unpriced_and_never_free),
        cmocka_unit_test(what_nobody_pays_for_costs_nothing_and_a_told_cost_stands_in),
        cmocka_unit_test(the_parts_add_up_to_the_whole_and_another_model_has_its_own),
        cmocka_unit_test(every_built_in_row_has_a_day_and_a_source),
    };
    return cmocka_run_group_tests_name("price", tests, NULL, NULL);
}
