/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/scenario.h"
#include "base/assert_near.h"
#include "base/num.h"
#include "stats/random.h"

int recordings_test(void);

static const struct compare_options defaults = {.threshold_ratio = -1, .noise_ratio = -1};
#define SIDE_MAX 5u

/* A program of four functions whose times, in milliseconds, follow one another. */
struct program {
    const char *name;
    uint64_t parse_ms, check_ms, write_ms, wait_ms;
    const char *peer;
};

static const struct program usual = {"work", 1000, 700, 300, 500, "127.0.0.1:52609"};

static void record(struct scenario *scenario, const struct program *program)
{
    uint64_t at = 0, end = program->parse_ms + program->check_ms + program->write_ms + program->wait_ms;
    scenario_init(scenario, 2, end);
    uint64_t thread = scenario_process(scenario, 0, program->name, 0, end);
    uint64_t peer = scenario_peer(scenario, PEER_SOCKET, "", program->peer);
    scenario_samples(scenario, thread, "parse_row", at, at + program->parse_ms);
    at += program->parse_ms;
    scenario_samples(scenario, thread, "check_row", at, at + program->check_ms);
    at += program->check_ms;
    scenario_samples(scenario, thread, "write_row", at, at + program->write_ms);
    at += program->write_ms;
    /* In ten waits. */
    for (uint64_t i = 0; i < 10; i++)
        scenario_wait(scenario, thread, at + i * program->wait_ms / 10,
                      at + (i + 1) * program->wait_ms / 10 - 1, WAIT_NETWORK, peer);
}

struct both {
    struct scenario scenarios[2][SIDE_MAX];
    struct comparison comparison;
    size_t counts[2];
};

static int compare_programs(struct both *both, const struct program *a, size_t count_a,
                            const struct program *b, size_t count_b, struct err *err)
{
    struct compare_recording recordings[2][SIDE_MAX];
    both->counts[0] = count_a;
    both->counts[1] = count_b;
    for (size_t side = 0; side < 2; side++)
        for (size_t i = 0; i < both->counts[side]; i++) {
            record(&both->scenarios[side][i], side ? &b[i] : &a[i]);
            recordings[side][i] =
                (struct compare_recording){.name = "a.toll", .view = &both->scenarios[side][i].data.view};
        }
    struct compare_recordings_request request = {
        .a = recordings[0], .b = recordings[1], .count_a = count_a, .count_b = count_b, .options = defaults};
    return compare_recordings(&request, &both->comparison, err);
}

static void both_free(struct both *both)
{
    comparison_free(&both->comparison);
    for (size_t side = 0; side < 2; side++)
        for (size_t i = 0; i < both->counts[side]; i++)
            scenario_deinit(&both->scenarios[side][i]);
}

static const struct difference *find(const struct both *both, enum compare_kind kind, const char *detail,
                                     const char *metric)
{
    for (size_t i = 0; i < both->comparison.differences.count; i++) {
        const struct difference *difference = &both->comparison.differences.items[i];
        if (difference->kind == kind && strcmp(difference->detail, detail) == 0 &&
            strcmp(difference->metric, metric) == 0)
            return difference;
    }
    fail_msg("there is no %s of '%s'", metric, detail);
    return NULL;
}

static bool is_claim(const struct difference *difference)
{
    return difference->has_verdict &&
           (difference->verdict == EFFECT_SLOWER || difference->verdict == EFFECT_FASTER);
}

static size_t claim_count(const struct both *both)
{
    size_t count = 0;
    for (size_t i = 0; i < both->comparison.differences.count; i++)
        count += is_claim(&both->comparison.differences.items[i]);
    return count;
}

static size_t changed_frames(const struct both *both, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < both->comparison.flame.count; i++) {
        const struct flame_change *change = &both->comparison.flame.items[i];
        count += change->is_changed && (!name || strcmp(change->name, name) == 0);
    }
    return count;
}

static void a_function_that_got_slower_is_named_and_no_other(void **state)
{
    (void)state;
    struct both both;
    struct program slow = usual;
    slow.check_ms = 1400;
    assert_int_equal(compare_programs(&both, &usual, 1, &slow, 1, NULL), 0);
    const struct difference *check = find(&both, COMPARE_FUNCTION, "check_row", "cpu_ns");
    assert_int_equal(check->verdict, EFFECT_SLOWER);
    assert_near(check->ratio, 2, 1e-6);
    assert_true(check->ratio_low > 1.5 && check->ratio_high < 2.7);
    assert_true(check->is_assumed);
    assert_false(is_claim(find(&both, COMPARE_FUNCTION, "parse_row", "cpu_ns")));
    assert_false(is_claim(find(&both, COMPARE_FUNCTION, "write_row", "cpu_ns")));
    assert_int_equal(changed_frames(&both, "check_row"), 1);
    assert_int_equal(changed_frames(&both, NULL), 1);
    assert_true(comparison_is_slower(&both.comparison));
    both_free(&both);
}

