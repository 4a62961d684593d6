/* SPDX-License-Identifier: Apache-2.0 */
/* Rings made by hand: what the kernel writes, and what it never should. */
#include "kernel/perf_ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/vec.h"

int perf_ring_test(void);

#define RING_BYTES 4096u

struct seen {
    enum perf_kind kind;
    uint64_t time_ns, weight_ns, lost_count, address;
    uint32_t pid, tid, ppid, cpu;
    size_t chain_count;
    uint64_t chain[8];
    uint64_t ip, sp, bp;
    size_t dump_bytes;
    uint64_t dumped; /* the first word */
    bool preempted;
    char text[32];
};

struct fixture {
    struct perf_rings rings;
    struct perf_ring items[2];
    struct perf_event_mmap_page pages[2];
    uint64_t data[2][RING_BYTES / 8];
    VEC(struct seen) seen;
    size_t stop_after; /* 0: never */
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    fixture->rings.items = fixture->items;
    fixture->rings.count = 2;
    fixture->rings.sample_ns = 5000000;
    for (size_t i = 0; i < 2; i++)
        fixture->items[i] = (struct perf_ring){
            .page = &fixture->pages[i], .data = (const uint8_t *)fixture->data[i], .size_bytes = RING_BYTES};
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    vec_free(&fixture->seen);
    free(fixture);
    return 0;
}

static int keep(void *context, const struct perf_event *event, struct err *err)
{
    struct fixture *fixture = context;
    struct seen seen = {.kind = event->kind,
                        .time_ns = event->time_ns,
                        .weight_ns = event->weight_ns,
                        .lost_count = event->lost_count,
                        .address = event->map.address,
                        .pid = event->pid,
                        .tid = event->tid,
                        .ppid = event->ppid,
                        .cpu = event->cpu,
                        .chain_count = event->chain_count,
                        .ip = event->dump.ip,
                        .sp = event->dump.sp,
                        .bp = event->dump.bp,
                        .dump_bytes = event->dump.size,
                        .preempted = event->preempted};
    if (event->dump.size >= sizeof seen.dumped)
        memcpy(&seen.dumped, event->dump.bytes, sizeof seen.dumped);
    for (size_t i = 0; i < event->chain_count && i < 8; i++)
        seen.chain[i] = event->chain[i];
    const char *text = event->name ? event->name : event->map.path;
    if (text)
        strncpy(seen.text, text, sizeof seen.text - 1);
    assert_int_equal(vec_push(&fixture->seen, seen), 0);
    if (fixture->stop_after && fixture->seen.count == fixture->stop_after)
        return err_set(err, ERR_INPUT, "enough");
    return 0;
}

static void put_word(struct fixture *fixture, size_t ring, uint64_t word)
{
    uint64_t head = fixture->pages[ring].data_head;
    fixture->data[ring][head % RING_BYTES / 8] = word;
    fixture->pages[ring].data_head = head + 8;
}

static uint64_t pair(uint32_t low, uint32_t high)
{
    return low | (uint64_t)high << 32;
}

static void put_header(struct fixture *fixture, size_t ring, uint32_t type, uint16_t misc, size_t words)
{
    put_word(fixture, ring, type | (uint64_t)misc << 32 | (uint64_t)(words * 8) << 48);
}

static void put_id(struct fixture *fixture, size_t ring, uint32_t tid, uint64_t time_ns)
{
    put_word(fixture, ring, pair(100, tid));
    put_word(fixture, ring, time_ns);
    put_word(fixture, ring, pair((uint32_t)ring, 0));
}

static void put_switch(struct fixture *fixture, size_t ring, uint16_t misc, uint32_t tid, uint64_t time_ns)
{
    put_header(fixture, ring, PERF_RECORD_SWITCH, misc, 4);
    put_id(fixture, ring, tid, time_ns);
}

static void put_sample(struct fixture *fixture, size_t ring, uint64_t time_ns, uint64_t period,
                       uint64_t chain_count)
{
    put_header(fixture, ring, PERF_RECORD_SAMPLE, 0, 6 + chain_count);
    put_word(fixture, ring, pair(100, 101));
    put_word(fixture, ring, time_ns);
    put_word(fixture, ring, pair((uint32_t)ring, 0));
    put_word(fixture, ring, period);
    put_word(fixture, ring, chain_count);
    for (uint64_t i = 0; i < chain_count; i++)
        put_word(fixture, ring, 0x1000 + i);
}

