/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analyze/scenario.h"
#include "base/clock.h"
#include "model/meta.h"

/* Three threads take a lock in turn and sleep inside: the doing is the sleep, found through the lock. */
static void a_convoy_is_the_holders_sleep_via_the_lock(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 2, 100);
    uint64_t root = scenario_process(&s, 0, "convoy", 0, 100);
    uint64_t lock = scenario_peer(&s, PEER_LOCK, PEER_NAME_LOCK, "100:0x1000");
    uint64_t threads[3];
    for (uint64_t i = 0; i < 3; i++)
        threads[i] = scenario_thread(&s, root, "worker", 1, 97 + i);
    /* Each holds the lock for 10 ms, asleep, then queues behind the two others. */
    for (uint64_t slot = 0; slot < 9; slot++) {
        uint64_t t = threads[slot % 3], start = 5 + slot * 10;
        scenario_wait(&s, t, start, start + 10, WAIT_SLEEP, 0);
        if (slot < 6)
            scenario_wait(&s, t, start + 10, start + 30, WAIT_LOCK, lock);
    }
    scenario_wait(&s, threads[1], 2, 15, WAIT_LOCK, lock);
    scenario_wait(&s, threads[2], 2, 25, WAIT_LOCK, lock);
    uint64_t joined = scenario_peer(&s, PEER_PROCESS, "thread", "1004");
    scenario_wait(&s, root, 2, 99, WAIT_CHILD, joined);
    scenario_walk(&s);
    assert_true(scenario_doing_ms(&s, NULL, WAIT_SLEEP) >= 85);
    assert_true(scenario_via_ms(&s, WAIT_LOCK) >= 75);
    assert_int_equal(scenario_doing_ms(&s, NULL, WAIT_LOCK), 0);
    scenario_deinit(&s);
}

/* head | slow | tail: writer and reader wait, the middle works. */
static void a_slow_middle_of_a_pipe_is_the_doing_via_the_pipe(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 2, 100);
    uint64_t shell = scenario_process(&s, 0, "sh", 0, 100);
    uint64_t writer = scenario_process(&s, shell, "writer", 1, 90);
    uint64_t middle = scenario_process(&s, shell, "middle", 1, 96);
    uint64_t reader = scenario_process(&s, shell, "reader", 1, 98);
    uint64_t first = scenario_peer(&s, PEER_PIPE, "pipe", "pipe:[1]");
    uint64_t second = scenario_peer(&s, PEER_PIPE, "pipe", "pipe:[2]");
    scenario_holds(&s, writer, first, IO_WRITE);
    scenario_holds(&s, middle, first, IO_READ);
    scenario_holds(&s, middle, second, IO_WRITE);
    scenario_holds(&s, reader, second, IO_READ);
    for (uint64_t ms = 5; ms < 85; ms += 10)
        scenario_wait(&s, writer, ms, ms + 9, WAIT_PIPE, first);
    for (uint64_t ms = 3; ms < 93; ms += 10)
        scenario_wait(&s, reader, ms, ms + 9, WAIT_PIPE, second);
    scenario_wait(&s, shell, 2, 98, WAIT_CHILD, 0);
    scenario_walk(&s);
    assert_true(scenario_doing_ms(&s, "middle", DOING_CPU) >= 80);
    assert_true(scenario_via_ms(&s, WAIT_PIPE) >= 9);
    assert_int_equal(scenario_doing_ms(&s, NULL, WAIT_PIPE), 0);
    assert_true(scenario_via_ms(&s, WAIT_CHILD) >= 90);
    scenario_deinit(&s);
}

static void contention_is_queueing_charged_to_who_runs(void **state)
{
    (void)state;
    struct scenario s;
    scenario_contention(&s);
    scenario_walk(&s);
    assert_int_equal(scenario_doing_ms(&s, "victim", WAIT_CPU_QUEUE), 100);
    for (size_t i = 0; i < s.path.steps.count; i++) {
        if (s.path.steps.items[i].doing == WAIT_CPU_QUEUE)
            assert_int_equal(s.path.steps.items[i].holder, 4 - 1);
    }
    scenario_deinit(&s);
}

