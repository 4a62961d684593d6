/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/collectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "collector/counters_file.h"
#include "collector/gc_probes.h"
#include "model/dataset.h"
#include "model/meta.h"

#define MANY       300 /* JVMs; more than are watched at once */
#define AT_ONCE    256
#define MAPPED_MAX 4

/* This process maps files as a JVM, or one that looks at JVMs, does. */
struct fixture {
    char folder[256];
    void *mapped[MAPPED_MAX];
    char paths[MAPPED_MAX][300];
    size_t mapped_count;
    struct dataset data;
    struct collectors *collectors;
    struct collectors_host host;
    uint64_t track, span; /* of the process now; given last */
    bool is_gone;
};

static uint64_t track_of(void *context, uint64_t pid, uint64_t tid, uint64_t time_ns)
{
    const struct fixture *fixture = context;
    (void)pid;
    (void)tid;
    (void)time_ns;
    return fixture->track;
}

static bool is_there(void *context, uint64_t pid, uint64_t track)
{
    const struct fixture *fixture = context;
    (void)pid;
    (void)track;
    return !fixture->is_gone;
}

static uint64_t new_span(void *context)
{
    struct fixture *fixture = context;
    return ++fixture->span;
}

static void begin(struct fixture *fixture, bool is_new)
{
    const char *temporary = getenv("TMPDIR");
    struct collectors_options options = {.is_new = is_new};
    struct err err = {0};

    memset(fixture, 0, sizeof *fixture);
    snprintf(fixture->folder, sizeof fixture->folder, "%s/hsperfdata_XXXXXX", temporary ? temporary : "/tmp");
    assert_non_null(mkdtemp(fixture->folder));
    dataset_init(&fixture->data);
    fixture->track = 1;
    fixture->host = (struct collectors_host){.context = fixture,
                                             .sink = &fixture->data.sink,
                                             .track_of = track_of,
                                             .is_there = is_there,
                                             .new_span = new_span};
    assert_int_equal(collectors_create(&options, &fixture->collectors, &err), 0);
}

static void end(struct fixture *fixture)
{
    for (size_t i = 0; i < fixture->mapped_count; i++) {
        munmap(fixture->mapped[i], 4096);
        unlink(fixture->paths[i]);
    }
    rmdir(fixture->folder);
    collectors_destroy(fixture->collectors);
    dataset_deinit(&fixture->data);
}

/* The counters of a JVM with that number, which had so many pauses of 1 ms. */
static void map_counters(struct fixture *fixture, int pid, uint64_t pause_count)
{
    struct counters_file file;
    size_t at = fixture->mapped_count++;
    char path[sizeof fixture->paths[0]];

    counters_file_make(&file);
    counters_file_put(&file, file.ticks, NS_PER_S);
    counters_file_pause(&file, pause_count, 900 * NS_PER_MS, 901 * NS_PER_MS, pause_count * NS_PER_MS);
    snprintf(path, sizeof path, "%s/%d", fixture->folder, pid);
    memcpy(fixture->paths[at], path, sizeof path);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, file.bytes, sizeof file.bytes), sizeof file.bytes);
    fixture->mapped[at] = mmap(NULL, sizeof file.bytes, PROT_READ, MAP_SHARED, fd, 0);
    assert_true(fixture->mapped[at] != MAP_FAILED);
    close(fd);
}

/* As a process that began just now; true when its runtime was found. The second look is one of a program that is not called java. */
static bool look(struct fixture *fixture)
{
    struct collector_seek seek = {0};
    collectors_look(fixture->collectors, (uint64_t)getpid(), NS_PER_S, &seek);
    collectors_look(fixture->collectors, (uint64_t)getpid(), 2 * NS_PER_S, &seek);
    return seek.is_over;
}

/* When pauses are no longer held back for their clock. */
static void poll_late(struct fixture *fixture)
{
    struct err err = {0};
    assert_int_equal(
        collectors_poll(fixture->collectors, &fixture->host, clock_monotonic_ns() + 10 * NS_PER_S, &err), 0);
}

static void finish(struct fixture *fixture)
{
    struct err err = {0};
    assert_int_equal(collectors_finish(fixture->collectors, &fixture->host, UINT64_MAX, &err), 0);
}

