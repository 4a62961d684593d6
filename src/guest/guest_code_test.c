/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/guest_code.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

int guest_code_test(void);

#define PROGRAM 0x0000555555554000ull
#define LIBRARY 0x00007f0000001000ull

/* A program, and two libraries with data between them. */
static void code_make(struct guest_code *code)
{
    guest_code_clear(code);
    guest_code_add(code, LIBRARY + 0x10000, LIBRARY + 0x12000);
    guest_code_add(code, PROGRAM, PROGRAM + 0x1000);
    guest_code_add(code, LIBRARY, LIBRARY + 0x2000);
}

static void code_is_known_up_to_the_address_behind_it(void **state)
{
    struct guest_code code;

    (void)state;
    code_make(&code);
    assert_int_equal(code.count, 3);
    assert_int_equal(code.cluster_count, 2);
    assert_true(guest_code_has(&code, PROGRAM));
    assert_true(guest_code_has(&code, PROGRAM + 0x1000));
    assert_false(guest_code_has(&code, PROGRAM - 1));
    assert_false(guest_code_has(&code, PROGRAM + 0x1001));
    assert_true(guest_code_has(&code, LIBRARY + 0x11000));
    assert_false(guest_code_has(&code, LIBRARY + 0x8000)); /* data, in the cluster of the libraries */
    assert_false(guest_code_has(&code, 0));
    assert_false(guest_code_has(&code, UINT64_MAX));
}

static void no_code_is_known_before_it_was_told(void **state)
{
    struct guest_code code = {0};
    const uint64_t words[] = {PROGRAM, LIBRARY};
    struct guest_places places;

    (void)state;
    guest_places_find(&code, words, 2, &places);
    assert_int_equal(places.count, 0);
    assert_int_equal(places.end, 0);
}

static void more_code_than_there_is_room_for_is_none(void **state)
{
    struct guest_code *code = calloc(1, sizeof *code);

    (void)state;
    assert_non_null(code);
    for (uint64_t i = 0; i < GUEST_CODE_MAX + 10;
         i++) /* each far from the last: more clusters than are kept */
        guest_code_add(code, i << 33, (i << 33) + 10);
    assert_int_equal(code->count, GUEST_CODE_MAX);
    assert_int_equal(code->cluster_count, GUEST_CLUSTER_MAX);
    assert_true(guest_code_has(code, ((GUEST_CODE_MAX - 1ull) << 33) + 5));
    assert_false(guest_code_has(code, ((GUEST_CODE_MAX - 1ull) << 33) + 50));
    assert_false(guest_code_has(code, (uint64_t)GUEST_CODE_MAX << 33));
    free(code);
}

static void stacks_differ_where_a_return_address_or_its_place_does(void **state)
{
    struct guest_code code;
    struct guest_places first, other;
    uint64_t words[] = {1, PROGRAM + 5, 0x7ffc00001000ull, LIBRARY + 7, 9};

    (void)state;
    code_make(&code);
    guest_places_find(&code, words, 5, &first);
    assert_int_equal(first.count, 2);
    assert_int_equal(first.places[0], 1);
    assert_int_equal(first.places[1], 3);
    assert_int_equal(first.end, 4);
    words[0] = 77, words[4] = 78; /* data */
    guest_places_find(&code, words, 5, &other);
    assert_int_equal(other.sum, first.sum);
    words[1] = LIBRARY + 7, words[3] = PROGRAM + 5; /* exchanged */
    guest_places_find(&code, words, 5, &other);
    assert_int_not_equal(other.sum, first.sum);
    words[1] = 1, words[2] = PROGRAM + 5, words[3] = LIBRARY + 7; /* moved */
    guest_places_find(&code, words, 5, &other);
    assert_int_not_equal(other.sum, first.sum);
}

static void of_many_return_addresses_all_count_and_the_first_have_places(void **state)
{
    struct guest_code code;
    struct guest_places places;
    uint64_t words[2 * GUEST_PLACE_MAX], sum = 0;

    (void)state;
    code_make(&code);
    for (unsigned i = 0; i < 2 * GUEST_PLACE_MAX; i++) {
        words[i] = LIBRARY + i;
        sum += guest_place_sum(i, words[i]);
    }
    guest_places_find(&code, words, 2 * GUEST_PLACE_MAX, &places);
    assert_int_equal(places.count, 2 * GUEST_PLACE_MAX);
    assert_int_equal(places.end, 2 * GUEST_PLACE_MAX);
    assert_int_equal(places.places[GUEST_PLACE_MAX - 1], GUEST_PLACE_MAX - 1);
    assert_int_equal(places.sum, sum);
}

int guest_code_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(code_is_known_up_to_the_address_behind_it),
        cmocka_unit_test(no_code_is_known_before_it_was_told),
        cmocka_unit_test(more_code_than_there_is_room_for_is_none),
        cmocka_unit_test(stacks_differ_where_a_return_address_or_its_place_does),
        cmocka_unit_test(of_many_return_addresses_all_count_and_the_first_have_places),
    };
    return cmocka_run_group_tests_name("guest_code", tests, NULL, NULL);
}
