/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/spawner.h"

#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/assert_near.h"
#include "base/clock.h"
#include "base/fs.h"
#include "bench/process_tree.h"

extern char **environ;

static const struct spawner_options silent = {.cpu = -1};

static struct spawn_result run(struct spawner *spawner, char *const *words, const struct spawn_watch *watch)
{
    char path[PATH_MAX];
    struct spawn_result result;
    assert_int_equal(spawner_resolve(words[0], NULL, path, NULL), 0);
    struct spawn_command command = {.path = path, .arguments = words, .environment = environ};
    assert_int_equal(spawner_run(spawner, &command, watch, &result, NULL), 0);
    return result;
}

static struct spawner *create(void)
{
    struct spawner *spawner;
    struct err err = {0};
    if (spawner_create(&silent, &spawner, &err))
        fail_msg("%s", err.what);
    return spawner;
}

static void a_command_is_run_and_measured(void **state)
{
    (void)state;
    struct spawner *spawner = create();
    char *quick[] = {"true", NULL}, *slow[] = {"sleep", "0.05", NULL},
         *failing[] = {"sh", "-c", "exit 3", NULL};
    assert_int_equal(run(spawner, quick, NULL).wait_status, 0);
    struct spawn_result result = run(spawner, slow, NULL);
    assert_true(result.wall_ns >= 50000000 && result.user_ns + result.system_ns < result.wall_ns);
    assert_true(result.memory_bytes_max > 100000 && result.switches_voluntary > 0 && result.faults_minor > 0);
    assert_int_equal(WEXITSTATUS(run(spawner, failing, NULL).wait_status), 3);
    spawner_destroy(spawner);
}

/* The child's own word is the truth; this process holds 200 MB. */
static void a_childs_peak_memory_is_its_own(void **state)
{
    (void)state;
    size_t size = 200u << 20;
    char *held = malloc(size), path[] = "/tmp/toll-peak-XXXXXX", text[64],
         *program = getenv("TOLL_ONE_MEGABYTE");
    assert_non_null(program);
    assert_non_null(held);
    memset(held, 1, size);
    close(mkstemp(path));
    struct spawner *spawner = create();
    char *words[] = {program, path, NULL};
    struct spawn_result result = run(spawner, words, NULL);
    assert_int_equal(result.wait_status, 0);
    assert_true(fs_read_small(path, text, sizeof text) > 0);
    double truth = strtod(text + strlen("VmHWM:"), NULL) * 1024;
    unlink(path);
    assert_true(truth > 1e6 && truth < 3e6);
    assert_near((double)result.memory_bytes_max / truth, 1, 0.1);
    assert_true(held[size - 1] == 1);
    spawner_destroy(spawner);
    free(held);
}

static void a_program_that_is_none_is_an_error_and_the_spawner_lives(void **state)
{
    (void)state;
    struct spawner *spawner = create();
    struct spawn_result result;
    struct err err = {0};
    char *words[] = {"/etc/passwd", NULL}, *quick[] = {"true", NULL};
    struct spawn_command command = {.path = words[0], .arguments = words, .environment = environ};
    assert_int_equal(spawner_run(spawner, &command, NULL, &result, &err), -ERR_ENVIRONMENT);
    assert_non_null(strstr(err.what, "could not run command '/etc/passwd'"));
    assert_int_equal(run(spawner, quick, NULL).wait_status, 0);
    spawner_destroy(spawner);
}

struct watched {
    struct spawner *spawner;
    uint64_t bytes_max;
    int looks;
};

static void look(void *context, pid_t pid)
{
    struct watched *watched = context;
    uint64_t bytes = pid > 0 ? process_tree_bytes(pid) : 0;
    watched->bytes_max = bytes > watched->bytes_max ? bytes : watched->bytes_max;
    if (++watched->looks == 10)
        spawner_signal(watched->spawner, SIGTERM);
}

static void what_runs_can_be_watched_and_signalled(void **state)
{
    (void)state;
    struct watched watched = {.spawner = create()};
    struct spawn_watch watch = {.interval_ms = 5, .look = look, .context = &watched};
    char *words[] = {"sleep", "30", NULL};
    struct spawn_result result = run(watched.spawner, words, &watch);
    assert_true(WIFSIGNALED(result.wait_status) && WTERMSIG(result.wait_status) == SIGTERM);
    assert_true(watched.bytes_max > 50000);
    spawner_destroy(watched.spawner);
}

