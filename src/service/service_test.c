/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Services by hand: a front that clients hold connections to, a shop of workers behind it, and a database. Times are
 * milliseconds; each worker of the shop takes one request after another.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/scenario.h"
#include "base/clock.h"
#include "model/meta.h"
#include "service/service.h"

#define WALL_MS     2000
#define WORKERS_MAX 8

struct fixture {
    struct scenario scenario;
    uint64_t front, shop, database;
    uint64_t workers[WORKERS_MAX];
    uint64_t worker_count;
    uint64_t database_peer, accept_peer, lock, condition;
    struct verdict verdict;
};

static uint64_t socket_peer(struct scenario *s, const char *address, const char *local)
{
    struct row_peer row = {.id = ++s->next_peer, .kind = PEER_SOCKET};
    assert_int_equal(sink_intern(&s->data.sink, address, &row.address, NULL), 0);
    assert_int_equal(sink_intern(&s->data.sink, local, &row.path, NULL), 0);
    assert_int_equal(sink_append(&s->data.sink, peer, &row, NULL), 0);
    return row.id;
}

/* `count` reads and as many writes of the thread's process, over the whole window. */
static void traffic(struct scenario *s, uint64_t thread, uint64_t peer, uint64_t count)
{
    struct row_io row = {.track = thread - 1,
                         .peer = peer,
                         .start_ns = 1000 * NS_PER_MS,
                         .end_ns = (1000 + WALL_MS) * NS_PER_MS,
                         .count = count};
    for (row.operation = IO_READ; row.operation <= IO_WRITE; row.operation++)
        assert_int_equal(sink_append(&s->data.sink, io, &row, NULL), 0);
}

static void listens(struct scenario *s, uint64_t thread, const char *address)
{
    struct row_io row = {
        .track = thread - 1, .peer = socket_peer(s, address, address), .operation = IO_ACCEPT};
    assert_int_equal(sink_append(&s->data.sink, io, &row, NULL), 0);
}

/* The front has `clients` connections, with `requests` over all of them. */
static void build(struct fixture *f, uint64_t worker_count, uint64_t clients, uint64_t requests)
{
    struct scenario *s = &f->scenario;
    scenario_init(s, 2, WALL_MS);
    f->front = scenario_process(s, 0, "front", 0, WALL_MS);
    f->shop = scenario_process(s, 0, "shop", 0, WALL_MS);
    f->database = scenario_process(s, 0, "database", 0, WALL_MS);
    listens(s, f->front, "10.0.0.1:80");
    listens(s, f->shop, "10.0.0.1:81");
    listens(s, f->database, "10.0.0.1:82");
    f->accept_peer = socket_peer(s, "10.0.0.1:81", "10.0.0.1:81");
    for (uint64_t i = 0; i < clients; i++) {
        char address[32];
        snprintf(address, sizeof address, "10.0.0.9:%d", 40000 + (int)i);
        traffic(s, f->front, socket_peer(s, address, "10.0.0.1:80"), requests / clients);
    }
    scenario_holds(s, f->front, socket_peer(s, "10.0.0.1:81", "10.0.0.1:50000"), IO_WRITE);
    for (uint64_t ms = 0; ms + 10 <= WALL_MS; ms += 10) /* an event loop */
        scenario_wait(s, f->front, ms, ms + 9, WAIT_NETWORK, 0);
    scenario_wait(s, f->shop, 0, WALL_MS, WAIT_CHILD, 0); /* joins its workers */
    scenario_wait(s, f->database, 0, WALL_MS, WAIT_POLL, 0);
    f->database_peer = socket_peer(s, "10.0.0.1:82", "10.0.0.1:60000");
    f->lock = scenario_peer(s, PEER_LOCK, PEER_NAME_LOCK, "7:0x1000");
    f->condition = scenario_peer(s, PEER_LOCK, PEER_NAME_CONDITION, "7:0x2028");
    for (f->worker_count = 0; f->worker_count < worker_count; f->worker_count++)
        f->workers[f->worker_count] = scenario_thread(s, f->shop, "worker", 0, WALL_MS);
}

