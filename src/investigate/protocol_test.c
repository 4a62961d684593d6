/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "investigate/answers.h"
#include "investigate/protocol.h"

int protocol_test(void);

struct spoken {
    struct arena arena;
    struct protocol protocol;
    struct statement statement;
    struct err err;
    int status;
};

static void listen_to(struct spoken *spoken, enum round round, const char *text)
{
    *spoken = (struct spoken){0};
    protocol_init(&spoken->protocol, round, "other", &spoken->arena);
    spoken->status = protocol_feed(&spoken->protocol, text, strlen(text), &spoken->err);
    if (!spoken->status)
        spoken->status = protocol_end(&spoken->protocol, &spoken->err);
    assert_int_equal(protocol_keep(&spoken->protocol, &spoken->statement, &spoken->err), 0);
}

static void forget(struct spoken *spoken)
{
    protocol_deinit(&spoken->protocol);
    arena_free(&spoken->arena);
}

static void refused(const char *text, const char *words)
{
    struct spoken spoken;
    listen_to(&spoken, ROUND_CLAIMS, text);
    assert_int_equal(spoken.status, -ERR_INPUT);
    if (!strstr(spoken.err.what, words))
        fail_msg("'%s' does not say '%s'", spoken.err.what, words);
    forget(&spoken);
}

static void a_claim_is_read_with_what_it_leaves_out(void **state)
{
    (void)state;
    struct spoken spoken;
    listen_to(&spoken, ROUND_CLAIMS,
              "{\"claim\":{\"id\":\"1\",\"cause\":\"config\",\"title\":\"t\",\"gain\":{\"factor\":6}}}\n"
              "{\"note\":\"n\"}"); /* the last line needs no newline */
    assert_int_equal(spoken.status, 0);
    assert_int_equal(spoken.statement.claim_count, 1);
    assert_int_equal(spoken.statement.note_count, 1);
    const struct claim *claim = &spoken.statement.claims[0];
    assert_string_equal(claim->investigator, "other");
    assert_true(claim->finding.gain.factor_low == 6 && claim->finding.gain.factor_high == 6);
    assert_int_equal(claim->finding.priority, PRIORITY_P0);
    assert_int_equal(claim->evidence_class, EVIDENCE_INFERRED);
    assert_string_equal(claim->finding.objective, "wall");
    forget(&spoken);
}

static void what_makes_no_sense_is_refused_with_its_line(void **state)
{
    (void)state;
    refused("{\"note\":\"n\"}\nhello\n", "line 2 of its answers");
    refused("[1]\n", "an answer should be an object, not array");
    refused("{\"claim\":3}\n", "a claim should be an object, not number");
    refused("{\"claim\":{}}\n", "a claim: id should be a text that is not empty");
    refused("{\"claim\":{\"id\":\"7\",\"cause\":\"c\",\"title\":\"t\",\"gain\":{\"factor\":-3}}}\n",
            "claim '7': gain.factor should be a number above 0");
    refused("{\"claim\":{\"id\":\"7\",\"cause\":\"c\",\"title\":\"t\",\"gain\":{\"factor\":3,\"factor_low\":"
            "4}}}\n",
            "between gain.factor_low and gain.factor_high");
    refused("{\"claim\":{\"id\":\"7\",\"cause\":\"c\",\"title\":\"t\",\"critical_ratio\":7}}\n",
            "from 0 to 1");
    refused("{\"claim\":{\"id\":\"7\",\"cause\":\"c\",\"title\":\"t\",\"where\":7}}\n",
            "where should be an object");
    refused("{\"claim\":{\"id\":\"7\",\"cause\":\"c\",\"title\":\"t\",\"evidence\":[1]}}\n",
            "evidence should be a list");
    refused("{\"claim\":{\"id\":\"7\",\"cause\":\"c\",\"title\":\"t\"}}\n"
            "{\"claim\":{\"id\":\"7\",\"cause\":\"c\",\"title\":\"t\"}}\n",
            "two claims with the id '7'");
    refused("{\"vote\":{\"claim\":\"a/1\",\"stance\":\"agree\"}}\n",
            "stance should be support, neutral or contradict");
    refused("{\"progress\":\"p\",\"done_ratio\":30}\n", "done_ratio should be a number from 0 to 1");
    refused("{\"note\":\"cut", "line 1 of its answers");
}

