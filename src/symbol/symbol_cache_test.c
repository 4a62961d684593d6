/* SPDX-License-Identifier: Apache-2.0 */
#include "symbol/symbol_cache.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cache_folder.h"
#include "base/fs.h"
#include "base/str.h"

int symbol_cache_test(void);

static const uint8_t build_id[] = {0xab, 0xcd, 0xef, 0x01};

struct fixture {
    char parent[64];
    char folder[80];
    char path[160];
    struct cache_key key;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    strcpy(fixture->parent, "/tmp/toll-cache-XXXXXX");
    if (!mkdtemp(fixture->parent))
        return -1;
    snprintf(fixture->folder, sizeof fixture->folder, "%s/a/b", fixture->parent);
    snprintf(fixture->path, sizeof fixture->path, "%s/abcdef01.sym", fixture->folder);
    fixture->key = (struct cache_key){fixture->folder, build_id, sizeof build_id};
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    char middle[80];
    unlink(fixture->path);
    rmdir(fixture->folder);
    snprintf(middle, sizeof middle, "%s/a", fixture->parent);
    rmdir(middle);
    rmdir(fixture->parent);
    free(fixture);
    return 0;
}

static void save_two(const struct fixture *fixture)
{
    struct place_table table = {.has_lines = true};
    assert_int_equal(vec_push(&table.frames, (struct symbol_frame){"outer", "a.c", 7, false}), 0);
    assert_int_equal(vec_push(&table.frames, (struct symbol_frame){"inner", "a.c", 9, true}), 0);
    assert_int_equal(vec_push(&table.frames, (struct symbol_frame){"other", NULL, 0, false}), 0);
    assert_int_equal(vec_push(&table.ranges, (struct place_range){0x100, 0x110, 0, 2}), 0);
    assert_int_equal(vec_push(&table.ranges, (struct place_range){0x110, 0x120, 0, 0}), 0);
    assert_int_equal(vec_push(&table.ranges, (struct place_range){0x200, 0x300, 2, 1}), 0);
    assert_int_equal(cache_save(&fixture->key, &table, NULL), 0);
    place_table_free(&table);
}

/* How many ranges a load gives. */
static size_t load_count(const struct fixture *fixture)
{
    struct place_table table = {0};
    struct intern texts = {0};
    assert_int_equal(cache_load(&fixture->key, &texts, &table, NULL), 0);
    size_t count = table.ranges.count;
    place_table_free(&table);
    intern_free(&texts);
    return count;
}

