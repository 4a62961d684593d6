/* SPDX-License-Identifier: Apache-2.0 */
#include "experiment/stage_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "experiment/stage_wire.h"

static void lines_of_a_log_are_read_and_what_is_no_line_is_left_out(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct stage_lines lines = {0};
    assert_int_equal(stage_log_parse("h curl 10 5 2 0\n"
                                     "u my tool:it_prints_over_1_GiB 1 0 0 0\n"
                                     "h curl 10 five 2 0\n"
                                     "curl\n"
                                     "\n"
                                     "h 1 2 3\n"
                                     "p worker 7 6 5 18446744073709551615\n"
                                     "p worker 7 6 5 18446744073709551616\n"
                                     "r half a line",
                                     &arena, &lines, NULL),
                     0);
    assert_int_equal(lines.list.count, 3);
    assert_int_equal(lines.list.items[0].kind, STAGE_HELD);
    assert_int_equal(lines.list.items[0].elapsed_ns, 10);
    assert_int_equal(lines.list.items[0].added_ns, 5);
    assert_int_equal(lines.list.items[0].blocked_ns, 2);
    assert_string_equal(lines.list.items[1].why, "it prints over 1 GiB");
    assert_true(lines.list.items[2].running_ns == UINT64_MAX);
    vec_free(&lines.list);
    arena_free(&arena);
}

static void the_stand_in_takes_the_names_that_path_has(void **state)
{
    (void)state;
    struct stage_folder folder;
    char path[PATH_MAX + 64];
    size_t count;
    assert_int_equal(stage_folder_open(&folder, NULL, NULL), 0);
    assert_int_equal(stage_folder_names(&folder, "cat", "/nowhere:/usr/bin:/bin", &count, NULL), 0);
    assert_true(count > 0);
    snprintf(path, sizeof path, "%s/bin/cat", folder.path);
    assert_int_equal(access(path, X_OK), 0);
    assert_int_equal(stage_folder_names(&folder, "no-such-program", "/usr/bin:/bin", &count, NULL), 0);
    assert_int_equal(count, 0);
    assert_int_equal(stage_folder_names(&folder, "../bin/cat", "/usr/bin", &count, NULL), 0);
    assert_int_equal(count, 0);
    snprintf(path, sizeof path, "%s", folder.path);
    stage_folder_close(&folder);
    assert_int_not_equal(access(path, F_OK), 0);
}

int stage_folder_test(void);
int stage_folder_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_a_log_are_read_and_what_is_no_line_is_left_out),
        cmocka_unit_test(the_stand_in_takes_the_names_that_path_has),
    };
    return cmocka_run_group_tests_name("stage_folder", tests, NULL, NULL);
}
