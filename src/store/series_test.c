/* SPDX-License-Identifier: Apache-2.0 */
#include "store/series.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/assert_near.h"
#include "stats/random.h"
#include "store/history_show.h"

#define COUNT 80

static char path[64];
static struct history *history;
static struct random source;

static int make_history(void **state)
{
    (void)state;
    struct err err = {0};
    snprintf(path, sizeof path, "/tmp/toll-series-%d.db", (int)getpid());
    unlink(path);
    random_seed(&source, 31);
    return history_open(&history, path, &err);
}

static int remove_history(void **state)
{
    (void)state;
    history_close(history);
    return unlink(path);
}

/* Results around level(i), one a minute. */
static void add(const char *metric, const char *machine, double (*level)(int), double noise)
{
    struct history_result results[COUNT];
    struct err err = {0};
    for (int i = 0; i < COUNT; i++)
        results[i] = (struct history_result){.at_ns = 60000000000 * (i + 1),
                                             .kind = "bench",
                                             .name = "work",
                                             .metric = metric,
                                             .value = level(i) * (1 + noise * random_normal(&source)),
                                             .value_low = NAN,
                                             .value_high = NAN,
                                             .count = 10,
                                             .predicted = NAN,
                                             .predicted_low = NAN,
                                             .predicted_high = NAN,
                                             .machine = machine,
                                             .revision = i < 40 ? "aaaa" : "bbbb"};
    if (history_add(history, results, COUNT, &err))
        fail_msg("%s", err.what);
}

static struct series loaded(const char *metric, double limit)
{
    struct series_request request = {.filter = {.name = "work", .metric = metric, .kind = "bench"},
                                     .alert_ratio = limit};
    struct series series;
    struct err err = {0};
    if (series_load(history, &request, &series, &err))
        fail_msg("%s", err.what);
    return series;
}

static double steady(int i)
{
    (void)i;
    return 100;
}

static double stepped(int i)
{
    return i < 50 ? 100 : 125;
}

static double stepped_down(int i)
{
    return i < 50 ? 100 : 75;
}

static double twice_stepped(int i)
{
    return i < 25 ? 100 : i < 55 ? 112 : 125;
}

static double rising(int i)
{
    return 100 + 0.5 * i;
}

static double last_one_bad(int i)
{
    return i == COUNT - 1 ? 130 : 100;
}

static void a_change_of_level_is_an_alert_over_the_limit_only(void **state)
{
    (void)state;
    add("wall_ns", "here", stepped, 0.02);
    struct series series = loaded("wall_ns", 0.2);
    assert_int_equal(series.changes.count, 1);
    assert_int_equal(series.changes.items[0].point.index, 50);
    assert_string_equal(series.changes.items[0].revision, "bbbb");
    assert_near(series.changes.items[0].ratio, 1.25, 0.02);
    assert_true(series.changes.items[0].ratio_low < 1.25 && series.changes.items[0].ratio_high > 1.25);
    assert_true(series.changes.items[0].ratio_high - series.changes.items[0].ratio_low < 0.06);
    assert_int_equal(series.alert.kind, SERIES_ALERT_LEVEL);
    assert_int_equal(series.alert.since, 50);
    assert_int_equal(series.outlook.count, 30);
    series_free(&series);
    series = loaded("wall_ns", 0.4);
    assert_int_equal(series.alert.kind, SERIES_NO_ALERT);
    series_free(&series);
}

static void less_is_worse_where_more_is_better(void **state)
{
    (void)state;
    add("rows_per_s", "here", stepped_down, 0.02);
    add("wall_ns", "here", stepped_down, 0.02);
    struct series rows = loaded("rows_per_s", 0.2), wall = loaded("wall_ns", 0.2);
    assert_int_equal(rows.alert.kind, SERIES_ALERT_LEVEL);
    assert_near(rows.alert.worse_ratio, 1 / 0.75 - 1, 0.03);
    assert_int_equal(wall.changes.count, 1);
    assert_int_equal(wall.alert.kind, SERIES_NO_ALERT);
    assert_true(wall.changes.items[0].worse_ratio < 0);
    series_free(&rows);
    series_free(&wall);
}

static void several_small_changes_together_are_an_alert(void **state)
{
    (void)state;
    add("wall_ns", "here", twice_stepped, 0.01);
    struct series series = loaded("wall_ns", 0.2);
    assert_int_equal(series.changes.count, 2);
    assert_int_equal(series.alert.kind, SERIES_ALERT_CREEP);
    series_free(&series);
}

