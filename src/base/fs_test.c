/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

int fs_test(void);

struct place {
    char folder[64];
    char path[96];
};

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    if (!place)
        return -1;
    snprintf(place->folder, sizeof place->folder, "/tmp/toll-fs-XXXXXX");
    if (!mkdtemp(place->folder))
        return -1;
    snprintf(place->path, sizeof place->path, "%s/a", place->folder);
    *state = place;
    return 0;
}

static int remove_place(void **state)
{
    struct place *place = *state;
    unlink(place->path);
    int status = rmdir(place->folder);
    free(place);
    return status; /* fails when a temporary file was left behind */
}

static void a_file_is_replaced_whole(void **state)
{
    struct place *place = *state;
    struct str text = {0};
    assert_int_equal(fs_replace(place->path, "a longer text", 13, 0600, NULL), 0);
    assert_int_equal(fs_replace(place->path, "short", 5, 0600, NULL), 0);
    assert_int_equal(fs_read(place->path, 100, &text, NULL), 0);
    assert_string_equal(str_text(&text), "short");
    str_free(&text);
}

static void what_is_no_file_is_written_to_and_stays(void **state)
{
    struct place *place = *state;
    struct stat status;
    char got[8] = "";
    assert_int_equal(mkfifo(place->path, 0600), 0);
    int fd = open(place->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fs_replace(place->path, "text", 4, 0600, NULL), 0);
    assert_int_equal(read(fd, got, sizeof got), 4);
    assert_string_equal(got, "text");
    close(fd);
    assert_int_equal(stat(place->path, &status), 0);
    assert_true(S_ISFIFO(status.st_mode));
}

static void a_new_file_that_cannot_be_written_whole_is_not_left(void **state)
{
    const struct place *place = *state;
    struct rlimit before;
    struct err err = {0};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){2, before.rlim_max}), 0);
    int status = fs_create(place->path, "text", 4, 0600, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(status, -ERR_ENVIRONMENT);
    assert_non_null(strstr(err.what, place->path));
    assert_int_equal(access(place->path, F_OK), -1);
    assert_int_equal(fs_create(place->path, "text", 4, 0600, &err), 0);
    assert_int_equal(fs_create(place->path, "more", 4, 0600, &err), -ERR_USAGE);
    assert_int_equal(access(place->path, F_OK), 0);
}

static void a_folder_that_is_not_there_is_named(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(fs_replace("/nonexistent/folder/a", "text", 4, 0600, &err), -ERR_ENVIRONMENT);
    assert_non_null(strstr(err.what, "/nonexistent/folder/a"));
}

int fs_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_is_replaced_whole, make_place, remove_place),
        cmocka_unit_test_setup_teardown(what_is_no_file_is_written_to_and_stays, make_place, remove_place),
        cmocka_unit_test_setup_teardown(a_new_file_that_cannot_be_written_whole_is_not_left, make_place,
                                        remove_place),
        cmocka_unit_test(a_folder_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests_name("fs", tests, NULL, NULL);
}
