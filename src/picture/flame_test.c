/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "analyze/scenario.h"
#include "base/clock.h"
#include "picture/picture.h"

/* The node that names lead to from the root; fails when there is none. */
static const struct flame_node *node_at(const struct flame *flame, const char *const *names)
{
    size_t at = 0;
    for (; *names; names++) {
        size_t child = 1;
        while (child < flame->node_count &&
               (flame->nodes[child].parent != at || strcmp(flame->nodes[child].name, *names) != 0))
            child++;
        if (child == flame->node_count)
            fail_msg("no box '%s'", *names);
        at = child;
    }
    return &flame->nodes[at];
}

#define NODE(flame, ...) node_at(flame, (const char *const[]){__VA_ARGS__, NULL})

static uint64_t frame(struct scenario *s, const struct row_frame *wanted, const char *function,
                      const char *module, uint64_t parent)
{
    struct row_frame row = *wanted;
    struct err err = {0};
    row.id = ++s->next_frame;
    assert_int_equal(sink_intern(&s->data.sink, function, &row.function, &err), 0);
    assert_int_equal(sink_intern(&s->data.sink, module, &row.module, &err), 0);
    assert_int_equal(sink_append(&s->data.sink, frame, &row, &err), 0);
    struct row_stack stack = {.id = row.id, .parent = parent, .frame = row.id};
    assert_int_equal(sink_append(&s->data.sink, stack, &stack, &err), 0);
    return row.id;
}

static void a_wait_stands_on_its_code_with_reason_peer_and_waker(void **state)
{
    (void)state;
    struct scenario s;
    struct flame flame;
    struct arena arena = {0};
    struct err err = {0};
    scenario_init(&s, 2, 100);
    uint64_t root = scenario_process(&s, 0, "reader", 0, 100);
    uint64_t other = scenario_process(&s, root, "writer", 0, 100);
    uint64_t fifo = scenario_peer(&s, PEER_PIPE, "/run/fifo", "");
    uint64_t waits = scenario_stack(&s, "main", "read_all"), wakes = scenario_stack(&s, "run", "flush");
    for (uint64_t at = 0; at < 3; at++) {
        struct scenario_wake wake = {.thread = root,
                                     .waker = other,
                                     .start_ms = at * 20 + 1,
                                     .end_ms = at * 20 + 11,
                                     .queued_ms = 2,
                                     .reason = WAIT_PIPE,
                                     .peer = fifo,
                                     .source = WAKER_EXACT,
                                     .stack = waits,
                                     .waker_stack = wakes};
        scenario_woken(&s, &wake);
    }
    scenario_wait(&s, other, 50, 60, WAIT_SLEEP, 0);
    scenario_walk(&s);
    assert_int_equal(picture_flame_waits(&s.run, &arena, &flame, &err), 0);
    assert_int_equal(flame.nodes[0].total_ns, 40 * NS_PER_MS);
    assert_int_equal(NODE(&flame, "reader", "main", "read_all")->total_ns, 30 * NS_PER_MS);
    const struct flame_node *reason = NODE(&flame, "reader", "main", "read_all", "[wait: pipe]");
    assert_int_equal(reason->kind, FLAME_WAIT);
    assert_int_equal(reason->doing, WAIT_PIPE);
    assert_int_equal(reason->total_ns, 24 * NS_PER_MS);
    assert_int_equal(NODE(&flame, "reader", "main", "read_all", "[wait: cpu_queue]")->self_ns, 6 * NS_PER_MS);
    assert_int_equal(NODE(&flame, "reader", "main", "read_all", "[wait: pipe]", "/run/fifo")->kind,
                     FLAME_PEER);
    /* The waker's innermost function touches the wait. */
    const struct flame_node *outermost =
        NODE(&flame, "reader", "main", "read_all", "[wait: pipe]", "/run/fifo", "writer", "flush", "run");
    assert_int_equal(outermost->self_ns, 24 * NS_PER_MS);
    assert_int_equal(NODE(&flame, "writer", "[wait: sleep]")->self_ns, 10 * NS_PER_MS);
    arena_free(&arena);
    scenario_deinit(&s);
}

