/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "symbol/spin_loop.h"

#if defined(__x86_64__)

#define CODE(...) ((const uint8_t[]){__VA_ARGS__}), sizeof((const uint8_t[]){__VA_ARGS__})

static void a_loop_that_only_looks_spins(void **state)
{
    (void)state;
    /* 1: mov flag(%rip),%eax; test %eax,%eax; je 1b */
    assert_true(spin_loop_at(CODE(0x8b, 0x05, 0x10, 0x2e, 0, 0, 0x85, 0xc0, 0x74, 0xf6), 6));
    /* 1: cmpl $0,8(%rdi); je 1b */
    assert_true(spin_loop_at(CODE(0x83, 0x7f, 0x08, 0x00, 0x74, 0xfa), 4));
    /* 1: movzbl (%rbx),%eax; and $1,%eax; test %al,%al; jne 2f; jmp 1b; 2: */
    assert_true(
        spin_loop_at(CODE(0x0f, 0xb6, 0x03, 0x83, 0xe0, 0x01, 0x84, 0xc0, 0x75, 0x02, 0xeb, 0xf4, 0xc3), 3));
    /* 1: mov $1,%eax; xchg %eax,(%rdi); test %eax,%eax; jne 1b */
    assert_true(spin_loop_at(CODE(0xb8, 1, 0, 0, 0, 0x87, 0x07, 0x85, 0xc0, 0x75, 0xf5), 7));
    /* 1: xor %eax,%eax; lock cmpxchg %edx,(%rcx); jne 1b */
    assert_true(spin_loop_at(CODE(0x31, 0xc0, 0xf0, 0x0f, 0xb1, 0x11, 0x75, 0xf8), 6));
}

static void a_pause_tells_of_spinning_whatever_is_counted_beside(void **state)
{
    (void)state;
    /* pause; inc %ecx; cmp $100,%ecx; jne */
    assert_true(spin_loop_at(CODE(0xf3, 0x90, 0xff, 0xc1, 0x83, 0xf9, 0x64, 0x75, 0xf7), 2));
}

static void a_loop_that_does_something_does_not_spin(void **state)
{
    (void)state;
    /* 1: add (%rdi),%rax; add $8,%rdi; cmp %rdx,%rdi; jne 1b */
    assert_false(
        spin_loop_at(CODE(0x48, 0x03, 0x07, 0x48, 0x83, 0xc7, 0x08, 0x48, 0x39, 0xd7, 0x75, 0xf4), 3));
    /* 1: mov 8(%rax),%rax; test %rax,%rax; jne 1b: a walk along a list */
    assert_false(spin_loop_at(CODE(0x48, 0x8b, 0x40, 0x08, 0x48, 0x85, 0xc0, 0x75, 0xf7), 4));
    /* 1: imul %rdx,%rax; add %rcx,%rax; sub $1,%rsi; jne 1b */
    assert_false(
        spin_loop_at(CODE(0x48, 0x0f, 0xaf, 0xc2, 0x48, 0x01, 0xc8, 0x48, 0x83, 0xee, 0x01, 0x75, 0xf3), 4));
    /* 1: lea 1(%rax),%edx; lock cmpxchg %edx,(%rdi); jne 1b: counts */
    assert_false(spin_loop_at(CODE(0x8d, 0x50, 0x01, 0xf0, 0x0f, 0xb1, 0x17, 0x75, 0xf7), 3));
    /* mov (%rdi),%eax; ret: no loop */
    assert_false(spin_loop_at(CODE(0x8b, 0x07, 0xc3), 0));
    /* 1: test %eax,%eax; jne 1b: nothing is looked at */
    assert_false(spin_loop_at(CODE(0x85, 0xc0, 0x75, 0xfc), 0));
}

static void code_that_is_cut_off_is_no_loop(void **state)
{
    (void)state;
    static const uint8_t code[] = {0x8b, 0x05, 0x10, 0x2e, 0, 0, 0x85, 0xc0, 0x74, 0xf6};
    for (size_t size = 0; size < sizeof code; size++)
        for (size_t at = 0; at < sizeof code; at++)
            assert_false(spin_loop_at(code, size, at));
    assert_true(spin_loop_at(code, sizeof code, 0));
}

static void any_bytes_are_looked_at_safely(void **state)
{
    (void)state;
    uint64_t random = 1;
    uint8_t code[96];
    for (int round = 0; round < 20000; round++) {
        for (size_t i = 0; i < sizeof code; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            code[i] = (uint8_t)(random >> 56);
        }
        (void)spin_loop_at(code, random % sizeof code, (random >> 8) % sizeof code);
    }
}

int spin_loop_test(void);
int spin_loop_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loop_that_only_looks_spins),
        cmocka_unit_test(a_pause_tells_of_spinning_whatever_is_counted_beside),
        cmocka_unit_test(a_loop_that_does_something_does_not_spin),
        cmocka_unit_test(code_that_is_cut_off_is_no_loop),
        cmocka_unit_test(any_bytes_are_looked_at_safely),
    };
    return cmocka_run_group_tests_name("spin_loop", tests, NULL, NULL);
}

#else

static void other_machines_are_not_read(void **state)
{
    (void)state;
    assert_false(spin_loop_at((const uint8_t[]){0xf3, 0x90}, 2, 0));
}

int spin_loop_test(void);
int spin_loop_test(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(other_machines_are_not_read)};
    return cmocka_run_group_tests_name("spin_loop", tests, NULL, NULL);
}

#endif
