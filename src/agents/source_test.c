/* SPDX-License-Identifier: Apache-2.0 */
#include "agents/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"

int source_test(void);

static bool takes_jsonl(const char *path)
{
    return str_ends(path, ".jsonl");
}

static const struct source_place places[] = {
    {.variable = "TOLL_TEST_AGENT_HOME", .below = "projects", .home = ".agent/projects", .is_list = true},
    {.home = ".config/agent", .unless = "TOLL_TEST_AGENT_HOME"},
};
static const struct agent_source source = {
    .name = "test", .places = places, .place_count = sizeof places / sizeof places[0], .takes = takes_jsonl};

static char *folder_make(void)
{
    char *folder = strdup("/tmp/toll-source-XXXXXX");
    assert_non_null(folder);
    assert_non_null(mkdtemp(folder));
    return folder;
}

static void put(const char *folder, const char *name, const char *text)
{
    struct err err;
    struct str path = {0};
    str_printf(&path, "%s/%s", folder, name);
    if (text)
        assert_int_equal(fs_replace(path.text, text, strlen(text), 0600, &err), 0);
    else
        assert_int_equal(mkdir(path.text, 0700), 0);
    str_free(&path);
}

static void folder_remove(char *folder)
{
    struct str command = {0};
    str_printf(&command, "rm -r %s", folder);
    assert_int_equal(system(command.text), 0); /* NOLINT(cert-env33-c): a folder of this test */
    str_free(&command);
    free(folder);
}

static void a_variable_lists_places_and_takes_the_default_s_place(void **state)
{
    (void)state;
    char *folder = folder_make();
    const char *found[SOURCE_PLACES_MAX];
    size_t count = 0;
    struct arena arena = {0};
    struct err err;
    struct str value = {0};
    put(folder, "a", NULL);
    put(folder, "a/projects", NULL);
    put(folder, "b", NULL);
    put(folder, "b/projects", NULL);
    put(folder, ".config", NULL);
    put(folder, ".config/agent", NULL);
    str_printf(&value, "%s/a, %s/b/,,%s/none,%s/a", folder, folder, folder, folder);
    const char *was = getenv("HOME");
    char *home = was ? strdup(was) : NULL;
    setenv("HOME", folder, 1);
    setenv("TOLL_TEST_AGENT_HOME", str_text(&value), 1);
    assert_int_equal(source_default_places(&source, &arena, found, &count, &err), 0);
    assert_int_equal(count, 2);
    assert_true(str_ends(found[0], "/a/projects"));
    assert_true(str_ends(found[1], "/b/projects"));
    unsetenv("TOLL_TEST_AGENT_HOME");
    assert_int_equal(source_default_places(&source, &arena, found, &count, &err), 0);
    assert_int_equal(count, 1);
    assert_true(str_ends(found[0], "/.config/agent"));
    if (home)
        setenv("HOME", home, 1);
    free(home);
    str_free(&value);
    arena_free(&arena);
    folder_remove(folder);
}

static void files_are_found_in_all_folders_by_path(void **state)
{
    (void)state;
    char *folder = folder_make();
    struct source_files files = {0};
    uint64_t unreadable = 0;
    struct err err;
    struct str link = {0};
    put(folder, "p", NULL);
    put(folder, "p/deep", NULL);
    put(folder, "p/b.jsonl", "12345");
    put(folder, "p/deep/c.jsonl", "1");
    put(folder, "p/deep/c.txt", "1");
    put(folder, "a.jsonl", "");
    str_printf(&link, "%s/p/loop", folder);
    assert_int_equal(symlink(folder, link.text), 0);
    assert_int_equal(source_list(&source, folder, &files, &unreadable, &err), 0);
    assert_int_equal(files.items.count, 3);
    assert_true(str_ends(files.items.items[0].path, "/a.jsonl"));
    assert_true(str_ends(files.items.items[1].path, "/p/b.jsonl"));
    assert_int_equal(files.items.items[1].size_bytes, 5);
    assert_true(str_ends(files.items.items[2].path, "/p/deep/c.jsonl"));
    assert_int_equal(unreadable, 0);
    str_free(&link);
    source_files_free(&files);
    folder_remove(folder);
}

static void a_place_that_is_not_there_is_an_error_with_its_name(void **state)
{
    (void)state;
    struct source_files files = {0};
    uint64_t unreadable = 0;
    struct err err;
    assert_int_equal(source_list(&source, "/nowhere/at/all", &files, &unreadable, &err), -ERR_ENVIRONMENT);
    assert_non_null(strstr(err.what, "/nowhere/at/all"));
    source_files_free(&files);
}

int source_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_variable_lists_places_and_takes_the_default_s_place),
        cmocka_unit_test(files_are_found_in_all_folders_by_path),
        cmocka_unit_test(a_place_that_is_not_there_is_an_error_with_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
