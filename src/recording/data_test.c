/* SPDX-License-Identifier: Apache-2.0 */
/* Recordings of released formats stay readable: tests/data/v1.toll against the rows that were written into it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "model/dataset.h"
#include "recording/fixture.h"
#include "recording/integrity.h"
#include "recording/reader.h"

struct comparison {
    const struct dataset *expected;
    const struct view *view;
    uint64_t row_next;
};

static int compare_batch(void *context, const struct batch *batch, struct err *err)
{
    struct comparison *comparison = context;
    (void)err;
    for (size_t row = 0; row < batch->row_count; row++, comparison->row_next++) {
        for (size_t column = 0; column < table_find(batch->table)->column_count; column++)
            assert_true(batch->columns[column][row] ==
                        comparison->expected->columns[batch->table][column].items[comparison->row_next]);
    }
    return 0;
}

static void version_1_reads_as_it_was_written(void **state)
{
    (void)state;
    const char *path = getenv("TOLL_TEST_DATA_V1");
    struct dataset expected;
    struct reader *reader;
    struct check_result checked;
    struct err err;
    assert_non_null(path);
    dataset_init(&expected);
    assert_int_equal(fixture_begin(&expected.sink, &err), 0);
    for (uint64_t step = 0; step < FIXTURE_STEPS; step++)
        assert_int_equal(fixture_step(&expected.sink, step, &err), 0);
    assert_int_equal(check_recording(path, &checked, &err), 0);
    assert_int_equal(checked.problem_count, 0);
    assert_int_equal(reader_open(path, &reader, &err), 0);
    const struct view *view = reader_view(reader);
    for (enum table_id id = TABLE_META; id < TABLE_END; id++) {
        struct comparison comparison = {.expected = &expected, .view = view};
        assert_int_equal(view->row_count(view, id), expected.view.row_count(&expected.view, id));
        if (id == TABLE_STRING)
            continue;
        assert_int_equal(view_scan_all(view, id, compare_batch, &comparison, &err), 0);
        assert_int_equal(comparison.row_next, view->row_count(view, id));
    }
    for (uint64_t id = 1; id <= expected.strings.entries.count; id++)
        assert_string_equal(view_text(view, id), view_text(&expected.view, id));
    reader_close(reader);
    dataset_deinit(&expected);
}

int data_test(void);
int data_test(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(version_1_reads_as_it_was_written)};
    return cmocka_run_group_tests_name("data", tests, NULL, NULL);
}
