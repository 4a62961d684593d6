/* SPDX-License-Identifier: Apache-2.0 */
#include "base/child.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

static struct child_result run(const char *script, struct child_options options)
{
    const char *const words[] = {"sh", "-c", script, NULL};
    struct child_result result;
    struct err err = {0};
    options.words = words;
    if (child_run(&options, &result, &err))
        fail_msg("%s", err.what);
    return result;
}

static void what_it_prints_and_how_it_ends_comes_back(void **state)
{
    (void)state;
    struct child_result result = run("echo out; echo err >&2; exit 3", (struct child_options){0});
    assert_string_equal(str_text(&result.text), "out\n");
    assert_string_equal(str_text(&result.errors), "err\n");
    assert_int_equal(result.exit_status, 3);
    assert_false(result.was_interrupted);
    child_result_free(&result);
    result = run("echo err >&2; kill -9 $$", (struct child_options){.is_merged = true});
    assert_string_equal(str_text(&result.text), "err\n");
    assert_int_equal(result.exit_status, 137);
    child_result_free(&result);
}

static void it_gets_a_folder_and_fewer_variables(void **state)
{
    (void)state;
    const char *const without[] = {"TOLL_GONE", NULL};
    setenv("TOLL_GONE", "here", 1);
    struct child_result result =
        run("pwd -P; echo \"<$TOLL_GONE>\"", (struct child_options){.folder = "/usr", .without = without});
    assert_string_equal(str_text(&result.text), "/usr\n<>\n");
    assert_string_equal(getenv("TOLL_GONE"), "here");
    child_result_free(&result);
}

static void a_program_that_is_none_ends_with_127(void **state)
{
    (void)state;
    const char *const words[] = {"/nonexistent/program", NULL};
    struct child_options options = {.words = words};
    struct child_result result;
    assert_int_equal(child_run(&options, &result, NULL), 0);
    assert_int_equal(result.exit_status, 127);
    child_result_free(&result);
}

static void the_end_of_a_long_text_is_kept(void **state)
{
    (void)state;
    struct child_result result = run("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i + 1)); done",
                                     (struct child_options){.text_bytes_max = 1000});
    char line[32];
    child_last_line(&result.text, line, sizeof line);
    assert_string_equal(line, "line 19999");
    assert_int_equal(result.text.length, 1000);
    assert_string_equal(result.text.text + 1000 - strlen("line 19999\n"), "line 19999\n");
    child_result_free(&result);
}

/* What it leaves behind holds the pipe for half a minute. */
static void nobody_waits_for_what_it_leaves_behind(void **state)
{
    (void)state;
    struct child_result result = run("sleep 30 & echo $!", (struct child_options){0});
    int left = atoi(str_text(&result.text));
    assert_true(left > 0);
    assert_int_equal(kill(left, SIGKILL), 0); /* it still runs */
    child_result_free(&result);
}

static void a_signal_is_passed_on_and_told(void **state)
{
    (void)state;
    struct sigaction before, after;
    sigaction(SIGINT, NULL, &before);
    struct child_result result =
        run("trap 'echo tidy; exit 4' INT; kill -INT $PPID; while :; do sleep 0.01; done",
            (struct child_options){0});
    assert_true(result.was_interrupted);
    assert_int_equal(result.exit_status, 4);
    assert_string_equal(str_text(&result.text), "tidy\n");
    child_result_free(&result);
    /* also to what a shell waits for */
    result = run("kill -INT $PPID; sleep 30; echo slept", (struct child_options){0});
    assert_true(result.was_interrupted);
    assert_string_equal(str_text(&result.text), "");
    child_result_free(&result);
    /* who does not listen is asked otherwise after a while */
    result = run("trap '' INT; kill -INT $PPID; sleep 30", (struct child_options){0});
    assert_int_equal(result.exit_status, 128 + SIGTERM);
    child_result_free(&result);
    /* a second one kills what does not listen */
    result = run("trap '' INT; kill -INT $PPID; sleep 0.05; kill -INT $PPID; while :; do sleep 0.01; done",
                 (struct child_options){0});
    assert_int_equal(result.exit_status, 137);
    child_result_free(&result);
    sigaction(SIGINT, NULL, &after);
    assert_true(before.sa_handler == after.sa_handler);
}

int child_test(void);
/* The shell's own child holds the pipe: the whole group is ended. */
static void what_runs_over_its_limit_is_ended(void **state)
{
    const char *words[] = {"sh", "-c", "echo begun; sleep 600; echo done", NULL};
    struct child_options options = {.words = words, .limit_ns = 1};
    struct child_result result;
    (void)state;
    assert_int_equal(child_run(&options, &result, NULL), 0);
    assert_true(result.is_late);
    assert_false(result.was_interrupted);
    assert_int_equal(result.exit_status, 128 + SIGTERM);
    assert_null(strstr(str_text(&result.text), "done"));
    child_result_free(&result);
    words[2] = "echo done";
    options.limit_ns = 600 * NS_PER_S;
    assert_int_equal(child_run(&options, &result, NULL), 0);
    assert_false(result.is_late);
    assert_string_equal(str_text(&result.text), "done\n");
    child_result_free(&result);
}

int child_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_prints_and_how_it_ends_comes_back),
        cmocka_unit_test(it_gets_a_folder_and_fewer_variables),
        cmocka_unit_test(a_program_that_is_none_ends_with_127),
        cmocka_unit_test(the_end_of_a_long_text_is_kept),
        cmocka_unit_test(nobody_waits_for_what_it_leaves_behind),
        cmocka_unit_test(a_signal_is_passed_on_and_told),
        cmocka_unit_test(what_runs_over_its_limit_is_ended),
    };
    return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