/* The command ignores what asks it to end, and so does what it started, which has lost its parent. */
static void what_runs_over_its_limit_is_ended_with_all_that_it_started(void **state)
{
    (void)state;
    struct spawner *spawner = create();
    char path[PATH_MAX];
    char *words[] = {"sh", "-c", "trap '' TERM; (sleep 600 &) ; echo begun; while :; do sleep 600; done",
                     NULL};
    struct spawn_result result;
    assert_int_equal(spawner_resolve("sh", NULL, path, NULL), 0);
    struct spawn_command command = {
        .path = path, .arguments = words, .environment = environ, .limit_ns = 100 * NS_PER_MS};
    assert_int_equal(spawner_run(spawner, &command, NULL, &result, NULL), 0);
    assert_true(result.is_late);
    assert_true(WIFSIGNALED(result.wait_status) && WTERMSIG(result.wait_status) == SIGKILL);
    command.arguments = (char *[]){"sh", "-c", ":", NULL};
    command.limit_ns = 600 * NS_PER_S;
    assert_int_equal(spawner_run(spawner, &command, NULL, &result, NULL), 0);
    assert_false(result.is_late);
    assert_int_equal(result.wait_status, 0);
    spawner_destroy(spawner);
}

static void stdin_can_be_a_file(void **state)
{
    (void)state;
    struct spawner *spawner = create();
    char path[PATH_MAX], *words[] = {"grep", "-q", "^root:", NULL};
    struct spawn_result result;
    assert_int_equal(spawner_resolve("grep", NULL, path, NULL), 0);
    struct spawn_command command = {.path = path, .arguments = words, .environment = environ};
    assert_int_equal(spawner_run(spawner, &command, NULL, &result, NULL), 0);
    assert_int_equal(WEXITSTATUS(result.wait_status), 1);
    command.input = "/etc/passwd";
    for (int i = 0; i < 2; i++) {
        assert_int_equal(spawner_run(spawner, &command, NULL, &result, NULL), 0);
        assert_int_equal(WEXITSTATUS(result.wait_status), 0);
    }
    spawner_destroy(spawner);
}

static void a_command_can_run_in_another_folder(void **state)
{
    (void)state;
    struct spawner *spawner = create();
    struct spawn_place place = {"/bin", NULL}, nowhere = {NULL, "/nonexistent"};
    char path[PATH_MAX], *words[] = {"./sh", "-c", "test \"$(pwd -P)\" = /usr && test -r bin", NULL};
    struct spawn_result result;
    assert_int_equal(spawner_resolve("./sh", &place, path, NULL), 0);
    assert_string_equal(path, "/bin/./sh");
    assert_int_not_equal(spawner_resolve("./sh", NULL, path, NULL), 0);
    assert_int_not_equal(spawner_resolve("sh", &nowhere, path, NULL), 0);
    struct spawn_command command = {
        .path = "/bin/sh", .folder = "/usr", .arguments = words, .environment = environ};
    assert_int_equal(spawner_run(spawner, &command, NULL, &result, NULL), 0);
    assert_int_equal(result.wait_status, 0);
    command.folder = "/nonexistent";
    assert_int_not_equal(spawner_run(spawner, &command, NULL, &result, NULL), 0);
    spawner_destroy(spawner);
}

static void the_spawner_ends_with_its_owner(void **state)
{
    (void)state;
    struct spawner *spawner = create();
    pid_t pid = spawner_pid(spawner);
    assert_int_equal(kill(pid, 0), 0);
    assert_int_equal(kill(pid, SIGINT), 0); /* does not end it */
    char *quick[] = {"true", NULL};
    assert_int_equal(run(spawner, quick, NULL).wait_status, 0);
    spawner_destroy(spawner);
    assert_int_equal(kill(pid, 0), -1);
}

int spawner_test(void);
int spawner_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_run_and_measured),
        cmocka_unit_test(a_childs_peak_memory_is_its_own),
        cmocka_unit_test(a_program_that_is_none_is_an_error_and_the_spawner_lives),
        cmocka_unit_test(what_runs_can_be_watched_and_signalled),
        cmocka_unit_test(what_runs_over_its_limit_is_ended_with_all_that_it_started),
        cmocka_unit_test(stdin_can_be_a_file),
        cmocka_unit_test(a_command_can_run_in_another_folder),
        cmocka_unit_test(the_spawner_ends_with_its_owner),
    };
    return cmocka_run_group_tests_name("spawner", tests, NULL, NULL);
}