/* Two threads write 20 records of 8 ms each beside each other; one is done while the other sleeps for the last time. */
static void siblings_that_sleep_in_step_do_not_poll_for_each_other(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 2, 206);
    uint64_t root = scenario_process(&s, 0, "writer", 0, 206);
    uint64_t one = scenario_thread(&s, root, "writer", 1, 201);
    uint64_t other = scenario_thread(&s, root, "writer", 1, 205);
    for (uint64_t ms = 0; ms < 200; ms += 10) {
        scenario_wait(&s, one, ms + 2, ms + 10, WAIT_SLEEP, 0);
        scenario_wait(&s, other, ms + 5, ms + 13, WAIT_SLEEP, 0);
    }
    scenario_walk(&s);
    size_t slept = 0;
    for (size_t i = 0; i < s.run.tracks.count; i++) {
        for (size_t j = 0; j < s.run.tracks.items[i].waits.count; j++, slept++) {
            assert_false(s.run.tracks.items[i].waits.items[j].poll_series);
            assert_int_equal(s.run.tracks.items[i].waits.items[j].waker, RUN_NONE);
        }
    }
    assert_int_equal(slept, 40);
    scenario_deinit(&s);
}

/* No wait of the thread is for anybody's deed. */
static void assert_waits_alone(const struct scenario *s, uint64_t thread, uint8_t reason)
{
    const struct run_track *track = &s->run.tracks.items[thread - 1];
    assert_true(track->waits.count > 0);
    for (size_t i = 0; i < track->waits.count; i++) {
        assert_int_equal(track->waits.items[i].reason, reason);
        assert_int_equal(track->waits.items[i].waker, RUN_NONE);
        assert_false(track->waits.items[i].poll_series);
    }
}

/* Looks took one of the holder's sleeps for a wait for the lock that it holds: the only other thread waits for it meanwhile. */
static void who_holds_the_lock_does_not_wait_for_it(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 2, 100);
    uint64_t root = scenario_process(&s, 0, "convoy", 0, 100);
    uint64_t lock = scenario_peer(&s, PEER_LOCK, PEER_NAME_LOCK, "100:0x1000");
    uint64_t holder = scenario_thread(&s, root, "worker", 1, 97);
    uint64_t waiter = scenario_thread(&s, root, "worker", 1, 98);
    scenario_wait(&s, holder, 10, 14, WAIT_SLEEP, 0);
    scenario_wait(&s, holder, 20, 24, WAIT_LOCK, lock);
    scenario_wait(&s, holder, 30, 34, WAIT_SLEEP, 0);
    scenario_wait(&s, waiter, 8, 35, WAIT_LOCK, lock);
    scenario_walk(&s);
    assert_waits_alone(&s, holder, WAIT_SLEEP);
    assert_int_equal(s.run.tracks.items[waiter - 1].waits.items[0].waker, holder - 1);
    scenario_deinit(&s);
}

/* A thread of another program ends, and its program goes on: nobody outside it can look for that. */
static void the_end_of_another_programs_thread_is_not_polled_for(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 2, 120);
    uint64_t shell = scenario_process(&s, 0, "sh", 0, 120);
    uint64_t sleeper = scenario_process(&s, shell, "sleeper", 1, 110);
    uint64_t other = scenario_process(&s, shell, "other", 1, 118);
    scenario_thread(&s, other, "worker", 2, 75);
    for (uint64_t ms = 10; ms < 90; ms += 20)
        scenario_wait(&s, sleeper, ms + 1, ms + 20, WAIT_SLEEP, 0);
    scenario_walk(&s);
    assert_waits_alone(&s, sleeper, WAIT_SLEEP);
    scenario_deinit(&s);
}

/* Sleeps while others wait for the sleeper's lock are its work, whatever ends meanwhile. */
static void who_sleeps_under_a_lock_does_not_poll(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 2, 120);
    uint64_t root = scenario_process(&s, 0, "convoy", 0, 120);
    uint64_t lock = scenario_peer(&s, PEER_LOCK, PEER_NAME_LOCK, "100:0x1000");
    uint64_t holder = scenario_thread(&s, root, "worker", 1, 110);
    uint64_t waiter = scenario_thread(&s, root, "worker", 1, 115);
    scenario_thread(&s, root, "other", 1, 75);
    for (uint64_t ms = 10; ms < 90; ms += 20)
        scenario_wait(&s, holder, ms + 1, ms + 20, WAIT_SLEEP, 0);
    scenario_wait(&s, waiter, 8, 91, WAIT_LOCK, lock);
    scenario_child_wait(&s, root, 2, 119, 0);
    scenario_walk(&s);
    assert_waits_alone(&s, holder, WAIT_SLEEP);
    scenario_deinit(&s);
}

