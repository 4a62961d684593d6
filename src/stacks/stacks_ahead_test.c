/* SPDX-License-Identifier: Apache-2.0 */
#include "stacks/stacks.h"

#include <linux/perf_event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/str.h"
#include "model/dataset.h"
#include "stacks/stacks_state.h"

int stacks_ahead_test(void);

#define PID     4000000000u /* no such process: nothing is read from /proc */
#define ADDRESS 0x10000ull
#define LONG_NS (1000 * NS_PER_S) /* a recording that has gone on so long may have spent a lot on names */

/* Chains of one place each, `count` times each of the first 64 places of the inlined program's main. */
static struct stacks *some_stacks(uint64_t count)
{
    const char *path = getenv("TOLL_TEST_INLINED"); /* NOLINT(concurrency-mt-unsafe) */
    struct stacks *stacks;
    assert_non_null(path);
    assert_int_equal(stacks_create(&(struct stacks_options){.cache_folder = ""}, &stacks, NULL), 0);
    const struct perf_event map = {
        .kind = PERF_MAP, .pid = PID, .map = {.address = ADDRESS, .length_bytes = 1 << 20, .path = path}};
    stacks->ahead_patience_ns = LONG_NS; /* the machine may be busy */
    assert_int_equal(stacks_note(stacks, &map, NULL), 0);
    for (uint64_t i = 0; i < count * 64; i++) {
        const uint64_t chain[] = {PERF_CONTEXT_USER, ADDRESS + 0x1000 + 8 * (i % 64)};
        uint64_t id;
        assert_int_equal(stacks_add(stacks, PID, chain, 2, &id, NULL), 0);
    }
    return stacks;
}

/* Until the thread has done what it was given. */
static void wait_done(struct stacks *stacks)
{
    const struct timespec pause = {.tv_nsec = NS_PER_MS};
    struct names_job job;
    names_ahead_hurry(stacks->ahead); /* on a busy machine it would not come to its turn */
    while (names_ahead_is_busy(stacks->ahead)) {
        if (names_ahead_take(stacks->ahead, &job))
            names_job_free(&job);
        else
            nanosleep(&pause, NULL);
    }
}

/* All frame rows as text. */
static void finish(struct stacks *stacks, struct str *ret_text)
{
    struct dataset dataset;
    dataset_init(&dataset);
    assert_int_equal(stacks_finish(stacks, &dataset.sink, NULL), 0);
    for (size_t i = 0; i < dataset.columns[TABLE_FRAME][0].count; i++)
        str_printf(ret_text, "%s:%llu ",
                   view_text(&dataset.view, dataset.columns[TABLE_FRAME][COLUMN(frame, function)].items[i]),
                   (unsigned long long)dataset.columns[TABLE_FRAME][COLUMN(frame, line)].items[i]);
    dataset_deinit(&dataset);
}

/* The rows of some_stacks(10) when nothing is looked up before. */
static void finish_late(struct str *ret_text)
{
    struct stacks *stacks = some_stacks(10);
    finish(stacks, ret_text);
    assert_int_equal(resolver_hit_count(stacks->resolver), 0);
    stacks_destroy(stacks);
}

static void what_was_looked_up_ahead_is_not_looked_up_at_the_end(void **state)
{
    (void)state;
    struct str late = {0}, ahead = {0};
    finish_late(&late);
    struct stacks *stacks = some_stacks(10);
    stacks_look_ahead(stacks, LONG_NS);
    assert_true(names_ahead_is_busy(stacks->ahead));
    wait_done(stacks);
    assert_true(names_ahead_cpu_ns(stacks->ahead) > 0);
    finish(stacks, &ahead);
    assert_true(resolver_hit_count(stacks->resolver) >= 32);
    assert_string_equal(str_text(&ahead), str_text(&late));
    assert_non_null(strstr(str_text(&ahead), "main:"));
    stacks_destroy(stacks);
    str_free(&late);
    str_free(&ahead);
}

static void an_end_in_the_middle_of_it_has_all_names(void **state)
{
    (void)state;
    struct str late = {0}, ahead = {0};
    finish_late(&late);
    struct stacks *stacks = some_stacks(10);
    stacks_look_ahead(stacks, LONG_NS);
    finish(stacks, &ahead);
    assert_string_equal(str_text(&ahead), str_text(&late));
    stacks_look_ahead(stacks, LONG_NS); /* it is over */
    assert_null(stacks->ahead);
    stacks_destroy(stacks);
    str_free(&late);
    str_free(&ahead);
}

