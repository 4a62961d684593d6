/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/attribution.h"
#include "analyze/scenario.h"
#include "analyze/wait_place.h"
#include "analyze/whatif_replay.h"
#include "base/clock.h"
#include "model/meta.h"

/*
 * The root waits from 10 to 50 ms and is woken by `maker`, which runs all the time. `decoy` is what an inference would
 * choose: it uses the same peer and stops running at the moment of the wake-up.
 */
struct exact_run {
    struct scenario s;
    uint64_t root, maker, decoy, peer;
};

static void start(struct exact_run *run, uint64_t kind, const char *name, const char *address)
{
    struct scenario *s = &run->s;
    scenario_init(s, 4, 60);
    run->root = scenario_process(s, 0, "waiter", 0, 60);
    run->maker = scenario_process(s, run->root, "maker", 1, 59);
    run->decoy = scenario_process(s, run->root, "decoy", 1, 59);
    run->peer = scenario_peer(s, kind, name, address);
    scenario_holds(s, run->root, run->peer, IO_READ);
    scenario_holds(s, run->decoy, run->peer, IO_WRITE);
    scenario_wait(s, run->decoy, 50, 55, kind == PEER_LOCK ? WAIT_LOCK : WAIT_PIPE, run->peer);
}

static void expect_followed(uint64_t kind, const char *name, const char *address, uint64_t reason)
{
    struct exact_run run;
    start(&run, kind, name, address);
    uint64_t release = scenario_stack(&run.s, "main", "hand_over");
    struct scenario_wake wake = {.thread = run.root,
                                 .waker = run.maker,
                                 .start_ms = 10,
                                 .end_ms = 50,
                                 .queued_ms = 2,
                                 .reason = reason,
                                 .peer = run.peer,
                                 .source = WAKER_EXACT,
                                 .waker_stack = release};
    scenario_woken(&run.s, &wake);
    scenario_walk(&run.s);
    const struct run_wait *wait = &run.s.run.tracks.items[run.root - 1].waits.items[0];
    assert_int_equal(wait->waker, run.maker - 1);
    assert_int_equal(wait->waker_source, WAKER_EXACT);
    assert_int_equal(wait->reason, reason);
    /* From the wake-up back to the maker's start it is the maker; then who started it. */
    assert_int_equal(scenario_doing_ms(&run.s, "maker", DOING_CPU), 47);
    assert_int_equal(scenario_doing_ms(&run.s, "waiter", WAIT_CPU_QUEUE), 2);
    assert_int_equal(scenario_doing_ms(&run.s, NULL, (int)reason), 0);
    assert_true(scenario_via_ms(&run.s, reason) >= 38);
    struct arena arena = {0};
    struct attribution attribution;
    assert_int_equal(attribute_path(&run.s.run, &run.s.path, &arena, &attribution, NULL), 0);
    assert_int_equal(attribution.via_count, 1);
    assert_string_equal(attribution.vias[0].where.function, "hand_over");
    arena_free(&arena);
    scenario_deinit(&run.s);
}

static void a_recorded_waker_is_followed_for_every_reason(void **state)
{
    (void)state;
    expect_followed(PEER_LOCK, PEER_NAME_LOCK, "100:0x1000", WAIT_LOCK);
    expect_followed(PEER_LOCK, PEER_NAME_CONDITION, "100:0x1000", WAIT_LOCK);
    expect_followed(PEER_PIPE, "pipe", "pipe:[1]", WAIT_PIPE);
    expect_followed(PEER_PROCESS, "process", "104", WAIT_CHILD);
    expect_followed(PEER_SOCKET, "socket", "127.0.0.1:8080", WAIT_NETWORK);
    expect_followed(PEER_SOCKET, "socket", "/run/socket", WAIT_IPC);
    expect_followed(PEER_PIPE, "pipe", "pipe:[1]", WAIT_POLL);
}

