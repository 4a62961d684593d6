/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analyze/scenario.h"
#include "base/clock.h"
#include "base/num.h"
#include "model/meta.h"
#include "picture/picture.h"

static uint64_t bytes_at(const struct timeline *timeline, uint64_t ms)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < timeline->memory_count && timeline->memory[i].time_ns <= ms * NS_PER_MS; i++)
        bytes = timeline->memory[i].bytes;
    return bytes;
}

static void memory_is_the_sum_of_what_each_program_has(void **state)
{
    (void)state;
    struct scenario s;
    struct timeline timeline = {0};
    struct arena arena = {0};
    struct err err = {0};
    scenario_init(&s, 2, 100);
    uint64_t root = scenario_process(&s, 0, "shell", 0, 100);
    uint64_t child = scenario_process(&s, root, "sort", 20, 60);
    struct scenario_series steady = {root, SERIES_HEAP, "bytes", 10, 90, 500, 500};
    struct scenario_series first = {child, SERIES_HEAP, "bytes", 20, 30, 1000, 1000};
    struct scenario_series second = {child, SERIES_HEAP, "bytes", 40, 50, 30, 30}; /* of another program */
    scenario_series(&s, &steady);
    scenario_series(&s, &first);
    scenario_series(&s, &second);
    assert_int_equal(sink_meta(&s.data.sink, META_HEAP_PEAK_BYTES, "1700", &err), 0);
    assert_int_equal(sink_meta(&s.data.sink, META_HEAP_PEAK, "1025000000", &err), 0);
    scenario_walk(&s);
    assert_int_equal(picture_memory(&s.run, &arena, &timeline, &err), 0);
    assert_int_equal(bytes_at(&timeline, 5), 0);
    assert_int_equal(bytes_at(&timeline, 15), 500);
    assert_int_equal(bytes_at(&timeline, 35), 1500);
    assert_int_equal(bytes_at(&timeline, 45), 530);
    assert_int_equal(bytes_at(&timeline, 70), 500);
    assert_int_equal(bytes_at(&timeline, 100), 0);
    assert_int_equal(timeline.memory_peak.bytes, 1700);
    assert_int_equal(timeline.memory_peak.time_ns, 25 * NS_PER_MS);
    arena_free(&arena);
    scenario_deinit(&s);
}

static void of_very_many_points_the_highest_are_kept(void **state)
{
    (void)state;
    struct scenario s;
    struct timeline timeline = {0};
    struct arena arena = {0};
    struct err err = {0};
    uint64_t most = 0;
    scenario_init(&s, 2, 20000);
    uint64_t root = scenario_process(&s, 0, "app", 0, 20000);
    struct scenario_series rise = {root, SERIES_HEAP, "bytes", 0, 10000, 0, 1000000},
                           fall = {root, SERIES_HEAP, "bytes", 10010, 19990, 999000, 0};
    scenario_points(&s, scenario_series(&s, &rise), &fall);
    scenario_walk(&s);
    assert_int_equal(picture_memory(&s.run, &arena, &timeline, &err), 0);
    assert_in_range(timeline.memory_count, 100, TIMELINE_MEMORY_MAX);
    for (size_t i = 0; i < timeline.memory_count; i++) {
        most = timeline.memory[i].bytes > most ? timeline.memory[i].bytes : most;
        assert_true(i == 0 || timeline.memory[i].time_ns >= timeline.memory[i - 1].time_ns);
    }
    assert_int_equal(most, 1000000);
    assert_int_equal(bytes_at(&timeline, 20000), 0);
    arena_free(&arena);
    scenario_deinit(&s);
}

/* Processes that ended before the run began, each at another time: they have no place in it. */
static void what_ended_before_the_run_takes_no_room(void **state)
{
    (void)state;
    struct scenario s;
    struct timeline timeline = {0};
    struct arena arena = {0};
    struct err err = {0};
    scenario_init(&s, 2, 100);
    scenario_process(&s, 0, "app", 0, 100);
    for (uint64_t i = 0; i < 2 * TIMELINE_MEMORY_MAX; i++) {
        struct row_track track = {
            .id = 100 + i, .parent = 1, .kind = TRACK_PROCESS, .start_ns = 1, .end_ns = (i + 1) * NS_PER_US};
        struct row_series series = {.id = 100 + i, .track = track.id};
        struct row_point point = {.series = series.id, .time_ns = 1, .value = num_bits(1000)};
        assert_int_equal(sink_intern(&s.data.sink, SERIES_HEAP, &series.name, &err), 0);
        assert_int_equal(sink_append(&s.data.sink, track, &track, &err), 0);
        assert_int_equal(sink_append(&s.data.sink, series, &series, &err), 0);
        assert_int_equal(sink_append(&s.data.sink, point, &point, &err), 0);
    }
    scenario_walk(&s);
    assert_int_equal(picture_memory(&s.run, &arena, &timeline, &err), 0);
    assert_in_range(timeline.memory_count, 1, TIMELINE_MEMORY_MAX);
    for (size_t i = 0; i < timeline.memory_count; i++)
        assert_true(timeline.memory[i].time_ns <= 100 * NS_PER_MS);
    arena_free(&arena);
    scenario_deinit(&s);
}

int live_memory_test(void);
int live_memory_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_the_sum_of_what_each_program_has),
        cmocka_unit_test(of_very_many_points_the_highest_are_kept),
        cmocka_unit_test(what_ended_before_the_run_takes_no_room),
    };
    return cmocka_run_group_tests_name("live_memory", tests, NULL, NULL);
}
