/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/num.h"
#include "model/dataset.h"
#include "model/meta.h"
#include "run/exchange.h"
#include "run/recorded_run.h"

/* Tracks of every dataset here: a process, its main thread, and two more threads of it. */
enum { PROCESS = 1, MAIN, WORKER, OTHER };

#define START_MS 1000u

static uint64_t at(uint64_t ms)
{
    return (START_MS + ms) * NS_PER_MS;
}

static uint64_t text(struct dataset *data, const char *string)
{
    uint64_t id;
    assert_int_equal(sink_intern(&data->sink, string, &id, NULL), 0);
    return id;
}

static void meta(struct dataset *data, const char *key, uint64_t value)
{
    char number[32];
    snprintf(number, sizeof number, "%llu", (unsigned long long)value);
    assert_int_equal(sink_meta(&data->sink, key, number, NULL), 0);
}

/* A process of three threads; end_ms 0: the recording was cut short and tells no end. */
static void begin(struct dataset *data, uint64_t end_ms)
{
    dataset_init(data);
    meta(data, META_START, at(0));
    meta(data, META_ROOT_TRACK, PROCESS);
    if (end_ms)
        meta(data, META_END, at(end_ms));
    for (uint64_t id = PROCESS; id <= OTHER; id++) {
        struct row_track row = {.id = id,
                                .parent = id == PROCESS ? 0 : PROCESS,
                                .kind = id == PROCESS ? TRACK_PROCESS : TRACK_THREAD,
                                .name = text(data, "program"),
                                .pid = 100,
                                .tid = id <= MAIN ? 100 : 100 + id,
                                .start_ns = at(0),
                                .end_ns = end_ms ? at(end_ms) : 0};
        assert_int_equal(sink_append(&data->sink, track, &row, NULL), 0);
    }
}

static void load(struct dataset *data, struct run *run)
{
    struct err err = {0};
    if (run_load(&data->view, run, &err))
        fail_msg("%s", err.what);
}

static void end(struct dataset *data, struct run *run)
{
    run_deinit(run);
    dataset_deinit(data);
}

static uint64_t peer(struct dataset *data, struct row_peer row, const char *name, const char *address)
{
    row.name = name ? text(data, name) : 0;
    row.address = address ? text(data, address) : 0;
    assert_int_equal(sink_append(&data->sink, peer, &row, NULL), 0);
    return row.id;
}

/* A wait of the main thread, times in milliseconds. */
static void wait_ms(struct dataset *data, struct row_wait row)
{
    row.track = MAIN;
    row.count = num_max(row.count, 1);
    row.blocked_ns = (row.end_ns - row.start_ns) * NS_PER_MS;
    row.start_ns = at(row.start_ns);
    row.end_ns = at(row.end_ns);
    assert_int_equal(sink_append(&data->sink, wait, &row, NULL), 0);
}

static void io(struct dataset *data, struct row_io row)
{
    row.track = PROCESS;
    row.start_ns = at(0);
    row.end_ns = at(1000);
    assert_int_equal(sink_append(&data->sink, io, &row, NULL), 0);
}

static void a_wait_that_was_written_in_pieces_is_one(void **state)
{
    (void)state;
    struct dataset data;
    struct run run;
    begin(&data, 100);
    uint64_t child = peer(&data, (struct row_peer){.id = 1, .kind = PEER_PROCESS}, "process", "104");
    wait_ms(&data, (struct row_wait){.start_ns = 10, .end_ns = 20, .reason = WAIT_CHILD, .peer = child});
    wait_ms(&data, (struct row_wait){.start_ns = 20, .end_ns = 35, .reason = WAIT_CHILD});
    wait_ms(&data, (struct row_wait){.start_ns = 35,
                                     .end_ns = 50,
                                     .reason = WAIT_CHILD,
                                     .peer = child,
                                     .waker_track = WORKER,
                                     .waker_source = WAKER_EXACT});
    load(&data, &run);
    const struct run_track *track = &run.tracks.items[MAIN - 1];
    assert_int_equal(track->waits.count, 1);
    assert_int_equal(track->waits.items[0].start_ns, at(10));
    assert_int_equal(track->waits.items[0].end_ns, at(50));
    assert_int_equal(track->waits.items[0].blocked_ns, 40 * NS_PER_MS);
    assert_int_equal(track->waits.items[0].waker, WORKER - 1);
    assert_int_equal(track->waits.items[0].peer, child - 1);
    end(&data, &run);
}