/* The file is there at 52; the poller looks at 70: 18 ms of sleep are useless, the rest is the producer's. */
static void polling_charges_only_the_useless_part_of_the_sleep(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 2, 71);
    uint64_t poller = scenario_process(&s, 0, "poller", 0, 71);
    scenario_process(&s, poller, "producer", 0, 52);
    for (uint64_t ms = 10; ms < 70; ms += 20)
        scenario_wait(&s, poller, ms + 1, ms + 20, WAIT_SLEEP, 0);
    scenario_walk(&s);
    assert_int_equal(scenario_doing_ms(&s, "poller", WAIT_SLEEP), 18);
    assert_int_equal(scenario_doing_ms(&s, "producer", DOING_CPU), 52);
    scenario_deinit(&s);
}

/* A child is started before each sleep; that it was seen a little later, inside the sleep, makes no difference. */
static void a_child_seen_late_still_ends_the_sleep_for_it(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 2, 310);
    uint64_t poller = scenario_process(&s, 0, "poller", 0, 310);
    for (uint64_t t = 0; t < 300; t += 100) {
        scenario_wait(&s, poller, t + 5, t + 100, WAIT_SLEEP, 0);
        scenario_process(&s, poller, "producer", t + 6, t + 60);
    }
    scenario_walk(&s);
    assert_int_equal(scenario_doing_ms(&s, "poller", WAIT_SLEEP), 3 * 40);
    scenario_deinit(&s);
}

/* Between its sleeps a shell waits for a pipeline: what ended there did not end the sleep that follows. */
static void who_was_waited_for_is_not_polled_for(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 2, 410);
    uint64_t shell = scenario_process(&s, 0, "shell", 0, 410);
    for (uint64_t t = 0; t < 400; t += 100) {
        uint64_t sleeper = scenario_process(&s, shell, "sleep", t, t + 90);
        scenario_wait(&s, sleeper, t, t + 90, WAIT_SLEEP, 0);
        scenario_wait(&s, shell, t, t + 90, WAIT_CHILD, 0);
        scenario_process(&s, shell, "md5sum", t + 91, t + 99);
        scenario_process(&s, shell, "gzip", t + 91, t + 99);
        scenario_wait(&s, shell, t + 92, t + 99, WAIT_CHILD, 0);
    }
    scenario_walk(&s);
    assert_int_equal(scenario_doing_ms(&s, "shell", WAIT_SLEEP), 0);
    assert_int_equal(scenario_doing_ms(&s, "sleep", WAIT_SLEEP), 4 * 90);
    scenario_deinit(&s);
}

static void nobody_polls_for_who_is_not_born_yet(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 2, 310);
    uint64_t poller = scenario_process(&s, 0, "poller", 0, 310);
    for (uint64_t t = 0; t < 300; t += 100)
        scenario_wait(&s, poller, t + 5, t + 100, WAIT_SLEEP, 0);
    scenario_process(&s, poller, "producer", 204, 260);
    scenario_walk(&s);
    assert_false(s.run.tracks.items[poller - 1].waits.items[0].poll_series);
    assert_int_equal(scenario_doing_ms(&s, "poller", WAIT_SLEEP), 95 + 95 + 40);
    scenario_deinit(&s);
}

static void a_wait_for_a_child_goes_on_inside_the_child(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 2, 50);
    uint64_t shell = scenario_process(&s, 0, "sh", 0, 50);
    uint64_t inner = scenario_process(&s, shell, "sh", 5, 45);
    uint64_t grandchild = scenario_process(&s, inner, "curl", 10, 40);
    uint64_t server = scenario_peer(&s, PEER_SOCKET, "socket", "10.0.0.1:80");
    scenario_wait(&s, shell, 6, 45, WAIT_CHILD, 0);
    scenario_wait(&s, inner, 11, 40, WAIT_CHILD, 0);
    scenario_wait(&s, grandchild, 12, 39, WAIT_NETWORK, server);
    scenario_walk(&s);
    assert_int_equal(scenario_doing_ms(&s, "curl", WAIT_NETWORK), 27);
    assert_int_equal(scenario_doing_ms(&s, NULL, WAIT_CHILD), 0);
    scenario_deinit(&s);
}

