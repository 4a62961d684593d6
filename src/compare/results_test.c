/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert_near.h"
#include "stats/random.h"

int results_test(void);

static const struct compare_options defaults = {.threshold_ratio = -1, .noise_ratio = -1};

struct texts {
    struct str items[16];
    struct compare_text given[16];
    size_t count;
};

static void add_text(struct texts *texts, const char *text)
{
    struct str *item = &texts->items[texts->count];
    str_append(item, text);
    texts->given[texts->count++] = (struct compare_text){"file", item->text, item->length};
}

static void texts_free(struct texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        str_free(&texts->items[i]);
}

static int run(const struct texts *a, const struct texts *b, struct comparison *ret_comparison,
               struct err *err)
{
    struct compare_results_request request = {.a = a->given,
                                              .count_a = a->count,
                                              .b = b ? b->given : NULL,
                                              .count_b = b ? b->count : 0,
                                              .options = defaults};
    return compare_results(&request, ret_comparison, err);
}

static const struct difference *find(const struct comparison *comparison, const char *metric)
{
    for (size_t i = 0; i < comparison->differences.count; i++)
        if (strcmp(comparison->differences.items[i].metric, metric) == 0)
            return &comparison->differences.items[i];
    fail_msg("there is no %s", metric);
    return NULL;
}

/* One benchmark of Go with `count` times about `mean`, and bytes that repeat. */
static void go_text(struct texts *texts, struct random *random, double mean, int count, int bytes)
{
    struct str text = {0};
    for (int i = 0; i < count; i++)
        str_printf(&text, "BenchmarkX-2 1000 %.3f ns/op %d B/op\n", mean * (1 + 0.02 * random_normal(random)),
                   bytes);
    add_text(texts, text.text);
    str_free(&text);
}

static void a_slower_benchmark_is_slower_and_unpaired(void **state)
{
    (void)state;
    struct texts a = {0}, b = {0};
    struct random random;
    struct comparison comparison;
    random_seed(&random, 3);
    go_text(&a, &random, 100, 20, 16);
    go_text(&b, &random, 110, 20, 24);
    assert_int_equal(run(&a, &b, &comparison, NULL), 0);
    const struct difference *time = find(&comparison, "time_per_op"),
                            *bytes = find(&comparison, "bytes_per_op");
    assert_int_equal(time->verdict, EFFECT_SLOWER);
    assert_false(time->is_paired);
    assert_true(time->is_primary);
    assert_true(time->ratio_low > 1.06 && time->ratio_high < 1.14);
    assert_true(time->smallest_effect_ratio < 0.05);
    assert_true(bytes->is_exact && bytes->verdict == EFFECT_SLOWER);
    assert_near(bytes->ratio, 1.5, 1e-12);
    assert_true(comparison_is_slower(&comparison));
    comparison_free(&comparison);
    texts_free(&a);
    texts_free(&b);
}

static void the_same_is_not_told_apart(void **state)
{
    (void)state;
    struct random random;
    unsigned claims = 0;
    random_seed(&random, 4);
    for (int trial = 0; trial < 300; trial++) {
        struct texts a = {0}, b = {0};
        struct comparison comparison;
        go_text(&a, &random, 100, 10, 16);
        go_text(&b, &random, 100, 10, 16);
        assert_int_equal(run(&a, &b, &comparison, NULL), 0);
        enum effect_verdict verdict = find(&comparison, "time_per_op")->verdict;
        claims += verdict == EFFECT_SLOWER || verdict == EFFECT_FASTER;
        assert_int_equal(find(&comparison, "bytes_per_op")->verdict, EFFECT_EQUIVALENT);
        comparison_free(&comparison);
        texts_free(&a);
        texts_free(&b);
    }
    assert_true(claims <= 15);
}