/* A look at the thread told the first part's pipe; how it ended is known of the rest. */
static void pieces_of_which_one_is_vague_are_one(void **state)
{
    (void)state;
    struct dataset data;
    struct run run;
    begin(&data, 100);
    uint64_t pipe = peer(&data, (struct row_peer){.id = 1, .kind = PEER_PIPE}, NULL, "pipe:[7]");
    wait_ms(&data, (struct row_wait){.start_ns = 10, .end_ns = 60, .reason = WAIT_PIPE, .peer = pipe});
    wait_ms(&data, (struct row_wait){.start_ns = 60,
                                     .end_ns = 90,
                                     .reason = WAIT_POLL,
                                     .waker_track = WORKER,
                                     .waker_source = WAKER_EXACT});
    load(&data, &run);
    const struct run_track *track = &run.tracks.items[MAIN - 1];
    assert_int_equal(track->waits.count, 1);
    assert_int_equal(track->waits.items[0].blocked_ns, 80 * NS_PER_MS);
    assert_int_equal(track->waits.items[0].reason, WAIT_PIPE);
    assert_int_equal(track->waits.items[0].peer, pipe - 1);
    assert_int_equal(track->waits.items[0].waker, WORKER - 1);
    end(&data, &run);
}

/* A wait that was seen to its end is whole, and one for something else that begins at once is another. */
static void waits_for_different_things_are_two(void **state)
{
    (void)state;
    struct dataset data;
    struct run run;
    begin(&data, 100);
    wait_ms(&data, (struct row_wait){.start_ns = 10, .end_ns = 60, .reason = WAIT_PIPE});
    wait_ms(&data, (struct row_wait){.start_ns = 60,
                                     .end_ns = 70,
                                     .reason = WAIT_LOCK,
                                     .waker_track = WORKER,
                                     .waker_source = WAKER_EXACT});
    wait_ms(&data, (struct row_wait){.start_ns = 70,
                                     .end_ns = 90,
                                     .reason = WAIT_POLL,
                                     .waker_track = WORKER,
                                     .waker_source = WAKER_EXACT});
    load(&data, &run);
    assert_int_equal(run.tracks.items[MAIN - 1].waits.count, 3);
    end(&data, &run);
}

/* Nobody ever signals the condition, and the time is up. Where somebody was woken more than once others look up from time to time; the interpreter's lock, which is looked after in that way, stays a lock. */
static void who_waits_until_the_time_is_up_sleeps(void **state)
{
    (void)state;
    struct dataset data;
    struct run run;
    begin(&data, 100);
    uint64_t condition =
        peer(&data, (struct row_peer){.id = 1, .kind = PEER_LOCK}, PEER_NAME_CONDITION, "100:0x10");
    uint64_t gil = peer(&data, (struct row_peer){.id = 2, .kind = PEER_LOCK}, PEER_NAME_GIL, "100:GIL");
    struct row_wait late = {.start_ns = 10,
                            .end_ns = 20,
                            .reason = WAIT_LOCK,
                            .peer = condition,
                            .waker_source = WAKER_INTERRUPT};
    wait_ms(&data, late);
    late.start_ns = 30, late.end_ns = 40, late.peer = gil;
    wait_ms(&data, late);
    uint64_t queue =
        peer(&data, (struct row_peer){.id = 4, .kind = PEER_LOCK}, PEER_NAME_CONDITION, "100:0x24");
    late.start_ns = 50, late.end_ns = 57, late.peer = queue;
    late.waker_track = WORKER, late.waker_source = WAKER_EXACT, late.count = 2;
    wait_ms(&data, late);
    late.count = 1;
    uint64_t pipe = peer(&data, (struct row_peer){.id = 3, .kind = PEER_PIPE}, NULL, "pipe:[7]");
    struct row_io held = {.peer = pipe, .operation = IO_READ};
    io(&data, held);
    held.operation = IO_WRITE;
    io(&data, held);
    late.start_ns = 70, late.end_ns = 80, late.reason = WAIT_PIPE, late.peer = pipe;
    late.waker_track = 0, late.waker_source = WAKER_INTERRUPT;
    wait_ms(&data, late);
    /* The other word of a condition that somebody else was woken at. */
    uint64_t other_word =
        peer(&data, (struct row_peer){.id = 5, .kind = PEER_LOCK}, PEER_NAME_CONDITION, "100:0x20");
    late.start_ns = 85, late.end_ns = 95, late.reason = WAIT_LOCK, late.peer = other_word;
    wait_ms(&data, late);
    load(&data, &run);
    const struct run_wait *waits = run.tracks.items[MAIN - 1].waits.items;
    assert_int_equal(run.tracks.items[MAIN - 1].waits.count, 5);
    assert_int_equal(waits[0].reason, WAIT_SLEEP);
    assert_int_equal(waits[1].reason, WAIT_LOCK);
    assert_int_equal(waits[2].reason, WAIT_LOCK);
    assert_int_equal(waits[3].reason, WAIT_SLEEP);
    assert_int_equal(waits[4].reason, WAIT_LOCK);
    assert_int_equal(waits[4].peer, other_word - 1);
    end(&data, &run);
}

