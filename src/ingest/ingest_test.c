/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/ingest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "ingest/folded_view.h"
#include "model/dataset.h"
#include "model/meta.h"

int ingest_test(void);

struct imported {
    struct dataset data;
    struct ingest_result result;
    struct err err;
    int status;
};

static void import_text(struct imported *imported, const char *from, const char *text, const char *event)
{
    struct ingest_input input = {.path = "some/file.txt", .bytes = text, .length = strlen(text)};
    struct ingest_choice choice = {.event = event};
    dataset_init(&imported->data);
    const struct ingest_reader *reader = from ? ingest_reader_find(from) : ingest_probe(&input);
    assert_non_null(reader);
    imported->result = (struct ingest_result){0};
    imported->status =
        ingest_read(reader, &input, &choice, &imported->data.sink, &imported->result, &imported->err);
}

static void imported_deinit(struct imported *imported)
{
    ingest_result_deinit(&imported->result);
    dataset_deinit(&imported->data);
}

static void folds_to(const char *from, const char *text, const char *expected)
{
    struct imported imported;
    struct str folded = {0};
    import_text(&imported, from, text, NULL);
    assert_int_equal(imported.status, 0);
    assert_int_equal(folded_view_write(&imported.data.view, &folded, &imported.err), 0);
    assert_string_equal(str_text(&folded), expected);
    str_free(&folded);
    imported_deinit(&imported);
}

static uint64_t cell(const struct imported *imported, enum table_id table, size_t column, size_t row)
{
    assert_true(row < imported->data.columns[table][column].count);
    return imported->data.columns[table][column].items[row];
}

