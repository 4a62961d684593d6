/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/protobuf.h"
#include "codec/protobuf_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

int protobuf_test(void);

static void fields_of_each_wire_type_are_read(void **state)
{
    /* 1: varint 150; 2: "testing"; 3: fixed32 1; 4: fixed64 2 */
    static const char message[] = "\x08\x96\x01\x12\x07testing\x1d\x01\0\0\0\x21\x02\0\0\0\0\0\0\0";
    struct protobuf_cursor at = {.bytes = message, .length = sizeof message - 1};
    struct protobuf_field field;
    (void)state;
    assert_true(protobuf_next(&at, &field));
    assert_int_equal(field.number, 1);
    assert_int_equal(field.value, 150);
    assert_true(protobuf_next(&at, &field));
    assert_int_equal(field.kind, PROTOBUF_BYTES);
    assert_int_equal(field.length, 7);
    assert_memory_equal(field.bytes, "testing", 7);
    assert_true(protobuf_next(&at, &field));
    assert_int_equal(field.value, 1);
    assert_true(protobuf_next(&at, &field));
    assert_int_equal(field.value, 2);
    assert_false(protobuf_next(&at, &field));
    assert_false(at.is_broken);
}

static void broken(const char *bytes, size_t length)
{
    struct protobuf_cursor at = {.bytes = bytes, .length = length};
    struct protobuf_field field;
    while (protobuf_next(&at, &field))
        continue;
    assert_true(at.is_broken);
}

static void what_does_not_hold_ends_it(void **state)
{
    (void)state;
    broken("\x08", 1);
    broken("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 11);
    broken("\x12\x05"
           "abc",
           5);
    broken("\x1d\x01", 2);
    broken("\x0b", 1);
    broken("\x00\x00", 2);
}

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    struct str text = {0}, inner = {0};
    struct protobuf_field field;
    protobuf_put_number(&text, 1, UINT64_MAX);
    protobuf_put_double(&text, 2, -0.5);
    protobuf_put_number(&inner, 3, 300);
    protobuf_put_message(&text, 100, &inner);
    protobuf_put_text(&text, 4, "");
    struct protobuf_cursor at = {.bytes = text.text, .length = text.length};
    assert_true(protobuf_next(&at, &field) && field.number == 1 && field.value == UINT64_MAX);
    assert_true(protobuf_next(&at, &field) && field.number == 2 && field.value == 0xbfe0000000000000);
    assert_true(protobuf_next(&at, &field) && field.number == 100 && field.length == 3);
    assert_memory_equal(field.bytes, "\x18\xac\x02", 3);
    assert_true(protobuf_next(&at, &field) && field.number == 4 && field.length == 0);
    assert_false(protobuf_next(&at, &field) || at.is_broken);
    str_free(&text);
    str_free(&inner);
}

int protobuf_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_of_each_wire_type_are_read),
        cmocka_unit_test(what_does_not_hold_ends_it),
        cmocka_unit_test(what_is_written_is_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