/* The interrupt that ended the wait may have brought a client, and not have been a timer's. */
static void who_waits_for_clients_as_well_does_not_sleep(void **state)
{
    (void)state;
    struct dataset data;
    struct run run;
    begin(&data, 100);
    uint64_t pipe = peer(&data, (struct row_peer){.id = 1, .kind = PEER_PIPE}, NULL, "pipe:[7]");
    uint64_t port = peer(&data, (struct row_peer){.id = 2, .kind = PEER_SOCKET}, NULL, "0.0.0.0:80");
    io(&data, (struct row_io){.peer = pipe, .operation = IO_READ});
    io(&data, (struct row_io){.peer = pipe, .operation = IO_WRITE});
    io(&data, (struct row_io){.peer = port, .operation = IO_ACCEPT});
    wait_ms(&data, (struct row_wait){.start_ns = 10,
                                     .end_ns = 20,
                                     .reason = WAIT_PIPE,
                                     .peer = pipe,
                                     .waker_source = WAKER_INTERRUPT});
    load(&data, &run);
    assert_int_equal(run.tracks.items[MAIN - 1].waits.items[0].reason, WAIT_PIPE);
    end(&data, &run);
}

static void asked(struct dataset *data, uint64_t queue, uint64_t start_ms, uint64_t end_ms, uint64_t waker)
{
    struct row_wait row = {.track = MAIN,
                           .start_ns = at(start_ms) + 50 * NS_PER_US, /* since the last time */
                           .end_ns = at(end_ms),
                           .count = 1,
                           .reason = WAIT_LOCK,
                           .peer = queue,
                           .waker_track = waker,
                           .waker_source = waker ? WAKER_EXACT : WAKER_INTERRUPT};
    row.blocked_ns = row.end_ns - row.start_ns;
    assert_int_equal(sink_append(&data->sink, wait, &row, NULL), 0);
}

/* A queue is asked with a limit of 10 ms, again and again; what nobody ever puts anything into is slept at, also where the
 * timer's interrupt was taken for the thread that it hit. */
static void who_asks_a_queue_again_waits_for_who_puts(void **state)
{
    (void)state;
    struct dataset data;
    struct run run;
    begin(&data, 200);
    uint64_t queue =
        peer(&data, (struct row_peer){.id = 1, .kind = PEER_LOCK}, PEER_NAME_CONDITION, "100:0x10");
    uint64_t nap =
        peer(&data, (struct row_peer){.id = 2, .kind = PEER_LOCK}, PEER_NAME_CONDITION, "100:0x40");
    asked(&data, queue, 10, 20, 0);
    asked(&data, queue, 20, 30, 0);
    asked(&data, queue, 30, 35, WORKER);
    asked(&data, queue, 50, 60, 0); /* and works for 10 ms */
    asked(&data, queue, 70, 74, WORKER);
    asked(&data, nap, 80, 90, 0);
    asked(&data, nap, 90, 100, WORKER);
    asked(&data, nap, 110, 115, WORKER); /* told to stop */
    load(&data, &run);
    const struct run_wait *waits = run.tracks.items[MAIN - 1].waits.items;
    assert_int_equal(run.tracks.items[MAIN - 1].waits.count, 6);
    assert_int_equal(waits[0].start_ns, at(10) + 50 * NS_PER_US);
    assert_int_equal(waits[0].end_ns, at(35));
    assert_int_equal(waits[0].blocked_ns, waits[0].end_ns - waits[0].start_ns);
    assert_int_equal(waits[0].waker, WORKER - 1);
    assert_int_equal(waits[1].end_ns, at(60));
    assert_int_equal(waits[1].reason, WAIT_LOCK);
    assert_int_equal(waits[2].waker, WORKER - 1);
    assert_int_equal(waits[3].reason, WAIT_SLEEP);
    assert_int_equal(waits[4].reason, WAIT_LOCK);
    end(&data, &run);
}

