/* SPDX-License-Identifier: Apache-2.0 */
#include "stacks/process_maps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

int process_maps_test(void);

static void add(struct process_maps *maps, uint32_t pid, uint64_t low, uint64_t high, uint32_t module)
{
    struct mapping mapping = {low, high, 0, module};
    assert_int_equal(process_maps_add(maps, pid, &mapping, NULL), 0);
}

static uint32_t module_at(const struct process_maps *maps, uint32_t pid, uint64_t address)
{
    const struct mapping *mapping = process_maps_find(maps, pid, address);
    return mapping ? mapping->module : 0;
}

static void a_child_has_its_parents_mappings_until_it_execs(void **state)
{
    (void)state;
    struct process_maps maps = {0};
    add(&maps, 1, 0x1000, 0x2000, 1);
    assert_int_equal(process_maps_fork(&maps, 2, 1, NULL), 0);
    add(&maps, 2, 0x3000, 0x4000, 2);
    assert_int_equal(module_at(&maps, 2, 0x1fff), 1);
    assert_int_equal(module_at(&maps, 2, 0x3000), 2);
    assert_int_equal(module_at(&maps, 1, 0x3000), 0);
    assert_int_equal(process_maps_exec(&maps, 2, NULL), 0);
    assert_int_equal(module_at(&maps, 2, 0x1000), 0);
    assert_int_equal(module_at(&maps, 1, 0x1000), 1);
    process_maps_exit(&maps, 1);
    assert_int_equal(module_at(&maps, 1, 0x1000), 0);
    process_maps_free(&maps);
}

static void a_process_lives_as_long_as_its_last_thread(void **state)
{
    (void)state;
    struct process_maps maps = {0};
    add(&maps, 1, 0x1000, 0x2000, 1);
    assert_int_equal(process_maps_thread(&maps, 1, NULL), 0);
    process_maps_exit(&maps, 1);
    assert_int_equal(module_at(&maps, 1, 0x1000), 1);
    process_maps_exit(&maps, 1);
    assert_int_equal(module_at(&maps, 1, 0x1000), 0);
    process_maps_exit(&maps, 1);
    process_maps_free(&maps);
}

static void a_mapping_in_the_middle_splits_another(void **state)
{
    (void)state;
    struct process_maps maps = {0};
    add(&maps, 1, 0x1000, 0x9000, 1);
    add(&maps, 1, 0x3000, 0x4000, 2);
    assert_int_equal(module_at(&maps, 1, 0x2fff), 1);
    assert_int_equal(module_at(&maps, 1, 0x3000), 2);
    const struct mapping *tail = process_maps_find(&maps, 1, 0x4000);
    assert_int_equal(tail->module, 1);
    assert_int_equal(tail->offset, 0x3000);
    process_maps_free(&maps);
}

/* Held against a plain array with one module per page. */
static void any_sequence_of_mappings_is_as_the_last_ones_say(void **state)
{
    (void)state;
    srand(7);
    for (int round = 0; round < 200; round++) {
        struct process_maps maps = {0};
        uint32_t modules[64] = {0};
        uint64_t offsets[64] = {0};
        for (uint32_t i = 1; i <= 40; i++) {
            uint64_t low = (uint64_t)rand() % 60, high = low + 1 + (uint64_t)rand() % (64 - low - 1);
            add(&maps, 1, low << 12, high << 12, i);
            for (uint64_t page = low; page < high; page++) {
                modules[page] = i;
                offsets[page] = (page - low) << 12;
            }
        }
        for (uint64_t page = 0; page < 64; page++) {
            const struct mapping *mapping = process_maps_find(&maps, 1, (page << 12) + 5);
            assert_int_equal(mapping ? mapping->module : 0, modules[page]);
            if (mapping)
                assert_int_equal((page << 12) - mapping->low + mapping->offset, offsets[page]);
        }
        process_maps_free(&maps);
    }
}

int process_maps_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_has_its_parents_mappings_until_it_execs),
        cmocka_unit_test(a_process_lives_as_long_as_its_last_thread),
        cmocka_unit_test(a_mapping_in_the_middle_splits_another),
        cmocka_unit_test(any_sequence_of_mappings_is_as_the_last_ones_say),
    };
    return cmocka_run_group_tests_name("process_maps", tests, NULL, NULL);
}
