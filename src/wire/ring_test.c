/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "wire/ring.h"

static void an_event_comes_out_as_it_went_in(void **state)
{
    const struct ring_slot slots[] = {
        {100, ring_word(RING_BEGIN, 0xabcdef, 0)},
        {200, ring_word(RING_EDGE, 0, 2)},
        {150, RING_MORE},
        {(uint64_t)7 << 32 | 8, RING_MORE},
        {300, ring_word(RING_END, 0, 0xffffffff)},
    };
    struct ring_event event;
    uint64_t position = 0, broken_count = 0;

    (void)state;
    assert_true(ring_next(slots, 5, 0x1fffffffe, &position, &event, &broken_count));
    assert_int_equal(event.kind, RING_BEGIN);
    assert_int_equal(event.name, 0xabcdef);
    assert_int_equal(event.value, 100);
    assert_int_equal(event.index, 0xfffffffe);
    assert_true(ring_next(slots, 5, 0x1fffffffe, &position, &event, &broken_count));
    assert_int_equal(event.kind, RING_EDGE);
    assert_int_equal(event.argument, 2);
    assert_int_equal(event.more[0], 150);
    assert_int_equal(event.more[1] >> 32, 7);
    assert_true(ring_next(slots, 5, 0x1fffffffe, &position, &event, &broken_count));
    assert_int_equal(event.kind, RING_END);
    assert_int_equal(event.argument, 0xffffffff);
    assert_int_equal(event.index, 2);
    assert_false(ring_next(slots, 5, 0x1fffffffe, &position, &event, &broken_count));
    assert_int_equal(broken_count, 0);
}

static void an_event_without_its_further_values_is_passed_over(void **state)
{
    const struct ring_slot slots[] = {
        {1, ring_word(RING_COUNTER, 3, 0)},
        {2, ring_word(RING_BEGIN, 3, 0)},
        {3, ring_word(RING_EDGE, 0, 1)},
        {4, RING_MORE},
    };
    struct ring_event event;
    uint64_t position = 0, broken_count = 0;

    (void)state;
    assert_true(ring_next(slots, 4, 0, &position, &event, &broken_count));
    assert_int_equal(event.kind, RING_BEGIN);
    assert_false(ring_next(slots, 4, 0, &position, &event, &broken_count));
    assert_int_equal(broken_count, 3);
}

static void a_head_no_producer_writes_reads_nothing(void **state)
{
    bool is_broken;

    (void)state;
    assert_int_equal(ring_readable(10, 4, 16, &is_broken), 6);
    assert_false(is_broken);
    assert_int_equal(ring_readable(3, UINT64_MAX, 16, &is_broken), 4);
    assert_false(is_broken);
    assert_int_equal(ring_readable(3, 4, 16, &is_broken), 0);
    assert_true(is_broken);
    assert_int_equal(ring_readable(100, 4, 16, &is_broken), 0);
    assert_true(is_broken);
}

static void a_ring_of_another_size_than_the_session_s_is_refused(void **state)
{
    struct ring_file ring = {.magic = RING_MAGIC, .version = WIRE_VERSION, .slot_count = 1024};

    (void)state;
    assert_true(ring_is_valid(&ring, 16384));
    ring.slot_count = 0x80000400;
    assert_false(ring_is_valid(&ring, 16384));
    ring.slot_count = 1024;
    ring.magic++;
    assert_false(ring_is_valid(&ring, 16384));
}

static void a_session_is_checked_before_it_is_used(void **state)
{
    struct session_file session = {.magic = SESSION_MAGIC,
                                   .version = WIRE_VERSION,
                                   .clock = WIRE_CLOCK_TSC,
                                   .ring_bytes = RING_BYTES_DEFAULT};

    (void)state;
    assert_true(session_is_valid(&session));
    session.ring_bytes += 16;
    assert_false(session_is_valid(&session));
    session.ring_bytes = RING_BYTES_MAX * 2;
    assert_false(session_is_valid(&session));
    session.ring_bytes = RING_BYTES_MIN;
    session.clock = 9;
    assert_false(session_is_valid(&session));
}

static void a_name_ends_within_what_was_read(void **state)
{
    const unsigned char name[] = {3, 0, 'a', 'b', 'c'};
    const unsigned char long_name[] = {0, 1, 'a'};

    (void)state;
    assert_int_equal(name_length(name, sizeof name), 3);
    assert_int_equal(name_length(name, sizeof name - 1), 0);
    assert_int_equal(name_length(name, 1), 0);
    assert_int_equal(name_length(long_name, 1000), 0);
}

static uint64_t random_next(uint64_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random;
}

static void random_slots_decode_to_whole_events_only(void **state)
{
    static struct ring_slot slots[512];
    uint64_t random = 88172645463325252u;
    unsigned round, i;

    (void)state;
    for (round = 0; round < 2000; round++) {
        uint64_t position = 0, broken_count = 0, used = 0, count = random_next(&random) % 513;
        struct ring_event event;

        for (i = 0; i < count; i++) {
            slots[i].value = random_next(&random);
            slots[i].word = random_next(&random);
            if (random_next(&random) % 4)
                slots[i].word =
                    (slots[i].word & ~(uint64_t)0xff) | random_next(&random) % (RING_KIND_COUNT + 1);
        }
        while (ring_next(slots, count, random, &position, &event, &broken_count)) {
            assert_in_range(event.kind, RING_BEGIN, RING_DETACH);
            used += ring_slots_of(event.kind);
        }
        assert_int_equal(position, count);
        assert_int_equal(used + broken_count, count);
    }
}

int ring_test(void);
int ring_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_comes_out_as_it_went_in),
        cmocka_unit_test(an_event_without_its_further_values_is_passed_over),
        cmocka_unit_test(a_head_no_producer_writes_reads_nothing),
        cmocka_unit_test(a_ring_of_another_size_than_the_session_s_is_refused),
        cmocka_unit_test(a_session_is_checked_before_it_is_used),
        cmocka_unit_test(a_name_ends_within_what_was_read),
        cmocka_unit_test(random_slots_decode_to_whole_events_only),
    };
    return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