/* The other end is none of the run's: nobody is put in its place. */
static void a_waker_outside_the_run_is_not_replaced_by_a_guess(void **state)
{
    (void)state;
    struct exact_run run;
    start(&run, PEER_PIPE, "pipe", "pipe:[1]");
    struct scenario_wake wake = {.thread = run.root,
                                 .start_ms = 10,
                                 .end_ms = 50,
                                 .reason = WAIT_PIPE,
                                 .peer = run.peer,
                                 .source = WAKER_EXACT};
    scenario_woken(&run.s, &wake);
    scenario_walk(&run.s);
    assert_int_equal(run.s.run.tracks.items[run.root - 1].waits.items[0].waker, RUN_NONE);
    assert_int_equal(scenario_doing_ms(&run.s, "waiter", WAIT_PIPE), 40);
    scenario_deinit(&run.s);
}

static void an_interrupt_is_external_whoever_it_came_upon(void **state)
{
    (void)state;
    static const uint64_t reasons[] = {WAIT_DISK_READ, WAIT_DISK_SYNC, WAIT_NETWORK,
                                       WAIT_PIPE,      WAIT_LOCK,      WAIT_SLEEP};
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        struct exact_run run;
        start(&run, PEER_PIPE, "pipe", "pipe:[1]");
        struct scenario_wake wake = {.thread = run.root,
                                     .waker = run.decoy,
                                     .start_ms = 10,
                                     .end_ms = 50,
                                     .reason = reasons[i],
                                     .peer = run.peer,
                                     .source = WAKER_INTERRUPT};
        scenario_woken(&run.s, &wake);
        scenario_walk(&run.s);
        assert_int_equal(run.s.run.tracks.items[run.root - 1].waits.items[0].waker, RUN_NONE);
        assert_int_equal(scenario_doing_ms(&run.s, "waiter", (int)reasons[i]), 40);
        scenario_deinit(&run.s);
    }
}

static void add_socket(struct scenario *s, uint64_t id, const char *remote, const char *local)
{
    struct row_peer row = {.id = id, .kind = PEER_SOCKET};
    assert_int_equal(sink_intern(&s->data.sink, remote, &row.address, NULL), 0);
    assert_int_equal(sink_intern(&s->data.sink, local, &row.path, NULL), 0);
    assert_int_equal(sink_append(&s->data.sink, peer, &row, NULL), 0);
}

/* Data on the loopback device come by an interrupt; both ends are recorded, so the sender is known. */
static void the_other_end_of_a_loopback_connection_is_found_behind_the_interrupt(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 4, 60);
    uint64_t client = scenario_process(&s, 0, "client", 0, 60);
    uint64_t server = scenario_process(&s, client, "server", 1, 59);
    uint64_t innocent = scenario_process(&s, client, "innocent", 1, 59);
    add_socket(&s, 1, "127.0.0.1:80", "127.0.0.1:4000");
    add_socket(&s, 2, "127.0.0.1:4000", "127.0.0.1:80");
    scenario_wait(&s, server, 2, 9, WAIT_NETWORK, 2);
    struct scenario_wake wake = {.thread = client,
                                 .waker = innocent,
                                 .start_ms = 10,
                                 .end_ms = 50,
                                 .reason = WAIT_NETWORK,
                                 .peer = 1,
                                 .source = WAKER_INTERRUPT};
    scenario_woken(&s, &wake);
    scenario_walk(&s);
    const struct run_wait *wait = &s.run.tracks.items[client - 1].waits.items[0];
    assert_int_equal(wait->waker, server - 1);
    assert_int_equal(wait->waker_source, WAKER_INFERRED);
    scenario_deinit(&s);
}

/* Half of the row's time is blocked, in which the maker ran; the other half is the waiter's own running. */
static void a_row_of_equal_waits_goes_to_their_waker_in_proportion(void **state)
{
    (void)state;
    struct exact_run run;
    start(&run, PEER_PIPE, "pipe", "pipe:[1]");
    struct scenario_wake wake = {.thread = run.root,
                                 .waker = run.maker,
                                 .start_ms = 10,
                                 .end_ms = 50,
                                 .reason = WAIT_PIPE,
                                 .peer = run.peer,
                                 .source = WAKER_EXACT,
                                 .count = 20};
    scenario_woken(&run.s, &wake);
    scenario_walk(&run.s);
    assert_int_equal(scenario_doing_ms(&run.s, "maker", DOING_CPU), 20);
    assert_int_equal(scenario_doing_ms(&run.s, "waiter", DOING_CPU), 40);
    assert_int_equal(scenario_doing_ms(&run.s, NULL, WAIT_PIPE), 0);
    assert_true(scenario_via_ms(&run.s, WAIT_PIPE) >= 20);
    scenario_deinit(&run.s);
}