static void drain(struct fixture *fixture, uint64_t bound_ns)
{
    assert_int_equal(perf_rings_drain(&fixture->rings, bound_ns, keep, fixture, NULL), 0);
}

static void events_of_all_cpus_come_in_time_order(void **state)
{
    struct fixture *fixture = *state;
    for (uint64_t i = 0; i < 10; i++)
        put_switch(fixture, i % 3 == 0, 0, (uint32_t)i, 1000 + i);
    drain(fixture, UINT64_MAX);
    assert_int_equal(fixture->seen.count, 10);
    for (uint64_t i = 0; i < 10; i++) {
        assert_int_equal(fixture->seen.items[i].time_ns, 1000 + i);
        assert_int_equal(fixture->seen.items[i].tid, i);
    }
    assert_int_equal(fixture->rings.counts.late_count, 0);
}

static void events_after_the_bound_wait_for_the_next_drain(void **state)
{
    struct fixture *fixture = *state;
    put_switch(fixture, 0, 0, 1, 1000);
    put_switch(fixture, 0, 0, 2, 3000);
    put_switch(fixture, 1, 0, 3, 2500);
    drain(fixture, 2000);
    assert_int_equal(fixture->seen.count, 1);
    assert_int_equal(fixture->pages[0].data_tail, 32);
    put_switch(fixture, 1, 0, 4, 2600);
    drain(fixture, UINT64_MAX);
    assert_int_equal(fixture->seen.count, 4);
    assert_int_equal(fixture->seen.items[1].tid, 3);
    assert_int_equal(fixture->seen.items[2].tid, 4);
    assert_int_equal(fixture->seen.items[3].tid, 2);
    assert_int_equal(fixture->pages[1].data_tail, 64);
}

static void a_late_event_is_counted_and_time_does_not_go_back(void **state)
{
    struct fixture *fixture = *state;
    put_switch(fixture, 0, 0, 1, 2000);
    drain(fixture, UINT64_MAX);
    put_switch(fixture, 1, 0, 2, 1500);
    drain(fixture, UINT64_MAX);
    assert_int_equal(fixture->seen.items[1].time_ns, 2000);
    assert_int_equal(fixture->rings.counts.late_count, 1);
}

static void records_that_wrap_around_the_ring_are_whole(void **state)
{
    struct fixture *fixture = *state;
    for (uint64_t round = 0; round < 200; round++) { /* 72 bytes do not divide 4096 */
        put_sample(fixture, 0, 1000 + round, 7, 3);
        drain(fixture, UINT64_MAX);
        const struct seen *seen = &fixture->seen.items[round];
        assert_int_equal(seen->time_ns, 1000 + round);
        assert_int_equal(seen->weight_ns, 7);
        assert_int_equal(seen->chain_count, 3);
        assert_int_equal(seen->chain[2], 0x1002);
    }
    assert_int_equal(fixture->seen.count, 200);
    assert_int_equal(fixture->rings.counts.broken_count, 0);
}

static void a_preempted_thread_is_told_from_a_blocked_one(void **state)
{
    struct fixture *fixture = *state;
    put_switch(fixture, 0, PERF_RECORD_MISC_SWITCH_OUT | PERF_RECORD_MISC_SWITCH_OUT_PREEMPT, 1, 1);
    put_switch(fixture, 0, PERF_RECORD_MISC_SWITCH_OUT, 1, 2);
    put_switch(fixture, 0, 0, 1, 3);
    drain(fixture, UINT64_MAX);
    assert_int_equal(fixture->seen.items[0].kind, PERF_SWITCH_OUT);
    assert_true(fixture->seen.items[0].preempted);
    assert_int_equal(fixture->seen.items[1].kind, PERF_SWITCH_OUT);
    assert_false(fixture->seen.items[1].preempted);
    assert_int_equal(fixture->seen.items[2].kind, PERF_SWITCH_IN);
}

