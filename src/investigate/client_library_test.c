/* SPDX-License-Identifier: Apache-2.0 */
/* A program that asks a server: claimed where how it asks costs time, cleared where it does not, and claims of others held
 * against what it waited for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "analyze/scenario.h"
#include "base/clock.h"
#include "codec/json.h"
#include "investigate/investigators.h"
#include "judge/verdict.h"
#include "model/meta.h"

int client_library_test(void);

#define SERVER "10.0.0.1:6379"

struct asked {
    struct scenario scenario;
    struct opened opened;
    struct arena arena;
    struct question question;
    char lines[32768]; /* what it answered */
};

/* A second: `count` questions, 700 ms of waiting for the answers, 300 ms of computing. */
static void begin(struct asked *asked, uint64_t count, uint64_t bytes_out, uint64_t bytes_back)
{
    struct scenario *s = &asked->scenario;
    struct err err;
    *asked = (struct asked){0};
    scenario_init(s, 2, 1000);
    uint64_t root = scenario_process(s, 0, "asker", 0, 1000);
    scenario_connection(s, SERVER, "10.0.0.2:40001");
    for (uint64_t ms = 0; ms < 1000; ms += 100) {
        struct row_wait row = {.track = root,
                               .start_ns = ms,
                               .end_ns = ms + 100,
                               .count = count / 10,
                               .blocked_ns = 70,
                               .reason = WAIT_NETWORK,
                               .peer = 1};
        scenario_waits(s, &row);
    }
    scenario_attr(s, root, ATTR_CPU_USER_NS, 250 * NS_PER_MS);
    scenario_attr(s, root, ATTR_CPU_SYSTEM_NS, 50 * NS_PER_MS);
    struct scenario_io io = {
        .thread = root, .peer = 1, .operation = IO_WRITE, .count = count, .bytes = count * bytes_out};
    scenario_io(s, &io);
    io.operation = IO_READ;
    io.bytes = count * bytes_back;
    scenario_io(s, &io);
    if (analyze_verdict_keep(&s->data.view, NULL, &asked->opened.verdict, &asked->opened.judged, &err))
        fail_msg("%s", err.what);
    asked->opened.run = &asked->opened.judged->run;
    asked->opened.whatif = &asked->opened.judged->whatif;
    asked->question =
        (struct question){.opened = &asked->opened, .arena = &asked->arena, .recording = "/a.toll"};
}

static void end(struct asked *asked)
{
    verdict_deinit(&asked->opened.verdict);
    judged_run_destroy(asked->opened.judged);
    scenario_deinit(&asked->scenario);
    arena_free(&asked->arena);
}

static void ask(struct asked *asked, int (*round)(const struct question *, struct answers *, struct err *))
{
    struct answers answers = {.fd = memfd_create("answers", MFD_CLOEXEC)};
    struct err err;
    assert_true(answers.fd >= 0);
    if (round(&asked->question, &answers, &err))
        fail_msg("%s", err.what);
    ssize_t length = pread(answers.fd, asked->lines, sizeof asked->lines - 1, 0);
    assert_true(length >= 0);
    asked->lines[length] = '\0';
    close(answers.fd);
    answers_deinit(&answers);
}

/* The nth answer of a kind, to be freed; NULL when there is none. */
static struct json_value *answer(const struct asked *asked, const char *kind)
{
    for (const char *at = asked->lines; *at;) {
        size_t length = strcspn(at, "\n");
        struct json_value *root = NULL;
        struct err err;
        if (json_read_text(at, length, "an answer", &root, &err))
            fail_msg("%s", err.what);
        if (json_member(root, kind))
            return root;
        json_free(root);
        at += length + (at[length] == '\n');
    }
    return NULL;
}

static const char *text_in(const struct json_value *root, const char *path)
{
    const char *text = NULL;
    return json_find_text(root, path, &text) ? text : "";
}

