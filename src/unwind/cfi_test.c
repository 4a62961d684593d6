/* SPDX-License-Identifier: Apache-2.0 */
/* Sections made by hand: what each kind of instruction does to the rows. */
#include "unwind/cfi.h"

#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

int cfi_test(void);

#define ROW_MAX 16

struct seen {
    size_t function_count, row_count;
    struct cfi_function functions[4];
    uint64_t addresses[ROW_MAX];
    struct unwind_rule rules[ROW_MAX];
};

static int on_function(void *context, const struct cfi_function *function, bool *ret_wanted, struct err *err)
{
    struct seen *seen = context;
    (void)err;
    if (seen->function_count < 4)
        seen->functions[seen->function_count] = *function;
    seen->function_count++;
    *ret_wanted = true;
    return 0;
}

static int on_row(void *context, uint64_t address, const struct unwind_rule *rule, struct err *err)
{
    struct seen *seen = context;
    (void)err;
    if (seen->row_count < ROW_MAX) {
        seen->addresses[seen->row_count] = address;
        seen->rules[seen->row_count] = *rule;
    }
    seen->row_count++;
    return 0;
}

/* An entry whose length is filled in when it is closed. */
struct section {
    uint8_t bytes[512];
    size_t size, entry;
};

static void put(struct section *section, const void *bytes, size_t size)
{
    assert_true(size <= sizeof section->bytes - section->size);
    memcpy(section->bytes + section->size, bytes, size);
    section->size += size;
}

static void put_u32(struct section *section, uint32_t value)
{
    put(section, &value, sizeof value);
}

static void entry_begin(struct section *section)
{
    section->entry = section->size;
    put_u32(section, 0);
}

static void entry_end(struct section *section)
{
    while (section->size % 8)
        put(section, "", 1);
    uint32_t length = (uint32_t)(section->size - section->entry - 4);
    memcpy(section->bytes + section->entry, &length, sizeof length);
}

/* "zR", relative addresses of four bytes; CFA = sp + 8, the return address at CFA - 8. */
static void common_put(struct section *section)
{
    static const uint8_t body[] = {1, 'z', 'R', 0, 1, 0x78, 16, 1, 0x1b, 0x0c, 7, 8, 0x90, 1};
    entry_begin(section);
    put_u32(section, 0);
    put(section, body, sizeof body);
    entry_end(section);
}

/* A function of that length at 0x5000 (the section is at 0x1000) after `common`, which is at 0. */
static void function_put(struct section *section, uint32_t length, const void *program, size_t size)
{
    entry_begin(section);
    put_u32(section, (uint32_t)section->size);
    put_u32(section, 0x5000u - (0x1000u + (uint32_t)section->size));
    put_u32(section, length);
    put(section, "", 1);
    put(section, program, size);
    entry_end(section);
}

static struct seen visit(const struct section *section)
{
    struct seen seen = {0};
    struct cfi_section frames = {
        .bytes = section->bytes, .size = section->size, .address = 0x1000, .machine = EM_X86_64};
    struct cfi_visitor visitor = {.context = &seen, .function = on_function, .row = on_row};
    assert_int_equal(cfi_visit(&frames, &visitor, NULL), 0);
    return seen;
}

static struct seen visit_program(const void *program, size_t size)
{
    struct section section = {0};
    common_put(&section);
    function_put(&section, 100, program, size);
    return visit(&section);
}

static void a_function_that_pushes_its_frame_pointer_has_three_rows(void **state)
{
    static const uint8_t program[] = {0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0x02, 90, 0x0c, 7, 8};
    struct seen seen = visit_program(program, sizeof program);
    (void)state;
    assert_int_equal(seen.function_count, 1);
    assert_int_equal(seen.functions[0].low, 0x5000);
    assert_int_equal(seen.functions[0].high, 0x5000 + 100);
    assert_int_equal(seen.row_count, 4);
    const uint64_t addresses[] = {0x5000, 0x5001, 0x5004, 0x505e};
    const struct unwind_rule rules[] = {
        {.cfa = UNWIND_CFA_SP, .cfa_offset = 8, .return_address = UNWIND_AT_CFA, .return_address_offset = -8},
        {.cfa = UNWIND_CFA_SP,
         .cfa_offset = 16,
         .return_address = UNWIND_AT_CFA,
         .return_address_offset = -8,
         .frame_pointer = UNWIND_AT_CFA,
         .frame_pointer_offset = -16},
        {.cfa = UNWIND_CFA_BP,
         .cfa_offset = 16,
         .return_address = UNWIND_AT_CFA,
         .return_address_offset = -8,
         .frame_pointer = UNWIND_AT_CFA,
         .frame_pointer_offset = -16},
        {.cfa = UNWIND_CFA_SP,
         .cfa_offset = 8,
         .return_address = UNWIND_AT_CFA,
         .return_address_offset = -8,
         .frame_pointer = UNWIND_AT_CFA,
         .frame_pointer_offset = -16}};
    assert_memory_equal(seen.addresses, addresses, sizeof addresses);
    assert_memory_equal(seen.rules, rules, sizeof rules);
}

