/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/scenario.h"
#include "analyze/trend.h"
#include "analyze/trips.h"
#include "analyze/whatif_replay.h"
#include "base/clock.h"
#include "model/meta.h"
#include "run/exchange.h"

static uint64_t replay_ms(const struct run *run, const char *change)
{
    struct whatif whatif;
    struct whatif_result result;
    struct err err;
    assert_int_equal(whatif_init(run, &whatif, &err), 0);
    if (whatif_text(&whatif, change, &result, &err))
        fail_msg("%s: %s", change, err.what);
    whatif_deinit(&whatif);
    return (result.wall_ns_after + NS_PER_MS / 2) / NS_PER_MS;
}

static int refused(const struct run *run, const char *change)
{
    struct whatif whatif;
    struct whatif_result result;
    struct err err;
    assert_int_equal(whatif_init(run, &whatif, &err), 0);
    int status = whatif_text(&whatif, change, &result, &err);
    whatif_deinit(&whatif);
    return status;
}

/* A second of 8,000 questions: 600 ms of waiting, 400 ms of CPU, half of it in the kernel. */
static uint64_t questions(struct scenario *s)
{
    scenario_init(s, 2, 1000);
    uint64_t root = scenario_process(s, 0, "asker", 0, 1000);
    uint64_t server = scenario_connection(s, "10.0.0.1:6379", "10.0.0.2:40001");
    for (uint64_t ms = 0; ms < 1000; ms += 100) {
        struct row_wait row = {.track = root,
                               .start_ns = ms,
                               .end_ns = ms + 100,
                               .count = 800,
                               .blocked_ns = 60,
                               .reason = WAIT_NETWORK,
                               .peer = server};
        scenario_waits(s, &row);
    }
    scenario_attr(s, root, ATTR_CPU_USER_NS, 200 * NS_PER_MS);
    scenario_attr(s, root, ATTR_CPU_SYSTEM_NS, 200 * NS_PER_MS);
    struct scenario_io io = {
        .thread = root, .peer = server, .operation = IO_WRITE, .count = 8000, .bytes = 160000};
    scenario_io(s, &io);
    io.operation = IO_READ;
    io.bytes = 800000;
    scenario_io(s, &io);
    return root;
}

static void calls_that_were_timed_count_once_and_share_the_kernel_s_time(void **state)
{
    (void)state;
    struct scenario s;
    uint64_t root = questions(&s);
    /* 700 ms inside the calls, 600 of them waiting; beside them 100 ms in calls for a file. */
    uint64_t file = scenario_peer(&s, PEER_FILE, "log", "");
    struct scenario_io io = {.thread = root,
                             .peer = 1,
                             .operation = IO_READ,
                             .count = 8000,
                             .bytes = 10,
                             .time_ns = 700 * NS_PER_MS};
    scenario_io(&s, &io);
    io = (struct scenario_io){.thread = root,
                              .peer = file,
                              .operation = IO_WRITE,
                              .count = 100,
                              .bytes = 100,
                              .time_ns = 100 * NS_PER_MS};
    scenario_io(&s, &io);
    scenario_attr(&s, root, ATTR_RECORDING_NS, 8 * NS_PER_MS);
    scenario_walk(&s);
    const struct run_flow *server = exchange_flow(&s.run, 0, "10.0.0.1:6379");
    assert_int_equal(exchange_call_count(server), 8000);
    /* Seven eighths of 200 ms would be 175, but only 100 ms were not waiting. Telling of them took 7 of 8 ms. */
    assert_int_equal(exchange_call_cpu_ns(&s.run, server), 107 * NS_PER_MS);
    /* An eighth of it would be 10 us a call: that went into something else. */
    assert_int_equal(exchange_call_cpu_ns(&s.run, exchange_flow(&s.run, 0, "log")),
                     25 * NS_PER_MS + 200 * NS_PER_US);
    scenario_deinit(&s);
}

static void a_batch_waits_and_calls_once_for_so_many(void **state)
{
    (void)state;
    struct scenario s;
    questions(&s);
    scenario_walk(&s);
    /* 200 ms of the program's own, a hundredth of 200 ms of calls and 600 ms of waiting, and a tenth of the server's
     * work. */
    assert_in_range(replay_ms(&s.run, "batch:peer/10.0.0.1:6379=100"), 264, 271);
    assert_in_range(replay_ms(&s.run, "batch:peer/10.0.0.1:6379=2"), 625, 635);
    assert_in_range(replay_ms(&s.run, "batch:process/asker=100"), 264, 271);
    assert_int_equal(replay_ms(&s.run, "batch:peer/10.0.0.1:6379=1"), 1000);
    assert_int_equal(refused(&s.run, "batch:peer/10.0.0.1:6379=0.5"), -ERR_USAGE);
    assert_int_equal(refused(&s.run, "batch:function/main=2"), -ERR_USAGE);
    scenario_deinit(&s);
}