static void the_same_program_has_not_changed(void **state)
{
    (void)state;
    struct both both;
    assert_int_equal(compare_programs(&both, &usual, 1, &usual, 1, NULL), 0);
    assert_int_equal(claim_count(&both), 0);
    assert_int_equal(changed_frames(&both, NULL), 0);
    assert_false(comparison_is_slower(&both.comparison));
    both_free(&both);
}

static void a_slower_machine_is_no_slower_function(void **state)
{
    (void)state;
    struct both both;
    struct program slow = usual;
    slow.parse_ms = slow.parse_ms * 14 / 10;
    slow.check_ms = slow.check_ms * 14 / 10;
    slow.write_ms = slow.write_ms * 14 / 10;
    assert_int_equal(compare_programs(&both, &usual, 1, &slow, 1, NULL), 0);
    const struct difference *parse = find(&both, COMPARE_FUNCTION, "parse_row", "cpu_ns");
    assert_false(is_claim(parse));
    assert_int_equal(parse->denial, COMPARE_DENIED_BY_COMMON);
    assert_int_equal(changed_frames(&both, NULL), 0);
    both_free(&both);
}

static void a_wait_that_grew_is_named_although_the_port_is_another(void **state)
{
    (void)state;
    struct both both;
    struct program slow = usual;
    slow.wait_ms = 2000;
    slow.peer = "127.0.0.1:40001";
    assert_int_equal(compare_programs(&both, &usual, 1, &slow, 1, NULL), 0);
    const struct difference *wait = find(&both, COMPARE_WAIT, "network", "wait_ns");
    assert_int_equal(wait->verdict, EFFECT_SLOWER);
    assert_string_equal(wait->peer, "127.0.0.1:*");
    assert_near(wait->ratio, 1990.0 / 490, 1e-3);
    assert_int_equal(changed_frames(&both, NULL), 0);
    both_free(&both);
}

static void other_ends_that_only_one_side_knows_are_one_wait(void **state)
{
    (void)state;
    struct both both;
    struct program other = usual;
    other.peer = "10.0.0.9:443";
    assert_int_equal(compare_programs(&both, &usual, 1, &other, 1, NULL), 0);
    const struct difference *wait = find(&both, COMPARE_WAIT, "network", "wait_ns");
    assert_string_equal(wait->peer, "");
    assert_near(wait->ratio, 1, 1e-9);
    assert_int_equal(claim_count(&both), 0);
    both_free(&both);
}

static void a_program_under_another_name_is_the_same_program(void **state)
{
    (void)state;
    struct both both;
    struct program renamed = usual;
    renamed.name = "work-new";
    assert_int_equal(compare_programs(&both, &usual, 1, &renamed, 1, NULL), 0);
    assert_int_equal(claim_count(&both), 0);
    const struct difference *parse = find(&both, COMPARE_FUNCTION, "parse_row", "cpu_ns");
    assert_string_equal(parse->place, "work / work-new");
    both_free(&both);
}

static void a_new_function_is_new(void **state)
{
    (void)state;
    struct both both;
    struct program before = usual, after = usual;
    before.write_ms = 0;
    assert_int_equal(compare_programs(&both, &before, 1, &after, 1, NULL), 0);
    const struct difference *write = find(&both, COMPARE_FUNCTION, "write_row", "cpu_ns");
    assert_int_equal(write->verdict, EFFECT_SLOWER);
    assert_true(isinf(write->ratio) && write->ratio_low > 1);
    both_free(&both);
}

static void vary(struct program *programs, size_t count, struct random *random, double check)
{
    for (size_t i = 0; i < count; i++) {
        double machine = exp(0.03 * random_normal(random));
        programs[i] = usual;
        programs[i].parse_ms = (uint64_t)(1000 * machine * exp(0.04 * random_normal(random)));
        programs[i].check_ms = (uint64_t)(700 * machine * check * exp(0.04 * random_normal(random)));
        programs[i].write_ms = (uint64_t)(300 * machine * exp(0.04 * random_normal(random)));
        programs[i].wait_ms = (uint64_t)(500 * exp(0.1 * random_normal(random)));
    }
}

static void sets_of_the_same_program_hardly_ever_differ(void **state)
{
    (void)state;
    struct random random;
    unsigned trials_with_claims = 0;
    random_seed(&random, 11);
    for (int trial = 0; trial < 60; trial++) {
        struct both both;
        struct program a[SIDE_MAX], b[SIDE_MAX];
        vary(a, SIDE_MAX, &random, 1);
        vary(b, SIDE_MAX, &random, 1);
        assert_int_equal(compare_programs(&both, a, SIDE_MAX, b, SIDE_MAX, NULL), 0);
        assert_true(both.comparison.is_noise_measured);
        trials_with_claims += claim_count(&both) > 0 || changed_frames(&both, NULL) > 0;
        both_free(&both);
    }
    assert_true(trials_with_claims <= 6);
}