static void a_switch_of_the_whole_machine_is_of_a_thread_never_of_the_idle_task(void **state)
{
    struct fixture *fixture = *state;
    const uint32_t tids[] = {7, 0, 8};
    for (size_t i = 0; i < 3; i++) {
        put_header(fixture, 0, PERF_RECORD_SWITCH_CPU_WIDE, i ? 0 : PERF_RECORD_MISC_SWITCH_OUT, 5);
        put_word(fixture, 0, pair(1, 1)); /* who comes or went */
        put_id(fixture, 0, tids[i], 1 + i);
    }
    drain(fixture, UINT64_MAX);
    assert_int_equal(fixture->seen.count, 2);
    assert_true(fixture->seen.items[0].kind == PERF_SWITCH_OUT && fixture->seen.items[0].tid == 7);
    assert_true(fixture->seen.items[1].kind == PERF_SWITCH_IN && fixture->seen.items[1].tid == 8);
}

static void the_life_of_a_process_is_told(void **state)
{
    struct fixture *fixture = *state;
    put_header(fixture, 0, PERF_RECORD_FORK, 0, 7);
    put_word(fixture, 0, pair(200, 100));
    put_word(fixture, 0, pair(200, 101));
    put_word(fixture, 0, 1);
    put_id(fixture, 0, 101, 1);
    put_header(fixture, 0, PERF_RECORD_COMM, PERF_RECORD_MISC_COMM_EXEC, 6);
    put_word(fixture, 0, pair(200, 200));
    put_word(fixture, 0, 0x6c727563); /* "curl" */
    put_id(fixture, 0, 200, 2);
    put_header(fixture, 0, PERF_RECORD_MMAP2, 0, 13);
    for (uint64_t word = 0; word < 8; word++)
        put_word(fixture, 0, word == 0 ? pair(200, 200) : word * 0x1000);
    put_word(fixture, 0, 0x612f); /* "/a" */
    put_id(fixture, 0, 200, 3);
    put_header(fixture, 0, PERF_RECORD_EXIT, 0, 7);
    put_word(fixture, 0, pair(200, 100));
    put_word(fixture, 0, pair(200, 101));
    put_word(fixture, 0, 4);
    put_id(fixture, 0, 200, 4);
    drain(fixture, UINT64_MAX);
    const struct seen *seen = fixture->seen.items;
    assert_int_equal(fixture->seen.count, 4);
    assert_int_equal(seen[0].kind, PERF_FORK);
    assert_int_equal(seen[0].pid, 200);
    assert_int_equal(seen[0].ppid, 100);
    assert_int_equal(seen[1].kind, PERF_EXEC);
    assert_string_equal(seen[1].text, "curl");
    assert_int_equal(seen[2].kind, PERF_MAP);
    assert_int_equal(seen[2].address, 0x1000);
    assert_string_equal(seen[2].text, "/a");
    assert_int_equal(seen[3].kind, PERF_EXIT);
}

static void a_mapping_carries_its_file(void **state)
{
    struct fixture *fixture = *state;
    put_header(fixture, 0, PERF_RECORD_MMAP2, PERF_RECORD_MISC_MMAP_BUILD_ID, 13);
    put_word(fixture, 0, pair(200, 200));
    put_word(fixture, 0, 0x400000);
    put_word(fixture, 0, 0x1000);
    put_word(fixture, 0, 0x2000);
    put_word(fixture, 0, pair(20, 0x11223344));
    put_word(fixture, 0, 0);
    put_word(fixture, 0, 0);
    put_word(fixture, 0, 0);
    put_word(fixture, 0, 0x622f612f); /* "/a/b" */
    put_id(fixture, 0, 200, 3);
    drain(fixture, UINT64_MAX);
    assert_int_equal(fixture->seen.count, 1);
    assert_int_equal(fixture->seen.items[0].kind, PERF_MAP);
    assert_int_equal(fixture->seen.items[0].address, 0x400000);
    assert_string_equal(fixture->seen.items[0].text, "/a/b");
}

