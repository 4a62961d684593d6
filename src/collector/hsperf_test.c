/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "collector/counters_file.h"
#include "collector/hsperf.h"

static void read_at(struct hsperf_watch *watch, const struct counters_file *file, uint64_t time_ns)
{
    struct hsperf_reading reading = {.bytes = file->bytes,
                                     .size = file->size,
                                     .before_ns = time_ns,
                                     .after_ns = time_ns + 10,
                                     .is_new = true};
    assert_int_equal(hsperf_watch_read(watch, &reading), 0);
}

static void a_pause_between_two_readings_is_told_with_its_cause(void **state)
{
    struct counters_file file;
    struct hsperf_watch watch = {0};
    (void)state;

    counters_file_make(&file);
    read_at(&watch, &file, 1000000);
    assert_true(watch.is_begun);
    assert_int_equal(watch.pauses.count, 0);
    counters_file_pause(&file, 1, 5000, 7000, 2000);
    read_at(&watch, &file, 1010000);
    read_at(&watch, &file, 1020000);
    assert_int_equal(watch.pauses.count, 1);
    assert_int_equal(watch.pauses.items[0].start_ticks, 5000);
    assert_int_equal(watch.pauses.items[0].end_ticks, 7000);
    assert_string_equal(watch.pauses.items[0].cause, "G1 Evacuation Pause");
    assert_string_equal(watch.layout.collectors[0].name, "G1 young collection pauses");
    hsperf_watch_free(&watch);
}

static void a_pause_that_goes_on_is_told_when_it_is_over(void **state)
{
    struct counters_file file;
    struct hsperf_watch watch = {0};
    (void)state;

    counters_file_make(&file);
    read_at(&watch, &file, 1000000);
    counters_file_pause(&file, 1, 5000, 0, 0);
    read_at(&watch, &file, 1010000);
    assert_int_equal(watch.pauses.count, 0);
    /* the first is over and the second goes on: where the first began is told by how long all took */
    counters_file_pause(&file, 2, 9000, 7000, 2000);
    read_at(&watch, &file, 1020000);
    assert_int_equal(watch.pauses.count, 1);
    assert_int_equal(watch.pauses.items[0].start_ticks, 5000);
    counters_file_pause(&file, 2, 9000, 9500, 2500);
    read_at(&watch, &file, 1030000);
    assert_int_equal(watch.pauses.count, 2);
    hsperf_watch_free(&watch);
}

static void pauses_that_no_reading_saw_are_counted_with_their_time(void **state)
{
    struct counters_file file;
    struct hsperf_watch watch = {0};
    uint64_t count, ns;
    (void)state;

    counters_file_make(&file);
    read_at(&watch, &file, 1000000);
    counters_file_pause(&file, 4, 9000, 9500, 3500);
    read_at(&watch, &file, 1010000);
    hsperf_missed(&watch, &count, &ns);
    assert_int_equal(watch.pauses.count, 1);
    assert_int_equal(count, 3);
    assert_int_equal(ns, 3000);
    hsperf_watch_free(&watch);
}

/* The JVM began at 900,000: its clock, read soon after it was written, says so to within the distance of two readings. */
static void the_clock_is_bound_by_what_changes_between_readings(void **state)
{
    struct counters_file file;
    struct hsperf_watch watch = {0};
    (void)state;

    counters_file_make(&file);
    read_at(&watch, &file, 1000000);
    assert_true(hsperf_error_ns(&watch) == UINT64_MAX);
    for (uint64_t now = 1001000; now < 1100000; now += 1000) {
        if (now % 7000 == 0)
            counters_file_put(&file, file.ticks, now - 900000 - now % 13 * 70);
        read_at(&watch, &file, now);
    }
    assert_true(hsperf_error_ns(&watch) < 500);
    uint64_t began_ns = hsperf_time_ns(&watch, 0);
    assert_true(began_ns >= 900000 - hsperf_error_ns(&watch) && began_ns <= 900000 + hsperf_error_ns(&watch));
    hsperf_watch_free(&watch);
}

static void a_broken_file_is_none(void **state)
{
    struct counters_file file, broken;
    struct hsperf_layout layout;
    (void)state;

    counters_file_make(&file);
    assert_true(hsperf_layout_of(file.bytes, file.size, &layout));
    for (size_t size = 0; size < file.size; size += 4)
        assert_false(hsperf_layout_of(file.bytes, size, &layout));
    for (size_t at = 0; at < file.size; at++) {
        broken = file;
        broken.bytes[at] ^= 0xff;
        struct hsperf_watch watch = {0};
        read_at(&watch, &broken, 1000000);
        counters_file_pause(&broken, 2, 9000, 9500, 500);
        read_at(&watch, &broken, 1010000);
        hsperf_watch_free(&watch);
    }
}

static void collectors_are_called_by_what_they_collect(void **state)
{
    (void)state;
    assert_string_equal(hsperf_generation("G1 young collection pauses"), "young");
    assert_string_equal(hsperf_generation("G1 incremental collections"), "young");
    assert_string_equal(hsperf_generation("MSC"), "full");
    assert_string_equal(hsperf_generation("G1 concurrent cycle pauses"), "concurrent");
    assert_string_equal(hsperf_generation("Epsilon"), "");
}

int hsperf_test(void);
int hsperf_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pause_between_two_readings_is_told_with_its_cause),
        cmocka_unit_test(a_pause_that_goes_on_is_told_when_it_is_over),
        cmocka_unit_test(pauses_that_no_reading_saw_are_counted_with_their_time),
        cmocka_unit_test(the_clock_is_bound_by_what_changes_between_readings),
        cmocka_unit_test(a_broken_file_is_none),
        cmocka_unit_test(collectors_are_called_by_what_they_collect),
    };
    return cmocka_run_group_tests_name("hsperf", tests, NULL, NULL);
}
