/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flight recording that java made (tests/data/ingest/churn.jfr), held against what `jfr print --json` says of it; cut and
 * flipped ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/folded_view.h"
#include "ingest/imported.h"
#include "model/meta.h"

#define CELL(imported, NAME, name, field, row)                                                               \
    ((imported)->data.columns[TABLE_##NAME][COLUMN(name, field)].items[(row)])
#define ROWS(imported, NAME) ((imported)->data.columns[TABLE_##NAME][0].count)
#define TEXT(imported, id)   view_text(&(imported)->data.view, (id))

static uint64_t kind_of(const struct imported *imported, uint64_t track)
{
    for (size_t i = 0; i < ROWS(imported, TRACK); i++)
        if (CELL(imported, TRACK, track, id, i) == track)
            return CELL(imported, TRACK, track, kind, i);
    return 0;
}

static void pauses_and_samples_are_those_that_jfr_prints(void **state)
{
    struct imported imported;
    struct str folded = {0};
    uint64_t count = 0, sum_ns = 0, longest_ns = 0, named_count = 0;
    (void)state;

    imported_from_path(&imported, "ingest/churn.jfr", "jfr", NULL);
    assert_int_equal(imported.status, 0);
    for (size_t i = 0; i < ROWS(&imported, SPAN); i++) {
        if (CELL(&imported, SPAN, span, category, i) != SPAN_GC)
            continue;
        uint64_t ns = CELL(&imported, SPAN, span, end_ns, i) - CELL(&imported, SPAN, span, start_ns, i);
        assert_int_equal(kind_of(&imported, CELL(&imported, SPAN, span, track, i)), TRACK_PROCESS);
        assert_string_equal(TEXT(&imported, CELL(&imported, SPAN, span, name, i)), "gc: GC Pause");
        count++;
        sum_ns += ns;
        longest_ns = ns > longest_ns ? ns : longest_ns;
    }
    assert_int_equal(count, 199);
    assert_in_range(sum_ns, 75462533 - 200, 75462533 + 200); /* printed in nanoseconds, each rounded */
    assert_in_range(longest_ns, 20655016, 20655018);
    for (size_t i = 0; i < ROWS(&imported, ATTR); i++) {
        const char *value = TEXT(&imported, CELL(&imported, ATTR, attr, value, i));
        named_count += CELL(&imported, ATTR, attr, owner_table, i) == TABLE_SPAN &&
                       (strcmp(value, "Allocation Failure") == 0 || strcmp(value, "DefNew") == 0);
    }
    assert_int_equal(named_count, 2 * 199);
    assert_int_equal(imported.result.facts.sample_count, 57);
    assert_int_equal(folded_view_write(&imported.data.view, &folded, &imported.err), 0);
    assert_string_equal(str_text(&folded), "main;Small.main;Small.work 57\n");
    str_free(&folded);
    imported_deinit(&imported);
}

/* However it is cut or flipped, it is read or refused. */
static void a_damaged_file_is_read_or_refused(void **state)
{
    struct ingest_file file = {0};
    struct err err;
    char path[512];
    (void)state;

    snprintf(path, sizeof path, "%s/ingest/churn.jfr", getenv("TOLL_TEST_DATA"));
    assert_int_equal(ingest_open(path, &file, &err), 0);
    size_t length = file.input.length;
    for (size_t round = 0; round < 60; round++) {
        char *bytes = malloc(length);
        assert_non_null(bytes);
        memcpy(bytes, file.input.bytes, length);
        size_t cut = round % 3 == 0 ? length * round / 60 : length;
        if (round % 3)
            bytes[(round * 7919) % length] ^= (char)(1 << round % 8);
        struct imported imported = {0};
        struct ingest_choice choice = {.cache_folder = "", .no_kernel = true};
        struct ingest_input input = {.path = "cut", .bytes = bytes, .length = cut};
        dataset_init(&imported.data);
        if (ingest_read(ingest_reader_find("jfr"), &input, &choice, &imported.data.sink, &imported.result,
                        &err) == 0)
            ingest_result_deinit(&imported.result);
        else
            assert_true(err.what[0] != '\0');
        dataset_deinit(&imported.data);
        free(bytes);
    }
    ingest_close(&file);
}

int jfr_file_test(void);
int jfr_file_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pauses_and_samples_are_those_that_jfr_prints),
        cmocka_unit_test(a_damaged_file_is_read_or_refused),
    };
    return cmocka_run_group_tests_name("jfr_file", tests, NULL, NULL);
}
