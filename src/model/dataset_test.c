/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/dataset.h"

static int count_rows(void *context, const struct batch *batch, struct err *err)
{
    (void)err;
    struct row_wait row;
    batch_row(batch, batch->row_count - 1, (uint64_t *)&row);
    assert_int_equal(row.reason, WAIT_LOCK);
    assert_int_equal(row.end_ns, 20);
    *(size_t *)context += batch->row_count;
    return 0;
}

static void a_dataset_gives_back_the_rows_it_took(void **state)
{
    (void)state;
    struct dataset dataset;
    struct err err;
    dataset_init(&dataset);
    struct row_wait wait = {.track = 1, .start_ns = 10, .end_ns = 20, .count = 1, .reason = WAIT_LOCK};
    for (int i = 0; i < 100; i++)
        assert_int_equal(sink_append(&dataset.sink, wait, &wait, &err), 0);
    assert_int_equal(sink_meta(&dataset.sink, "host", "here", &err), 0);
    size_t count = 0;
    assert_int_equal(view_scan_all(&dataset.view, TABLE_WAIT, count_rows, &count, &err), 0);
    assert_int_equal(count, 100);
    assert_string_equal(view_meta(&dataset.view, "host"), "here");
    assert_null(view_meta(&dataset.view, "absent"));
    dataset_deinit(&dataset);
}

static void every_table_has_a_name_and_references_that_exist(void **state)
{
    (void)state;
    assert_null(table_find(0));
    assert_null(table_find(TABLE_END));
    for (uint64_t id = TABLE_META; id < TABLE_END; id++) {
        const struct table *table = table_find(id);
        assert_int_equal(table->id, id);
        for (size_t i = 0; i < table->column_count; i++) {
            if (table->columns[i].type == COLUMN_REFERENCE)
                assert_non_null(table_find(table->columns[i].of));
        }
    }
    assert_int_equal(COLUMN(wait, waker_source), 11);
}

int dataset_test(void);
int dataset_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dataset_gives_back_the_rows_it_took),
        cmocka_unit_test(every_table_has_a_name_and_references_that_exist),
    };
    return cmocka_run_group_tests_name("dataset", tests, NULL, NULL);
}