static void a_steady_rise_is_a_trend_and_no_row_of_steps(void **state)
{
    (void)state;
    add("wall_ns", "here", rising, 0.02);
    struct series series = loaded("wall_ns", 0.2);
    assert_int_equal(series.changes.count, 0);
    assert_true(series.outlook.has_trend);
    assert_near(series.outlook.slope, 0.5, 0.06);
    assert_true(series.outlook.next.low < 140 && series.outlook.next.high > 140);
    assert_int_equal(series.alert.kind, SERIES_ALERT_TREND);
    series_free(&series);
}

static void one_bad_result_is_an_alert_but_no_change(void **state)
{
    (void)state;
    add("wall_ns", "here", last_one_bad, 0.02);
    struct series series = loaded("wall_ns", 0.2);
    assert_int_equal(series.changes.count, 0);
    assert_int_equal(series.alert.kind, SERIES_ALERT_RESULT);
    assert_int_equal(series.alert.since, COUNT - 1);
    series_free(&series);
}

static void a_steady_series_has_nothing_to_tell(void **state)
{
    (void)state;
    add("wall_ns", "here", steady, 0.02);
    struct series series = loaded("wall_ns", 0.2);
    assert_int_equal(series.changes.count, 0);
    assert_false(series.outlook.has_trend);
    assert_int_equal(series.alert.kind, SERIES_NO_ALERT);
    assert_near(series.outlook.level, 100, 1);
    series_free(&series);
}

static void other_machines_are_left_out_and_counted(void **state)
{
    (void)state;
    add("wall_ns", "another", stepped, 0.02);
    add("wall_ns", "here", steady, 0.02);
    struct series series = loaded("wall_ns", 0.2);
    assert_string_equal(series.machine, "here"); /* added last, at the same times */
    assert_int_equal(series.results.count, COUNT);
    assert_int_equal(series.left_out, COUNT);
    assert_int_equal(series.changes.count, 0);
    series_free(&series);
    struct series_request request = {.filter = {.name = "work"}, .all_machines = true, .alert_ratio = 0.2};
    struct err err = {0};
    assert_int_equal(series_load(history, &request, &series, &err), 0);
    assert_int_equal(series.results.count, 2 * COUNT);
    series_free(&series);
}

/* Names are bytes of others: no markup and no control character gets through. */
static void a_hostile_name_stays_text(void **state)
{
    (void)state;
    struct history_result result = {.at_ns = 1000000000,
                                    .kind = "value",
                                    .name = "<script>\x1b[31m&\"'",
                                    .metric = "<b id=x>",
                                    .unit = "<i>",
                                    .value = 1,
                                    .tags = "<u>",
                                    .machine = "<hr>",
                                    .revision = "<a>"};
    struct series_request request = {.alert_ratio = 0.2};
    struct history_look look = {.path = "<path>", .width = 80};
    struct series series;
    struct str html = {0}, text = {0};
    struct err err = {0};
    assert_int_equal(history_add(history, &result, 1, &err), 0);
    assert_int_equal(series_load(history, &request, &series, &err), 0);
    series_html(&series, 1, &look, &html);
    series_text(&series, &look, &text);
    static const char *const never[] = {"<script", "<b id", "<i>", "<u>", "<hr>", "<a>", "<path>"};
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
        assert_null(strstr(str_text(&html), never[i]));
    assert_null(strchr(str_text(&text), '\x1b'));
    str_free(&html);
    str_free(&text);
    series_free(&series);
}

#define WITH_HISTORY(name) cmocka_unit_test_setup_teardown(name, make_history, remove_history)

int series_test(void);
int series_test(void)
{
    const struct CMUnitTest tests[] = {
        WITH_HISTORY(a_change_of_level_is_an_alert_over_the_limit_only),
        WITH_HISTORY(less_is_worse_where_more_is_better),
        WITH_HISTORY(several_small_changes_together_are_an_alert),
        WITH_HISTORY(a_steady_rise_is_a_trend_and_no_row_of_steps),
        WITH_HISTORY(one_bad_result_is_an_alert_but_no_change),
        WITH_HISTORY(a_steady_series_has_nothing_to_tell),
        WITH_HISTORY(other_machines_are_left_out_and_counted),
        WITH_HISTORY(a_hostile_name_stays_text),
    };
    return cmocka_run_group_tests_name("series", tests, NULL, NULL);
}
