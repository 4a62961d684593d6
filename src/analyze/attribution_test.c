/* SPDX-License-Identifier: Apache-2.0 */
#include "analyze/attribution.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "model/meta.h"

int attribution_test(void);

#define PYTHON MODULE_NAME_PYTHON

static struct run_frame frames[] = {
    {.function = "main", .module = PYTHON, .file = "/srv/prices.py", .line = 30},
    {.function = "fetch", .module = PYTHON, .file = "/srv/prices.py", .line = 16},
    {.function = "SocketIO.readinto", .module = PYTHON, .file = "/usr/lib/python3.11/socket.py", .line = 706},
    {.function = "os_read", .module = "/usr/bin/python3.11"},
    {.function = "read", .module = "/usr/lib/x86_64-linux-gnu/libc.so.6"},
    {.function = "_find_and_load", .module = PYTHON, .file = "<frozen importlib._bootstrap>", .line = 1178},
};

/* main, fetch, readinto, os_read, read; and a stack of nothing but the interpreter's start. */
static struct run_stack stacks[] = {
    {.parent = RUN_NONE, .frame = 0}, {.parent = 0, .frame = 1},        {.parent = 1, .frame = 2},
    {.parent = 2, .frame = 3},        {.parent = 3, .frame = 4},        {.parent = RUN_NONE, .frame = 3},
    {.parent = 5, .frame = 4},        {.parent = RUN_NONE, .frame = 5}, {.parent = 7, .frame = 4}};

static struct run a_run(void)
{
    return (struct run){.frames = {.items = frames, .count = sizeof frames / sizeof *frames},
                        .stacks = {.items = stacks, .count = sizeof stacks / sizeof *stacks}};
}

static void the_place_is_python_code_of_the_programs_own(void **state)
{
    struct run run = a_run();
    struct where where = {0};
    (void)state;
    assert_true(attribute_own_function(&run, 4, &where));
    assert_string_equal(where.function, "fetch");
    assert_string_equal(where.file, "/srv/prices.py");
    assert_int_equal(where.line, 16);
}

static void where_there_is_none_a_library_is_the_place(void **state)
{
    struct run run = a_run();
    (void)state;
    assert_int_equal(attribute_frame(&run, 8), 5);
    assert_int_equal(attribute_frame(&run, 6), 3); /* native code alone: as ever */
}

static void of_several_lines_the_one_with_most_time_is_told(void **state)
{
    struct where where = {0}, seen = {0};
    uint64_t lead_ns = 0;
    static const struct {
        uint32_t line;
        uint64_t ns;
    } times[] = {{10, 5}, {12, 3}, {12, 4}, {11, 1}, {12, 2}};
    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        seen.line = times[i].line;
        attribute_line_vote(&where, &lead_ns, &seen, times[i].ns);
    }
    assert_int_equal(where.line, 12);
}

int attribution_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_place_is_python_code_of_the_programs_own),
        cmocka_unit_test(where_there_is_none_a_library_is_the_place),
        cmocka_unit_test(of_several_lines_the_one_with_most_time_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
