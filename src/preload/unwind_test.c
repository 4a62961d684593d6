/* SPDX-License-Identifier: Apache-2.0 */
/* unwind_test: stacks told to a ring of the test's own, by code whose libraries the test counts the looks at. */
#include "preload/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

int unwind_test(void);

#define CODE        0x0000555555554000ull
#define LIBRARY     0x00007f0000001000ull
#define RING_WORDS  8192u
#define STACK_WORDS 64u

static struct calls_process process = {.is_on = 1};
static struct calls_session session = {.ticks_per_us = 1000};
static struct call_ring ring;
static struct guest_memos memos;
static struct guest_code code;
static uint64_t words[RING_WORDS], stack[STACK_WORDS];
static struct lane lane = {.ring = &ring, .words = words, .mask = RING_WORDS - 1, .memos = &memos};
static unsigned told_count, looked_count;
static bool is_loaded; /* a library, of which nothing is known yet */

struct calls_process *calls = &process;
struct calls_session *calls_session = &session;
bool calls_is_tsc;
__thread struct self self __attribute__((tls_model("initial-exec")));
uint64_t maps_own_low, maps_own_high;
const struct guest_code *maps_code = &code;

bool lane_begin(struct lane *of, unsigned count)
{
    return lane_has_room(of, count);
}

void lane_commit(struct lane *of, unsigned count)
{
    (void)of;
    (void)count;
    told_count++;
}

bool maps_tell(struct lane *of)
{
    bool is_told = is_loaded;

    (void)of;
    looked_count++;
    if (is_loaded)
        guest_code_add(&code, LIBRARY, LIBRARY + 4096);
    is_loaded = false;
    return is_told;
}

static int setup(void **state)
{
    (void)state;
    guest_code_clear(&code);
    guest_code_add(&code, CODE, CODE + 4096);
    memset(&memos, 0, sizeof memos);
    memset(lane.stacks, 0, sizeof lane.stacks);
    memset(stack, 0, sizeof stack);
    stack_limits((uint64_t)(uintptr_t)(stack + STACK_WORDS), sizeof stack);
    told_count = looked_count = 0;
    return 0;
}

static uint64_t sample(uint64_t place)
{
    const struct stack_at at = {
        {[CALL_REGISTER_PLACE] = place, [CALL_REGISTER_STACK] = (uint64_t)(uintptr_t)stack}};
    bool is_own;

    return stack_tell_sample(&lane, &at, &is_own);
}

static uint64_t wait_of(void)
{
    return stack_tell(&lane, (const void *)(uintptr_t)(CODE + 10), &stack[2]); /* NOLINT */
}

/* It takes the loader's lock, in a signal's handler. */
static void libraries_are_asked_for_by_new_stacks_alone(void **state)
{
    uint64_t first, other;

    (void)state;
    stack[9] = CODE + 1;
    first = sample(CODE + 100);
    assert_true(first != 0 && told_count == 1 && looked_count == 1);
    assert_true(sample(CODE + 100) == first && told_count == 1 && looked_count == 1);
    stack[9] = CODE + 2;
    assert_true(sample(CODE + 100) != first && told_count == 2 && looked_count == 2);
    other = wait_of();
    assert_true(other != 0 && told_count == 3 && looked_count == 3);
    assert_true(wait_of() == other && looked_count == 3);
    memset(&memos, 0, sizeof memos); /* as of another thread that had the ring before */
    assert_true(wait_of() == other && told_count == 3 && looked_count == 3);
}

static void a_library_that_was_loaded_meanwhile_counts(void **state)
{
    uint64_t first;

    (void)state;
    is_loaded = true;
    stack[9] = LIBRARY + 1;
    first = sample(CODE + 100);
    assert_true(first != 0 && told_count == 1 && looked_count == 1);
    stack[9] = LIBRARY + 2;
    assert_true(sample(CODE + 100) != first && told_count == 2);
    stack[9] = LIBRARY + 1;
    assert_true(sample(CODE + 100) == first && told_count == 2);
}

int unwind_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(libraries_are_asked_for_by_new_stacks_alone, setup),
        cmocka_unit_test_setup(a_library_that_was_loaded_meanwhile_counts, setup),
    };
    return cmocka_run_group_tests_name("unwind", tests, NULL, NULL);
}
