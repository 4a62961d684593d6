/* SPDX-License-Identifier: Apache-2.0 */
#include "settings/advice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert_near.h"

int advice_test(void);

static const char text[] =
    "product: mine\nbytes: MB\napply: \"set {key} to {value}, {it} was {found}\"\nrules:\n"
    "  - {key: cache, development: '< 1 % of ram', production: 10 % of ram, why: a, source: b, impact: "
    "about-10, acts_on: reads}\n"
    "  - {key: sync, development: ['on', always], production: 'off', why: a, source: b, impact: about-50, "
    "acts_on: writes}\n"
    "  - {key: threads, development: '<= 1', production: cores, why: a, source: b, impact: about-50, "
    "acts_on: cpu}\n"
    "  - {key: password, development: '!= x', production: y, why: a, source: b, impact: under-5, acts_on: "
    "cpu}\n";

struct fixture {
    struct rule_set set;
    struct settings settings;
    struct advice_list list;
};

static void advise(struct fixture *fixture, const struct setting *settings, size_t count, double cores)
{
    struct err err = {0};
    *fixture = (struct fixture){0};
    if (rules_read_text(&fixture->set, text, sizeof text - 1, "a.yaml", true, &err))
        fail_msg("%s", err.what);
    fixture->settings = (struct settings){.rules = &fixture->set.files.items[0],
                                          .facts = {.ram_bytes = 0x1p34, .cores = cores}};
    for (size_t i = 0; i < count; i++)
        assert_int_equal(vec_push(&fixture->settings.items, settings[i]), 0);
    if (advice_find(&fixture->settings, &fixture->list, &err))
        fail_msg("%s", err.what);
}

static void done(struct fixture *fixture)
{
    advice_free(&fixture->list);
    settings_free(&fixture->settings);
    rules_free(&fixture->set);
}

static void a_development_default_gets_a_proposal_of_this_machines_size(void **state)
{
    (void)state;
    static const struct setting settings[] = {
        {"cache", "16MB", "live"}, {"sync", "always", "live"}, {"threads", "1", "live"}};
    struct fixture fixture;
    struct str said = {0};
    advise(&fixture, settings, 3, 8);
    assert_int_equal(fixture.list.items.count, 3);
    assert_string_equal(fixture.list.items.items[0].proposed, "1632MB");
    assert_string_equal(fixture.list.items.items[1].proposed, "off");
    assert_string_equal(fixture.list.items.items[2].proposed, "8");
    advice_text(fixture.settings.rules->apply, &fixture.list.items.items[0], &said);
    assert_string_equal(str_text(&said), "set cache to 1632MB, {it} was 16MB");
    str_free(&said);
    done(&fixture);
}

static void what_is_right_or_would_get_worse_is_left_alone(void **state)
{
    (void)state;
    static const struct setting settings[] = {{"cache", "4GB", "live"},
                                              {"sync", "off", "live"},
                                              {"threads", "1", "live"},
                                              {"password", SETTINGS_SECRET, "live"}};
    struct fixture fixture;
    /* One core: the proposal is what is there. */
    advise(&fixture, settings, 4, 1);
    assert_int_equal(fixture.list.items.count, 0);
    done(&fixture);
}

static void an_impact_is_bounded_by_the_servers_share(void **state)
{
    (void)state;
    assert_near(impact_bounded(1.5, 1), 1.5, 1e-12);
    assert_near(impact_bounded(1.5, 0), 1, 1e-12);
    assert_near(impact_bounded(1.5, 0.1), 1 / (0.9 + 0.1 / 1.5), 1e-12);
    for (int impact = 0; impact < IMPACT_COUNT; impact++) {
        struct impact_factor factor = impact_factor((enum impact)impact);
        assert_true(factor.low <= factor.factor && factor.factor <= factor.high);
    }
}

int advice_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_development_default_gets_a_proposal_of_this_machines_size),
        cmocka_unit_test(what_is_right_or_would_get_worse_is_left_alone),
        cmocka_unit_test(an_impact_is_bounded_by_the_servers_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
