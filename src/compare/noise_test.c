/* SPDX-License-Identifier: Apache-2.0 */
/* Values: R 4.2's binom.test and t.test. */
#include "compare/noise.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/assert_near.h"
#include "stats/random.h"

int noise_test(void);

static const struct noise counting = {.confidence_ratio = 0.95};

static struct reading samples(double count, double weight)
{
    return (struct reading){.value = count * weight, .count = count, .squares = count * weight * weight};
}

static struct estimate ratio_of(const struct noise *noise, enum reading_kind kind, struct reading a,
                                struct reading b)
{
    struct noise_side side_a = {&a, 1}, side_b = {&b, 1};
    struct noise_terms terms = {kind, 1, 0};
    return noise_ratio(noise, &terms, &side_a, &side_b);
}

static void counts_of_samples_have_the_exact_interval(void **state)
{
    (void)state;
    struct estimate estimate = ratio_of(&counting, READING_SAMPLED, samples(10, 5e6), samples(20, 5e6));
    assert_near(exp(estimate.value), 2, 1e-12);
    /* 20 of 30: 0.471879955 to 0.827125778 of all */
    assert_near(exp(estimate.low), 0.471879955 / (1 - 0.471879955), 1e-6);
    assert_near(exp(estimate.high), 0.827125778 / (1 - 0.827125778), 1e-5);
}

static void heavier_samples_of_one_side_count_by_their_weight(void **state)
{
    (void)state;
    struct estimate estimate = ratio_of(&counting, READING_SAMPLED, samples(400, 5e6), samples(400, 1e7));
    assert_near(exp(estimate.value), 2, 1e-12);
    assert_true(estimate.low > log(1.7) && estimate.high < log(2.35));
}

static void one_heavy_sample_among_light_ones_is_hardly_evidence(void **state)
{
    (void)state;
    struct reading a = samples(100, 1), b = samples(100, 1);
    b.value += 100;
    b.count += 1;
    b.squares += 100.0 * 100;
    assert_near(reading_effective_count(&b), 200.0 * 200 / 10100, 1e-9);
    struct estimate estimate = ratio_of(&counting, READING_SAMPLED, a, b);
    assert_true(estimate.low < 0);
}

static void what_is_new_needs_more_than_a_few_samples(void **state)
{
    (void)state;
    struct estimate few = ratio_of(&counting, READING_SAMPLED, samples(0, 1), samples(3, 1));
    struct estimate many = ratio_of(&counting, READING_SAMPLED, samples(0, 1), samples(12, 1));
    assert_true(few.low < 0 && isinf(few.high));
    /* 12 of 12: 0.7353515306 at least */
    assert_near(exp(many.low), 0.7353515306 / (1 - 0.7353515306), 1e-6);
    struct estimate gone = ratio_of(&counting, READING_SAMPLED, samples(12, 1), samples(0, 1));
    assert_near(gone.high, -many.low, 1e-9);
    assert_true(isinf(gone.value) && gone.value < 0);
}

static void the_noise_between_runs_widens_what_counting_leaves(void **state)
{
    (void)state;
    struct noise runs = {.confidence_ratio = 0.95, .run_deviation = 0.05};
    struct estimate estimate = ratio_of(&runs, READING_SAMPLED, samples(1e6, 1), samples(1e6, 1));
    assert_near(estimate.high, 1.959964 * 0.05 * M_SQRT2, 1e-3);
    assert_near(estimate.low, -estimate.high, 1e-6);
}

static void a_time_that_was_spent_queueing_is_doubt(void **state)
{
    (void)state;
    struct reading quiet = {.value = 1e9}, loaded = {.value = 2e9, .machine = 1e9};
    struct noise runs = {.confidence_ratio = 0.95, .run_deviation = 0.05};
    struct estimate estimate = ratio_of(&runs, READING_MEASURED, quiet, loaded);
    assert_true(estimate.low < 0 && estimate.value > 0.69);
    loaded.machine = 0;
    estimate = ratio_of(&runs, READING_MEASURED, quiet, loaded);
    assert_true(estimate.low > 0.5);
}

