/* SPDX-License-Identifier: Apache-2.0 */
/* The files of tests/data/results, most of them what the programs really wrote (its README says which). */
#include "compare/measured.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert_near.h"
#include "base/fs.h"

int measured_test(void);

struct file {
    struct str content;
    struct compare_text text;
};

static void file_read(const char *name, struct file *ret_file)
{
    const char *folder = getenv("TOLL_TEST_RESULTS");
    char path[512];
    struct err err;
    assert_non_null(folder);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    *ret_file = (struct file){0};
    if (fs_read(path, 1 << 20, &ret_file->content, &err))
        fail_msg("%s", err.what);
    ret_file->text = (struct compare_text){name, str_text(&ret_file->content), ret_file->content.length};
}

static void whole_read(const char *name, const char *format, struct measured *ret_measured)
{
    struct file file;
    struct err err;
    const struct result_format *found = NULL;
    file_read(name, &file);
    if (measured_read(&file.text, NULL, &found, ret_measured, &err))
        fail_msg("%s", err.what);
    assert_string_equal(found->name, format);
    str_free(&file.content);
}

static double first_of(const struct measured *measured, const char *name, const char *metric)
{
    const struct series *series = measured_find(measured, name, metric);
    assert_non_null(series);
    return series ? series->values.items[0] : 0;
}

static void every_sample_is_recognised_and_holds_its_values(void **state)
{
    (void)state;
    static const struct {
        const char *file, *format, *name, *metric;
        double first;
        size_t count;
        bool is_summary, higher_is_better;
    } wanted[] = {
        {"hyperfine.json", "hyperfine", "./spin 3000", "wall_ns", 0, 15, false, false},
        {"bench.json", "bench", "./spin 3600", "wall_ns", 0, 20, false, false},
        {"bench.json", "bench", "./spin 3000", "cpu_ns", 0, 20, false, false},
        {"go.txt", "go", "BenchmarkSplit-2", "bytes_per_op", 96, 6, false, false},
        {"go.txt", "go", "BenchmarkCount-2", "MB/s", 571.70, 6, false, true},
        {"wrk.txt", "wrk", "", "requests_per_s", 75352.62, 1, true, true},
        {"wrk.txt", "wrk", "", "latency_ns_p99", 190e3, 1, true, false},
        {"wrk2.txt", "wrk", "", "latency_ns_p99", 11.18e6, 1, true, false},
        {"wrk2.txt", "wrk", "", "requests_per_s", 2000.28, 1, true, true},
        {"k6-summary.json", "k6", "", "latency_ns_p99", 71.5e6, 1, true, false},
        {"k6-export.json", "k6", "", "requests_per_s", 473.21, 1, true, true},
        {"vegeta.json", "vegeta", "", "latency_ns_p50", 10234567, 1, true, false},
        {"vegeta.txt", "vegeta", "", "latency_ns_p99", 62.5e9, 1, true, false},
        {"vegeta.txt", "vegeta", "", "throughput_per_s", 99.67, 1, true, true},
        {"oha.json", "oha", "", "latency_ns_p95", 1.5e6, 1, true, false},
        {"autocannon.json", "autocannon", "", "latency_ns_p97_5", 4e6, 1, true, false},
        {"hdr.hgrm", "hgrm", "", "value_p90", 1462, 1, true, false},
        {"hdr.hlog", "hdr-log", "", "value_p99", 1984, 12, false, false},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        struct measured measured;
        whole_read(wanted[i].file, wanted[i].format, &measured);
        const struct series *series = measured_find(&measured, wanted[i].name, wanted[i].metric);
        if (!series) {
            fail_msg("%s has no %s of '%s'", wanted[i].file, wanted[i].metric, wanted[i].name);
            return;
        }
        assert_int_equal(series->values.count, wanted[i].count);
        assert_int_equal(series->is_summary, wanted[i].is_summary);
        assert_int_equal(series->higher_is_better, wanted[i].higher_is_better);
        if (wanted[i].first > 0)
            assert_near(series->values.items[0], wanted[i].first, 1e-6 * wanted[i].first);
        measured_free(&measured);
    }
}

static void runs_of_a_benchmark_know_their_rounds(void **state)
{
    (void)state;
    struct measured measured;
    whole_read("bench.json", "bench", &measured);
    const struct series *series = measured_find(&measured, "./spin 3000", "wall_ns");
    assert_int_equal(series->rounds.count, series->values.count);
    measured_free(&measured);
}

static void failures_in_a_session_are_told(void **state)
{
    (void)state;
    struct measured measured;
    whole_read("vegeta.json", "vegeta", &measured);
    assert_int_equal(measured.notes.count, 1);
    measured_free(&measured);
    whole_read("vegeta.txt", "vegeta", &measured);
    assert_int_equal(measured.notes.count, 0);
    measured_free(&measured);
}

