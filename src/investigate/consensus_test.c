/* SPDX-License-Identifier: Apache-2.0 */
#include "investigate/consensus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert_near.h"
#include "investigate/voices.h"

#define ASKED 4u

static const char *const names[ASKED] = {"profiling", "configuration", "client-library", "memory"};
static const char *const rows_a[] = {"waits 100-200"}, *const rows_b[] = {"waits 150-160"},
                         *const rows_c[] = {"path 3"}, *const rows_d[] = {"io 9"};

/* Four investigators; the second claims that a server's setting brings 1.5x. */
struct scene {
    struct investigation investigation;
    struct statement statements[ASKED];
    struct claim claims[ASKED][2];
    struct vote votes[ASKED][2];
    struct cleared_by cleared;
};

static struct claim claim_of(const char *investigator, const char *cause, const char *change, double factor)
{
    return (struct claim){
        .investigator = investigator,
        .id = "1",
        .finding = {.cause = cause,
                    .where = {.process = "server"},
                    .change = change,
                    .priority = priority_of(factor),
                    .gain = {.factor = factor, .factor_low = factor - 0.1, .factor_high = factor + 0.1}},
        .evidence_class = EVIDENCE_RULE};
}

static void scene_make(struct scene *scene)
{
    *scene = (struct scene){0};
    for (size_t i = 0; i < ASKED; i++)
        scene->statements[i] = (struct statement){.investigator = names[i],
                                                  .outcome = STATEMENT_FINISHED,
                                                  .has_voted = true,
                                                  .claims = scene->claims[i],
                                                  .votes = scene->votes[i]};
    scene->claims[1][0] = claim_of("configuration", "config", "set:process/server=8", 1.5);
    scene->statements[1].claim_count = 1;
    scene->investigation.statements = scene->statements;
    scene->investigation.statement_count = ASKED;
    scene->investigation.objective = (struct objective){
        .metric = "throughput", .unit = "rows/s", .more_is_better = true, .measured = 1000};
}

static void vote_set(struct scene *scene, size_t who, enum stance stance, const char *const *rows)
{
    scene->statements[who].vote_count = 1;
    scene->votes[who][0] = (struct vote){.investigator = names[who],
                                         .claim = "configuration/1",
                                         .stance = stance,
                                         .why = "because",
                                         .rows = rows,
                                         .row_count = rows ? 1 : 0};
}

static const struct conclusion *reach(struct scene *scene)
{
    assert_int_equal(consensus_reach(&scene->investigation, NULL), 0);
    assert_int_equal(scene->investigation.conclusion_count, 1);
    return &scene->investigation.conclusions[0];
}

static void scene_free(struct scene *scene)
{
    arena_free(&scene->investigation.arena);
}

static void three_of_four_in_support_are_consensus(void **state)
{
    (void)state;
    struct scene scene;
    scene_make(&scene);
    vote_set(&scene, 0, STANCE_SUPPORT, rows_a);
    vote_set(&scene, 2, STANCE_SUPPORT, rows_c);
    const struct conclusion *conclusion = reach(&scene);
    assert_int_equal(conclusion->agreement, AGREEMENT_CONSENSUS);
    assert_int_equal(conclusion->support_count, 3);
    assert_int_equal(conclusion->neutral_count, 1);
    assert_int_equal(conclusion->vote_count, 2);
    scene_free(&scene);
    /* The fourth against them: still three of four, but the contradiction is kept. */
    scene_make(&scene);
    vote_set(&scene, 0, STANCE_SUPPORT, rows_a);
    vote_set(&scene, 2, STANCE_SUPPORT, rows_c);
    vote_set(&scene, 3, STANCE_CONTRADICT, rows_d);
    assert_int_equal(reach(&scene)->agreement, AGREEMENT_CONSENSUS);
    assert_int_equal(scene.investigation.contradiction_count, 1);
    scene_free(&scene);
}

