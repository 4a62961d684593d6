/* SPDX-License-Identifier: Apache-2.0 */
/* Real programs and libraries: every row of their tables against what elfutils' libdw says of the same address. */
#include "unwind/table_build.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

int table_build_test(void);

static bool fd_read(void *context, uint64_t offset, void *buffer, size_t size)
{
    return pread(*(const int *)context, buffer, size, (off_t)offset) == (ssize_t)size;
}

#ifdef __x86_64__
/* What libdw says, in the table's words; false when the table has no words for it. */
static bool cfa_from(Dwarf_Frame *frame, struct unwind_rule *rule)
{
    Dwarf_Op *ops;
    size_t count;
    if (dwarf_frame_cfa(frame, &ops, &count) || count == 0)
        return false;
    if (count == 9 && /* breg7 8, breg16 0, lit15, and, lit N, ge, lit3, shl, plus */
        ops[0].atom == DW_OP_breg7 && ops[1].atom == DW_OP_breg16) {
        rule->cfa = UNWIND_CFA_PLT;
        rule->cfa_offset = (int32_t)ops[0].number;
        rule->cfa_more = ops[4].atom - DW_OP_lit0;
        return true;
    }
    uint64_t number = ops[0].atom == DW_OP_bregx ? ops[0].number : ops[0].atom - (uint64_t)DW_OP_breg0;
    uint64_t offset = ops[0].atom == DW_OP_bregx ? ops[0].number2 : ops[0].number;
    if (number != 3 && number != 6 && number != 7)
        return false;
    rule->cfa_offset = (int32_t)offset;
    if (count == 1) {
        rule->cfa = number == 7 ? UNWIND_CFA_SP : number == 6 ? UNWIND_CFA_BP : UNWIND_CFA_BASE;
        return true;
    }
    if (number == 3)
        return false;
    if (ops[1].atom != DW_OP_deref || count > 3 || (count == 3 && ops[2].atom != DW_OP_plus_uconst))
        return false;
    rule->cfa = number == 7 ? UNWIND_CFA_SP_DEREF : UNWIND_CFA_BP_DEREF;
    rule->cfa_more = count == 3 ? (int32_t)ops[2].number : 0;
    return true;
}

static bool value_from(Dwarf_Frame *frame, int number, uint8_t *ret_kind, int32_t *ret_offset)
{
    Dwarf_Op room[3], *ops = NULL;
    size_t count = 0;
    *ret_kind = UNWIND_SAME;
    *ret_offset = 0;
    if (dwarf_frame_register(frame, number, room, &ops, &count))
        return false;
    if (count == 0) {
        *ret_kind = ops == room ? UNWIND_UNDEFINED : UNWIND_SAME;
        return true;
    }
    bool is_pushed = ops[0].atom == DW_OP_call_frame_cfa; /* as DWARF wants before any expression */
    if (is_pushed && (count == 1 || (count == 2 && ops[1].atom == DW_OP_plus_uconst))) {
        *ret_kind = UNWIND_AT_CFA;
        *ret_offset = count == 2 ? (int32_t)ops[1].number : 0;
        return true;
    }
    ops += is_pushed;
    *ret_kind = ops[0].atom == DW_OP_breg7 ? UNWIND_AT_SP : UNWIND_AT_BP;
    *ret_offset = (int32_t)ops[0].number;
    return count - is_pushed == 1 && (ops[0].atom == DW_OP_breg7 || ops[0].atom == DW_OP_breg6);
}

/* Rule 0 when the table cannot say it. */
static struct unwind_rule rule_from(Dwarf_CFI *cfi, uint64_t address)
{
    struct unwind_rule rule = {0}, unknown = {0};
    Dwarf_Frame *frame;
    bool is_signal = false;
    if (dwarf_cfi_addrframe(cfi, address, &frame))
        return unknown;
    bool has_cfa = cfa_from(frame, &rule);
    bool has_back = value_from(frame, 16, &rule.return_address, &rule.return_address_offset);
    if (!value_from(frame, 6, &rule.frame_pointer, &rule.frame_pointer_offset)) {
        rule.frame_pointer = UNWIND_UNDEFINED;
        rule.frame_pointer_offset = 0;
    }
    if (!value_from(frame, 3, &rule.base, &rule.base_offset)) {
        rule.base = UNWIND_UNDEFINED;
        rule.base_offset = 0;
    } else if (rule.base == UNWIND_UNDEFINED) {
        rule.base = UNWIND_SAME; /* libdw's word for what no instruction speaks of; calls leave it alone */
    }
    dwarf_frame_info(frame, NULL, NULL, &is_signal);
    rule.flags = is_signal ? UNWIND_SIGNAL : 0;
    free(frame);
    if (has_back && rule.return_address == UNWIND_UNDEFINED)
        return (struct unwind_rule){.cfa = UNWIND_CFA_SP, .return_address = UNWIND_UNDEFINED};
    return has_cfa && has_back ? rule : unknown;
}

