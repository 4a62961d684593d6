/* SPDX-License-Identifier: Apache-2.0 */
/* Servers found in small recordings, what their settings can bring there, and what is said of others' claims. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "analyze/scenario.h"
#include "base/assert_near.h"
#include "investigate/investigators.h"
#include "investigate/server_places.h"
#include "judge/verdict.h"
#include "model/meta.h"

int configuration_test(void);

struct asked {
    struct scenario scenario;
    struct opened opened;
    struct arena arena;
    struct question question;
    struct rule_set rules;
    struct server_places places;
    char said[65536];
};

static void judge_it(struct asked *asked)
{
    struct err err;
    if (analyze_verdict_keep(&asked->scenario.data.view, NULL, &asked->opened.verdict, &asked->opened.judged,
                             &err))
        fail_msg("%s", err.what);
    asked->opened.run = &asked->opened.judged->run;
    asked->opened.whatif = &asked->opened.judged->whatif;
    asked->question =
        (struct question){.recording = "run.toll", .opened = &asked->opened, .arena = &asked->arena};
}

static void find(struct asked *asked)
{
    struct err err;
    if (rules_built_in(&asked->rules, &err) ||
        server_places_find(&asked->question, &asked->rules, &asked->places, &err))
        fail_msg("%s", err.what);
}

static void end(struct asked *asked)
{
    server_places_free(&asked->places);
    rules_free(&asked->rules);
    verdict_deinit(&asked->opened.verdict);
    judged_run_destroy(asked->opened.judged);
    scenario_deinit(&asked->scenario);
    arena_free(&asked->arena);
}

/* What the investigator says, all its lines. */
static const char *ask(struct asked *asked, bool votes)
{
    struct answers answers = {.fd = memfd_create("answers", MFD_CLOEXEC)};
    struct err err = {0};
    int status = votes ? configuration_investigator.votes(&asked->question, &answers, &err)
                       : configuration_investigator.claims(&asked->question, &answers, &err);
    if (status)
        fail_msg("%s", err.what);
    answers_deinit(&answers);
    ssize_t got = pread(answers.fd, asked->said, sizeof asked->said - 1, 0);
    asked->said[got > 0 ? got : 0] = '\0';
    close(answers.fd);
    return asked->said;
}

static void assert_says(const char *said, const char *words)
{
    if (!strstr(said, words))
        fail_msg("'%s' is not in: %s", words, said);
}

/* A client that waits `database_ms` of 1000 ms for a database on another machine, the rest for something else. */
static void client(struct asked *asked, uint64_t database_ms)
{
    struct scenario *s = &asked->scenario;
    *asked = (struct asked){0};
    scenario_init(s, 2, 1000);
    uint64_t root = scenario_process(s, 0, "loader", 0, 1000),
             database = scenario_peer(s, PEER_SOCKET, "", "10.0.0.2:5432"),
             other = scenario_peer(s, PEER_SOCKET, "", "10.0.0.3:4444");
    scenario_wait(s, root, 0, database_ms, WAIT_NETWORK, database);
    scenario_wait(s, root, database_ms + 10, 1000, WAIT_NETWORK, other);
    judge_it(asked);
}

static void a_server_is_known_by_its_port_and_has_its_share_of_the_path(void **state)
{
    (void)state;
    struct asked asked;
    client(&asked, 400);
    find(&asked);
    assert_int_equal(asked.places.items.count, 1); /* what listens at 4444 no rule knows */
    const struct server_place *place = &asked.places.items.items[0];
    assert_string_equal(place->name, "PostgreSQL at 10.0.0.2:5432");
    assert_near(place->share, 0.4, 0.001);
    assert_near(place->factor_max, 1 / 0.6, 0.01);
    assert_false(place->server.may_ask);
    assert_int_equal(place->row_count, 1);
    struct where where = {.peer = "10.0.0.2:5432"}, elsewhere = {.peer = "10.0.0.3:4444"};
    assert_ptr_equal(server_places_at(&asked.places, &where), place);
    assert_null(server_places_at(&asked.places, &elsewhere));
    end(&asked);
}

