/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real runs of a script whose stages sleep, which a busy machine makes longer, but not shorter. `step` takes 30 ms, prints what it
 * reads, writes a file and ends with 3, all of which the script checks; `aside` runs beside it and is never waited for long.
 */
#include "experiment/experiment.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"

static char folder[64], path[4096], *path_before, started_in[PATH_MAX];

static const char script[] = "#!/bin/sh\n"
                             "set -e\n"
                             "rm -rf out; mkdir -p out\n"
                             "aside & \n"
                             "for i in 1 2; do\n"
                             "  got=$(echo in$i | step $i) && exit 9 || [ $? = 3 ]\n"
                             "  [ \"$got\" = \"in$i $i\" ] && [ \"$(cat out/$i/file)\" = $i ] || exit 8\n"
                             "done\n"
                             "sleep 0.008\n"
                             "wait\n";
static const char step[] =
    "#!/bin/sh\n"
    "read line; sleep 0.03; mkdir out/$1; echo $1 > out/$1/file; echo $line $1; exit 3\n";
static const char aside[] = "#!/bin/sh\nexec sleep 0.004\n";
static const char changing[] = "#!/bin/sh\nstep2 $(date +%N)\n";

static int program_write(const char *name, const char *text)
{
    char file[128];
    snprintf(file, sizeof file, "%s/%s", folder, name);
    return fs_replace(file, text, strlen(text), 0755, NULL);
}

static int folder_make(void **state)
{
    (void)state;
    assert_non_null(getcwd(started_in, sizeof started_in));
    snprintf(folder, sizeof folder, "/tmp/toll-experiment-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    const char *now = getenv("PATH");
    path_before = strdup(now ? now : "/usr/bin:/bin");
    snprintf(path, sizeof path, "%s:%s", folder, path_before);
    setenv("PATH", path, 1);
    return chdir(folder) || program_write("work.sh", script) || program_write("step", step) ||
           program_write("step2", "#!/bin/sh\nexec sleep 0.004\n") || program_write("aside", aside) ||
           program_write("changing.sh", changing);
}

static int folder_remove(void **state)
{
    (void)state;
    char line[128];
    snprintf(line, sizeof line, "rm -rf '%s'", folder);
    setenv("PATH", path_before, 1);
    free(path_before);
    int status = system(line); /* NOLINT: the test's own line */
    return chdir(started_in) || status;
}

static struct experiment_request request_of(const char *command, const char *stage,
                                            enum experiment_means means, double promised)
{
    return (struct experiment_request){
        .means = means,
        .command = {.line = command},
        .stage = stage,
        .options = {.round_count = 6, .cpu = -1, .threshold_ratio = -1, .no_control = true},
        .promise = {.factor = promised},
    };
}

static void a_stage_that_the_run_hangs_on_is_worth_something(void **state)
{
    (void)state;
    static const enum experiment_means means[] = {EXPERIMENT_AUTO, EXPERIMENT_HOLD};
    for (size_t i = 0; i < 2; i++) {
        struct experiment_request request = request_of("work.sh", "step", means[i], 1.3);
        struct experiment_result result;
        struct err err = {0};
        int status = experiment_run(&request, &result, &err);
        if (status)
            fail_msg("%s", err.what);
        /* A busy machine widens the interval; it does not move its middle that far. */
        if (result.outcome == EXPERIMENT_REJECTED || result.gain.factor < 1.05)
            fail_msg("%s", result.sentence);
        assert_int_equal(result.means, i ? EXPERIMENT_HOLD : EXPERIMENT_REPLAY);
        assert_true(result.gain.is_bound && result.calls.call_count == 2);
        experiment_result_free(&result);
    }
}

static void one_beside_the_path_is_rejected(void **state)
{
    (void)state;
    static const enum experiment_means means[] = {EXPERIMENT_REPLAY, EXPERIMENT_HOLD};
    for (size_t i = 0; i < 2; i++) {
        struct experiment_request request = request_of("work.sh", "aside", means[i], 500);
        struct experiment_result result;
        struct err err = {0};
        int status = experiment_run(&request, &result, &err);
        if (status)
            fail_msg("%s", err.what);
        if (result.outcome != EXPERIMENT_REJECTED)
            fail_msg("%s", result.sentence);
        experiment_result_free(&result);
    }
}

static void calls_that_are_never_the_same_are_held_instead_of_replayed(void **state)
{
    (void)state;
    struct experiment_request request = request_of("changing.sh", "step2", EXPERIMENT_AUTO, 0);
    struct experiment_result result;
    assert_int_equal(experiment_run(&request, &result, NULL), 0);
    assert_int_equal(result.means, EXPERIMENT_HOLD);
    assert_int_equal(result.outcome, EXPERIMENT_MEASURED);
    assert_int_equal(result.remark_count, 1);
    assert_non_null(strstr(result.remarks[0], "other ones in each run"));
    experiment_result_free(&result);
}

static void what_cannot_be_tried_says_why(void **state)
{
    (void)state;
    struct experiment_request request = request_of("work.sh", "no-such-stage", EXPERIMENT_REPLAY, 0);
    struct experiment_result result;
    struct err err;
    assert_int_equal(experiment_run(&request, &result, &err), -ERR_ENVIRONMENT);
    assert_non_null(strstr(err.what, "no program 'no-such-stage' is found through PATH"));
    request = request_of("sh -c 'exit 4'", "step", EXPERIMENT_AUTO, 0);
    assert_int_equal(experiment_run(&request, &result, &err), -ERR_ENVIRONMENT);
}

static void a_knob_is_compared_as_two_commands(void **state)
{
    (void)state;
    struct experiment_request request = request_of("sleep 0.03", NULL, EXPERIMENT_KNOB, 1.2);
    struct experiment_result result;
    request.after = (struct bench_text){.line = "sleep 0.005"};
    assert_int_equal(experiment_run(&request, &result, NULL), 0);
    assert_true(result.outcome != EXPERIMENT_REJECTED && result.gain.factor > 1.1);
    assert_false(result.gain.is_bound);
    experiment_result_free(&result);
}

int experiment_test(void);
int experiment_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stage_that_the_run_hangs_on_is_worth_something),
        cmocka_unit_test(one_beside_the_path_is_rejected),
        cmocka_unit_test(calls_that_are_never_the_same_are_held_instead_of_replayed),
        cmocka_unit_test(what_cannot_be_tried_says_why),
        cmocka_unit_test(a_knob_is_compared_as_two_commands),
    };
    return cmocka_run_group_tests_name("experiment", tests, folder_make, folder_remove);
}
