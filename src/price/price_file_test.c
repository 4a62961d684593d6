/* SPDX-License-Identifier: Apache-2.0 */
#include "price/price_file.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "price/price_book.h"

int price_file_test(void);

static struct price_book *built_in(void)
{
    struct price_book_options options = {.built_in_only = true};
    struct price_book *book = NULL;
    struct err err = {0};
    if (price_book_open(&options, &book, &err))
        fail_msg("%s", err.what);
    return book;
}

static void add(struct price_book *book, const char *text)
{
    struct err err = {0};
    if (price_book_add(book, text, strlen(text), "mine", &err))
        fail_msg("%s", err.what);
}

static double usd_of(const struct price_book *book, const char *model, int64_t time_ns, struct tokens tokens)
{
    struct llm_call call = {.model = model, .start_ns = time_ns, .tokens = tokens, .cost_usd = NAN};
    double usd = NAN;
    price_call(book, &call, &usd);
    return usd;
}

static void the_users_prices_come_first_model_by_model(void **state)
{
    (void)state;
    struct price_book *book = built_in();
    add(book, "models:\n"
              "  - model: claude-opus-5\n"
              "    prices:\n"
              "      - {input: 1, output: 2}\n"
              "  - model: house-model\n"
              "    aliases: [hm]\n"
              "    prices:\n"
              "      - {from: 2026-01-01, until: 2026-02-01, input: 3, output: 4}\n"
              "      - {from: 2026-03-01, input: 5, output: 6, cache_read: 1}\n");
    struct tokens input = {.input = 1000000};
    int64_t january, february, march;
    assert_int_equal(price_day_read("2026-01-15", &january), 0);
    assert_int_equal(price_day_read("2026-02-15", &february), 0);
    assert_int_equal(price_day_read("2026-03-15", &march), 0);
    assert_true(fabs(usd_of(book, "us.anthropic.claude-opus-5-v1:0", january, input) - 1) < 1e-9);
    assert_true(fabs(usd_of(book, "claude-opus-5-0", january, input) - 1) < 1e-9); /* by its old alias */
    assert_true(fabs(usd_of(book, "claude-fable-5", march, input) - 10) < 1e-9);
    assert_true(fabs(usd_of(book, "hm", january, input) - 3) < 1e-9);
    assert_true(isnan(usd_of(book, "hm", february, input)));
    assert_true(fabs(usd_of(book, "hm", march, input) - 5) < 1e-9);
    /* Writes without a price of their own cost what input costs. */
    struct tokens writes = {.cache_write_5m = 1000000, .cache_write_1h = 1000000};
    assert_true(fabs(usd_of(book, "hm", march, writes) - 10) < 1e-9);
    price_book_close(book);
}

static void litellm_prices_are_read(void **state)
{
    (void)state;
    struct price_book *book = built_in();
    add(book,
        "{\"sample_spec\": {\"input_cost_per_token\": 0, \"output_cost_per_token\": 0},\n"
        " \"fallback_generalizations\": {\"input_cost_per_token\": 1, \"output_cost_per_token\": 1},\n"
        " \"dall-e\": {\"mode\": \"image_generation\", \"output_cost_per_image\": 0.02},\n"
        " \"other-1\": {\"litellm_provider\": \"other\", \"input_cost_per_token\": 3e-06, "
        "\"output_cost_per_token\": "
        "1.5e-05, \"cache_read_input_token_cost\": 3e-07, \"cache_creation_input_token_cost\": 3.75e-06,\n"
        "   \"cache_creation_input_token_cost_above_1hr\": 6e-06, "
        "\"input_cost_per_token_above_200k_tokens\": 6e-06,\n"
        "   \"output_cost_per_token_above_200k_tokens\": 2.25e-05, "
        "\"cache_read_input_token_cost_above_200k_tokens\": "
        "6e-07,\n"
        "   \"input_cost_per_token_batches\": 1.5e-06, \"output_cost_per_token_batches\": 7.5e-06,\n"
        "   \"provider_specific_entry\": {\"us\": 1.1, \"fast\": 6.0},\n"
        "   \"search_context_cost_per_query\": {\"search_context_size_medium\": 0.01}}}");
    assert_null(price_book_find(book, "sample_spec"));
    assert_null(price_book_find(book, "fallback_generalizations"));
    assert_null(price_book_find(book, "dall-e"));
    struct llm_call call = {.model = "other/other-1", .cost_usd = NAN, .region = "us"};
    call.tokens = (struct tokens){.input = 100000, .output = 1000, .cache_write_1h = 100000};
    double usd;
    assert_int_equal(price_call(book, &call, &usd), PRICE_KNOWN);
    assert_true(fabs(usd - (0.3 + 0.015 + 0.6) * 1.1) < 1e-9);
    call.tokens.cache_read = 1; /* over 200k; the write of an hour keeps its proportion to input */
    assert_int_equal(price_call(book, &call, &usd), PRICE_KNOWN);
    assert_true(fabs(usd - (0.6 + 0.0225 + 1.2 + 0.6e-6) * 1.1) < 1e-9);
    call = (struct llm_call){
        .model = "other-1", .tier = SERVICE_BATCH, .tokens = {.input = 100000, .cache_read = 10000}};
    assert_int_equal(price_call(book, &call, &usd), PRICE_KNOWN);
    assert_true(fabs(usd - (0.15 + 0.0015)) < 1e-9);
    call = (struct llm_call){
        .model = "other-1", .is_fast = true, .tokens = {.input = 100000}, .web_searches = 1};
    assert_int_equal(price_call(book, &call, &usd), PRICE_KNOWN);
    assert_true(fabs(usd - (1.8 + 0.01)) < 1e-9);
    price_book_close(book);
}