static uint64_t attribute_count(const struct fixture *fixture, const char *key, uint64_t *ret_sum)
{
    const struct view *view = &fixture->data.view;
    uint64_t count = 0, value;

    *ret_sum = 0;
    for (size_t i = 0; i < view->row_count(view, TABLE_ATTR); i++) {
        const uint64_t key_id = fixture->data.columns[TABLE_ATTR][COLUMN(attr, key)].items[i],
                       value_id = fixture->data.columns[TABLE_ATTR][COLUMN(attr, value)].items[i];
        if (strcmp(view_text(view, key_id), key) != 0)
            continue;
        count++;
        *ret_sum += num_parse_u64(view_text(view, value_id), &value) ? 0 : value;
    }
    return count;
}

static uint64_t span_count(const struct fixture *fixture)
{
    return fixture->data.view.row_count(&fixture->data.view, TABLE_SPAN);
}

/* Pauses with a span, and those that have none. */
static uint64_t told_count(const struct fixture *fixture)
{
    uint64_t missed;
    attribute_count(fixture, ATTR_GC_MISSED_COUNT, &missed);
    return span_count(fixture) + missed;
}

static void pauses_before_the_recording_are_not_its_own(void **state)
{
    struct fixture fixture;
    uint64_t ns;
    (void)state;

    begin(&fixture, false);
    map_counters(&fixture, getpid(), 1000);
    assert_true(look(&fixture));
    poll_late(&fixture);
    finish(&fixture);
    assert_string_equal(collectors_sources(fixture.collectors), "hsperfdata");
    assert_int_equal(told_count(&fixture), 0);
    assert_int_equal(attribute_count(&fixture, ATTR_GC_MISSED_NS, &ns), 0);
    end(&fixture);
    begin(&fixture, true); /* it began under the recording's eyes: they are of the run */
    map_counters(&fixture, getpid(), 1000);
    assert_true(look(&fixture));
    poll_late(&fixture);
    finish(&fixture);
    assert_int_equal(told_count(&fixture), 1000);
    end(&fixture);
}

static void one_after_the_other_each_jvm_is_told(void **state)
{
    struct fixture fixture;
    uint64_t sum;
    (void)state;

    begin(&fixture, true);
    map_counters(&fixture, getpid(), 3);
    for (uint64_t i = 0; i < MANY; i++) {
        fixture.track = 1 + i;
        fixture.is_gone = false;
        assert_true(look(&fixture));
        poll_late(&fixture);
        fixture.is_gone = true;
        poll_late(&fixture);
    }
    finish(&fixture);
    assert_int_equal(attribute_count(&fixture, ATTR_GC_SOURCE, &sum), MANY);
    assert_int_equal(told_count(&fixture), 3 * MANY);
    assert_int_equal(collectors_losses(fixture.collectors).jvm_count, 0);
    end(&fixture);
}

static void too_many_at_once_are_counted(void **state)
{
    struct fixture fixture;
    uint64_t sum;
    (void)state;

    begin(&fixture, true);
    map_counters(&fixture, getpid(), 3);
    for (uint64_t i = 0; i < MANY; i++) {
        fixture.track = 1 + i;
        assert_true(look(&fixture));
        poll_late(&fixture);
    }
    finish(&fixture);
    assert_int_equal(attribute_count(&fixture, ATTR_GC_SOURCE, &sum), AT_ONCE);
    assert_int_equal(collectors_losses(fixture.collectors).jvm_count, MANY - AT_ONCE);
    end(&fixture);
}

/* As jps does. */
static void who_looks_at_other_jvms_has_its_own_pauses(void **state)
{
    struct fixture fixture;
    (void)state;

    begin(&fixture, true);
    map_counters(&fixture, getpid() + 1, 5);
    assert_false(look(&fixture));
    map_counters(&fixture, getpid(), 1000);
    map_counters(&fixture, getpid() + 2, 5);
    assert_true(look(&fixture));
    poll_late(&fixture);
    finish(&fixture);
    assert_int_equal(told_count(&fixture), 1000);
    end(&fixture);
}

/* --- probes --- */

static void pass(struct fixture *fixture, struct gc_probes *probes, struct gc_rows *rows, size_t point,
                 uint64_t time_ns)
{
    const struct uprobe_hit hit = {.point = point, .pid = 5, .tid = 6, .time_ns = time_ns};
    struct err err = {0};
    assert_int_equal(gc_probes_hit(probes, rows, &fixture->host, &hit, &err), 0);
}

static void points_make(struct gc_probes *probes)
{
    assert_int_equal(vec_push(&probes->points, (struct gc_point){.role = GC_BEGINS, .runtime = GC_PYTHON}),
                     0);
    assert_int_equal(vec_push(&probes->points, (struct gc_point){.role = GC_ENDS, .runtime = GC_PYTHON}), 0);
}

