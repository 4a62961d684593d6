/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/python_code.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

int python_code_test(void);

#define ENTRY(form, units) (uint8_t)(0x80 | (form) << 3 | ((units)-1))

static const uint8_t table[] = {
    ENTRY(11, 2), 0x00, 0x10,                   /* one line further, columns */
    ENTRY(0, 1),  0x35,                         /* the same line */
    ENTRY(13, 1), 0x05,                         /* two lines back, no columns */
    ENTRY(15, 4),                               /* no line */
    ENTRY(14, 8), 0x48, 0x03, 0x00, 0x01, 0x02, /* a hundred lines further */
};

static void an_instruction_has_its_line(void **state)
{
    (void)state;
    assert_int_equal(python_line_find(table, sizeof table, 10, 0), 11);
    assert_int_equal(python_line_find(table, sizeof table, 10, 3), 11);
    assert_int_equal(python_line_find(table, sizeof table, 10, 4), 11);
    assert_int_equal(python_line_find(table, sizeof table, 10, 6), 9);
    assert_int_equal(python_line_find(table, sizeof table, 10, 16), 109);
}

static void where_there_is_no_line_none_is_told(void **state)
{
    (void)state;
    assert_int_equal(python_line_find(table, sizeof table, 10, 8), 0);
    assert_int_equal(python_line_find(table, sizeof table, 10, 32), 0);
    assert_int_equal(python_line_find(table, 0, 10, 0), 0);
    const uint8_t torn[] = {0x12, 0x80};
    assert_int_equal(python_line_find(torn, sizeof torn, 10, 0), 0);
}

/* A table cut anywhere is read to its end and no further. */
static void a_cut_table_is_no_harm(void **state)
{
    (void)state;
    for (size_t size = 0; size < sizeof table; size++) {
        uint8_t *cut = malloc(size + 1);
        assert_non_null(cut);
        memcpy(cut, table, size);
        for (uint64_t offset = 0; offset < 40; offset += 2)
            assert_in_range(python_line_find(cut, size, 10, offset), 0, 1000);
        free(cut);
    }
}

/* A process can name the same large table for each of its functions. */
static void tables_of_lines_are_kept_while_there_is_room(void **state)
{
    (void)state;
    size_t left = 2 * sizeof table + 1;
    for (unsigned i = 0; i < 3; i++) {
        struct python_code code = {
            .first_line = 10, .lines = malloc(sizeof table), .lines_bytes = sizeof table};
        assert_non_null(code.lines);
        memcpy(code.lines, table, sizeof table);
        python_code_spend(&code, &left);
        assert_int_equal(python_code_line(&code, 0), i < 2 ? 11 : 10);
        python_code_free(&code);
    }
    assert_int_equal(left, 1);
}

int python_code_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_instruction_has_its_line),
        cmocka_unit_test(where_there_is_no_line_none_is_told),
        cmocka_unit_test(a_cut_table_is_no_harm),
        cmocka_unit_test(tables_of_lines_are_kept_while_there_is_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