static uint64_t address_of(const struct frame_image *image, uint64_t place)
{
    for (size_t i = 0; i < image->segments.count; i++) {
        const struct frame_segment *segment = &image->segments.items[i];
        if (place >= segment->offset && place - segment->offset < segment->size)
            return segment->address + (place - segment->offset);
    }
    fail_msg("place %llx is in no segment", (unsigned long long)place);
    return 0;
}

struct difference {
    size_t checked, unknown, different;
    uint64_t place;
};

static struct difference compare(int fd, const struct frame_image *image, const struct unwind_table *table)
{
    struct difference difference = {0};
    Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
    Dwarf_CFI *cfi = dwarf_getcfi_elf(elf);
    assert_non_null(cfi);
    for (uint32_t row = 0; row < table->row_count; row++) {
        struct unwind_rule said = table->rules[table->rule_indexes[row]], wanted = {0};
        if (said.cfa == UNWIND_CFA_NONE && row + 1 == table->row_count)
            continue; /* behind the last function */
        wanted = rule_from(cfi, address_of(image, table->places[row]));
        difference.checked++;
        difference.unknown += said.cfa == UNWIND_CFA_NONE;
        if (memcmp(&said, &wanted, sizeof said) != 0 && !difference.different++)
            difference.place = table->places[row];
    }
    dwarf_cfi_end(cfi);
    elf_end(elf);
    return difference;
}

/* False when there is no such file here. */
static bool check_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct frame_file file = {.read = fd_read, .context = &fd};
    struct frame_image image;
    struct unwind_table table = {0};
    void *bytes;
    size_t size;
    if (fd < 0)
        return false;
    elf_version(EV_CURRENT);
    assert_int_equal(frame_image_read(&file, &image, NULL), 0);
    assert_int_equal(table_build(&file, &image, &bytes, &size, NULL), 0);
    assert_non_null(bytes);
    assert_true(unwind_table_open(bytes, size, &table));
    struct difference difference = compare(fd, &image, &table);
    print_message("# %s: %u rows, %u rules, %zu bytes; %zu rows compared, %zu not known\n", path,
                  table.row_count, table.rule_count, size, difference.checked, difference.unknown);
    if (difference.different)
        fail_msg("%zu of %zu rows differ, the first at place %llx", difference.different, difference.checked,
                 (unsigned long long)difference.place);
    assert_true(difference.checked > 1000);
    free(bytes);
    frame_image_free(&image);
    close(fd);
    return true;
}

static void every_row_says_what_libdw_says(void **state)
{
    static const char *const paths[] = {"/bin/bash", "/lib/x86_64-linux-gnu/libc.so.6",
                                        "/usr/lib/x86_64-linux-gnu/libstdc++.so.6", "/lib64/libc.so.6"};
    size_t found = 0;
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        found += check_file(paths[i]);
    if (!found) {
        print_message("# skipped: none of the files is here\n");
        skip();
    }
}
#endif

struct memory {
    const uint8_t *bytes;
    size_t size;
};

static bool memory_read(void *context, uint64_t offset, void *buffer, size_t size)
{
    const struct memory *memory = context;
    if (offset > memory->size || size > memory->size - offset)
        return false;
    memcpy(buffer, memory->bytes + offset, size);
    return true;
}

static void a_file_that_is_no_program_has_no_table(void **state)
{
    static const char *const texts[] = {"", "x", "\177ELF", "#!/bin/sh\nexit 0\n"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct memory memory = {(const uint8_t *)texts[i], strlen(texts[i])};
        struct frame_file file = {.read = memory_read, .context = &memory};
        struct frame_image image;
        void *bytes;
        size_t size;
        assert_int_equal(frame_image_read(&file, &image, NULL), 0);
        assert_int_equal(image.machine, 0);
        assert_int_equal(table_build(&file, &image, &bytes, &size, NULL), 0);
        assert_null(bytes);
        frame_image_free(&image);
    }
}

int table_build_test(void)
{
    const struct CMUnitTest tests[] = {
#ifdef __x86_64__
        cmocka_unit_test(every_row_says_what_libdw_says),
#endif
        cmocka_unit_test(a_file_that_is_no_program_has_no_table),
    };
    return cmocka_run_group_tests_name("table_build", tests, NULL, NULL);
}
