/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void each_value_makes_an_arm_of_each_command(void **state)
{
    (void)state;
    const struct bench_text commands[] = {{.line = "true -j{n} {size}"}, {.line = "false '{n}'"}};
    const char *const parameters[] = {"n=1,8", "size=small,very big"}, *const prepare = "true {n}";
    struct bench_options options = {.commands = commands,
                                    .command_count = 2,
                                    .parameters = parameters,
                                    .parameter_count = 2,
                                    .prepares = &prepare,
                                    .prepare_count = 1};
    struct bench_result result = {0};
    assert_int_equal(plan_arms(&options, &result, NULL), 0);
    assert_int_equal(bench_arm_count(&result), 8);
    assert_string_equal(result.arms.items[0].command, "true -j1 small");
    assert_string_equal(result.arms.items[2].command, "true -j1 very big");
    assert_string_equal(result.arms.items[5].words[1], "8");
    assert_string_equal(result.arms.items[5].prepare[1], "8");
    assert_string_equal(result.arms.items[7].name, "H");
    assert_string_equal(result.arms.items[7].parameters[1].value, "very big");
    assert_int_equal(result.arms.items[5].baseline, 4);
    assert_int_equal(result.arms.items[4].baseline, 0);
    assert_true(result.has_control && result.arms.items[8].is_control);
    assert_string_equal(result.arms.items[8].command, "true -j1 small");
    bench_result_free(&result);
}

static void ranges_count_up(void **state)
{
    (void)state;
    const struct bench_text command = {.line = "true {n}"};
    static const struct {
        const char *parameter;
        size_t count;
        const char *last;
    } rows[] = {{"n=1..4", 4, "true 4"},
                {"n=0..100..25", 5, "true 100"},
                {"n=5..5", 1, "true 5"},
                {"n=1..x", 1, "true 1..x"},
                {"n=0.3..0.7..0.2", 3, "true 0.7"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bench_options options = {
            .commands = &command, .command_count = 1, .parameters = &rows[i].parameter, .parameter_count = 1};
        struct bench_result result = {0};
        assert_int_equal(plan_arms(&options, &result, NULL), 0);
        assert_int_equal(bench_arm_count(&result), rows[i].count);
        assert_string_equal(result.arms.items[rows[i].count - 1].command, rows[i].last);
        bench_result_free(&result);
    }
}

static void words_stay_words(void **state)
{
    (void)state;
    char *words[] = {"true", "a b", "{n}", NULL};
    const struct bench_text command = {.words = words};
    const char *parameter = "n=x y";
    struct bench_options options = {
        .commands = &command, .command_count = 1, .parameters = &parameter, .parameter_count = 1};
    struct bench_result result = {0};
    assert_int_equal(plan_arms(&options, &result, NULL), 0);
    assert_false(result.has_control);
    assert_string_equal(result.arms.items[0].words[1], "a b");
    assert_string_equal(result.arms.items[0].words[2], "x y");
    assert_null(result.arms.items[0].words[3]);
    assert_string_equal(result.arms.items[0].command, "true 'a b' 'x y'");
    bench_result_free(&result);
}

static void a_shell_gets_the_line_as_it_is(void **state)
{
    (void)state;
    const struct bench_text commands[] = {{.line = "a | b"}};
    struct bench_options options = {.commands = commands, .command_count = 1, .use_shell = true};
    struct bench_result result = {0};
    assert_int_equal(plan_arms(&options, &result, NULL), 0);
    assert_string_equal(result.arms.items[0].words[0], "/bin/sh");
    assert_string_equal(result.arms.items[0].words[2], "a | b");
    assert_string_equal(result.arms.items[0].command, "a | b");
    bench_result_free(&result);
}

static void each_command_may_have_its_own_prepare(void **state)
{
    (void)state;
    const struct bench_text commands[] = {{.line = "true 1"}, {.line = "true 2"}};
    const char *const prepares[] = {"true one", "true two"};
    struct bench_options options = {
        .commands = commands, .command_count = 2, .prepares = prepares, .prepare_count = 2};
    struct bench_result result = {0};
    struct err err = {0};
    assert_int_equal(plan_arms(&options, &result, NULL), 0);
    assert_string_equal(result.arms.items[0].prepare[1], "one");
    assert_string_equal(result.arms.items[1].prepare[1], "two");
    assert_string_equal(result.arms.items[2].prepare[1], "one");
    bench_result_free(&result);
    options.command_count = 1;
    assert_int_equal(plan_arms(&options, &result, &err), -ERR_USAGE);
    assert_non_null(strstr(err.what, "one for all, or one for each"));
    bench_result_free(&result);
}

static int plan_fails(const char *line, const char *parameter, struct err *err)
{
    const struct bench_text command = {.line = line};
    struct bench_options options = {.commands = &command,
                                    .command_count = 1,
                                    .parameters = &parameter,
                                    .parameter_count = parameter != NULL};
    struct bench_result result = {0};
    int status = plan_arms(&options, &result, err);
    bench_result_free(&result);
    return status;
}

static void what_cannot_be_planned_is_refused(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(plan_fails("no-such-program-anywhere", NULL, &err), -ERR_ENVIRONMENT);
    assert_non_null(strstr(err.what, "there is no such program"));
    assert_int_equal(plan_fails("./no/such/file", NULL, &err), -ERR_ENVIRONMENT);
    assert_int_equal(plan_fails("true", "n", &err), -ERR_USAGE);
    assert_int_equal(plan_fails("true", "=1", &err), -ERR_USAGE);
    assert_int_equal(plan_fails("true", "n=1..65", &err), -ERR_USAGE);
    assert_non_null(strstr(err.what, "more than 64 commands"));
    assert_int_equal(plan_fails("true", "n=1..100000", &err), -ERR_USAGE);
}

int plan_test(void);
int plan_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_value_makes_an_arm_of_each_command),
        cmocka_unit_test(ranges_count_up),
        cmocka_unit_test(words_stay_words),
        cmocka_unit_test(a_shell_gets_the_line_as_it_is),
        cmocka_unit_test(each_command_may_have_its_own_prepare),
        cmocka_unit_test(what_cannot_be_planned_is_refused),
    };
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