static void judge(struct fixture *f, const char *objective)
{
    struct err err = {0};
    if (run_load(&f->scenario.data.view, &f->scenario.run, &err))
        fail_msg("%s", err.what);
    f->verdict = (struct verdict){.run.objective = objective};
    if (service_judge(&f->scenario.run, &f->verdict, &err))
        fail_msg("%s", err.what);
    if (!f->verdict.service)
        fail_msg("no service");
}

static void finish(struct fixture *f)
{
    verdict_deinit(&f->verdict);
    scenario_deinit(&f->scenario);
}

static bool near(double value, double wanted, double part)
{
    return fabs(value - wanted) <= part * wanted;
}

/* Each of four workers: 8 ms outside, 2 ms at the database, again and again; nobody waits for work. */
static void busy_workers(struct fixture *f)
{
    build(f, 4, 16, 800);
    traffic(&f->scenario, f->shop, f->database_peer, 800);
    for (uint64_t i = 0; i < 4; i++)
        for (uint64_t ms = 0; ms + 10 <= WALL_MS; ms += 10) {
            scenario_wait(&f->scenario, f->workers[i], ms, ms + 8, WAIT_SLEEP, 0);
            scenario_wait(&f->scenario, f->workers[i], ms + 8, ms + 10, WAIT_NETWORK, f->database_peer);
        }
    traffic(&f->scenario, f->shop, socket_peer(&f->scenario, "10.0.0.1:82", "10.0.0.1:60001"), 8);
}

static void workers_that_never_wait_for_work_are_the_limit(void **state)
{
    struct fixture f;
    (void)state;
    busy_workers(&f);
    judge(&f, "throughput");
    const struct service *service = f.verdict.service;
    assert_string_equal(service->entry, "front");
    assert_string_equal(service->serving, "shop");
    assert_string_equal(service->request_source, "connections");
    assert_true(near(service->throughput_per_s, 400, 0.01));
    assert_int_equal(service->request_count, 800);
    assert_int_equal(service->client_count, 16);
    assert_true(near((double)service->latency_ns_p50, 10e6, 0.01));
    assert_string_equal(service->saturated.kind, "workers");
    assert_string_equal(service->saturated.name, "shop");
    assert_true(near((double)service->saturated.demand_ns, 2.5e6, 0.01));
    assert_int_equal(service->saturated.capacity, 4);
    assert_int_equal(f.verdict.finding_count, 1);
    const struct finding *finding = &f.verdict.findings[0];
    assert_string_equal(finding->cause, "config");
    assert_string_equal(finding->objective, "throughput");
    assert_string_equal(finding->change, "workers:process/shop=8");
    assert_true(near(finding->gain.throughput_per_s_after, 800, 0.15));
    assert_true(finding->gain.factor_low <= finding->gain.factor &&
                finding->gain.factor <= finding->gain.factor_high);
    finish(&f);
}

/* Six workers queue for a lock that is held 5 ms each time. */
static void a_lock_that_somebody_always_waits_for_is_the_limit(void **state)
{
    struct fixture f;
    (void)state;
    build(&f, 6, 16, 400);
    for (uint64_t i = 0; i < 6; i++)
        for (uint64_t turn = 0; turn * 30 + 30 <= WALL_MS; turn++) {
            uint64_t at =
                turn * 30 + i * 5; /* it has the lock for 5 ms from here on, after 20 ms of queueing */
            if (at >= 20)
                scenario_wait(&f.scenario, f.workers[i], at - 20, at, WAIT_LOCK, f.lock);
            scenario_wait(&f.scenario, f.workers[i], at, at + 10, WAIT_SLEEP, 0);
        }
    judge(&f, "throughput");
    assert_string_equal(f.verdict.service->saturated.kind, "lock");
    assert_string_equal(f.verdict.service->saturated.name, "7:0x1000");
    const struct finding *finding = &f.verdict.findings[0];
    assert_string_equal(finding->cause, "lock-contention");
    assert_string_equal(finding->change, "remove:lock/7:0x1000");
    /* 6 workers, 10 ms each without the queueing: 600 instead of 200. */
    assert_true(near(finding->gain.factor, 3, 0.15));
    finish(&f);
}