static void there_are_no_fewer_calls_than_one(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 2, 1000);
    uint64_t root = scenario_process(&s, 0, "asker", 0, 1000);
    uint64_t server = scenario_connection(&s, "10.0.0.1:6379", "10.0.0.2:40001");
    for (uint64_t ms = 0; ms < 1000; ms += 100)
        scenario_wait(&s, root, ms, ms + 90, WAIT_NETWORK, server);
    scenario_walk(&s);
    /* One of ten waits and a tenth of nine is left, and 100 ms of running. */
    assert_in_range(replay_ms(&s.run, "batch:peer/10.0.0.1:6379=1000"), 269, 273);
    scenario_deinit(&s);
}

/* Ten rounds of 50 ms in a server of the run's own, 50 ms in the client. */
static void a_batch_of_a_recorded_server_is_still_worked_off(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 2, 1000);
    uint64_t client = scenario_process(&s, 0, "client", 0, 1000);
    uint64_t server = scenario_process(&s, client, "server", 0, 1000);
    uint64_t question = scenario_connection(&s, "127.0.0.1:99", "127.0.0.1:40001");
    uint64_t answer = scenario_connection(&s, "127.0.0.1:40001", "127.0.0.1:99");
    for (uint64_t ms = 0; ms < 1000; ms += 100) {
        struct scenario_wake wait = {.thread = server,
                                     .waker = client,
                                     .start_ms = ms,
                                     .end_ms = ms + 50,
                                     .reason = WAIT_NETWORK,
                                     .peer = answer,
                                     .source = WAKER_EXACT};
        scenario_woken(&s, &wait);
        wait = (struct scenario_wake){.thread = client,
                                      .waker = server,
                                      .start_ms = ms + 50,
                                      .end_ms = ms + 100,
                                      .reason = WAIT_NETWORK,
                                      .peer = question,
                                      .source = WAKER_EXACT};
        scenario_woken(&s, &wait);
    }
    scenario_walk(&s);
    /* All ten questions go out in 500 ms, and the server is at work from the first on. */
    uint64_t ms = replay_ms(&s.run, "batch:peer/127.0.0.1:99=10");
    assert_in_range(ms, 500, 620);
    scenario_deinit(&s);
}

static void connection_calls_go_when_connections_are_kept(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 2, 1000);
    uint64_t root = scenario_process(&s, 0, "asker", 0, 1000);
    for (uint64_t i = 0; i < 100; i++) {
        char local[32];
        snprintf(local, sizeof local, "10.0.0.2:%d", 40000 + (int)i);
        uint64_t server = scenario_connection(&s, "10.0.0.1:80", local);
        scenario_wait(&s, root, i * 10, i * 10 + 4, WAIT_NETWORK, server);
    }
    scenario_attr(&s, root, ATTR_CPU_USER_NS, 300 * NS_PER_MS);
    scenario_attr(&s, root, ATTR_CPU_SYSTEM_NS, 300 * NS_PER_MS);
    scenario_walk(&s);
    const struct run_flow *flow = exchange_flow(&s.run, 0, "10.0.0.1:80");
    assert_int_equal(flow->connection_count, 100);
    assert_int_equal(flow->connection_late_count, 49);
    /* Of 400 ms waiting half goes, of 600 ms running three fifths of the kernel's half. */
    assert_in_range(replay_ms(&s.run, "cached:peer/10.0.0.1:80=connection"), 615, 635);
    assert_int_equal(refused(&s.run, "cached:peer/10.0.0.1:80"), -ERR_USAGE);
    scenario_deinit(&s);
}

/* 50 questions over 500 ms, each on a connection of its own: 6 ms until the other end has made it, 2 ms for the answer. */
static void the_first_wait_for_each_connection_is_what_keeping_it_saves(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 2, 500);
    uint64_t root = scenario_process(&s, 0, "client", 0, 500);
    for (uint64_t i = 0; i < 50; i++) {
        char local[32];
        snprintf(local, sizeof local, "10.0.0.2:%u", (unsigned)(40000 + i));
        uint64_t server = scenario_connection(&s, "10.0.0.1:5432", local);
        scenario_wait(&s, root, i * 10, i * 10 + 6, WAIT_NETWORK, server);
        scenario_wait(&s, root, i * 10 + 7, i * 10 + 9, WAIT_NETWORK, server);
        struct scenario_io made = {.thread = root, .peer = server, .operation = IO_CONNECT, .count = 1};
        scenario_io(&s, &made);
    }
    scenario_walk(&s);
    const struct run_flow *flow = exchange_flow(&s.run, 0, "10.0.0.1:5432");
    assert_non_null(flow);
    assert_true(flow->opening_wait_ns == 300 * NS_PER_MS && flow->wait_ns == 400 * NS_PER_MS);
    /* One connection still has to be made. */
    assert_in_range(replay_ms(&s.run, "cached:peer/10.0.0.1:5432=connection"), 204, 208);
    scenario_deinit(&s);
}

