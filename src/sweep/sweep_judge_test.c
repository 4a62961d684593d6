/* SPDX-License-Identifier: Apache-2.0 */
#include "sweep/sweep_judge.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert_near.h"
#include "stats/random.h"
#include "sweep/sweep_export.h"

/* Values of one knob whose times are given; noise is a part of each, and a round's own noise is on all values of it. */
struct made {
    const char *name;
    double numbers[12], times_ms[12];
    size_t count;
    double noise, round_noise;
    size_t rounds;
    uint64_t seed;
};

static void add_runs(struct sweep_result *result, const struct made *made, size_t first, size_t rounds,
                     struct random *random)
{
    for (size_t round = first; round < first + rounds; round++) {
        double shared = made->round_noise * random_normal(random);
        for (size_t i = 0; i < made->count; i++) {
            double time_ms = made->times_ms[i] * exp(shared + made->noise * random_normal(random));
            struct bench_run run = {.round = (uint32_t)round,
                                    .wall_ns = (uint64_t)(time_ms * 1e6),
                                    .user_ns = 1000000,
                                    .memory_bytes_max = 1000000 + 1000 * i};
            if (!result->values.items[i].is_dropped)
                assert_int_equal(vec_push(&result->bench.arms.items[i].runs, run), 0);
        }
    }
}

static void make(const struct made *made, struct sweep_result *result, struct random *random)
{
    *result =
        (struct sweep_result){.bench = {.confidence_ratio = 0.95, .threshold_ratio = 0.01, .cpu_count = 2},
                              .knob_count = 1,
                              .best = SWEEP_NONE,
                              .today = SWEEP_NONE,
                              .fine_start = SWEEP_NONE,
                              .confirm_start = SWEEP_NONE,
                              .control_arm = SWEEP_NONE};
    result->knobs[0] = (struct knob){.name = made->name ? made->name : "workers", .is_number = true};
    random_seed(random, made->seed ? made->seed : 7);
    for (size_t i = 0; i < made->count; i++) {
        char text[32];
        snprintf(text, sizeof text, "%g", made->numbers[i]);
        struct bench_arm arm = {.name = "A", .command = "true"};
        struct sweep_value value = {.arm = i,
                                    .rows = 1,
                                    .reference = SWEEP_NONE,
                                    .knobs = {{arena_string(&result->bench.arena, text), made->numbers[i]}}};
        assert_int_equal(vec_push(&result->bench.arms, arm), 0);
        assert_int_equal(vec_push(&result->values, value), 0);
    }
}

/* The whole of a sweep without new values: a first look, drop, the rest of the rounds, judge. */
static void sweep_made(const struct made *made, enum sweep_law law, struct sweep_result *result)
{
    struct random random;
    size_t best;
    make(made, result, &random);
    add_runs(result, made, 0, SWEEP_COARSE_ROUNDS, &random);
    result->rounds[SWEEP_COARSE] = SWEEP_COARSE_ROUNDS;
    assert_int_equal(sweep_drop(result, &best, NULL), 0);
    result->fine_start = SWEEP_COARSE_ROUNDS;
    result->rounds[SWEEP_FINE] = made->rounds ? made->rounds : 12;
    add_runs(result, made, SWEEP_COARSE_ROUNDS, result->rounds[SWEEP_FINE], &random);
    assert_int_equal(sweep_judge(result, law, NULL), 0);
}

static void the_best_is_found_and_what_is_as_good_with_it(void **state)
{
    (void)state;
    struct sweep_result result;
    sweep_made(&(struct made){.numbers = {1, 2, 4, 8, 16, 32, 64},
                              .times_ms = {200, 100, 60, 40, 40, 45, 80},
                              .count = 7,
                              .noise = 0.01,
                              .round_noise = 0.2},
               SWEEP_LAW_AUTO, &result);
    assert_true(result.best == 3 || result.best == 4);
    assert_int_equal(result.tied_count, 2);
    assert_true(result.values.items[3].is_tied && result.values.items[4].is_tied &&
                !result.values.items[5].is_tied);
    assert_true(result.values.items[0].is_dropped && result.values.items[1].is_dropped &&
                result.values.items[6].is_dropped);
    assert_int_equal(result.values.items[0].count, SWEEP_COARSE_ROUNDS);
    assert_near(exp(result.values.items[5].log_ratio.value), 45.0 / 40, 0.02);
    assert_near(exp(result.values.items[0].log_ratio.value), 5, 0.15);
    assert_true(result.values.items[0].log_ratio.low > 0);
    assert_false(sweep_is_flat(&result));
    assert_near(result.values.items[5].memory_bytes, 1005000, 1);
    sweep_result_free(&result);
}

/* At 95 %: of 100 sweeps in which no value is better, 5 may tell one from the best. */
static void values_that_are_all_alike_are_all_tied(void **state)
{
    (void)state;
    size_t flat = 0;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct sweep_result result;
        sweep_made(&(struct made){.numbers = {1, 2, 4, 8, 16, 32, 64},
                                  .times_ms = {40, 40, 40, 40, 40, 40, 40},
                                  .count = 7,
                                  .noise = 0.03,
                                  .round_noise = 0.1,
                                  .seed = seed},
                   SWEEP_LAW_NONE, &result);
        flat += sweep_is_flat(&result);
        sweep_result_free(&result);
    }
    assert_true(flat >= 95);
}

