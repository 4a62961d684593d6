/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/scenario.h"
#include "rank/replay_crew.h"

#define JOB_COUNT 60

struct crewed {
    struct scenario s;
    struct whatif whatif;
    struct change changes[JOB_COUNT];
    struct replay_job jobs[JOB_COUNT];
};

/* Two threads, of which one waits for a disk and the other for a peer; each job makes the disk faster by its number. */
static void crew_of(struct crewed *crewed)
{
    struct scenario *s = &crewed->s;
    *crewed = (struct crewed){0};
    scenario_init(s, 2, 900);
    uint64_t root = scenario_process(s, 0, "both", 0, 900);
    uint64_t peer = scenario_peer(s, PEER_SOCKET, "socket", "10.0.0.1:80");
    scenario_wait(s, root, 10, 610, WAIT_DISK_SYNC, 0);
    scenario_wait(s, root, 620, 720, WAIT_NETWORK, peer);
    scenario_samples(s, root, "hot", 720, 900);
    scenario_walk(s);
    assert_int_equal(whatif_init(&s->run, &crewed->whatif, NULL), 0);
    for (unsigned i = 0; i < JOB_COUNT; i++) {
        char text[64];
        snprintf(text, sizeof text, "speed:wait/disk_sync=%u", i + 1);
        assert_int_equal(change_parse(text, &crewed->changes[i], NULL), 0);
        crewed->jobs[i] = (struct replay_job){.changes = {&crewed->changes[i]}, .count = 1};
    }
}

static void crew_done(struct crewed *crewed)
{
    whatif_deinit(&crewed->whatif);
    scenario_deinit(&crewed->s);
}

static void a_crew_finds_what_one_replay_after_the_other_finds(void **state)
{
    (void)state;
    struct crewed crewed;
    crew_of(&crewed);
    assert_int_equal(replay_crew(&crewed.whatif, crewed.jobs, JOB_COUNT, NULL), 0);
    for (size_t i = 0; i < JOB_COUNT; i++) {
        struct whatif_result alone;
        assert_int_equal(whatif_replay(&crewed.whatif, &crewed.changes[i], 1, &alone, NULL), 0);
        assert_int_equal(crewed.jobs[i].status, 0);
        assert_true(crewed.jobs[i].result.wall_ns_after == alone.wall_ns_after);
        assert_true(i == 0 || alone.wall_ns_after < crewed.jobs[i - 1].result.wall_ns_after);
    }
    crew_done(&crewed);
}

static void a_change_that_cannot_be_made_leaves_the_others(void **state)
{
    (void)state;
    struct crewed crewed;
    crew_of(&crewed);
    assert_int_equal(change_parse("speed:function/nobody=2", &crewed.changes[7], NULL), 0);
    crewed.jobs[8].changes[1] = &crewed.changes[9]; /* two values of one place */
    crewed.jobs[8].count = 2;
    assert_int_equal(replay_crew(&crewed.whatif, crewed.jobs, JOB_COUNT, NULL), 0);
    for (size_t i = 0; i < JOB_COUNT; i++)
        assert_int_equal(crewed.jobs[i].status, i == 7 || i == 8 ? -ERR_USAGE : 0);
    crew_done(&crewed);
}

static void no_jobs_are_no_work(void **state)
{
    (void)state;
    struct crewed crewed;
    crew_of(&crewed);
    assert_int_equal(replay_crew(&crewed.whatif, NULL, 0, NULL), 0);
    crew_done(&crewed);
}

int replay_crew_test(void);
int replay_crew_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crew_finds_what_one_replay_after_the_other_finds),
        cmocka_unit_test(a_change_that_cannot_be_made_leaves_the_others),
        cmocka_unit_test(no_jobs_are_no_work),
    };
    return cmocka_run_group_tests_name("replay_crew", tests, NULL, NULL);
}
