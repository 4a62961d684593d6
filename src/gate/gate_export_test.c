/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/gate_export.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codec/json.h"
#include "gate/gate_config.h"

int gate_export_test(void);

/* Names that every format has to escape. */
static const char budgets[] = "baseline: main\n"
                              "gates:\n"
                              "  \"a<b>|'c', 50%:x\":\n"
                              "    command: ./parse\n"
                              "    wall: 5%\n"
                              "    memory: 5 MB\n"
                              "    cpu: 200 ms\n"
                              "    rows/s: {rows: 5, max_decrease: 5%}\n";

struct shown {
    struct gate_config config;
    struct gate_check_result checks[4];
    bool was_judged[4];
    struct gate_measured gates[1];
    struct gate_result result;
};

/* A failure, a pass, an inconclusive and a noisy one. */
static int shown_make(void **state)
{
    static struct shown shown;
    struct err err = {0};
    shown = (struct shown){0};
    if (gate_config_read_text(budgets, sizeof budgets - 1, "dir/my toll.yaml", NULL, &shown.config, &err))
        fail_msg("%s", err.what);
    struct gate_outcome outcome = {.verdict = GATE_FAIL,
                                   .value = 22e6,
                                   .value_low = 21e6,
                                   .value_high = 23e6,
                                   .before = 20e6,
                                   .ratio = 1.1,
                                   .ratio_low = 1.08,
                                   .ratio_high = 1.12,
                                   .p_fail = 0.001,
                                   .p_fail_alone = 0.0005,
                                   .p_pass = 1,
                                   .count = 20};
    shown.checks[0] = (struct gate_check_result){.outcome = outcome, .was_repeated = true, .again = outcome};
    outcome = (struct gate_outcome){.verdict = GATE_PASS,
                                    .value = 4e6,
                                    .value_low = 4e6,
                                    .value_high = 4e6,
                                    .before = NAN,
                                    .ratio = NAN,
                                    .ratio_low = NAN,
                                    .ratio_high = NAN,
                                    .p_fail = 1,
                                    .p_fail_alone = 1,
                                    .count = 20,
                                    .is_exact = true};
    shown.checks[1].outcome = outcome;
    outcome.verdict = GATE_INCONCLUSIVE;
    outcome.is_exact = false;
    outcome.value = 200e6;
    outcome.value_low = 190e6;
    outcome.value_high = 210e6;
    outcome.why = "the limit is within what the runs vary by";
    shown.checks[2].outcome = outcome;
    outcome = shown.checks[0].outcome;
    outcome.verdict = GATE_NOISY;
    outcome.why = "other programs kept much of the machine busy";
    outcome.value = 450;
    outcome.before = 500;
    outcome.ratio = 0.9;
    shown.checks[3].outcome = outcome;
    memset(shown.was_judged, 1, sizeof shown.was_judged);
    shown.gates[0] = (struct gate_measured){.rounds = 20,
                                            .rounds_again = 20,
                                            .seed = 7,
                                            .seed_again = 8,
                                            .duration_ns = 4000000000u,
                                            .conditions = {.cpu_count = 2, .outside_cores = 0.1}};
    shown.result = (struct gate_result){.config = &shown.config,
                                        .checks = shown.checks,
                                        .was_judged = shown.was_judged,
                                        .gates = shown.gates,
                                        .verdict = GATE_FAIL,
                                        .baseline_text = "main (0123456789)",
                                        .revision = "abc",
                                        .machine = "a CPU",
                                        .started_at_ns = 1700000000000000000u,
                                        .duration_ns = 9000000000u};
    *state = &shown;
    return 0;
}

static int shown_free(void **state)
{
    struct shown *shown = *state;
    gate_config_free(&shown->config);
    return 0;
}

static void assert_holds(const struct str *text, const char *part)
{
    if (!strstr(str_text(text), part))
        fail_msg("'%s' is not in:\n%s", part, str_text(text));
}

