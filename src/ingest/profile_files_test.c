/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles of pprof, speedscope and V8, those of the real tools among them (tests/data). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ingest/folded_view.h"
#include "ingest/imported.h"
#include "model/meta.h"

static uint64_t weight_sum(const struct imported *imported)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < imported->data.columns[TABLE_SAMPLE][COLUMN(sample, weight)].count; i++)
        sum += imported->data.columns[TABLE_SAMPLE][COLUMN(sample, weight)].items[i];
    return sum;
}

static void expect_folded(const struct imported *imported, const char *wanted)
{
    struct str folded = {0};
    if (imported->status)
        fail_msg("%s", imported->err.what);
    assert_int_equal(folded_view_write(&imported->data.view, &folded, NULL), 0);
    assert_string_equal(str_text(&folded), wanted);
    str_free(&folded);
}

static uint64_t rows_of(const struct imported *imported, enum table_id table)
{
    return imported->data.columns[table][0].count;
}

/* `go tool pprof -raw` counts 33 samples and 330 ms of CPU time in it. */
static void a_profile_of_go_keeps_its_cpu_time(void **state)
{
    (void)state;
    struct imported imported;
    imported_from_path(&imported, "profiles/go.pprof", "pprof", NULL);
    assert_int_equal(imported.status, 0);
    assert_true(weight_sum(&imported) == 330000000);
    assert_string_equal(view_meta(&imported.data.view, META_SAMPLE_UNIT), "ns");
    imported_deinit(&imported);
}

static void another_value_of_a_pprof_sample_can_be_asked_for(void **state)
{
    (void)state;
    struct imported imported;
    imported_from_path(&imported, "profiles/go.pprof", "pprof", "samples");
    assert_int_equal(imported.status, 0);
    assert_true(weight_sum(&imported) == 33);
    imported_deinit(&imported);
    imported_from_path(&imported, "profiles/go.pprof", "pprof", "space");
    assert_int_equal(imported.status, -ERR_INPUT);
    assert_non_null(strstr(imported.err.hint, "samples, cpu"));
    imported_deinit(&imported);
}

/* What toll wrote itself, read again: threads by their labels, time waited by its type. */
static void a_pprof_file_of_toll_keeps_threads_and_waits(void **state)
{
    (void)state;
    struct imported imported;
    imported_from_path(&imported, "ingest/waits.pprof", "pprof", "off-cpu");
    expect_folded(&imported, "rows;[wait: cpu_queue] 256138\n");
    assert_true(imported.data.columns[TABLE_TRACK][COLUMN(track, pid)].items[0] == 24819);
    imported_deinit(&imported);
}

static void a_speedscope_file_of_toll_keeps_stacks_and_waits(void **state)
{
    (void)state;
    struct imported imported;
    imported_from_path(&imported, "ingest/waits.speedscope.json", "speedscope", NULL);
    expect_folded(&imported, "rows;[wait: cpu_queue] 256138\n"
                             "rows;__libc_start_call_main;log_line 50251250\n"
                             "rows;__libc_start_call_main;main;check_row 432160750\n"
                             "rows;__libc_start_call_main;main;hash_key 422110500\n"
                             "rows;__libc_start_call_main;main;parse_row 1291457125\n"
                             "rows;__libc_start_call_main;main;write_row 206030125\n");
    assert_true(imported.data.columns[TABLE_TRACK][COLUMN(track, pid)].items[0] == 24819);
    imported_deinit(&imported);
}

/* Between two events the innermost open frame is at work; from 40 to 60 ms that is main. */
static void events_of_speedscope_become_time_by_stack(void **state)
{
    (void)state;
    struct imported imported;
    imported_from_path(&imported, "ingest/evented.speedscope.json", "speedscope", NULL);
    expect_folded(&imported, "events;main 65000000\n"
                             "events;main;p\xc3\xa4"
                             "ck\xc3\xa9: 5000000\n"
                             "events;main;say \"hi\" 30000000\n"
                             "samples 125000000\n"
                             "samples;main;p\xc3\xa4"
                             "ck\xc3\xa9: 250000000\n"
                             "samples;main;say \"hi\" 625000000\n");
    imported_deinit(&imported);
}