static void questions_and_answers_are_trips_and_a_stream_is_none(void **state)
{
    (void)state;
    struct scenario s;
    struct trips trips;
    uint64_t root = questions(&s);
    uint64_t stream = scenario_connection(&s, "10.0.0.3:80", "10.0.0.2:40001");
    uint64_t client = scenario_connection(&s, "10.0.0.9:50123", "10.0.0.2:99");
    uint64_t local = scenario_connection(&s, "/run/server", "");
    struct scenario_io io = {
        .thread = root, .peer = stream, .operation = IO_READ, .count = 9000, .bytes = 90000};
    scenario_io(&s, &io);
    io = (struct scenario_io){
        .thread = root, .peer = stream, .operation = IO_WRITE, .count = 40, .bytes = 4000};
    scenario_io(&s, &io);
    io = (struct scenario_io){
        .thread = root, .peer = client, .operation = IO_WRITE, .count = 9000, .bytes = 9000};
    scenario_io(&s, &io);
    io.operation = IO_READ;
    scenario_io(&s, &io);
    scenario_holds(&s, root, local, IO_READ);
    scenario_walk(&s);
    assert_true(trips_of(&s.run, exchange_flow(&s.run, 0, "10.0.0.1:6379"), &trips));
    assert_int_equal(trips.count, 8000);
    assert_true(trips.is_counted && !trips.is_sending && trips.keeps_connection);
    assert_false(trips_of(&s.run, exchange_flow(&s.run, 0, "10.0.0.3:80"), &trips));
    /* A client asks us: who answers is not chatty. */
    assert_false(trips_of(&s.run, exchange_flow(&s.run, 0, "10.0.0.9:50123"), &trips));
    assert_false(trips_of(&s.run, exchange_flow(&s.run, 0, "/run/server"), &trips));
    scenario_deinit(&s);
}

static void a_rise_is_told_with_its_pace(void **state)
{
    (void)state;
    struct scenario s;
    struct trend trend;
    scenario_init(&s, 2, 2000);
    uint64_t root = scenario_process(&s, 0, "leaker", 0, 2000);
    struct scenario_series rising = {root, SERIES_DESCRIPTORS, "descriptors", 100, 2000, 10, 390};
    scenario_series(&s, &rising);
    struct scenario_series jump = {root, "connections", "", 100, 150, 10, 300};
    uint64_t pool = scenario_series(&s, &jump);
    struct scenario_series flat = {root, "connections", "", 160, 2000, 300, 300};
    scenario_points(&s, pool, &flat);
    struct scenario_series up = {root, "queue", "", 0, 1000, 0, 800},
                           down = {root, "queue", "", 1010, 2000, 792, 0};
    scenario_points(&s, scenario_series(&s, &up), &down);
    scenario_walk(&s);
    assert_true(trend_of(trend_series(&s.run, 0, SERIES_DESCRIPTORS), &trend));
    assert_true(trend.is_lasting && trend.rate_per_s > 199 && trend.rate_per_s < 201);
    assert_true(trend.low == 10 && trend.high == 390);
    /* Opened at the start and kept: no growth. */
    assert_false(trend_of(trend_series(&s.run, 0, "connections"), &trend));
    assert_true(trend_of(trend_series(&s.run, 0, "queue"), &trend));
    assert_false(trend.is_lasting);
    assert_true(trend.rate_per_s > 799 && trend.rate_per_s < 801);
    scenario_deinit(&s);
}

static void a_long_series_is_thinned_and_keeps_its_shape(void **state)
{
    (void)state;
    struct scenario s;
    struct trend trend;
    scenario_init(&s, 2, 100000);
    uint64_t root = scenario_process(&s, 0, "leaker", 0, 100000);
    struct scenario_series rising = {root, SERIES_DESCRIPTORS, "descriptors", 0, 99990, 0, 9999};
    scenario_series(&s, &rising);
    scenario_walk(&s);
    const struct run_series *series = trend_series(&s.run, 0, SERIES_DESCRIPTORS);
    assert_int_equal(series->seen_count, 10000);
    assert_in_range(series->points.count, EXCHANGE_POINT_MAX / 2, EXCHANGE_POINT_MAX);
    assert_true(series->last.value == 9999);
    assert_true(trend_of(series, &trend) && trend.is_lasting);
    assert_true(trend.rate_per_s > 99 && trend.rate_per_s < 101);
    scenario_deinit(&s);
}

int call_change_test(void);
int call_change_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_that_were_timed_count_once_and_share_the_kernel_s_time),
        cmocka_unit_test(a_batch_waits_and_calls_once_for_so_many),
        cmocka_unit_test(there_are_no_fewer_calls_than_one),
        cmocka_unit_test(a_batch_of_a_recorded_server_is_still_worked_off),
        cmocka_unit_test(connection_calls_go_when_connections_are_kept),
        cmocka_unit_test(the_first_wait_for_each_connection_is_what_keeping_it_saves),
        cmocka_unit_test(questions_and_answers_are_trips_and_a_stream_is_none),
        cmocka_unit_test(a_rise_is_told_with_its_pace),
        cmocka_unit_test(a_long_series_is_thinned_and_keeps_its_shape),
    };
    return cmocka_run_group_tests_name("call_change", tests, NULL, NULL);
}
