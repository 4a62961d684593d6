/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/guest_stack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

int guest_stack_test(void);

#define CODE        0x0000555555554000ull
#define STACK_WORDS 64u

/* A stack that is the words' own, and code that is not. */
struct fixture {
    struct guest_code code;
    struct guest_memos memos;
    uint64_t words[STACK_WORDS];
    struct guest_top top;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    if (!fixture)
        return -1;
    guest_code_add(&fixture->code, CODE, CODE + 4096);
    fixture->top = guest_top_of((uint64_t)(uintptr_t)fixture->words,
                                (struct guest_range){(uint64_t)(uintptr_t)fixture->words,
                                                     (uint64_t)(uintptr_t)(fixture->words + STACK_WORDS)},
                                1024);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static void the_top_ends_with_the_stack_or_the_page(void **state)
{
    struct fixture *fixture = *state;
    uint64_t address = (uint64_t)(uintptr_t)fixture->words;
    struct guest_range all = {address, address + STACK_WORDS * 8}, none = {0, 0};

    assert_int_equal(fixture->top.count, STACK_WORDS);
    assert_true(fixture->top.is_all);
    struct guest_top cut = guest_top_of(address, all, 10);
    assert_int_equal(cut.count, 10);
    assert_false(cut.is_all);
    assert_true(cut.high == all.high);
    struct guest_top foreign = guest_top_of((address & ~(uint64_t)4095) + 8, none, 1024);
    assert_int_equal(foreign.count, 511);
    assert_false(foreign.is_all);
    foreign = guest_top_of(address & ~(uint64_t)4095, none, 1024); /* what is above may be another's */
    assert_int_equal(foreign.count, 0);
    assert_int_equal(guest_top_of((uint64_t)-64, none, 1024).count, 0);
    assert_int_equal(guest_top_of(address + 4, all, 1024).count, 0); /* no word lies there */
}

/* A frame at words[at] that links to another; where it returns to. */
static uint64_t link_put(struct fixture *fixture, unsigned at, unsigned next, uint64_t address)
{
    fixture->words[at] = next ? (uint64_t)(uintptr_t)&fixture->words[next] : 0;
    fixture->words[at + 1] = address;
    return (uint64_t)(uintptr_t)&fixture->words[at];
}

static void frames_lead_from_caller_to_caller(void **state)
{
    struct fixture *fixture = *state;
    struct guest_chain chain;
    uint64_t first = link_put(fixture, 4, 10, CODE + 1);

    link_put(fixture, 10, 20, 0x7000000); /* made at run time: counts, since its frame leads on */
    link_put(fixture, 20, 0, CODE + 3);
    guest_walk(&fixture->code, CODE + 100, first, &fixture->top, &chain);
    assert_int_equal(chain.count, 4);
    assert_true(chain.addresses[0] == CODE + 100 && chain.addresses[1] == CODE + 1 &&
                chain.addresses[2] == 0x7000000 && chain.addresses[3] == CODE + 3);
    assert_true(chain.hash != 0); /* no table of a file tells of it */
    link_put(fixture, 10, 20, CODE + 2);
    guest_walk(&fixture->code, CODE + 100, first, &fixture->top, &chain);
    assert_true(chain.count == 4 && chain.hash == 0);
    link_put(fixture, 20, 0, 0x7000000); /* the last one is no code, and leads nowhere */
    guest_walk(&fixture->code, CODE + 100, first, &fixture->top, &chain);
    assert_int_equal(chain.count, 3);
    guest_walk(&fixture->code, CODE + 100, first - 800, &fixture->top, &chain);
    assert_int_equal(chain.count, 1); /* not on the stack */
}

/* Code without frame pointers may have an index there that runs to 0, or an error. */
static void a_frame_at_the_end_of_all_addresses_is_none(void **state)
{
    struct fixture *fixture = *state;
    struct guest_chain chain;

    for (uint64_t below = 8; below <= 64; below += 8) {
        guest_walk(&fixture->code, CODE + 100, 0 - below, &fixture->top, &chain);
        assert_int_equal(chain.count, 1);
        uint64_t first = link_put(fixture, 4, 0, CODE + 1);
        fixture->words[4] = 0 - below;
        guest_walk(&fixture->code, CODE + 100, first, &fixture->top, &chain);
        assert_int_equal(chain.count, 2);
    }
    link_put(fixture, STACK_WORDS - 2, 0, CODE + 2); /* the last that has room, and those that have none */
    uint64_t last = (uint64_t)(uintptr_t)&fixture->words[STACK_WORDS - 2];
    guest_walk(&fixture->code, CODE + 100, last, &fixture->top, &chain);
    assert_int_equal(chain.count, 2);
    guest_walk(&fixture->code, CODE + 100, last + 8, &fixture->top, &chain);
    assert_int_equal(chain.count, 1);
    guest_walk(&fixture->code, CODE + 100, last + 16, &fixture->top, &chain);
    assert_int_equal(chain.count, 1);
    fixture->top.high = 0; /* of a stack pointer that is none */
    guest_walk(&fixture->code, CODE + 100, last, &fixture->top, &chain);
    assert_int_equal(chain.count, 1);
}

static void memo_put(struct fixture *fixture, uint64_t key, uint64_t value)
{
    struct guest_places places;

    guest_places_find(&fixture->code, fixture->top.words, fixture->top.count, &places);
    guest_memo_put(&fixture->memos, key, &places, &(struct guest_memo){.value = value});
}

static uint64_t memo_find(const struct fixture *fixture, uint64_t key, const struct guest_top *top)
{
    return guest_memo_find(&fixture->memos, key, &fixture->code, CODE + 9, 0, top);
}

static void a_stack_is_met_again_while_its_return_addresses_are_the_same(void **state)
{
    struct fixture *fixture = *state;
    uint64_t key = guest_memo_key(CODE + 9, &fixture->top);

    fixture->words[3] = CODE + 1;
    fixture->words[30] = CODE + 2;
    memo_put(fixture, key, 7);
    fixture->words[5] = 1234; /* data */
    assert_int_equal(memo_find(fixture, key, &fixture->top), 7);
    fixture->words[30] = CODE + 3;
    assert_int_equal(memo_find(fixture, key, &fixture->top), 0);
    memo_put(fixture, key, 8);
    assert_int_equal(memo_find(fixture, key, &fixture->top), 8);
    fixture->words[30] = CODE + 2;
    assert_int_equal(memo_find(fixture, key, &fixture->top), 7);
    assert_int_equal(memo_find(fixture, key + 1, &fixture->top), 0);
    struct guest_top cut = fixture->top; /* another thread's, which ends before */
    cut.count = 20;
    assert_int_equal(memo_find(fixture, key, &cut), 0);
}

/* Two that differ in what frame pointers alone tell: a return address in no file's code. */
static void where_frame_pointers_tell_more_they_are_asked_too(void **state)
{
    struct fixture *fixture = *state;
    struct guest_places places;
    struct guest_chain chain;
    uint64_t first = link_put(fixture, 4, 10, 0x7000000);

    link_put(fixture, 10, 0, CODE + 2);
    guest_walk(&fixture->code, CODE + 9, first, &fixture->top, &chain);
    assert_true(chain.hash != 0);
    guest_places_find(&fixture->code, fixture->top.words, fixture->top.count, &places);
    guest_memo_put(&fixture->memos, 5, &places,
                   &(struct guest_memo){.value = 7, .chain_hash = chain.hash, .is_walked = true});
    assert_int_equal(guest_memo_find(&fixture->memos, 5, &fixture->code, CODE + 9, first, &fixture->top), 7);
    link_put(fixture, 4, 10, 0x7100000);
    assert_int_equal(guest_memo_find(&fixture->memos, 5, &fixture->code, CODE + 9, first, &fixture->top), 0);
}

static void a_stack_without_return_addresses_is_not_kept(void **state)
{
    struct fixture *fixture = *state;

    memo_put(fixture, 5, 7);
    fixture->words[3] = CODE + 1;
    assert_int_equal(memo_find(fixture, 5, &fixture->top), 0);
}

static void the_oldest_of_a_set_is_given_up(void **state)
{
    struct fixture *fixture = *state;
    unsigned found = 0;

    for (uint64_t i = 0; i < GUEST_MEMO_WAYS + 1; i++) {
        fixture->words[3] = CODE + i;
        memo_put(fixture, 5, 100 + i);
    }
    for (uint64_t i = 0; i < GUEST_MEMO_WAYS + 1; i++) {
        fixture->words[3] = CODE + i;
        found += memo_find(fixture, 5, &fixture->top) == 100 + i;
    }
    assert_int_equal(found, GUEST_MEMO_WAYS);
}

static void what_costs_much_is_granted_at_a_pace(void **state)
{
    uint64_t due = 0;
    unsigned granted = 0;

    (void)state;
    for (unsigned i = 0; i < 100; i++)
        granted += guest_grant(&due, 1000, 10, 20);
    assert_true(granted >= 20 && granted <= 22);
    granted = 0;
    for (unsigned i = 0; i < 100; i++)
        granted += guest_grant(&due, 1100, 10, 20);
    assert_true(granted >= 9 && granted <= 11);
}

int guest_stack_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_top_ends_with_the_stack_or_the_page, setup, teardown),
        cmocka_unit_test_setup_teardown(frames_lead_from_caller_to_caller, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stack_is_met_again_while_its_return_addresses_are_the_same, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_frame_at_the_end_of_all_addresses_is_none, setup, teardown),
        cmocka_unit_test_setup_teardown(where_frame_pointers_tell_more_they_are_asked_too, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stack_without_return_addresses_is_not_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(the_oldest_of_a_set_is_given_up, setup, teardown),
        cmocka_unit_test(what_costs_much_is_granted_at_a_pace),
    };
    return cmocka_run_group_tests_name("guest_stack", tests, NULL, NULL);
}