static void what_the_kernel_lost_is_counted(void **state)
{
    struct fixture *fixture = *state;
    put_header(fixture, 0, PERF_RECORD_LOST, 0, 6);
    put_word(fixture, 0, 1);
    put_word(fixture, 0, 42);
    put_id(fixture, 0, 1, 10);
    put_header(fixture, 0, PERF_RECORD_LOST_SAMPLES, 0, 5);
    put_word(fixture, 0, 8);
    put_id(fixture, 0, 1, 11);
    put_header(fixture, 0, PERF_RECORD_THROTTLE, 0, 7);
    for (int i = 0; i < 3; i++)
        put_word(fixture, 0, 5);
    put_id(fixture, 0, 1, 12);
    drain(fixture, UINT64_MAX);
    assert_int_equal(fixture->rings.counts.lost_count, 50);
    assert_int_equal(fixture->rings.counts.throttle_count, 1);
    assert_int_equal(fixture->seen.items[0].kind, PERF_LOST);
    assert_int_equal(fixture->seen.items[0].lost_count, 42);
}

static void a_chain_longer_than_its_record_is_refused(void **state)
{
    struct fixture *fixture = *state;
    put_sample(fixture, 0, 5, 7, 2);
    fixture->data[0][5] = 3; /* the chain's length */
    put_sample(fixture, 0, 6, 7, 1);
    drain(fixture, UINT64_MAX);
    assert_int_equal(fixture->seen.count, 1);
    assert_int_equal(fixture->seen.items[0].time_ns, 6);
    assert_int_equal(fixture->rings.counts.broken_count, 1);
}

#ifdef __x86_64__
/* Of 24 bytes asked for `filled` were there. */
static void put_dumped(struct fixture *fixture, uint64_t abi, uint64_t size, uint64_t filled)
{
    put_header(fixture, 0, PERF_RECORD_SAMPLE, 0, 9 + (abi ? 4u : 0u) + (size ? 4u : 0u));
    put_word(fixture, 0, pair(100, 101));
    put_word(fixture, 0, 5);
    put_word(fixture, 0, 0);
    put_word(fixture, 0, 7);
    put_word(fixture, 0, 1);
    put_word(fixture, 0, 0x1000);
    put_word(fixture, 0, abi);
    for (uint64_t i = 0; abi && i < 4; i++)
        put_word(fixture, 0, 0xaf + i);
    put_word(fixture, 0, size);
    for (uint64_t i = 0; size && i < 3; i++)
        put_word(fixture, 0, 0x50 + i);
    if (size)
        put_word(fixture, 0, filled);
}

static void a_sample_carries_registers_and_stack(void **state)
{
    struct fixture *fixture = *state;
    put_dumped(fixture, PERF_SAMPLE_REGS_ABI_64, 24, 16);
    put_dumped(fixture, PERF_SAMPLE_REGS_ABI_NONE, 0, 0);
    put_dumped(fixture, PERF_SAMPLE_REGS_ABI_32, 24, 24);
    drain(fixture, UINT64_MAX);
    assert_int_equal(fixture->seen.count, 3);
    const struct seen *seen = fixture->seen.items;
    assert_int_equal(seen[0].bp, 0xb0);
    assert_int_equal(seen[0].sp, 0xb1);
    assert_int_equal(seen[0].ip, 0xb2);
    assert_int_equal(seen[0].dump_bytes, 16);
    assert_int_equal(seen[0].dumped, 0x50);
    assert_int_equal(seen[1].dump_bytes, 0); /* a thread of the kernel */
    assert_int_equal(seen[2].dump_bytes, 0); /* a program of 32 bits */
    assert_int_equal(seen[2].chain_count, 1);
    assert_int_equal(fixture->rings.counts.broken_count, 0);
}

static void a_stack_longer_than_its_record_is_refused(void **state)
{
    struct fixture *fixture = *state;
    put_dumped(fixture, PERF_SAMPLE_REGS_ABI_64, 32, 16);
    put_dumped(fixture, PERF_SAMPLE_REGS_ABI_64, UINT64_MAX, 16);
    put_dumped(fixture, PERF_SAMPLE_REGS_ABI_64, 24, 4000);
    drain(fixture, UINT64_MAX);
    assert_int_equal(fixture->rings.counts.broken_count, 2);
    assert_int_equal(fixture->seen.count, 1);
    assert_int_equal(fixture->seen.items[0].dump_bytes, 24);
}
#endif