/* Java's first thread sleeps until another one, which runs the program, has ended. */
static void who_made_a_thread_was_awake(void **state)
{
    (void)state;
    struct dataset data;
    struct run run;
    begin(&data, 100);
    struct row_track made = {.id = OTHER + 1,
                             .parent = PROCESS,
                             .kind = TRACK_THREAD,
                             .pid = 100,
                             .tid = 200,
                             .start_ns = at(50),
                             .end_ns = at(95)};
    struct row_edge seen = {.from_track = MAIN,
                            .to_track = OTHER + 1,
                            .from_ns = at(50),
                            .to_ns = at(50),
                            .kind = EDGE_SPAWN,
                            .source = EDGE_RECORDED};
    assert_int_equal(sink_append(&data.sink, track, &made, NULL), 0);
    assert_int_equal(sink_append(&data.sink, edge, &seen, NULL), 0);
    wait_ms(&data, (struct row_wait){.start_ns = 10, .end_ns = 90, .reason = WAIT_CHILD});
    load(&data, &run);
    const struct run_track *track = &run.tracks.items[OTHER];
    assert_int_equal(track->spawner, WORKER - 1);
    assert_int_equal(track->spawn_ns, at(50));
    end(&data, &run);
}

/* First a guess that it was the main thread, then it was told who it was. */
static void who_is_told_to_have_made_a_thread_did(void **state)
{
    (void)state;
    struct dataset data;
    struct run run;
    begin(&data, 100);
    struct row_edge told = {.from_track = OTHER,
                            .to_track = WORKER,
                            .from_ns = at(0),
                            .to_ns = at(0),
                            .kind = EDGE_SPAWN,
                            .source = EDGE_RECORDED};
    struct row_edge guess = {.from_track = MAIN,
                             .to_track = WORKER,
                             .from_ns = at(1),
                             .to_ns = at(1),
                             .kind = EDGE_SPAWN,
                             .source = EDGE_INFERRED};
    assert_int_equal(sink_append(&data.sink, edge, &told, NULL), 0);
    assert_int_equal(sink_append(&data.sink, edge, &guess, NULL), 0);
    load(&data, &run);
    assert_int_equal(run.tracks.items[WORKER - 1].spawner, OTHER - 1);
    end(&data, &run);
}

/* It wakes within the clocks' error: it made the thread then. */
static void who_woke_about_then_made_the_thread(void **state)
{
    (void)state;
    struct dataset data;
    struct run run;
    begin(&data, 100);
    struct row_track made = {.id = OTHER + 1,
                             .parent = PROCESS,
                             .kind = TRACK_THREAD,
                             .pid = 100,
                             .tid = 200,
                             .start_ns = at(50),
                             .end_ns = at(95)};
    assert_int_equal(sink_append(&data.sink, track, &made, NULL), 0);
    wait_ms(&data, (struct row_wait){.start_ns = 10, .end_ns = 51, .reason = WAIT_CHILD});
    load(&data, &run);
    assert_int_equal(run.tracks.items[OTHER].spawner, MAIN - 1);
    assert_int_equal(run.tracks.items[OTHER].spawn_ns, at(51));
    end(&data, &run);
}

