/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/gate_config.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gate/gate_template.h"

int gate_config_test(void);

static struct gate_config read_config(const char *text, const char *baseline)
{
    struct gate_config config = {0};
    struct err err = {0};
    if (gate_config_read_text(text, strlen(text), "toll.yaml", baseline, &config, &err))
        fail_msg("%s (%s)", err.what, err.hint);
    return config;
}

static void assert_refused(const char *text, const char *what, const char *hint)
{
    struct gate_config config;
    struct err err = {0};
    if (gate_config_read_text(text, strlen(text), "toll.yaml", NULL, &config, &err) != -ERR_INPUT)
        fail_msg("read: %s", text);
    if (!strstr(err.what, what))
        fail_msg("'%s' is not in '%s'", what, err.what);
    if (hint && !strstr(err.hint, hint))
        fail_msg("'%s' is not in the hint '%s'", hint, err.hint);
}

static const struct gate_check *check_of(const struct gate_config *config, const char *gate,
                                         enum gate_metric metric, enum gate_limit limit)
{
    for (size_t i = 0; i < config->checks.count; i++) {
        const struct gate_check *check = &config->checks.items[i];
        if (strcmp(config->gates.items[check->gate].name, gate) == 0 && check->metric == metric &&
            check->limit == limit)
            return check;
    }
    fail_msg("there is no such check of %s", gate);
    return NULL;
}

static void assert_bound(const struct gate_check *check, double bound)
{
    if (!check || fabs(check->bound - bound) > 1e-9 * bound)
        fail_msg("%g is not %g", check ? check->bound : NAN, bound);
}

static void every_key_is_understood(void **state)
{
    (void)state;
    struct gate_config config;
    struct err err = {0};
    if (gate_config_read(getenv("TOLL_BUDGETS"), NULL, &config, &err))
        fail_msg("%s (%s)", err.what, err.hint);
    assert_string_equal(config.name, "everything");
    assert_int_equal(config.gates.count, 5);
    assert_int_equal(config.checks.count, 16);
    const struct gate *parse = &config.gates.items[0];
    assert_string_equal(parse->command, "./parse big.csv");
    assert_string_equal(parse->baseline.revision, "main");
    assert_int_equal(parse->runs, 20);
    assert_int_equal(parse->warmup, 2);
    assert_true(fabs(parse->time_s - 0.5) < 1e-12);
    assert_bound(check_of(&config, "parse", GATE_WALL, GATE_MAX_INCREASE), 0.05);
    assert_bound(check_of(&config, "parse", GATE_CPU, GATE_MAX), 200e6);
    assert_bound(check_of(&config, "parse", GATE_MEMORY, GATE_MAX), 20e6);
    assert_bound(check_of(&config, "parse", GATE_ROWS, GATE_MIN), 50000);
    assert_true(check_of(&config, "parse", GATE_ROWS, GATE_MAX_DECREASE)->source.rows == 1e6);
    assert_int_equal(check_of(&config, "parse", GATE_CPU, GATE_MAX_INCREASE)->line, 19);
    const struct gate *load = &config.gates.items[1];
    assert_int_equal(load->baseline.kind, GATE_AGAINST_COMMAND);
    assert_true(fabs(load->time_s - 10) < 1e-12);
    assert_bound(check_of(&config, "load", GATE_P99, GATE_MAX), 20e6);
    assert_true(check_of(&config, "load", GATE_P99, GATE_MAX)->source.scale == 1e6);
    assert_int_equal(config.gates.items[2].baseline.kind, GATE_AGAINST_HISTORY);
    assert_int_equal(config.gates.items[3].baseline.newest, 30);
    const struct gate_check *size = check_of(&config, "bundle", GATE_SIZE, GATE_MAX);
    assert_string_equal(size->source.files[1], "dist/assets");
    assert_null(size->source.files[2]);
    gate_config_free(&config);
}