static void what_is_wrong_in_a_file_is_told_with_its_place(void **state)
{
    (void)state;
#define ROW(row) "models:\n  - model: m\n    prices:\n      - " row "\n"
    static const char *const cases[][3] = {
        {"modles: []\n", "line 1, column 1: a file of prices has no key 'modles'", "did you mean 'models'?"},
        {"models: {}\n", "'models' is a map, a list is expected", NULL},
        {"models:\n  - prices: []\n", "line 2, column 5: a model needs 'model'", NULL},
        {"models:\n  - model: m\n", "model 'm' needs 'prices'", NULL},
        {"models:\n  - model: m\n    prices: []\n", "a list of 1 to", NULL},
        {ROW("{input: 1}"), "line 4, column 9: a row of prices needs 'output'", NULL},
        {ROW("{input: 1, output: much}"), "line 4, column 20: 'output' is 'much'", NULL},
        {ROW("{input: 1, output: -2}"), "'output' is '-2'", NULL},
        {ROW("{input: 1, output: 2, cach_read: 1}"), "has no key 'cach_read'", "did you mean 'cache_read'?"},
        {ROW("{from: 7.10.2026, input: 1, output: 2}"), "a day like 2026-10-07", NULL},
        {ROW("{from: 2026-10-07, until: 2026-10-07, input: 1, output: 2}"), "'until' is not after 'from'",
         NULL},
        {ROW("{input: 1, output: 2}\n      - {input: 1, output: 2}"), "line 5, column 9: the second row",
         NULL},
        {ROW("{from: 2026-02-01, input: 1, output: 2}\n      - {from: 2026-01-01, input: 1, output: 2}"),
         "line 5, column 9: rows are in the order of 'from'", NULL},
        {ROW("{from: 2026-01-01, until: 2026-03-01, input: 1, output: 2}\n      - {from: 2026-02-01, input: "
             "1, output: "
             "2}"),
         "before the row above it has ended", NULL},
        {ROW("{input: 1, output: 2, cache_read: 1, above: {prompt: 10, input: 1, output: 2}}"),
         "'above' needs 'cache_read'", NULL},
        {ROW("{input: 1, output: 2, above: {input: 1, output: 2}}"), "'above' needs 'prompt'", NULL},
        {ROW("{input: 1, output: 2, fast: {input: 1}}"), "fast needs 'output'", NULL},
        {ROW("{input: 1, output: 2, regions: [us]}"), "'regions' is a list", NULL},
        {ROW("{input: 1, output: 2}\n  - model: m\n    prices:\n      - {input: 1, output: 2}"),
         "line 5, column 5: there is a model 'm' in line 2 already", NULL},
        {"{\"a\": 1}", "no model in it has a price", "as LiteLLM keeps it"},
        {"{\"a\": ", "mine", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct price_book *book = built_in();
        struct err err = {0};
        assert_int_equal(price_book_add(book, cases[i][0], strlen(cases[i][0]), "mine", &err), -ERR_INPUT);
        if (!strstr(err.what, cases[i][1]))
            fail_msg("'%s' is not in '%s'", cases[i][1], err.what);
        if (cases[i][2] && !strstr(err.hint, cases[i][2]))
            fail_msg("'%s' is not in '%s'", cases[i][2], err.hint);
        price_book_close(book);
    }
}

static void days_are_read(void **state)
{
    (void)state;
    int64_t ns = -1;
    assert_int_equal(price_day_read("1970-01-02", &ns), 0);
    assert_true(ns == 86400ll * 1000000000);
    assert_int_equal(price_day_read("2026-10-07T12:00:00Z", &ns), 0);
    assert_true(ns == 1791374400ll * 1000000000);
    assert_int_equal(price_day_read("2026-10", &ns), -1);
    assert_int_equal(price_day_read("2026-10-07 ", &ns), -1);
    assert_int_equal(price_day_read("9999-10-07", &ns), -1);
}

int price_file_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_users_prices_come_first_model_by_model),
        cmocka_unit_test(litellm_prices_are_read),
        cmocka_unit_test(what_is_wrong_in_a_file_is_told_with_its_place),
        cmocka_unit_test(days_are_read),
    };
    return cmocka_run_group_tests_name("price_file", tests, NULL, NULL);
}