static void sets_show_a_smaller_change_than_one_each(void **state)
{
    (void)state;
    struct both both;
    struct random random;
    struct program a[SIDE_MAX], b[SIDE_MAX];
    random_seed(&random, 12);
    vary(a, SIDE_MAX, &random, 1);
    vary(b, SIDE_MAX, &random, 1.3);
    assert_int_equal(compare_programs(&both, a, SIDE_MAX, b, SIDE_MAX, NULL), 0);
    const struct difference *check = find(&both, COMPARE_FUNCTION, "check_row", "cpu_ns");
    assert_int_equal(check->verdict, EFFECT_SLOWER);
    assert_false(check->is_assumed);
    assert_int_equal(check->count_a, SIDE_MAX);
    assert_int_equal(changed_frames(&both, "check_row"), 1);
    assert_int_equal(changed_frames(&both, NULL), 1);
    both_free(&both);
}

/* A span over the whole run that handled so many rows. */
static void add_rows(struct scenario *scenario, uint64_t thread, uint64_t end_ms, double rows)
{
    uint64_t kind;
    scenario_span(scenario, thread, "import", 0, end_ms);
    assert_int_equal(sink_intern(&scenario->data.sink, "rows", &kind, NULL), 0);
    struct row_usage usage = {.span = scenario->next_span, .kind = kind, .amount = num_bits(rows)};
    assert_int_equal(sink_append(&scenario->data.sink, usage, &usage, NULL), 0);
}

static void less_work_in_the_same_time_is_a_lower_rate_and_told(void **state)
{
    (void)state;
    static const double rows[] = {1e6, 4e5};
    struct scenario scenarios[2];
    struct compare_recording recordings[2];
    struct both both = {.counts = {0, 0}};
    for (size_t i = 0; i < 2; i++) {
        scenario_init(&scenarios[i], 2, 2000);
        uint64_t thread = scenario_process(&scenarios[i], 0, "work", 0, 2000);
        scenario_samples(&scenarios[i], thread, "parse_row", 0, 2000);
        add_rows(&scenarios[i], thread, 2000, rows[i]);
        recordings[i] = (struct compare_recording){
            .name = "a.toll", .view = &scenarios[i].data.view, .throughput_per_s = rows[i] / 2};
    }
    struct compare_recordings_request request = {
        .a = recordings, .b = recordings + 1, .count_a = 1, .count_b = 1, .options = defaults};
    assert_int_equal(compare_recordings(&request, &both.comparison, NULL), 0);
    const struct difference *used = find(&both, COMPARE_USAGE, "", "rows"),
                            *rate = find(&both, COMPARE_STAGE, "", "rows_per_s"),
                            *served = find(&both, COMPARE_RUN, "", "requests_per_s");
    assert_near(used->ratio, 0.4, 1e-9);
    assert_true(used->is_exact && !used->has_verdict);
    assert_true(rate->higher_is_better && served->higher_is_better);
    assert_near(rate->a, 5e5, 1);
    assert_int_equal(rate->verdict, EFFECT_SLOWER);
    assert_int_equal(served->verdict, EFFECT_SLOWER);
    assert_int_equal(both.comparison.notes.count, 1);
    both_free(&both);
    for (size_t i = 0; i < 2; i++)
        scenario_deinit(&scenarios[i]);
}

static void texts_and_pictures_are_written(void **state)
{
    (void)state;
    static const struct compare_look look = {.width = 80};
    struct both both;
    struct program slow = usual;
    struct str text = {0}, json = {0}, page = {0}, picture = {0};
    slow.check_ms = 1400;
    assert_int_equal(compare_programs(&both, &usual, 1, &slow, 1, NULL), 0);
    compare_text_write(&both.comparison, &look, &text);
    compare_json_write(&both.comparison, &json);
    assert_int_equal(compare_html_write(&both.comparison, &page, NULL), 0);
    assert_int_equal(compare_flame_write(&both.comparison, &picture, NULL), 0);
    assert_non_null(strstr(text.text, "check_row in work"));
    assert_non_null(strstr(json.text, "\"schema\": \"toll.compare/1\""));
    assert_non_null(strstr(page.text, "<svg"));
    assert_non_null(strstr(picture.text, "itself 700 ms -&gt; 1.4 s, 2.00x"));
    assert_non_null(strstr(picture.text, "class=\"fg-change fg-s\""));
    str_free(&text);
    str_free(&json);
    str_free(&page);
    str_free(&picture);
    both_free(&both);
}

int recordings_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_function_that_got_slower_is_named_and_no_other),
        cmocka_unit_test(the_same_program_has_not_changed),
        cmocka_unit_test(a_slower_machine_is_no_slower_function),
        cmocka_unit_test(a_wait_that_grew_is_named_although_the_port_is_another),
        cmocka_unit_test(other_ends_that_only_one_side_knows_are_one_wait),
        cmocka_unit_test(a_program_under_another_name_is_the_same_program),
        cmocka_unit_test(a_new_function_is_new),
        cmocka_unit_test(sets_of_the_same_program_hardly_ever_differ),
        cmocka_unit_test(sets_show_a_smaller_change_than_one_each),
        cmocka_unit_test(less_work_in_the_same_time_is_a_lower_rate_and_told),
        cmocka_unit_test(texts_and_pictures_are_written),
    };
    return cmocka_run_group_tests_name("recordings", tests, NULL, NULL);
}