static void a_server_that_can_bring_nothing_is_cleared_unread(void **state)
{
    (void)state;
    struct asked asked;
    client(&asked, 40);
    const char *said = ask(&asked, false);
    assert_says(said, "{\"cleared\":{\"where\":{\"peer\":\"10.0.0.2:5432\"}");
    assert_says(said, "PostgreSQL: its settings could not be read, and it can bring at most 1.04x");
    assert_says(said, "it is on another machine");
    assert_null(strstr(said, "\"config\""));
    end(&asked);
}

static void a_server_that_was_recorded_is_found_with_its_clients_address(void **state)
{
    (void)state;
    struct asked asked = {0};
    struct scenario *s = &asked.scenario;
    scenario_init(s, 2, 1000);
    uint64_t root = scenario_process(s, 0, "loader", 0, 1000),
             server = scenario_process(s, root, "redis-server", 0, 1000),
             listening = scenario_peer(s, PEER_SOCKET, "", "0.0.0.0:7777"),
             database = scenario_peer(s, PEER_SOCKET, "", "127.0.0.1:7777");
    scenario_io(s, &(struct scenario_io){.thread = server, .peer = listening, .operation = IO_ACCEPT});
    scenario_wait(s, server, 0, 100, WAIT_NETWORK, listening);
    scenario_wait(s, root, 100, 700, WAIT_NETWORK, database);
    judge_it(&asked);
    find(&asked);
    assert_int_equal(asked.places.items.count, 1);
    const struct server_place *place = &asked.places.items.items[0];
    assert_string_equal(place->name, "Redis at 127.0.0.1:7777");
    assert_string_equal(place->process, "redis-server");
    assert_near(place->share, 0.6, 0.001);
    assert_string_equal(place->why_not, "it does not run any more");
    end(&asked);
}

static void a_server_that_was_recorded_alone_listens_on_this_machine(void **state)
{
    (void)state;
    struct asked asked = {0};
    struct scenario *s = &asked.scenario;
    scenario_init(s, 2, 1000);
    uint64_t server = scenario_process(s, 0, "redis-server", 0, 1000),
             listening = scenario_peer(s, PEER_SOCKET, "", "0.0.0.0:7777");
    scenario_io(s, &(struct scenario_io){.thread = server, .peer = listening, .operation = IO_ACCEPT});
    scenario_wait(s, server, 0, 100, WAIT_NETWORK, listening);
    judge_it(&asked);
    find(&asked);
    assert_int_equal(asked.places.items.count, 1);
    assert_string_equal(asked.places.items.items[0].server.address, "127.0.0.1:7777");
    assert_near(asked.places.items.items[0].share, 1, 0.001);
    /* More of its own workers are no connections to it. */
    struct claim claim = {.investigator = "other",
                          .id = "1",
                          .finding = {.cause = "config",
                                      .where = {.process = "redis-server"},
                                      .change = "workers:process/redis-server=2",
                                      .gain = {2, 2, 2, 2, 0, 0, 0}}};
    asked.question.claims = &claim;
    asked.question.claim_count = 1;
    assert_says(ask(&asked, true), "{\"vote\":{\"claim\":\"other/1\",\"stance\":\"neutral\"");
    end(&asked);
}

/* The run queues for a core for 300 ms while the server uses half a core. */
static void queueing_for_a_core_counts_as_far_as_the_server_used_one(void **state)
{
    (void)state;
    struct asked asked = {0};
    struct scenario *s = &asked.scenario;
    scenario_init(s, 1, 1000);
    uint64_t root = scenario_process(s, 0, "loader", 0, 1000),
             database = scenario_peer(s, PEER_SOCKET, "", "127.0.0.1:6379");
    struct err err;
    struct row_attr owner = {.owner_table = TABLE_PEER, .owner = database};
    assert_int_equal(sink_attr(&s->data.sink, &owner, ATTR_SERVER, "redis-server[4194305]", &err), 0);
    scenario_series(s, &(struct scenario_series){.name = SERIES_CPU_SERVER "redis-server[4194305]",
                                                 .unit = "cores",
                                                 .end_ms = 1000,
                                                 .low = 0.1,
                                                 .high = 0.1});
    scenario_wait(s, root, 0, 200, WAIT_NETWORK, database);
    scenario_queue(s, root, 300, 600);
    judge_it(&asked);
    find(&asked);
    assert_int_equal(asked.places.items.count, 1);
    assert_near(asked.places.items.items[0].share, 0.2 + 0.1, 0.01);
    end(&asked);
}

