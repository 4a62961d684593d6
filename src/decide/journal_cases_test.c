/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/journal_cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/toll-cases-XXXXXX", path[80];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/toll-cases-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/journal.db", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command); /* NOLINT(cert-env33-c): its own folder */
}

/* A run that waits for a server in its stage "download", with that finding. */
struct run_of {
    struct verdict verdict;
    struct finding findings[2];
    struct path_entry path[1];
};

static void make_run(struct run_of *run, const char *id, const char *cause, const char *stage)
{
    *run = (struct run_of){
        .findings = {{.cause = cause,
                      .where = {.stage = stage, .process = "curl", .peer = "127.0.0.1:8080"},
                      .objective = "wall",
                      .change = "workers:stage/download=10",
                      .gain = {.factor = 5, .factor_low = 4.5, .factor_high = 5.5, .factor_max = 6},
                      .title = "the downloads wait for one another",
                      .fix = "ten at once"},
                     {.cause = "cpu-hot",
                      .where = {.process = "awk"},
                      .change = "speed:process/awk=2",
                      .gain = {.factor_max = 1.3},
                      .title = "awk computes"}},
        .path = {{.where = {.stage = stage, .process = "curl", .peer = "127.0.0.1:8080"},
                  .doing = WAIT_NETWORK,
                  .ns = 840000000,
                  .ratio = 0.84}},
        .verdict = {.run = {.id = id, .objective = "wall", .wall_ns = 1000000000}}};
    run->verdict.findings = run->findings;
    run->verdict.finding_count = 2;
    run->verdict.path = run->path;
    run->verdict.path_count = 1;
}

static size_t learned(const struct run_of *run, const char *recording, const char *settled_by)
{
    struct str warning = {0};
    const struct lesson items[] = {{&run->findings[0], "consensus", settled_by},
                                   {&run->findings[1], NULL, NULL}};
    const struct lessons lessons = {.store = path,
                                    .recording = recording,
                                    .name = "fetch",
                                    .verdict = &run->verdict,
                                    .items = items,
                                    .count = 2};
    size_t count = journal_learn(&lessons, &warning);
    assert_string_equal(str_text(&warning), "");
    return count;
}

static struct similar_cases similar_to(const struct run_of *run)
{
    struct similar_cases cases;
    struct str warning = {0};
    journal_similar(path, &run->verdict, 0, &cases, &warning);
    assert_string_equal(str_text(&warning), "");
    return cases;
}

static void a_case_like_it_is_found_again(void **state)
{
    (void)state;
    struct run_of before, other, now;
    make_run(&before, "run-1", "serial-independent", "download");
    make_run(&other, "run-2", "lock-contention", "ledger");
    make_run(&now, "run-3", "serial-independent", "fetch");
    now.verdict.finding_count = other.verdict.finding_count = 1;
    assert_int_equal(learned(&before, "a.toll", NULL), 2);
    assert_int_equal(learned(&other, "b.toll", NULL), 2);
    struct similar_cases cases = similar_to(&now);
    assert_int_equal(cases.entries.count, 1);
    const struct journal_entry *entry = &cases.entries.items[0];
    assert_string_equal(entry->cause, "serial-independent");
    assert_true(*entry->recording == '/' && str_ends(entry->recording, "/a.toll"));
    assert_string_equal(entry->place, "download, curl, 127.0.0.1:8080");
    assert_string_equal(entry->symptom, "wall 1 s: 84 % network 127.0.0.1:8080 in download");
    assert_string_equal(entry->agreement, "consensus");
    assert_true(entry->predicted == 5 && entry->predicted_low == 4.5);
    similar_cases_deinit(&cases);
}

static void a_recording_is_not_like_itself_and_is_learned_once(void **state)
{
    (void)state;
    struct run_of run;
    struct str text = {0};
    make_run(&run, "run-1", "serial-independent", "download");
    learned(&run, "a.toll", NULL);
    learned(&run, "moved/a.toll", NULL);
    struct similar_cases cases = similar_to(&run);
    assert_int_equal(cases.entries.count, 0);
    similar_cases_text(&cases, 80, false, &text);
    assert_string_equal(str_text(&text), "");
    similar_cases_deinit(&cases);
    struct run_of again;
    make_run(&again, "run-2", "serial-independent", "download");
    cases = similar_to(&again);
    assert_int_equal(cases.entries.count, 2);
    assert_true(str_ends(cases.entries.items[0].recording, "/moved/a.toll"));
    similar_cases_text(&cases, 80, false, &text);
    assert_non_null(strstr(str_text(&text), "the downloads wait for one another"));
    str_free(&text);
    similar_cases_deinit(&cases);
}

static void what_an_experiment_settled_is_an_entry_of_its_own(void **state)
{
    (void)state;
    struct run_of before, now;
    make_run(&before, "run-1", "serial-independent", "download");
    make_run(&now, "run-2", "serial-independent", "download");
    assert_int_equal(learned(&before, "a.toll", "ten at once took 0.21 s, as predicted"), 3);
    struct similar_cases cases = similar_to(&now);
    /* One of each cause and change. */
    assert_int_equal(cases.entries.count, 2);
    similar_cases_deinit(&cases);
}

static void without_a_journal_nothing_is_similar_and_none_is_made(void **state)
{
    (void)state;
    struct run_of now;
    make_run(&now, "run-1", "serial-independent", "download");
    struct similar_cases cases = similar_to(&now);
    assert_int_equal(cases.entries.count, 0);
    assert_int_equal(access(path, F_OK), -1);
    similar_cases_deinit(&cases);
}

static void a_journal_that_cannot_be_written_is_a_warning(void **state)
{
    (void)state;
    struct run_of run;
    struct str warning = {0};
    make_run(&run, "run-1", "cpu-hot", "parse");
    const struct lesson item = {&run.findings[0], NULL, NULL};
    const struct lessons lessons = {
        .store = "/proc/none/journal.db", .verdict = &run.verdict, .items = &item, .count = 1};
    assert_int_equal(journal_learn(&lessons, &warning), 0);
    assert_non_null(strstr(str_text(&warning), "what was learned is not in the journal: could not"));
    str_free(&warning);
}

#define IN_A_FOLDER(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int journal_cases_test(void);

int journal_cases_test(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(a_case_like_it_is_found_again),
        IN_A_FOLDER(a_recording_is_not_like_itself_and_is_learned_once),
        IN_A_FOLDER(what_an_experiment_settled_is_an_entry_of_its_own),
        IN_A_FOLDER(without_a_journal_nothing_is_similar_and_none_is_made),
        IN_A_FOLDER(a_journal_that_cannot_be_written_is_a_warning),
    };
    return cmocka_run_group_tests_name("journal_cases", tests, NULL, NULL);
}
