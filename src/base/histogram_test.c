/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/histogram.h"

static void a_value_lies_in_the_bucket_of_its_power_of_two(void **state)
{
    (void)state;
    assert_int_equal(histogram_bucket(0), 0);
    assert_int_equal(histogram_bucket(1), 0);
    assert_int_equal(histogram_bucket(2), 1);
    assert_int_equal(histogram_bucket(3), 1);
    assert_int_equal(histogram_bucket(4), 2);
    assert_int_equal(histogram_bucket(4095), 11);
    assert_int_equal(histogram_bucket(4096), 12);
    assert_int_equal(histogram_bucket(UINT64_MAX), 63);
}

static void a_text_reads_back_as_what_was_written(void **state)
{
    (void)state;
    struct histogram histogram = {0}, again;
    char text[HISTOGRAM_TEXT_MAX];
    assert_int_equal(histogram_print(&histogram, text), 0);
    assert_string_equal(text, "");
    assert_int_equal(histogram_parse("", 0, &again, NULL), 0);
    assert_int_equal(histogram_total(&again), 0);

    histogram_add(&histogram, 0, 2);
    histogram_add(&histogram, 1, 1);
    histogram_add(&histogram, 5, 12);
    histogram_add(&histogram, 100000, 7);
    assert_int_equal(histogram_print(&histogram, text), strlen("0:3,2:12,16:7"));
    assert_string_equal(text, "0:3,2:12,16:7");
    assert_int_equal(histogram_parse(text, strlen(text), &again, NULL), 0);
    assert_memory_equal(&again, &histogram, sizeof histogram);
}

static void the_longest_text_fits(void **state)
{
    (void)state;
    struct histogram histogram, again;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        histogram.count[i] = UINT64_MAX;
    char text[HISTOGRAM_TEXT_MAX];
    size_t length = histogram_print(&histogram, text);
    assert_true(length < HISTOGRAM_TEXT_MAX);
    assert_int_equal(strlen(text), length);
    assert_int_equal(histogram_parse(text, length, &again, NULL), 0);
    assert_memory_equal(&again, &histogram, sizeof histogram);
    histogram_add(&again, 8, 1);
    histogram_merge(&again, &histogram);
    assert_memory_equal(&again, &histogram, sizeof histogram);
    assert_true(histogram_total(&again) == UINT64_MAX);
}

static void what_is_no_histogram_is_refused(void **state)
{
    (void)state;
    const char *texts[] = {"1",
                           ":",
                           "1:",
                           "1:2,",
                           ",1:2",
                           "64:1",
                           "3:1,2:1",
                           "2:1,2:1",
                           "2:0",
                           "2:1;3:1",
                           "a:1",
                           "2:-1",
                           "2:18446744073709551616"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct histogram histogram;
        struct err err;
        assert_int_equal(histogram_parse(texts[i], strlen(texts[i]), &histogram, &err), -ERR_INPUT);
    }
}

static void values_lie_evenly_in_their_bucket(void **state)
{
    (void)state;
    struct histogram histogram = {0};
    assert_true(histogram_quantile(&histogram, 0.5) == 0);
    histogram_add(&histogram, 16, 50);
    histogram_add(&histogram, 1024, 50);
    assert_true(histogram_below(&histogram, 16) == 0);
    assert_true(histogram_below(&histogram, 24) == 25);
    assert_true(histogram_below(&histogram, 32) == 50);
    assert_true(histogram_below(&histogram, 1536) == 75);
    assert_true(histogram_below(&histogram, UINT64_MAX) == 100);
    assert_true(histogram_quantile(&histogram, 0.25) == 24);
    assert_true(histogram_quantile(&histogram, 0.75) == 1536);
    assert_true(histogram_quantile(&histogram, 1) == 2048);
}

int histogram_test(void);
int histogram_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_lies_in_the_bucket_of_its_power_of_two),
        cmocka_unit_test(a_text_reads_back_as_what_was_written),
        cmocka_unit_test(the_longest_text_fits),
        cmocka_unit_test(what_is_no_histogram_is_refused),
        cmocka_unit_test(values_lie_evenly_in_their_bucket),
    };
    return cmocka_run_group_tests_name("histogram", tests, NULL, NULL);
}
