/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "decide/master_files.h"
#include "master/sample_investigation.h"

static const char *const names[] = {"report.txt", "report.json", "report.md", "report.html"};
static const char *const formats[] = {"text", "json", "markdown", "html"};
#define COUNT (sizeof names / sizeof names[0])

static void remove_all(const char *folder)
{
    for (size_t i = 0; i < COUNT; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(folder), 0);
}

static void the_report_is_written_and_read_back(void **state)
{
    (void)state;
    char folder[] = "/tmp/toll-master-XXXXXX";
    struct sample sample;
    struct str screen = {0};
    struct err err = {0};

    assert_non_null(mkdtemp(folder));
    sample_pipeline(&sample);
    assert_false(master_files_exist(folder));
    struct master_files files = {.folder = folder, .told = "out", .store = "/nonexistent/history.db"};
    assert_int_equal(master_files_write(&sample.investigation, &files, &screen, &err), 0);
    assert_true(master_files_exist(folder));
    assert_non_null(strstr(str_text(&screen), "out/report.html"));
    for (size_t i = 0; i < COUNT; i++) {
        struct str text = {0};
        assert_int_equal(master_files_read(folder, formats[i], &text, &err), 0);
        assert_non_null(strstr(str_text(&text), i == 1 ? "100000 rows/s" : "100,000 rows/s"));
        str_free(&text);
    }
    str_free(&screen);
    sample_free(&sample);
    remove_all(folder);
}

static void a_format_that_is_not_there_is_an_error_that_helps(void **state)
{
    (void)state;
    struct str text = {0};
    struct err err = {0};

    assert_int_equal(master_files_read("out", "folded", &text, &err), -ERR_USAGE);
    assert_non_null(strstr(err.hint, "out/evidence"));
    assert_int_equal(master_files_read("/nonexistent", "html", &text, &err), -ERR_ENVIRONMENT);
    str_free(&text);
}

static void a_folder_that_is_not_there_is_not_written(void **state)
{
    (void)state;
    struct sample sample;
    struct str screen = {0};
    struct err err = {0};

    sample_pipeline(&sample);
    struct master_files files = {.folder = "/nonexistent/out"};
    assert_int_equal(master_files_write(&sample.investigation, &files, &screen, &err), -ERR_ENVIRONMENT);
    assert_null(screen.text);
    sample_free(&sample);
}

int master_files_test(void);
int master_files_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_report_is_written_and_read_back),
        cmocka_unit_test(a_format_that_is_not_there_is_an_error_that_helps),
        cmocka_unit_test(a_folder_that_is_not_there_is_not_written),
    };
    return cmocka_run_group_tests_name("master_files", tests, NULL, NULL);
}
