/* SPDX-License-Identifier: Apache-2.0 */
/* The causes of input and output, from a view to the verdict. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "judge/judged.h"
#include "model/meta.h"

/* A second: `count` waits for a server, 700 ms in all, and 300 ms of CPU, two thirds of it in the kernel. */
static uint64_t asks(struct scenario *s, uint64_t count)
{
    scenario_init(s, 2, 1000);
    uint64_t root = scenario_process(s, 0, "asker", 0, 1000);
    scenario_connection(s, "10.0.0.1:6379", "10.0.0.2:40001");
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

static void messages(struct scenario *s, uint64_t thread, uint64_t count, uint64_t out, uint64_t back)
{
    struct scenario_io io = {
        .thread = thread, .peer = 1, .operation = IO_WRITE, .count = count, .bytes = count * out};
    scenario_io(s, &io);
    io.operation = IO_READ;
    io.bytes = count * back;
    scenario_io(s, &io);
}

static void thousands_of_little_questions_are_a_chatty_client(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    uint64_t root = asks(&s, 8000);
    messages(&s, root, 8000, 20, 100);
    judge(&s, &verdict);
    const struct finding *first = &verdict.findings[0];
    assert_string_equal(first->cause, "chatty-client");
    assert_string_equal(first->where.process, "asker");
    assert_string_equal(first->where.peer, "10.0.0.1:6379");
    assert_true(strncmp(first->change, "batch:peer/10.0.0.1:6379=", 25) == 0);
    assert_true(first->gain.factor > 5 && first->gain.factor < 6.1);
    assert_true(first->gain.factor_max >= first->gain.factor && first->gain.factor_max < 6.1);
    assert_true(first->critical_ratio > 0.85 && first->critical_ratio <= 1);
    assert_true(
        judged_has_evidence(first, "8000 questions to 10.0.0.1:6379, with 20 bytes out and 100 bytes back"));
    assert_null(judged_finding(&verdict, "small-batches"));
    judged_deinit(&s, &verdict);
}

static void thousands_of_little_pieces_sent_are_small_batches(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    uint64_t root = asks(&s, 8000);
    messages(&s, root, 8000, 80, 20);
    judge(&s, &verdict);
    const struct finding *first = &verdict.findings[0];
    assert_string_equal(first->cause, "small-batches");
    assert_true(strncmp(first->change, "batch:peer/10.0.0.1:6379=", 25) == 0);
    assert_non_null(strstr(first->fix, "at once"));
    assert_null(judged_finding(&verdict, "chatty-client"));
    judged_deinit(&s, &verdict);
}

/* A recorder that counts calls may know the connections by their number alone. */
static void a_connection_for_each_question_is_no_chat(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    uint64_t root = asks(&s, 8000);
    messages(&s, root, 8000, 50, 200);
    struct scenario_io io = {.thread = root, .peer = 1, .operation = IO_CONNECT, .count = 7990};
    scenario_io(&s, &io);
    judge(&s, &verdict);
    assert_null(judged_finding(&verdict, "chatty-client"));
    judged_deinit(&s, &verdict);
}

/* Eight thousand waits for one large answer are no questions: messages say so; without their number nothing does. */
static void a_download_is_no_chat(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    uint64_t root = asks(&s, 8000);
    struct scenario_io io = {
        .thread = root, .peer = 1, .operation = IO_READ, .count = 8000, .bytes = 8000 * UINT64_C(60000)};
    scenario_io(&s, &io);
    io = (struct scenario_io){.thread = root, .peer = 1, .operation = IO_WRITE, .count = 1, .bytes = 50};
    scenario_io(&s, &io);
    judge(&s, &verdict);
    assert_null(judged_finding(&verdict, "chatty-client"));
    assert_null(judged_finding(&verdict, "small-batches"));
    judged_deinit(&s, &verdict);
    asks(&s, 8000);
    judge(&s, &verdict);
    assert_null(judged_finding(&verdict, "chatty-client"));
    judged_deinit(&s, &verdict);
}

/* A second: 200 requests, each on a connection of its own. With `pool`, on twenty connections that stay. */
static void connects(struct scenario *s, bool pool)
{
    scenario_init(s, 2, 1000);
    uint64_t root = scenario_process(s, 0, "asker", 0, 1000);
    for (uint64_t i = 0; i < 200; i++) {
        char local[32];
        snprintf(local, sizeof local, "10.0.0.2:%d", 40000 + (int)i);
        if (!pool || i < 20)
            scenario_connection(s, "10.0.0.1:80", local);
        scenario_wait(s, root, i * 5, i * 5 + 3, WAIT_NETWORK, pool ? 1 + i % 20 : 1 + i);
    }
    scenario_attr(s, root, ATTR_CPU_USER_NS, 100 * NS_PER_MS);
    scenario_attr(s, root, ATTR_CPU_SYSTEM_NS, 300 * NS_PER_MS);
    struct scenario_series opens = {0, SERIES_TCP_OPENS, "connections", 0, 1000, 5000, 5250};
    scenario_series(s, &opens);
}

static void a_connection_for_each_request_is_churn(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    connects(&s, false);
    judge(&s, &verdict);
    const struct finding *finding = judged_finding(&verdict, "connection-churn");
    assert_non_null(finding);
    assert_string_equal(finding->change, "cached:peer/10.0.0.1:80=connection");
    assert_true(judged_has_evidence(finding, "200 different connections"));
    assert_true(judged_has_evidence(finding, "the machine opened 250"));
    assert_true(finding->gain.factor > 1.5);
    judged_deinit(&s, &verdict);
    connects(&s, true);
    judge(&s, &verdict);
    assert_null(judged_finding(&verdict, "connection-churn"));
    judged_deinit(&s, &verdict);
}

/* A second of CPU, 700 ms of it in the kernel, and half a million calls of that many bytes. */
static void writes(struct scenario *s, uint64_t bytes, uint64_t peer_kind)
{
    scenario_init(s, 2, 1000);
    uint64_t root = scenario_process(s, 0, "writer", 0, 1000);
    uint64_t peer = peer_kind ? scenario_peer(s, peer_kind, "numbers", "") : 0;
    scenario_attr(s, root, ATTR_CPU_USER_NS, 300 * NS_PER_MS);
    scenario_attr(s, root, ATTR_CPU_SYSTEM_NS, 700 * NS_PER_MS);
    struct scenario_io io = {
        .thread = root, .peer = peer, .operation = IO_WRITE, .count = 500000, .bytes = 500000 * bytes};
    scenario_io(s, &io);
}

static void a_call_for_a_few_bytes_is_unbuffered(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    writes(&s, 8, 0);
    judge(&s, &verdict);
    const struct finding *first = &verdict.findings[0];
    assert_string_equal(first->cause, "unbuffered-io");
    assert_true(strncmp(first->change, "batch:process/writer=", 21) == 0);
    assert_true(first->gain.factor > 2.9 && first->gain.factor < 3.4);
    assert_true(judged_has_evidence(first, "500000 writes of 8.0 bytes each"));
    assert_true(judged_has_evidence(first, "not known"));
    judged_deinit(&s, &verdict);
    writes(&s, 8, PEER_FILE);
    judge(&s, &verdict);
    first = &verdict.findings[0];
    assert_string_equal(first->cause, "unbuffered-io");
    assert_string_equal(first->where.path, "numbers");
    assert_true(strncmp(first->change, "batch:peer/numbers=", 19) == 0);
    judged_deinit(&s, &verdict);
    writes(&s, 65536, 0);
    judge(&s, &verdict);
    assert_null(judged_finding(&verdict, "unbuffered-io"));
    judged_deinit(&s, &verdict);
}

/* Calls that are told apart by nothing, of a process that waits for a connection after every few: messages. */
static void little_messages_of_a_process_are_not_unbuffered(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    uint64_t root = asks(&s, 8000);
    struct scenario_io io = {
        .thread = root, .operation = IO_WRITE, .count = 16000, .bytes = 16000 * (uint64_t)64};
    scenario_io(&s, &io);
    io.operation = IO_READ;
    scenario_io(&s, &io);
    judge(&s, &verdict);
    assert_null(judged_finding(&verdict, "unbuffered-io"));
    judged_deinit(&s, &verdict);
    /* Who asks a server 10000 questions and writes 90000 times a few bytes does not send those. */
    root = asks(&s, 10000);
    io = (struct scenario_io){
        .thread = root, .operation = IO_WRITE, .count = 100000, .bytes = 100000 * (uint64_t)16};
    scenario_io(&s, &io);
    io.operation = IO_READ, io.count = 10000, io.bytes = 10000 * (uint64_t)100;
    scenario_io(&s, &io);
    judge(&s, &verdict);
    assert_non_null(judged_finding(&verdict, "unbuffered-io"));
    judged_deinit(&s, &verdict);
}

/* A leak loses no time: it stands behind what gains, and is there however much else there is. */
static void a_leak_is_told_with_its_limit_behind_what_gains(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    uint64_t root = asks(&s, 8000);
    messages(&s, root, 8000, 20, 100);
    struct scenario_series rising = {root, SERIES_DESCRIPTORS, "descriptors", 0, 1000, 24, 524};
    scenario_series(&s, &rising);
    scenario_attr(&s, root, ATTR_DESCRIPTOR_LIMIT, 1024);
    judge(&s, &verdict);
    assert_string_equal(verdict.findings[0].cause, "chatty-client");
    const struct finding *leak = judged_finding(&verdict, "handle-leak");
    assert_non_null(leak);
    assert_int_equal(leak->priority, PRIORITY_P2);
    assert_null(leak->change);
    assert_true(leak->gain.factor == 0 && leak->gain.factor_max == 1);
    assert_non_null(strstr(leak->title, "500 more every second"));
    assert_true(judged_has_evidence(leak, "the limit of 1024 is reached in 1.00 s"));
    judged_deinit(&s, &verdict);
}

static void descriptors_of_a_pool_are_no_leak(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    scenario_init(&s, 2, 1000);
    uint64_t root = scenario_process(&s, 0, "server", 0, 1000);
    struct scenario_series up = {root, SERIES_DESCRIPTORS, "descriptors", 0, 100, 10, 510};
    struct scenario_series stay = {root, SERIES_DESCRIPTORS, "descriptors", 110, 1000, 510, 511};
    scenario_points(&s, scenario_series(&s, &up), &stay);
    judge(&s, &verdict);
    assert_null(judged_finding(&verdict, "handle-leak"));
    judged_deinit(&s, &verdict);
}

static void a_queue_that_grows_is_told_and_a_counter_of_work_is_not(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    scenario_init(&s, 2, 1000);
    uint64_t root = scenario_process(&s, 0, "server", 0, 1000);
    struct scenario_series waiting = {root, "jobs waiting", "", 0, 1000, 0, 900};
    struct scenario_series rows = {root, "rows", "", 0, 1000, 0, 900};
    struct scenario_series memory = {root, SERIES_RSS, "bytes", 0, 1000, 1e7, 5e7};
    struct scenario_series total = {0, SERIES_MEMORY_TOTAL, "bytes", 0, 1000, 4.05e9, 4.05e9};
    struct scenario_series socket = {root, SERIES_QUEUE_ACCEPT "0.0.0.0:80", "clients", 0, 1000, 0, 90};
    scenario_series(&s, &waiting);
    scenario_series(&s, &rows);
    scenario_series(&s, &memory);
    scenario_series(&s, &total);
    scenario_series(&s, &socket);
    /* A child holds the same socket. */
    uint64_t child = scenario_process(&s, root, "server", 1, 1000);
    socket.thread = child;
    scenario_series(&s, &socket);
    judge(&s, &verdict);
    size_t count = 0;
    for (size_t i = 0; i < verdict.finding_count; i++)
        count += strcmp(verdict.findings[i].cause, "queue-growth") == 0;
    assert_int_equal(count, 2);
    const struct finding *queue = judged_finding(&verdict, "queue-growth");
    assert_string_equal(queue->where.peer, "jobs waiting");
    assert_int_equal(queue->priority, PRIORITY_P2);
    assert_non_null(strstr(queue->title, "grow by 900 items a second"));
    assert_true(judged_has_evidence(
        queue, "40.0 MB a second meanwhile; at that pace it fills the machine's in 100.0 s"));
    assert_true(judged_has_evidence(queue, "still grew"));
    judged_deinit(&s, &verdict);
}

int io_causes_test(void);
int io_causes_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thousands_of_little_questions_are_a_chatty_client),
        cmocka_unit_test(thousands_of_little_pieces_sent_are_small_batches),
        cmocka_unit_test(a_connection_for_each_question_is_no_chat),
        cmocka_unit_test(a_download_is_no_chat),
        cmocka_unit_test(a_connection_for_each_request_is_churn),
        cmocka_unit_test(a_call_for_a_few_bytes_is_unbuffered),
        cmocka_unit_test(little_messages_of_a_process_are_not_unbuffered),
        cmocka_unit_test(a_leak_is_told_with_its_limit_behind_what_gains),
        cmocka_unit_test(descriptors_of_a_pool_are_no_leak),
        cmocka_unit_test(a_queue_that_grows_is_told_and_a_counter_of_work_is_not),
    };
    return cmocka_run_group_tests_name("io_causes", tests, NULL, NULL);
}
