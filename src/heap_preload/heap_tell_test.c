/* SPDX-License-Identifier: Apache-2.0 */
/* heap_tell_test: heap_tell with a ring of the test's own, that nobody reads, and heap_stack_test's process. */
#include "heap_preload/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

int heap_tell_test(void);

#define RING_WORDS 64u

static struct heap_ring ring_head;
static uint64_t ring[RING_WORDS];
static struct heap_lane lane = {.ring = &ring_head, .words = ring, .mask = RING_WORDS - 1};

static int setup(void **state)
{
    (void)state;
    memset(heap, 0, sizeof *heap);
    memset(heap_session, 0, sizeof *heap_session);
    memset(&ring_head, 0, sizeof ring_head);
    lane.head = 0;
    heap_is_exact = true;
    heap_session->ticks_per_us =
        1; /* of nanoseconds: ten seconds of a recorder's silence are ten milliseconds */
    heap_session->alive = UINT64_MAX;
    self.lane = &lane;
    self.is_refused = false;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    heap_is_exact = false;
    self.lane = NULL;
    self.is_refused = false;
    return 0;
}

static void ring_fill(void)
{
    while (heap_begin(&lane, 8, 0) && !self.is_refused)
        heap_commit(&lane, 8);
}

/* The recorder lives and reads, but never this ring. What a stack needs are many events: its functions, modules, itself. */
static void a_ring_that_nobody_reads_is_waited_for_once(void **state)
{
    (void)state;
    ring_fill();
    assert_true(self.is_refused && self.lane == NULL);
    assert_int_equal(ring_head.lost_count, 1);
    heap_session->alive = 0; /* who waited again would take the recorder for dead */
    for (unsigned i = 2; i < 100; i++) {
        assert_false(heap_begin(&lane, 8, 0));
        assert_int_equal(ring_head.lost_count, i);
    }
    assert_false(heap_session->closed);
    ring_head.tail = lane.head;
    assert_true(heap_begin(&lane, 8, 0));
}

static void a_recorder_that_is_gone_is_not_waited_for(void **state)
{
    (void)state;
    heap_session->alive = 0;
    ring_fill();
    assert_true(heap_session->closed);
    assert_false(self.is_refused);
}

int heap_tell_test(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_ring_that_nobody_reads_is_waited_for_once),
        TEST(a_recorder_that_is_gone_is_not_waited_for),
    };
    return cmocka_run_group_tests_name("heap_tell", tests, NULL, NULL);
}
