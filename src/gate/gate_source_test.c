/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/gate_source.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

int gate_source_test(void);

static void assert_number(const struct gate_source *source, enum gate_metric metric, const char *text,
                          double expected)
{
    struct err err = {0};
    double value = -1;
    if (gate_source_number(source, metric, text, strlen(text), "the test", &value, &err))
        fail_msg("%s", err.what);
    if (value < expected * (1 - 1e-12) || value > expected * (1 + 1e-12))
        fail_msg("%g is not %g", value, expected);
}

static void assert_no_number(const struct gate_source *source, enum gate_metric metric, const char *text,
                             const char *why)
{
    struct err err = {0};
    double value = -1;
    assert_int_equal(gate_source_number(source, metric, text, strlen(text), "the test", &value, &err),
                     -ERR_INPUT);
    if (!strstr(err.what, why))
        fail_msg("'%s' is not in '%s'", why, err.what);
}

static void a_pattern_finds_its_number_in_what_is_printed(void **state)
{
    (void)state;
    struct gate_source source = {.kind = GATE_FROM_TEXT, .match = "^rows/s: ([0-9.,]+)$"};
    assert_number(&source, GATE_ROWS, "warm\nrows/s: 1234.5\nend\n", 1234.5);
    assert_number(&source, GATE_ROWS, "rows/s: 1,234,567.5\n", 1234567.5);
    assert_no_number(&source, GATE_ROWS, "rows: 5\n", "nothing in it matches");
    assert_no_number(&source, GATE_ROWS, "rows/s: 12,34\n", "'12,34' is no amount of it");
    source.match = "p99 +([^ ]+)";
    assert_number(&source, GATE_P99, "p99  12.5ms p50 1ms\n", 12.5e6);
    assert_no_number(&source, GATE_P99, "p99 12.5 p50 1\n", "'12.5' has no unit");
    source.scale = 1e6;
    assert_number(&source, GATE_P99, "p99 12.5 p50 1\n", 12.5e6);
}

static void a_path_finds_its_number_in_json(void **state)
{
    (void)state;
    const char *text = "{\"usage\": {\"tokens\": 812, \"cost\": \"0.25\", \"p.99\": 3},"
                       " \"items\": [{\"ms\": 1}, {\"ms\": 7}], \"name\": \"x\", \"minus\": -1}";
    struct gate_source source = {.kind = GATE_FROM_TEXT, .json = "usage.tokens"};
    assert_number(&source, GATE_TOKENS, text, 812);
    source.json = "usage.cost";
    assert_number(&source, GATE_COST, text, 0.25);
    source.json = "usage.p.99";
    assert_number(&source, GATE_TOKENS, text, 3);
    source = (struct gate_source){.kind = GATE_FROM_TEXT, .json = "items.1.ms", .scale = 1e6};
    assert_number(&source, GATE_P99, text, 7e6);
    source.json = "items.2.ms";
    assert_no_number(&source, GATE_P99, text, "no number at 'items.2.ms'");
    source.json = "name";
    assert_no_number(&source, GATE_P99, text, "'x' is no amount of it");
    source.json = "minus";
    assert_no_number(&source, GATE_P99, text, "'-1' is no amount of it");
    assert_no_number(&source, GATE_P99, "no json", "could not read JSON");
}

static void without_either_the_whole_text_is_the_number(void **state)
{
    (void)state;
    struct gate_source source = {.kind = GATE_FROM_TEXT, .file = "cost.txt"};
    assert_number(&source, GATE_COST, "  0.75\n", 0.75);
    assert_no_number(&source, GATE_COST, "\n", "is no amount of it");
    assert_no_number(&source, GATE_COST, "cost 5\n", "'cost 5' is no amount of it");
}

static void a_pattern_needs_a_group(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(gate_source_check_match("rows ([0-9]+)", &err), 0);
    assert_int_equal(gate_source_check_match("rows [0-9]+", &err), -ERR_INPUT);
    assert_non_null(strstr(err.hint, "()"));
    assert_int_equal(gate_source_check_match("rows ([0-9", &err), -ERR_INPUT);
}

static void file_write(const char *folder, const char *name, size_t bytes)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
    close(fd);
}

static void files_are_measured_once_each_and_folders_with_what_is_in_them(void **state)
{
    (void)state;
    char folder[] = "/tmp/toll-gate[1]-XXXXXX", path[256], line[300];
    struct err err = {0};
    double bytes = 0;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/sub", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    file_write(folder, "a.js", 100);
    file_write(folder, "b.js", 20);
    file_write(folder, "c.css", 7);
    file_write(folder, "sub/d.js", 3000);
    snprintf(path, sizeof path, "%s/linked.js", folder);
    assert_int_equal(symlink("sub/d.js", path), 0);
    static const char *const scripts[] = {"*.js", NULL}, *const twice[] = {"*.js", "a.*", "sub", NULL},
                             *const all[] = {".", NULL}, *const none[] = {"*.html", NULL};
    assert_int_equal(gate_source_bytes(scripts, folder, &bytes, &err), 0);
    assert_true(bytes == 120);
    assert_int_equal(gate_source_bytes(twice, folder, &bytes, &err), 0);
    assert_true(bytes == 3120);
    assert_int_equal(gate_source_bytes(all, folder, &bytes, &err), 0);
    assert_true(bytes == 3127);
    assert_int_equal(gate_source_bytes(none, folder, &bytes, &err), -ERR_INPUT);
    assert_non_null(strstr(err.what, "could not measure files '*.html': there is none"));
    snprintf(line, sizeof line, "rm -rf '%s'", folder);
    assert_int_equal(system(line), 0); /* NOLINT: the test's own line */
}

int gate_source_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_finds_its_number_in_what_is_printed),
        cmocka_unit_test(a_path_finds_its_number_in_json),
        cmocka_unit_test(without_either_the_whole_text_is_the_number),
        cmocka_unit_test(a_pattern_needs_a_group),
        cmocka_unit_test(files_are_measured_once_each_and_folders_with_what_is_in_them),
    };
    return cmocka_run_group_tests_name("gate_source", tests, NULL, NULL);
}