static void a_line_has_a_longest_length(void **state)
{
    (void)state;
    struct spoken spoken = {0};
    size_t size = PROTOCOL_LINE_BYTES_MAX + 2;
    char *text = calloc(1, size);
    assert_non_null(text);
    memset(text, ' ', size - 1);
    protocol_init(&spoken.protocol, ROUND_CLAIMS, "other", &spoken.arena);
    assert_int_equal(protocol_feed(&spoken.protocol, text, size - 1, &spoken.err), -ERR_INPUT);
    assert_non_null(strstr(spoken.err.what, "over 1 MiB"));
    forget(&spoken);
    free(text);
}

static void the_number_of_claims_has_an_end(void **state)
{
    (void)state;
    struct spoken spoken = {0};
    int status = 0;
    protocol_init(&spoken.protocol, ROUND_CLAIMS, "other", &spoken.arena);
    for (unsigned i = 0; i <= PROTOCOL_CLAIMS_MAX && !status; i++) {
        char line[100];
        snprintf(line, sizeof line, "{\"claim\":{\"id\":\"%u\",\"cause\":\"c\",\"title\":\"t\"}}\n", i);
        status = protocol_feed(&spoken.protocol, line, strlen(line), &spoken.err);
    }
    assert_int_equal(status, -ERR_INPUT);
    assert_non_null(strstr(spoken.err.what, "more than 10000 claims"));
    forget(&spoken);
}

static void votes_of_round_one_and_claims_of_round_two_are_left_out(void **state)
{
    (void)state;
    static const char text[] =
        "{\"claim\":{\"id\":\"1\",\"cause\":\"c\",\"title\":\"t\"}}\n"
        "{\"vote\":{\"claim\":\"a/1\",\"stance\":\"contradict\",\"factor_max\":1.1}}\n";
    struct spoken spoken;
    listen_to(&spoken, ROUND_CLAIMS, text);
    assert_int_equal(spoken.statement.claim_count, 1);
    assert_int_equal(spoken.statement.vote_count, 0);
    forget(&spoken);
    listen_to(&spoken, ROUND_VOTES, text);
    assert_int_equal(spoken.statement.claim_count, 0);
    assert_int_equal(spoken.statement.vote_count, 1);
    assert_int_equal(spoken.statement.votes[0].stance, STANCE_CONTRADICT);
    assert_string_equal(spoken.statement.votes[0].investigator, "other");
    forget(&spoken);
}

static void progress_is_made_safe_for_a_terminal(void **state)
{
    (void)state;
    struct spoken spoken;
    listen_to(&spoken, ROUND_CLAIMS, "{\"progress\":\"a\\u001b[2Jb\",\"done_ratio\":0.5}\n");
    assert_null(strchr(spoken.protocol.doing, 27));
    assert_true(spoken.protocol.done_ratio == 0.5);
    forget(&spoken);
}

static const struct claim *sample_claim(void)
{
    static const char *const rows[] = {"path 0", "path 3"}, *const evidence[] = {"40 requests",
                                                                                 "a \"quote\"\n"};
    static const struct claim claim = {
        .investigator = "profiling",
        .id = "1",
        .evidence_class = EVIDENCE_MEASURED,
        .rows = rows,
        .row_count = 2,
        .verify = "toll verify …",
        .finding = {.cause = "serial-independent",
                    .where = {.stage = "download", .peer = "127.0.0.1:80", .line = 12},
                    .objective = "wall",
                    .critical_ratio = 0.9,
                    .change = "workers:stage/download=10",
                    .title = "download never overlaps",
                    .fix = "run several",
                    .effort = EFFORT_HIGH,
                    .gain = {.factor = 8.5,
                             .factor_low = 8,
                             .factor_high = 9,
                             .factor_max = 9.5,
                             .wall_ns_after = 4100000000},
                    .evidence = evidence,
                    .evidence_count = 2}};
    return &claim;
}

