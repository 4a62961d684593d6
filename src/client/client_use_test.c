/* SPDX-License-Identifier: Apache-2.0 */
#include "client/client_use.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/attribution.h"
#include "analyze/scenario.h"
#include "base/clock.h"
#include "model/meta.h"

/* A run of one second, looked at without a finding of the verdict. */
struct seen {
    struct scenario scenario;
    struct verdict verdict;
    struct whatif whatif;
    struct arena arena;
    struct client_uses uses;
};

static void look(struct seen *seen)
{
    struct attribution attribution;
    struct err err = {0};
    struct run *run = &seen->scenario.run;
    scenario_walk(&seen->scenario);
    assert_int_equal(attribute_path(run, &seen->scenario.path, &seen->arena, &attribution, &err), 0);
    seen->verdict.run.wall_ns = run->end_ns - run->start_ns;
    seen->verdict.run.objective = "wall";
    seen->verdict.path = attribution.entries;
    seen->verdict.path_count = attribution.entry_count;
    if (whatif_init(run, &seen->whatif, &err))
        fail_msg("%s", err.what);
    struct client_look client_look = {.run = run,
                                      .whatif = &seen->whatif,
                                      .verdict = &seen->verdict,
                                      .arena = &seen->arena,
                                      .replays_left = 100};
    if (client_uses_find(&client_look, &seen->uses, &err))
        fail_msg("%s", err.what);
}

static void forget(struct seen *seen)
{
    client_uses_deinit(&seen->uses);
    whatif_deinit(&seen->whatif);
    arena_free(&seen->arena);
    scenario_deinit(&seen->scenario);
}

/* `count` waits of a program for the server at `address`, 700 ms in all; 200 ms in the kernel. */
static uint64_t asks(struct seen *seen, const char *address, uint64_t count)
{
    struct scenario *s = &seen->scenario;
    *seen = (struct seen){0};
    scenario_init(s, 2, 1000);
    uint64_t root = scenario_process(s, 0, "asker", 0, 1000);
    scenario_connection(s, address, "127.0.0.1:40001");
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
    scenario_attr(s, root, ATTR_CPU_USER_NS, 100 * NS_PER_MS);
    scenario_attr(s, root, ATTR_CPU_SYSTEM_NS, 200 * NS_PER_MS);
    return root;
}

static void calls(struct seen *seen, uint64_t thread, uint64_t operation, uint64_t count, uint64_t bytes)
{
    struct scenario_io io = {
        .thread = thread, .peer = 1, .operation = operation, .count = count, .bytes = count * bytes};
    scenario_io(&seen->scenario, &io);
}

static void rows_sent_one_by_one_are_seen_with_what_a_batch_brings(void **state)
{
    (void)state;
    struct seen seen;
    uint64_t root = asks(&seen, "127.0.0.1:5432", 8000);
    calls(&seen, root, IO_WRITE, 8000, 80);
    calls(&seen, root, IO_READ, 8000, 20);
    look(&seen);
    const struct client_use *use = client_use_of(&seen.uses, "asker", "127.0.0.1:5432");
    assert_non_null(use);
    assert_int_equal(use->habit, CLIENT_SENDS_SINGLY);
    assert_int_equal(use->protocol, PROTOCOL_POSTGRES);
    assert_int_equal(use->trip_count, 8000);
    assert_true(strncmp(use->change, "batch:peer/127.0.0.1:5432=", 26) == 0);
    assert_true(use->batch_size >= 5 && use->batch_size <= 1000);
    assert_true(use->gain.factor > 3 && use->factor_max >= use->gain.factor);
    assert_true(use->gain.factor_low <= use->gain.factor && use->gain.factor <= use->gain.factor_high);
    assert_true(use->path_ratio > 0.69 && use->path_ratio <= 1);
    assert_string_equal(use->where.peer, "127.0.0.1:5432");
    assert_string_equal(client_use_text(use, &seen.arena),
                        "8,000 round trips, 80 B out and 20 B back each, over 1 connection");
    const char *rows[CLIENT_ROWS_MAX];
    size_t count = 0;
    struct err err;
    assert_int_equal(client_use_rows(&seen.scenario.run, use, &seen.arena, rows, &count, &err), 0);
    assert_int_equal(count, 2);
    assert_string_equal(rows[0], "waits 0-9");
    assert_string_equal(rows[1], "io 0-1");
    forget(&seen);
}