static void the_worst_check_is_the_verdict(void **state)
{
    struct shown *shown = *state;
    assert_int_equal(gate_verdict_of(&shown->result), GATE_FAIL);
    shown->was_judged[0] = false;
    assert_int_equal(gate_verdict_of(&shown->result), GATE_NOISY);
    shown->was_judged[3] = false;
    assert_int_equal(gate_verdict_of(&shown->result), GATE_INCONCLUSIVE);
    shown->was_judged[2] = false;
    assert_int_equal(gate_verdict_of(&shown->result), GATE_PASS);
    assert_int_equal(gate_exit_status(GATE_PASS), 0);
    assert_int_equal(gate_exit_status(GATE_FAIL), 1);
    assert_int_equal(gate_exit_status(GATE_INCONCLUSIVE), 5);
    assert_int_equal(gate_exit_status(GATE_NOISY), 6);
}

static void the_text_has_a_row_each_and_a_sentence_for_what_did_not_pass(void **state)
{
    struct shown *shown = *state;
    struct str text = {0};
    gate_text(&shown->result, &(struct gate_look){.width = 80}, &text);
    assert_string_equal(str_text(&text),
                        "a<b>|'c', 50%:x  ./parse\n"
                        "  FAIL  wall    20.00 ms → 22.00 ms  1.100x (1.080x to 1.120x)  at most +5 %\n"
                        "  ok    memory  4.00 MB                                         at most 5.00 MB\n"
                        "  ?     cpu     200.0 ms                                        at most 200.0 ms\n"
                        "  noisy rows/s  500/s → 450/s        0.900x (1.080x to 1.120x)  at most -5 %\n"
                        "\n"
                        "Failed: a<b>|'c', 50%:x, wall is 1.100x of the baseline's (1.080x to 1.120x), at "
                        "most +5 % is allowed; it "
                        "failed again in fresh processes.\n"
                        "Inconclusive: a<b>|'c', 50%:x, cpu is 200.0 ms (190.0 ms to 210.0 ms), at most "
                        "200.0 ms is allowed: the limit "
                        "is within what the runs vary by.\n"
                        "Too noisy: a<b>|'c', 50%:x, rows/s is 0.900x of the baseline's (1.080x to 1.120x), "
                        "at most -5 % is allowed: "
                        "other programs kept much of the machine busy.\n"
                        "1 check failed, 1 on too noisy a machine, 1 inconclusive, 1 passed: against main "
                        "(0123456789), 40 rounds, "
                        "others kept 0.1 of 2 CPUs busy, 9 s\n");
    str_free(&text);
}

static void json_has_every_figure_and_none_for_what_is_not_there(void **state)
{
    struct shown *shown = *state;
    struct str text = {0};
    struct json_value *root;
    struct err err;
    const char *said;
    double number;
    gate_json(&shown->result, &text);
    assert_int_equal(json_read_text(str_text(&text), text.length, "gate", &root, &err), 0);
    assert_true(json_find_text(root, "schema", &said));
    assert_string_equal(said, "toll.gate/1");
    assert_true(json_find_text(root, "verdict", &said));
    assert_string_equal(said, "fail");
    assert_true(json_find_text(root, "started_at", &said));
    assert_string_equal(said, "2023-11-14T22:13:20Z");
    const struct json_value *checks = json_find_array(root, "checks");
    assert_int_equal(json_count(checks), 4);
    assert_true(json_find_number(json_item(checks, 0), "repeated.ratio", &number));
    assert_true(fabs(number - 1.1) < 1e-12);
    assert_int_equal(json_kind(json_find(json_item(checks, 1), "ratio")), JSON_KIND_NULL);
    assert_true(json_find_text(json_item(checks, 3), "metric", &said));
    assert_string_equal(said, "rows_per_s");
    assert_true(json_find_number(json_item(json_find(root, "gates"), 0), "repeated.seed", &number));
    assert_true(number == 8);
    json_free(root);
    str_free(&text);
}

static void junit_has_a_testcase_for_each_check(void **state)
{
    struct shown *shown = *state;
    struct str text = {0};
    gate_junit(&shown->result, &text);
    assert_holds(&text,
                 "<testsuites name=\"toll gate\" tests=\"4\" failures=\"1\" errors=\"0\" time=\"9.000\">");
    assert_holds(&text, "skipped=\"2\"");
    assert_holds(&text, "timestamp=\"2023-11-14T22:13:20\"");
    assert_holds(&text, "classname=\"a&lt;b&gt;|&#39;c&#39;, 50%:x\" name=\"wall max_increase\"");
    assert_holds(&text, "<failure type=\"regression\" message=\"wall is 1.100x");
    assert_holds(&text, "<skipped message=\"noisy: rows/s is 0.900x");
    str_free(&text);
}

