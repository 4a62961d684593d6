/* SPDX-License-Identifier: Apache-2.0 */
#include "symbol/kernel_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/str.h"

int kernel_names_test(void);

struct fixture {
    char folder[64];
    char path[96];
    struct kernel_names fresh; /* as the kernel lists them */
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    strcpy(fixture->folder, "/tmp/toll-kernel-XXXXXX");
    if (!mkdtemp(fixture->folder))
        return -1;
    snprintf(fixture->path, sizeof fixture->path, "%s/kernel.names", fixture->folder);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    kernel_names_close(&fixture->fresh);
    unlink(fixture->path);
    rmdir(fixture->folder);
    free(fixture);
    return 0;
}

/* Makes the file; skips the test where the kernel hides its addresses. */
static void open_fresh(struct fixture *fixture)
{
    assert_int_equal(kernel_names_open(&fixture->fresh, fixture->folder, NULL), 0);
    if (!fixture->fresh.table.entries.count) {
        print_message("# skipped: the kernel's addresses are hidden here\n");
        skip();
    }
    assert_false(fixture->fresh.is_kept);
}

static void the_second_reading_is_from_the_file(void **state)
{
    struct fixture *fixture = *state;
    struct kernel_names kept = {0};
    open_fresh(fixture);
    assert_int_equal(kernel_names_open(&kept, fixture->folder, NULL), 0);
    assert_true(kept.is_kept);
    assert_true(kept.table.entries.count > fixture->fresh.table.entries.count / 2);
    for (size_t i = 0; i < kept.table.entries.count; i += 97) {
        const struct name_entry *entry = &kept.table.entries.items[i], *wanted;
        wanted = name_table_find(&fixture->fresh.table, entry->low);
        assert_non_null(wanted);
        assert_true(wanted->low == entry->low && wanted->high >= entry->high);
        assert_true(!wanted->module == !entry->module);
    }
    kernel_names_close(&kept);
}

static void what_the_file_does_not_know_is_asked_of_the_kernel(void **state)
{
    struct fixture *fixture = *state;
    struct kernel_names kept = {0};
    const struct name_entry *entry = NULL;
    open_fresh(fixture);
    assert_int_equal(kernel_names_open(&kept, fixture->folder, NULL), 0);
    uint64_t address = kept.table.entries.items[kept.table.entries.count / 2].low;
    kept.table.entries.count /= 2;
    assert_int_equal(kernel_names_find(&kept, address, &entry, NULL), 0);
    assert_non_null(entry);
    assert_true(entry->low == address);
    kernel_names_close(&kept);
}

static void a_broken_file_or_that_of_another_boot_is_made_anew(void **state)
{
    struct fixture *fixture = *state;
    struct str file = {0};
    open_fresh(fixture);
    assert_int_equal(fs_read(fixture->path, 64 << 20, &file, NULL), 0);
    const size_t places[] = {0, 8, 24, 32, 40, 48, 56, file.length / 2, file.length - 1};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct kernel_names names = {0};
        file.text[places[i]] = (char)(file.text[places[i]] ^ 0x41);
        assert_int_equal(fs_replace(fixture->path, file.text, file.length, 0600, NULL), 0);
        file.text[places[i]] = (char)(file.text[places[i]] ^ 0x41);
        assert_int_equal(kernel_names_open(&names, fixture->folder, NULL), 0);
        assert_false(names.is_kept);
        assert_true(names.table.entries.count > 0);
        kernel_names_close(&names);
    }
    assert_int_equal(fs_replace(fixture->path, file.text, file.length / 3, 0600, NULL), 0);
    struct kernel_names names = {0};
    assert_int_equal(kernel_names_open(&names, fixture->folder, NULL), 0);
    assert_false(names.is_kept);
    kernel_names_close(&names);
    str_free(&file);
}

int kernel_names_test(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_second_reading_is_from_the_file),
        TEST(what_the_file_does_not_know_is_asked_of_the_kernel),
        TEST(a_broken_file_or_that_of_another_boot_is_made_anew),
    };
    return cmocka_run_group_tests_name("kernel_names", tests, NULL, NULL);
}