static void two_with_the_rest_neutral_are_looked_into_further(void **state)
{
    (void)state;
    struct scene scene;
    scene_make(&scene);
    vote_set(&scene, 0, STANCE_SUPPORT, rows_a);
    vote_set(&scene, 2, STANCE_NEUTRAL, NULL);
    scene.investigation.pipeline = "toll.yaml";
    const struct conclusion *conclusion = reach(&scene);
    assert_int_equal(conclusion->agreement, AGREEMENT_FURTHER);
    /* A server's setting is no knob of the run: what its place is worth is tried. */
    assert_string_equal(conclusion->next_command,
                        "toll experiment remove:process/server toll.yaml --recording "
                        "FILE.toll --predict 1.4x");
    scene.claims[1][0].finding.cause = "cpu-hot";
    assert_string_equal(reach(&scene)->next_command, "toll experiment set:process/server=8 toll.yaml");
    scene_free(&scene);
    scene_make(&scene);
    assert_int_equal(reach(&scene)->agreement, AGREEMENT_SINGLE);
    scene_free(&scene);
}

static void agreement_read_off_the_same_rows_counts_once(void **state)
{
    (void)state;
    struct scene scene;
    scene_make(&scene);
    vote_set(&scene, 0, STANCE_SUPPORT, rows_a);
    vote_set(&scene, 2, STANCE_SUPPORT, rows_b); /* within rows_a */
    const struct conclusion *conclusion = reach(&scene);
    assert_int_equal(conclusion->support_count, 2);
    assert_int_equal(conclusion->agreement, AGREEMENT_FURTHER);
    scene_free(&scene);
}

static void who_did_not_finish_is_not_neutral(void **state)
{
    (void)state;
    struct scene scene;
    struct str text = {0};
    scene_make(&scene);
    scene.statements[2].outcome = STATEMENT_DID_NOT_FINISH;
    vote_set(&scene, 2, STANCE_CONTRADICT, rows_c); /* what it said before it died is no vote */
    scene.statements[3].has_voted = false;
    scene.statements[3].why_no_votes = "killed by signal 9";
    const struct conclusion *conclusion = reach(&scene);
    assert_int_equal(conclusion->missing_count, 2);
    assert_int_equal(conclusion->neutral_count, 1);
    assert_int_equal(conclusion->contradict_count, 0);
    consensus_count(conclusion, &text);
    assert_string_equal(str_text(&text), "1 in support, 1 neutral, 2 did not finish");
    str_free(&text);
    scene_free(&scene);
}

static void claims_that_say_the_same_are_one(void **state)
{
    (void)state;
    struct scene scene;
    scene_make(&scene);
    scene.claims[0][0] = claim_of("profiling", "network-wait", "set:server=16", 1.4);
    scene.claims[0][0].evidence_class = EVIDENCE_MEASURED;
    scene.statements[0].claim_count = 1;
    const struct conclusion *conclusion = reach(&scene);
    assert_int_equal(conclusion->merged_count, 1);
    assert_string_equal(conclusion->claim.investigator, "profiling");
    assert_int_equal(conclusion->support_count, 2);
    scene_free(&scene);
}

/* The same act with a wild promise beside a sober one: who refutes the wild one and bears out the sober one supports. */
static void the_vote_on_the_claim_that_speaks_for_all_counts(void **state)
{
    (void)state;
    struct scene scene;
    scene_make(&scene);
    scene.claims[0][0] = claim_of("profiling", "network-wait", "set:server=16", 1.4);
    scene.claims[0][0].evidence_class = EVIDENCE_MEASURED;
    scene.statements[0].claim_count = 1;
    vote_set(&scene, 2, STANCE_CONTRADICT, rows_c); /* of configuration/1 */
    scene.votes[2][1] = scene.votes[2][0];
    scene.votes[2][1].claim = "profiling/1";
    scene.votes[2][1].stance = STANCE_SUPPORT;
    scene.statements[2].vote_count = 2;
    const struct conclusion *conclusion = reach(&scene);
    assert_int_equal(conclusion->support_count, 3);
    assert_int_equal(conclusion->contradict_count, 0);
    assert_int_equal(scene.investigation.contradiction_count, 0);
    assert_int_equal(conclusion->vote_count, 2);
    scene_free(&scene);
}

