/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/counters.h"

#include <linux/perf_event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/assert_near.h"
#include "bench/spawner.h"

extern char **environ;

/* The kernel's own clock of CPU time stands in for the hardware, which many virtual machines do not have. */
static const struct counter_event clocks[COUNTER_COUNT] = {{PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK},
                                                           {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK},
                                                           {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS},
                                                           {PERF_TYPE_HARDWARE, 9999}};

static struct spawn_result run(struct spawner *spawner, const char *script)
{
    char line[256];
    snprintf(line, sizeof line, "%s", script);
    char *words[] = {"sh", "-c", line, NULL};
    struct spawn_command command = {.path = "/bin/sh", .arguments = words, .environment = environ};
    struct spawn_result result;
    assert_int_equal(spawner_run(spawner, &command, NULL, &result, NULL), 0);
    return result;
}

static void the_children_are_counted_and_the_spawner_is_not(void **state)
{
    (void)state;
    struct spawner_options options = {.cpu = -1};
    struct spawner *spawner;
    struct counters counters;
    assert_int_equal(spawner_create(&options, &spawner, NULL), 0);
    run(spawner, "true");
    counters_open(&counters, spawner_pid(spawner), clocks);
    if (counters.fds[0] < 0) {
        spawner_destroy(spawner);
        printf("# perf_event_open is refused here\n");
        skip();
    }
    assert_int_equal(counters.fds[3], -1);
    struct counter_reading before = counters_read(&counters);
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    struct counter_reading idle = counters_read(&counters);
    assert_int_equal(counters_between(&before, &idle, 0), 0);
    /* The grandchild works, the child waits. */
    struct spawn_result result =
        run(spawner, "sh -c 'i=0; while [ $i -lt 60000 ]; do i=$((i + 1)); done'; true");
    struct counter_reading after = counters_read(&counters);
    double cpu = (double)(result.user_ns + result.system_ns);
    assert_true(cpu > 5e6);
    assert_near((double)counters_between(&idle, &after, 0) / cpu, 1, 0.2);
    assert_true(counters_between(&idle, &after, 2) > 10);
    assert_int_equal(counters_between(&idle, &after, 3), 0);
    counters_close(&counters);
    spawner_destroy(spawner);
}

static void shared_counters_are_scaled_up(void **state)
{
    (void)state;
    struct counter_reading before = {.values = {100}, .enabled_ns = {1000}, .running_ns = {1000}};
    struct counter_reading after = {.values = {600}, .enabled_ns = {3000}, .running_ns = {2000}};
    assert_int_equal(counters_between(&before, &after, 0), 1000);
    after.running_ns[0] = 3000;
    assert_int_equal(counters_between(&before, &after, 0), 500);
}

int counters_test(void);
int counters_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_children_are_counted_and_the_spawner_is_not),
        cmocka_unit_test(shared_counters_are_scaled_up),
    };
    return cmocka_run_group_tests_name("counters", tests, NULL, NULL);
}
