/* SPDX-License-Identifier: Apache-2.0 */
/* What the real tools wrote (tests/data/profiles), and files that do not hold together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert_near.h"
#include "import/profile_show.h"

int import_test(void);

static void file_read(const char *name, struct profile *profile)
{
    char path[512];
    struct err err = {0};
    const char *folder = getenv("TOLL_TEST_PROFILES");
    assert_non_null(folder);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (import_file(path, NULL, profile, &err))
        fail_msg("%s: %s", name, err.what);
}

static void text_read(const char *text, const char *importer, struct profile *profile)
{
    struct err err = {0};
    const struct import_bytes bytes = {text, strlen(text), "it"};
    if (import_bytes(&bytes, importer, profile, &err))
        fail_msg("%s", err.what);
}

#define TEXT(literal) (literal), sizeof(literal) - 1

static void refused(const char *bytes, size_t length, const char *importer, const char *why)
{
    struct err err = {0};
    struct profile profile;
    const struct import_bytes all = {bytes, length, "it"};
    assert_int_equal(import_bytes(&all, importer, &profile, &err), -ERR_INPUT);
    if (!strstr(err.what, why))
        fail_msg("'%s' lacks '%s'", err.what, why);
}

static const struct profile_function *function_of(const struct profile *profile, const char *name)
{
    for (size_t i = 0; i < profile->functions.count; i++)
        if (strcmp(profile->functions.items[i].name, name) == 0)
            return &profile->functions.items[i];
    fail_msg("there is no function '%s'", name);
    return NULL;
}

/* Self adds up to the whole, and no total is below its self. */
static void it_adds_up(const struct profile *profile)
{
    double sum = 0;
    for (size_t i = 0; i < profile->functions.count; i++) {
        const struct profile_function *at = &profile->functions.items[i];
        assert_true(at->total >= at->self * 0.999999 - 1);
        assert_true(i == 0 || at->self <= profile->functions.items[i - 1].self);
        sum += at->self;
    }
    assert_near(sum, profile->whole, profile->whole * 1e-9);
    assert_int_equal(profile->lost_count, 0);
}

static void a_function_that_calls_itself_counts_once(void **state)
{
    struct profile profile;
    (void)state;
    text_read("main;walk;walk;leaf 3\nmain;walk 2\nmain 1\n", NULL, &profile);
    it_adds_up(&profile);
    assert_near(profile.whole, 6, 1e-9);
    assert_near(function_of(&profile, "walk")->self, 2, 1e-9);
    assert_near(function_of(&profile, "walk")->total, 5, 1e-9);
    assert_near(function_of(&profile, "main")->total, 6, 1e-9);
    assert_string_equal(profile.functions.items[0].name, "leaf");
    profile_free(&profile);
}

static void cprofile_counts_calls_and_times(void **state)
{
    struct profile profile;
    (void)state;
    file_read("cprofile.prof", &profile);
    it_adds_up(&profile);
    assert_string_equal(profile.source, "cProfile");
    const struct profile_function *row = function_of(&profile, "parse_row");
    assert_int_equal(row->call_count, 2000);
    assert_int_equal(row->line, 4);
    assert_string_equal(row->file, "job.py");
    assert_near(function_of(&profile, "main")->total, profile.whole, profile.whole * 0.05);
    profile_free(&profile);
}

static void node_says_where_its_main_thread_was(void **state)
{
    struct profile profile;
    (void)state;
    file_read("node.cpuprofile", &profile);
    it_adds_up(&profile);
    assert_string_equal(profile.functions.items[0].name, "mix");
    assert_true(function_of(&profile, "outer")->total > function_of(&profile, "mix")->self * 0.99);
    assert_int_equal(profile.functions.items[0].line, 1);
    profile_free(&profile);
}

static void go_writes_pprof(void **state)
{
    struct profile profile;
    (void)state;
    file_read("go.pprof", &profile);
    it_adds_up(&profile);
    assert_int_equal(profile.unit, PROFILE_NS);
    assert_string_equal(profile.measures, "CPU time");
    assert_true(function_of(&profile, "example.Mix")->self > profile.whole / 2);
    assert_true(function_of(&profile, "example.BenchmarkMix")->total >=
                function_of(&profile, "example.Mix")->self);
    profile_free(&profile);
}

