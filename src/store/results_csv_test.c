/* SPDX-License-Identifier: Apache-2.0 */
#include "store/results_csv.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct history_result defaults = {.at_ns = 5,
                                               .kind = "value",
                                               .metric = "value",
                                               .count = 1,
                                               .value_low = NAN,
                                               .value_high = NAN,
                                               .machine = "here"};

static char text[1024];

static int parse(const char *csv, struct results_csv *results, struct err *err)
{
    snprintf(text, sizeof text, "%s", csv);
    return results_csv_parse(text, &defaults, results, err);
}

static void columns_come_in_any_order_and_may_be_empty(void **state)
{
    (void)state;
    struct results_csv results = {0};
    struct err err = {0};
    assert_int_equal(parse("value,name,better,at,metric,whatever,value_low,count,tags\r\n"
                           "# a comment\r\n"
                           "1.5,\"a \"\"quoted\"\", name\",higher,@7,rows_per_s,x,1.25,12,\"ci,nightly\"\r\n"
                           "\r\n"
                           "2,b,,,,,,,\n",
                           &results, &err),
                     0);
    assert_int_equal(results.results.count, 2);
    const struct history_result *first = &results.results.items[0], *second = &results.results.items[1];
    assert_string_equal(first->name, "a \"quoted\", name");
    assert_string_equal(first->metric, "rows_per_s");
    assert_string_equal(first->tags, "ci,nightly");
    assert_int_equal(first->better, HISTORY_MORE);
    assert_true(first->at_ns == 7000000000 && first->count == 12);
    assert_true(fabs(first->value - 1.5) + fabs(first->value_low - 1.25) < 1e-12);
    assert_string_equal(second->name, "b");
    assert_string_equal(second->metric, "value");
    assert_string_equal(second->machine, "here");
    assert_true(second->at_ns == 5 && isnan(second->value_low));
    results_csv_free(&results);
}

static void without_a_header_there_are_name_value_and_metric(void **state)
{
    (void)state;
    struct results_csv results = {0};
    struct err err = {0};
    assert_int_equal(parse("size,812345,size_bytes,left out\ncount,3", &results, &err), 0);
    assert_int_equal(results.results.count, 2);
    assert_string_equal(results.results.items[0].metric, "size_bytes");
    assert_string_equal(results.results.items[1].name, "count");
    assert_string_equal(results.results.items[1].metric, "value");
    results_csv_free(&results);
}

static void a_row_that_cannot_be_read_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *csv, *why;
    } cases[] = {
        {"name,value\na,1\nb,two\n", "row 3: 'two' is no number"},
        {"name,value\na,1\n,2\n", "row 3: it has no name"},
        {"name,value\na\n", "row 2: it has no value"},
        {"name,value,count\na,1,-4\n", "row 2: '-4' is no whole number"},
        {"name,value,better\na,1,up\n", "row 2: 'up' is neither"},
        {"name,value,at\na,1,soon\n", "row 2: could not read the time 'soon'"},
        {"name,value\na,nan\n", "row 2: 'nan' is no number"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct results_csv results = {0};
        struct err err = {0};
        assert_true(parse(cases[i].csv, &results, &err) < 0);
        if (!strstr(err.what, cases[i].why))
            fail_msg("'%s' instead of '%s'", err.what, cases[i].why);
    }
}

static void nothing_gives_nothing(void **state)
{
    (void)state;
    static const char *const cases[] = {"", "\n\n", "# only\n", "name,value\n", "name,value"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct results_csv results = {0};
        struct err err = {0};
        assert_int_equal(parse(cases[i], &results, &err), 0);
        assert_int_equal(results.results.count, 0);
        results_csv_free(&results);
    }
}

static void an_open_quote_ends_with_the_text(void **state)
{
    (void)state;
    struct results_csv results = {0};
    struct err err = {0};
    assert_true(parse("\"open,1\n", &results, &err) < 0);
    assert_true(parse("\"", &results, &err) < 0 || results.results.count == 0);
}

static void a_spreadsheets_byte_order_mark_is_no_name(void **state)
{
    (void)state;
    struct results_csv results = {0};
    struct err err = {0};
    assert_int_equal(parse("\xef\xbb\xbfname,value\r\na,5\r\n", &results, &err), 0);
    assert_int_equal(results.results.count, 1);
    assert_string_equal(results.results.items[0].name, "a");
    results_csv_free(&results);
}

int results_csv_test(void);
int results_csv_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_come_in_any_order_and_may_be_empty),
        cmocka_unit_test(without_a_header_there_are_name_value_and_metric),
        cmocka_unit_test(a_row_that_cannot_be_read_is_named),
        cmocka_unit_test(nothing_gives_nothing),
        cmocka_unit_test(an_open_quote_ends_with_the_text),
        cmocka_unit_test(a_spreadsheets_byte_order_mark_is_no_name),
    };
    return cmocka_run_group_tests_name("results_csv", tests, NULL, NULL);
}