/* The end of the first and the beginning of the second are lost: that is not one long pause. */
static void where_passings_are_lost_no_pause_is_made_up(void **state)
{
    struct fixture fixture;
    struct gc_probes probes = {0};
    struct gc_rows rows = {0};
    (void)state;

    begin(&fixture, true);
    points_make(&probes);
    pass(&fixture, &probes, &rows, 0, 1000);
    pass(&fixture, &probes, &rows, UPROBE_LOST, 900000);
    pass(&fixture, &probes, &rows, 1, 900000);
    assert_int_equal(span_count(&fixture), 0);
    pass(&fixture, &probes, &rows, 0, 910000);
    pass(&fixture, &probes, &rows, 1, 950000);
    assert_int_equal(span_count(&fixture), 1);
    assert_int_equal(fixture.data.columns[TABLE_SPAN][COLUMN(span, start_ns)].items[0], 910000);
    gc_probes_free(&probes);
    gc_rows_free(&rows);
    end(&fixture);
}

static void short_pauses_beyond_the_room_are_counted(void **state)
{
    struct fixture fixture;
    struct gc_probes probes = {0};
    struct gc_rows rows = {0};
    struct err err = {0};
    uint64_t ns;
    (void)state;

    begin(&fixture, true);
    points_make(&probes);
    for (uint64_t i = 0; i < GC_SPANS_PER_S + 1000; i++) {
        pass(&fixture, &probes, &rows, 0, 1000 + 20 * i);
        pass(&fixture, &probes, &rows, 1, 1010 + 20 * i);
    }
    pass(&fixture, &probes, &rows, 0, NS_PER_MS);
    pass(&fixture, &probes, &rows, 1, 2 * NS_PER_MS); /* a long one is told always */
    assert_int_equal(gc_rows_finish(&rows, &fixture.host, &err), 0);
    assert_int_equal(span_count(&fixture), GC_SPANS_PER_S + 1);
    assert_int_equal(told_count(&fixture), GC_SPANS_PER_S + 1001);
    attribute_count(&fixture, ATTR_GC_MISSED_NS, &ns);
    assert_int_equal(ns, 1000 * 10);
    gc_probes_free(&probes);
    gc_rows_free(&rows);
    end(&fixture);
}

/* Its places are opened by a thread; who asks meanwhile is told that it will be watched, or does not wait for it. */
static void a_file_is_opened_beside(void **state)
{
    struct fixture fixture;
    struct gc_probes probes = {0}, given_up = {0};
    struct gc_rows rows = {0};
    struct err err = {0};
    struct stat about;
    char path[256];
    (void)state;

    ssize_t length = readlink("/usr/bin/python3", path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    char whole[300];
    snprintf(whole, sizeof whole, "%s%s", path[0] == '/' ? "" : "/usr/bin/", path);
    enum gc_watching watching = gc_probes_file(&probes, (uint64_t)getpid(), whole);
    if (watching == GC_NOT_WATCHED) {
        printf("# %s: %s\n", whole,
               probes.refusal.what[0] ? probes.refusal.what : "no python3, or one without probes");
        gc_probes_free(&probes);
        skip();
        return;
    }
    begin(&fixture, true);
    assert_int_equal(gc_probes_file(&probes, (uint64_t)getpid(), whole), GC_WATCHED);
    assert_true(gc_probes_is_watching(&probes));
    while (probes.opening.is_begun) {
        assert_int_equal(gc_probes_poll(&probes, &rows, &fixture.host, false, &err), 0);
        usleep(1000);
    }
    assert_int_equal(stat(whole, &about), 0);
    assert_true(gc_probes_knows(&probes, about.st_dev, about.st_ino));
    assert_true(probes.points.count >= 2 && probes.since.count == probes.points.count);
    gc_probes_free(&probes);
    assert_int_equal(gc_probes_file(&given_up, (uint64_t)getpid(), whole), GC_WATCHED);
    gc_probes_free(&given_up);
    assert_false(given_up.opening.is_begun);
    gc_rows_free(&rows);
    end(&fixture);
}

int collectors_test(void);
int collectors_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pauses_before_the_recording_are_not_its_own),
        cmocka_unit_test(one_after_the_other_each_jvm_is_told),
        cmocka_unit_test(too_many_at_once_are_counted),
        cmocka_unit_test(who_looks_at_other_jvms_has_its_own_pauses),
        cmocka_unit_test(where_passings_are_lost_no_pause_is_made_up),
        cmocka_unit_test(short_pauses_beyond_the_room_are_counted),
        cmocka_unit_test(a_file_is_opened_beside),
    };
    return cmocka_run_group_tests_name("collectors", tests, NULL, NULL);
}