/* How many waits there are of two, of which the first was ended by a timer. */
static size_t waits_left(const char *name, uint32_t *ret_waker)
{
    struct dataset data;
    struct run run;
    begin(&data, 100);
    struct row_wait look = {.start_ns = 10,
                            .end_ns = 15,
                            .reason = WAIT_LOCK,
                            .peer =
                                peer(&data, (struct row_peer){.id = 1, .kind = PEER_LOCK}, name, "100:lock"),
                            .waker_track = OTHER,
                            .waker_source = WAKER_INFERRED};
    wait_ms(&data, look);
    look.start_ns = 15;
    look.end_ns = 40;
    look.waker_track = WORKER;
    look.waker_source = WAKER_EXACT;
    wait_ms(&data, look);
    load(&data, &run);
    const struct run_track *track = &run.tracks.items[MAIN - 1];
    size_t count = track->waits.count;
    *ret_waker = track->waits.items[count - 1].waker;
    end(&data, &run);
    return count;
}

static void looks_after_pythons_lock_are_one_wait_for_who_had_it_last(void **state)
{
    uint32_t waker;
    (void)state;
    assert_int_equal(waits_left(PEER_NAME_GIL, &waker), 1);
    assert_int_equal(waker, WORKER - 1);
    assert_int_equal(waits_left(PEER_NAME_LOCK, &waker), 2);
    assert_int_equal(waker, WORKER - 1);
}

static void waits_that_overlap_begin_where_the_one_before_ends(void **state)
{
    (void)state;
    struct dataset data;
    struct run run;
    begin(&data, 100);
    uint64_t file = peer(&data, (struct row_peer){.id = 1, .kind = PEER_FILE}, "log", NULL);
    wait_ms(&data, (struct row_wait){.start_ns = 30, .end_ns = 60, .reason = WAIT_DISK_READ, .peer = file});
    wait_ms(&data, (struct row_wait){.start_ns = 10, .end_ns = 40, .reason = WAIT_SLEEP});
    wait_ms(&data, (struct row_wait){.start_ns = 90, .end_ns = 120, .reason = WAIT_SLEEP});
    load(&data, &run);
    const struct run_track *track = &run.tracks.items[MAIN - 1];
    assert_int_equal(track->waits.count, 3);
    assert_int_equal(track->waits.items[1].start_ns, at(40));
    assert_int_equal(track->waits.items[1].blocked_ns, 20 * NS_PER_MS);
    assert_int_equal(track->waits.items[2].end_ns, at(100));
    assert_int_equal(track->run_ns, 40 * NS_PER_MS);
    assert_int_equal(run.peers.items[file - 1].waiters.count, 1);
    uint64_t before;
    assert_ptr_equal(run_wait_at(track, at(41), &before), &track->waits.items[1]);
    assert_null(run_wait_at(track, at(70), &before));
    assert_int_equal(before, at(60));
    end(&data, &run);
}

static void stacks_may_be_told_before_their_parents(void **state)
{
    (void)state;
    struct dataset data;
    struct run run;
    static const uint64_t parents[] = {0, 4, 2, 1, 6, 5, 7, 900}; /* of 1 to 8 */
    static const uint32_t depths[] = {0, 2, 3, 1, 1, 0, 0, 0};
    begin(&data, 10);
    for (uint64_t i = 0; i < 8; i++) {
        struct row_stack stack = {.id = i + 1, .parent = parents[i], .frame = 1};
        assert_int_equal(sink_append(&data.sink, stack, &stack, NULL), 0);
    }
    load(&data, &run);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(run.stacks.items[i].depth, depths[i]);
        assert_int_equal(run.stacks.items[i].parent == RUN_NONE, depths[i] == 0);
    }
    assert_int_equal(run.stacks.items[2].parent, 1);
    assert_int_equal(run.stacks.items[1].parent, 3);
    end(&data, &run);
}

static void a_recording_cut_short_ends_with_its_last_row(void **state)
{
    (void)state;
    struct dataset data;
    struct run run;
    begin(&data, 0);
    wait_ms(&data, (struct row_wait){.start_ns = 10, .end_ns = 70, .reason = WAIT_SLEEP});
    load(&data, &run);
    assert_int_equal(run.end_ns, at(70));
    assert_true(run.tracks.items[MAIN - 1].open);
    assert_int_equal(run.tracks.items[MAIN - 1].end_ns, at(70));
    assert_int_equal(run.root, MAIN - 1);
    end(&data, &run);
}