#define CELL(imported, name, field, row)                                                                     \
    cell((imported), (enum table_id)sink_table_##name, COLUMN(name, field), (row))

static size_t rows_of(const struct imported *imported, enum table_id table)
{
    return imported->data.columns[table][0].count;
}

#define TWO_THREADS                                                                                          \
    "my app 10/10 [000] 5.010000: 10000000 cpu-clock: \n\t55f0 inner+0x1c (/usr/bin/app)\n\t55a0 main "      \
    "(/usr/bin/app)\n\n"                                                                                     \
    "my app 10/11 [003] 5.015000: 10000000 cpu-clock: \n\tff81 read_it ([kernel.kallsyms])\n\t55f0 "         \
    "outer->inner (/usr/bin/app)\n\n"                                                                        \
    "my app 10/10 [000] 5.020000: 10000000 cpu-clock: \n\t55f0 inner+0x1c (/usr/bin/app)\n\t55a0 main "      \
    "(/usr/bin/app)\n\n"                                                                                     \
    "my app 10/10 [000] 5.120000: 10000000 cpu-clock: \n\t7f00 [unknown] (/usr/lib/libc.so.6)\n\n"

static void samples_of_perf_script_become_threads_and_stacks(void **state)
{
    struct imported imported;
    (void)state;
    folds_to(
        NULL, TWO_THREADS,
        "my_app;[libc.so.6] 10000000\nmy_app;main;inner 20000000\nmy_app;outer;inner_[i];read_it 10000000\n");
    import_text(&imported, NULL, TWO_THREADS, NULL);
    assert_int_equal(imported.result.facts.sample_count, 4);
    assert_int_equal(imported.result.facts.thread_count, 2);
    assert_int_equal(imported.result.facts.process_count, 1);
    assert_false(imported.result.facts.has_waits);
    assert_int_equal(imported.result.notes.about.cpu_count, 4);
    assert_string_equal(view_meta(&imported.data.view, META_SCOPE), SCOPE_PROFILE);
    assert_string_equal(view_meta(&imported.data.view, META_SAMPLE_UNIT), "ns");
    assert_string_equal(view_meta(&imported.data.view, META_COMMAND), "[\"file.txt\"]");
    /* A clock's sample stands for its period: the thread was away from 5.020 to 5.110, nobody knows why. */
    assert_int_equal(rows_of(&imported, TABLE_WAIT), 1);
    assert_int_equal(CELL(&imported, wait, start_ns, 0), 5020 * NS_PER_MS);
    assert_int_equal(CELL(&imported, wait, end_ns, 0), 5110 * NS_PER_MS);
    assert_int_equal(CELL(&imported, wait, reason, 0), WAIT_UNKNOWN);
    assert_string_equal(view_meta(&imported.data.view, META_START), "5000000000");
    assert_string_equal(view_meta(&imported.data.view, META_END), "5120000000");
    imported_deinit(&imported);
}

static void switches_in_perf_script_become_waits_with_wakers(void **state)
{
    struct imported imported;
    (void)state;
    import_text(
        &imported, NULL,
        "a b 7 [000] 1.000000: sched:sched_switch: prev_comm=a b prev_pid=7 prev_prio=120 prev_state=S ==> "
        "next_comm=cc next_pid=8 next_prio=120\n"
        "cc 8 [000] 1.200000: sched:sched_wakeup: comm=a b pid=7 prio=120 target_cpu=000\n"
        "cc 8 [000] 1.250000: sched:sched_switch: prev_comm=cc prev_pid=8 prev_prio=120 prev_state=R+ ==> "
        "next_comm=a b next_pid=7 next_prio=120\n"
        "a b 7 [000] 1.300000: sched:sched_switch: prev_comm=a b prev_pid=7 prev_prio=120 prev_state=S ==> "
        "next_comm=swapper/0 next_pid=0 next_prio=120\n"
        "swapper 0 [000] 1.400000: sched:sched_switch: prev_comm=swapper/0 prev_pid=0 prev_prio=120 "
        "prev_state=R ==> next_comm=cc next_pid=8 next_prio=120\n",
        NULL);
    assert_int_equal(imported.status, 0);
    assert_true(imported.result.facts.has_waits);
    assert_null(view_meta(&imported.data.view, META_SCOPE));
    assert_int_equal(rows_of(&imported, TABLE_WAIT), 3); /* the last goes on to the end */
    assert_int_equal(CELL(&imported, wait, blocked_ns, 0), 200 * NS_PER_MS);
    assert_int_equal(CELL(&imported, wait, runnable_ns, 0), 50 * NS_PER_MS);
    assert_int_equal(CELL(&imported, wait, waker_source, 0), WAKER_EXACT);
    assert_int_not_equal(CELL(&imported, wait, waker_track, 0), CELL(&imported, wait, track, 0));
    /* Preempted: it could have gone on all the time. */
    assert_int_equal(CELL(&imported, wait, reason, 1), WAIT_CPU_QUEUE);
    assert_int_equal(CELL(&imported, wait, runnable_ns, 1), 150 * NS_PER_MS);
    imported_deinit(&imported);
}

/* Without switches to the CPU (no -a) a thread's next event is all that is known of the end of its wait. */
static void a_wait_whose_end_was_not_recorded_has_no_reason(void **state)
{
    struct imported imported;
    (void)state;
    import_text(&imported, NULL,
                "      aa 7 [000] 1.000000: sched:sched_switch: prev_comm=aa prev_pid=7 prev_prio=120 "
                "prev_state=R ==> "
                "next_comm=xx next_pid=8 next_prio=120\n"
                "      aa 7 [000] 1.500000: sched:sched_switch: prev_comm=aa prev_pid=7 prev_prio=120 "
                "prev_state=S ==> "
                "next_comm=xx next_pid=8 next_prio=120\n",
                NULL);
    assert_int_equal(imported.status, 0);
    assert_int_equal(rows_of(&imported, TABLE_WAIT), 1);
    assert_int_equal(CELL(&imported, wait, reason, 0), WAIT_UNKNOWN);
    assert_int_equal(CELL(&imported, wait, runnable_ns, 0), 0);
    assert_int_equal(imported.result.notes.remark_count, 2);
    imported_deinit(&imported);
}

static void an_interval_that_is_not_told_is_measured(void **state)
{
    struct imported imported;
    struct str text = {0};
    (void)state;
    for (unsigned i = 0; i < 100; i++)
        str_printf(&text, "ww 5 %u.%03u000: 123456 cycles: \n\t5 f (m)\n\n", 1 + i / 200 + (i >= 50 ? 3 : 0),
                   i * 5 % 1000);
    import_text(&imported, NULL, str_text(&text), NULL);
    assert_int_equal(imported.status, 0);
    assert_int_equal(imported.result.facts.interval_ns, 5 * NS_PER_MS);
    assert_int_equal(rows_of(&imported, TABLE_WAIT), 1);
    assert_string_equal(view_meta(&imported.data.view, META_SAMPLE_UNIT), "cycles");
    imported_deinit(&imported);
    str_free(&text);
}

static void what_is_left_out_is_counted(void **state)
{
    struct imported imported;
    (void)state;
    import_text(
        &imported, NULL,
        "aa 1 5.1: 7 cycles:\n 5 x (m)\n\naa 1 5.1: 9 faults:\n 5 y (m)\n\naa 1 5.2: 2 cycles:\n odd\n\n",
        NULL);
    assert_int_equal(imported.status, 0);
    assert_int_equal(imported.result.notes.left_out_count, 2);
    assert_int_equal(imported.result.notes.left_out[0].count, 1);
    assert_string_equal(imported.result.notes.left_out[1].what, "lines that are no line of perf script");
    imported_deinit(&imported);
    import_text(&imported, "perf-text", "aa 1 5.1: 7 cycles:\n 5 x (m)\n\n", "faults");
    assert_int_equal(imported.status, -ERR_INPUT);
    assert_non_null(strstr(imported.err.what, "it has no sample with a stack of event faults"));
    imported_deinit(&imported);
}

/* Recorders give what is inlined its id when names are looked up: a caller may come after who it calls. */
static void a_caller_may_be_told_after_who_it_calls(void **state)
{
    struct dataset data;
    struct str folded = {0};
    struct err err;
    uint64_t name = 0, main_name = 0, leaf_name = 0;
    (void)state;
    dataset_init(&data);
    assert_int_equal(sink_meta(&data.sink, META_IMPORT_FORMAT, "perf.data", &err), 0);
    assert_int_equal(sink_intern(&data.sink, "app", &name, &err) |
                         sink_intern(&data.sink, "main(int)", &main_name, &err) |
                         sink_intern(&data.sink, "leaf", &leaf_name, &err),
                     0);
    struct row_track track = {.id = 1, .kind = TRACK_THREAD, .name = name, .start_ns = 1, .end_ns = 9};
    struct row_frame frames[] = {{.id = 1, .function = leaf_name, .inlined = 1},
                                 {.id = 2, .function = main_name}};
    struct row_stack stacks[] = {{.id = 1, .parent = 2, .frame = 1}, {.id = 2, .frame = 2}};
    struct row_sample sample = {.time_ns = 5, .track = 1, .stack = 1, .weight = 4, .kind = SAMPLE_CPU};
    assert_int_equal(
        sink_append(&data.sink, track, &track, &err) | sink_append(&data.sink, frame, &frames[0], &err) |
            sink_append(&data.sink, frame, &frames[1], &err) |
            sink_append(&data.sink, stack, &stacks[0], &err) |
            sink_append(&data.sink, stack, &stacks[1], &err) | sink_append(&data.sink, sample, &sample, &err),
        0);
    assert_int_equal(folded_view_write(&data.view, &folded, &err), 0);
    assert_string_equal(str_text(&folded), "app;main;leaf_[i] 4\n");
    str_free(&folded);
    dataset_deinit(&data);
}

static void texts_of_other_kinds_are_not_perf_scripts(void **state)
{
    static const char *const others[] = {"",       "\n\n", "{\"a\": 1}", "one line of words", "a;b 12\na 3\n",
                                         "x 1 2\n"};
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct ingest_input input = {.path = "x", .bytes = others[i], .length = strlen(others[i])};
        assert_false(ingest_reader_find("perf-text")->probe(&input));
    }
}