static void claims_are_the_same_by_act_and_place(void **state)
{
    (void)state;
    static const struct {
        const char *cause, *change, *other_cause, *other_change;
        bool are_same;
    } table[] = {
        {"serial-independent", "workers:process/curl=10", "small-batches", "workers:curl=4", true},
        {"serial-independent", "workers:process/curl=10", "chatty-client", "workers:stage/get=4", true},
        {"serial-independent", "workers:process/curl=10", "chatty-client", "batch:process/curl=4", false},
        {"serial-independent", "workers:process/curl=10", "network-wait", "speed:process/curl=2", false},
        {"cpu-hot", NULL, "cpu-hot", "speed:process/server=2", true},
        {"cpu-hot", NULL, "spin", "speed:process/server=2", false},
        {"config", "set:knob/a=1", "config", "set:knob/b=1", false},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct claim one = claim_of("a", table[i].cause, table[i].change, 1.5);
        struct claim other = claim_of("b", table[i].other_cause, table[i].other_change, 1.5);
        if (claims_say_the_same(&one, &other) != table[i].are_same)
            fail_msg("row %zu", i);
    }
    struct claim one = claim_of("a", "cpu-hot", NULL, 1.5), other = one;
    other.finding.where.process = "elsewhere";
    assert_false(claims_say_the_same(&one, &other));
}

static void a_cleared_place_contradicts_a_promise_there(void **state)
{
    (void)state;
    struct scene scene;
    scene_make(&scene);
    scene.cleared = (struct cleared_by){
        .investigator = "profiling",
        .cleared = {.where = {.process = "server"}, .critical_ratio = 0.04, .factor_max = 1.04},
        .why = "4 % of the path"};
    scene.statements[0].cleared = &scene.cleared;
    scene.statements[0].cleared_count = 1;
    const struct conclusion *conclusion = reach(&scene);
    assert_int_equal(conclusion->agreement, AGREEMENT_CONTRADICTED);
    assert_string_equal(scene.investigation.contradictions[0].vote->why, "4 % of the path");
    scene_free(&scene);
    /* It had its say: neutral is neutral. */
    scene.investigation = (struct investigation){0};
    struct scene again;
    scene_make(&again);
    again.cleared = scene.cleared;
    again.statements[0].cleared = &again.cleared;
    again.statements[0].cleared_count = 1;
    vote_set(&again, 0, STANCE_NEUTRAL, NULL);
    assert_int_equal(reach(&again)->agreement, AGREEMENT_SINGLE);
    scene_free(&again);
}

/* "Larger writes to it bring nothing", of a server that the run waits for most of the time. */
static void what_clears_one_thing_about_a_place_contradicts_nothing(void **state)
{
    (void)state;
    struct scene scene;
    scene_make(&scene);
    scene.cleared = (struct cleared_by){
        .investigator = "client-library",
        .cleared = {.where = {.process = "server"}, .critical_ratio = 0.76, .factor_max = 1.01},
        .why = "it got 41 writes: larger ones bring next to nothing"};
    scene.statements[2].cleared = &scene.cleared;
    scene.statements[2].cleared_count = 1;
    assert_int_equal(reach(&scene)->agreement, AGREEMENT_SINGLE);
    scene_free(&scene);
    /* Its memory is no part of the path; that it waits most of the time is another matter. */
    scene_make(&scene);
    scene.claims[1][0].finding.critical_ratio = 0.76;
    scene.cleared.cleared = (struct cleared){.where = {.process = "server"}, .factor_max = 1};
    scene.statements[2].cleared = &scene.cleared;
    scene.statements[2].cleared_count = 1;
    assert_int_equal(reach(&scene)->agreement, AGREEMENT_SINGLE);
    scene_free(&scene);
}

static void the_objective_is_told_before_and_after(void **state)
{
    (void)state;
    struct scene scene;
    scene_make(&scene);
    const struct conclusion *conclusion = reach(&scene);
    assert_near(conclusion->objective_before, 1000, 1e-9);
    assert_near(conclusion->objective_after, 1500, 1e-9);
    assert_near(conclusion->objective_after_low, 1400, 1e-9);
    scene.investigation.objective = (struct objective){.metric = "wall", .unit = "s", .measured = 3};
    conclusion = reach(&scene);
    assert_near(conclusion->objective_after, 2, 1e-9);
    assert_true(conclusion->objective_after_low < 2 && conclusion->objective_after_high > 2);
    scene.investigation.objective = (struct objective){.metric = "cost", .unit = "USD", .measured = 3};
    assert_near(reach(&scene)->objective_after, 0, 0);
    scene_free(&scene);
}

