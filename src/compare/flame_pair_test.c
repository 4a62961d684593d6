/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "compare/flame_pair.h"
#include "report/flame_data.h"

static const struct flame_node before_nodes[] = {
    {.name = "all", .total_ns = 3000000},
    {.name = "app", .parent = 0, .total_ns = 3000000, .kind = FLAME_PROGRAM},
    {.name = "load", .parent = 1, .self_ns = 1000000, .total_ns = 1000000},
    {.name = "gone", .parent = 1, .self_ns = 2000000, .total_ns = 2000000},
};
static const struct flame_node after_nodes[] = {
    {.name = "all", .total_ns = 2000000},
    {.name = "app", .parent = 0, .total_ns = 2000000, .kind = FLAME_PROGRAM},
    {.name = "new", .parent = 1, .self_ns = 800000, .total_ns = 800000},
    {.name = "load", .parent = 1, .self_ns = 1200000, .total_ns = 1200000},
};

static void written(enum flame_unit unit, uint64_t rate_bytes, struct str *text)
{
    struct err err = {0};
    const struct flame before = {before_nodes, 4, unit}, after = {after_nodes, 4, unit};
    const struct flame_pair pair = {
        {&before, "a.toll", rate_bytes}, {&after, "b.toll", rate_bytes}, " never freed"};
    if (flame_pair_write(&pair, text, &err))
        fail_msg("%s", err.what);
}

static void a_pair_has_what_is_gone_and_what_is_new(void **state)
{
    (void)state;
    struct str text = {0};
    written(FLAME_BYTES, 0, &text);
    const char *svg = str_text(&text);
    assert_non_null(strstr(svg, "a.toll"));
    assert_non_null(strstr(svg, "3 MB -&gt; 2 MB never freed"));
    assert_non_null(strstr(svg, "\"unit\":\"bytes\""));
    assert_non_null(strstr(svg, "gone: itself 2 MB -&gt; 0 B"));
    assert_non_null(strstr(svg, "new: itself 0 B -&gt; 800 kB"));
    assert_non_null(strstr(svg, "load: itself 1 MB -&gt; 1.2 MB, 1.20x"));
    assert_non_null(strstr(svg, "fg-b4"));
    assert_non_null(strstr(svg, "fg-r4"));
    assert_non_null(strstr(svg, "fg-r1"));
    str_free(&text);
}

/* Two standard deviations of what is estimated from a sample in 10 kB: 2 * sqrt(10,000 * 2,200,000), about 297 kB. */
static void a_change_within_the_error_of_sampling_is_none(void **state)
{
    (void)state;
    struct str text = {0};
    written(FLAME_BYTES, 10000, &text);
    assert_non_null(strstr(str_text(&text), "load: itself 1 MB -&gt; 1.2 MB, within noise"));
    assert_non_null(strstr(str_text(&text), "within the error of sampling"));
    assert_non_null(strstr(str_text(&text), "fg-b4"));
    str_free(&text);
    struct str counts = {0};
    written(FLAME_ALLOCATIONS, 10000, &counts);
    assert_non_null(
        strstr(str_text(&counts), "load: itself 1,000,000 allocations -&gt; 1,200,000 allocations, within"));
    str_free(&counts);
}

static void four_times_as_much_is_the_deepest_shade(void **state)
{
    (void)state;
    assert_int_equal(flame_shade(1.01), 1);
    assert_int_equal(flame_shade(4.1), FLAME_SHADES);
    assert_int_equal(flame_shade(INFINITY), FLAME_SHADES);
    assert_int_equal(flame_shade(0.9), -1);
    assert_int_equal(flame_shade(0), -FLAME_SHADES);
}

int flame_pair_test(void);
int flame_pair_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pair_has_what_is_gone_and_what_is_new),
        cmocka_unit_test(a_change_within_the_error_of_sampling_is_none),
        cmocka_unit_test(four_times_as_much_is_the_deepest_shade),
    };
    return cmocka_run_group_tests_name("flame_pair", tests, NULL, NULL);
}