/* Two connections, 5 ms each; four workers take turns, and wait on a condition for one to be free. */
static void a_pool_of_connections_in_use_all_the_time_is_the_limit(void **state)
{
    struct fixture f;
    (void)state;
    build(&f, 4, 16, 800);
    uint64_t second = socket_peer(&f.scenario, "10.0.0.1:82", "10.0.0.1:60001");
    traffic(&f.scenario, f.shop, f.database_peer, 400);
    traffic(&f.scenario, f.shop, second, 400);
    for (uint64_t i = 0; i < 4; i++)
        for (uint64_t ms = (i / 2) * 5; ms + 10 <= WALL_MS; ms += 10) {
            scenario_wait(&f.scenario, f.workers[i], ms, ms + 5, WAIT_NETWORK,
                          i % 2 ? second : f.database_peer);
            scenario_wait(&f.scenario, f.workers[i], ms + 5, ms + 10, WAIT_LOCK, f.condition);
        }
    judge(&f, "throughput");
    assert_string_equal(f.verdict.service->saturated.kind, "connections");
    assert_string_equal(f.verdict.service->saturated.name, "10.0.0.1:82");
    assert_int_equal(f.verdict.service->saturated.capacity, 2);
    const struct finding *finding = &f.verdict.findings[0];
    assert_string_equal(finding->cause, "config");
    assert_string_equal(finding->change, "workers:peer/10.0.0.1:82=4");
    assert_true(finding->gain.factor > 1.5 && finding->gain.factor <= 2.05);
    finish(&f);
}

/* The same condition where the connections are not in use: it hands out work, and waiting for work is idle. */
static void a_condition_that_hands_out_work_is_idle_and_the_load_is_the_limit(void **state)
{
    struct fixture f;
    (void)state;
    build(&f, 4, 2, 400);
    uint64_t other = socket_peer(&f.scenario, "10.0.0.1:82", "10.0.0.1:60001");
    traffic(&f.scenario, f.shop, f.database_peer, 400);
    traffic(&f.scenario, f.shop, other, 8);
    for (uint64_t i = 0; i < 4; i++)
        for (uint64_t ms = i * 5; ms + 20 <= WALL_MS; ms += 20) {
            scenario_wait(&f.scenario, f.workers[i], ms, ms + 4, WAIT_NETWORK, f.database_peer);
            scenario_wait(&f.scenario, f.workers[i], ms + 5, ms + 20, WAIT_LOCK, f.condition);
        }
    judge(&f, "throughput");
    const struct service *service = f.verdict.service;
    assert_string_equal(service->saturated.kind, "load");
    assert_int_equal(f.verdict.finding_count, 0);
    for (size_t i = 0; i < service->resource_count; i++)
        assert_true(service->resources[i].utilisation_ratio < 0.8);
    assert_true(near((double)service->latency_ns_p50, 5e6, 0.05)); /* 4 ms asked, 1 ms computed */
    finish(&f);
}

/* Waiting to accept, while the database computes all the time on both cores. */
static void a_database_that_uses_up_the_cores_is_the_limit(void **state)
{
    struct fixture f;
    (void)state;
    build(&f, 4, 16, 400);
    struct scenario *s = &f.scenario;
    traffic(s, f.shop, f.database_peer, 400);
    for (uint64_t i = 0; i < 4; i++)
        for (uint64_t ms = 0; ms + 20 <= WALL_MS; ms += 20)
            scenario_wait(s, f.workers[i], ms, ms + 20, WAIT_NETWORK, f.database_peer);
    for (uint64_t i = 0; i < 3; i++) { /* of four backends two run and two queue */
        uint64_t backend = scenario_process(s, 0, "database", 0, WALL_MS);
        uint64_t client = socket_peer(s, "10.0.0.1:60000", "10.0.0.1:82");
        for (uint64_t ms = 0; ms + 20 <= WALL_MS; ms += 20) {
            scenario_queue(s, backend, ms + (i % 2) * 10, ms + (i % 2) * 10 + 9);
            scenario_wait(s, backend, ms + (i % 2) * 10 + 9, ms + (i % 2) * 10 + 10, WAIT_NETWORK, client);
        }
    }
    judge(&f, "throughput");
    assert_string_equal(f.verdict.service->saturated.kind, "peer");
    assert_string_equal(f.verdict.service->saturated.name, "10.0.0.1:82");
    assert_string_equal(f.verdict.findings[0].cause, "network-wait");
    assert_string_equal(f.verdict.findings[0].change, "speed:peer/10.0.0.1:82=2");
    assert_true(f.verdict.findings[0].gain.factor > 1.3);
    finish(&f);
}

