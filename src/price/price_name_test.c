/* SPDX-License-Identifier: Apache-2.0 */
#include "price/price_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "price/price_book.h"

int price_name_test(void);

static void every_way_to_write_a_name_finds_the_model(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"claude-sonnet-4-5", "claude-sonnet-4-5"},
        {"claude-sonnet-4-5-20250929", "claude-sonnet-4-5"},
        {"Claude-Sonnet-4.5", "claude-sonnet-4-5"},
        {"claude-sonnet-4-5[1m]", "claude-sonnet-4-5"},
        {"claude-sonnet-4-5-20250929[1m]", "claude-sonnet-4-5"},
        {"anthropic/claude-sonnet-4.5", "claude-sonnet-4-5"},
        {"openrouter/anthropic/claude-sonnet-4.5", "claude-sonnet-4-5"},
        {"us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"},
        {"global.anthropic.claude-opus-4-6-v1", "claude-opus-4-6"},
        {"anthropic.claude-3-5-sonnet-20241022-v2:0", "claude-3-5-sonnet"},
        {"bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5"},
        {"arn:aws:bedrock:us-east-1:123456789012:inference-profile/eu.anthropic.claude-opus-5-v1:0",
         "claude-opus-5"},
        {"claude-sonnet-4-5@20250929", "claude-sonnet-4-5"},
        {"vertex_ai/claude-opus-4-1@20250805", "claude-opus-4-1"},
        {"projects/p/locations/us-east5/publishers/anthropic/models/claude-opus-4@default", "claude-opus-4"},
        {"claude-3-7-sonnet-latest", "claude-3-7-sonnet"},
        {"claude-4-sonnet", "claude-sonnet-4"},
        {"openai/gpt-5.5", "gpt-5.5"},
        {"gpt-5-2025-08-07", "gpt-5"},
        {"gpt-5.1-codex-max", "gpt-5.1"},
        {"models/gemini-3-pro-preview", "gemini-3-pro"},
        {"gemini-2.5-pro-preview-06-05", "gemini-2.5-pro"},
        {"gemini-2.0-flash-001", "gemini-2.0-flash"},
    };
    static const char *const strangers[] = {"claude",
                                            "claude-sonnet-4-5-mini",
                                            "gpt-5.5-mini",
                                            "xclaude-opus-5",
                                            "/",
                                            "anthropic/",
                                            "claude-opus-5 ",
                                            "",
                                            "[1m]",
                                            "@"};
    struct price_book_options options = {.built_in_only = true};
    struct price_book *book = NULL;
    struct err err = {0};
    assert_int_equal(price_book_open(&options, &book, &err), 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct price_model *model = price_book_find(book, names[i][0]);
        if (model)
            assert_string_equal(model->name, names[i][1]);
        else
            fail_msg("'%s' is not found", names[i][0]);
    }
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++)
        if (price_book_find(book, strangers[i]))
            fail_msg("'%s' is found", strangers[i]);
    assert_string_equal(price_book_nearest(book, "claude-sonet-4-5"), "claude-sonnet-4-5");
    assert_null(price_book_nearest(book, "mystery"));
    price_book_close(book);
}

static void a_name_of_any_length_ends(void **state)
{
    (void)state;
    char model[1000];
    struct price_name name;
    memset(model, '/', sizeof model - 1);
    model[sizeof model - 1] = '\0';
    price_name_start(&name, model);
    assert_int_equal(name.length, PRICE_NAME_BYTES - 1);
    while (price_name_next(&name))
        assert_int_equal(strlen(name.text), name.length);
}

int price_name_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_to_write_a_name_finds_the_model),
        cmocka_unit_test(a_name_of_any_length_ends),
    };
    return cmocka_run_group_tests_name("price_name", tests, NULL, NULL);
}
