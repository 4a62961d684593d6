/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "analyze/scenario.h"
#include "base/clock.h"
#include "picture/picture.h"

static void add(struct scenario *s, const struct row_io *wanted, const char *latencies)
{
    struct row_io row = *wanted;
    struct err err = {0};
    if (latencies)
        assert_int_equal(sink_intern(&s->data.sink, latencies, &row.latency_histogram, &err), 0);
    row.end_ns = row.start_ns = NS_PER_S;
    assert_int_equal(sink_append(&s->data.sink, io, &row, &err), 0);
}

static const struct io_entry *find(const struct io_table *table, const char *peer, const char *operation)
{
    for (size_t i = 0; i < table->entry_count; i++)
        if (table->entries[i].peer && strcmp(table->entries[i].peer, peer) == 0 &&
            strcmp(table->entries[i].operation, operation) == 0)
            return &table->entries[i];
    fail_msg("no row for %s %s", operation, peer);
    return NULL;
}

static void calls_add_up_by_peer_and_what_the_path_waited_for_comes_first(void **state)
{
    (void)state;
    struct scenario s;
    struct io_table table;
    struct arena arena = {0};
    struct err err = {0};
    scenario_init(&s, 2, 1000);
    uint64_t root = scenario_process(&s, 0, "client", 0, 1000);
    uint64_t other = scenario_process(&s, root, "gzip", 10, 900);
    uint64_t server = scenario_connection(&s, "10.0.0.1:6379", "10.0.0.2:40001");
    uint64_t again = scenario_connection(&s, "10.0.0.1:6379", "10.0.0.2:40002");
    uint64_t pipe = scenario_peer(&s, PEER_PIPE, "", "pipe:[7]");
    scenario_wait(&s, root, 100, 700, WAIT_NETWORK, server);
    /* Calls of 1 to 2 us, and one in ten of 1 to 2 ms. */
    add(&s,
        &(struct row_io){.track = root,
                         .peer = server,
                         .operation = IO_READ,
                         .count = 100,
                         .bytes = 5000,
                         .time_ns = 20000000},
        "10:90,20:10");
    add(&s,
        &(struct row_io){.track = root,
                         .peer = again,
                         .operation = IO_READ,
                         .count = 100,
                         .bytes = 5000,
                         .time_ns = 20000000},
        "10:90,20:10");
    /* The kernel's count of the same process, and of one that was not timed. */
    add(&s, &(struct row_io){.track = root, .operation = IO_READ, .count = 777, .bytes = 1}, NULL);
    add(&s, &(struct row_io){.track = other, .operation = IO_READ, .count = 55, .bytes = 66}, NULL);
    add(&s,
        &(struct row_io){.track = root,
                         .peer = pipe,
                         .operation = IO_WRITE,
                         .count = 9,
                         .bytes = 1000000,
                         .time_ns = 90000000},
        NULL);
    add(&s,
        &(struct row_io){.track = other,
                         .peer = pipe,
                         .operation = IO_READ,
                         .count = 3,
                         .bytes = 1000000,
                         .time_ns = 3000},
        NULL);
    scenario_holds(&s, root, pipe, IO_READ);
    scenario_walk(&s);
    assert_int_equal(picture_io(&s.run, &s.path, &arena, &table, &err), 0);
    const struct io_entry *first = &table.entries[0];
    assert_string_equal(first->peer, "10.0.0.1:6379");
    assert_string_equal(first->operation, "read");
    assert_string_equal(first->kind, "socket");
    assert_int_equal(first->count, 200);
    assert_int_equal(first->bytes, 10000);
    assert_int_equal(first->time_ns, 40000000);
    assert_int_equal(first->critical_ns, 600 * NS_PER_MS);
    assert_in_range(first->latency_ns_p99, 1 << 20, 1 << 21);
    assert_int_equal(find(&table, "pipe from client to gzip", "write")->bytes, 1000000);
    assert_int_equal(find(&table, "pipe from client to gzip", "read")->count, 3);
    assert_int_equal(table.entry_count, 3);
    assert_int_equal(table.entry_hidden_count, 0);
    arena_free(&arena);
    scenario_deinit(&s);
}

static void thousands_of_files_are_cut_and_counted(void **state)
{
    (void)state;
    struct scenario s;
    struct io_table table;
    struct arena arena = {0};
    struct err err = {0};
    scenario_init(&s, 2, 1000);
    uint64_t root = scenario_process(&s, 0, "walker", 0, 1000);
    for (uint64_t i = 0; i < 3000; i++) {
        char path[32];
        snprintf(path, sizeof path, "/data/%llu", (unsigned long long)i);
        uint64_t peer = scenario_peer(&s, PEER_FILE, path, "");
        add(&s,
            &(struct row_io){
                .track = root, .peer = peer, .operation = IO_READ, .count = 1, .bytes = i, .time_ns = 10},
            NULL);
    }
    scenario_walk(&s);
    assert_int_equal(picture_io(&s.run, &s.path, &arena, &table, &err), 0);
    assert_int_equal(table.entry_count, IO_ENTRY_MAX);
    assert_int_equal(table.entry_hidden_count, 3000 - IO_ENTRY_MAX);
    assert_string_equal(table.entries[0].peer, "/data/2999");
    arena_free(&arena);
    scenario_deinit(&s);
}

int io_peers_test(void);
int io_peers_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_add_up_by_peer_and_what_the_path_waited_for_comes_first),
        cmocka_unit_test(thousands_of_files_are_cut_and_counted),
    };
    return cmocka_run_group_tests_name("io_peers", tests, NULL, NULL);
}