static void more_than_the_share_allows_is_contradicted(void **state)
{
    (void)state;
    struct asked asked;
    client(&asked, 100);
    struct claim claims[] = {
        {.investigator = "other",
         .id = "1",
         .finding = {.cause = "config",
                     .where = {.peer = "10.0.0.2:5432"},
                     .change = "set:knob/work_mem=64MB",
                     .gain = {1.5, 1.4, 1.6, 1.6, 0, 0, 0}}},
        {.investigator = "other",
         .id = "2",
         .finding = {.cause = "config",
                     .where = {.peer = "10.0.0.2:5432"},
                     .change = "set:knob/work_mem=64MB",
                     .gain = {1.05, 1.01, 1.1, 1.1, 0, 0, 0}}},
        {.investigator = "other",
         .id = "3",
         .finding = {.cause = "cpu-hot", .where = {.process = "loader"}, .gain = {3, 3, 3, 3, 0, 0, 0}}}};
    asked.question.claims = claims;
    asked.question.claim_count = 3;
    const char *said = ask(&asked, true);
    assert_says(said, "{\"vote\":{\"claim\":\"other/1\",\"stance\":\"contradict\"");
    assert_says(said, "PostgreSQL at 10.0.0.2:5432 has 10 % of the critical path: at most 1.11x, not 1.50x");
    assert_says(said, "{\"vote\":{\"claim\":\"other/2\",\"stance\":\"neutral\"");
    assert_says(said, "{\"vote\":{\"claim\":\"other/3\",\"stance\":\"neutral\"");
    end(&asked);
}

static void write_text(const char *folder, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void rules_of_ones_own_judge_a_file_and_may_promise_too_much(void **state)
{
    (void)state;
    char folder[] = "/tmp/toll-rules-XXXXXX", rules[512];
    struct asked asked;
    struct err err;
    assert_non_null(mkdtemp(folder));
    write_text(folder, "app.json", "{\"pool\": {\"size\": 1, \"api_token\": \"hush\"}}");
    snprintf(rules, sizeof rules,
             "product: app\nfiles: %s/app.json\nformat: json\nrules:\n"
             "  - {key: pool.size, development: '< 4', production: 16, why: it is small, source: its manual, "
             "impact: about-50,"
             " acts_on: connections, bound: no}\n",
             folder);
    write_text(folder, "app.yaml", rules);
    client(&asked, 400);
    asked.question.rules = folder;
    const char *said = ask(&asked, false);
    assert_says(said, "\"change\":\"set:knob/pool.size=16\"");
    assert_says(said, "\"factor\":1.5,\"factor_low\":1.25,\"factor_high\":1.75");
    assert_says(said, "without regard to the critical path");
    assert_null(strstr(said, "hush"));
    write_text(folder, "app.yaml", "product: app\nrules: none\n");
    struct answers answers = {.fd = -1};
    assert_int_equal(configuration_investigator.claims(&asked.question, &answers, &err), -ERR_INPUT);
    assert_says(err.what, "app.yaml");
    answers_deinit(&answers);
    write_text(folder, "app.yaml", "");
    end(&asked);
    static const char *const names[] = {"app.json", "app.yaml"};
    for (size_t i = 0; i < 2; i++) {
        snprintf(rules, sizeof rules, "%s/%s", folder, names[i]);
        unlink(rules);
    }
    rmdir(folder);
}

int configuration_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_is_known_by_its_port_and_has_its_share_of_the_path),
        cmocka_unit_test(a_server_that_can_bring_nothing_is_cleared_unread),
        cmocka_unit_test(a_server_that_was_recorded_is_found_with_its_clients_address),
        cmocka_unit_test(a_server_that_was_recorded_alone_listens_on_this_machine),
        cmocka_unit_test(queueing_for_a_core_counts_as_far_as_the_server_used_one),
        cmocka_unit_test(more_than_the_share_allows_is_contradicted),
        cmocka_unit_test(rules_of_ones_own_judge_a_file_and_may_promise_too_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