static void folded_stacks_come_out_as_they_went_in(void **state)
{
    struct imported imported;
    (void)state;
    folds_to(NULL, "my app;main;work 3\nb;x_[i] 7\nmy app;main;work 4\nother 1\n",
             "b;x_[i] 7\nmy app;main;work 7\nother 1\n");
    folds_to(NULL, "a;b 0.25\na;b 0.5\na;c 10\r\n", "a;b 0.75\na;c 10\n");
    folds_to(NULL, "a;b 10 20\n", "a;b 20\n");
    import_text(&imported, "folded", "a;b 18446744073709551615\na;b 2\n", NULL);
    assert_int_equal(imported.status, -ERR_INPUT);
    assert_non_null(strstr(imported.err.what, "line 1: the weights add up"));
    imported_deinit(&imported);
    import_text(&imported, "folded", "a;b 3\nwords\n", NULL);
    assert_int_equal(imported.result.notes.left_out[0].count, 1);
    imported_deinit(&imported);
}

int ingest_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_of_perf_script_become_threads_and_stacks),
        cmocka_unit_test(switches_in_perf_script_become_waits_with_wakers),
        cmocka_unit_test(a_wait_whose_end_was_not_recorded_has_no_reason),
        cmocka_unit_test(an_interval_that_is_not_told_is_measured),
        cmocka_unit_test(what_is_left_out_is_counted),
        cmocka_unit_test(folded_stacks_come_out_as_they_went_in),
        cmocka_unit_test(a_caller_may_be_told_after_who_it_calls),
        cmocka_unit_test(texts_of_other_kinds_are_not_perf_scripts),
    };
    return cmocka_run_group_tests_name("ingest_test", tests, NULL, NULL);
}
