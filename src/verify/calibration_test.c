/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/calibration.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert_near.h"

static void add(struct calibration *calibration, double predicted, double measured, double spread,
                const char *tags)
{
    struct calibration_point point = {.name = "what",
                                      .predicted = predicted,
                                      .predicted_low = predicted / spread,
                                      .predicted_high = predicted * spread,
                                      .measured = measured,
                                      .measured_low = measured / 1.05,
                                      .measured_high = measured * 1.05};
    assert_int_equal(calibration_add(calibration, &point, tags, NULL), 0);
}

static void bias_error_and_coverage_are_as_planted(void **state)
{
    (void)state;
    struct calibration calibration = {0};
    /* errors of -10, 0, +10, +10, +20, +30, +40 %, within an interval of a quarter either way but for the last two */
    static const double off[] = {0.9, 1, 1.1, 1.1, 1.2, 1.3, 1.4};
    for (size_t i = 0; i < 7; i++)
        add(&calibration, 0.5, 0.5 * off[i], 1.25, NULL);
    assert_int_equal(calibration_judge(&calibration, NULL), 0);
    const struct calibration_group *all = &calibration.all;
    assert_int_equal(all->count, 7);
    assert_near(all->bias, 0.1, 1e-9);
    assert_near(all->bias_low, -0.1, 1e-9); /* seven values: the ends cover 98 % */
    assert_near(all->bias_high, 0.4, 1e-9);
    assert_near(all->error, 1 / 0.9 - 1, 1e-9); /* sizes: 0, 10, 10, 11.1, 20, 30, 40 */
    assert_int_equal(all->inside_count, 5);
    assert_int_equal(all->overlap_count, 6); /* 1.3 / 1.05 is still below 1.25 */
    /* Clopper and Pearson, 5 of 7: 0.2904 to 0.9633 */
    assert_near(all->coverage_ratio, 5.0 / 7, 1e-12);
    assert_near(all->coverage_low, 0.2904, 1e-4);
    assert_near(all->coverage_high, 0.9633, 1e-4);
    calibration_deinit(&calibration);
}

static void causes_and_changes_have_figures_of_their_own(void **state)
{
    (void)state;
    struct calibration calibration = {0};
    add(&calibration, 0.5, 0.5, 1.1, "cause=serial-independent,change=workers:stage/a=4,mine");
    add(&calibration, 0.5, 0.6, 1.1, "cause=serial-independent,change=workers:stage/b=8");
    add(&calibration, 0.5, 0.4, 1.1, "cause=disk-sync,change=remove:wait/disk_sync");
    add(&calibration, 0.5, 0.4, 1.1, NULL);
    assert_int_equal(calibration_judge(&calibration, NULL), 0);
    assert_int_equal(calibration.causes.list.count, 2);
    assert_int_equal(calibration.kinds.list.count, 2);
    assert_string_equal(calibration.causes.list.items[0].name, "serial-independent");
    assert_int_equal(calibration.causes.list.items[0].count, 2);
    assert_near(calibration.causes.list.items[0].bias, sqrt(1.2) - 1, 1e-9);
    assert_string_equal(calibration.kinds.list.items[0].name, "workers");
    assert_string_equal(calibration.kinds.list.items[1].name, "remove");
    assert_string_equal(calibration.points.items[0].change, "workers:stage/a=4");
    assert_true(isnan(calibration.causes.list.items[0].bias_low));
    calibration_deinit(&calibration);
}

static void too_few_say_nothing(void **state)
{
    (void)state;
    struct calibration calibration = {0};
    struct bench_look look = {.width = 100};
    struct str text = {0};
    assert_int_equal(calibration_judge(&calibration, NULL), 0);
    calibration_text(&calibration, "here", &look, &text);
    assert_non_null(strstr(str_text(&text), "No predictions yet"));
    add(&calibration, 0.5, 0.5, 1.1, NULL);
    add(&calibration, 0.5, -1, 1.1, NULL); /* no ratio */
    struct calibration_point alone = {
        .name = "b", .predicted = 0.5, .measured = 0.4, .predicted_low = NAN, .predicted_high = NAN};
    assert_int_equal(calibration_add(&calibration, &alone, NULL, NULL), 0);
    assert_int_equal(calibration_judge(&calibration, NULL), 0);
    assert_int_equal(calibration.all.count, 2);
    assert_int_equal(calibration.all.interval_count, 1);
    str_clear(&text);
    calibration_text(&calibration, "here", &look, &text);
    assert_non_null(strstr(str_text(&text), "2 changes: too few"));
    assert_null(strstr(str_text(&text), "Bias"));
    str_free(&text);
    calibration_deinit(&calibration);
}

int calibration_test(void);
int calibration_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bias_error_and_coverage_are_as_planted),
        cmocka_unit_test(causes_and_changes_have_figures_of_their_own),
        cmocka_unit_test(too_few_say_nothing),
    };
    return cmocka_run_group_tests_name("calibration", tests, NULL, NULL);
}
