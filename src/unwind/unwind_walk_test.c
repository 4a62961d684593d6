/* SPDX-License-Identifier: Apache-2.0 */
/* Stacks made by hand, each way a walk ends, and this test's own stack against the C library's backtrace. */
#include "unwind/unwind_walk.h"

#include <elf.h>
#include <execinfo.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "unwind/unwind_tables.h"

int unwind_walk_test(void);

#define CODE  0x400000u /* where the made-up file is mapped */
#define STACK 0x7000u
#define WORDS 32

/* Rules of a made-up file: from place 0x100 on rule 1, and so on. */
static const struct unwind_rule rules[] = {
    {0},
    {.cfa = UNWIND_CFA_SP, .cfa_offset = 16, .return_address = UNWIND_AT_CFA, .return_address_offset = -8},
    {.cfa = UNWIND_CFA_BP,
     .cfa_offset = 16,
     .return_address = UNWIND_AT_CFA,
     .return_address_offset = -8,
     .frame_pointer = UNWIND_AT_CFA,
     .frame_pointer_offset = -16},
    {.cfa = UNWIND_CFA_SP, .return_address = UNWIND_UNDEFINED},
    {.cfa = UNWIND_CFA_SP_DEREF,
     .cfa_offset = 16,
     .return_address = UNWIND_AT_SP,
     .return_address_offset = 24,
     .flags = UNWIND_SIGNAL},
    {.cfa = UNWIND_CFA_PLT,
     .cfa_offset = 8,
     .cfa_more = 11,
     .return_address = UNWIND_AT_CFA,
     .return_address_offset = -8},
    {.cfa = UNWIND_CFA_SP,
     .cfa_offset = 8,
     .return_address = UNWIND_AT_CFA,
     .return_address_offset = -8,
     .frame_pointer = UNWIND_AT_CFA,
     .frame_pointer_offset = -16},
    {.cfa = UNWIND_CFA_BASE,
     .cfa_offset = 16,
     .return_address = UNWIND_AT_CFA,
     .return_address_offset = -8,
     .base = UNWIND_AT_CFA,
     .base_offset = -16},
};
static const uint32_t places[] = {0x100, 0x200, 0x300, 0x400, 0x500, 0x600, 0x680, 0x700};
static const uint16_t indexes[] = {1, 2, 3, 4, 5, 6, 7, 0};

static struct unwind_table table = {.rules = rules,
                                    .places = places,
                                    .rule_indexes = indexes,
                                    .rule_count = 8,
                                    .row_count = 8,
                                    .machine = EM_X86_64};

static bool find(void *context, uint64_t address, struct unwind_code *ret_code)
{
    (void)context;
    *ret_code = (struct unwind_code){.table = &table, .bias = CODE};
    return address >= CODE && address < CODE + 0x1000;
}

struct walked {
    uint64_t addresses[16];
    size_t count;
    enum unwind_end end;
};

static struct walked walk(uint64_t ip, uint64_t bp, const uint64_t *words, size_t count)
{
    struct walked walked = {0};
    struct unwind_input input = {
        .registers = {.ip = ip, .sp = STACK, .bp = bp, .base = bp},
        .stack = {.bytes = (const uint8_t *)words, .size = count * sizeof *words, .address = STACK},
        .find = find};
    walked.count = unwind_walk(&input, walked.addresses, 16, &walked.end);
    return walked;
}

static void callers_are_found_up_to_where_the_thread_began(void **state)
{
    const uint64_t words[WORDS] = {[1] = CODE + 0x240, [4] = 0, [5] = CODE + 0x340};
    struct walked walked = walk(CODE + 0x110, STACK + 32, words, WORDS);
    (void)state;
    assert_int_equal(walked.end, UNWIND_ROOT);
    assert_int_equal(walked.count, 3);
    assert_int_equal(walked.addresses[0], CODE + 0x110);
    assert_int_equal(walked.addresses[1], CODE + 0x240);
    assert_int_equal(walked.addresses[2], CODE + 0x340);
}

/* Between the instruction that took the frame pointer off the stack and the return it is said to lie below. */
static void a_frame_pointer_that_was_popped_is_in_its_register(void **state)
{
    const uint64_t words[WORDS] = {[0] = CODE + 0x240, [4] = 0, [5] = CODE + 0x340};
    struct walked walked = walk(CODE + 0x610, STACK + 32, words, WORDS);
    (void)state;
    assert_int_equal(walked.end, UNWIND_ROOT);
    assert_int_equal(walked.count, 3);
    assert_int_equal(walked.addresses[1], CODE + 0x240);
}