static void questions_one_by_one_are_told_from_rows(void **state)
{
    (void)state;
    struct seen seen;
    uint64_t root = asks(&seen, "127.0.0.1:6379", 8000);
    calls(&seen, root, IO_WRITE, 8000, 20);
    calls(&seen, root, IO_READ, 8000, 100);
    look(&seen);
    assert_int_equal(seen.uses.items.count, 1);
    assert_int_equal(seen.uses.items.items[0].habit, CLIENT_ASKS_SINGLY);
    assert_int_equal(seen.uses.items.items[0].protocol, PROTOCOL_REDIS);
    forget(&seen);
}

static void large_batches_are_fine_however_long_they_take(void **state)
{
    (void)state;
    struct seen seen;
    uint64_t root = asks(&seen, "127.0.0.1:5432", 80);
    calls(&seen, root, IO_WRITE, 80, 500000);
    calls(&seen, root, IO_READ, 80, 20);
    look(&seen);
    const struct client_use *use = &seen.uses.items.items[0];
    assert_int_equal(use->habit, CLIENT_FINE);
    assert_null(use->change);
    assert_true(use->path_ratio > 0.69 && use->factor_max < 1.3);
    forget(&seen);
}

static void a_connection_for_each_request_is_seen(void **state)
{
    (void)state;
    struct seen seen;
    uint64_t root = asks(&seen, "127.0.0.1:8080", 1000);
    calls(&seen, root, IO_WRITE, 1000, 60);
    calls(&seen, root, IO_READ, 1000, 200);
    calls(&seen, root, IO_CONNECT, 1000, 0);
    look(&seen);
    const struct client_use *use = &seen.uses.items.items[0];
    assert_int_equal(use->habit, CLIENT_CONNECTS_EACH);
    assert_string_equal(use->change, "cached:peer/127.0.0.1:8080=connection");
    assert_true(use->gain.factor > 1.2);
    forget(&seen);
}

/* A program that is started for each request is one client. */
static void programs_started_for_each_request_are_one_use(void **state)
{
    (void)state;
    struct seen seen = {0};
    char local[32];
    struct scenario *s = &seen.scenario;
    scenario_init(s, 2, 1000);
    uint64_t root = scenario_process(s, 0, "sh", 0, 1000);
    for (uint64_t i = 0; i < 9; i++) {
        uint64_t child = scenario_process(s, root, "curl", i * 100, i * 100 + 90);
        snprintf(local, sizeof local, "127.0.0.1:%u", (unsigned)(40000 + i));
        uint64_t peer = scenario_connection(s, "127.0.0.1:80", local);
        scenario_wait(s, child, i * 100 + 1, i * 100 + 80, WAIT_NETWORK, peer);
        scenario_child_wait(s, root, i * 100, i * 100 + 90, 0);
    }
    look(&seen);
    assert_int_equal(seen.uses.items.count, 1);
    const struct client_use *use = &seen.uses.items.items[0];
    assert_int_equal(use->process_count, 9);
    assert_int_equal(use->connection_count, 9);
    assert_int_equal(use->habit, CLIENT_CONNECTS_EACH);
    assert_string_equal(use->library->name, "curl");
    forget(&seen);
}

static void little_pieces_that_nobody_answers_are_flushed_one_by_one(void **state)
{
    (void)state;
    struct seen seen;
    uint64_t root = asks(&seen, "127.0.0.1:9009", 8000);
    calls(&seen, root, IO_WRITE, 8000, 90);
    look(&seen);
    const struct client_use *use = &seen.uses.items.items[0];
    assert_int_equal(use->habit, CLIENT_FLUSHES_EACH);
    assert_int_equal(use->protocol, PROTOCOL_INFLUX_LINE);
    assert_non_null(strstr(client_fix(use->library, use->protocol, use->habit), "uto-flush"));
    assert_true(use->gain.factor > 1.5);
    forget(&seen);
}