static void spans_of_toll_become_spans_again(void **state)
{
    (void)state;
    struct imported imported;
    imported_from_text(
        &imported,
        "{\"$schema\":\"https://www.speedscope.app/"
        "file-format-schema.json\",\"exporter\":\"toll\",\"profiles\":[\n"
        "{\"type\":\"evented\",\"name\":\"app (pid 7) app (tid 7): spans\",\"unit\":\"nanoseconds\","
        "\"startValue\":0,\"endValue\":90,\"events\":[{\"type\":\"O\",\"frame\":0,\"at\":10},"
        "{\"type\":\"O\",\"frame\":1,\"at\":20},{\"type\":\"C\",\"frame\":1,\"at\":30},"
        "{\"type\":\"C\",\"frame\":0,\"at\":90}]}],"
        "\"shared\":{\"frames\":[{\"name\":\"load\"},{\"name\":\"parse\"}]}}",
        "speedscope");
    assert_int_equal(imported.status, 0);
    assert_int_equal(rows_of(&imported, TABLE_SAMPLE), 0);
    assert_int_equal(imported.result.facts.span_count, 2);
    imported_deinit(&imported);
}

/* Node 20 wrote it; its own sum of the time outside (idle), by the deltas between samples. */
static void a_cpuprofile_of_node_keeps_the_time_of_every_function(void **state)
{
    (void)state;
    struct imported imported;
    imported_from_path(&imported, "profiles/node.cpuprofile", "cpuprofile", NULL);
    assert_int_equal(imported.status, 0);
    assert_true(weight_sum(&imported) == 241506000);
    imported_deinit(&imported);
}

static void a_node_works_until_the_next_sample_and_idle_is_no_work(void **state)
{
    (void)state;
    struct imported imported;
    imported_from_text(
        &imported,
        "{\"nodes\":[{\"id\":1,\"callFrame\":{\"functionName\":\"(root)\",\"lineNumber\":-1},\"children\":[2,"
        "3]},"
        "{\"id\":2,\"callFrame\":{\"functionName\":\"\",\"url\":\"file:///"
        "a.js\",\"lineNumber\":9},\"children\":[4]},"
        "{\"id\":3,\"callFrame\":{\"functionName\":\"(idle)\"}},"
        "{\"id\":4,\"callFrame\":{\"functionName\":\"work\"}}],"
        "\"startTime\":5000000,\"endTime\":5001000,\"samples\":[4,3,2,4],\"timeDeltas\":[100,200,300,-50]}",
        "cpuprofile");
    expect_folded(&imported, "javascript;(anonymous);work 600000\n");
    assert_string_equal(imported.result.notes.left_out[0].what, "samples without work: (idle)");
    imported_deinit(&imported);
}

static void expect_refused(const char *text, const char *reader, const char *what)
{
    struct imported imported;
    imported_from_text(&imported, text, reader);
    assert_int_equal(imported.status, -ERR_INPUT);
    if (!strstr(imported.err.what, what))
        fail_msg("'%s' is not in '%s'", what, imported.err.what);
    imported_deinit(&imported);
}

static void what_does_not_hold_is_refused_with_its_place(void **state)
{
    (void)state;
#define SPEEDSCOPE "{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\","
    expect_refused(SPEEDSCOPE "\"profiles\":[]}", "speedscope", "there is no list shared.frames");
    expect_refused(SPEEDSCOPE
                   "\"shared\":{\"frames\":[{\"name\":\"a\"}]},\"profiles\":[{\"type\":\"sampled\","
                   "\"unit\":\"none\",\"samples\":[[1]],\"weights\":[1]}]}",
                   "speedscope", "byte 0x9c: a sample has a frame that is not in shared.frames");
    expect_refused("{\"nodes\":[{\"id\":1,\"callFrame\":{}}],\"samples\":[1,1],\"timeDeltas\":[5]}",
                   "cpuprofile", "there are more samples than timeDeltas");
    expect_refused("\x0a\x04\x08\x01\x10\x02\x12\x03\x0a\x01\x63\x32\x00", "pprof", "byte 0xc: a field");
}

int profile_files_test(void);
int profile_files_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_profile_of_go_keeps_its_cpu_time),
        cmocka_unit_test(another_value_of_a_pprof_sample_can_be_asked_for),
        cmocka_unit_test(a_pprof_file_of_toll_keeps_threads_and_waits),
        cmocka_unit_test(a_speedscope_file_of_toll_keeps_stacks_and_waits),
        cmocka_unit_test(events_of_speedscope_become_time_by_stack),
        cmocka_unit_test(spans_of_toll_become_spans_again),
        cmocka_unit_test(a_cpuprofile_of_node_keeps_the_time_of_every_function),
        cmocka_unit_test(a_node_works_until_the_next_sample_and_idle_is_no_work),
        cmocka_unit_test(what_does_not_hold_is_refused_with_its_place),
    };
    return cmocka_run_group_tests_name("profile_files", tests, NULL, NULL);
}
