/* SPDX-License-Identifier: Apache-2.0 */
#include "symbol/jit_code.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

int jit_code_test(void);

static const char *name_at(const struct jit_code *code, uint64_t address, uint64_t at)
{
    struct jit_place place;
    return jit_code_find(code, address, at, &place) ? place.name : "none";
}

static void names_of_compilers_may_hold_blanks(void **state)
{
    (void)state;
    static const char text[] = "7f0000001000 40 LazyCompile:*parse file.js:12\n"
                               "7f0000000000 20 Builtin\n"
                               "7f0000002000 zz bad\n"
                               "ffffffffffffffff ff too far\n"
                               "12345678901234567890 1 too long\n"
                               "\n-1 1 minus\n 7f0 1 blank\n"
                               "7f0000003000 10 unfinished";
    struct jit_code code = {0};
    assert_int_equal(jit_code_parse(&code, text, strlen(text), NULL), 0);
    assert_int_equal(code.entries.count, 2);
    assert_string_equal(name_at(&code, 0x7f000000103f, 0), "LazyCompile:*parse file.js:12");
    assert_string_equal(name_at(&code, 0x7f0000001040, 0), "none");
    assert_string_equal(name_at(&code, 0x7f0000000000, 0), "Builtin");
    jit_code_free(&code);
}

static void what_a_map_lists_later_was_not_there_before(void **state)
{
    (void)state;
    static const char text[] = "1000 100 first\n"
                               "3000 100 other\n"
                               "1080 100 second\n";
    struct jit_code code = {0};
    assert_int_equal(jit_code_parse(&code, text, strlen(text), NULL), 0);
    assert_string_equal(name_at(&code, 0x1090, 20), "first");
    assert_string_equal(name_at(&code, 0x1090, strlen(text)), "second");
    assert_string_equal(name_at(&code, 0x1010, strlen(text)), "first");
    assert_string_equal(name_at(&code, 0x1150, 20), "second"); /* written late, but nothing else was there */
    jit_code_free(&code);
}

static void put(struct str *dump, const void *bytes, size_t size)
{
    str_append_bytes(dump, bytes, size);
}

static void put_u32(struct str *dump, uint32_t value)
{
    put(dump, &value, sizeof value);
}

static void put_u64(struct str *dump, uint64_t value)
{
    put(dump, &value, sizeof value);
}

static void put_prefix(struct str *dump, uint32_t id, size_t size, uint64_t time)
{
    put_u32(dump, id);
    put_u32(dump, (uint32_t)size + 16);
    put_u64(dump, time);
}

static void put_header(struct str *dump)
{
    static const uint32_t words[] = {0x4a695444, 1, 40, 62, 0, 77};
    put(dump, words, sizeof words);
    put_u64(dump, 5);
    put_u64(dump, 0);
}

static void put_load(struct str *dump, uint64_t time, uint64_t address, uint64_t size, const char *name)
{
    put_prefix(dump, 0, 40 + strlen(name) + 1 + 4, time);
    put_u64(dump, 77 | 77ull << 32);
    put_u64(dump, address);
    put_u64(dump, address);
    put_u64(dump, size);
    put_u64(dump, 1);
    put(dump, name, strlen(name) + 1);
    put_u32(dump, 0xc3c3c3c3); /* the code */
}

static void put_move(struct str *dump, uint64_t time, uint64_t from, uint64_t to, uint64_t size)
{
    put_prefix(dump, 1, 48, time);
    put_u64(dump, 77 | 77ull << 32);
    put_u64(dump, to);
    put_u64(dump, from);
    put_u64(dump, to);
    put_u64(dump, size);
    put_u64(dump, 1);
}

/* Two rows of one file, the second told by the mark for the same file. */
static void put_lines(struct str *dump, uint64_t address, uint64_t first_row, const char *file)
{
    put_prefix(dump, 2, 16 + 16 + strlen(file) + 1 + 16 + 2, 0);
    put_u64(dump, address);
    put_u64(dump, 2);
    put_u64(dump, first_row);
    put_u32(dump, 10);
    put_u32(dump, 0);
    put(dump, file, strlen(file) + 1);
    put_u64(dump, first_row + 16);
    put_u32(dump, 20);
    put_u32(dump, 0);
    put(dump, "\xff", 2);
}

static void a_dump_tells_what_was_where_and_when(void **state)
{
    (void)state;
    struct str dump = {0};
    struct jit_code code = {0};
    struct jit_place place;
    put_header(&dump);
    put_lines(&dump, 0x1000, 0x1000, "/app/Main.java");
    put_load(&dump, 100, 0x1000, 0x40, "old");
    put_prefix(&dump, 9, 8, 0); /* unknown */
    put_u64(&dump, 0);
    put_move(&dump, 200, 0x1000, 0x5000, 0x40);
    put_load(&dump, 300, 0x1020, 0x40, "new");
    assert_int_equal(jit_code_parse(&code, dump.text, dump.length, NULL), 0);
    assert_true(jit_code_find(&code, 0x1018, 150, &place));
    assert_string_equal(place.name, "old");
    assert_string_equal(place.file, "/app/Main.java");
    assert_int_equal(place.line, 20);
    assert_string_equal(name_at(&code, 0x5018, 250), "old");
    assert_string_equal(name_at(&code, 0x1030, 150), "old");
    assert_string_equal(name_at(&code, 0x1030, 350), "new");
    assert_string_equal(name_at(&code, 0x9000, 350), "none");
    jit_code_free(&code);
    str_free(&dump);
}