static void with_few_rounds_a_large_difference_is_still_told(void **state)
{
    (void)state;
    struct sweep_result result;
    sweep_made(
        &(struct made){.numbers = {1, 2, 3}, .times_ms = {40, 42, 80}, .count = 3, .noise = 0.2, .rounds = 1},
        SWEEP_LAW_NONE, &result);
    assert_true(result.tied_count <= 3 && result.values.items[result.best].is_tied);
    sweep_result_free(&result);
    sweep_made(
        &(struct made){
            .numbers = {1, 2, 3}, .times_ms = {40, 40, 80}, .count = 3, .noise = 0.01, .rounds = 1},
        SWEEP_LAW_NONE, &result);
    assert_false(result.values.items[2].is_tied);
    sweep_result_free(&result);
}

static void workers_follow_the_scalability_law(void **state)
{
    (void)state;
    struct made made = {.numbers = {1, 2, 4, 8, 16, 32, 64}, .count = 7, .noise = 0.002};
    struct usl usl = {10, 0.03, 0.001};
    struct sweep_result result;
    for (size_t i = 0; i < made.count; i++)
        made.times_ms[i] = 1000 / usl_throughput(&usl, made.numbers[i]);
    sweep_made(&made, SWEEP_LAW_AUTO, &result);
    assert_int_equal(result.fit.law, SWEEP_LAW_USL);
    assert_near(result.fit.usl.peak_workers, usl_peak(&usl), 1);
    assert_near(result.fit.usl.sigma.value, 0.03, 0.003);
    assert_near(sweep_law_shown(&result, 8) / 1e6, 1000 / usl_throughput(&usl, 8), 0.3);
    sweep_result_free(&result);
    made.count = 5;
    sweep_made(&made, SWEEP_LAW_USL, &result);
    assert_int_equal(result.fit.law, SWEEP_LAW_NONE);
    assert_string_equal(result.fit.refusal, "the Universal Scalability Law takes 6 values, 5 were measured");
    sweep_result_free(&result);
}

static void a_law_that_does_not_hold_is_not_told_unasked(void **state)
{
    (void)state;
    struct made made = {.numbers = {1, 2, 4, 8, 16, 32, 64},
                        .times_ms = {10, 10, 80, 10, 90, 10, 70},
                        .count = 7,
                        .noise = 0.002};
    struct sweep_result result;
    sweep_made(&made, SWEEP_LAW_AUTO, &result);
    assert_int_equal(result.fit.law, SWEEP_LAW_NONE);
    assert_non_null(strstr(result.fit.refusal, "% unexplained"));
    sweep_result_free(&result);
    sweep_made(&made, SWEEP_LAW_USL, &result);
    assert_int_equal(result.fit.law, SWEEP_LAW_USL);
    assert_true(result.fit.usl.residual_error > SWEEP_POORLY_RATIO);
    sweep_result_free(&result);
}

static void batches_follow_theirs_whatever_the_knob_is_called(void **state)
{
    (void)state;
    struct made made = {.numbers = {1, 3, 10, 30, 100, 300, 1000}, .count = 7, .noise = 0.002};
    struct sweep_result result;
    struct str text = {0};
    for (size_t i = 0; i < made.count; i++)
        made.times_ms[i] = 400 / made.numbers[i] + 20;
    const char *const names[] = {"batch", "n"};
    for (size_t i = 0; i < 2; i++) {
        made.name = names[i];
        sweep_made(&made, SWEEP_LAW_AUTO, &result);
        assert_int_equal(result.fit.law, SWEEP_LAW_BATCH);
        assert_near(result.fit.batch.fixed.value, 0.4, 0.01);
        assert_near(result.fit.batch.each.value, 0.02, 0.001);
        assert_near(result.fit.batch.size, 19 * 20, 20);
        sweep_result_free(&result);
    }
    sweep_made(&made, SWEEP_LAW_NONE, &result);
    assert_int_equal(result.fit.law, SWEEP_LAW_NONE);
    sweep_law_text(&result, &text);
    assert_int_equal(text.length, 0);
    sweep_result_free(&result);
}

/* Today and the best in rounds of their own: times by which they differ there, and the control. */
static void add_confirmation(struct sweep_result *result, size_t today, double best_ms, double today_ms,
                             double control_ms)
{
    struct random random;
    struct bench_arm control = {.name = "control", .is_control = true};
    random_seed(&random, 3);
    result->today = today;
    result->confirm_start = 100;
    result->control_arm = result->bench.arms.count;
    assert_int_equal(vec_push(&result->bench.arms, control), 0);
    for (uint32_t round = 100; round < 112; round++) {
        size_t arms[] = {result->values.items[result->best].arm, today, result->control_arm};
        double times[] = {best_ms, today_ms, control_ms};
        for (size_t i = 0; i < 3; i++) {
            struct bench_run run = {.round = round,
                                    .wall_ns =
                                        (uint64_t)(times[i] * 1e6 * exp(0.005 * random_normal(&random))),
                                    .memory_bytes_max = 1};
            assert_int_equal(vec_push(&result->bench.arms.items[arms[i]].runs, run), 0);
        }
    }
    result->tied_count = 0;
    assert_int_equal(sweep_judge(result, SWEEP_LAW_NONE, NULL), 0);
}

