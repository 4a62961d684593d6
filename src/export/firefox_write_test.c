/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The profile against the types of its format (docs-developer and src/types/profile.ts of the Firefox Profiler): every table's columns
 * are as long as it says, every index is one of the table that it goes to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "codec/json.h"
#include "export/sample_run.h"

static struct json_value *written_from(struct dataset *dataset, const char *kind)
{
    struct str text = {0};
    struct json_value *root = NULL;
    struct err err = {0};
    sample_write(dataset, "firefox", kind, &text);
    if (json_read_text(str_text(&text), text.length, "profile", &root, &err))
        fail_msg("%s", err.what);
    str_free(&text);
    dataset_deinit(dataset);
    return root;
}

static struct json_value *written(const char *kind)
{
    struct dataset dataset;
    sample_run(&dataset);
    return written_from(&dataset, kind);
}

static double number_at(const struct json_value *table, const char *column, size_t index)
{
    double number = -2;
    (void)json_find_number(json_item(json_find_array(table, column), index), NULL, &number);
    return number;
}

static size_t length_of(const struct json_value *table)
{
    uint64_t length = 0;
    assert_true(json_find_count(table, "length", &length));
    return (size_t)length;
}

static void check_table(const struct json_value *table)
{
    size_t length = length_of(table);
    for (struct json_member_at at = json_members(table); at.value; json_members_next(&at)) {
        if (json_kind(at.value) == JSON_KIND_ARRAY && json_count(at.value) != length)
            fail_msg("column %s has %zu rows, not %zu", at.key, json_count(at.value), length);
    }
}

/* Each value of a column is an index of another table, or what stands for none. */
static void check_index(const struct json_value *table, const char *column, size_t limit)
{
    for (size_t i = 0; i < length_of(table); i++) {
        const struct json_value *value = json_item(json_find_array(table, column), i);
        double index = number_at(table, column, i);
        if (json_kind(value) != JSON_KIND_NULL && index != -1 && !(index >= 0 && index < (double)limit))
            fail_msg("%s %zu is %g, of %zu", column, i, index, limit);
    }
}

static void every_index_is_one_of_its_table(void **state)
{
    (void)state;
    struct json_value *root = written(NULL);
    const struct json_value *shared = json_find_object(root, "shared");
    size_t strings = json_count(json_find_array(shared, "stringArray"));
    static const char *const tables[] = {"stackTable", "frameTable", "funcTable", "resourceTable", "sources"};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        check_table(json_find(shared, tables[i]));
    const struct json_value *stacks = json_find(shared, "stackTable"),
                            *frames = json_find(shared, "frameTable"),
                            *functions = json_find(shared, "funcTable"),
                            *resources = json_find(shared, "resourceTable");
    check_index(stacks, "frame", length_of(frames));
    check_index(frames, "func", length_of(functions));
    check_index(frames, "category", json_count(json_find_array(root, "meta.categories")));
    check_index(functions, "name", strings);
    check_index(functions, "resource", length_of(resources));
    check_index(functions, "source", length_of(json_find(shared, "sources")));
    check_index(resources, "lib", json_count(json_find_array(root, "libs")));
    check_index(resources, "name", strings);
    for (size_t i = 0; i < length_of(stacks); i++)
        assert_true(number_at(stacks, "prefix", i) < (double)i);
    const struct json_value *threads = json_find_array(root, "threads");
    for (size_t i = 0; i < json_count(threads); i++) {
        const struct json_value *samples = json_find(json_item(threads, i), "samples"),
                                *markers = json_find(json_item(threads, i), "markers");
        check_table(samples);
        check_table(markers);
        check_index(samples, "stack", length_of(stacks));
        check_index(markers, "name", strings);
    }
    json_free(root);
}

/* "main parse trim" of a stack, the outermost first. */
static void append_stack(const struct json_value *root, double stack, struct str *str)
{
    const struct json_value *shared = json_find_object(root, "shared");
    if (!(stack >= 0))
        return;
    append_stack(root, number_at(json_find(shared, "stackTable"), "prefix", (size_t)stack), str);
    size_t frame = (size_t)number_at(json_find(shared, "stackTable"), "frame", (size_t)stack);
    size_t function = (size_t)number_at(json_find(shared, "frameTable"), "func", frame);
    const char *name = "";
    assert_true(json_find_text(json_item(json_find_array(shared, "stringArray"),
                                         (size_t)number_at(json_find(shared, "funcTable"), "name", function)),
                               NULL, &name));
    str_printf(str, "%s%s", str->length ? " " : "", name);
}

static const struct json_value *thread_at(const struct json_value *root, size_t index, const char *name)
{
    const struct json_value *thread = json_item(json_find_array(root, "threads"), index);
    const char *found = "";
    assert_true(json_find_text(thread, "name", &found));
    assert_string_equal(found, name);
    return thread;
}

static void samples_keep_their_stack_time_and_weight(void **state)
{
    (void)state;
    struct json_value *root = written(NULL);
    const struct json_value *samples = json_find(thread_at(root, 0, "app"), "samples");
    struct str stack = {0};
    assert_int_equal(length_of(samples), 40);
    append_stack(root, number_at(samples, "stack", 29), &stack);
    assert_string_equal(str_text(&stack), "main parse trim");
    assert_true(number_at(samples, "time", 29) == 290 && number_at(samples, "weight", 29) == 10);
    str_clear(&stack);
    append_stack(root, number_at(samples, "stack", 30), &stack);
    assert_string_equal(str_text(&stack), "main " SAMPLE_HOSTILE);
    assert_true(number_at(samples, "time", 30) == 400);
    str_free(&stack);
    json_free(root);
}

