/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/map.h"
#include "base/sort.h"

int sort_test(void);

struct item {
    uint32_t before;
    uint64_t key;
    uint32_t after;
};

#define COUNT 5000u

static int by_key_then_place(const void *left, const void *right)
{
    const struct item *a = left, *b = right;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return a->before < b->before ? -1 : a->before > b->before;
}

/* Keys of all widths, many of them equal; the order among equal ones is that of `before`. */
static void sorted_as_qsort_does(unsigned shift, uint64_t distinct_count)
{
    struct item *items = calloc(2 * COUNT, sizeof *items), *wanted = items + COUNT;
    assert_non_null(items);
    for (uint32_t i = 0; i < COUNT; i++)
        items[i] = wanted[i] = (struct item){i, (map_hash(i) >> shift) % distinct_count, ~i};
    qsort(wanted, COUNT, sizeof *wanted, by_key_then_place);
    assert_int_equal(sort_by_u64(items, COUNT, sizeof *items, offsetof(struct item, key)), 0);
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(items[i].key == wanted[i].key);
        assert_int_equal(items[i].before, wanted[i].before);
        assert_int_equal(items[i].after, ~items[i].before);
    }
    free(items);
}

static void any_keys_are_sorted_and_equal_ones_stay_in_order(void **state)
{
    (void)state;
    sorted_as_qsort_does(0, UINT64_MAX);
    sorted_as_qsort_does(40, UINT64_MAX);
    sorted_as_qsort_does(0, 7);
    sorted_as_qsort_does(0, 1);
}

static void nothing_and_one_item_are_sorted(void **state)
{
    (void)state;
    struct item one = {.key = 3};
    assert_int_equal(sort_by_u64(NULL, 0, sizeof one, offsetof(struct item, key)), 0);
    assert_int_equal(sort_by_u64(&one, 1, sizeof one, offsetof(struct item, key)), 0);
    assert_true(one.key == 3);
}

static void what_is_in_order_is_told(void **state)
{
    (void)state;
    struct item items[] = {{0, 1, 0}, {1, 1, 0}, {0, 2, 0}};
    assert_true(sort_is_done(NULL, 0, sizeof items[0], by_key_then_place));
    assert_true(sort_is_done(items, 3, sizeof items[0], by_key_then_place));
    items[2].key = 1;
    assert_false(sort_is_done(items, 3, sizeof items[0], by_key_then_place));
}

int sort_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_keys_are_sorted_and_equal_ones_stay_in_order),
        cmocka_unit_test(nothing_and_one_item_are_sorted),
        cmocka_unit_test(what_is_in_order_is_told),
    };
    return cmocka_run_group_tests_name("sort", tests, NULL, NULL);
}
