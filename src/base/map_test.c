/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/map.h"

static void a_map_keeps_what_was_put_and_not_removed(void **state)
{
    (void)state;
    struct map map = {0};
    assert_null(map_get(&map, 1));
    for (uint64_t key = 0; key < 5000; key++)
        assert_int_equal(map_put(&map, key * 64, key), 0);
    for (uint64_t key = 0; key < 5000; key += 2)
        map_remove(&map, key * 64);
    assert_int_equal(map.count, 2500);
    for (uint64_t key = 0; key < 5000; key++) {
        uint64_t *value = map_get(&map, key * 64);
        if (key % 2)
            assert_int_equal(*value, key);
        else
            assert_null(value);
    }
    map_free(&map);
}

static void a_recent_map_forgets_what_nobody_asks_for(void **state)
{
    (void)state;
    struct map_recent recent = {0};
    assert_int_equal(map_recent_get(&recent, 1, 100), 0);
    for (uint64_t key = 1; key <= 1000; key++) {
        assert_int_equal(map_recent_put(&recent, key, key + 5, 100), 0);
        assert_int_equal(map_recent_get(&recent, 1, 100), 6);
        assert_true(recent.young.count <= 100 && recent.old.count <= 100);
    }
    assert_int_equal(map_recent_get(&recent, 1000, 100), 1005);
    assert_int_equal(map_recent_get(&recent, 950, 100), 955);
    assert_int_equal(map_recent_get(&recent, 2, 100), 0);
    assert_int_equal(map_recent_put(&recent, 1000, 7, 100), 0);
    assert_int_equal(map_recent_get(&recent, 1000, 100), 7);
    map_recent_free(&recent);
    assert_int_equal(map_recent_get(&recent, 1, 100), 0);
}

static void the_same_bytes_get_the_same_id(void **state)
{
    (void)state;
    struct intern intern = {0};
    for (int round = 0; round < 2; round++) {
        for (uint64_t i = 0; i < 3000; i++) {
            char text[32];
            snprintf(text, sizeof text, "name-%lu", (unsigned long)i);
            uint64_t id;
            bool fresh;
            assert_int_equal(intern_put(&intern, text, strlen(text), &id, &fresh), 0);
            assert_int_equal(id, i + 1);
            assert_int_equal(fresh, round == 0);
        }
    }
    assert_string_equal(intern_text(&intern, 3000), "name-2999");
    assert_string_equal(intern_text(&intern, 0), "");
    assert_string_equal(intern_text(&intern, 3001), "");
    assert_int_equal(intern_find(&intern, "name-7", 6), 8);
    assert_int_equal(intern_find(&intern, "name", 4), 0);
    intern_free(&intern);
}

int map_test(void);
int map_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_keeps_what_was_put_and_not_removed),
        cmocka_unit_test(a_recent_map_forgets_what_nobody_asks_for),
        cmocka_unit_test(the_same_bytes_get_the_same_id),
    };
    return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