static void what_cannot_be_a_run_is_refused(void **state)
{
    (void)state;
    struct dataset data;
    struct run run;
    struct err err;
    begin(&data, 0);
    assert_int_equal(run_load(&data.view, &run, &err), -ERR_INPUT);
    assert_non_null(strstr(err.what, "its end is not after its start"));
    dataset_deinit(&data);
    dataset_init(&data);
    meta(&data, META_END, at(10));
    assert_int_equal(run_load(&data.view, &run, &err), -ERR_INPUT);
    assert_non_null(strstr(err.what, "no thread of the main command"));
    dataset_deinit(&data);
    begin(&data, 10);
    struct row_track far = {.id = UINT64_C(1) << 40, .kind = TRACK_THREAD};
    assert_int_equal(sink_append(&data.sink, track, &far, NULL), 0);
    assert_int_equal(run_load(&data.view, &run, &err), -ERR_INPUT);
    assert_non_null(strstr(err.what, "is out of range"));
    dataset_deinit(&data);
}

static void rows_of_one_peer_are_one_flow(void **state)
{
    (void)state;
    struct dataset data;
    struct run run;
    begin(&data, 1000);
    uint64_t server = peer(&data, (struct row_peer){.id = 1, .kind = PEER_SOCKET}, NULL, "10.0.0.1:6379");
    for (uint64_t ms = 0; ms < 1000; ms += 100)
        wait_ms(&data,
                (struct row_wait){
                    .start_ns = ms, .end_ns = ms + 60, .count = 800, .reason = WAIT_NETWORK, .peer = server});
    struct row_attr owner = {.owner_table = TABLE_TRACK, .owner = PROCESS};
    assert_int_equal(sink_attr(&data.sink, &owner, ATTR_CPU_USER_NS, "200000000", NULL), 0);
    assert_int_equal(sink_attr(&data.sink, &owner, ATTR_CPU_SYSTEM_NS, "200000000", NULL), 0);
    io(&data, (struct row_io){.peer = server, .operation = IO_WRITE, .count = 8000, .bytes = 160000});
    io(&data, (struct row_io){.peer = server, .operation = IO_READ, .count = 8000, .bytes = 800000});
    load(&data, &run);
    assert_int_equal(run.flows.count, 1);
    const struct run_flow *flow = exchange_flow(&run, 0, "10.0.0.1:6379");
    assert_non_null(flow);
    assert_int_equal(exchange_call_count(flow), 16000);
    assert_int_equal(flow->wait_count, 8000);
    assert_int_equal(flow->wait_ns, 600 * NS_PER_MS);
    assert_int_equal(flow->connection_count, 1);
    assert_int_equal(flow->connection_late_count, 0);
    assert_int_equal(exchange_call_cpu_ns(&run, flow), 200 * NS_PER_MS);
    assert_null(exchange_flow(&run, 0, NULL));
    end(&data, &run);
}

static void sizes_tell_which_calls_are_small(void **state)
{
    (void)state;
    struct dataset data;
    struct run run;
    begin(&data, 1000);
    uint64_t file = peer(&data, (struct row_peer){.id = 1, .kind = PEER_FILE}, "log", NULL);
    /* On average each is a kilobyte; nine in ten are of 8 to 15 bytes. */
    io(&data, (struct row_io){.peer = file,
                              .operation = IO_WRITE,
                              .count = 1000,
                              .bytes = 1000000,
                              .size_histogram = text(&data, "3:900,13:100")});
    io(&data, (struct row_io){.operation = IO_WRITE, .count = 50, .bytes = 500});
    load(&data, &run);
    assert_int_equal(exchange_flow(&run, 0, "log")->small_count[IO_WRITE], 900);
    assert_int_equal(exchange_flow(&run, 0, NULL)->small_count[IO_WRITE], 50);
    end(&data, &run);
}