static void the_short_form_says_absolute_or_relative(void **state)
{
    (void)state;
    struct gate_config config =
        read_config("baseline: main\ngates:\n  a:\n    command: x\n    wall: 5%\n    memory: 5 MB\n", NULL);
    assert_bound(check_of(&config, "a", GATE_WALL, GATE_MAX_INCREASE), 0.05);
    assert_bound(check_of(&config, "a", GATE_MEMORY, GATE_MAX), 5e6);
    gate_config_free(&config);
}

static void the_command_line_takes_the_place_of_the_baseline(void **state)
{
    (void)state;
    const char *text = "baseline: main\nbuild: make\ngates:\n  a:\n    command: x\n    baseline: {command: "
                       "y}\n    wall: 5%\n";
    struct gate_config config = read_config(text, "HEAD~1");
    assert_int_equal(config.gates.items[0].baseline.kind, GATE_AGAINST_REVISION);
    assert_string_equal(config.gates.items[0].baseline.revision, "HEAD~1");
    gate_config_free(&config);
    config = read_config(text, "history");
    assert_int_equal(config.gates.items[0].baseline.kind, GATE_AGAINST_HISTORY);
    gate_config_free(&config);
}

#define GATE_A "gates:\n  a:\n    command: x\n"

static void what_is_not_known_is_refused_with_its_line(void **state)
{
    (void)state;
    assert_refused("basline: main\n" GATE_A "    wall: 5ms\n",
                   "line 1, column 1: the file has no key 'basline'", "did you mean 'baseline'?");
    assert_refused(GATE_A "    wal: 5ms\n", "line 4, column 5: gate 'a' has no key 'wal'",
                   "did you mean 'wall'?");
    assert_refused(GATE_A "    wall: {maximum: 5ms}\n", "line 4, column 12: 'wall' has no key 'maximum'",
                   "there are: max,");
    assert_refused("baseline: {revison: main}\n" GATE_A "    wall: 5%\n",
                   "line 1, column 12: a baseline has no key 'revison'", "did you mean 'revision'?");
    assert_refused("gates:\n", "there are no 'gates'", NULL);
    assert_refused("", "could not read budgets 'toll.yaml'", NULL);
    assert_refused("- a\n", "line 1, column 1: the file is a list, not a map of keys", NULL);
    assert_refused(GATE_A "    time: 5s\n", "line 2, column 3: gate 'a' has no budget", NULL);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    assert_refused(GATE_A "    wall: 5%\n",
                   "line 4, column 5: 'max_increase' of wall is relative, and there is no baseline",
                   "baseline: main");
    assert_refused(GATE_A "    wall: 200\n", "line 4, column 5: '200' is no limit of wall", NULL);
    assert_refused(GATE_A "    wall: {max: 5%}\n", "line 4, column 12: '5%' is no amount of wall (200ms",
                   NULL);
    assert_refused(GATE_A "    wall: {min: 5ms}\n",
                   "line 4, column 12: wall gets worse by getting more: 'max'", NULL);
    assert_refused(GATE_A "    wall: {}\n", "line 4, column 5: wall has no limit", NULL);
    assert_refused(GATE_A "    wall: {max: 5ms, json: a}\n", "line 4, column 5: where does 'wall' come from?",
                   "none");
    assert_refused(GATE_A "    tokens: 500\n", "line 4, column 5: where does 'tokens' come from?",
                   "match, json or file");
    assert_refused(GATE_A "    cost: {match: 'cost [0-9]', max: 1}\n", "line 4: could not use pattern", "()");
    assert_refused(GATE_A "    cost: {match: '(a)', json: a, max: 1}\n", "by 'json' or by 'match'", NULL);
    assert_refused(GATE_A "    p99: {json: a, unit: MB, max: 1ms}\n",
                   "line 4, column 20: 'unit' is none of p99", NULL);
    assert_refused("baseline: main\n" GATE_A "    wall: -5%\n",
                   "line 5, column 5: '-5%' would be better, not worse", NULL);
    assert_refused("baseline: main\n" GATE_A "    rows/s: {rows: 5, max_decrease: 100%}\n",
                   "nothing decreases by 100 % or more", NULL);
    assert_refused("baseline: main\n" GATE_A "    p99: {max_increase: 5%}\n",
                   "line 5, column 11: p99 of the command's own runs", NULL);
    assert_refused("baseline: {command: y}\n" GATE_A "    size: {files: x, max_increase: 5%}\n",
                   "files are the same for a baseline that is a command", NULL);
    assert_refused("baseline: {command: y, revision: x}\n" GATE_A "    wall: 5%\n",
                   "line 1, column 1: a baseline is one of", NULL);
    assert_refused("baseline: {command: y, build: make}\n" GATE_A "    wall: 5%\n",
                   "line 1, column 1: 'build' builds a revision", NULL);
    assert_refused("gates:\n  a:\n    wall: 5ms\n", "line 3, column 5: gate 'a' needs a 'command'", NULL);
    assert_refused(GATE_A "    runs: 0\n    wall: 5ms\n",
                   "line 4, column 5: 'runs' is no whole number from 1", NULL);
    assert_refused(GATE_A "    time: 5\n    wall: 5ms\n", "line 4, column 5: 'time' is no duration", NULL);
    assert_refused(GATE_A "    shell: yes\n    wall: 5ms\n",
                   "line 4, column 5: 'shell' is neither true nor false", NULL);
    assert_refused("confidence: 0.95\n" GATE_A "    wall: 5ms\n",
                   "line 1, column 1: 'confidence' is no percentage", NULL);
}

