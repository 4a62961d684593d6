/* SPDX-License-Identifier: Apache-2.0 */
/* Claims held against a recording of ten downloads of 80 ms, each with 10 ms of computing behind it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/scenario.h"
#include "investigate/path_vote.h"
#include "judge/verdict.h"

int path_vote_test(void);

struct held {
    struct scenario scenario;
    struct opened opened;
    struct arena arena;
    struct question question;
};

static void begin(struct held *held)
{
    struct err err;
    struct scenario *s = &held->scenario;
    *held = (struct held){0};
    scenario_init(s, 2, 1000);
    uint64_t root = scenario_process(s, 0, "fetch", 0, 1000);
    uint64_t server = scenario_peer(s, PEER_SOCKET, "", "10.0.0.1:80"),
             database = scenario_peer(s, PEER_SOCKET, "", "10.0.0.2:5432");
    for (uint64_t i = 0; i < 10; i++) {
        scenario_span(s, root, "download", i * 100, i * 100 + 80);
        scenario_wait(s, root, i * 100, i * 100 + 80, WAIT_NETWORK, server);
        scenario_span(s, root, "insert", i * 100 + 80, i * 100 + 100);
        scenario_wait(s, root, i * 100 + 80, i * 100 + 90, WAIT_NETWORK, database);
    }
    if (analyze_verdict_keep(&s->data.view, NULL, &held->opened.verdict, &held->opened.judged, &err))
        fail_msg("%s", err.what);
    held->opened.run = &held->opened.judged->run;
    held->opened.whatif = &held->opened.judged->whatif;
    held->question = (struct question){.opened = &held->opened, .arena = &held->arena};
}

static void end(struct held *held)
{
    verdict_deinit(&held->opened.verdict);
    judged_run_destroy(held->opened.judged);
    scenario_deinit(&held->scenario);
    arena_free(&held->arena);
}

static struct vote vote_on_claim(struct held *held, const struct claim *claim)
{
    struct vote vote;
    struct err err;
    size_t replays_left = 10;
    if (path_vote(&held->question, claim, &replays_left, &vote, &err))
        fail_msg("%s", err.what);
    assert_string_equal(vote.claim, "other/1");
    return vote;
}

static struct vote vote_on(struct held *held, const struct finding *finding)
{
    struct claim claim = {
        .investigator = "other", .id = "1", .finding = *finding, .evidence_class = EVIDENCE_RULE};
    return vote_on_claim(held, &claim);
}

static struct gain promise(double factor)
{
    return (struct gain){.factor = factor, .factor_low = factor, .factor_high = factor, .factor_max = factor};
}

static void more_than_its_share_of_the_path_is_contradicted(void **state)
{
    (void)state;
    struct held held;
    begin(&held);
    struct finding finding = {.cause = "config",
                              .where = {.process = "postgres", .peer = "10.0.0.2:5432"},
                              .change = "set:knob/shared_buffers=4GB",
                              .gain = promise(1.5)};
    struct vote vote = vote_on(&held, &finding);
    assert_int_equal(vote.stance, STANCE_CONTRADICT);
    assert_non_null(strstr(vote.why, "10 %"));
    assert_true(vote.factor_max > 1.1 && vote.factor_max < 1.12);
    assert_int_equal(vote.row_count, 1);
    assert_non_null(strstr(vote.rows[0], "path "));
    struct claim tried = {
        .investigator = "other", .id = "1", .finding = finding, .evidence_class = EVIDENCE_EXPERIMENT};
    assert_int_equal(vote_on_claim(&held, &tried).stance, STANCE_NEUTRAL);
    finding.gain = promise(1.05);
    assert_int_equal(vote_on(&held, &finding).stance, STANCE_NEUTRAL);
    end(&held);
}

static void what_the_verdict_predicts_is_supported(void **state)
{
    (void)state;
    struct held held;
    begin(&held);
    const struct finding *found = NULL;
    for (size_t i = 0; i < held.opened.verdict.finding_count; i++)
        if (strcmp(held.opened.verdict.findings[i].cause, "serial-independent") == 0)
            found = &held.opened.verdict.findings[i];
    assert_non_null(found);
    struct finding same = *found;
    struct vote vote = vote_on(&held, &same);
    assert_int_equal(vote.stance, STANCE_SUPPORT);
    assert_true(vote.row_count > 0);
    same.gain = promise(found->gain.factor_max * 3);
    assert_int_equal(vote_on(&held, &same).stance, STANCE_CONTRADICT);
    end(&held);
}

static void a_change_that_nobody_found_is_replayed(void **state)
{
    (void)state;
    struct held held;
    begin(&held);
    /* Three of four waits' time of 800 ms: 1 s becomes 600 ms. */
    struct finding finding = {.cause = "network-wait-else",
                              .where = {.stage = "download"},
                              .change = "speed:stage/download=2",
                              .gain = promise(1.66)};
    struct vote vote = vote_on(&held, &finding);
    assert_int_equal(vote.stance, STANCE_SUPPORT);
    assert_non_null(strstr(vote.why, "replay"));
    finding.gain = promise(4);
    assert_int_equal(vote_on(&held, &finding).stance, STANCE_CONTRADICT);
    end(&held);
}

static void a_place_that_is_not_recorded_is_left_open(void **state)
{
    (void)state;
    struct held held;
    begin(&held);
    struct finding finding = {.cause = "config", .where = {.peer = "10.9.9.9:1"}, .gain = promise(3)};
    assert_int_equal(vote_on(&held, &finding).stance, STANCE_NEUTRAL);
    end(&held);
}

static void a_place_off_the_path_brings_nothing(void **state)
{
    (void)state;
    struct held held;
    begin(&held);
    struct finding finding = {
        .cause = "config", .where = {.process = "fetch", .function = "nothing"}, .gain = promise(3)};
    struct vote vote = vote_on(&held, &finding);
    assert_int_equal(vote.stance, STANCE_CONTRADICT);
    assert_true(vote.factor_max == 1);
    end(&held);
}

int path_vote_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_than_its_share_of_the_path_is_contradicted),
        cmocka_unit_test(what_the_verdict_predicts_is_supported),
        cmocka_unit_test(a_change_that_nobody_found_is_replayed),
        cmocka_unit_test(a_place_that_is_not_recorded_is_left_open),
        cmocka_unit_test(a_place_off_the_path_brings_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