static void a_box_knows_its_kind_and_the_line_with_most_of_its_time(void **state)
{
    (void)state;
    struct scenario s;
    struct flame flame;
    struct arena arena = {0};
    struct err err = {0};
    scenario_init(&s, 2, 100);
    uint64_t root = scenario_process(&s, 0, "work", 0, 100);
    uint64_t outer = frame(&s, &(struct row_frame){.line = 7}, "main", "/bin/work", 0);
    uint64_t seldom = frame(&s, &(struct row_frame){.line = 11}, "parse", "/bin/work", outer);
    uint64_t often = frame(&s, &(struct row_frame){.line = 12}, "parse", "/bin/work", outer);
    uint64_t inlined = frame(&s, &(struct row_frame){.line = 3, .inlined = 1}, "step", "/bin/work", often);
    uint64_t kernel = frame(&s, &(struct row_frame){0}, "do_read", "[kernel]", often);
    uint64_t script = frame(&s, &(struct row_frame){0}, "run", "[jit]", outer);
    scenario_stack_samples(&s, root, seldom, 0, 10);
    scenario_stack_samples(&s, root, often, 10, 40);
    scenario_stack_samples(&s, root, seldom, 40, 50);
    scenario_stack_samples(&s, root, inlined, 50, 60);
    scenario_stack_samples(&s, root, kernel, 60, 70);
    scenario_stack_samples(&s, root, script, 70, 80);
    scenario_walk(&s);
    assert_int_equal(picture_flame(&s.run, &arena, &flame, &err), 0);
    const struct flame_node *parse = NODE(&flame, "work", "main", "parse");
    assert_int_equal(parse->self_ns, 50 * NS_PER_MS);
    assert_int_equal(parse->total_ns, 70 * NS_PER_MS);
    assert_int_equal(parse->line, 12);
    assert_int_equal(parse->kind, FLAME_CODE);
    assert_int_equal(NODE(&flame, "work")->kind, FLAME_PROGRAM);
    assert_int_equal(NODE(&flame, "work", "main", "parse", "step")->kind, FLAME_INLINED);
    assert_int_equal(NODE(&flame, "work", "main", "parse", "do_read")->kind, FLAME_KERNEL);
    assert_int_equal(NODE(&flame, "work", "main", "run")->kind, FLAME_MANAGED);
    arena_free(&arena);
    scenario_deinit(&s);
}

static void a_box_of_memory_is_what_was_allocated_in_it(void **state)
{
    (void)state;
    struct scenario s;
    struct flame flame;
    struct arena arena = {0};
    struct err err = {0};
    scenario_init(&s, 2, 100);
    uint64_t root = scenario_process(&s, 0, "app", 0, 100);
    uint64_t load = scenario_stack(&s, "main", "load"), keep = scenario_stack(&s, "main", "keep");
    const struct row_heap rows[] = {
        {root - 1, load, ALLOCATION_MALLOC, 0, UINT64_MAX, 10, 1000, 10, 1000, 7, 300, 0},
        {root - 1, load, ALLOCATION_PAGES, 0, UINT64_MAX, 1, 4096, 0, 0, 0, 4096, 4096},
        {root - 1, keep, ALLOCATION_MALLOC, 0, UINT64_MAX, 1, 50, 0, 0, 0, 0, 50},
        {root - 1, 0, ALLOCATION_MALLOC, 0, UINT64_MAX, 1, 8, 1, 8, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(sink_append(&s.data.sink, heap, &rows[i], &err), 0);
    scenario_walk(&s);
    assert_int_equal(picture_flame_heap(&s.run, STACKS_ALLOC, &arena, &flame, &err), 0);
    assert_int_equal(flame.unit, FLAME_BYTES);
    assert_int_equal(flame.nodes[0].total_ns, 5154);
    assert_int_equal(NODE(&flame, "app")->self_ns, 8);
    assert_int_equal(NODE(&flame, "app", "main", "load")->self_ns, 5096);
    assert_int_equal(picture_flame_heap(&s.run, STACKS_PEAK, &arena, &flame, &err), 0);
    assert_int_equal(flame.nodes[0].total_ns, 4396);
    assert_int_equal(picture_flame_heap(&s.run, STACKS_LEAK, &arena, &flame, &err), 0);
    assert_int_equal(NODE(&flame, "app", "main", "keep")->self_ns, 50);
    assert_int_equal(flame.nodes[0].total_ns, 4146);
    assert_int_equal(picture_flame_heap(&s.run, STACKS_TEMPORARY, &arena, &flame, &err), 0);
    assert_int_equal(flame.unit, FLAME_ALLOCATIONS);
    assert_int_equal(flame.nodes[0].total_ns, 7);
    arena_free(&arena);
    scenario_deinit(&s);
}

int flame_test(void);
int flame_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_box_of_memory_is_what_was_allocated_in_it),
        cmocka_unit_test(a_wait_stands_on_its_code_with_reason_peer_and_waker),
        cmocka_unit_test(a_box_knows_its_kind_and_the_line_with_most_of_its_time),
    };
    return cmocka_run_group_tests_name("flame", tests, NULL, NULL);
}
