/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts about how work is shaped: locks, spinning, work spread over threads and processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/scenario.h"
#include "model/meta.h"
#include "ops/verdict.h"

static void judge(struct scenario *s, struct verdict *verdict)
{
    struct err err;
    if (analyze_verdict(&s->data.view, verdict, &err))
        fail_msg("%s", err.what);
}

static void finish(struct scenario *s, struct verdict *verdict)
{
    verdict_deinit(verdict);
    scenario_deinit(s);
}

static bool has_evidence(const struct finding *finding, const char *text)
{
    for (size_t i = 0; i < finding->evidence_count; i++)
        if (strstr(finding->evidence[i], text))
            return true;
    return false;
}

/* Three threads take turns of 10 ms under a lock: each gives it up in commit(), the others wait in reserve(). */
static void a_lock_names_who_holds_it_and_who_waits(void **state)
{
    (void)state;
    struct scenario s;
    struct verdict verdict;
    scenario_init(&s, 4, 402);
    uint64_t root = scenario_process(&s, 0, "ledger", 0, 402);
    uint64_t lock = scenario_peer(&s, PEER_LOCK, PEER_NAME_LOCK, "100:0x1000");
    uint64_t waiting = scenario_stack(&s, "work", "reserve"), held = scenario_stack(&s, "work", "commit");
    uint64_t threads[4];
    for (uint64_t i = 0; i < 4; i++)
        threads[i] = scenario_thread(&s, root, "worker", 0, 371 + i * 10);
    for (uint64_t slot = 0; slot < 40; slot++) {
        uint64_t t = threads[slot % 4], before = slot ? (slot - 1) % 4 : 0;
        struct scenario_wake wake = {.thread = t,
                                     .waker = threads[before],
                                     .start_ms = slot < 4 ? 0 : slot * 10 - 30,
                                     .end_ms = slot * 10,
                                     .reason = WAIT_LOCK,
                                     .peer = lock,
                                     .source = WAKER_EXACT,
                                     .stack = waiting,
                                     .waker_stack = held};
        if (slot)
            scenario_woken(&s, &wake);
        scenario_wait(&s, t, slot * 10, slot * 10 + 10, WAIT_SLEEP, 0);
    }
    uint64_t joined = scenario_peer(&s, PEER_PROCESS, "thread", "1005");
    scenario_wait(&s, root, 1, 401, WAIT_CHILD, joined);
    judge(&s, &verdict);
    const struct finding *first = &verdict.findings[0];
    assert_string_equal(first->cause, "lock-contention");
    assert_string_equal(first->where.function, "commit");
    assert_string_equal(first->where_waiting.function, "reserve");
    assert_string_equal(first->where.peer, "100:0x1000");
    assert_int_equal(first->waiter_count, 4);
    assert_int_equal(first->acquisition_count, 39);
    assert_non_null(strstr(first->title, "reserve"));
    assert_non_null(strstr(first->title, "commit"));
    assert_true(has_evidence(first, "4 threads waited for it 39 times"));
    assert_true(has_evidence(first, "where it is given up"));
    finish(&s, &verdict);
}

int structure_verdict_test(void);
int structure_verdict_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lock_names_who_holds_it_and_who_waits),
    };
    return cmocka_run_group_tests_name("structure_verdict", tests, NULL, NULL);
}