static void an_experiment_decides(void **state)
{
    (void)state;
    struct scene scene;
    struct experiment_result result = {.means = EXPERIMENT_REPLAY,
                                       .stage = "server",
                                       .outcome = EXPERIMENT_REJECTED,
                                       .sentence = "it brings at most 1.03x",
                                       .has_gain = true,
                                       .gain = {1.03, 1.02, 1.04, true}};
    scene_make(&scene);
    vote_set(&scene, 0, STANCE_CONTRADICT, rows_a);
    assert_int_equal(reach(&scene)->agreement, AGREEMENT_CONTRADICTED);
    struct contradiction *contradiction = &scene.investigation.contradictions[0];
    assert_int_equal(consensus_settle(&scene.investigation, contradiction, &result, NULL), 0);
    assert_int_equal(scene.investigation.conclusions[0].agreement, AGREEMENT_REJECTED);
    assert_string_equal(scene.investigation.conclusions[0].settled_by, "it brings at most 1.03x");
    assert_true(contradiction->is_settled && scene.investigation.conclusions[0].objective_after == 0);
    scene_free(&scene);
    scene_make(&scene);
    vote_set(&scene, 0, STANCE_CONTRADICT, rows_a);
    reach(&scene);
    result = (struct experiment_result){.means = EXPERIMENT_KNOB,
                                        .change = "set:knob/P=10",
                                        .outcome = EXPERIMENT_CONFIRMED,
                                        .sentence = "2.5x",
                                        .has_gain = true,
                                        .gain = {2.5, 2.4, 2.6, false}};
    contradiction = &scene.investigation.contradictions[0];
    assert_int_equal(consensus_settle(&scene.investigation, contradiction, &result, NULL), 0);
    assert_int_equal(scene.investigation.conclusions[0].agreement, AGREEMENT_CONSENSUS);
    assert_int_equal(scene.investigation.conclusions[0].claim.finding.priority, PRIORITY_P1);
    assert_near(scene.investigation.conclusions[0].objective_after, 2500, 1e-9);
    scene_free(&scene);
    scene_make(&scene);
    vote_set(&scene, 0, STANCE_CONTRADICT, rows_a);
    reach(&scene);
    result.outcome = EXPERIMENT_UNDECIDED;
    contradiction = &scene.investigation.contradictions[0];
    assert_int_equal(consensus_settle(&scene.investigation, contradiction, &result, NULL), 0);
    assert_int_equal(scene.investigation.conclusions[0].agreement, AGREEMENT_CONTRADICTED);
    assert_false(contradiction->is_settled);
    scene_free(&scene);
}

static void what_was_measured_takes_the_place_of_what_was_too_much(void **state)
{
    (void)state;
    struct scene scene;
    const struct experiment_result result = {.means = EXPERIMENT_KNOB,
                                             .change = "set:knob/P=10",
                                             .outcome = EXPERIMENT_REJECTED,
                                             .sentence = "2.0x; 9x was claimed: rejected",
                                             .has_gain = true,
                                             .gain = {2, 1.9, 2.1, false}};
    scene_make(&scene);
    scene.claims[1][0] = claim_of("configuration", "config", "set:knob/P=10", 9);
    scene.claims[0][0] = claim_of("profiling", "serial-independent", "set:knob/P=10", 2.05);
    scene.claims[0][0].evidence_class = EVIDENCE_INFERRED;
    scene.statements[0].claim_count = 1;
    vote_set(&scene, 2, STANCE_CONTRADICT, rows_c);
    assert_string_equal(reach(&scene)->claim.investigator, "configuration");
    assert_int_equal(
        consensus_settle(&scene.investigation, &scene.investigation.contradictions[0], &result, NULL), 0);
    const struct conclusion *conclusion = &scene.investigation.conclusions[0];
    assert_string_equal(conclusion->claim.investigator, "profiling");
    assert_int_equal(conclusion->agreement, AGREEMENT_CONSENSUS);
    assert_near(conclusion->claim.finding.gain.factor, 2, 1e-9);
    assert_string_equal(conclusion->merged[0]->investigator, "configuration");
    assert_string_equal(conclusion->settled_by, "2.0x; 9x was claimed: rejected");
    scene_free(&scene);
}