static void lines_that_make_no_sense_are_left_out(void **state)
{
    (void)state;
    struct str dump = {0};
    struct jit_code code = {0};
    struct jit_place place;
    put_header(&dump);
    put_lines(&dump, 0x1000, 0x900000, "/app/a.js");
    put_load(&dump, 100, 0x1000, 0x40, "far");
    put_lines(&dump, 0x2000, 0x2000, "\xa9\xf8");
    put_load(&dump, 100, 0x2000, 0x40, "garbage");
    put_lines(&dump, 0x3000, 0x3040, "/app/a.js"); /* V8 counts a header of 64 bytes before the code */
    put_load(&dump, 100, 0x3000, 0x40, "JS:*parse /app/a.js:1:5");
    assert_int_equal(jit_code_parse(&code, dump.text, dump.length, NULL), 0);
    assert_true(jit_code_find(&code, 0x1001, 100, &place) && !place.file);
    assert_true(jit_code_find(&code, 0x2001, 100, &place) && !place.file);
    assert_true(jit_code_find(&code, 0x3001, 100, &place));
    assert_int_equal(place.line, 10);
    jit_code_free(&code);
    str_free(&dump);
}

static void check_split(const char *name, const char *function, const char *file, uint32_t line)
{
    struct arena arena = {0};
    struct jit_place place;
    assert_int_equal(jit_name_split(&arena, name, &place, NULL), 0);
    assert_string_equal(place.name, function);
    assert_string_equal(place.file ? place.file : "none", file);
    assert_int_equal(place.line, line);
    arena_free(&arena);
}

static void names_tell_what_is_still_interpreted(void **state)
{
    (void)state;
    static const char *const names[] = {"JS:~parse /app/a.js:1:2", "JS:*parse /app/a.js:1:2",
                                        "LazyCompile:~parse a.js:3", "JS:^parse a.js:3", "Builtin:~odd"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct arena arena = {0};
        struct jit_place place;
        assert_int_equal(jit_name_split(&arena, names[i], &place, NULL), 0);
        assert_int_equal(place.is_interpreted, i == 0 || i == 2);
        arena_free(&arena);
    }
}

static void names_are_taken_apart(void **state)
{
    (void)state;
    check_split("JS:*parseRow /app/main.js:12:7", "parseRow", "/app/main.js", 12);
    check_split("LazyCompile:~parse a b.js:3", "parse", "a b.js", 3);
    check_split("JS:^ file:///app/x.mjs:1:1", "(anonymous)", "file:///app/x.mjs", 1);
    check_split("JS:~no place", "no", "place", 0);
    check_split("JS:~alone", "JS:~alone", "none", 0);
    check_split("py::Reader.parse:/app/main.py", "Reader.parse", "/app/main.py", 0);
    check_split("py::odd", "py::odd", "none", 0);
    check_split("Lcom/x/Main;::run", "Lcom/x/Main;::run", "none", 0);
    check_split("Builtin:Call", "Builtin:Call", "none", 0);
    check_split("", "", "none", 0);
}

static void damage_is_survived(void **state)
{
    (void)state;
    struct str dump = {0};
    put_header(&dump);
    for (uint64_t i = 0; i < 8; i++) {
        put_lines(&dump, 0x1000 * i, 0x1000 * i, "/app/a.js");
        put_load(&dump, i, 0x1000 * i, 0x800, "JS:*parse /app/a.js:1:5");
        put_move(&dump, i, 0x1000 * i, 0x1000 * i + 64, 0x800);
    }
    srand(3);
    for (int round = 0; round < 2000; round++) {
        char *copy = malloc(dump.length);
        assert_non_null(copy);
        memcpy(copy, dump.text, dump.length);
        for (int flip = 0; flip < 1 + round % 16; flip++)
            copy[8 + (size_t)rand() % (dump.length - 8)] = (char)rand();
        size_t length = round % 4 ? dump.length : (size_t)rand() % dump.length;
        struct jit_code code = {0};
        struct jit_place place;
        assert_int_equal(jit_code_parse(&code, copy, length, NULL), 0);
        for (uint64_t at = 0; at < 0x9000; at += 0x333)
            if (jit_code_find(&code, at, at, &place))
                assert_non_null(place.name);
        jit_code_free(&code);
        free(copy);
    }
    str_free(&dump);
}

int jit_code_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_compilers_may_hold_blanks),
        cmocka_unit_test(what_a_map_lists_later_was_not_there_before),
        cmocka_unit_test(a_dump_tells_what_was_where_and_when),
        cmocka_unit_test(lines_that_make_no_sense_are_left_out),
        cmocka_unit_test(names_tell_what_is_still_interpreted),
        cmocka_unit_test(names_are_taken_apart),
        cmocka_unit_test(damage_is_survived),
    };
    return cmocka_run_group_tests_name("jit_code", tests, NULL, NULL);
}
