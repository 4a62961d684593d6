/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bench/bench.h"

static void an_arm_has_its_own_folder_and_variables(void **state)
{
    (void)state;
    static const char before[] =
        "sh -c 'test \"$(pwd -P)\" = / && test $TOLL_SIDE = old && test $TOLL_BOTH = toll'";
    static const char after[] =
        "sh -c 'test \"$(pwd -P)\" = /usr && test $TOLL_SIDE = new && test $TOLL_BOTH = toll'";
    char *old[] = {"TOLL_SIDE=old", NULL}, *new[] = {"TOLL_SIDE=new", NULL};
    const struct bench_text commands[] = {{.line = before, .folder = "/", .variables = old},
                                          {.line = after, .folder = "/usr", .variables = new}};
    struct bench_options options = {
        .commands = commands, .command_count = 2, .round_count = 2, .cpu = -1, .prepare = "test -r bin"};
    struct bench_result result;
    struct err err = {0};
    setenv("TOLL_SIDE", "outside", 1);
    setenv("TOLL_BOTH", "toll", 1);
    if (bench_run(&options, &result, &err))
        fail_msg("%s", err.what);
    assert_int_equal(result.rounds, 2);
    bench_result_free(&result);
}

int session_test(void);
int session_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_arm_has_its_own_folder_and_variables),
    };
    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
