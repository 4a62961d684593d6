/* SPDX-License-Identifier: Apache-2.0 */
/* A real python3, read while it waits. TOLL_TEST_PYTHON names another than Debian's. */
#include "runtime/python.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "model/dataset.h"
#include "model/meta.h"

int python_test(void);
void python_image_keep(const char *path, uint32_t pid, const struct python_place *place);

#define POLL_NS    (2 * 1000 * 1000)
#define POLL_COUNT 10000 /* 20 s and more */

/* A C function, map, calls `inner`: so the interpreter's function runs twice. */
static const char script[] = "import time\n"
                             "def inner(item):\n"
                             "    print('ready', flush=True)\n"
                             "    time.sleep(1000)\n"
                             "def outer():\n"
                             "    list(map(inner, [1]))\n"
                             "outer()\n";

struct fixture {
    pid_t child;
    int output;
    struct stacks *stacks;
    struct python *python;
    struct dataset dataset;
    const struct python_place *place;
};

static const char *interpreter(void)
{
    const char *wanted = getenv("TOLL_TEST_PYTHON");
    return wanted && wanted[0] ? wanted : "/usr/bin/python3";
}

static pid_t child_start(int *ret_output)
{
    int ends[2];
    char *arguments[] = {(char *)(uintptr_t) "python3", (char *)(uintptr_t) "-c", (char *)(uintptr_t)script,
                         NULL};
    if (pipe(ends))
        return -1;
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        execv(interpreter(), arguments);
        _exit(127);
    }
    close(ends[1]);
    *ret_output = ends[0];
    return child;
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    char line[8];
    if (!fixture || stacks_create(&(struct stacks_options){.cache_folder = ""}, &fixture->stacks, NULL) ||
        python_create(fixture->stacks, &fixture->python, NULL))
        return -1;
    dataset_init(&fixture->dataset);
    fixture->child = child_start(&fixture->output);
    if (fixture->child > 0 && read(fixture->output, line, sizeof line) > 0)
        fixture->place = python_look(fixture->python, (uint32_t)fixture->child);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    if (fixture->child > 0) {
        kill(fixture->child, SIGKILL);
        waitpid(fixture->child, NULL, 0);
    }
    close(fixture->output);
    python_destroy(fixture->python);
    stacks_destroy(fixture->stacks);
    dataset_deinit(&fixture->dataset);
    free(fixture);
    return 0;
}

static void skip_without(const struct fixture *fixture)
{
    if (fixture->place)
        return;
    printf("# %s is not there, is no Python " PYTHON_VERSIONS ", or its memory may not be read\n",
           interpreter());
    skip();
}

/* The cell of the row with an id. */
static uint64_t cell(const struct fixture *fixture, enum table_id table, uint64_t id, size_t column)
{
    const struct dataset *dataset = &fixture->dataset;
    for (size_t i = 0; i < dataset->columns[table][0].count; i++)
        if (dataset->columns[table][0].items[i] == id)
            return dataset->columns[table][column].items[i];
    fail_msg("no row %llu", (unsigned long long)id);
    return 0;
}

/* "outer:line inner:line", of Python frames alone in their own words. */
static void names(const struct fixture *fixture, uint64_t stack, char *text, size_t capacity)
{
    text[0] = '\0';
    if (!stack)
        return;
    names(fixture, cell(fixture, TABLE_STACK, stack, COLUMN(stack, parent)), text, capacity);
    uint64_t frame = cell(fixture, TABLE_STACK, stack, COLUMN(stack, frame));
    const struct view *view = &fixture->dataset.view;
    const char *name = view_text(view, cell(fixture, TABLE_FRAME, frame, COLUMN(frame, function)));
    const char *module = view_text(view, cell(fixture, TABLE_FRAME, frame, COLUMN(frame, module)));
    size_t length = strlen(text);
    if (strcmp(module, MODULE_NAME_PYTHON) == 0)
        snprintf(text + length, capacity - length, "%s%s:%llu", length ? " " : "", name,
                 (unsigned long long)cell(fixture, TABLE_FRAME, frame, COLUMN(frame, line)));
    else
        snprintf(text + length, capacity - length, "%snative", length ? " " : "");
}