/* After a child's end its shell waits for something else: that is not the same child again. */
static void the_end_of_a_child_ends_one_wait(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 2, 60);
    uint64_t shell = scenario_process(&s, 0, "sh", 0, 60);
    scenario_process(&s, shell, "first", 5, 30);
    scenario_process(&s, shell, "second", 31, 58);
    scenario_wait(&s, shell, 6, 30, WAIT_CHILD, 0);
    scenario_wait(&s, shell, 31, 33, WAIT_CHILD, 0); /* until the exec */
    scenario_wait(&s, shell, 34, 58, WAIT_CHILD, 0);
    scenario_walk(&s);
    const struct run_track *track = &s.run.tracks.items[shell - 1];
    assert_int_equal(track->waits.items[0].waker_source, WAKER_INFERRED);
    assert_int_equal(track->waits.items[1].waker, RUN_NONE);
    assert_int_equal(track->waits.items[2].waker_source, WAKER_INFERRED);
    scenario_deinit(&s);
}

/* make at its jobserver: no other process holds the pipe, the end of a job wakes it. */
static void the_end_of_a_short_child_ends_the_wait_that_holds_it(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 2, 20);
    uint64_t shell = scenario_process(&s, 0, "sh", 0, 20);
    uint64_t md5sum = scenario_process(&s, shell, "md5sum", 10, 14);
    scenario_wait(&s, shell, 11, 12, WAIT_CHILD, 0); /* until the exec */
    scenario_wait(&s, shell, 13, 14, WAIT_CHILD, 0);
    scenario_walk(&s);
    const struct run_track *track = &s.run.tracks.items[shell - 1];
    assert_int_equal(track->waits.items[0].waker, RUN_NONE);
    assert_int_equal(track->waits.items[1].waker, md5sum - 1);
    scenario_deinit(&s);
}

/* The counter of queueing ran ahead: the child ends where its shell is said to queue already. */
static void a_child_that_ends_while_its_shell_queues_ended_the_wait(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 2, 40);
    uint64_t shell = scenario_process(&s, 0, "sh", 0, 40);
    scenario_process(&s, shell, "md5sum", 3, 5);
    uint64_t curl = scenario_process(&s, shell, "curl", 5, 36);
    scenario_child_wait(&s, shell, 6, 38, 8);
    scenario_walk(&s);
    assert_int_equal(s.run.tracks.items[shell - 1].waits.items[0].waker, curl - 1);
    scenario_deinit(&s);
}

static void a_wait_at_a_pipe_of_ones_own_is_for_a_child(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 2, 40);
    uint64_t make = scenario_process(&s, 0, "make", 0, 40);
    uint64_t cc = scenario_process(&s, make, "cc", 5, 38);
    uint64_t pipe = scenario_peer(&s, PEER_PIPE, "pipe", "pipe:[1]");
    scenario_holds(&s, make, pipe, IO_READ);
    scenario_holds(&s, make, pipe, IO_WRITE);
    scenario_wait(&s, make, 6, 38, WAIT_PIPE, pipe);
    scenario_walk(&s);
    const struct run_wait *wait = &s.run.tracks.items[make - 1].waits.items[0];
    assert_int_equal(wait->reason, WAIT_CHILD);
    assert_int_equal(wait->waker, cc - 1);
    scenario_deinit(&s);
}

/* An event loop that a thread of the same process wakes through the loop's own pipe. */
static void a_wait_at_a_pipe_of_ones_own_is_for_a_thread(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 2, 40);
    uint64_t root = scenario_process(&s, 0, "loop", 0, 40);
    uint64_t loop = scenario_thread(&s, root, "loop", 1, 39);
    uint64_t pipe = scenario_peer(&s, PEER_PIPE, "", "pipe:[1]");
    scenario_holds(&s, root, pipe, IO_READ);
    scenario_holds(&s, root, pipe, IO_WRITE);
    scenario_wait(&s, loop, 2, 30, WAIT_PIPE, pipe);
    scenario_walk(&s);
    assert_int_equal(s.run.tracks.items[loop - 1].waits.items[0].waker, root - 1);
    scenario_deinit(&s);
}

/* The main thread wakes a loop up to end it, and waits for that; the loop gets a CPU late, when the main thread sleeps. */
static void who_waits_for_a_loops_end_has_woken_it_before(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 2, 40);
    uint64_t root = scenario_process(&s, 0, "loop", 0, 40);
    uint64_t loop = scenario_thread(&s, root, "loop", 1, 38);
    uint64_t pipe = scenario_peer(&s, PEER_PIPE, "", "pipe:[1]");
    uint64_t end = scenario_peer(&s, PEER_LOCK, PEER_NAME_CONDITION, "100:0x1000");
    scenario_holds(&s, root, pipe, IO_READ);
    scenario_holds(&s, root, pipe, IO_WRITE);
    scenario_wait(&s, loop, 2, 37, WAIT_PIPE, pipe);
    scenario_wait(&s, root, 30, 38, WAIT_LOCK, end);
    scenario_walk(&s);
    const struct run_wait *wait = &s.run.tracks.items[loop - 1].waits.items[0];
    assert_int_equal(wait->waker, root - 1);
    assert_int_equal(wait->event_ns, (1000 + 30) * NS_PER_MS);
    assert_true(scenario_doing_ms(&s, "loop", DOING_CPU) >= 30);
    scenario_deinit(&s);
}