static void where_a_wait_was_is_told_by_its_stack_or_by_the_samples_around_it(void **state)
{
    (void)state;
    struct scenario s;
    struct where where;
    scenario_init(&s, 2, 60);
    uint64_t root = scenario_process(&s, 0, "waiter", 0, 60);
    uint64_t prepare = scenario_stack(&s, "post_entries", "prepare");
    uint64_t finish = scenario_stack(&s, "post_entries", "finish");
    scenario_stack_samples(&s, root, prepare, 5, 10);
    scenario_stack_samples(&s, root, finish, 20, 25);
    scenario_wait(&s, root, 10, 20, WAIT_LOCK, 0);
    scenario_wait(&s, root, 40, 45, WAIT_LOCK, 0);
    struct scenario_wake wake = {.thread = root,
                                 .start_ms = 30,
                                 .end_ms = 35,
                                 .reason = WAIT_LOCK,
                                 .source = WAKER_EXACT,
                                 .stack = scenario_stack(&s, "post_entries", "take_lock")};
    scenario_woken(&s, &wake);
    scenario_walk(&s);
    const struct run_track *track = &s.run.tracks.items[root - 1];
    assert_int_equal(place_wait(&s.run, (uint32_t)root - 1, &track->waits.items[0], &where), PLACE_NEAR);
    assert_string_equal(where.function, "post_entries");
    assert_string_equal(where.process, "waiter");
    assert_int_equal(place_wait(&s.run, (uint32_t)root - 1, &track->waits.items[1], &where), PLACE_RECORDED);
    assert_string_equal(where.function, "take_lock");
    /* Nothing was seen behind the last wait. */
    assert_int_equal(place_wait(&s.run, (uint32_t)root - 1, &track->waits.items[2], &where), PLACE_NONE);
    assert_null(where.function);
    scenario_deinit(&s);
}

/* The recorder writes what has passed of a long wait: once with its peer, once without, and the end with the waker. */
/* A look dated the second child back into its maker's wait for the first one. */
static void who_waits_for_one_child_does_not_make_another(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 2, 120);
    uint64_t root = scenario_process(&s, 0, "main", 0, 120);
    uint64_t first = scenario_process(&s, root, "first", 10, 50);
    uint64_t second = scenario_process(&s, root, "second", 49, 110);
    struct scenario_wake wake = {.thread = root,
                                 .waker = first,
                                 .start_ms = 11,
                                 .end_ms = 50,
                                 .reason = WAIT_CHILD,
                                 .peer = scenario_peer(&s, PEER_PROCESS, "process", "102"),
                                 .source = WAKER_EXACT};
    scenario_woken(&s, &wake);
    wake.waker = second;
    wake.start_ms = 52;
    wake.end_ms = 110;
    scenario_woken(&s, &wake);
    scenario_walk(&s);
    assert_true(scenario_doing_ms(&s, "main", DOING_CPU) < 25);
    assert_true(scenario_doing_ms(&s, "first", DOING_CPU) > 35);
    scenario_deinit(&s);
}

