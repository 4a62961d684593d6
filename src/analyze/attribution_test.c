/* SPDX-License-Identifier: Apache-2.0 */
#include "analyze/attribution.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/scenario.h"
#include "base/clock.h"
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

/* start_thread, [git], [git], memcpy; inflate, called by [git], and what has no name beneath it. */
static struct run_frame bare_frames[] = {
    {.function = "start_thread", .module = "/usr/lib/x86_64-linux-gnu/libc.so.6"},
    {.function = "[git]", .module = "/usr/bin/git", .address = 0x1000},
    {.function = "memcpy", .module = "/usr/lib/x86_64-linux-gnu/libc.so.6"},
    {.function = "inflate", .module = "/usr/lib/x86_64-linux-gnu/libz.so.1"},
    {.function = "[libz.so.1]", .module = "/usr/lib/x86_64-linux-gnu/libz.so.1", .address = 0x2000},
    {.function = "[unknown]", .module = "[unknown]"},
};
static struct run_stack bare_stacks[] = {{.parent = RUN_NONE, .frame = 0}, {.parent = 0, .frame = 1},
                                         {.parent = 1, .frame = 1},        {.parent = 2, .frame = 2},
                                         {.parent = 2, .frame = 3},        {.parent = 4, .frame = 4},
                                         {.parent = 4, .frame = 5}};

static void code_without_names_is_not_charged_to_who_started_it(void **state)
{
    struct run run = {.frames = {.items = bare_frames, .count = sizeof bare_frames / sizeof *bare_frames},
                      .stacks = {.items = bare_stacks, .count = sizeof bare_stacks / sizeof *bare_stacks}};
    (void)state;
    assert_int_equal(attribute_frame(&run, 2), RUN_NONE);
    assert_string_equal(attribute_nameless(&run, 2), "/usr/bin/git");
    assert_int_equal(attribute_frame(&run, 3), 2); /* what it called in the C library has a name */
    assert_null(attribute_nameless(&run, 3));
    assert_int_equal(attribute_frame(&run, 5), 3); /* called from a function of the same file */
    assert_null(attribute_nameless(&run, 5));
    assert_int_equal(attribute_frame(&run, 6), 3); /* in no file */
}

/* Turns of 1 ms, a sample each 10 ms: nine tenths of the turns have none. */
static void stretches_shorter_than_a_samples_period_are_named(void **state)
{
    struct scenario s;
    struct arena arena = {0};
    struct attribution attribution;
    uint64_t named_ns = 0;
    (void)state;
    scenario_init(&s, 2, 400);
    uint64_t root = scenario_process(&s, 0, "server", 0, 400);
    uint64_t far = scenario_peer(&s, PEER_SOCKET, "socket", "10.0.0.1:80");
    uint64_t stack = scenario_stack(&s, "main", "answer");
    for (uint64_t ms = 0; ms < 400; ms += 2)
        scenario_wait(&s, root, ms + 1, ms + 2, WAIT_NETWORK, far);
    for (uint64_t ms = 0; ms < 400; ms += 20) {
        struct row_sample row = {.time_ns = (1000 + ms) * NS_PER_MS + NS_PER_MS / 2,
                                 .track = root,
                                 .stack = stack,
                                 .weight = 10 * NS_PER_MS,
                                 .kind = SAMPLE_CPU};
        assert_int_equal(sink_append(&s.data.sink, sample, &row, NULL), 0);
    }
    scenario_walk(&s);
    assert_int_equal(attribute_path(&s.run, &s.path, &arena, &attribution, NULL), 0);
    for (size_t i = 0; i < attribution.entry_count; i++) {
        const struct where *where = &attribution.entries[i].where;
        named_ns += where->function && strcmp(where->function, "answer") == 0 ? attribution.entries[i].ns : 0;
    }
    assert_int_equal(named_ns, 200 * NS_PER_MS);
    arena_free(&arena);
    scenario_deinit(&s);
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
        cmocka_unit_test(code_without_names_is_not_charged_to_who_started_it),
        cmocka_unit_test(stretches_shorter_than_a_samples_period_are_named),
        cmocka_unit_test(of_several_lines_the_one_with_most_time_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
