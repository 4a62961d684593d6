/* SPDX-License-Identifier: Apache-2.0 */
#include "usage/usage_show.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

int usage_answer_test(void);

static const struct agent_source source = {.name = "test", .ids_are_global = true};

/* A place of one file with `count` calls of three tools, in shelves of their own. */
static struct usage_place *place_make(const char *path, const struct llm_call *calls, size_t count)
{
    struct usage_place *place = calloc(1, sizeof *place);
    struct usage_collector collector;
    struct err err;
    assert_non_null(place);
    place->source = &source;
    place->path = "/p";
    place->shelf = (struct usage_shelf){.source = &source, .place = "/p"};
    usage_collector_init(&collector, &place->shelf, shelf_file(&place->shelf, path));
    place->shelf.files.items[0].is_there = 1;
    for (size_t i = 0; i < count; i++)
        assert_int_equal(collector.sink.llm_call(&collector.sink, &calls[i], &err), 0);
    return place;
}

static void shares_of_tools_add_up_to_the_whole(void **state)
{
    (void)state;
    struct llm_call call = {.session = "s1",
                            .id = "m1",
                            .model = "m",
                            .tools = "Bash,Read,Bash",
                            .tokens = {.input = 100, .output = 200, .cache_read = 1},
                            .cost_usd = NAN};
    struct usage_answer answer = {0};
    struct usage_rows rows = {0};
    struct err err;
    enum usage_key key = USAGE_BY_TOOL;
    struct usage_place *place = place_make("/p/a", &call, 1);
    assert_int_equal(vec_push(&answer.places, place), 0);
    assert_int_equal(vec_push(&answer.items, (struct usage_item){.shelf = &place->shelf,
                                                                 .call = place->shelf.calls.items[0],
                                                                 .cost_usd = 3}),
                     0);
    assert_int_equal(usage_roll_up(&answer, &key, 1, &rows, &err), 0);
    assert_int_equal(rows.items.count, 2);
    const struct usage_sum *bash = &rows.items.items[0].sum, *read = &rows.items.items[1].sum;
    assert_string_equal(usage_name(&answer, rows.items.items[0].keys[0]), "Bash");
    assert_int_equal(bash->tokens.input + read->tokens.input, 100);
    assert_int_equal(bash->tokens.output + read->tokens.output, 200);
    assert_int_equal(bash->tokens.cache_read + read->tokens.cache_read, 1);
    assert_true(fabs(bash->cost_usd - 2) < 1e-12 && fabs(read->cost_usd - 1) < 1e-12);
    usage_rows_free(&rows);
    usage_answer_free(&answer);
}

static void a_rate_is_of_its_window(void **state)
{
    (void)state;
    struct usage_answer answer = {0};
    const int64_t hour_ns = 3600000000000;
    for (int64_t i = 0; i < 4; i++)
        assert_int_equal(vec_push(&answer.items, (struct usage_item){.call = {.end_ns = i * hour_ns / 4,
                                                                              .tokens = {.input = 1000}},
                                                                     .cost_usd = i ? 0.5 : NAN}),
                         0);
    struct usage_burn burn = usage_burn(&answer, 3 * hour_ns / 4, (uint64_t)hour_ns / 2);
    assert_true(burn.tokens_per_h == 4000 && burn.usd_per_h == 2);
    usage_answer_free(&answer);
}

static void limits_are_read_as_people_write_them(void **state)
{
    (void)state;
    struct usage_limit limit;
    struct err err;
    assert_int_equal(usage_limit_read("cost=$2.50", &limit, &err), 0);
    assert_true(limit.kind == USAGE_LIMIT_COST && limit.amount == 2.5);
    assert_int_equal(usage_limit_read("tokens=1.5M", &limit, &err), 0);
    assert_true(limit.kind == USAGE_LIMIT_TOKENS && limit.amount == 1.5e6);
    static const char *const wrong[] = {"",       "cost",     "cost=",    "cost=-1",
                                        "cost=0", "tokens=x", "tokens=M", "time=5m"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(usage_limit_read(wrong[i], &limit, &err), -ERR_USAGE);
}

static void numbers_are_short(void **state)
{
    (void)state;
    assert_string_equal(usage_short(9999).text, "9,999");
    assert_string_equal(usage_short(10000).text, "10.0k");
    assert_string_equal(usage_short(999499).text, "999k");
    assert_string_equal(usage_short(999501).text, "1.0M");
    assert_string_equal(usage_short(UINT64_MAX).text, "18447Q");
    assert_string_equal(usage_dollars(0).text, "$0.00");
    assert_string_equal(usage_dollars(0.00123).text, "$0.0012");
    assert_string_equal(usage_dollars(12.4).text, "$12.40");
    assert_string_equal(usage_dollars(1234.5).text, "$1,234");
}

int usage_answer_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_of_tools_add_up_to_the_whole),
        cmocka_unit_test(a_rate_is_of_its_window),
        cmocka_unit_test(limits_are_read_as_people_write_them),
        cmocka_unit_test(numbers_are_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