/* Only the end of the wait is known; by then the one who ended it was away for long. */
static void who_sleeps_has_woken_others_before(void **state)
{
    (void)state;
    struct scenario s;
    struct whatif whatif = {0};
    scenario_init(&s, 2, 260);
    uint64_t root = scenario_process(&s, 0, "main", 0, 260);
    uint64_t worker = scenario_thread(&s, root, "worker", 0, 251);
    uint64_t far = scenario_peer(&s, PEER_SOCKET, "socket", "10.0.0.1:80");
    uint64_t condition = scenario_peer(&s, PEER_LOCK, PEER_NAME_CONDITION, "100:0x1000");
    struct scenario_wake wake = {.thread = root,
                                 .waker = worker,
                                 .start_ms = 10,
                                 .end_ms = 50,
                                 .reason = WAIT_LOCK,
                                 .peer = condition,
                                 .source = WAKER_EXACT};
    scenario_woken(&s, &wake);
    scenario_wait(&s, worker, 48, 250, WAIT_NETWORK, far);
    scenario_walk(&s);
    assert_int_equal(s.run.tracks.items[root - 1].waits.items[0].event_ns, (1000 + 48) * NS_PER_MS);
    assert_int_equal(whatif_init(&s.run, &whatif, NULL), 0);
    assert_true(whatif.baseline_drift_ratio < 0.01);
    whatif_deinit(&whatif);
    scenario_deinit(&s);
}

/* One row for several short waits: who ended one of them, early in the row, then waits for the row's own thread. */
static void who_sleeps_at_the_end_of_a_row_ended_one_of_its_waits(void **state)
{
    (void)state;
    struct scenario s;
    struct whatif whatif = {0};
    scenario_init(&s, 2, 260);
    uint64_t root = scenario_process(&s, 0, "main", 0, 260);
    uint64_t worker = scenario_thread(&s, root, "worker", 0, 251);
    uint64_t far = scenario_peer(&s, PEER_SOCKET, "socket", "10.0.0.1:80");
    uint64_t condition = scenario_peer(&s, PEER_LOCK, PEER_NAME_CONDITION, "100:0x1000");
    uint64_t turn = scenario_peer(&s, PEER_LOCK, PEER_NAME_CONDITION, "100:0x1010");
    struct scenario_wake early = {.thread = root,
                                  .waker = worker,
                                  .start_ms = 10,
                                  .end_ms = 14,
                                  .reason = WAIT_LOCK,
                                  .peer = condition,
                                  .source = WAKER_EXACT,
                                  .count = 2};
    struct scenario_wake turns = {.thread = worker,
                                  .waker = root,
                                  .start_ms = 11,
                                  .end_ms = 150,
                                  .reason = WAIT_LOCK,
                                  .peer = turn,
                                  .source = WAKER_EXACT};
    struct scenario_wake end = {.thread = root,
                                .waker = worker,
                                .start_ms = 255,
                                .end_ms = 256,
                                .reason = WAIT_LOCK,
                                .peer = condition,
                                .source = WAKER_EXACT};
    scenario_woken(&s, &early);
    scenario_woken(&s, &turns);
    scenario_wait(&s, worker, 150, 250, WAIT_NETWORK, far);
    scenario_woken(&s, &end);
    scenario_walk(&s);
    assert_int_equal(s.run.tracks.items[root - 1].waits.items[0].event_ns, (1000 + 11) * NS_PER_MS);
    assert_int_equal(whatif_init(&s.run, &whatif, NULL), 0);
    assert_true(whatif.baseline_drift_ratio < 0.02);
    whatif_deinit(&whatif);
    scenario_deinit(&s);
}

/* A server outside the run answers the root; its packet is delivered while another of the run's threads sends something. */
static void who_delivers_a_servers_packet_did_not_end_the_wait(void **state)
{
    (void)state;
    for (int is_inside = 0; is_inside < 2; is_inside++) {
        struct scenario s;
        scenario_init(&s, 2, 100);
        uint64_t root = scenario_process(&s, 0, "client", 0, 100);
        uint64_t other = scenario_process(&s, root, "other", 0, 100);
        uint64_t peer = scenario_connection(&s, "127.0.0.1:80", "127.0.0.1:40001");
        struct row_attr owner = {.owner_table = TABLE_PEER, .owner = peer};
        char server[32];
        scenario_walk(&s);
        snprintf(server, sizeof server, "nginx[%u]",
                 is_inside ? (unsigned)s.run.tracks.items[other - 2].pid : 4194305u);
        path_deinit(&s.path);
        run_deinit(&s.run);
        assert_int_equal(sink_attr(&s.data.sink, &owner, ATTR_SERVER, server, NULL), 0);
        struct scenario_wake wake = {.thread = root,
                                     .waker = other,
                                     .start_ms = 10,
                                     .end_ms = 50,
                                     .reason = WAIT_NETWORK,
                                     .peer = peer,
                                     .source = WAKER_EXACT};
        scenario_woken(&s, &wake);
        scenario_walk(&s);
        assert_int_equal(s.run.tracks.items[root - 1].waits.items[0].waker, is_inside ? other - 1 : RUN_NONE);
        scenario_deinit(&s);
    }
}