static void a_remembered_state_comes_back(void **state)
{
    static const uint8_t program[] = {0x41, 0x0e, 32, 0x0a, 0x41, 0x0e, 8, 0x41, 0x0b};
    struct seen seen = visit_program(program, sizeof program);
    (void)state;
    assert_int_equal(seen.row_count, 4);
    assert_int_equal(seen.rules[1].cfa_offset, 32);
    assert_int_equal(seen.rules[2].cfa_offset, 8);
    assert_int_equal(seen.rules[3].cfa_offset, 32);
}

static void an_undefined_return_address_is_the_stacks_end(void **state)
{
    static const uint8_t program[] = {0x07, 16};
    struct seen seen = visit_program(program, sizeof program);
    (void)state;
    assert_int_equal(seen.row_count, 1);
    assert_int_equal(seen.rules[0].return_address, UNWIND_UNDEFINED);
}

static void the_linkers_table_of_calls_is_known(void **state)
{
    static const uint8_t program[] = {0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22};
    struct seen seen = visit_program(program, sizeof program);
    (void)state;
    assert_int_equal(seen.row_count, 1);
    assert_int_equal(seen.rules[0].cfa, UNWIND_CFA_PLT);
    assert_int_equal(seen.rules[0].cfa_offset, 8);
    assert_int_equal(seen.rules[0].cfa_more, 11);
}

/* main with a realigned stack: the frame lies where the word below the frame pointer says. */
static void a_frame_found_through_memory_is_known(void **state)
{
    static const uint8_t program[] = {0x0f, 3, 0x76, 0x78, 0x06, 0x10, 6, 2, 0x76, 0};
    struct seen seen = visit_program(program, sizeof program);
    (void)state;
    assert_int_equal(seen.rules[0].cfa, UNWIND_CFA_BP_DEREF);
    assert_int_equal(seen.rules[0].cfa_offset, -8);
    assert_int_equal(seen.rules[0].frame_pointer, UNWIND_AT_BP);
}

static void a_frame_at_another_register_is_not_known(void **state)
{
    static const uint8_t program[] = {0x41, 0x0c, 10, 0, 0x41, 0x0c, 7, 24};
    struct seen seen = visit_program(program, sizeof program);
    (void)state;
    assert_int_equal(seen.row_count, 3);
    assert_int_equal(seen.rules[1].cfa, UNWIND_CFA_NONE);
    assert_int_equal(seen.rules[2].cfa_offset, 24);
}

static void what_follows_nonsense_is_not_known(void **state)
{
    static const uint8_t program[] = {0x41, 0x0e, 16, 0x41, 0x3e, 0x0e, 24};
    struct seen seen = visit_program(program, sizeof program);
    (void)state;
    assert_int_equal(seen.row_count, 3);
    assert_int_equal(seen.rules[1].cfa_offset, 16);
    assert_int_equal(seen.rules[2].cfa, UNWIND_CFA_NONE);
}

static void entries_that_point_nowhere_are_passed_over(void **state)
{
    struct section section = {0};
    (void)state;
    entry_begin(&section);
    put_u32(&section, 0x7fffffff);
    put_u32(&section, 1);
    put_u32(&section, 2);
    entry_end(&section);
    assert_int_equal(visit(&section).function_count, 0);
    section = (struct section){0};
    common_put(&section);
    section.size -= 3;
    assert_int_equal(visit(&section).function_count, 0);
}

int cfi_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_function_that_pushes_its_frame_pointer_has_three_rows),
        cmocka_unit_test(a_remembered_state_comes_back),
        cmocka_unit_test(an_undefined_return_address_is_the_stacks_end),
        cmocka_unit_test(the_linkers_table_of_calls_is_known),
        cmocka_unit_test(a_frame_found_through_memory_is_known),
        cmocka_unit_test(a_frame_at_another_register_is_not_known),
        cmocka_unit_test(what_follows_nonsense_is_not_known),
        cmocka_unit_test(entries_that_point_nowhere_are_passed_over),
    };
    return cmocka_run_group_tests_name("cfi", tests, NULL, NULL);
}
