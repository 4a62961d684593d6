/* SPDX-License-Identifier: Apache-2.0 */
/* Commands with a profiler put into them. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"
#include "decide/runner.h"

int runners_test(void);

#define COMMAND(...)                                                                                         \
    (char *const[])                                                                                          \
    {                                                                                                        \
        __VA_ARGS__, NULL                                                                                    \
    }

/* The command around `command`, blanks between its words; Python's start is too long to be shown. */
static void wrapped(const char *name, char *const *command, const char *expected)
{
    struct arena arena = {0};
    struct runner_words words = {0};
    struct str line = {0};
    struct err err = {0};
    const struct runner *runner = runner_find(name);
    assert_non_null(runner);
    struct runner_place place = {.folder = "/t", .raw = "/t/raw", .arena = &arena};
    if (runner->wrap(&place, command, &words, &err))
        fail_msg("%s", err.what);
    assert_false(words.failed);
    for (size_t i = 0; i < words.items.count; i++)
        str_printf(&line, "%s%s", i ? " " : "",
                   strchr(words.items.items[i], '\n') ? "START" : words.items.items[i]);
    assert_string_equal(str_text(&line), expected);
    str_free(&line);
    vec_free(&words.items);
    arena_free(&arena);
}

static void python_keeps_its_options_and_arguments(void **state)
{
    (void)state;
    wrapped("cprofile", COMMAND("python3", "-X", "dev", "-B", "job.py", "-x"),
            "python3 -X dev -B -c START /t/raw file job.py -x");
    wrapped("cprofile", COMMAND("/opt/bin/python3.11", "-m", "http.server", "80"),
            "/opt/bin/python3.11 -c START /t/raw -m http.server 80");
    wrapped("cprofile", COMMAND("python3", "-O", "-c", "print(1)", "a"),
            "python3 -O -c START /t/raw -c print(1) a");
}

static void node_java_and_go_get_an_option(void **state)
{
    (void)state;
    wrapped("node", COMMAND("node", "--no-warnings", "a.js"),
            "node --cpu-prof --cpu-prof-dir=/t --no-warnings a.js");
    wrapped("jfr", COMMAND("java", "-jar", "a.jar"),
            "java -XX:StartFlightRecording=filename=/t/raw,settings=profile,dumponexit=true "
            "-Xlog:jfr+startup=off -jar a.jar");
    wrapped("go-pprof", COMMAND("go", "test", "-bench", "."),
            "go test -cpuprofile /t/raw -o /t/test -bench .");
    wrapped("perf", COMMAND("./a", "--"), "perf record -q -B --all-user -g -F 199 -o /t/raw -- ./a --");
}

static void a_statement_is_explained_while_it_runs(void **state)
{
    (void)state;
    wrapped("explain", COMMAND("psql", "-h", "db", "-c", "SELECT 1"),
            "psql -XqAt -o /t/raw -h db -c EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT 1");
    wrapped("explain", COMMAND("psql", "--command=SELECT 1"),
            "psql -XqAt -o /t/raw -c EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT 1");
}

static void the_command_chooses(void **state)
{
    (void)state;
    assert_string_equal(runner_choose(COMMAND("/usr/bin/python3.11", "a.py"))->name, "cprofile");
    assert_string_equal(runner_choose(COMMAND("node", "a.js"))->name, "node");
    assert_string_equal(runner_choose(COMMAND("go", "test"))->name, "go-pprof");
    assert_string_equal(runner_choose(COMMAND("psql", "-c", "x"))->name, "explain");
    assert_null(runner_choose(COMMAND("go", "run", ".")));
    assert_null(runner_choose(COMMAND("pythonic")));
    assert_null(runner_choose(COMMAND("./native")));
    assert_null(runner_find("magic"));
}

int runners_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(python_keeps_its_options_and_arguments),
        cmocka_unit_test(node_java_and_go_get_an_option),
        cmocka_unit_test(a_statement_is_explained_while_it_runs),
        cmocka_unit_test(the_command_chooses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