static void sarif_has_a_result_for_what_did_not_pass_at_its_line(void **state)
{
    struct shown *shown = *state;
    struct str text = {0};
    struct json_value *root;
    struct err err;
    const char *said;
    double number;
    gate_sarif(&shown->result, "1.2.3", &text);
    assert_int_equal(json_read_text(str_text(&text), text.length, "sarif", &root, &err), 0);
    assert_true(json_find_text(root, "version", &said));
    assert_string_equal(said, "2.1.0");
    const struct json_value *run = json_item(json_find_array(root, "runs"), 0);
    const struct json_value *results = json_find_array(run, "results");
    const struct json_value *rules = json_find_array(run, "tool.driver.rules");
    assert_int_equal(json_count(results), 3);
    for (size_t i = 0; i < json_count(results); i++) {
        const char *rule, *id;
        assert_true(json_find_text(json_item(results, i), "ruleId", &rule));
        assert_true(json_find_number(json_item(results, i), "ruleIndex", &number));
        assert_true(json_find_text(json_item(rules, (size_t)number), "id", &id));
        assert_string_equal(rule, id);
    }
    const struct json_value *place =
        json_find(json_item(json_find(json_item(results, 0), "locations"), 0), "physicalLocation");
    assert_true(json_find_text(place, "artifactLocation.uri", &said));
    assert_string_equal(said, "dir/my%20toll.yaml");
    assert_true(json_find_number(place, "region.startLine", &number));
    assert_true(number == 5);
    assert_true(json_find_text(json_item(results, 0), "level", &said));
    assert_string_equal(said, "error");
    assert_true(json_find_text(json_item(results, 1), "level", &said));
    assert_string_equal(said, "warning");
    json_free(root);
    str_free(&text);
}

static void annotations_escape_what_would_be_syntax(void **state)
{
    struct shown *shown = *state;
    struct str text = {0};
    gate_annotations(&shown->result, &text);
    assert_holds(
        &text,
        "::error file=dir/my toll.yaml,line=5,title=a<b>|'c'%2C 50%25%3Ax wall::a<b>|'c', 50%25:x: wall is "
        "1.100x of the baseline's (1.080x to 1.120x), at most +5 %25 is allowed");
    assert_holds(&text, "::warning file=dir/my toll.yaml,line=7,");
    assert_null(strstr(str_text(&text), "line=6"));
    str_free(&text);
}

static void markdown_keeps_its_table_whole(void **state)
{
    struct shown *shown = *state;
    struct str text = {0};
    gate_markdown(&shown->result, &text);
    assert_holds(&text,
                 "### toll gate: 1 check failed, 1 on too noisy a machine, 1 inconclusive, 1 passed\n");
    size_t rows = 0;
    for (const char *line = str_text(&text); line; line = strchr(line, '\n')) {
        line += *line == '\n';
        size_t bars = 0;
        if (*line != '|')
            continue;
        for (const char *at = line; *at && *at != '\n'; at++)
            bars += *at == '|' && (at == line || at[-1] != '\\');
        assert_int_equal(bars, 7);
        rows++;
    }
    assert_int_equal(rows, 6);
    str_free(&text);
}

#define SHOWN_TEST(name) cmocka_unit_test_setup_teardown(name, shown_make, shown_free)

int gate_export_test(void)
{
    const struct CMUnitTest tests[] = {
        SHOWN_TEST(the_worst_check_is_the_verdict),
        SHOWN_TEST(the_text_has_a_row_each_and_a_sentence_for_what_did_not_pass),
        SHOWN_TEST(json_has_every_figure_and_none_for_what_is_not_there),
        SHOWN_TEST(junit_has_a_testcase_for_each_check),
        SHOWN_TEST(sarif_has_a_result_for_what_did_not_pass_at_its_line),
        SHOWN_TEST(annotations_escape_what_would_be_syntax),
        SHOWN_TEST(markdown_keeps_its_table_whole),
    };
    return cmocka_run_group_tests_name("gate_export", tests, NULL, NULL);
}