/* The main thread waits for the whole pool: who ran signals a condition, not the first in the list. */
static void a_condition_is_signalled_by_who_ran(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 4, 100);
    uint64_t root = scenario_process(&s, 0, "pool", 0, 100);
    uint64_t idle = scenario_thread(&s, root, "idle", 2, 98);
    uint64_t busy = scenario_thread(&s, root, "busy", 2, 90);
    uint64_t waiter = scenario_thread(&s, root, "waiter", 2, 98);
    uint64_t condition = scenario_peer(&s, PEER_LOCK, PEER_NAME_CONDITION, "100:0x10");
    uint64_t other = scenario_peer(&s, PEER_LOCK, PEER_NAME_CONDITION, "100:0x20");
    scenario_wait(&s, root, 25, 90, WAIT_LOCK, other);
    scenario_wait(&s, idle, 22, 95, WAIT_LOCK, other);
    scenario_wait(&s, waiter, 20, 50, WAIT_LOCK, condition);
    scenario_walk(&s);
    assert_int_equal(s.run.tracks.items[waiter - 1].waits.items[0].waker, busy - 1);
    assert_int_equal(s.run.tracks.items[root - 1].waits.items[0].waker, busy - 1);
    scenario_deinit(&s);
}

/* A runtime's watcher of its threads sleeps for a moment, again and again; one that queues for a CPU wakes nobody; and of a row of many
 * waits it is not told when it ran. Who ran woke the waiter. */
static void neither_sleepers_nor_who_queues_signal(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 4, 100);
    uint64_t root = scenario_process(&s, 0, "pool", 0, 100);
    uint64_t watcher = scenario_thread(&s, root, "watcher", 2, 98);
    uint64_t queued = scenario_thread(&s, root, "queued", 2, 98);
    uint64_t often = scenario_thread(&s, root, "often", 2, 98);
    uint64_t waiter = scenario_thread(&s, root, "waiter", 2, 98);
    uint64_t busy = scenario_thread(&s, root, "busy", 2, 90);
    uint64_t condition = scenario_peer(&s, PEER_LOCK, PEER_NAME_CONDITION, "100:0x10");
    scenario_wait(&s, root, 25, 95, WAIT_LOCK, scenario_peer(&s, PEER_LOCK, PEER_NAME_CONDITION, "100:0x20"));
    scenario_wait(&s, watcher, 49, 58, WAIT_SLEEP, 0);
    scenario_queue(&s, queued, 45, 60);
    struct row_wait row = {
        .track = often, .start_ns = 30, .end_ns = 80, .count = 5, .blocked_ns = 45, .reason = WAIT_POLL};
    scenario_waits(&s, &row);
    scenario_wait(&s, waiter, 20, 50, WAIT_LOCK, condition);
    scenario_walk(&s);
    assert_int_equal(s.run.tracks.items[waiter - 1].waits.items[0].waker, busy - 1);
    scenario_deinit(&s);
}

/* The thread "exit" ends its process; all others are killed in their sleep, whenever they die. */
static void who_was_killed_has_not_ended_its_process(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 4, 100);
    uint64_t shell = scenario_process(&s, 0, "sh", 0, 100);
    uint64_t program = scenario_process(&s, shell, "java", 2, 95);
    uint64_t ender = scenario_thread(&s, program, "exit", 3, 94);
    uint64_t idle = scenario_thread(&s, program, "idle", 4, 95);
    scenario_wait(&s, program, 4, 95, WAIT_CHILD, 0);
    scenario_wait(&s, ender, 5, 60, WAIT_SLEEP, 0);
    scenario_wait(&s, idle, 5, 95, WAIT_LOCK, scenario_peer(&s, PEER_LOCK, PEER_NAME_CONDITION, "100:0x20"));
    scenario_wait(&s, shell, 3, 96, WAIT_CHILD, 0);
    scenario_walk(&s);
    assert_int_equal(s.run.tracks.items[shell - 1].waits.items[0].waker, ender - 1);
    assert_true(scenario_doing_ms(&s, "java", DOING_CPU) >= 33);
    scenario_deinit(&s);
}

