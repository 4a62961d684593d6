/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "export/sample_run.h"

static void expect(const char *kind, const char *wanted)
{
    struct dataset dataset;
    struct str text = {0};
    sample_run(&dataset);
    sample_write(&dataset, "folded", kind, &text);
    assert_string_equal(str_text(&text), wanted);
    str_free(&text);
    dataset_deinit(&dataset);
}

#define ON_CPU_1 "app 50000000\n"
#define ON_CPU_2 "app;main;parse;trim 300000000\n"
#define ON_CPU_3 "app;main;write\\\"x:y\" 100000000\n"
#define OFF_1    "app;[wait: lock 100:0x55] 100000000\n"
#define OFF_2    "app;main;write\\\"x:y\";[wait: cpu_queue] 20000000\n"
#define OFF_3    "app;main;write\\\"x:y\";[wait: network 127.0.0.1:8080] 180000000\n"

static void cpu_time_is_told_by_stack(void **state)
{
    (void)state;
    expect(NULL, ON_CPU_1 ON_CPU_2 ON_CPU_3);
    expect("cpu", ON_CPU_1 ON_CPU_2 ON_CPU_3);
}

static void waited_time_ends_in_what_it_waited_for(void **state)
{
    (void)state;
    expect("off-cpu", OFF_1 OFF_2 OFF_3);
}

static void both_together_are_all_of_a_life(void **state)
{
    (void)state;
    expect("all", ON_CPU_1 OFF_1 ON_CPU_2 ON_CPU_3 OFF_2 OFF_3);
}

static int keep(void *context, const char *bytes, size_t length, struct err *err)
{
    (void)err;
    str_append_bytes(context, bytes, length);
    return 0;
}

/* Less of trim, none without a stack any more, a new function. */
static void a_difference_has_both_times_of_every_stack(void **state)
{
    (void)state;
    struct dataset before, after;
    struct str text = {0};
    struct err err = {0};
    const struct foreign_choice choice = {.format = foreign_find("folded")};
    sample_run(&before);
    sample_run(&after);
    uint64_t *weights = after.columns[TABLE_SAMPLE][COLUMN(sample, weight)].items;
    uint64_t *stacks = after.columns[TABLE_SAMPLE][COLUMN(sample, stack)].items;
    for (size_t i = 0; i < 45; i++) {
        weights[i] = i < 30 ? 1000 : i < 40 ? weights[i] : 7;
        stacks[i] = i < 40 ? stacks[i] : 2;
    }
    assert_int_equal(foreign_write(&after.view, &before.view, &choice, keep, &text, &err), 0);
    assert_string_equal(str_text(&text), "app 50000000 0\n"
                                         "app;main;parse 0 35\n"
                                         "app;main;parse;trim 300000000 30000\n"
                                         "app;main;write\\\"x:y\" 100000000 100000000\n");
    str_free(&text);
    dataset_deinit(&before);
    dataset_deinit(&after);
}

static void an_unknown_kind_lists_those_there_are(void **state)
{
    (void)state;
    struct dataset dataset;
    struct str text = {0};
    struct err err = {0};
    const struct foreign_choice choice = {.format = foreign_find("folded"), .kind = "gpu"};
    sample_run(&dataset);
    assert_int_equal(foreign_write(&dataset.view, NULL, &choice, keep, &text, &err), -ERR_USAGE);
    assert_non_null(strstr(err.hint, "cpu off-cpu all"));
    assert_int_equal(text.length, 0);
    dataset_deinit(&dataset);
}

static int refuse(void *context, const char *bytes, size_t length, struct err *err)
{
    (void)context;
    (void)bytes;
    (void)length;
    return err_set(err, ERR_ENVIRONMENT, "could not write: the disk is full");
}

static void what_cannot_be_written_is_said(void **state)
{
    (void)state;
    struct dataset dataset;
    sample_run(&dataset);
    for (size_t i = 0; i < foreign_format_count; i++) {
        struct err err = {0};
        const struct foreign_choice choice = {.format = &foreign_formats[i]};
        assert_int_equal(foreign_write(&dataset.view, NULL, &choice, refuse, NULL, &err), -ERR_ENVIRONMENT);
        assert_string_equal(err.what, "could not write: the disk is full");
    }
    dataset_deinit(&dataset);
}

static void an_empty_recording_is_an_empty_file_of_its_format(void **state)
{
    (void)state;
    for (size_t i = 0; i < foreign_format_count; i++) {
        struct dataset dataset;
        struct str text = {0};
        dataset_init(&dataset);
        sample_write(&dataset, foreign_formats[i].name, NULL, &text);
        str_free(&text);
        dataset_deinit(&dataset);
    }
}

int folded_write_test(void);
int folded_write_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpu_time_is_told_by_stack),
        cmocka_unit_test(waited_time_ends_in_what_it_waited_for),
        cmocka_unit_test(both_together_are_all_of_a_life),
        cmocka_unit_test(a_difference_has_both_times_of_every_stack),
        cmocka_unit_test(an_unknown_kind_lists_those_there_are),
        cmocka_unit_test(what_cannot_be_written_is_said),
        cmocka_unit_test(an_empty_recording_is_an_empty_file_of_its_format),
    };
    return cmocka_run_group_tests_name("folded_write", tests, NULL, NULL);
}
