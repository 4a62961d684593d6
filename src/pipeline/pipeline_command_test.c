/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/pipeline_command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/str.h"

int pipeline_command_test(void);

static struct arena arena;

static struct pipeline_file read_file(const char *text)
{
    struct pipeline_file file = {0};
    struct err err = {0};
    if (pipeline_file_read_text(text, strlen(text), "/srv/toll.yaml", &file, &err))
        fail_msg("%s (%s)", err.what, err.hint);
    return file;
}

static struct pipeline_command fill(const struct pipeline_file *file, const char *name, const char *value)
{
    struct pipeline_assignment assignment = {name, value};
    struct pipeline_command command = {0};
    struct err err = {0};
    if (pipeline_command_fill(file, &assignment, name ? 1 : 0, &arena, &command, &err))
        fail_msg("%s (%s)", err.what, err.hint);
    return command;
}

static void a_knob_is_put_where_it_belongs(void **state)
{
    (void)state;
    struct pipeline_file file = read_file("run: ./load --workers {workers} 'it is' other\n"
                                          "environment: {MODE: safe, LANG: C}\n"
                                          "knobs:\n"
                                          "  workers: {range: 1..64, now: 4}\n"
                                          "  mode: {env: MODE, values: [fast, safe], now: safe}\n");
    struct pipeline_command today = fill(&file, NULL, NULL), many = fill(&file, "workers", "16"),
                            fast = fill(&file, "mode", "fast");
    assert_string_equal(today.words[2], "4");
    assert_string_equal(many.words[0], "./load");
    assert_string_equal(many.words[2], "16");
    assert_string_equal(many.words[3], "it is");
    assert_string_equal(many.words[4], "other");
    assert_null(many.words[5]);
    assert_string_equal(fast.variables[0], "LANG=C");
    assert_string_equal(fast.variables[1], "MODE=fast");
    assert_null(fast.variables[2]);
    assert_string_equal(fast.text, "MODE=fast ./load --workers 4 'it is' other");
    assert_string_equal(fast.folder, "/srv");
    assert_null(fast.prepare);
    struct pipeline_command open = {0};
    assert_int_equal(pipeline_command_open(&file, pipeline_file_knob(&file, "workers"), &arena, &open, NULL),
                     0);
    assert_string_equal(open.words[2], "{workers}");
    assert_string_equal(open.variables[1], "MODE=safe");
    assert_int_equal(pipeline_command_open(&file, pipeline_file_knob(&file, "mode"), &arena, &open, NULL), 0);
    assert_string_equal(open.words[2], "4");
    assert_null(open.variables[1]);
    pipeline_file_free(&file);
}

static void a_line_that_takes_a_shell_gets_one(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "cat a | sort", "a && b", "cd x", "A=1 ./run", "ls *.csv", "echo $HOME", "for i in 1; do x; done"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct str text = {0};
        str_printf(&text, "run: '%s'\n", lines[i]);
        struct pipeline_file file = read_file(text.text);
        struct pipeline_command command = fill(&file, NULL, NULL);
        assert_string_equal(command.words[0], "/bin/sh");
        assert_string_equal(command.words[2], lines[i]);
        pipeline_file_free(&file);
        str_free(&text);
    }
    struct pipeline_file file = read_file("run: ./a -j {j} --b=c\nknobs: {j: {range: 1..4, now: 1}}\n");
    struct pipeline_command command = fill(&file, "j", "2");
    assert_string_equal(command.words[0], "./a");
    assert_string_equal(command.words[2], "2");
    pipeline_file_free(&file);
}

static void a_wrong_assignment_is_refused(void **state)
{
    (void)state;
    struct pipeline_file file = read_file("run: ./a {n}\nknobs: {n: {range: 1..4, now: 1}}\n");
    struct pipeline_command command;
    struct err err = {0};
    struct pipeline_assignment unknown = {"m", "2"}, word = {"n", "many"};
    assert_int_equal(pipeline_command_fill(&file, &unknown, 1, &arena, &command, &err), -ERR_USAGE);
    assert_string_equal(err.hint, "there are: n");
    assert_int_equal(pipeline_command_fill(&file, &word, 1, &arena, &command, &err), -ERR_USAGE);
    struct change change;
    struct pipeline_assignment assignment;
    assert_int_equal(change_parse("set:knob/n=3", &change, NULL), 0);
    assert_true(pipeline_assignment_of(&change, &assignment));
    assert_string_equal(assignment.name, "n");
    assert_string_equal(assignment.value, "3");
    assert_int_equal(change_parse("workers:process/curl=3", &change, NULL), 0);
    assert_false(pipeline_assignment_of(&change, &assignment));
    pipeline_file_free(&file);
}

static void assert_holds(const char *path, const char *expected)
{
    struct str text = {0};
    assert_int_equal(fs_read(path, 1000, &text, NULL), 0);
    assert_string_equal(str_text(&text), expected);
    str_free(&text);
}