static void a_module_is_asked_for_again_when_its_chains_have_doubled(void **state)
{
    (void)state;
    struct stacks *stacks = some_stacks(10);
    const struct timespec pause = {.tv_nsec = NS_PER_MS};
    uint64_t id;
    stacks_look_ahead(stacks, LONG_NS);
    names_ahead_hurry(stacks->ahead);
    while (names_ahead_is_busy(stacks->ahead)) { /* takes the job back when it is done */
        stacks_look_ahead(stacks, 0);
        nanosleep(&pause, NULL);
    }
    stacks_look_ahead(stacks, LONG_NS);
    assert_false(names_ahead_is_busy(stacks->ahead));
    for (uint64_t i = 0; i < 640; i++) {
        const uint64_t chain[] = {PERF_CONTEXT_USER, ADDRESS + 0x1000 + 8 * (i % 64)};
        assert_int_equal(stacks_add(stacks, PID, chain, 2, &id, NULL), 0);
    }
    stacks_look_ahead(stacks, LONG_NS);
    assert_true(names_ahead_is_busy(stacks->ahead));
    stacks_destroy(stacks);
}

static void who_had_a_good_part_of_the_time_goes_on(void **state)
{
    (void)state;
    const uint64_t ms = NS_PER_MS;
    assert_false(names_job_waits(&(struct names_job){.patience_ns = 20 * ms}, 15 * ms, 0));
    assert_true(names_job_waits(&(struct names_job){.patience_ns = 20 * ms}, 25 * ms, 0));
    assert_false(names_job_waits(&(struct names_job){.patience_ns = 20 * ms}, 300 * ms, 100 * ms));
    assert_true(names_job_waits(&(struct names_job){.patience_ns = 20 * ms}, 330 * ms, 100 * ms));
}

/* Who is refused for long gets the resolver in the middle of a job, which goes on behind that. */
static void a_job_gives_way_and_is_done_all_the_same(void **state)
{
    (void)state;
    const struct timespec pause = {.tv_nsec = NS_PER_MS / 10};
    struct str late = {0}, ahead = {0};
    finish_late(&late);
    struct stacks *stacks = some_stacks(10);
    stacks_look_ahead(stacks, LONG_NS);
    names_ahead_hurry(stacks->ahead);
    for (uint64_t turn = 0, now_ns = 1; turn < 3; now_ns += 10 * NS_PER_S) {
        if (names_ahead_try_lock(stacks->ahead, now_ns)) {
            names_ahead_unlock(stacks->ahead);
            turn++;
        } else {
            nanosleep(&pause, NULL);
        }
    }
    wait_done(stacks);
    finish(stacks, &ahead);
    assert_true(resolver_hit_count(stacks->resolver) >= 32);
    assert_string_equal(str_text(&ahead), str_text(&late));
    stacks_destroy(stacks);
    str_free(&late);
    str_free(&ahead);
}

static void nothing_is_learnt_beyond_a_limit(void **state)
{
    (void)state;
    const uint64_t offsets[] = {0x1000, 0x1008};
    const struct symbol_request request = {.offsets = offsets, .count = 2};
    const struct symbol_module module = {.path =
                                             getenv("TOLL_TEST_INLINED"), /* NOLINT(concurrency-mt-unsafe) */
                                         .fd = -1};
    const atomic_bool stop = true;
    const struct resolver_limit limits[] = {{.cpu_ns = 1}, {.stop = &stop}, {0}};
    for (size_t i = 0; i < 3; i++) {
        struct stacks *stacks = some_stacks(1);
        struct symbol_answer answer = {0};
        assert_int_equal(resolver_prepare(stacks->resolver, &module, &request, &limits[i], NULL), 0);
        assert_int_equal(resolver_lookup(stacks->resolver, &module, &request, &answer, NULL), 0);
        assert_int_equal(resolver_hit_count(stacks->resolver), i == 2 ? 2 : 0);
        symbol_answer_deinit(&answer);
        stacks_destroy(stacks);
    }
}

static void short_recordings_and_few_chains_are_left_for_the_end(void **state)
{
    (void)state;
    struct stacks *stacks = some_stacks(10);
    stacks_look_ahead(stacks, 0);
    assert_false(names_ahead_is_busy(stacks->ahead));
    stacks_destroy(stacks);
    assert_int_equal(stacks_create(&(struct stacks_options){.cache_folder = ""}, &stacks, NULL), 0);
    stacks_look_ahead(stacks, LONG_NS);
    assert_null(stacks->ahead);
    stacks_destroy(stacks);
}

int stacks_ahead_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_looked_up_ahead_is_not_looked_up_at_the_end),
        cmocka_unit_test(an_end_in_the_middle_of_it_has_all_names),
        cmocka_unit_test(a_module_is_asked_for_again_when_its_chains_have_doubled),
        cmocka_unit_test(who_had_a_good_part_of_the_time_goes_on),
        cmocka_unit_test(a_job_gives_way_and_is_done_all_the_same),
        cmocka_unit_test(nothing_is_learnt_beyond_a_limit),
        cmocka_unit_test(short_recordings_and_few_chains_are_left_for_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
