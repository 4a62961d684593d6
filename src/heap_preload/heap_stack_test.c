/* SPDX-License-Identifier: Apache-2.0 */
/* heap_stack_test: heap_stack and heap_maps with a ring, a process and a stack of the test's own; heap_python_test and heap_tell_test share
 * the process. */
#include "heap_preload/internal.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

int heap_stack_test(void);

#define CODE        0x0000555555554000ull
#define RING_WORDS  4096u
#define STACK_WORDS 64u
#define FRAME       4u /* the hook's frame; the caller's stack begins two words above */
#define TOP         (FRAME + 2)

static struct heap_process process;
static struct heap_session session;
static struct heap_ring ring_head;
static uint64_t ring[RING_WORDS], stack[STACK_WORDS];
static struct guest_memos memos;
static struct heap_lane lane = {.ring = &ring_head, .words = ring, .mask = RING_WORDS - 1, .memos = &memos};
static unsigned told_count;

struct heap_process *heap = &process;
struct heap_session *heap_session = &session;
bool heap_is_tsc, heap_is_exact;
__thread struct heap_self self __attribute__((tls_model("initial-exec")));

bool heap_start(void)
{
    return false;
}

void heap_stop(void)
{
    session.closed = 1;
}

struct heap_lane *heap_lane_make(void)
{
    return NULL;
}

void heap_lane_release(void)
{
}

static int setup(void **state)
{
    (void)state;
    memset(&process, 0, sizeof process);
    memset(&session, 0, sizeof session);
    memset(&memos, 0, sizeof memos);
    memset(stack, 0, sizeof stack);
    session.ticks_per_us = 1000;
    process.module_count = 1;
    guest_code_add(&process.codes[0], CODE, CODE + 4096);
    self.stack_low = (uint64_t)(uintptr_t)stack;
    self.stack_high = (uint64_t)(uintptr_t)(stack + STACK_WORDS);
    told_count = 0;
    lane.head = 0;
    return 0;
}

static uint32_t stack_id(void)
{
    const struct heap_caller caller = {&stack[FRAME], (const void *)(uintptr_t)(CODE + 100)}; /* NOLINT */
    uint32_t id;

    lane.head = 0;
    id = heap_stack(&lane, caller);
    told_count += lane.head > 0;
    return id;
}

static void maps_read(void)
{
    lane.head = 0;
    heap_maps_read(&lane);
}

static unsigned told_words(void)
{
    return (unsigned)(ring[1] >> 40);
}

static void a_copy_ends_behind_the_last_return_address(void **state)
{
    (void)state;
    stack[TOP + 9] = CODE + 1;
    assert_int_not_equal(stack_id(), 0);
    assert_int_equal(told_count, 1);
    assert_int_equal(told_words(), 10 + 2);
    stack[TOP + 9] = CODE + 2;
    stack[STACK_WORDS - 1] = CODE + 3;
    assert_int_not_equal(stack_id(), 0);
    assert_int_equal(told_count, 2);
    assert_int_equal(told_words(), STACK_WORDS - TOP);
}

/* Words that are left over on the stack make new keys for ever: then stacks have their frame pointers' callers still. */
static void stacks_beyond_half_the_table_are_told_by_frame_pointers(void **state)
{
    uint32_t first, chain;

    (void)state;
    process.stack_count = STACK_KEY_COUNT / 2 - 1;
    stack[TOP + 9] = CODE + 1;
    first = stack_id();
    assert_true(first != 0 && told_count == 1 && told_words() > 0);
    assert_int_equal(process.stack_count, STACK_KEY_COUNT / 2);
    stack[TOP + 9] = CODE + 2;
    chain = stack_id();
    assert_true(chain != 0 && chain != first);
    assert_true(told_count == 2 && told_words() == 0);
    stack[TOP + 9] = CODE + 3;
    assert_int_equal(stack_id(), chain);
    assert_int_equal(told_count, 2);
    stack[TOP + 9] = CODE + 1;
    memset(&memos, 0, sizeof memos); /* as of another thread */
    assert_int_equal(stack_id(), first);
    assert_int_equal(told_count, 2);
}

static bool is_code(const void *address)
{
    return guest_code_has(heap_code(), (uint64_t)(uintptr_t)address);
}

static void mappings_are_read_again_when_it_is_worth_it(void **state)
{
    unsigned told;

    (void)state;
    process.module_count = 0;
    maps_read(); /* all is new: the next one may follow at once */
    told = process.module_count;
    assert_true(told > 0 && is_code(&heap_maps_read)); /* NOLINT(bugprone-sizeof-expression) */
    char *first = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(first != MAP_FAILED);
    maps_read();
    assert_true(is_code(first) && process.module_count > told);
    session.ticks_per_us = 1ull << 30; /* a pause of any length is one of many minutes */
    maps_read();                       /* nothing is new */
    assert_int_equal(munmap(first, 4096), 0);
    maps_read();
    assert_true(is_code(first)); /* as it was: nothing was read */
    process.module_count = 0;    /* a forked child */
    maps_read();
    assert_false(is_code(first));
}

static bool has_own_stack(void)
{
    uint64_t here = (uint64_t)(uintptr_t)__builtin_frame_address(0);

    self.stack_low = self.stack_high = 0;
    heap_stack_bounds();
    return here >= self.stack_low && here < self.stack_high;
}

/* The child that a thread forks has the process's id, and that thread's stack. */
static void *forked_by_a_thread(void *ret_has)
{
    self.tid = process.pid;
    *(bool *)ret_has = has_own_stack();
    return NULL;
}

static void the_stack_of_a_thread_that_forked_is_its_own(void **state)
{
    pthread_t thread;
    bool has = false;

    (void)state;
    process.pid = self.tid = 4321;
    heap_first_thread = (uint64_t)pthread_self();
    assert_true(has_own_stack());
    assert_int_equal(pthread_create(&thread, NULL, forked_by_a_thread, &has), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(has);
    heap_first_thread = 0;
    assert_true(has_own_stack());
}

int heap_stack_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_copy_ends_behind_the_last_return_address, setup),
        cmocka_unit_test_setup(stacks_beyond_half_the_table_are_told_by_frame_pointers, setup),
        cmocka_unit_test_setup(mappings_are_read_again_when_it_is_worth_it, setup),
        cmocka_unit_test_setup(the_stack_of_a_thread_that_forked_is_its_own, setup),
    };
    return cmocka_run_group_tests_name("heap_stack", tests, NULL, NULL);
}
