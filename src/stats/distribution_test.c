/* SPDX-License-Identifier: Apache-2.0 */
/* Values: R 4.2. */
#include "stats/distribution.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert_near.h"

static void near_ratio(double got, double wanted)
{
    assert_near(got / wanted, 1, 1e-11);
}

static void the_normal_distribution_has_its_published_values(void **state)
{
    (void)state;
    near_ratio(normal_cdf(1.96), 0.97500210485178);
    near_ratio(normal_cdf(-5), 2.86651571879194e-07);
    near_ratio(normal_cdf(-10), 7.61985302416053e-24);
    near_ratio(normal_quantile(0.975), 1.95996398454005);
    near_ratio(normal_quantile(0.9), 1.2815515655446);
    near_ratio(normal_quantile(1e-10), -6.36134090240406);
    near_ratio(normal_quantile(0.3), -0.524400512708041);
    assert_near(normal_quantile(0.5), 0, 1e-15);
    assert_true(isinf(normal_quantile(0)) && normal_quantile(1) > 0 && isnan(normal_quantile(1.1)));
}

static void the_beta_distribution_has_its_published_values(void **state)
{
    (void)state;
    near_ratio(beta_cdf(0.3, 2, 5), 0.579825);
    near_ratio(beta_cdf(0.999, 50, 0.5), 0.752369019965377);
    near_ratio(beta_cdf(1e-4, 0.5, 100), 0.112326148922444);
    near_ratio(beta_quantile(0.025, 5, 6), 0.187086028447399);
    near_ratio(beta_quantile(0.975, 0.5, 0.5), 0.998458666866564);
    near_ratio(beta_quantile(0.01, 200, 3), 0.959040760758488);
    assert_true(beta_cdf(-1, 2, 2) == 0 && beta_cdf(2, 2, 2) == 1 && isnan(beta_cdf(0.5, 0, 1)));
}

static void students_t_has_its_published_values(void **state)
{
    (void)state;
    near_ratio(student_cdf(2.5, 4), 0.966616727594006);
    near_ratio(student_cdf(-40, 3), 1.71903403945793e-05);
    near_ratio(student_cdf(0.1, 1.5), 0.533979273256519);
    near_ratio(student_quantile(0.975, 4), 2.77644510519779);
    near_ratio(student_quantile(0.975, 9), 2.2621571627982);
    near_ratio(student_quantile(0.975, 1), 12.7062047361747);
    near_ratio(student_quantile(0.6, 7), 0.263166861352023);
    near_ratio(student_quantile(1e-6, 3), -103.299467780419);
    assert_near(student_quantile(0.5, 3), 0, 1e-12);
}

static void the_binomial_distribution_has_its_published_values(void **state)
{
    (void)state;
    near_ratio(binomial_cdf(3, 10, 0.5), 0.171875);
    assert_near(binomial_cdf(2990, 3000, 0.999), 0.00109440282301724, 1e-12);
    near_ratio(binomial_cdf(8, 40, 1 - 0.2130673528315491), 3.93699074048454e-15);
    assert_true(binomial_cdf(-1, 10, 0.5) == 0 && binomial_cdf(10, 10, 0.5) == 1);
    struct proportion_interval interval = proportion_interval(10, 200, 0.95);
    near_ratio(interval.low_ratio, 0.0242341654721085);
    near_ratio(interval.high_ratio, 0.0900275377013514);
    interval = proportion_interval(0, 20, 0.95);
    assert_true(interval.low_ratio == 0);
    near_ratio(interval.high_ratio, 0.168433470983085);
}

static void a_quantile_is_the_inverse_of_its_probability(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        double p = 0.001 + 0.0199 * i, n = 0.5;
        assert_near(normal_cdf(normal_quantile(p)), p, 1e-13);
        for (int j = 0; j < 7; j++) {
            assert_near(student_cdf(student_quantile(p, n), n), p, 1e-11);
            assert_near(beta_cdf(beta_quantile(p, n, 2.5), n, 2.5), p, 1e-11);
            n *= 3;
        }
    }
}

int distribution_test(void);
int distribution_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_normal_distribution_has_its_published_values),
        cmocka_unit_test(the_beta_distribution_has_its_published_values),
        cmocka_unit_test(students_t_has_its_published_values),
        cmocka_unit_test(the_binomial_distribution_has_its_published_values),
        cmocka_unit_test(a_quantile_is_the_inverse_of_its_probability),
    };
    return cmocka_run_group_tests_name("distribution", tests, NULL, NULL);
}
