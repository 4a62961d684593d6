/* SPDX-License-Identifier: Apache-2.0 */
#include "symbol/name_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

int name_table_test(void);

static const char *name_at(const struct name_table *table, uint64_t address)
{
    const struct name_entry *entry = name_table_find(table, address);
    return entry ? entry->name : "none";
}

static void kernel_functions_reach_to_the_next_one(void **state)
{
    (void)state;
    static const char text[] = "ffffffff81000000 T _text\n"
                               "ffffffff81000200 t schedule\n"
                               "ffffffff81000300 D jiffies\n"
                               "ffffffffc0000000 t nft_do_chain\t[nf_tables]\n"
                               "ffffffffc0000400 t nft_other\t[nf_tables]\n"
                               "nonsense\n"
                               "ffffffffc0000500 T cut";
    struct name_table table = {0};
    assert_int_equal(name_table_parse_kernel(&table, text, strlen(text), NULL), 0);
    assert_int_equal(table.entries.count, 4);
    assert_string_equal(name_at(&table, 0xffffffff81000001), "_text");
    assert_string_equal(name_at(&table, 0xffffffff81000350), "schedule");
    assert_string_equal(name_at(&table, 0xffffffff80ffffff), "none");
    const struct name_entry *entry = name_table_find(&table, 0xffffffffc0000000);
    assert_string_equal(entry->name, "nft_do_chain");
    assert_string_equal(entry->module, "[nf_tables]");
    name_table_free(&table);
}

static void hidden_kernel_addresses_give_no_names(void **state)
{
    (void)state;
    static const char text[] = "0000000000000000 T _text\n0000000000000000 t schedule\n";
    struct name_table table = {0};
    assert_int_equal(name_table_parse_kernel(&table, text, strlen(text), NULL), 0);
    assert_int_equal(table.entries.count, 0);
    assert_null(name_table_find(&table, 0));
}

static void random_text_is_survived(void **state)
{
    (void)state;
    srand(1);
    for (int round = 0; round < 500; round++) {
        char text[512];
        for (size_t i = 0; i < sizeof text; i++)
            text[i] = "0123456789abcdef \t\nTt[]x"[rand() % 24];
        struct name_table kernel = {0};
        assert_int_equal(name_table_parse_kernel(&kernel, text, sizeof text, NULL), 0);
        name_table_find(&kernel, (uint64_t)rand());
        name_table_free(&kernel);
    }
}

int name_table_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernel_functions_reach_to_the_next_one),
        cmocka_unit_test(hidden_kernel_addresses_give_no_names),
        cmocka_unit_test(random_text_is_survived),
    };
    return cmocka_run_group_tests_name("name_table", tests, NULL, NULL);
}