/* The child waits in time.sleep, soon. */
static uint64_t stack_of(struct fixture *fixture, uint32_t tid)
{
    const char *wanted = "<module>:7 outer:6 inner:4";
    char text[256] = "";
    uint64_t stack = 0;

    for (unsigned i = 0; i < POLL_COUNT && strcmp(text, wanted) != 0; i++) {
        struct timespec pause = {.tv_nsec = POLL_NS};
        uint64_t row = 0;
        assert_int_equal(python_thread_read(fixture->python, (uint32_t)fixture->child, tid, &stack, NULL), 0);
        assert_int_equal(python_stacks_add(fixture->python, (uint32_t)fixture->child,
                                           &(struct stacks_dumped){0}, stack, &row, NULL),
                         0);
        assert_int_equal(stacks_finish(fixture->stacks, &fixture->dataset.sink, NULL), 0);
        names(fixture, row, text, sizeof text);
        nanosleep(&pause, NULL);
    }
    assert_string_equal(text, wanted);
    return stack;
}

static void functions_and_lines_of_a_waiting_thread_are_read(void **state)
{
    struct fixture *fixture = *state;
    skip_without(fixture);
    const char *keep = getenv("TOLL_TEST_PYTHON_KEEP"); /* for tests/data/python */
    stack_of(fixture, (uint32_t)fixture->child);
    if (keep)
        python_image_keep(keep, (uint32_t)fixture->child, fixture->place);
    assert_int_equal(python_counts(fixture->python).unnamed_count, 0);
    assert_int_equal(stacks_counts(fixture->stacks).truncated_count, 0);
}

/* Each call of the interpreter's function becomes the frames that it runs: `inner` was called from C. */
static void python_frames_stand_where_the_interpreter_was_called(void **state)
{
    struct fixture *fixture = *state;
    uint64_t row;
    char text[256];
    skip_without(fixture);
    uint64_t stack = stack_of(fixture, (uint32_t)fixture->child);
    assert_int_equal(stacks_read_maps(fixture->stacks, (uint32_t)fixture->child, NULL), 0);
    uint64_t eval = fixture->place->eval[0].low + 16, other = fixture->place->eval[0].low - 16;
    const uint64_t whole[] = {other, eval, other, other, eval, other};
    assert_int_equal(python_stacks_add(fixture->python, (uint32_t)fixture->child,
                                       &(struct stacks_dumped){.chain = whole, .chain_count = 6}, stack, &row,
                                       NULL),
                     0);
    const uint64_t cut[] = {other, eval, other};
    uint64_t of_cut;
    assert_int_equal(python_stacks_add(fixture->python, (uint32_t)fixture->child,
                                       &(struct stacks_dumped){.chain = cut, .chain_count = 3}, stack,
                                       &of_cut, NULL),
                     0);
    assert_int_equal(stacks_finish(fixture->stacks, &fixture->dataset.sink, NULL), 0);
    names(fixture, row, text, sizeof text);
    assert_string_equal(text, "native <module>:7 outer:6 native native inner:4 native");
    names(fixture, of_cut, text, sizeof text);
    assert_string_equal(text, "<module>:7 outer:6 native inner:4 native");
}

static void a_thread_without_python_has_no_stack(void **state)
{
    struct fixture *fixture = *state;
    uint64_t stack = 1;
    skip_without(fixture);
    assert_int_equal(python_thread_read(fixture->python, (uint32_t)fixture->child, 1, &stack, NULL), 0);
    assert_int_equal(stack, 0);
    assert_null(python_look(fixture->python, (uint32_t)getpid()));
    assert_int_equal(
        python_thread_read(fixture->python, (uint32_t)getpid(), (uint32_t)getpid(), &stack, NULL), 0);
    assert_int_equal(stack, 0);
}

static void the_gil_is_a_place_of_the_interpreter(void **state)
{
    struct fixture *fixture = *state;
    skip_without(fixture);
    uint32_t pid = (uint32_t)fixture->child;
    uint64_t holder = fixture->place->runtime.low + fixture->place->layout.gil_holder;
    assert_true(python_is_gil(fixture->python, pid, holder));
    assert_false(python_is_gil(fixture->python, pid, fixture->place->runtime.high));
    python_fork(fixture->python, 4000000000u, pid);
    assert_true(python_is_gil(fixture->python, 4000000000u, holder));
    python_forget(fixture->python, pid, UINT64_MAX);
    assert_false(python_is_gil(fixture->python, pid, holder));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int python_test(void)
{
    const struct CMUnitTest tests[] = {
        TEST(functions_and_lines_of_a_waiting_thread_are_read),
        TEST(python_frames_stand_where_the_interpreter_was_called),
        TEST(a_thread_without_python_has_no_stack),
        TEST(the_gil_is_a_place_of_the_interpreter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
