/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/bpf_event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

int bpf_event_test(void);

#define WAIT_SHORT offsetof(struct bpf_wait, memory)

static struct bpf_wait a_wait(void)
{
    struct bpf_wait wait = {.head = {.kind = BPF_RECORD_WAIT, .pid = 7, .tid = 8, .time_ns = 400},
                            .start_ns = 100,
                            .end_ns = 300,
                            .count = 2,
                            .blocked_ns = 120,
                            .runnable_ns = 80,
                            .memory_address = 5,
                            .memory_bytes = 3,
                            .memory = {1, 2, 3}};
    return wait;
}

static bool decodes(const void *bytes, size_t size, struct bpf_event *ret_event)
{
    static struct bpf_event_room room;
    return bpf_event_decode(bytes, size, &room, ret_event);
}

static void a_wait_comes_out_as_it_went_in(void **state)
{
    struct bpf_wait wait = a_wait();
    struct bpf_event event;
    (void)state;
    assert_true(decodes(&wait, sizeof wait, &event));
    assert_int_equal(event.kind, BPF_RECORD_WAIT);
    assert_int_equal(event.pid, 7);
    assert_int_equal(event.tid, 8);
    assert_int_equal(event.time_ns, 400);
    assert_memory_equal(event.wait, &wait, sizeof wait);
}

static void a_wait_without_its_memory_has_none(void **state)
{
    struct bpf_wait wait = a_wait();
    struct bpf_event event;
    (void)state;
    assert_true(decodes(&wait, WAIT_SHORT, &event));
    assert_int_equal(event.wait->blocked_ns, 120);
    assert_int_equal(event.wait->memory_bytes, 0);
    assert_false(decodes(&wait, WAIT_SHORT - 8, &event));
}

static void a_stack_is_as_long_as_its_record_says(void **state)
{
    struct {
        struct bpf_stack stack;
        uint8_t bytes[16];
    } record = {.stack = {.head = {.kind = BPF_RECORD_STACK, .tid = 8, .time_ns = 400},
                          .number = 3,
                          .bytes = 16,
                          .ip = 0x1000,
                          .sp = 0x7000,
                          .bp = 0x7010,
                          .stack = -1},
                .bytes = {42}};
    struct bpf_event event;
    (void)state;
    assert_true(decodes(&record, sizeof record, &event));
    assert_int_equal(event.stack->number, 3);
    assert_int_equal(event.dump.ip, 0x1000);
    assert_int_equal(event.dump.sp, 0x7000);
    assert_int_equal(event.dump.bp, 0x7010);
    assert_int_equal(event.dump.size, 16);
    assert_int_equal(event.dump.bytes[0], 42);
    assert_false(decodes(&record, sizeof record - 1, &event));
    record.stack.bytes = UINT32_MAX;
    assert_false(decodes(&record, sizeof record, &event));
}

static void sums_that_do_not_fit_are_refused(void **state)
{
    struct bpf_wait wait = a_wait();
    struct bpf_event event;
    (void)state;
    wait.runnable_ns = 81;
    assert_false(decodes(&wait, sizeof wait, &event));
    wait = a_wait();
    wait.end_ns = 99;
    assert_false(decodes(&wait, sizeof wait, &event));
    wait = a_wait();
    wait.count = 0;
    assert_false(decodes(&wait, sizeof wait, &event));
    wait = a_wait();
    memset(wait.file.name, 'x', sizeof wait.file.name);
    assert_false(decodes(&wait, sizeof wait, &event));
    wait = a_wait();
    wait.memory_bytes = BPF_MEMORY_BYTES + 1;
    assert_false(decodes(&wait, sizeof wait, &event));
}

static void a_python_stack_is_no_longer_than_its_record(void **state)
{
    struct bpf_python_stack stack = {
        .head = {.kind = BPF_RECORD_PYTHON, .pid = 7, .time_ns = 400},
        .key = 9,
        .count = 2,
        .frames = {{.code = 1 | BPF_PYTHON_ENTRY, .instruction = 2, .lines = 3}}};
    size_t size = sizeof(struct bpf_python_news) + 2 * sizeof stack.frames[0];
    struct bpf_event event;
    (void)state;
    assert_true(decodes(&stack, size, &event));
    assert_int_equal(event.python->frames[0].code, 1 | BPF_PYTHON_ENTRY);
    assert_false(decodes(&stack, size - 8, &event));
    stack.count = BPF_PYTHON_DEPTH + 1;
    assert_false(decodes(&stack, sizeof stack, &event));
    stack.count = 0;
    assert_true(decodes(&stack, sizeof(struct bpf_python_news), &event));
    struct bpf_python_sample sample = {.head = {.kind = BPF_RECORD_PYTHON_SAMPLE, .time_ns = 400}, .key = 9};
    assert_true(decodes(&sample, sizeof sample, &event));
    assert_int_equal(event.python_sample->key, 9);
    assert_false(decodes(&sample, sizeof sample - 8, &event));
}

static void an_execs_arguments_stay_inside_the_record(void **state)
{
    struct {
        struct bpf_exec exec;
        char arguments[8];
    } record = {.exec = {.head = {.kind = BPF_RECORD_EXEC}, .comm = "sh", .arguments_bytes = 8},
                .arguments = "sh\0-c\0x"};
    struct bpf_event event;
    (void)state;
    assert_true(decodes(&record, sizeof record.exec + 8, &event));
    assert_memory_equal(event.arguments, "sh\0-c\0x", 8);
    assert_false(decodes(&record, sizeof record.exec + 7, &event));
    memset(record.exec.comm, 'x', sizeof record.exec.comm);
    assert_false(decodes(&record, sizeof record.exec + 8, &event));
}

static void a_slice_runs_no_longer_than_it_lasts(void **state)
{
    struct bpf_slice slice = {.head = {.kind = BPF_RECORD_SLICE}, .start_ns = 10, .end_ns = 20, .run_ns = 10};
    struct bpf_event event;
    (void)state;
    assert_true(decodes(&slice, sizeof slice, &event));
    slice.run_ns = 11;
    assert_false(decodes(&slice, sizeof slice, &event));
}

static void other_kinds_and_scraps_are_refused(void **state)
{
    struct bpf_head head = {.kind = BPF_RECORD_WAIT + 1};
    struct bpf_event event;
    (void)state;
    assert_false(decodes(&head, sizeof head, &event));
    head.kind = BPF_RECORD_FORK;
    assert_false(decodes(&head, sizeof head, &event)); /* it has no parent */
    assert_false(decodes(&head, 3, &event));
}

int bpf_event_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wait_comes_out_as_it_went_in),
        cmocka_unit_test(a_wait_without_its_memory_has_none),
        cmocka_unit_test(a_stack_is_as_long_as_its_record_says),
        cmocka_unit_test(sums_that_do_not_fit_are_refused),
        cmocka_unit_test(a_python_stack_is_no_longer_than_its_record),
        cmocka_unit_test(an_execs_arguments_stay_inside_the_record),
        cmocka_unit_test(a_slice_runs_no_longer_than_it_lasts),
        cmocka_unit_test(other_kinds_and_scraps_are_refused),
    };
    return cmocka_run_group_tests_name("bpf_event", tests, NULL, NULL);
}
