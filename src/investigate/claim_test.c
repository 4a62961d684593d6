/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "investigate/claim.h"

int claim_test(void);

static void names_of_classes_and_stances_are_found_again(void **state)
{
    (void)state;
    for (int i = 0; i < EVIDENCE_CLASS_COUNT; i++) {
        enum evidence_class found;
        assert_true(evidence_class_find(evidence_class_name((enum evidence_class)i), &found));
        assert_int_equal(found, i);
    }
    for (int i = 0; i < STANCE_COUNT; i++) {
        enum stance found;
        assert_true(stance_find(stance_name((enum stance)i), &found));
        assert_int_equal(found, i);
    }
    enum stance none;
    assert_false(stance_find("agree", &none));
}

static void a_claim_is_named_by_its_investigator_and_its_id(void **state)
{
    (void)state;
    struct claim claim = {.investigator = "client", .id = "a/b"};
    assert_true(claim_is_named(&claim, "client/a/b"));
    assert_false(claim_is_named(&claim, "client/a"));
    assert_false(claim_is_named(&claim, "client"));
    assert_false(claim_is_named(&claim, "client-library/a/b"));
}

static void places_overlap_where_all_that_both_know_is_equal(void **state)
{
    (void)state;
    struct where stage = {.stage = "download"}, peer = {.stage = "download", .peer = "a:80"};
    struct where other = {.stage = "insert", .peer = "a:80"}, nowhere = {0};
    struct where process = {.process = "curl"};
    assert_true(where_overlaps(&stage, &peer));
    assert_false(where_overlaps(&peer, &other));
    assert_false(where_overlaps(&stage, &process)); /* nothing in common */
    assert_false(where_overlaps(&nowhere, &nowhere));
}

static void what_overlaps_gains_elsewhere_too(void **state)
{
    (void)state;
    struct claim claim = {.finding = {.cause = "config", .change = "set:knob/shared_buffers=4GB"}};
    assert_false(claim_reaches_further(&claim));
    claim.finding.cause = "serial-independent";
    assert_true(claim_reaches_further(&claim));
    claim.finding.change = "speed:stage/download=2";
    assert_false(claim_reaches_further(&claim));
    claim.finding.change = "workers:stage/download=2";
    assert_true(claim_reaches_further(&claim));
    claim.finding = (struct finding){.cause = "network-wait"};
    assert_false(claim_reaches_further(&claim));
}

static void a_copy_keeps_all_texts_of_its_own(void **state)
{
    (void)state;
    char title[] = "title", row[] = "path 1", fact[] = "fact";
    const char *rows[] = {row}, *facts[] = {fact};
    struct claim claim = {.id = "1",
                          .rows = rows,
                          .row_count = 1,
                          .finding = {.title = title, .evidence = facts, .evidence_count = 1}};
    struct claim copy;
    struct arena arena = {0};
    assert_int_equal(claim_copy(&claim, &arena, &copy), 0);
    title[0] = row[0] = fact[0] = 'X';
    assert_string_equal(copy.finding.title, "title");
    assert_string_equal(copy.rows[0], "path 1");
    assert_string_equal(copy.finding.evidence[0], "fact");
    assert_null(copy.finding.change);
    assert_null(copy.investigator);
    arena_free(&arena);
}

int claim_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_classes_and_stances_are_found_again),
        cmocka_unit_test(a_claim_is_named_by_its_investigator_and_its_id),
        cmocka_unit_test(places_overlap_where_all_that_both_know_is_equal),
        cmocka_unit_test(what_overlaps_gains_elsewhere_too),
        cmocka_unit_test(a_copy_keeps_all_texts_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