static void what_was_rejected_goes_last_and_p0_first(void **state)
{
    (void)state;
    struct scene scene;
    struct experiment_result result = {.outcome = EXPERIMENT_REJECTED, .sentence = "no"};
    scene_make(&scene);
    scene.claims[0][0] = claim_of("profiling", "disk-sync", "remove:wait/disk_sync", 1.3);
    scene.claims[2][0] = claim_of("client-library", "chatty-client", "batch:peer/db=100", 9);
    scene.claims[2][0].finding.where = (struct where){.peer = "db"};
    scene.claims[0][0].finding.where = (struct where){.path = "/tmp/x"};
    scene.statements[0].claim_count = scene.statements[2].claim_count = 1;
    vote_set(&scene, 3, STANCE_CONTRADICT, rows_a);
    assert_int_equal(consensus_reach(&scene.investigation, NULL), 0);
    assert_int_equal(scene.investigation.conclusion_count, 3);
    assert_string_equal(scene.investigation.conclusions[0].claim.investigator, "client-library");
    assert_string_equal(scene.investigation.conclusions[1].claim.investigator, "profiling");
    assert_int_equal(
        consensus_settle(&scene.investigation, &scene.investigation.contradictions[0], &result, NULL), 0);
    assert_string_equal(scene.investigation.conclusions[2].claim.investigator, "configuration");
    scene_free(&scene);
}

static void what_was_tried_comes_before_what_a_model_says(void **state)
{
    (void)state;
    struct scene scene;
    scene_make(&scene);
    scene.claims[0][0] = claim_of("profiling", "sleep-poll", "remove:wait/sleep", 26);
    scene.claims[0][0].evidence_class = EVIDENCE_MEASURED;
    scene.claims[0][0].finding.where = (struct where){.stage = "sleep"};
    scene.claims[2][0] = claim_of("client-library", "config", "set:knob/P=10", 8);
    scene.claims[2][0].evidence_class = EVIDENCE_EXPERIMENT;
    scene.claims[2][0].finding.where = (struct where){.stage = "knob P"};
    scene.statements[0].claim_count = scene.statements[2].claim_count = 1;
    assert_int_equal(consensus_reach(&scene.investigation, NULL), 0);
    assert_string_equal(scene.investigation.conclusions[0].claim.finding.change, "set:knob/P=10");
    assert_string_equal(scene.investigation.conclusions[1].claim.finding.change, "remove:wait/sleep");
    scene_free(&scene);
}

static void rows_overlap_by_table_and_range(void **state)
{
    (void)state;
    assert_true(rows_overlap("waits 120-340", "waits 340"));
    assert_true(rows_overlap("path entry 3", "path entry 3"));
    assert_false(rows_overlap("waits 120-340", "waits 341-400"));
    assert_false(rows_overlap("waits 5", "path 5"));
    assert_false(rows_overlap("waits 9-1", "waits 5"));
    assert_false(rows_overlap("waits 99999999999999999999999", "waits 5"));
    assert_true(rows_overlap("the log", "the log"));
    /* Through a third one. */
    static const char *const left[] = {"waits 1-5"}, *const right[] = {"waits 9"},
                             *const both[] = {"waits 5-9"};
    const struct voice voices[] = {
        {"a", left, 1}, {"b", right, 1}, {"c", both, 1}, {"d", NULL, 0}, {"e", NULL, 0}};
    assert_int_equal(voices_count(voices, 2), 2);
    assert_int_equal(voices_count(voices, 3), 1);
    assert_int_equal(voices_count(voices, 5), 3);
    assert_int_equal(voices_count(voices, 0), 0);
}

int consensus_test(void);
int consensus_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_of_four_in_support_are_consensus),
        cmocka_unit_test(two_with_the_rest_neutral_are_looked_into_further),
        cmocka_unit_test(agreement_read_off_the_same_rows_counts_once),
        cmocka_unit_test(who_did_not_finish_is_not_neutral),
        cmocka_unit_test(claims_that_say_the_same_are_one),
        cmocka_unit_test(the_vote_on_the_claim_that_speaks_for_all_counts),
        cmocka_unit_test(claims_are_the_same_by_act_and_place),
        cmocka_unit_test(a_cleared_place_contradicts_a_promise_there),
        cmocka_unit_test(what_clears_one_thing_about_a_place_contradicts_nothing),
        cmocka_unit_test(the_objective_is_told_before_and_after),
        cmocka_unit_test(an_experiment_decides),
        cmocka_unit_test(what_was_measured_takes_the_place_of_what_was_too_much),
        cmocka_unit_test(what_was_rejected_goes_last_and_p0_first),
        cmocka_unit_test(what_was_tried_comes_before_what_a_model_says),
        cmocka_unit_test(rows_overlap_by_table_and_range),
    };
    return cmocka_run_group_tests_name("consensus", tests, NULL, NULL);
}