static void little_questions_are_claimed_in_the_terms_of_their_protocol(void **state)
{
    (void)state;
    struct asked asked;
    double factor = 0, high = 0;
    begin(&asked, 8000, 20, 100);
    ask(&asked, client_library_investigator.claims);
    struct json_value *claim = answer(&asked, "claim");
    assert_non_null(claim);
    assert_string_equal(text_in(claim, "claim.cause"), "chatty-client");
    assert_true(strncmp(text_in(claim, "claim.change"), "batch:peer/" SERVER "=", 25) == 0);
    assert_string_equal(text_in(claim, "claim.where.peer"), SERVER);
    assert_string_equal(text_in(claim, "claim.evidence_class"), "measured");
    assert_non_null(strstr(text_in(claim, "claim.title"), "asker asks Redis at " SERVER " 8,000 questions"));
    assert_non_null(strstr(text_in(claim, "claim.fix"), "pipelining"));
    assert_non_null(strstr(text_in(claim, "claim.verify"), "--recording /a.toll --change 'batch:peer/"));
    assert_true(json_find_number(claim, "claim.gain.factor", &factor) && factor > 2.5);
    assert_true(json_find_number(claim, "claim.gain.factor_high", &high) && high >= factor);
    const struct json_value *rows = json_find_array(claim, "claim.rows");
    assert_int_equal(json_count(rows), 2);
    assert_string_equal(text_in(json_item(rows, 0), NULL), "waits 0-9");
    assert_string_equal(text_in(json_item(rows, 1), NULL), "io 0-1");
    assert_null(answer(&asked, "cleared"));
    json_free(claim);
    end(&asked);
}

static void a_client_that_asks_for_much_at_once_is_cleared(void **state)
{
    (void)state;
    struct asked asked;
    double most = 0, ratio = 0;
    begin(&asked, 80, 100, 400000);
    ask(&asked, client_library_investigator.claims);
    assert_null(answer(&asked, "claim"));
    struct json_value *cleared = answer(&asked, "cleared");
    assert_non_null(cleared);
    assert_string_equal(text_in(cleared, "cleared.where.peer"), SERVER);
    assert_true(json_find_number(cleared, "cleared.factor_max", &most) && most >= 1 && most < 1.25);
    assert_true(json_find_number(cleared, "cleared.critical_ratio", &ratio) && ratio > 0.69);
    assert_non_null(strstr(text_in(cleared, "cleared.why"), "how it is asked is not what takes the time"));
    json_free(cleared);
    end(&asked);
}

/* The stance of the vote on a claim with that change and promise; "" when there is none. */
static const char *stance_on(struct asked *asked, const char *change, const struct where *where,
                             double factor)
{
    static char stance[16];
    struct claim claim = {.investigator = "other",
                          .id = "1",
                          .evidence_class = EVIDENCE_RULE,
                          .finding = {.cause = "config",
                                      .where = *where,
                                      .change = change,
                                      .gain = {factor, factor, factor, factor, 0, 0, 0}}};
    asked->question.claims = &claim;
    asked->question.claim_count = 1;
    ask(asked, client_library_investigator.votes);
    struct json_value *vote = answer(asked, "vote");
    snprintf(stance, sizeof stance, "%s", text_in(vote, "vote.stance"));
    if (vote)
        assert_string_equal(text_in(vote, "vote.claim"), "other/1");
    json_free(vote);
    return stance;
}

static void claims_of_others_are_held_against_the_waits_for_the_peer(void **state)
{
    (void)state;
    struct asked asked;
    const struct where server = {.process = "redis-server", .peer = SERVER};
    const struct where asker = {.process = "asker", .peer = SERVER}, elsewhere = {.process = "gzip"};
    begin(&asked, 8000, 20, 100);
    assert_string_equal(stance_on(&asked, "set:knob/io-threads=4", &server, 50), "contradict");
    assert_string_equal(stance_on(&asked, "set:knob/io-threads=4", &server, 1.5), "neutral");
    assert_string_equal(stance_on(&asked, "batch:peer/" SERVER "=100", &asker, 3), "support");
    assert_string_equal(stance_on(&asked, "batch:peer/" SERVER "=100", &asker, 30), "contradict");
    assert_string_equal(stance_on(&asked, "workers:process/asker=4", &asker, 2), "support");
    assert_string_equal(stance_on(&asked, "speed:process/gzip=2", &elsewhere, 2), "");
    end(&asked);
}

int client_library_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(little_questions_are_claimed_in_the_terms_of_their_protocol),
        cmocka_unit_test(a_client_that_asks_for_much_at_once_is_cleared),
        cmocka_unit_test(claims_of_others_are_held_against_the_waits_for_the_peer),
    };
    return cmocka_run_group_tests_name("client_library", tests, NULL, NULL);
}