/* The last to leave a large process frees its memory, for as long as a thread that works. */
static void who_frees_the_memory_has_not_ended_its_process(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 4, 100);
    uint64_t shell = scenario_process(&s, 0, "sh", 0, 100);
    uint64_t program = scenario_process(&s, shell, "java", 2, 95);
    uint64_t ender = scenario_thread(&s, program, "exit", 3, 84);
    uint64_t idle = scenario_thread(&s, program, "idle", 4, 95);
    scenario_attr(&s, program, ATTR_RSS_BYTES_MAX, 200000000);
    scenario_wait(&s, program, 4, 95, WAIT_CHILD, 0);
    scenario_wait(&s, ender, 5, 40, WAIT_SLEEP, 0);
    scenario_wait(&s, idle, 5, 85, WAIT_LOCK, scenario_peer(&s, PEER_LOCK, PEER_NAME_CONDITION, "100:0x20"));
    scenario_wait(&s, shell, 3, 96, WAIT_CHILD, 0);
    scenario_walk(&s);
    assert_int_equal(s.run.tracks.items[shell - 1].waits.items[0].waker, ender - 1);
    scenario_deinit(&s);
}

/* Damage may tell that a thread made its process. */
static void nobody_ends_a_wait_of_its_own(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 2, 100);
    scenario_process(&s, 0, "sh", 0, 100);
    struct row_track process = {.id = ++s.next_track,
                                .parent = s.next_track + 1,
                                .kind = TRACK_PROCESS,
                                .pid = 200,
                                .tid = 200,
                                .start_ns = 1000 * NS_PER_MS,
                                .end_ns = 1050 * NS_PER_MS};
    struct row_track thread = process;
    thread.id = ++s.next_track;
    thread.parent = process.id;
    thread.kind = TRACK_THREAD;
    assert_int_equal(sink_append(&s.data.sink, track, &process, NULL), 0);
    assert_int_equal(sink_append(&s.data.sink, track, &thread, NULL), 0);
    scenario_wait(&s, thread.id, 10, 50, WAIT_CHILD, 0);
    scenario_walk(&s);
    assert_int_equal(s.run.tracks.items[thread.id - 1].waits.items[0].waker, RUN_NONE);
    scenario_deinit(&s);
}

/* A virtual machine's own thread looks after things every 20 ms: it does not wait for the child that ends meanwhile. */
static void a_runtimes_helper_does_not_poll(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 2, 100);
    uint64_t root = scenario_process(&s, 0, "java", 0, 100);
    scenario_thread(&s, root, "VM Thread", 0, 100);
    uint64_t helper = scenario_thread(&s, root, "VM Periodic Tas", 0, 100);
    scenario_process(&s, root, "child", 0, 72);
    for (uint64_t ms = 0; ms < 80; ms += 20)
        scenario_wait(&s, helper, ms + 1, ms + 20, WAIT_SLEEP, 0);
    scenario_walk(&s);
    for (size_t i = 0; i < 4; i++) {
        assert_false(s.run.tracks.items[helper - 1].waits.items[i].poll_series);
        assert_int_equal(s.run.tracks.items[helper - 1].waits.items[i].waker, RUN_NONE);
    }
    scenario_deinit(&s);
}

/* A long chain of threads wakes one another at one instant, the first of them begins then: the walk goes on at who made it. */
/* A virtual machine stops its threads for a moment each second; until then its own thread sleeps, and they work. */
static void a_runtimes_helper_slept_for_nobody(void **state)
{
    struct scenario s;
    uint64_t slept_ns = 0;
    (void)state;
    scenario_init(&s, 2, 100);
    uint64_t root = scenario_process(&s, 0, "java", 0, 100);
    uint64_t helper = scenario_thread(&s, root, "VM Thread", 1, 100);
    struct scenario_wake nap = {
        .thread = helper, .start_ms = 2, .end_ms = 82, .reason = WAIT_LOCK, .source = WAKER_INTERRUPT};
    scenario_woken(&s, &nap);
    nap = (struct scenario_wake){.thread = root,
                                 .waker = helper,
                                 .start_ms = 80,
                                 .end_ms = 84,
                                 .reason = WAIT_LOCK,
                                 .source = WAKER_EXACT};
    scenario_woken(&s, &nap);
    scenario_walk(&s);
    for (size_t i = 0; i < s.path.steps.count; i++) {
        const struct path_step *step = &s.path.steps.items[i];
        slept_ns += step->doing == WAIT_LOCK || step->doing == WAIT_SLEEP ? step->end_ns - step->start_ns : 0;
    }
    assert_int_equal(slept_ns, 2 * NS_PER_MS);
    scenario_deinit(&s);
}

