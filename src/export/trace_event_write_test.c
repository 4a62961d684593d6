/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "codec/json.h"
#include "export/sample_run.h"

static struct json_value *written(const char *kind)
{
    struct dataset dataset;
    struct str text = {0};
    struct json_value *root = NULL;
    sample_run(&dataset);
    sample_write(&dataset, "trace-event", kind, &text);
    assert_int_equal(json_read_text(str_text(&text), text.length, "trace", &root, NULL), 0);
    str_free(&text);
    dataset_deinit(&dataset);
    return root;
}

static const char *text_of(const struct json_value *event, const char *path)
{
    const char *text = "";
    return json_find_text(event, path, &text) ? text : "-";
}

static double number_of(const struct json_value *event, const char *path)
{
    double number = -1;
    (void)json_find_number(event, path, &number);
    return number;
}

/* The events of a phase, one a line. */
static void expect(const struct json_value *root, const char *phase, const char *wanted)
{
    const struct json_value *events = json_find_array(root, "traceEvents");
    struct str found = {0};
    for (size_t i = 0; i < json_count(events); i++) {
        const struct json_value *event = json_item(events, i);
        if (strcmp(text_of(event, "ph"), phase) == 0)
            str_printf(&found, "%.0f/%.0f %s %.3f %.3f\n", number_of(event, "pid"), number_of(event, "tid"),
                       text_of(event, "name"), number_of(event, "ts"), number_of(event, "dur"));
    }
    assert_string_equal(str_text(&found), wanted);
    str_free(&found);
}

static void spans_are_complete_events_in_microseconds(void **state)
{
    (void)state;
    struct json_value *root = written("cpu");
    expect(root, "X", "100/100 load 0.000 500000.000\n100/100 parse 100000.000 100000.000\n");
    json_free(root);
}

static void a_span_that_crosses_another_is_an_async_one(void **state)
{
    (void)state;
    struct json_value *root = written(NULL);
    expect(root, "b", "100/100 ship 400000.000 -1.000\n");
    expect(root, "e", "100/100 ship 600000.000 -1.000\n");
    json_free(root);
}

static void waits_have_a_row_of_their_own_and_arrows_from_who_ended_them(void **state)
{
    (void)state;
    struct json_value *root = written("off-cpu");
    expect(root, "X",
           "100/100 load 0.000 500000.000\n100/100 parse 100000.000 100000.000\n"
           "100/1000000001 network 600000.000 180000.000\n100/1000000001 cpu_queue 780000.000 20000.000\n"
           "100/1000000002 lock 100000.000 100000.000\n"
           "100/1000000001 wakes worker (tid 101) 199999.999 0.001\n");
    expect(root, "s", "100/1000000001 wake 199999.999 -1.000\n");
    expect(root, "f", "100/1000000002 wake 199999.999 -1.000\n");
    json_free(root);
}

static void a_wait_says_for_what_and_where(void **state)
{
    (void)state;
    struct json_value *root = written(NULL);
    const struct json_value *events = json_find_array(root, "traceEvents");
    for (size_t i = 0; i < json_count(events); i++) {
        const struct json_value *event = json_item(events, i);
        if (strcmp(text_of(event, "name"), "network") == 0) {
            assert_string_equal(text_of(event, "args.peer"), "127.0.0.1:8080");
            assert_string_equal(text_of(event, "args.function"), SAMPLE_HOSTILE);
            json_free(root);
            return;
        }
    }
    fail_msg("there is no wait for the network");
}

static void series_are_counters_and_rows_have_names(void **state)
{
    (void)state;
    struct json_value *root = written(NULL);
    expect(root, "C", "100/0 rss 0.000 -1.000\n100/0 rss 500000.000 -1.000\n");
    expect(root, "M",
           "100/0 process_name -1.000 -1.000\n100/100 thread_name -1.000 -1.000\n"
           "100/100 thread_sort_index -1.000 -1.000\n100/1000000001 thread_name -1.000 -1.000\n"
           "100/1000000001 thread_sort_index -1.000 -1.000\n100/101 thread_name -1.000 -1.000\n"
           "100/101 thread_sort_index -1.000 -1.000\n100/1000000002 thread_name -1.000 -1.000\n"
           "100/1000000002 thread_sort_index -1.000 -1.000\n");
    json_free(root);
}

int trace_event_write_test(void);
int trace_event_write_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_are_complete_events_in_microseconds),
        cmocka_unit_test(a_span_that_crosses_another_is_an_async_one),
        cmocka_unit_test(waits_have_a_row_of_their_own_and_arrows_from_who_ended_them),
        cmocka_unit_test(a_wait_says_for_what_and_where),
        cmocka_unit_test(series_are_counters_and_rows_have_names),
    };
    return cmocka_run_group_tests_name("trace_event_write", tests, NULL, NULL);
}