/* It has no register on x86-64: a frame pointer that points to nonsense does not make a thread's start. */
static void a_return_address_below_the_stack_is_no_root(void **state)
{
    const uint64_t words[WORDS] = {[0] = CODE + 0x240};
    struct walked walked = walk(CODE + 0x210, STACK - 12, words, WORDS);
    (void)state;
    assert_int_equal(walked.end, UNWIND_IMPLAUSIBLE);
    assert_int_equal(walked.count, 1);
}

/* Two frames that are found by the base register, which each saves where the other said. */
static void frames_may_hang_on_another_register(void **state)
{
    const uint64_t words[WORDS] = {[4] = STACK + 64, [5] = CODE + 0x690, [8] = 0, [9] = CODE + 0x340};
    struct walked walked = walk(CODE + 0x690, STACK + 32, words, WORDS);
    (void)state;
    assert_int_equal(walked.end, UNWIND_ROOT);
    assert_int_equal(walked.count, 3);
    assert_int_equal(walked.addresses[1], CODE + 0x690);
}

/* A call that never returns may be the last instruction: what is behind it is another function. */
static void a_caller_is_looked_up_where_the_call_is(void **state)
{
    const uint64_t words[WORDS] = {[1] = CODE + 0x400};
    struct walked walked = walk(CODE + 0x110, 0, words, WORDS);
    (void)state;
    assert_int_equal(walked.end, UNWIND_ROOT);
    assert_int_equal(walked.count, 2);
}

static void a_signal_goes_on_where_it_hit(void **state)
{
    const uint64_t words[WORDS] = {[2] = STACK + 64, [3] = CODE + 0x300};
    struct walked walked = walk(CODE + 0x410, 0, words, WORDS);
    (void)state;
    assert_int_equal(walked.end, UNWIND_ROOT);
    assert_int_equal(walked.count, 2);
    assert_int_equal(walked.addresses[1], CODE + 0x301); /* one less is the place */
}

static void an_entry_of_the_plt_has_one_word_or_two(void **state)
{
    const uint64_t words[WORDS] = {[0] = CODE + 0x340, [1] = CODE + 0x350};
    struct walked one = walk(CODE + 0x500, 0, words, WORDS), two = walk(CODE + 0x50b, 0, words, WORDS);
    (void)state;
    assert_int_equal(one.addresses[1], CODE + 0x340);
    assert_int_equal(two.addresses[1], CODE + 0x350);
}

static void a_copy_that_is_too_short_cuts_the_walk(void **state)
{
    const uint64_t words[WORDS] = {[1] = CODE + 0x110, [3] = CODE + 0x110, [5] = CODE + 0x340};
    struct walked walked = walk(CODE + 0x110, 0, words, 4);
    (void)state;
    assert_int_equal(walked.end, UNWIND_CUT);
    assert_int_equal(walked.count, 3);
}

static void what_is_no_code_is_no_caller(void **state)
{
    const uint64_t words[WORDS] = {[1] = 0x1234};
    struct walked walked = walk(CODE + 0x110, 0, words, WORDS);
    (void)state;
    assert_int_equal(walked.end, UNWIND_IMPLAUSIBLE);
    assert_int_equal(walked.count, 1);
}

static void code_without_a_rule_is_walked_by_frame_pointers(void **state)
{
    const uint64_t words[WORDS] = {[2] = STACK + 48, [3] = CODE + 0x710, [6] = 0, [7] = CODE + 0x720};
    struct walked walked = walk(CODE + 0x708, STACK + 16, words, WORDS);
    struct walked lost = walk(CODE + 0x708, 5, words, WORDS);
    (void)state;
    assert_int_equal(walked.end, UNWIND_ROOT); /* a frame pointer of 0 */
    assert_int_equal(walked.count, 3);
    assert_int_equal(lost.end, UNWIND_NO_RULE);
    assert_int_equal(lost.count, 1);
}

static void a_walk_never_goes_down_nor_on_for_ever(void **state)
{
    uint64_t words[WORDS];
    (void)state;
    for (size_t i = 0; i < WORDS; i++)
        words[i] = CODE + 0x110;
    struct walked walked = walk(CODE + 0x110, 0, words, WORDS);
    assert_int_equal(walked.end, UNWIND_FULL);
    assert_int_equal(walked.count, 16);
    words[2] = STACK; /* the caller's frame pointer leads back here */
    words[3] = CODE + 0x210;
    walked = walk(CODE + 0x210, STACK + 16, words, WORDS);
    assert_int_equal(walked.end, UNWIND_IMPLAUSIBLE);
    assert_int_equal(walked.count, 2);
}