static void the_first_budgets_that_init_writes_are_read(void **state)
{
    (void)state;
    struct gate_template template = {.command = "./it's 'a b' \"c\": #d",
                                     .program = "./it's",
                                     .build = "make -j2 && echo: x",
                                     .wall_ns = 21e6,
                                     .memory_bytes_max = 1.7e6};
    struct str text = {0};
    gate_template_write(&template, &text);
    struct gate_config config = read_config(str_text(&text), NULL);
    assert_string_equal(config.gates.items[0].command, template.command);
    assert_string_equal(config.build, template.build);
    assert_bound(check_of(&config, "it_s", GATE_WALL, GATE_MAX), 42e6);
    gate_config_free(&config);
    str_clear(&text);
    template.baseline = "feature/x#1";
    gate_template_write(&template, &text);
    config = read_config(str_text(&text), NULL);
    assert_string_equal(config.gates.items[0].baseline.revision, "feature/x#1");
    assert_bound(check_of(&config, "it_s", GATE_WALL, GATE_MAX_INCREASE), 0.05);
    gate_config_free(&config);
    str_free(&text);
}

static void a_file_that_is_not_there_says_how_to_make_one(void **state)
{
    (void)state;
    struct err err = {0};
    struct gate_config config;
    assert_int_equal(gate_config_read("/nonexistent/toll.yaml", NULL, &config, &err), -ERR_ENVIRONMENT);
    assert_non_null(strstr(err.hint, "--init"));
}

static void margins_are_round_and_above(void **state)
{
    (void)state;
    assert_true(fabs(gate_template_margin(21.07e6, 1.5) - 32e6) < 1);
    assert_true(fabs(gate_template_margin(1.0e6, 1.25) - 1.3e6) < 1);
    assert_true(gate_template_margin(0, 2) == 0);
}

int gate_config_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_understood),
        cmocka_unit_test(the_short_form_says_absolute_or_relative),
        cmocka_unit_test(the_command_line_takes_the_place_of_the_baseline),
        cmocka_unit_test(what_is_not_known_is_refused_with_its_line),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(the_first_budgets_that_init_writes_are_read),
        cmocka_unit_test(margins_are_round_and_above),
        cmocka_unit_test(a_file_that_is_not_there_says_how_to_make_one),
    };
    return cmocka_run_group_tests_name("gate_config", tests, NULL, NULL);
}