static void what_was_saved_is_loaded(void **state)
{
    struct fixture *fixture = *state;
    struct place_table table = {0};
    struct intern texts = {0};
    struct stat about;
    save_two(fixture);
    assert_int_equal(stat(fixture->path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    assert_int_equal(cache_load(&fixture->key, &texts, &table, NULL), 0);
    assert_true(table.has_lines);
    assert_int_equal(table.ranges.count, 3);
    assert_null(place_table_find(&table, 0xff));
    assert_null(place_table_find(&table, 0x120));
    assert_int_equal(place_table_find(&table, 0x110)->count, 0); /* known to have no name */
    const struct place_range *range = place_table_find(&table, 0x10f);
    assert_int_equal(range->count, 2);
    assert_string_equal(table.frames.items[range->first].function, "outer");
    assert_string_equal(table.frames.items[range->first + 1].file, "a.c");
    assert_int_equal(table.frames.items[range->first + 1].line, 9);
    assert_true(table.frames.items[range->first + 1].inlined);
    range = place_table_find(&table, 0x200);
    assert_string_equal(table.frames.items[range->first].function, "other");
    assert_null(table.frames.items[range->first].file);
    place_table_free(&table);
    intern_free(&texts);
}

static void a_broken_file_is_ignored(void **state)
{
    struct fixture *fixture = *state;
    save_two(fixture);
    struct str file = {0};
    assert_int_equal(fs_read(fixture->path, 1 << 20, &file, NULL), 0);
    for (size_t i = 0; i < file.length; i++) {
        if (i >= 8 && i < 12)
            continue; /* has_lines: either value is sound */
        char *copy = malloc(file.length);
        assert_non_null(copy);
        memcpy(copy, file.text, file.length);
        copy[i] = (char)(copy[i] ^ 0x41);
        assert_int_equal(fs_replace(fixture->path, copy, file.length, 0600, NULL), 0);
        free(copy);
        if (i < 16 + sizeof build_id || i >= 80) /* the unused rest of the build-id does not matter */
            assert_int_equal(load_count(fixture), 0);
    }
    for (size_t length = 0; length < file.length; length += 7) {
        assert_int_equal(fs_replace(fixture->path, file.text, length, 0600, NULL), 0);
        assert_int_equal(load_count(fixture), 0);
    }
    str_free(&file);
    save_two(fixture);
    assert_int_equal(load_count(fixture), 3);
}

static void another_programs_file_is_ignored(void **state)
{
    struct fixture *fixture = *state;
    save_two(fixture);
    const uint8_t other[] = {0xab, 0xcd, 0xef, 0x02};
    char path[160];
    snprintf(path, sizeof path, "%s/abcdef02.sym", fixture->folder);
    assert_int_equal(rename(fixture->path, path), 0);
    fixture->key.build_id = other;
    assert_int_equal(load_count(fixture), 0);
    unlink(path);
}

static void an_unwritable_folder_is_told(void **state)
{
    (void)state;
    struct cache_key key = {"/proc/toll/symbols", build_id, sizeof build_id};
    struct place_table table = {0};
    struct err err;
    assert_int_equal(cache_save(&key, &table, &err), -ERR_ENVIRONMENT);
}

static void the_oldest_files_go_when_there_are_too_many(void **state)
{
    struct fixture *fixture = *state;
    save_two(fixture);
    char path[160];
    for (int i = 0; i < 520; i++) {
        snprintf(path, sizeof path, "%s/%08x.sym", fixture->folder, i);
        int fd = open(path, O_CREAT | O_WRONLY, 0600);
        assert_true(fd >= 0);
        struct timespec old[2] = {{1000 + i, 0}, {1000 + i, 0}};
        assert_int_equal(futimens(fd, old), 0);
        close(fd);
    }
    cache_folder_prune(fixture->folder, ".sym");
    assert_int_equal(access(fixture->path, F_OK), 0);
    int left = 0;
    for (int i = 0; i < 520; i++) {
        snprintf(path, sizeof path, "%s/%08x.sym", fixture->folder, i);
        if (unlink(path) == 0)
            left++;
        else
            assert_true(i < 200);
    }
    assert_int_equal(left, 383);
}

static int part_make(const struct fixture *fixture, const char *name, time_t seconds_ago)
{
    char path[160];
    const struct timespec times[2] = {{.tv_sec = time(NULL) - seconds_ago},
                                      {.tv_sec = time(NULL) - seconds_ago}};
    snprintf(path, sizeof path, "%s/%s", fixture->folder, name);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    assert_int_equal(futimens(fd, times), 0);
    return close(fd);
}

static void what_a_killed_writer_left_goes_after_an_hour(void **state)
{
    const struct fixture *fixture = *state;
    char old[160], fresh[160];
    snprintf(old, sizeof old, "%s/abcdef01.sym.77.part", fixture->folder);
    snprintf(fresh, sizeof fresh, "%s/kernel.names.78.part", fixture->folder);
    save_two(fixture);
    assert_int_equal(part_make(fixture, "abcdef01.sym.77.part", 3700), 0);
    assert_int_equal(part_make(fixture, "kernel.names.78.part", 3000), 0);
    cache_folder_prune(fixture->folder, ".sym");
    assert_int_not_equal(access(old, F_OK), 0);
    assert_int_equal(access(fresh, F_OK), 0);
    assert_int_equal(access(fixture->path, F_OK), 0);
    assert_int_equal(unlink(fresh), 0);
}

int symbol_cache_test(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_was_saved_is_loaded),
        TEST(a_broken_file_is_ignored),
        TEST(another_programs_file_is_ignored),
        TEST(an_unwritable_folder_is_told),
        TEST(what_a_killed_writer_left_goes_after_an_hour),
        TEST(the_oldest_files_go_when_there_are_too_many),
    };
    return cmocka_run_group_tests_name("symbol_cache", tests, NULL, NULL);
}
