/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/page_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cmocka.h>

#define PAGES 64u

#ifndef TMPFS_MAGIC
#define TMPFS_MAGIC 0x01021994
#endif

struct folder {
    char path[64], file[96];
    size_t page_bytes;
};

static bool folder_make(struct folder *folder)
{
    struct statfs about;
    snprintf(folder->path, sizeof folder->path, "/var/tmp/toll-cache-XXXXXX");
    if (!mkdtemp(folder->path) || statfs(folder->path, &about) || about.f_type == TMPFS_MAGIC)
        return false;
    snprintf(folder->file, sizeof folder->file, "%s/file", folder->path);
    folder->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    FILE *file = fopen(folder->file, "w");
    for (size_t i = 0; i < PAGES * folder->page_bytes; i++)
        fputc('x', file);
    assert_int_equal(fclose(file), 0);
    return true;
}

static size_t pages_in_memory(const struct folder *folder)
{
    unsigned char in_memory[PAGES];
    size_t count = 0;
    FILE *file = fopen(folder->file, "r");
    void *map = mmap(NULL, PAGES * folder->page_bytes, PROT_READ, MAP_SHARED, fileno(file), 0);
    assert_true(map != MAP_FAILED);
    assert_int_equal(mincore(map, PAGES * folder->page_bytes, in_memory), 0);
    for (size_t i = 0; i < PAGES; i++)
        count += in_memory[i] & 1;
    munmap(map, PAGES * folder->page_bytes);
    fclose(file);
    return count;
}

static void a_folder_is_dropped_and_warmed(void **state)
{
    (void)state;
    struct folder folder;
    if (!folder_make(&folder)) {
        print_message("# /var/tmp is in memory, or there is none\n");
        skip();
    }
    const char *const files[] = {folder.path};
    assert_int_equal(page_cache_set(PAGE_CACHE_DROPPED, files, 1, NULL), 0);
    assert_int_equal(pages_in_memory(&folder), 0);
    assert_int_equal(page_cache_set(PAGE_CACHE_AS_IS, files, 1, NULL), 0);
    assert_int_equal(pages_in_memory(&folder), 0);
    assert_int_equal(page_cache_set(PAGE_CACHE_WARMED, files, 1, NULL), 0);
    assert_int_equal(pages_in_memory(&folder), PAGES);
    unlink(folder.file);
    rmdir(folder.path);
}

static void what_is_not_there_is_told(void **state)
{
    (void)state;
    static const char *const files[] = {"/no/such/file"};
    enum page_cache cache;
    struct err err = {0};
    assert_int_equal(page_cache_set(PAGE_CACHE_DROPPED, files, 1, &err), -ERR_ENVIRONMENT);
    assert_non_null(strstr(err.what, "/no/such/file"));
    assert_int_equal(page_cache_parse("cold", &cache, &err), -ERR_USAGE);
    assert_int_equal(page_cache_parse("dropped", &cache, &err), 0);
    assert_int_equal(cache, PAGE_CACHE_DROPPED);
    assert_string_equal(page_cache_name(PAGE_CACHE_WARMED), "warmed");
}

int page_cache_test(void);
int page_cache_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_is_dropped_and_warmed),
        cmocka_unit_test(what_is_not_there_is_told),
    };
    return cmocka_run_group_tests_name("page_cache", tests, NULL, NULL);
}