/* A file: `syncs` syncs, writes and reads. */
static enum client_habit habit_of_file(uint64_t syncs, uint64_t writes, uint64_t write_bytes)
{
    struct seen seen = {0};
    struct scenario *s = &seen.scenario;
    scenario_init(s, 2, 1000);
    uint64_t root = scenario_process(s, 0, "writer", 0, 1000);
    scenario_peer(s, PEER_FILE, "log", "/srv/log");
    for (uint64_t ms = 0; ms < 1000; ms += 100)
        scenario_wait(s, root, ms, ms + 80, WAIT_DISK_SYNC, 1);
    scenario_attr(s, root, ATTR_CPU_SYSTEM_NS, 150 * NS_PER_MS);
    calls(&seen, root, IO_WRITE, writes, write_bytes);
    calls(&seen, root, IO_SYNC, syncs, 0);
    look(&seen);
    enum client_habit habit = seen.uses.items.count ? seen.uses.items.items[0].habit : CLIENT_FINE;
    forget(&seen);
    return habit;
}

static void of_a_file_syncs_and_small_pieces_are_told_from_large_writes(void **state)
{
    (void)state;
    assert_int_equal(habit_of_file(500, 500, 100), CLIENT_SYNCS_EACH);
    assert_int_equal(habit_of_file(500, 1000, 100000), CLIENT_SYNCS_EACH);
    assert_int_equal(habit_of_file(5, 50000, 12), CLIENT_SMALL_PIECES);
    assert_int_equal(habit_of_file(5, 500, 1000000), CLIENT_FINE);
}

static void who_is_asked_is_no_client(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct scenario *s = &seen.scenario;
    scenario_init(s, 2, 1000);
    uint64_t root = scenario_process(s, 0, "server", 0, 1000);
    scenario_connection(s, "127.0.0.1:45001", "127.0.0.1:8080");
    scenario_wait(s, root, 0, 900, WAIT_NETWORK, 1);
    look(&seen);
    assert_int_equal(seen.uses.items.count, 0);
    forget(&seen);
}

static void a_protocol_is_told_by_the_server_or_the_port(void **state)
{
    (void)state;
    assert_int_equal(client_protocol_of("redis-server", "127.0.0.1:7001"), PROTOCOL_REDIS);
    assert_int_equal(client_protocol_of("nginx", NULL), PROTOCOL_HTTP);
    assert_int_equal(client_protocol_of("clickhouse-serv", NULL), PROTOCOL_HTTP);
    assert_int_equal(client_protocol_of(NULL, "10.0.0.9:3306"), PROTOCOL_MYSQL);
    assert_int_equal(client_protocol_of(NULL, "/run/postgresql/.s.PGSQL.5433"), PROTOCOL_POSTGRES);
    assert_int_equal(client_protocol_of("mine", "127.0.0.1:7001"), PROTOCOL_UNKNOWN);
    assert_int_equal(client_protocol_of(NULL, ""), PROTOCOL_UNKNOWN);
}

static void every_library_has_a_way_out_of_each_habit(void **state)
{
    (void)state;
    for (int habit = CLIENT_FINE + 1; habit < CLIENT_HABIT_COUNT; habit++) {
        for (size_t i = 0; i < client_library_count; i++)
            assert_true(strlen(client_fix(&client_libraries[i], client_libraries[i].protocol,
                                          (enum client_habit)habit)) > 10);
        for (int protocol = 0; protocol < PROTOCOL_COUNT; protocol++)
            assert_true(strlen(client_fix(NULL, (enum client_protocol)protocol, (enum client_habit)habit)) >
                        10);
    }
    for (size_t i = 0; i < client_library_count; i++)
        assert_true(client_libraries[i].module || client_libraries[i].process);
}

int client_use_test(void);

int client_use_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_sent_one_by_one_are_seen_with_what_a_batch_brings),
        cmocka_unit_test(questions_one_by_one_are_told_from_rows),
        cmocka_unit_test(large_batches_are_fine_however_long_they_take),
        cmocka_unit_test(a_connection_for_each_request_is_seen),
        cmocka_unit_test(programs_started_for_each_request_are_one_use),
        cmocka_unit_test(little_pieces_that_nobody_answers_are_flushed_one_by_one),
        cmocka_unit_test(of_a_file_syncs_and_small_pieces_are_told_from_large_writes),
        cmocka_unit_test(who_is_asked_is_no_client),
        cmocka_unit_test(a_protocol_is_told_by_the_server_or_the_port),
        cmocka_unit_test(every_library_has_a_way_out_of_each_habit),
    };
    return cmocka_run_group_tests_name("client_use", tests, NULL, NULL);
}