static void waits_and_spans_are_markers_with_a_schema(void **state)
{
    (void)state;
    struct json_value *root = written(NULL);
    const struct json_value *markers = json_find(thread_at(root, 0, "app"), "markers");
    struct str found = {0};
    for (size_t i = 0; i < length_of(markers); i++) {
        const struct json_value *data = json_item(json_find_array(markers, "data"), i);
        const char *type = "", *name = "", *peer = "";
        assert_true(json_find_text(data, "type", &type));
        if (!json_find_text(data, "name", &name))
            assert_true(json_find_text(data, "reason", &name));
        (void)json_find_text(data, "peer", &peer);
        str_printf(&found, "%s %s %s %g-%g\n", type, name, peer, number_at(markers, "startTime", i),
                   number_at(markers, "endTime", i));
    }
    assert_string_equal(str_text(&found), "Span load  0-500\nSpan parse  100-200\nSpan ship  400-600\n"
                                          "Wait network 127.0.0.1:8080 600-780\nWait cpu_queue  780-800\n");
    assert_int_equal(json_count(json_find_array(root, "meta.markerSchema")), 2);
    str_free(&found);
    json_free(root);
}

static void put_series(struct dataset *dataset, uint64_t id, const char *name, const char *unit)
{
    struct row_series series = {.id = id};
    assert_int_equal(sink_intern(&dataset->sink, name, &series.name, NULL), 0);
    assert_int_equal(sink_intern(&dataset->sink, unit, &series.unit, NULL), 0);
    assert_int_equal(sink_append(&dataset->sink, series, &series, NULL), 0);
}

static void put_point(struct dataset *dataset, uint64_t series, uint64_t ms, double value)
{
    struct row_point point = {series, (1000 + ms) * NS_PER_MS, num_bits(value)};
    assert_int_equal(sink_append(&dataset->sink, point, &point, NULL), 0);
}

/* Levels are changes, cores are nanoseconds since the point before; points of series may come in turns. */
static void series_are_counters_of_a_process(void **state)
{
    (void)state;
    static const char *const wanted[] = {
        "rss Memory rss (bytes) 100 0: 0=1000000 500=2000000 ",
        "processCPU CPU cpu.tree (cores) 100 0: 100=0 200=150000000 ",
        "depth Other depth (a number) 100 0: 100=7 200=-2.5 ",
    };
    struct dataset dataset;
    sample_run(&dataset);
    put_series(&dataset, 2, "cpu.tree", "cores");
    put_series(&dataset, 3, "depth", "");
    put_point(&dataset, 3, 100, 7);
    put_point(&dataset, 2, 100, 0.5);
    put_point(&dataset, 2, 200, 1.5);
    put_point(&dataset, 3, 200, 4.5);
    struct json_value *root = written_from(&dataset, NULL);
    const struct json_value *counters = json_find_array(root, "counters");
    assert_int_equal(json_count(counters), 3);
    for (size_t i = 0; i < 3; i++) {
        static const char *const texts[] = {"name", "category", "description", "pid"};
        const struct json_value *counter = json_item(counters, i), *samples = json_find(counter, "samples");
        struct str found = {0};
        uint64_t thread = 9;
        for (size_t j = 0; j < 4; j++) {
            const char *text = "";
            assert_true(json_find_text(counter, texts[j], &text));
            str_printf(&found, "%s ", text);
        }
        assert_true(json_find_count(counter, "mainThreadIndex", &thread));
        str_printf(&found, "%u: ", (unsigned)thread);
        check_table(samples);
        for (size_t j = 0; j < length_of(samples); j++)
            str_printf(&found, "%g=%.9g ", number_at(samples, "time", j), number_at(samples, "count", j));
        assert_string_equal(str_text(&found), wanted[i]);
        str_free(&found);
    }
    json_free(root);
}

static void a_file_has_its_build_id(void **state)
{
    (void)state;
    struct json_value *root = written(NULL);
    const struct json_value *libs = json_find_array(root, "libs");
    const char *text = "";
    assert_int_equal(json_count(libs), 2);
    assert_true(json_find_text(json_item(libs, 0), "codeId", &text));
    assert_string_equal(text, SAMPLE_BUILD_ID);
    assert_true(json_find_text(json_item(libs, 0), "breakpadId", &text));
    assert_string_equal(text, "67452301AB89EFCDFEDCBA98765432100");
    assert_int_equal(json_kind(json_find(json_item(libs, 1), "codeId")), JSON_KIND_NULL);
    json_free(root);
}

static void cpu_alone_has_no_waits(void **state)
{
    (void)state;
    struct json_value *root = written("cpu");
    assert_int_equal(length_of(json_find(thread_at(root, 0, "app"), "markers")), 3);
    json_free(root);
}

int firefox_write_test(void);
int firefox_write_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_index_is_one_of_its_table),
        cmocka_unit_test(samples_keep_their_stack_time_and_weight),
        cmocka_unit_test(waits_and_spans_are_markers_with_a_schema),
        cmocka_unit_test(series_are_counters_of_a_process),
        cmocka_unit_test(a_file_has_its_build_id),
        cmocka_unit_test(cpu_alone_has_no_waits),
    };
    return cmocka_run_group_tests_name("firefox_write", tests, NULL, NULL);
}