static void several_recordings_have_students_interval(void **state)
{
    (void)state;
    struct reading a[] = {{.value = 100}, {.value = 104}, {.value = 98}},
                   b[] = {{.value = 120}, {.value = 118}, {.value = 126}};
    struct noise_side side_a = {a, 3}, side_b = {b, 3};
    struct estimate estimate;
    /* R: 0.113642968898 to 0.259643504701 with the pooled variance 0.001036857 of 4 degrees of freedom; with the same from
     * elsewhere as often again, Student's t of 8 instead of 4. */
    struct noise_terms terms = {READING_MEASURED, 1, 0};
    struct noise typical = counting;
    typical.typical_variance[READING_MEASURED] = 0.001036857;
    double half = (0.259643504701 - 0.113642968898) / 2 / 2.776445105 * 2.306004135;
    estimate = noise_ratio(&typical, &terms, &side_a, &side_b);
    assert_near(estimate.value, (0.113642968898 + 0.259643504701) / 2, 1e-5);
    assert_near((estimate.high - estimate.low) / 2, half, 1e-4);
    typical.typical_variance[READING_MEASURED] = 0.04;
    estimate = noise_ratio(&typical, &terms, &side_a, &side_b);
    assert_true(estimate.low < 0);
}

static void what_repeats_to_the_digit_has_no_interval(void **state)
{
    (void)state;
    struct estimate estimate =
        ratio_of(&counting, READING_EXACT, (struct reading){.value = 1000}, (struct reading){.value = 1000});
    assert_true(estimate.is_exact && estimate.low >= 0 && estimate.high <= 0);
}

/* Poisson by exponential gaps. */
static double poisson(struct random *random, double mean)
{
    double count = 0, at = -log(1 - random_uniform(random));
    while (at < mean) {
        count++;
        at -= log(1 - random_uniform(random));
    }
    return count;
}

static void sampling_alone_raises_no_more_alarms_than_said(void **state)
{
    (void)state;
    static const double means[] = {4, 30, 300};
    struct random random;
    random_seed(&random, 1);
    for (size_t m = 0; m < sizeof means / sizeof means[0]; m++) {
        unsigned alarms = 0;
        for (int trial = 0; trial < 2000; trial++) {
            struct estimate estimate =
                ratio_of(&counting, READING_SAMPLED, samples(poisson(&random, means[m]), 1),
                         samples(poisson(&random, means[m]), 1));
            alarms += estimate.low > 0 || estimate.high < 0;
        }
        /* 5 % and three standard deviations */
        assert_true(alarms <= 130);
    }
}

static void a_share_moves_against_the_rest_only(void **state)
{
    (void)state;
    struct reading a = samples(300, 1), b = samples(450, 1), rest_a = samples(700, 1),
                   rest_b = samples(1050, 1);
    struct noise_side sides[] = {{&a, 1}, {&b, 1}, {&rest_a, 1}, {&rest_b, 1}};
    struct estimate estimate = noise_share_ratio(&counting, &sides[0], &sides[1], &sides[2], &sides[3]);
    assert_true(estimate.low < 0 && estimate.high > 0);
    rest_b = samples(700, 1);
    estimate = noise_share_ratio(&counting, &sides[0], &sides[1], &sides[2], &sides[3]);
    assert_true(estimate.low > 0.2);
}

int noise_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_of_samples_have_the_exact_interval),
        cmocka_unit_test(heavier_samples_of_one_side_count_by_their_weight),
        cmocka_unit_test(one_heavy_sample_among_light_ones_is_hardly_evidence),
        cmocka_unit_test(what_is_new_needs_more_than_a_few_samples),
        cmocka_unit_test(the_noise_between_runs_widens_what_counting_leaves),
        cmocka_unit_test(a_time_that_was_spent_queueing_is_doubt),
        cmocka_unit_test(several_recordings_have_students_interval),
        cmocka_unit_test(what_repeats_to_the_digit_has_no_interval),
        cmocka_unit_test(sampling_alone_raises_no_more_alarms_than_said),
        cmocka_unit_test(a_share_moves_against_the_rest_only),
    };
    return cmocka_run_group_tests_name("noise", tests, NULL, NULL);
}