static void perf_prints_samples(void **state)
{
    struct profile profile;
    (void)state;
    file_read("perf.txt", &profile);
    it_adds_up(&profile);
    assert_true(profile.stack_count > 10);
    assert_true(function_of(&profile, "mix")->self > profile.whole / 2);
    assert_true(function_of(&profile, "main")->total > profile.whole / 2);
    profile_free(&profile);
}

static void java_prints_samples(void **state)
{
    struct profile profile;
    (void)state;
    file_read("jfr.json", &profile);
    it_adds_up(&profile);
    assert_true(function_of(&profile, "Mix.main")->total > profile.whole / 2);
    profile_free(&profile);
}

static void heaptrack_writes_folded_bytes(void **state)
{
    struct profile profile;
    (void)state;
    file_read("heaptrack.folded", &profile);
    it_adds_up(&profile);
    assert_true(function_of(&profile, "main")->total > 1e6);
    profile_free(&profile);
}

static void a_plans_operators_add_up(void **state)
{
    struct profile profile;
    (void)state;
    file_read("explain.json", &profile);
    it_adds_up(&profile);
    assert_true(function_of(&profile, "Seq Scan on orders")->self > 0);
    profile_free(&profile);
    refused(TEXT("[{\"Plan\": {\"Node Type\": \"Result\", \"Total Cost\": 0.01}}]"), NULL, "lacks ANALYZE");
}

static void loops_multiply_what_an_operator_took(void **state)
{
    struct profile profile;
    (void)state;
    text_read("[{\"Plan\": {\"Node Type\": \"Nested Loop\", \"Actual Total Time\": 10, \"Actual Loops\": 1, "
              "\"Plans\": ["
              "{\"Node Type\": \"Index Scan\", \"Relation Name\": \"t\", \"Actual Total Time\": 0.5, "
              "\"Actual Loops\": 12}]}}]",
              NULL, &profile);
    assert_near(function_of(&profile, "Index Scan on t")->self, 6e6, 1);
    assert_near(function_of(&profile, "Nested Loop")->self, 4e6, 1);
    assert_near(function_of(&profile, "Nested Loop")->total, 10e6, 1);
    profile_free(&profile);
}

static void what_is_broken_is_refused_with_its_reason(void **state)
{
    (void)state;
    refused(TEXT("{(\3\0\0"), "cprofile", "cut short");
    refused(TEXT("{)\3r\5\0\0\0"), "cprofile", "refers to what is not there");
    refused(TEXT("\x1f\x8b\x08 nothing"), NULL, "could not unpack");
    refused(TEXT("\x0a\x04\x08\x01\x10\x02\x12"), "pprof", "do not hold together");
    refused(TEXT("{\"nodes\": 1, \"callFrame\": 1}"), NULL, "no nodes");
    refused(TEXT("nothing that is known\n"), NULL, "of no format");
    refused(TEXT("no number at its end\n"), "folded", "no line ends with a number");
    refused(TEXT(""), NULL, "of no format");
}

static void a_list_says_share_amount_and_place(void **state)
{
    struct profile profile;
    struct str text = {0};
    const struct profile_look look = {.width = 80, .count_max = 1};
    (void)state;
    text_read("a;parse (job.py:12) 3\na 1\n", NULL, &profile);
    profile_text(&profile, &look, &text);
    assert_non_null(strstr(text.text, "folded stacks: 4 in 2 functions (samples)."));
    assert_non_null(strstr(text.text, "75 %"));
    assert_non_null(strstr(text.text, "parse  job.py:12\n"));
    assert_non_null(strstr(text.text, "1 more"));
    str_clear(&text);
    profile_json(&profile, &text);
    assert_non_null(strstr(text.text, "\"schema\": \"toll.profile/1\""));
    assert_non_null(strstr(text.text, "\"self_ratio\": 0.75"));
    str_free(&text);
    profile_free(&profile);
}

int import_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_function_that_calls_itself_counts_once),
        cmocka_unit_test(cprofile_counts_calls_and_times),
        cmocka_unit_test(node_says_where_its_main_thread_was),
        cmocka_unit_test(go_writes_pprof),
        cmocka_unit_test(perf_prints_samples),
        cmocka_unit_test(java_prints_samples),
        cmocka_unit_test(heaptrack_writes_folded_bytes),
        cmocka_unit_test(a_plans_operators_add_up),
        cmocka_unit_test(loops_multiply_what_an_operator_took),
        cmocka_unit_test(what_is_broken_is_refused_with_its_reason),
        cmocka_unit_test(a_list_says_share_amount_and_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
