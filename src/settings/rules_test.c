/* SPDX-License-Identifier: Apache-2.0 */
#include "settings/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "settings/expression.h"

int rules_test(void);

#define RULE(more)                                                                                           \
    "product: mine\n"                                                                                        \
    "rules:\n"                                                                                               \
    "  - key: buffer\n"                                                                                      \
    "    development: \"< 1MB\"\n"                                                                           \
    "    production: 8MB\n"                                                                                  \
    "    why: it is small\n"                                                                                 \
    "    source: its manual\n" more

static void assert_refused(const char *text, const char *why, const char *hint)
{
    struct rule_set set = {0};
    struct err err = {0};
    assert_int_equal(rules_read_text(&set, text, strlen(text), "a.yaml", true, &err), -ERR_INPUT);
    if (!strstr(err.what, why))
        fail_msg("'%s' is not in '%s'", why, err.what);
    if (hint && !strstr(err.hint, hint))
        fail_msg("'%s' is not in '%s'", hint, err.hint);
    assert_int_equal(set.files.count, 0);
    rules_free(&set);
}

static void the_built_in_rules_are_whole(void **state)
{
    (void)state;
    static const char *const products[] = {"postgresql", "redis",   "nginx",  "victoriametrics", "influxdb",
                                           "clickhouse", "questdb", "kernel", "cgroup"};
    struct rule_set set = {0};
    struct err err = {0};
    if (rules_built_in(&set, &err))
        fail_msg("%s", err.what);
    assert_int_equal(set.files.count, sizeof products / sizeof *products);
    for (size_t i = 0; i < sizeof products / sizeof *products; i++) {
        const struct rule_file *file = rules_find(&set, products[i]);
        assert_non_null(file);
        assert_string_equal(file->reader, products[i]);
        assert_in_range(file->rules.count, 3, RULES_PER_FILE_MAX);
        assert_non_null(file->apply);
        assert_non_null(file->revert);
        for (size_t j = 0; j < file->rules.count; j++)
            assert_true(file->rules.items[j].is_bounded);
    }
    rules_free(&set);
}

static void a_file_of_ones_own_adds_and_replaces(void **state)
{
    (void)state;
    static const char text[] =
        "product: redis\n"
        "rules:\n"
        "  - {key: hz, development: '> 0', production: 1, why: a, source: b, impact: about-50, acts_on: cpu,"
        " bound: no}\n"
        "  - {key: new, development: 'off', production: 'on', why: a, source: b, impact: under-5,"
        " acts_on: reads}\n";
    struct rule_set set = {0};
    struct err err = {0};
    assert_int_equal(rules_built_in(&set, &err), 0);
    size_t before = rules_find(&set, "redis")->rules.count;
    if (rules_read_text(&set, text, sizeof text - 1, "mine.yaml", true, &err))
        fail_msg("%s", err.what);
    const struct rule_file *redis = rules_find(&set, "redis");
    assert_int_equal(redis->rules.count, before + 1);
    assert_false(rules_key(redis, "hz")->is_bounded);
    assert_int_equal(rules_key(redis, "hz")->impact, IMPACT_ABOUT_50);
    assert_true(rules_key(redis, "new")->is_bounded);
    assert_string_equal(redis->reader, "redis");
    rules_free(&set);
}

static void a_wrong_file_is_told_with_its_place(void **state)
{
    (void)state;
    assert_refused("product: mine\nrules: 3\n", "line 2, column 1: 'rules' is a text, a list is expected",
                   NULL);
    assert_refused("product: mine\nrulez: []\n", "line 2, column 1: a file of rules has no key 'rulez'",
                   "rules");
    assert_refused("rules: []\n", "a file of rules needs 'product'", NULL);
    assert_refused(RULE("    impact: huge\n    acts_on: reads\n"),
                   "line 8, column 5: 'impact' knows no 'huge'", "under-5, about-10, about-50");
    assert_refused(RULE("    impact: about-10\n"), "line 3, column 5: a rule needs 'acts_on'", NULL);
    assert_refused(RULE("    impact: about-10\n    acts_on: read\n"), "'acts_on' knows no 'read'", "reads");
    assert_refused(RULE("    impact: about-10\n    acts_on: cpu\n    bound: maybe\n"), "'bound' knows no",
                   "no, yes");
    assert_refused(
        "product: mine\nrules:\n  - {key: a, development: '< 1', production: 2 *, why: a, source: b,"
        " impact: under-5, acts_on: cpu}\n",
        "line 3, column 34: '2 *'", NULL);
    assert_refused("product: mine\nports: [0]\nrules: []\n", "a port is 1 to 65535", NULL);
    assert_refused("- a\n", "a file of rules is a list, a map of keys is expected", NULL);
    assert_refused("", "a file of rules is a nothing", NULL);
}

int rules_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_built_in_rules_are_whole),
        cmocka_unit_test(a_file_of_ones_own_adds_and_replaces),
        cmocka_unit_test(a_wrong_file_is_told_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
