/* SPDX-License-Identifier: Apache-2.0 */
/* python_told_test: functions that are told by name, and the interpreter of a process that is gone: here this program, by its symbols. */
#include "runtime/python_told.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

int python_told_test(void);

#define PID_GONE 0x7ffffffeu /* more than any kernel gives */
#define ADDRESS  0x7f0000000000ull

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): Python's own names */
extern char _PyRuntime[];
int _PyEval_EvalFrameDefault(int value);

char _PyRuntime[64];

__attribute__((noinline)) int _PyEval_EvalFrameDefault(int value)
{
    return value + _PyRuntime[0];
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

static void a_function_that_many_processes_tell_is_one(void **state)
{
    struct python_told *told;
    uint64_t first, other, again;
    char name[32];

    (void)state;
    assert_int_equal(python_told_create(NULL, &told, NULL), 0);
    assert_int_equal(python_told_code(told, "grow", "/srv/app.py", &first, NULL), 0);
    assert_int_equal(python_told_code(told, "grow", "/srv/other.py", &other, NULL), 0);
    assert_int_equal(python_told_code(told, "grow", "/srv/app.py", &again, NULL), 0);
    assert_true(first && other && first != other && again == first);
    for (unsigned i = 2; i < PYTHON_TOLD_COUNT_MAX; i++) {
        snprintf(name, sizeof name, "function_%u", i);
        assert_int_equal(python_told_code(told, name, "/srv/app.py", &other, NULL), 0);
        assert_int_not_equal(other, 0);
    }
    assert_int_equal(python_told_nameless(told), 0);
    assert_int_equal(python_told_code(told, "one more", "/srv/app.py", &other, NULL), 0);
    assert_int_equal(other, 0);
    assert_int_equal(python_told_nameless(told), 1);
    assert_int_equal(python_told_code(told, "grow", "/srv/app.py", &again, NULL), 0);
    assert_int_equal(again, first);
    python_told_destroy(told);
}

/* The path of a process that is gone may be another file's here. */
static void an_interpreter_of_another_root_is_not_looked_up_here(void **state)
{
    char folder[] = "/tmp/toll-told-XXXXXX", path[64], program[512];
    struct python_files files = {0};
    struct python_range ranges[PYTHON_EVAL_MAX];
    struct python_mapping mapping = {.path = path, .address = ADDRESS};
    struct stat about;
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);

    (void)state;
    assert_int_equal(_PyEval_EvalFrameDefault(1), 1);
    assert_true(length > 0);
    program[length] = '\0';
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/python3", folder);
    assert_int_equal(symlink(program, path), 0);
    assert_int_equal(stat(path, &about), 0);
    mapping.inode = about.st_ino;
    assert_int_not_equal(python_eval_find(&files, PID_GONE, &mapping, ranges), 0);
    assert_true(ranges[0].low > ADDRESS && ranges[0].high > ranges[0].low);
    mapping.inode = about.st_ino + 1;
    assert_int_equal(python_eval_find(&files, PID_GONE, &mapping, ranges), 0);
    assert_int_not_equal(python_eval_find(&files, (uint32_t)getpid(), &mapping, ranges),
                         0); /* its own root */
    mapping.inode = 0;
    assert_int_not_equal(python_eval_find(&files, PID_GONE, &mapping, ranges), 0);
    python_files_free(&files);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

int python_told_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_function_that_many_processes_tell_is_one),
        cmocka_unit_test(an_interpreter_of_another_root_is_not_looked_up_here),
    };
    return cmocka_run_group_tests_name("python_told", tests, NULL, NULL);
}