/* Two arms whose rounds drift together by more than they differ. */
static void bench_text(struct texts *texts, struct random *random, double ratio)
{
    struct str text = {0};
    str_append(&text, "{\"schema\": \"toll.bench/1\", \"arms\": [");
    for (int arm = 0; arm < 2; arm++) {
        str_printf(&text, "%s{\"name\": \"%c\", \"command\": \"run %d\", \"runs\": [", arm ? ", " : "",
                   'A' + arm, arm);
        for (int round = 0; round < 20; round++)
            str_printf(&text, "%s{\"round\": %d, \"wall_ns\": %.0f, \"memory_bytes_max\": 1000000}",
                       round ? ", " : "", round,
                       1e6 * (1 + 0.1 * round) * (arm ? ratio : 1) * (1 + 0.001 * random_normal(random)));
        str_append(&text, "]}");
    }
    str_append(&text, "]}");
    add_text(texts, text.text);
    str_free(&text);
}

static void rounds_of_one_benchmark_are_pairs(void **state)
{
    (void)state;
    struct texts a = {0};
    struct random random;
    struct comparison comparison;
    random_seed(&random, 5);
    bench_text(&a, &random, 1.03);
    assert_int_equal(run(&a, NULL, &comparison, NULL), 0);
    const struct difference *wall = find(&comparison, "wall_ns");
    assert_true(wall->is_paired);
    assert_int_equal(wall->verdict, EFFECT_SLOWER);
    assert_near(wall->ratio, 1.03, 0.003);
    assert_string_equal(comparison.sides[0].title, "run 0");
    assert_string_equal(comparison.sides[1].title, "run 1");
    comparison_free(&comparison);
    texts_free(&a);
}

static void two_sessions_of_a_benchmark_are_no_pairs(void **state)
{
    (void)state;
    struct texts a = {0}, b = {0};
    struct random random;
    struct comparison comparison;
    random_seed(&random, 6);
    bench_text(&a, &random, 1.03);
    bench_text(&b, &random, 1.03);
    assert_int_equal(run(&a, &b, &comparison, NULL), 0);
    const struct difference *wall = find(&comparison, "wall_ns");
    assert_false(wall->is_paired);
    assert_int_equal(wall->verdict, EFFECT_INCONCLUSIVE);
    comparison_free(&comparison);
    texts_free(&a);
    texts_free(&b);
}

static void wrk_text(struct texts *texts, double rate, double p99_ms)
{
    char text[512];
    snprintf(text, sizeof text,
             "  Thread Stats   Avg      Stdev     Max   +/- Stdev\n    Latency     1.00ms  1.00ms   9.00ms   "
             "90.00%%\n"
             "  Latency Distribution\n     50%%    1.00ms\n     99%%    %.2fms\nRequests/sec:  %.2f\n",
             p99_ms, rate);
    add_text(texts, text);
}

static void one_session_each_has_no_verdict_and_says_why(void **state)
{
    (void)state;
    struct texts a = {0}, b = {0};
    struct comparison comparison;
    wrk_text(&a, 1000, 5);
    wrk_text(&b, 2000, 3);
    assert_int_equal(run(&a, &b, &comparison, NULL), 0);
    const struct difference *rate = find(&comparison, "requests_per_s");
    assert_false(rate->has_verdict);
    assert_int_equal(rate->denial, COMPARE_DENIED_BY_RUNS);
    assert_near(rate->ratio, 2, 1e-12);
    assert_false(comparison_is_slower(&comparison));
    comparison_free(&comparison);
    texts_free(&a);
    texts_free(&b);
}

static void several_sessions_a_side_have_one_and_higher_is_better(void **state)
{
    (void)state;
    struct texts a = {0}, b = {0};
    struct comparison comparison;
    for (int i = 0; i < 6; i++) {
        wrk_text(&a, 1000 + i, 5 + 0.01 * i);
        wrk_text(&b, 1100 + i, 5 + 0.011 * i);
    }
    assert_int_equal(run(&a, &b, &comparison, NULL), 0);
    const struct difference *rate = find(&comparison, "requests_per_s"),
                            *p99 = find(&comparison, "latency_ns_p99");
    assert_true(rate->higher_is_better);
    assert_int_equal(rate->verdict, EFFECT_FASTER);
    assert_near(rate->ratio, 1.1, 0.01);
    assert_int_equal(rate->count_a, 6);
    assert_true(p99->verdict != EFFECT_SLOWER && p99->verdict != EFFECT_FASTER);
    comparison_free(&comparison);
    texts_free(&a);
    texts_free(&b);
}