static void check_sample(const struct claim *claim)
{
    assert_string_equal(claim->id, "1");
    assert_int_equal(claim->evidence_class, EVIDENCE_MEASURED);
    assert_int_equal(claim->row_count, 2);
    assert_string_equal(claim->rows[1], "path 3");
    assert_string_equal(claim->verify, "toll verify …");
    assert_null(claim->revert);
    assert_string_equal(claim->finding.where.peer, "127.0.0.1:80");
    assert_int_equal(claim->finding.where.line, 12);
    assert_int_equal(claim->finding.effort, EFFORT_HIGH);
    assert_true(claim->finding.gain.factor_low == 8 && claim->finding.gain.factor_max == 9.5);
    assert_int_equal(claim->finding.gain.wall_ns_after, 4100000000);
    assert_int_equal(claim->finding.evidence_count, 2);
    assert_string_equal(claim->finding.evidence[1], "a \"quote\"\n");
    assert_int_equal(claim->finding.priority, PRIORITY_P0);
}

static void what_is_answered_is_what_was_said(void **state)
{
    (void)state;
    int ends[2];
    char text[16384];
    struct spoken spoken;
    assert_int_equal(pipe(ends), 0);
    struct answers answers = {.fd = ends[1]};
    struct cleared cleared = {.where = {.process = "postgres"}, .critical_ratio = 0.1, .factor_max = 1.1};
    answers_progress(&answers, "looking", 0.25);
    answers_claim(&answers, sample_claim());
    answers_cleared(&answers, &cleared, "why");
    answers_note(&answers, "%d settings", 3);
    assert_int_equal(answers_status(&answers, NULL), 0);
    answers_deinit(&answers);
    close(ends[1]);
    ssize_t length = read(ends[0], text, sizeof text - 1);
    close(ends[0]);
    assert_true(length > 0);
    text[length] = '\0';
    listen_to(&spoken, ROUND_CLAIMS, text);
    assert_int_equal(spoken.status, 0);
    assert_int_equal(spoken.statement.claim_count, 1);
    check_sample(&spoken.statement.claims[0]);
    assert_string_equal(spoken.statement.cleared[0].why, "why");
    assert_string_equal(spoken.statement.notes[0], "3 settings");
    assert_string_equal(spoken.protocol.doing, "looking");
    forget(&spoken);
}

static void a_request_is_read_as_it_was_written(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct str line = {0};
    struct err err;
    struct request request = {.round = ROUND_VOTES,
                              .investigator = "x",
                              .recording = "/r.toll",
                              .report = "/report.json",
                              .scratch = "/s",
                              .deadline_s = 2.5,
                              .memory_bytes = 1 << 20,
                              .claims = sample_claim(),
                              .claim_count = 1};
    struct request back;
    request_write(&request, &line);
    assert_int_equal(request_read(line.text, line.length, &arena, &back, &err), 0);
    assert_int_equal(back.round, ROUND_VOTES);
    assert_string_equal(back.recording, "/r.toll");
    assert_null(back.pipeline);
    assert_true(back.deadline_s == 2.5);
    assert_int_equal(back.memory_bytes, 1 << 20);
    assert_int_equal(back.claim_count, 1);
    check_sample(&back.claims[0]);
    assert_string_equal(back.claims[0].investigator, "profiling");
    str_free(&line);
    arena_free(&arena);
}

static void a_request_without_its_schema_is_none(void **state)
{
    (void)state;
    static const char text[] = "{\"round\":\"claims\",\"recording\":\"/a\"}";
    struct arena arena = {0};
    struct request request;
    struct err err;
    assert_int_equal(request_read(text, strlen(text), &arena, &request, &err), -ERR_INPUT);
    assert_non_null(strstr(err.what, "toll.investigate/1"));
    arena_free(&arena);
}

int protocol_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_claim_is_read_with_what_it_leaves_out),
        cmocka_unit_test(what_makes_no_sense_is_refused_with_its_line),
        cmocka_unit_test(a_line_has_a_longest_length),
        cmocka_unit_test(the_number_of_claims_has_an_end),
        cmocka_unit_test(votes_of_round_one_and_claims_of_round_two_are_left_out),
        cmocka_unit_test(progress_is_made_safe_for_a_terminal),
        cmocka_unit_test(what_is_answered_is_what_was_said),
        cmocka_unit_test(a_request_is_read_as_it_was_written),
        cmocka_unit_test(a_request_without_its_schema_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