/* A program that talks to itself over the network: what its server uses is its own. */
static void a_server_in_the_run_is_no_outsider(void **state)
{
    (void)state;
    struct dataset data;
    struct run run;
    begin(&data, 100);
    struct row_series inside = {.id = 1, .name = text(&data, SERIES_CPU_SERVER "program[100]")};
    struct row_series outside = {.id = 2, .name = text(&data, SERIES_CPU_SERVER "nginx[7]")};
    assert_int_equal(sink_append(&data.sink, series, &inside, NULL), 0);
    struct row_series nameless = {.id = 3, .name = text(&data, SERIES_CPU_SERVER "kernel")};
    struct row_track imported = {.id = OTHER + 1, .kind = TRACK_PROCESS, .start_ns = at(0), .end_ns = at(9)};
    assert_int_equal(sink_append(&data.sink, series, &outside, NULL), 0);
    assert_int_equal(sink_append(&data.sink, series, &nameless, NULL), 0);
    assert_int_equal(sink_append(&data.sink, track, &imported, NULL), 0);
    load(&data, &run);
    assert_int_equal(run.servers.count, 2);
    assert_string_equal(run.servers.items[0].name, "nginx[7]");
    assert_string_equal(run.servers.items[1].name, "kernel");
    end(&data, &run);
}

/* Damage may tell any parent of a thread. */
static void a_pipe_of_a_thread_without_a_process_is_held_by_nobody(void **state)
{
    (void)state;
    struct dataset data;
    struct run run;
    begin(&data, 100);
    uint64_t pipe = peer(&data, (struct row_peer){.id = 1, .kind = PEER_PIPE}, NULL, "pipe:[1]");
    struct row_track lost = {
        .id = OTHER + 1, .parent = 1u << 20, .kind = TRACK_THREAD, .start_ns = at(0), .end_ns = at(9)};
    struct row_io row = {.track = OTHER + 1, .peer = pipe, .operation = IO_READ, .end_ns = at(9)};
    assert_int_equal(sink_append(&data.sink, track, &lost, NULL), 0);
    assert_int_equal(sink_append(&data.sink, io, &row, NULL), 0);
    load(&data, &run);
    assert_int_equal(run.peers.items[pipe - 1].readers.count, 0);
    end(&data, &run);
}

/* A recorder looks up who listens at an address once. */
static void connections_to_one_address_have_one_server(void **state)
{
    (void)state;
    struct dataset data;
    struct run run;
    begin(&data, 100);
    for (uint64_t id = 1; id <= 3; id++)
        peer(&data, (struct row_peer){.id = id, .kind = PEER_SOCKET}, NULL,
             id < 3 ? "127.0.0.1:80" : "127.0.0.1:81");
    struct row_attr owner = {.owner_table = TABLE_PEER, .owner = 1};
    assert_int_equal(sink_attr(&data.sink, &owner, ATTR_SERVER, "nginx[7]", NULL), 0);
    load(&data, &run);
    assert_string_equal(run.peers.items[1].server, "nginx[7]");
    assert_null(run.peers.items[2].server);
    assert_string_equal(run_peer_name(&run, 2), "127.0.0.1:81");
    assert_null(run_peer_name(&run, RUN_NONE));
    end(&data, &run);
}

int recorded_run_test(void);
int recorded_run_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wait_that_was_written_in_pieces_is_one),
        cmocka_unit_test(pieces_of_which_one_is_vague_are_one),
        cmocka_unit_test(waits_for_different_things_are_two),
        cmocka_unit_test(who_waits_until_the_time_is_up_sleeps),
        cmocka_unit_test(who_waits_for_clients_as_well_does_not_sleep),
        cmocka_unit_test(who_asks_a_queue_again_waits_for_who_puts),
        cmocka_unit_test(who_made_a_thread_was_awake),
        cmocka_unit_test(who_woke_about_then_made_the_thread),
        cmocka_unit_test(who_is_told_to_have_made_a_thread_did),
        cmocka_unit_test(looks_after_pythons_lock_are_one_wait_for_who_had_it_last),
        cmocka_unit_test(waits_that_overlap_begin_where_the_one_before_ends),
        cmocka_unit_test(stacks_may_be_told_before_their_parents),
        cmocka_unit_test(a_recording_cut_short_ends_with_its_last_row),
        cmocka_unit_test(what_cannot_be_a_run_is_refused),
        cmocka_unit_test(rows_of_one_peer_are_one_flow),
        cmocka_unit_test(sizes_tell_which_calls_are_small),
        cmocka_unit_test(connections_to_one_address_have_one_server),
        cmocka_unit_test(a_server_in_the_run_is_no_outsider),
        cmocka_unit_test(a_pipe_of_a_thread_without_a_process_is_held_by_nobody),
    };
    return cmocka_run_group_tests_name("recorded_run", tests, NULL, NULL);
}
