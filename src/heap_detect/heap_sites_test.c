/* SPDX-License-Identifier: Apache-2.0 */
#include "heap_detect/heap_sites.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "model/meta.h"

int heap_sites_test(void);

static void what_a_languages_library_allocates_is_its_callers(void **state)
{
    static const char *const library[] = {
        "std::vector<int, std::allocator<int> >::push_back",
        "void std::__cxx11::basic_string<char>::_M_construct<char*>",
        "operator new",
        "alloc::alloc::alloc",
        "<alloc::raw_vec::RawVec<u8>>::reserve",
        "<&mut alloc::string::String as core::fmt::Write::write_fmt::SpecWriteFmt>::spec_write_fmt",
        "<usize as core::fmt::LowerHex>::fmt",
        "core::slice::sort::stable::sort",
        "hashbrown::raw::RawTable<T,A>::reserve_rehash",
    };

    (void)state;
    for (size_t i = 0; i < sizeof library / sizeof library[0]; i++)
        if (!heap_site_is_library(library[i]))
            fail_msg("%s", library[i]);
}

static void what_the_program_defines_is_its_own(void **state)
{
    static const char *const own[] = {
        "main",
        "remember",
        "count::sorted",
        "<rows::Row as core::fmt::Display>::fmt",
        "<rows::Table<core::option::Option<u8>>>::grow",
        "allocate_rows",
        "core_dump",
        "stdlib_load",
        "<not closed",
    };

    (void)state;
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (heap_site_is_library(own[i]))
            fail_msg("%s", own[i]);
}

/* main, load, a list that grows; what a library of it does; and native code alone. */
static void a_site_of_python_ends_at_the_programs_own_line(void **state)
{
    struct run_frame frames[] = {
        {.function = "main", .module = MODULE_NAME_PYTHON, .file = "/srv/app.py", .line = 30},
        {.function = "load", .module = MODULE_NAME_PYTHON, .file = "/srv/app.py", .line = 9},
        {.function = "list_resize", .module = "/usr/bin/python3.11"},
        {.function = "dumps", .module = MODULE_NAME_PYTHON, .file = "/usr/lib/python3.11/json/__init__.py"},
        {.function = "malloc", .module = "/usr/lib/x86_64-linux-gnu/libc.so.6"}};
    struct run_stack stacks[] = {{.parent = RUN_NONE, .frame = 0}, {.parent = 0, .frame = 1},
                                 {.parent = 1, .frame = 2},        {.parent = 1, .frame = 3},
                                 {.parent = RUN_NONE, .frame = 2}, {.parent = 4, .frame = 4}};
    struct run run = {.frames = {.items = frames, .count = 5}, .stacks = {.items = stacks, .count = 6}};
    struct where where = {0};

    (void)state;
    assert_int_equal(heap_site_stack(&run, 2), 1);
    assert_int_equal(heap_site_stack(&run, 3), 1);
    assert_int_equal(heap_site_stack(&run, 5), 5);
    heap_site_place(&run, 2, &where);
    assert_string_equal(where.function, "load");
    assert_string_equal(where.file, "/srv/app.py");
    assert_int_equal(where.line, 9);
    heap_site_place(&run, 5, &where);
    assert_string_equal(where.function, "list_resize");
}

/* One line that fills a list: objects stay, in pages; the list's older tables are freed. And a line whose every kind is freed. */
static void what_a_line_keeps_is_known_beside_what_it_frees(void **state)
{
    struct run_frame frames[] = {
        {.function = "load", .module = MODULE_NAME_PYTHON, .file = "/srv/app.py", .line = 9},
        {.function = "list_resize", .module = "/usr/bin/python3.11"},
        {.function = "new_arena", .module = "/usr/bin/python3.11"},
        {.function = "scratch", .module = MODULE_NAME_PYTHON, .file = "/srv/app.py", .line = 20}};
    struct run_stack stacks[] = {{.parent = RUN_NONE, .frame = 0}, {.parent = 0, .frame = 1},
                                 {.parent = 0, .frame = 2},        {.parent = RUN_NONE, .frame = 3},
                                 {.parent = 3, .frame = 1},        {.parent = 3, .frame = 2}};
    const struct run run = {.frames = {.items = frames, .count = 4}, .stacks = {.items = stacks, .count = 6}};
    const struct row_heap rows[] = {
        {.stack = 2,
         .kind = ALLOCATION_MALLOC,
         .count = 90,
         .bytes = 72,
         .freed_count = 89,
         .freed_bytes = 64,
         .left_bytes = 8},
        {.stack = 3,
         .kind = ALLOCATION_PAGES,
         .count = 30,
         .bytes = 31,
         .freed_count = 1,
         .freed_bytes = 3,
         .left_bytes = 28},
        {.stack = 3, .kind = ALLOCATION_PAGES, .count = 30, .bytes = 33, .left_bytes = 33}, /* of a child */
        {.stack = 5,
         .kind = ALLOCATION_MALLOC,
         .count = 10,
         .bytes = 50,
         .freed_count = 10,
         .freed_bytes = 50},
        {.stack = 6,
         .kind = ALLOCATION_PAGES,
         .count = 2,
         .bytes = 50,
         .freed_count = 1,
         .freed_bytes = 25,
         .left_bytes = 25},
    };
    struct heap_sites sites = {0};
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(heap_sites_add(&sites, &run, &rows[i], &err), 0);
    heap_sites_end(&sites);
    assert_int_equal(sites.items.count, 2);
    const struct heap_site *keeps = &sites.items.items[0], *frees = &sites.items.items[1];
    assert_true(keeps->stack == 0 && frees->stack == 3);
    assert_int_equal(keeps->left_bytes, 69);
    assert_int_equal(keeps->held_bytes, 61);
    assert_false(keeps->is_pages);
    assert_int_equal(keeps->count - keeps->pages_count, 90); /* what the program asked the allocator for */
    assert_int_equal(keeps->freed_count - keeps->pages_freed_count, 89);
    assert_int_equal(frees->left_bytes, 25);
    assert_int_equal(frees->held_bytes, 0);
    heap_sites_free(&sites);
}

int heap_sites_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_languages_library_allocates_is_its_callers),
        cmocka_unit_test(what_the_program_defines_is_its_own),
        cmocka_unit_test(a_site_of_python_ends_at_the_programs_own_line),
        cmocka_unit_test(what_a_line_keeps_is_known_beside_what_it_frees),
    };
    return cmocka_run_group_tests_name("heap_sites", tests, NULL, NULL);
}