static void a_chain_of_wakers_leads_to_a_maker(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 4, 100);
    uint64_t root = scenario_process(&s, 0, "chain", 0, 100);
    uint64_t maker = scenario_thread(&s, root, "maker", 2, 99);
    uint64_t lock = scenario_peer(&s, PEER_LOCK, "", "100:0x10"), waiter = root;
    for (uint64_t i = 0; i < 64; i++) {
        uint64_t waker =
            i == 63 ? scenario_thread(&s, maker, "first", 50, 99) : scenario_thread(&s, root, "link", 3, 99);
        struct scenario_wake wake = {.thread = waiter,
                                     .waker = waker,
                                     .start_ms = 10,
                                     .end_ms = 50,
                                     .reason = WAIT_LOCK,
                                     .peer = lock,
                                     .source = WAKER_EXACT};
        scenario_woken(&s, &wake);
        waiter = waker;
    }
    scenario_walk(&s);
    assert_int_equal(scenario_doing_ms(&s, NULL, WAIT_UNKNOWN), 0);
    assert_true(scenario_doing_ms(&s, "chain", DOING_CPU) >= 98);
    scenario_deinit(&s);
}

/* A pool of processes: a thread reads the results from a pipe whose ends its process holds both, another waits for that one
 * at several pipes, and the main thread for either. Who computed the result is on the path, not the fork that ends. */
static void a_result_at_a_pipe_is_of_the_fork_that_ran(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 4, 410);
    uint64_t root = scenario_process(&s, 0, "pool", 0, 410);
    uint64_t watcher = scenario_thread(&s, root, "watcher", 5, 405);
    uint64_t reader = scenario_thread(&s, root, "reader", 5, 405);
    uint64_t idle = scenario_process(&s, root, "idle", 8, 402);
    uint64_t busy = scenario_process(&s, root, "busy", 8, 406);
    uint64_t results = scenario_peer(&s, PEER_PIPE, "", "pipe:[7]");
    uint64_t tasks = scenario_peer(&s, PEER_PIPE, "", "pipe:[8]");
    uint64_t done = scenario_peer(&s, PEER_LOCK, PEER_NAME_CONDITION, "100:0x10");
    scenario_holds(&s, root, results, IO_READ);
    scenario_holds(&s, root, results, IO_WRITE);
    scenario_holds(&s, idle, results, IO_WRITE);
    scenario_holds(&s, busy, results, IO_WRITE);
    scenario_holds(&s, root, tasks, IO_WRITE);
    scenario_holds(&s, idle, tasks, IO_READ);
    scenario_holds(&s, busy, tasks, IO_READ);
    scenario_wait(&s, reader, 20, 401, WAIT_PIPE, results);
    scenario_wait(&s, watcher, 20, 402, WAIT_PIPE, 0);
    scenario_wait(&s, root, 20, 403, WAIT_LOCK, done);
    scenario_wait(&s, idle, 20, 402, WAIT_PIPE, tasks);
    scenario_walk(&s);
    assert_int_equal(s.run.tracks.items[reader - 1].waits.items[0].waker, busy - 1);
    assert_int_equal(s.run.tracks.items[watcher - 1].waits.items[0].waker, reader - 1);
    assert_true(scenario_doing_ms(&s, "busy", DOING_CPU) >= 375);
    scenario_deinit(&s);
}

/* Hundreds of jobs ended before the wait: it is one of those that ran then. */
static void a_driver_of_many_jobs_is_woken_by_one_that_ran(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 4, 410);
    uint64_t root = scenario_process(&s, 0, "driver", 0, 410);
    for (uint64_t i = 0; i < 300; i++)
        scenario_process(&s, root, "job", 2, 5);
    uint64_t idle = scenario_process(&s, root, "idle", 8, 408);
    uint64_t busy = scenario_process(&s, root, "busy", 8, 406);
    uint64_t tasks = scenario_peer(&s, PEER_PIPE, "", "pipe:[8]");
    scenario_wait(&s, idle, 10, 407, WAIT_PIPE, tasks);
    scenario_wait(&s, root, 100, 402, WAIT_PIPE, 0);
    scenario_walk(&s);
    assert_int_equal(s.run.tracks.items[root - 1].waits.items[0].waker, busy - 1);
    scenario_deinit(&s);
}