#ifdef __x86_64__
#define FILE_MAX   32
#define COPY_BYTES (64 << 10)

struct own_file {
    uint64_t low, high, offset;
    char path[256];
    struct unwind_file file;
};

struct own {
    struct own_file files[FILE_MAX];
    size_t count;
};

static void own_read(struct own *own)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[512];
    assert_non_null(maps);
    while (own->count < FILE_MAX && fgets(line, sizeof line, maps)) {
        struct own_file *file = &own->files[own->count];
        char permissions[8];
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %*s %*s %255s", &file->low, &file->high,
                   permissions, &file->offset, file->path) == 5 && /* NOLINT(cert-err34-c) */
            permissions[2] == 'x' &&
            file->path[0] == '/')
            own->count++;
    }
    fclose(maps);
    for (size_t i = 0; i < own->count; i++) {
        int fd = open(own->files[i].path, O_RDONLY | O_CLOEXEC);
        assert_int_equal(unwind_file_load_fd("", fd, &own->files[i].file, NULL), 0);
        close(fd);
    }
}

static bool own_find(void *context, uint64_t address, struct unwind_code *ret_code)
{
    const struct own *own = context;
    for (size_t i = 0; i < own->count; i++) {
        const struct own_file *file = &own->files[i];
        if (address >= file->low && address < file->high) {
            *ret_code = (struct unwind_code){.table = file->file.bytes ? &file->file.table : NULL,
                                             .bias = file->low - file->offset};
            return true;
        }
    }
    return false;
}

/* Callers between here and the test's main are of any kind: the library that runs the tests, the C library. */
static void this_stack_is_what_backtrace_says(void **state)
{
    struct own own = {0};
    void *known[64];
    uint64_t addresses[64];
    struct unwind_input input = {.find = own_find, .context = &own};
    enum unwind_end end;
    (void)state;
    own_read(&own);
    int known_count = backtrace(known, 64);
    __asm__ volatile("leaq 0(%%rip), %0\n\tmovq %%rsp, %1\n\tmovq %%rbp, %2\n\tmovq %%rbx, %3"
                     : "=&r"(input.registers.ip), "=&r"(input.registers.sp), "=&r"(input.registers.bp),
                       "=&r"(input.registers.base));
    uint64_t *copy = malloc(COPY_BYTES);
    assert_non_null(copy);
    struct iovec here = {copy, COPY_BYTES}, there = {(void *)input.registers.sp, COPY_BYTES};
    ssize_t bytes = process_vm_readv(getpid(), &here, 1, &there, 1, 0); /* up to the stack's end */
    assert_true(bytes > 0);
    input.stack = (struct unwind_stack){(const uint8_t *)copy, (size_t)bytes, input.registers.sp};
    size_t count = unwind_walk(&input, addresses, 64, &end);
    assert_int_equal(end, UNWIND_ROOT);
    /* Under a sanitizer backtrace has a frame of its own. */
    assert_in_range(known_count, count, count + 1);
    for (size_t i = 1; i < count; i++)
        assert_int_equal(addresses[count - i], (uint64_t)known[(size_t)known_count - i]);
    free(copy);
    for (size_t i = 0; i < own.count; i++)
        unwind_file_free(&own.files[i].file);
}
#endif

int unwind_walk_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(callers_are_found_up_to_where_the_thread_began),
        cmocka_unit_test(a_frame_pointer_that_was_popped_is_in_its_register),
        cmocka_unit_test(a_return_address_below_the_stack_is_no_root),
        cmocka_unit_test(frames_may_hang_on_another_register),
        cmocka_unit_test(a_caller_is_looked_up_where_the_call_is),
        cmocka_unit_test(a_signal_goes_on_where_it_hit),
        cmocka_unit_test(an_entry_of_the_plt_has_one_word_or_two),
        cmocka_unit_test(a_copy_that_is_too_short_cuts_the_walk),
        cmocka_unit_test(what_is_no_code_is_no_caller),
        cmocka_unit_test(code_without_a_rule_is_walked_by_frame_pointers),
        cmocka_unit_test(a_walk_never_goes_down_nor_on_for_ever),
#ifdef __x86_64__
        cmocka_unit_test(this_stack_is_what_backtrace_says),
#endif
    };
    return cmocka_run_group_tests_name("unwind_walk", tests, NULL, NULL);
}