/* One thread accepts and hands out, three work on what they get over a condition, all the time. */
static void who_hands_out_requests_is_no_worker(void **state)
{
    struct fixture f;
    (void)state;
    build(&f, 4, 16, 600);
    struct scenario *s = &f.scenario;
    for (uint64_t ms = 0; ms + 5 <= WALL_MS; ms += 5)
        scenario_wait(s, f.workers[3], ms, ms + 4, WAIT_IDLE, f.accept_peer);
    for (uint64_t i = 0; i < 3; i++)
        for (uint64_t ms = 0; ms + 10 <= WALL_MS; ms += 10) {
            scenario_wait(s, f.workers[i], ms, ms + 9, WAIT_SLEEP, 0);
            if (ms % 500 == 0) /* seldom nothing is there */
                scenario_wait(s, f.workers[i], ms + 9, ms + 10, WAIT_LOCK, f.condition);
        }
    judge(&f, "throughput");
    assert_string_equal(f.verdict.service->saturated.kind, "workers");
    assert_int_equal(f.verdict.service->saturated.capacity, 3);
    assert_string_equal(f.verdict.findings[0].change, "workers:process/shop=6");
    finish(&f);
}

/* Backends that take their own requests and wait for the one that has the row, most of the time. */
static void workers_that_wait_for_each_other_share_a_lock(void **state)
{
    struct fixture f;
    (void)state;
    build(&f, 0, 4, 400);
    struct scenario *s = &f.scenario;
    uint64_t backends[4];
    for (uint64_t i = 0; i < 4; i++) {
        char local[32];
        snprintf(local, sizeof local, "10.0.0.8:%d", 41000 + (int)i);
        backends[i] = scenario_process(s, 0, "database", 0, WALL_MS);
        traffic(s, backends[i], socket_peer(s, local, "10.0.0.1:82"), 200);
    }
    uint64_t client = socket_peer(s, "10.0.0.8:41000", "10.0.0.1:82");
    for (uint64_t i = 0; i < 4; i++)
        for (uint64_t ms = i * 5; ms + 20 <= WALL_MS; ms += 20) {
            scenario_wait(s, backends[i], ms, ms + 1, WAIT_NETWORK, client);
            scenario_woken(s, &(struct scenario_wake){.thread = backends[i],
                                                      .waker = backends[(i + 3) % 4],
                                                      .start_ms = ms + 1,
                                                      .end_ms = ms + 15,
                                                      .reason = WAIT_PIPE,
                                                      .source = WAKER_EXACT});
            scenario_wait(s, backends[i], ms + 15, ms + 19, WAIT_SLEEP, 0); /* holding it */
        }
    judge(&f, "throughput");
    assert_string_equal(f.verdict.service->saturated.kind, "lock");
    assert_string_equal(f.verdict.service->saturated.name, "database");
    assert_string_equal(f.verdict.findings[0].cause, "lock-contention");
    assert_non_null(strstr(f.verdict.findings[0].title, "wait for each other"));
    finish(&f);
}