/* perf does not tell of wake-ups: that the writer queued for 2 ms at the end of its wait is a guess, and the reader, which
 * runs again 1 ms before it, has emptied the pipe then and not before it waited itself. */
static uint64_t event_of_writer(uint64_t reader_awake_ms, bool is_told)
{
    struct scenario s;
    scenario_init(&s, 2, 100);
    uint64_t root = scenario_process(&s, 0, "sh", 0, 100);
    uint64_t writer = scenario_process(&s, root, "writer", 1, 99);
    uint64_t reader = scenario_process(&s, root, "reader", 1, 99);
    uint64_t pipe = scenario_peer(&s, PEER_PIPE, "", "pipe:[1]");
    uint64_t far = scenario_peer(&s, PEER_SOCKET, "socket", "10.0.0.1:80");
    struct scenario_wake full = {
        .thread = writer, .start_ms = 10, .end_ms = 70, .queued_ms = 2, .reason = WAIT_PIPE, .peer = pipe};
    scenario_holds(&s, writer, pipe, IO_WRITE);
    scenario_holds(&s, reader, pipe, IO_READ);
    scenario_woken(&s, &full);
    scenario_wait(&s, reader, 12, reader_awake_ms, WAIT_NETWORK, far);
    if (is_told) {
        struct scenario_wake told = {.thread = root,
                                     .waker = reader,
                                     .start_ms = 80,
                                     .end_ms = 90,
                                     .reason = WAIT_CHILD,
                                     .source = WAKER_EXACT};
        scenario_woken(&s, &told);
    }
    scenario_walk(&s);
    const struct run_wait *wait = &s.run.tracks.items[writer - 1].waits.items[0];
    assert_int_equal(wait->waker, reader - 1);
    uint64_t event_ms = wait->event_ns / NS_PER_MS - 1000;
    scenario_deinit(&s);
    return event_ms;
}

static void who_runs_before_the_waiter_does_may_have_woken_it(void **state)
{
    (void)state;
    assert_int_equal(event_of_writer(69, false), 68);
    assert_int_equal(event_of_writer(71, false), 12);
    /* Where wake-ups are told, so is the queueing. */
    assert_int_equal(event_of_writer(69, true), 12);
}

int exact_waker_test(void);
int exact_waker_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_runs_before_the_waiter_does_may_have_woken_it),
        cmocka_unit_test(a_recorded_waker_is_followed_for_every_reason),
        cmocka_unit_test(a_waker_outside_the_run_is_not_replaced_by_a_guess),
        cmocka_unit_test(an_interrupt_is_external_whoever_it_came_upon),
        cmocka_unit_test(the_other_end_of_a_loopback_connection_is_found_behind_the_interrupt),
        cmocka_unit_test(who_waits_for_one_child_does_not_make_another),
        cmocka_unit_test(who_delivers_a_servers_packet_did_not_end_the_wait),
        cmocka_unit_test(who_sleeps_has_woken_others_before),
        cmocka_unit_test(who_sleeps_at_the_end_of_a_row_ended_one_of_its_waits),
        cmocka_unit_test(a_row_of_equal_waits_goes_to_their_waker_in_proportion),
        cmocka_unit_test(where_a_wait_was_is_told_by_its_stack_or_by_the_samples_around_it),
    };
    return cmocka_run_group_tests_name("exact_waker", tests, NULL, NULL);
}
