/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "analyze/scenario.h"
#include "detect/peer_limit.h"

/* Four connections of 10 MB one after another, 100 ms each; then `crowd` more at once, each of which takes crowd_ms. */
static enum peer_limit limit_with(uint64_t crowd, uint64_t crowd_ms)
{
    struct scenario s;
    struct err err;
    enum peer_limit limit;
    char local[32];
    scenario_init(&s, 2, 1000);
    uint64_t root = scenario_process(&s, 0, "sh", 0, 1000);
    for (uint64_t i = 0; i < 4 + crowd; i++) {
        uint64_t from = i < 4 ? 10 + i * 101 : 420, took = i < 4 ? 100 : crowd_ms;
        uint64_t child = scenario_process(&s, root, "curl", from, from + took + 5);
        snprintf(local, sizeof local, "127.0.0.1:%u", (unsigned)(40000 + i));
        uint64_t peer = scenario_connection(&s, "10.0.0.1:80", local);
        scenario_wait(&s, child, from + 1, from + took, WAIT_NETWORK, peer);
        struct scenario_io io = {
            .thread = child, .peer = peer, .operation = IO_READ, .count = 100, .bytes = 10000000};
        scenario_io(&s, &io);
    }
    scenario_walk(&s);
    assert_int_equal(peer_limit_of(&s.run, "10.0.0.1:80", &limit, &err), 0);
    scenario_deinit(&s);
    return limit;
}

static void a_limit_of_each_connection_is_told_from_a_shared_one(void **state)
{
    (void)state;
    assert_int_equal(limit_with(4, 100), PEER_LIMIT_CONNECTION);
    assert_int_equal(limit_with(4, 110), PEER_LIMIT_CONNECTION);
    assert_int_equal(limit_with(4, 400), PEER_LIMIT_LINK);
}

static void what_cannot_be_told_is_unknown(void **state)
{
    (void)state;
    /* Never two at once; and half way between the two. */
    assert_int_equal(limit_with(0, 0), PEER_LIMIT_UNKNOWN);
    assert_int_equal(limit_with(4, 200), PEER_LIMIT_UNKNOWN);
}

int peer_limit_test(void);
int peer_limit_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_limit_of_each_connection_is_told_from_a_shared_one),
        cmocka_unit_test(what_cannot_be_told_is_unknown),
    };
    return cmocka_run_group_tests_name("peer_limit", tests, NULL, NULL);
}
