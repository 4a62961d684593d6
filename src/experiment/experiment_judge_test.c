/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/assert_near.h"
#include "experiment/experiment.h"
#include "experiment/internal.h"

static enum experiment_outcome judged(double low, double value, double high, double promised_low,
                                      double promised)
{
    const struct experiment_gain gain = {.factor = value, .factor_low = low, .factor_high = high};
    const struct experiment_promise promise = {.factor = promised, .factor_low = promised_low};
    return experiment_judge(&gain, &promise);
}

static void less_than_the_careful_end_for_sure_is_rejected(void **state)
{
    (void)state;
    assert_int_equal(judged(1.01, 1.03, 1.05, 1.4, 1.5), EXPERIMENT_REJECTED);
    assert_int_equal(judged(0.7, 0.8, 0.9, 0, 1.5), EXPERIMENT_REJECTED);
    /* The interval still reaches it: not for sure. */
    assert_int_equal(judged(1.01, 1.2, 1.45, 1.4, 1.5), EXPERIMENT_UNDECIDED);
}

static void a_gain_that_reaches_the_careful_end_is_confirmed(void **state)
{
    (void)state;
    assert_int_equal(judged(1.3, 1.45, 1.6, 1.4, 1.5), EXPERIMENT_CONFIRMED);
    assert_int_equal(judged(2.5, 2.6, 2.7, 1.4, 1.5), EXPERIMENT_CONFIRMED);
    assert_int_equal(judged(1.3, 1.45, 1.6, 0, 1.5), EXPERIMENT_UNDECIDED);
    /* It may be nothing at all. */
    assert_int_equal(judged(0.9, 1.45, 2.6, 1.4, 1.5), EXPERIMENT_UNDECIDED);
}

static void without_a_promise_it_is_measured_and_without_an_interval_undecided(void **state)
{
    (void)state;
    assert_int_equal(judged(1.3, 1.4, 1.5, 0, 0), EXPERIMENT_MEASURED);
    assert_int_equal(judged(0, 1.1, INFINITY, 1.4, 1.5), EXPERIMENT_UNDECIDED);
}

static void the_sentence_says_what_was_found_and_what_was_claimed(void **state)
{
    (void)state;
    struct experiment_result result = {.stage = "check",
                                       .means = EXPERIMENT_REPLAY,
                                       .has_gain = true,
                                       .gain = {1.03, 1.02, 1.04, true},
                                       .promise = {1.5, 1.4, 1.6, "configuration/1"}};
    assert_int_equal(experiment_conclude(&result, NULL), 0);
    assert_string_equal(result.sentence,
                        "If check cost nothing the run would be 1.03x (1.02x to 1.04x) faster; "
                        "1.50x (1.40x to 1.60x) was claimed by configuration/1: rejected");
    arena_free(&result.arena);
    result = (struct experiment_result){
        .means = EXPERIMENT_KNOB, .has_gain = true, .gain = {0.5, 0.4, 0.8, false}};
    assert_int_equal(experiment_conclude(&result, NULL), 0);
    assert_string_equal(result.sentence, "With the change the run is 2.00x (1.25x to 2.50x) slower");
    arena_free(&result.arena);
    result = (struct experiment_result){.means = EXPERIMENT_HOLD,
                                        .stage = "sort",
                                        .has_gain = true,
                                        .share = 0.2,
                                        .gain = {1.25, 1.2, 1.3, true}};
    assert_int_equal(experiment_conclude(&result, NULL), 0);
    assert_string_equal(result.sentence,
                        "20.0 % of the run hangs on sort, which can bring at most 1.25x (1.20x to 1.30x)");
    arena_free(&result.arena);
}

/* Six rounds: 100 ms; with all else stopped for half (all) of the 40 ms in which the stage ran, which nobody waited for meanwhile. */
static void time_that_was_inserted_elsewhere_is_a_faster_stage(void **state)
{
    (void)state;
    struct experiment_result result = {.levels = {0.5, 1}, .level_count = 2};
    struct trial trial = {.result = &result, .means = EXPERIMENT_OTHERS};
    double inserted_ns[6 * 3];
    result.bench.rounds = 6;
    result.bench.confidence_ratio = 0.95;
    for (size_t i = 0; i < 3; i++) {
        struct bench_arm arm = {0};
        for (size_t round = 0; round < 6; round++) {
            /* The stage runs on while others stand still: the run takes as long, less was done beside it. */
            const struct bench_run run = {.wall_ns = 100000000 + round * 1000};
            assert_int_equal(vec_push(&arm.runs, run), 0);
            inserted_ns[round * 3 + i] = i == 0 ? 0 : i == 1 ? 40e6 / 3 : 40e6 / 2;
        }
        assert_int_equal(vec_push(&result.bench.arms, arm), 0);
    }
    assert_int_equal(experiment_share(&trial, inserted_ns, NULL), 0);
    assert_near(result.share, 0.4, 0.001);
    assert_near(result.gain.factor, 1 / 0.6, 0.01);
    for (size_t i = 0; i < 3; i++)
        vec_free(&result.bench.arms.items[i].runs);
    vec_free(&result.bench.arms);
    arena_free(&result.arena);
}

static void means_have_names_that_find_them(void **state)
{
    (void)state;
    enum experiment_means means;
    for (int i = 0; i < EXPERIMENT_MEANS_COUNT; i++) {
        assert_true(experiment_means_find(experiment_means_name((enum experiment_means)i), &means));
        assert_int_equal(means, i);
    }
    assert_false(experiment_means_find("magic", &means));
}

int experiment_judge_test(void);
int experiment_judge_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(less_than_the_careful_end_for_sure_is_rejected),
        cmocka_unit_test(a_gain_that_reaches_the_careful_end_is_confirmed),
        cmocka_unit_test(without_a_promise_it_is_measured_and_without_an_interval_undecided),
        cmocka_unit_test(the_sentence_says_what_was_found_and_what_was_claimed),
        cmocka_unit_test(time_that_was_inserted_elsewhere_is_a_faster_stage),
        cmocka_unit_test(means_have_names_that_find_them),
    };
    return cmocka_run_group_tests_name("experiment_judge", tests, NULL, NULL);
}
