/* SPDX-License-Identifier: Apache-2.0 */
#include "otlp/request_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

int request_log_test(void);

struct seen {
    unsigned count;
    char bodies[256];
};

static int see(void *context, const struct request_log_entry *entry, struct err *err)
{
    struct seen *seen = context;
    (void)err;
    seen->count++;
    strncat(seen->bodies, entry->bytes, entry->length);
    return 0;
}

static int make_path(void **state)
{
    static char path[] = "/tmp/toll-log-XXXXXX";
    memcpy(path + strlen("/tmp/toll-log-"), "XXXXXX", sizeof "XXXXXX");
    int fd = mkstemp(path);
    if (fd < 0)
        return -1;
    close(fd);
    *state = path;
    return 0;
}

static int remove_path(void **state)
{
    return unlink(*state);
}

static void write_three(const char *path)
{
    struct request_log *log;
    struct err err;
    assert_int_equal(request_log_create(path, true, &log, &err), 0);
    for (int i = 0; i < 3; i++) {
        struct request_log_entry entry = {
            .signal = OTLP_TRACES, .encoding = OTLP_JSON, .bytes = &"abc"[i], .length = 1};
        assert_int_equal(request_log_append(log, &entry, &err), 0);
    }
    request_log_destroy(log);
}

static void entries_come_back_in_order(void **state)
{
    struct seen seen = {0};
    struct request_log_told told;
    struct err err;
    struct stat about;
    write_three(*state);
    assert_true(request_log_is(*state));
    assert_int_equal(request_log_read(*state, see, &seen, &told, &err), 0);
    assert_int_equal(told.entry_count, 3);
    assert_int_equal(told.byte_count_dropped, 0);
    assert_string_equal(seen.bodies, "abc");
    assert_int_equal(stat(*state, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
}

static void what_is_cut_short_is_dropped_and_counted(void **state)
{
    struct seen seen = {0};
    struct request_log_told told;
    struct err err;
    struct stat about;
    write_three(*state);
    assert_int_equal(stat(*state, &about), 0);
    assert_int_equal(truncate(*state, about.st_size - 1), 0);
    assert_int_equal(request_log_read(*state, see, &seen, &told, &err), 0);
    assert_int_equal(told.entry_count, 2);
    assert_true(told.byte_count_dropped > 0);
    assert_string_equal(seen.bodies, "ab");
}

static void a_flipped_bit_ends_what_is_believed(void **state)
{
    struct seen seen = {0};
    struct request_log_told told;
    struct err err;
    write_three(*state);
    FILE *file = fopen(*state, "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, 64 + 32 + 1 + 32, SEEK_SET), 0); /* the body of the second */
    assert_int_equal(fputc('x', file), 'x');
    assert_int_equal(fclose(file), 0);
    assert_int_equal(request_log_read(*state, see, &seen, &told, &err), 0);
    assert_int_equal(told.entry_count, 1);
    assert_string_equal(seen.bodies, "a");
}

static void another_file_is_no_request_log(void **state)
{
    struct seen seen = {0};
    struct request_log_told told;
    struct err err;
    FILE *file = fopen(*state, "w");
    assert_non_null(file);
    assert_true(fputs("{\"resourceSpans\":[]}\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_false(request_log_is(*state));
    assert_int_equal(request_log_read(*state, see, &seen, &told, &err), -ERR_INPUT);
}

int request_log_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(entries_come_back_in_order, make_path, remove_path),
        cmocka_unit_test_setup_teardown(what_is_cut_short_is_dropped_and_counted, make_path, remove_path),
        cmocka_unit_test_setup_teardown(a_flipped_bit_ends_what_is_believed, make_path, remove_path),
        cmocka_unit_test_setup_teardown(another_file_is_no_request_log, make_path, remove_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