static void spans_of_category_request_tell_requests_and_latency(void **state)
{
    struct fixture f;
    (void)state;
    busy_workers(&f);
    uint64_t name;
    assert_int_equal(sink_intern(&f.scenario.data.sink, "GET /", &name, NULL), 0);
    for (uint64_t i = 0; i < 100; i++) {
        struct row_span span = {.id = ++f.scenario.next_span,
                                .track = f.workers[0],
                                .name = name,
                                .category = SPAN_REQUEST,
                                .start_ns = (1000 + i * 20) * NS_PER_MS,
                                .end_ns = (1000 + i * 20 + (i == 99 ? 19 : 3)) * NS_PER_MS};
        assert_int_equal(sink_append(&f.scenario.data.sink, span, &span, NULL), 0);
    }
    judge(&f, "latency");
    const struct service *service = f.verdict.service;
    assert_string_equal(service->request_source, "spans");
    assert_int_equal(service->request_count, 100);
    assert_true(near((double)service->latency_ns_p50, 3e6, 0.01));
    assert_true(near((double)service->latency_ns_p99, 3e6, 0.01));
    assert_string_equal(f.verdict.findings[0].objective, "latency");
    finish(&f);
}

static void the_path_of_a_request_adds_up_to_its_time(void **state)
{
    struct fixture f;
    (void)state;
    busy_workers(&f);
    judge(&f, "latency");
    const struct service *service = f.verdict.service;
    uint64_t sum_ns = 0;
    for (size_t i = 0; i < service->path_p50_count; i++)
        sum_ns += service->path_p50[i].ns;
    assert_true(near((double)sum_ns, (double)service->latency_ns_p50, 0.02));
    assert_int_equal(service->path_p50[0].doing, WAIT_SLEEP);
    assert_true(near((double)service->path_p50[0].ns, 8e6, 0.02));
    finish(&f);
}

static void what_a_change_brings_is_asked_for_by_name(void **state)
{
    struct fixture f;
    struct service_prediction prediction;
    struct change change;
    struct err err = {0};
    (void)state;
    busy_workers(&f);
    judge(&f, "throughput");
    assert_int_equal(change_parse("workers:process/shop=6", &change, &err), 0);
    assert_int_equal(service_predict(&f.scenario.run, &change, 1, &prediction, &err), 0);
    assert_true(near(prediction.throughput_per_s_before, 400, 0.01));
    assert_true(near(prediction.throughput_per_s_after, 600, 0.1));
    assert_int_equal(change_parse("workers:process/nobody=6", &change, &err), 0);
    assert_int_equal(service_predict(&f.scenario.run, &change, 1, &prediction, &err), -ERR_USAGE);
    assert_non_null(strstr(err.what, "nobody"));
    finish(&f);
}

static void a_run_without_requests_says_so(void **state)
{
    struct fixture f;
    (void)state;
    scenario_init(&f.scenario, 2, WALL_MS);
    uint64_t alone = scenario_process(&f.scenario, 0, "batch", 0, WALL_MS);
    scenario_wait(&f.scenario, alone, 10, 20, WAIT_SLEEP, 0);
    judge(&f, "throughput");
    assert_true(f.verdict.service->throughput_per_s == 0);
    assert_int_equal(f.verdict.service->request_count, 0);
    assert_string_equal(f.verdict.service->saturated.kind, "load");
    assert_int_equal(f.verdict.service->latency_ns_p50, 0);
    finish(&f);
}

int service_test(void);
int service_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_that_never_wait_for_work_are_the_limit),
        cmocka_unit_test(a_lock_that_somebody_always_waits_for_is_the_limit),
        cmocka_unit_test(a_pool_of_connections_in_use_all_the_time_is_the_limit),
        cmocka_unit_test(a_condition_that_hands_out_work_is_idle_and_the_load_is_the_limit),
        cmocka_unit_test(a_database_that_uses_up_the_cores_is_the_limit),
        cmocka_unit_test(who_hands_out_requests_is_no_worker),
        cmocka_unit_test(workers_that_wait_for_each_other_share_a_lock),
        cmocka_unit_test(spans_of_category_request_tell_requests_and_latency),
        cmocka_unit_test(the_path_of_a_request_adds_up_to_its_time),
        cmocka_unit_test(what_a_change_brings_is_asked_for_by_name),
        cmocka_unit_test(a_run_without_requests_says_so),
    };
    return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}