static void a_changed_file_is_put_back(void **state)
{
    (void)state;
    char folder[] = "/tmp/toll-knob.XXXXXX", path[64], copy[80];
    static const char before[] = "# pool\nsize = 4\nother = 5\n";
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a.conf", folder);
    snprintf(copy, sizeof copy, "%s.toll-kept", path);
    assert_int_equal(fs_replace(path, before, strlen(before), 0640, NULL), 0);
    assert_int_equal(chmod(path, 0640), 0);
    struct str text = {0};
    str_printf(&text,
               "run: ./a\nknobs: {size: {file: '%s', key: size, values: [4, 8]}, other: {file: '%s', key: "
               "other, values: [5, 6]}}\n",
               path, path);
    struct pipeline_file file = read_file(text.text);
    assert_string_equal(pipeline_file_knob(&file, "size")->now, "4");
    struct pipeline_command command = fill(&file, "size", "8");
    assert_int_equal(command.edit_count, 2);
    assert_non_null(strstr(command.prepare, "set-key"));
    struct pipeline_kept *kept = NULL, *other = NULL;
    pid_t killed = fork();
    if (killed == 0)
        _exit(pipeline_files_keep(&file, &kept, NULL) ||
              pipeline_files_set(command.edits, command.edit_count, NULL));
    int how = -1;
    assert_int_equal(waitpid(killed, &how, 0), killed);
    assert_int_equal(how, 0);
    assert_holds(path, "# pool\nsize = 8\nother = 5\n");
    assert_int_equal(access(copy, F_OK), 0);
    /* A toll after one that was killed: the copy comes first, also for what is today's value. */
    struct pipeline_file after = read_file(text.text);
    assert_string_equal(pipeline_file_knob(&after, "size")->now, "4");
    pipeline_file_free(&after);
    assert_int_equal(pipeline_files_keep(&file, &kept, NULL), 0);
    assert_holds(path, before);
    /* A toll beside one that lives takes nothing from it. */
    assert_int_equal(pipeline_files_set(command.edits, command.edit_count, NULL), 0);
    assert_int_equal(pipeline_files_keep(&file, &other, NULL), -ERR_ENVIRONMENT);
    assert_int_equal(access(copy, F_OK), 0);
    assert_int_equal(pipeline_files_restore(kept, NULL), 0);
    assert_holds(path, before);
    assert_int_equal(access(copy, F_OK), -1);
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0640);
    unlink(path);
    rmdir(folder);
    pipeline_file_free(&file);
    str_free(&text);
}

static const char *change_of(const char *knobs, struct finding finding)
{
    struct str text = {0};
    str_printf(&text, "run: ./a {workers} {jobs} {batch} {n} {download_workers}\nknobs:\n%s", knobs);
    struct pipeline_file file = read_file(text.text);
    const char *change = pipeline_knob_change(&file, &finding, &arena);
    pipeline_file_free(&file);
    str_free(&text);
    return change;
}

static void a_finding_is_told_as_the_knob_that_does_it(void **state)
{
    (void)state;
    static const char *const facts[] = {"pool size: 4 found, 16 proposed"};
    struct finding serial = {.cause = "serial-independent",
                             .change = "workers:process/curl=10",
                             .where.stage = "download"},
                   pool = {.cause = "config",
                           .change = "workers:process/app=16",
                           .evidence = facts,
                           .evidence_count = 1},
                   small = {.cause = "small-batches", .change = "batch:peer/127.0.0.1:5432=100"},
                   hot = {.cause = "cpu-hot", .change = "speed:function/f=2"};
    assert_string_equal(change_of("  workers: {range: 1..64, now: 1}\n", serial), "set:knob/workers=10");
    assert_string_equal(change_of("  workers: {values: [1, 2, 8, 16], now: 1}\n", serial),
                        "set:knob/workers=16");
    assert_string_equal(change_of("  workers: {values: [1, 2, 8], now: 1}\n", serial), "set:knob/workers=8");
    assert_string_equal(change_of("  workers: {range: 1..8, now: 1}\n", serial), "set:knob/workers=8");
    assert_string_equal(change_of("  n: {range: 1..64, now: 1}\n", serial), "set:knob/n=10");
    assert_string_equal(change_of("  n: {range: 1..64, now: 1}\n  jobs: {range: 1..64, now: 1}\n", serial),
                        "set:knob/jobs=10");
    assert_null(change_of("  workers: {range: 1..64, now: 1}\n  jobs: {range: 1..64, now: 1}\n", serial));
    assert_string_equal(
        change_of("  download_workers: {range: 1..64, now: 1}\n  jobs: {range: 1..64, now: 1}\n", serial),
        "set:knob/download_workers=10");
    assert_null(change_of("  workers: {range: 1..64, now: 4}\n", serial));
    assert_string_equal(change_of("  workers: {range: 1..64, now: 4}\n", pool), "set:knob/workers=16");
    assert_null(change_of("  workers: {range: 1..64, now: 8}\n", pool));
    assert_string_equal(change_of("  batch: {range: 1..5000, now: 10}\n", small), "set:knob/batch=1000");
    assert_null(change_of("  workers: {range: 1..64, now: 1}\n", small));
    assert_null(change_of("  workers: {range: 1..64, now: 1}\n", hot));
    assert_null(change_of("  workers: {values: [a, b], now: a}\n", serial));
}

int pipeline_command_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_knob_is_put_where_it_belongs),
        cmocka_unit_test(a_line_that_takes_a_shell_gets_one),
        cmocka_unit_test(a_wrong_assignment_is_refused),
        cmocka_unit_test(a_changed_file_is_put_back),
        cmocka_unit_test(a_finding_is_told_as_the_knob_that_does_it),
    };
    int failed = cmocka_run_group_tests_name("pipeline_command", tests, NULL, NULL);
    arena_free(&arena);
    return failed;
}