static void what_a_move_brings_is_measured_anew(void **state)
{
    (void)state;
    struct made made = {.numbers = {1, 2, 4}, .times_ms = {80, 60, 40}, .count = 3, .noise = 0.01};
    struct sweep_result result;
    struct str text = {0};
    sweep_made(&made, SWEEP_LAW_NONE, &result);
    assert_false(result.move.is_known);
    add_confirmation(&result, 0, 40, 60, 40);
    assert_true(result.move.is_known && result.move.pair_count == 12);
    assert_int_equal(result.move.verdict, EFFECT_FASTER);
    assert_near(exp(result.move.log_ratio.value), 40.0 / 60, 0.01);
    assert_false(result.values.items[0].is_tied);
    sweep_today_text(&result, &text);
    assert_non_null(strstr(str_text(&text), "workers=1: "));
    assert_non_null(strstr(str_text(&text), "; moving to the best makes it 1.5"));
    str_free(&text);
    sweep_result_free(&result);
    /* The best differs from itself by 40 %: so might it from today's. */
    sweep_made(&made, SWEEP_LAW_NONE, &result);
    add_confirmation(&result, 0, 40, 44, 56);
    assert_int_equal(result.move.verdict, EFFECT_INCONCLUSIVE);
    assert_int_equal(result.move.denial, BENCH_DENIED_BY_CONTROL);
    sweep_result_free(&result);
}

static void a_value_that_fails_is_told_and_left_out(void **state)
{
    (void)state;
    struct made made = {.numbers = {1, 2, 4, 8}, .times_ms = {80, 60, 40, 10}, .count = 4, .noise = 0.01};
    struct sweep_result result;
    struct random random;
    struct sweep_look look = {.width = 80, .ascii = true};
    struct str text = {0};
    size_t best;
    make(&made, &result, &random);
    add_runs(&result, &made, 0, 8, &random);
    result.bench.arms.items[3].failure = "could not measure";
    result.bench.arms.items[3].failure_status = 3;
    assert_int_equal(sweep_drop(&result, &best, NULL), 0);
    assert_int_equal(best, 2);
    assert_int_equal(sweep_judge(&result, SWEEP_LAW_NONE, NULL), 0);
    assert_int_equal(result.best, 2);
    assert_int_equal(result.failed_count, 1);
    assert_int_equal(result.values.items[3].count, 0);
    sweep_text(&result, &look, &text);
    assert_non_null(strstr(str_text(&text), "          8 fails: exit status 3\n"));
    assert_non_null(strstr(str_text(&text), "set:knob/workers=4"));
    assert_null(strstr(str_text(&text), " \n"));
    str_free(&text);
    sweep_result_free(&result);
}

static void a_rate_is_better_when_it_is_more(void **state)
{
    (void)state;
    struct made made = {.numbers = {1, 2, 4}, .times_ms = {80, 60, 40}, .count = 3, .noise = 0.01};
    struct sweep_result result;
    struct str text = {0};
    sweep_made(&made, SWEEP_LAW_NONE, &result);
    result.objective = SWEEP_ROWS;
    for (size_t i = 0; i < 3; i++)
        result.values.items[i].rows = i == 0 ? 1000 : 100;
    result.tied_count = 0;
    for (size_t i = 0; i < 3; i++)
        result.values.items[i].is_dropped = false;
    result.fine_start = SWEEP_NONE;
    assert_int_equal(sweep_judge(&result, SWEEP_LAW_NONE, NULL), 0);
    assert_int_equal(result.best, 0);
    assert_near(sweep_shown(SWEEP_ROWS, result.values.items[0].cost), 12500, 150);
    sweep_json(&result, &text);
    assert_non_null(strstr(str_text(&text), "\"objective\": \"rows_per_s\""));
    assert_non_null(strstr(str_text(&text), "\"better\": \"more\""));
    str_free(&text);
    sweep_result_free(&result);
}

int sweep_judge_test(void);
int sweep_judge_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_is_found_and_what_is_as_good_with_it),
        cmocka_unit_test(values_that_are_all_alike_are_all_tied),
        cmocka_unit_test(with_few_rounds_a_large_difference_is_still_told),
        cmocka_unit_test(workers_follow_the_scalability_law),
        cmocka_unit_test(a_law_that_does_not_hold_is_not_told_unasked),
        cmocka_unit_test(batches_follow_theirs_whatever_the_knob_is_called),
        cmocka_unit_test(what_a_move_brings_is_measured_anew),
        cmocka_unit_test(a_value_that_fails_is_told_and_left_out),
        cmocka_unit_test(a_rate_is_better_when_it_is_more),
    };
    return cmocka_run_group_tests_name("sweep_judge", tests, NULL, NULL);
}
