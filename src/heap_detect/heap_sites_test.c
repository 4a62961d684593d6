/* SPDX-License-Identifier: Apache-2.0 */
#include "heap_detect/heap_sites.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

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

int heap_sites_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_languages_library_allocates_is_its_callers),
        cmocka_unit_test(what_the_program_defines_is_its_own),
    };
    return cmocka_run_group_tests_name("heap_sites", tests, NULL, NULL);
}
