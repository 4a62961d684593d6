/* SPDX-License-Identifier: Apache-2.0 */
#include "law/scaling.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/assert_near.h"

static void amdahl_has_its_published_values(void **state)
{
    (void)state;
    assert_near(amdahl_speedup(0.05, 8), 5.925926, 5e-7);
    assert_near(amdahl_limit(0.05), 20, 1e-12);
    assert_true(isinf(amdahl_limit(0)));
    assert_near(amdahl_speedup(0, 8), 8, 1e-12);
    assert_near(amdahl_speedup(1, 8), 1, 1e-12);
}

static void gustafson_has_its_published_value(void **state)
{
    (void)state;
    assert_near(gustafson_speedup(0.05, 8), 7.65, 1e-12);
}

static void the_serial_part_comes_back_from_the_speedup(void **state)
{
    (void)state;
    assert_near(amdahl_serial_ratio(amdahl_speedup(0.05, 8), 8), 0.05, 1e-12);
    assert_near(amdahl_serial_ratio(1, 1), 0, 0);
    assert_near(amdahl_speedup(0.05, amdahl_workers(0.05, 0.9)), 0.9 * 20, 1e-9);
    assert_true(isinf(amdahl_workers(0, 0.9)));
}

int scaling_test(void);
int scaling_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amdahl_has_its_published_values),
        cmocka_unit_test(gustafson_has_its_published_value),
        cmocka_unit_test(the_serial_part_comes_back_from_the_speedup),
    };
    return cmocka_run_group_tests_name("scaling", tests, NULL, NULL);
}