static void a_wake_from_an_interrupt_is_external(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 2, 20);
    uint64_t root = scenario_process(&s, 0, "reader", 0, 20);
    uint64_t other = scenario_process(&s, root, "innocent", 1, 20);
    struct row_wait row = {.track = root,
                           .start_ns = 1005000000,
                           .end_ns = 1015000000,
                           .count = 1,
                           .blocked_ns = 10000000,
                           .reason = WAIT_DISK_READ,
                           .waker_track = other,
                           .waker_source = WAKER_INTERRUPT};
    assert_int_equal(sink_append(&s.data.sink, wait, &row, NULL), 0);
    scenario_walk(&s);
    assert_int_equal(scenario_doing_ms(&s, "reader", WAIT_DISK_READ), 10);
    scenario_deinit(&s);
}

static void a_row_of_equal_waits_is_split_in_proportion(void **state)
{
    (void)state;
    struct scenario s;
    scenario_init(&s, 2, 20);
    uint64_t root = scenario_process(&s, 0, "syncer", 0, 20);
    struct row_wait row = {.track = root,
                           .start_ns = 1005000000,
                           .end_ns = 1015000000,
                           .count = 50,
                           .blocked_ns = 6000000,
                           .runnable_ns = 1000000,
                           .reason = WAIT_DISK_SYNC};
    assert_int_equal(sink_append(&s.data.sink, wait, &row, NULL), 0);
    scenario_walk(&s);
    assert_int_equal(scenario_doing_ms(&s, "syncer", WAIT_DISK_SYNC), 6);
    assert_int_equal(scenario_doing_ms(&s, "syncer", WAIT_CPU_QUEUE), 1);
    assert_int_equal(scenario_doing_ms(&s, "syncer", DOING_CPU), 13);
    scenario_deinit(&s);
}

int critical_path_test(void);
int critical_path_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_convoy_is_the_holders_sleep_via_the_lock),
        cmocka_unit_test(a_slow_middle_of_a_pipe_is_the_doing_via_the_pipe),
        cmocka_unit_test(contention_is_queueing_charged_to_who_runs),
        cmocka_unit_test(who_holds_the_lock_does_not_wait_for_it),
        cmocka_unit_test(the_end_of_another_programs_thread_is_not_polled_for),
        cmocka_unit_test(who_sleeps_under_a_lock_does_not_poll),
        cmocka_unit_test(polling_charges_only_the_useless_part_of_the_sleep),
        cmocka_unit_test(siblings_that_sleep_in_step_do_not_poll_for_each_other),
        cmocka_unit_test(a_child_seen_late_still_ends_the_sleep_for_it),
        cmocka_unit_test(who_was_waited_for_is_not_polled_for),
        cmocka_unit_test(nobody_polls_for_who_is_not_born_yet),
        cmocka_unit_test(a_wait_for_a_child_goes_on_inside_the_child),
        cmocka_unit_test(the_end_of_a_child_ends_one_wait),
        cmocka_unit_test(the_end_of_a_short_child_ends_the_wait_that_holds_it),
        cmocka_unit_test(a_child_that_ends_while_its_shell_queues_ended_the_wait),
        cmocka_unit_test(a_wait_at_a_pipe_of_ones_own_is_for_a_child),
        cmocka_unit_test(a_wait_at_a_pipe_of_ones_own_is_for_a_thread),
        cmocka_unit_test(who_waits_for_a_loops_end_has_woken_it_before),
        cmocka_unit_test(a_condition_is_signalled_by_who_ran),
        cmocka_unit_test(neither_sleepers_nor_who_queues_signal),
        cmocka_unit_test(a_runtimes_helper_slept_for_nobody),
        cmocka_unit_test(a_chain_of_wakers_leads_to_a_maker),
        cmocka_unit_test(who_was_killed_has_not_ended_its_process),
        cmocka_unit_test(who_frees_the_memory_has_not_ended_its_process),
        cmocka_unit_test(nobody_ends_a_wait_of_its_own),
        cmocka_unit_test(a_runtimes_helper_does_not_poll),
        cmocka_unit_test(a_result_at_a_pipe_is_of_the_fork_that_ran),
        cmocka_unit_test(a_driver_of_many_jobs_is_woken_by_one_that_ran),
        cmocka_unit_test(a_wake_from_an_interrupt_is_external),
        cmocka_unit_test(a_row_of_equal_waits_is_split_in_proportion),
    };
    return cmocka_run_group_tests_name("critical_path", tests, NULL, NULL);
}