static void a_ring_of_nonsense_is_emptied(void **state)
{
    struct fixture *fixture = *state;
    const uint64_t sizes[] = {0, 1, 8, 31, 33, 4096, 65535};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        put_word(fixture, 0, PERF_RECORD_SWITCH | sizes[i] << 48);
        put_word(fixture, 0, 1);
        drain(fixture, UINT64_MAX);
        assert_int_equal(fixture->pages[0].data_tail, fixture->pages[0].data_head);
        assert_int_equal(fixture->rings.counts.broken_count, i + 1);
    }
    fixture->pages[0].data_head += 3 * RING_BYTES; /* more than the ring holds */
    drain(fixture, UINT64_MAX);
    fixture->pages[0].data_head += 3; /* not a multiple of 8 */
    drain(fixture, UINT64_MAX);
    assert_int_equal(fixture->seen.count, 0);
    srand(1);
    for (int round = 0; round < 2000; round++) {
        fixture->pages[0].data_head = fixture->pages[0].data_tail = 0;
        fixture->items[0].tail = fixture->items[0].released = 0;
        for (int word = 0; word < 64; word++) {
            uint64_t size = (uint64_t)(rand() % 20 + 2) * 8;
            put_word(fixture, 0, (uint64_t)(rand() % 18) | (uint64_t)(rand() % 4 << 13) << 32 | size << 48);
        }
        drain(fixture, UINT64_MAX);
        assert_int_equal(fixture->pages[0].data_tail, 64 * 8);
    }
}

static void a_handler_that_fails_stops_the_drain_and_loses_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct err err;
    for (uint32_t i = 0; i < 4; i++)
        put_switch(fixture, 0, 0, i, 10 + i);
    fixture->stop_after = 2;
    assert_int_equal(perf_rings_drain(&fixture->rings, UINT64_MAX, keep, fixture, &err), -ERR_INPUT);
    fixture->stop_after = 0;
    drain(fixture, UINT64_MAX);
    assert_int_equal(fixture->seen.count, 4);
    assert_int_equal(fixture->seen.items[3].tid, 3);
}

static void cycles_weigh_what_the_clock_says(void **state)
{
    struct fixture *fixture = *state;
    fixture->rings.period_is_cycles = true;
    put_switch(fixture, 0, 0, 101, 1000000);
    put_sample(fixture, 0, 2000000, 2000000, 1); /* 1 ms for 2 million cycles */
    put_sample(fixture, 0, 4000000, 4000000, 1);
    drain(fixture, UINT64_MAX);
    assert_int_equal(fixture->seen.items[1].weight_ns, 1000000);
    assert_int_equal(fixture->seen.items[2].weight_ns, 2000000);
    put_switch(fixture, 1, 0, 7, 5000000); /* another thread: its clock says nothing about this sample */
    put_sample(fixture, 1, 9000000, 1000000, 1);
    drain(fixture, UINT64_MAX);
    assert_int_equal(fixture->seen.items[4].weight_ns, 500000);
}

int perf_ring_test(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(events_of_all_cpus_come_in_time_order),
        TEST(events_after_the_bound_wait_for_the_next_drain),
        TEST(a_late_event_is_counted_and_time_does_not_go_back),
        TEST(records_that_wrap_around_the_ring_are_whole),
        TEST(a_switch_of_the_whole_machine_is_of_a_thread_never_of_the_idle_task),
        TEST(a_preempted_thread_is_told_from_a_blocked_one),
        TEST(the_life_of_a_process_is_told),
        TEST(a_mapping_carries_its_file),
        TEST(what_the_kernel_lost_is_counted),
        TEST(a_chain_longer_than_its_record_is_refused),
#ifdef __x86_64__
        TEST(a_sample_carries_registers_and_stack),
        TEST(a_stack_longer_than_its_record_is_refused),
#endif
        TEST(a_ring_of_nonsense_is_emptied),
        TEST(a_handler_that_fails_stops_the_drain_and_loses_nothing),
        TEST(cycles_weigh_what_the_clock_says),
    };
    return cmocka_run_group_tests_name("perf_ring", tests, NULL, NULL);
}