static int read_bytes(const char *text, size_t length, const char *format, struct err *err)
{
    struct measured measured;
    const struct result_format *found;
    struct compare_text given = {"cut", text, length};
    int status = measured_read(&given, format, &found, &measured, err);
    if (!status)
        measured_free(&measured);
    return status;
}

/* Cut anywhere, a file is read as far as it makes sense, or refused; never half believed. */
static void a_cut_file_is_refused_with_its_name(void **state)
{
    (void)state;
    static const char *const files[] = {"hyperfine.json", "bench.json", "k6-summary.json",
                                        "vegeta.json",    "oha.json",   "autocannon.json"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct file file;
        struct err err;
        file_read(files[i], &file);
        for (size_t length = 1; length < file.text.length - 2; length += 7) {
            char *copy = strndup(file.text.text, length);
            assert_int_equal(read_bytes(copy, length, NULL, &err), -ERR_INPUT);
            assert_non_null(strstr(err.what, "cut"));
            free(copy);
        }
        str_free(&file.content);
    }
}

static void a_cut_log_of_histograms_names_the_line(void **state)
{
    (void)state;
    struct file file;
    struct err err;
    file_read("hdr.hlog", &file);
    assert_int_equal(read_bytes(file.text.text, file.text.length - 40, NULL, &err), -ERR_INPUT);
    assert_non_null(strstr(err.what, "line 16"));
    str_free(&file.content);
}

static void a_format_that_is_forced_is_taken(void **state)
{
    (void)state;
    struct file file;
    struct err err;
    file_read("wrk.txt", &file);
    assert_int_equal(read_bytes(file.text.text, file.text.length, "vegeta", &err), -ERR_INPUT);
    assert_int_equal(read_bytes(file.text.text, file.text.length, "wrk", &err), 0);
    assert_int_equal(read_bytes(file.text.text, file.text.length, "perl", &err), -ERR_USAGE);
    str_free(&file.content);
}

static void what_is_no_result_is_refused_with_the_formats_there_are(void **state)
{
    (void)state;
    static const char *const texts[] = {"",       "hello\n", "{}", "[]", "{\"results\": []}", "Benchmark\n",
                                        "1 2 3\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct err err;
        assert_int_equal(read_bytes(texts[i], strlen(texts[i]), NULL, &err), -ERR_INPUT);
        assert_non_null(strstr(err.hint, "hyperfine"));
    }
}

static void values_that_nothing_measures_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"results\": [{\"command\": \"a\", \"mean\": 1, \"times\": [1, -1]}]}",
        "{\"results\": [{\"command\": \"a\", \"mean\": 1, \"times\": [1, \"2\"]}]}",
        "BenchmarkX 10 nan ns/op\n",
        "BenchmarkX 10 5 ns/op 7\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct err err;
        assert_int_equal(read_bytes(texts[i], strlen(texts[i]), NULL, &err), -ERR_INPUT);
    }
}

static void units_of_go_say_what_is_better(void **state)
{
    (void)state;
    static const char text[] =
        "Unit hits better=higher\nUnit x/s better=lower\nBenchmarkX-4 10 5 ns/op 7 hits 3 x/s\n";
    struct compare_text given = {"go", text, sizeof text - 1};
    const struct result_format *format;
    struct measured measured;
    assert_int_equal(measured_read(&given, NULL, &format, &measured, NULL), 0);
    assert_true(measured_find(&measured, "BenchmarkX-4", "hits")->higher_is_better);
    assert_false(measured_find(&measured, "BenchmarkX-4", "x/s")->higher_is_better);
    assert_near(first_of(&measured, "BenchmarkX-4", "time_per_op"), 5, 0);
    measured_free(&measured);
}

static void durations_of_all_units_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double ns;
    } wanted[] = {{"1.99ms", 1.99e6}, {"101.00us", 101e3}, {"503.21µs", 503210},
                  {"1.2s", 1.2e9},    {"1m2.5s", 62.5e9},  {"7ns", 7}};
    double ns;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        assert_non_null(text_duration(wanted[i].text, &ns));
        assert_near(ns, wanted[i].ns, 1e-3);
    }
    assert_null(text_duration("12", &ns));
    assert_null(text_duration("ms", &ns));
}

int measured_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sample_is_recognised_and_holds_its_values),
        cmocka_unit_test(runs_of_a_benchmark_know_their_rounds),
        cmocka_unit_test(failures_in_a_session_are_told),
        cmocka_unit_test(a_cut_file_is_refused_with_its_name),
        cmocka_unit_test(a_cut_log_of_histograms_names_the_line),
        cmocka_unit_test(a_format_that_is_forced_is_taken),
        cmocka_unit_test(what_is_no_result_is_refused_with_the_formats_there_are),
        cmocka_unit_test(values_that_nothing_measures_are_refused),
        cmocka_unit_test(units_of_go_say_what_is_better),
        cmocka_unit_test(durations_of_all_units_are_read),
    };
    return cmocka_run_group_tests_name("measured", tests, NULL, NULL);
}
