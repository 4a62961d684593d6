/* SPDX-License-Identifier: Apache-2.0 */
#include "unwind/unwind_tables.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"

int unwind_tables_test(void);

struct fixture {
    char folder[64];
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    snprintf(fixture->folder, sizeof fixture->folder, "/tmp/toll-unwind-test-XXXXXX");
    *state = fixture;
    return mkdtemp(fixture->folder) ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", fixture->folder);
    int status = system(command); /* NOLINT(cert-env33-c,concurrency-mt-unsafe): a folder of our own */
    free(fixture);
    return status;
}

/* A library with a build-id that every program here has open. */
static int libc_open(void)
{
    static const char *const paths[] = {"/lib/x86_64-linux-gnu/libc.so.6", "/lib/aarch64-linux-gnu/libc.so.6",
                                        "/lib64/libc.so.6"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
        if (fd >= 0)
            return fd;
    }
    print_message("# skipped: the C library is at no place that this test knows\n");
    skip();
    return -1;
}

static void what_was_built_comes_from_the_cache_next_time(void **state)
{
    struct fixture *fixture = *state;
    struct unwind_file built, cached;
    FS_CLEANUP int fd = libc_open();
    assert_int_equal(unwind_file_load_fd(fixture->folder, fd, &built, NULL), 0);
    assert_non_null(built.bytes);
    assert_false(built.is_cached);
    assert_int_equal(unwind_file_load_fd(fixture->folder, fd, &cached, NULL), 0);
    assert_true(cached.is_cached);
    assert_int_equal(cached.table.row_count, built.table.row_count);
    assert_memory_equal(cached.bytes, built.bytes,
                        unwind_table_bytes(built.table.rule_count, built.table.row_count));
    unwind_file_free(&built);
    unwind_file_free(&cached);
}

/* One byte of each file in the folder is changed. */
static void spoil(const char *folder)
{
    char command[256];
    snprintf(command, sizeof command,
             "for f in %s/*; do printf X | dd of=\"$f\" bs=1 seek=200 conv=notrunc 2>&1; done", folder);
    FILE *pipe = popen(command, "r"); /* NOLINT(cert-env33-c) */
    assert_non_null(pipe);
    while (fgetc(pipe) != EOF)
        ;
    assert_int_equal(pclose(pipe), 0);
}

static void a_broken_file_of_the_cache_is_built_again(void **state)
{
    struct fixture *fixture = *state;
    struct unwind_file file;
    FS_CLEANUP int fd = libc_open();
    assert_int_equal(unwind_file_load_fd(fixture->folder, fd, &file, NULL), 0);
    unwind_file_free(&file);
    spoil(fixture->folder);
    assert_int_equal(unwind_file_load_fd(fixture->folder, fd, &file, NULL), 0);
    assert_non_null(file.bytes);
    assert_false(file.is_cached);
    unwind_file_free(&file);
}

static void a_cache_that_cannot_be_written_is_no_failure(void **state)
{
    struct unwind_file file;
    FS_CLEANUP int fd = libc_open();
    (void)state;
    assert_int_equal(unwind_file_load_fd("/proc/no/such/folder", fd, &file, NULL), 0);
    assert_non_null(file.bytes);
    unwind_file_free(&file);
}

static void the_kernels_own_code_in_every_process_has_a_table(void **state)
{
    struct unwind_file file;
    (void)state;
    assert_int_equal(unwind_file_load_vdso(&file, NULL), 0);
#ifdef __x86_64__
    assert_non_null(file.bytes);
    assert_true(file.table.row_count > 4);
#endif
    unwind_file_free(&file);
}

int unwind_tables_test(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_was_built_comes_from_the_cache_next_time),
        TEST(a_broken_file_of_the_cache_is_built_again),
        TEST(a_cache_that_cannot_be_written_is_no_failure),
        TEST(the_kernels_own_code_in_every_process_has_a_table),
    };
    return cmocka_run_group_tests_name("unwind_tables", tests, NULL, NULL);
}