static void many_metrics_need_stronger_evidence(void **state)
{
    (void)state;
    struct texts a = {0}, b = {0};
    struct comparison comparison;
    struct str text[2] = {{0}};
    struct err err;
    /* Five values each that do not overlap have p = 2 / 252; times twenty benchmarks that is 0.16. */
    for (int side = 0; side < 2; side++) {
        for (int name = 0; name < 20; name++)
            for (int i = 0; i < 5; i++)
                str_printf(&text[side], "Benchmark%c 10 %.1f ns/op\n", 'A' + name,
                           100 + i * 0.5 + (side && name == 0 ? 20 : 0) +
                               (name && (i + name + side) % 2 ? 3 : 0));
        add_text(side ? &b : &a, text[side].text);
        str_free(&text[side]);
    }
    assert_int_equal(run(&a, &b, &comparison, &err), 0);
    const struct difference *first = &comparison.differences.items[0];
    assert_true(first->p_value < 0.01);
    assert_true(first->p_value_adjusted > 0.05);
    assert_int_equal(first->verdict, EFFECT_INCONCLUSIVE);
    assert_int_equal(first->denial, COMPARE_DENIED_BY_MANY);
    comparison_free(&comparison);
    texts_free(&a);
    texts_free(&b);
}

static void mixed_formats_are_refused_by_name(void **state)
{
    (void)state;
    struct texts a = {0}, b = {0};
    struct comparison comparison;
    struct random random;
    struct err err;
    random_seed(&random, 7);
    go_text(&a, &random, 100, 5, 16);
    wrk_text(&b, 1000, 5);
    assert_int_equal(run(&a, &b, &comparison, &err), -ERR_INPUT);
    assert_non_null(strstr(err.what, "wrk"));
    assert_non_null(strstr(err.what, "go"));
    texts_free(&a);
    texts_free(&b);
}

static void what_has_no_counterpart_is_listed(void **state)
{
    (void)state;
    struct texts a = {0}, b = {0};
    struct comparison comparison;
    struct err err;
    add_text(&a, "BenchmarkOld 10 5 ns/op\nBenchmarkBoth 10 5 ns/op\n");
    add_text(&b, "BenchmarkNew 10 5 ns/op\nBenchmarkBoth 10 5 ns/op\n");
    assert_int_equal(run(&a, &b, &comparison, &err), 0);
    assert_int_equal(comparison.differences.count, 1);
    assert_string_equal(comparison.only_a.items[0], "BenchmarkOld");
    assert_string_equal(comparison.only_b.items[0], "BenchmarkNew");
    comparison_free(&comparison);
    texts_free(&a);
    texts_free(&b);
}

static void a_value_of_zero_has_no_ratio(void **state)
{
    (void)state;
    struct texts a = {0}, b = {0};
    struct comparison comparison;
    struct err err;
    add_text(&a, "BenchmarkX 10 5 ns/op 0 B/op\nBenchmarkX 10 6 ns/op 0 B/op\n");
    add_text(&b, "BenchmarkX 10 0 ns/op 8 B/op\nBenchmarkX 10 6 ns/op 8 B/op\n");
    assert_int_equal(run(&a, &b, &comparison, &err), 0);
    assert_int_equal(find(&comparison, "time_per_op")->denial, COMPARE_DENIED_BY_ZERO);
    assert_int_equal(find(&comparison, "bytes_per_op")->verdict, EFFECT_SLOWER);
    comparison_free(&comparison);
    texts_free(&a);
    texts_free(&b);
}

int results_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slower_benchmark_is_slower_and_unpaired),
        cmocka_unit_test(the_same_is_not_told_apart),
        cmocka_unit_test(rounds_of_one_benchmark_are_pairs),
        cmocka_unit_test(two_sessions_of_a_benchmark_are_no_pairs),
        cmocka_unit_test(one_session_each_has_no_verdict_and_says_why),
        cmocka_unit_test(several_sessions_a_side_have_one_and_higher_is_better),
        cmocka_unit_test(many_metrics_need_stronger_evidence),
        cmocka_unit_test(mixed_formats_are_refused_by_name),
        cmocka_unit_test(what_has_no_counterpart_is_listed),
        cmocka_unit_test(a_value_of_zero_has_no_ratio),
    };
    return cmocka_run_group_tests_name("results", tests, NULL, NULL);
}
