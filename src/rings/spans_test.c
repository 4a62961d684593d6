/* SPDX-License-Identifier: Apache-2.0 */
/* Real programs (sdk_probe) with a real drain, and rings full of nonsense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/str.h"
#include "model/dataset.h"
#include "rings/spans.h"
#include "wire/ring.h"

struct rig {
    struct dataset rows;
    struct span_drain *drain;
    struct span_host host;
    struct map tracks; /* pid << 32 | tid → id */
    uint64_t ids[TABLE_END];
};

static uint64_t track_of(void *context, uint64_t pid, uint64_t tid, uint64_t time_ns)
{
    struct rig *rig = context;
    const uint64_t *known = map_get(&rig->tracks, pid << 32 | tid);

    assert_true(time_ns > 0);
    if (known)
        return *known;
    assert_int_equal(map_put(&rig->tracks, pid << 32 | tid, ++rig->ids[TABLE_TRACK]), 0);
    return rig->ids[TABLE_TRACK];
}

static uint64_t new_id(void *context, enum table_id table)
{
    struct rig *rig = context;
    return ++rig->ids[table];
}

static int rig_make(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    struct err err = {0};

    if (!rig)
        return -1;
    dataset_init(&rig->rows);
    rig->host =
        (struct span_host){.context = rig, .sink = &rig->rows.sink, .track_of = track_of, .new_id = new_id};
    if (span_drain_create(&(struct span_drain_options){0}, &rig->drain, &err)) {
        print_error("%s\n", err.what);
        return -1;
    }
    *state = rig;
    return 0;
}

static int rig_remove(void **state)
{
    struct rig *rig = *state;

    span_drain_destroy(rig->drain);
    dataset_deinit(&rig->rows);
    map_free(&rig->tracks);
    free(rig);
    return 0;
}

static pid_t probe_start(const struct rig *rig, const char *what)
{
    const char *program = getenv("TOLL_SDK_PROBE");
    char words[256], *argv[24];
    int argc = 0;
    pid_t child;

    if (!program) {
        fail_msg("TOLL_SDK_PROBE is not set");
        return -1;
    }
    snprintf(words, sizeof words, "probe %s", what);
    for (char *word = strtok(words, " "); word && argc < 23; word = strtok(NULL, " "))
        argv[argc++] = word;
    argv[argc] = NULL;
    child = fork();
    if (child == 0) {
        setenv(WIRE_SESSION_VARIABLE, span_drain_folder(rig->drain), 1);
        execv(program, argv);
        _exit(127);
    }
    return child;
}

static void poll_rig(struct rig *rig)
{
    struct err err = {0};
    assert_int_equal(span_drain_poll(rig->drain, &rig->host, &err), 0);
}

static void finish(struct rig *rig)
{
    struct err err = {0};
    assert_int_equal(span_drain_finish(rig->drain, &rig->host, clock_monotonic_ns(), &err), 0);
}

/* Runs the probe to its end while draining. */
static pid_t probe(struct rig *rig, const char *what)
{
    pid_t child = probe_start(rig, what);
    int status;

    while (waitpid(child, &status, WNOHANG) == 0) {
        poll_rig(rig);
        usleep(500);
    }
    return child;
}

static uint64_t cell(const struct rig *rig, enum table_id table, size_t column, size_t row)
{
    return rig->rows.columns[table][column].items[row];
}

#define CELL(rig, TABLE, name, field, row) cell((rig), TABLE_##TABLE, COLUMN(name, field), (row))

static size_t row_count(const struct rig *rig, enum table_id table)
{
    return (size_t)rig->rows.view.row_count(&rig->rows.view, table);
}

static const char *text(const struct rig *rig, uint64_t string)
{
    return view_text(&rig->rows.view, string);
}

/* The last row of each finished span of that name; how many there are. */
static size_t span_find(const struct rig *rig, const char *name, size_t *ret_last)
{
    size_t found = 0;

    for (size_t i = 0; i < row_count(rig, TABLE_SPAN); i++)
        if (strcmp(text(rig, CELL(rig, SPAN, span, name, i)), name) == 0 &&
            CELL(rig, SPAN, span, end_ns, i)) {
            found++;
            *ret_last = i;
        }
    return found;
}

static double usage_sum(const struct rig *rig, const char *kind)
{
    double sum = 0;

    for (size_t i = 0; i < row_count(rig, TABLE_USAGE); i++)
        if (strcmp(text(rig, CELL(rig, USAGE, usage, kind, i)), kind) == 0)
            sum += num_double(CELL(rig, USAGE, usage, amount, i));
    return sum;
}

static void nested_spans_and_their_usage_arrive(void **state)
{
    struct rig *rig = *state;
    uint64_t before_ns = clock_monotonic_ns();
    size_t inner = 0, outer = 0;
    pid_t child = probe(rig, "spans 100");

    finish(rig);
    assert_int_equal(span_find(rig, "inner", &inner), 100);
    assert_int_equal(span_find(rig, "outer", &outer), 100);
    assert_int_equal(rig->ids[TABLE_SPAN], 200);
    assert_int_equal(CELL(rig, SPAN, span, parent, inner), CELL(rig, SPAN, span, id, outer));
    assert_int_equal(CELL(rig, SPAN, span, parent, outer), 0);
    assert_int_equal(CELL(rig, SPAN, span, status, inner), SPAN_STATUS_OK);
    assert_int_equal(CELL(rig, SPAN, span, category, inner), SPAN_PHASE);
    assert_int_equal(CELL(rig, SPAN, span, track, inner), track_of(rig, (uint64_t)child, (uint64_t)child, 1));
    assert_in_range(CELL(rig, SPAN, span, start_ns, outer), before_ns,
                    CELL(rig, SPAN, span, start_ns, inner));
    assert_in_range(CELL(rig, SPAN, span, end_ns, outer), CELL(rig, SPAN, span, end_ns, inner),
                    clock_monotonic_ns());
    assert_true(usage_sum(rig, "rows") == 100 && usage_sum(rig, "bytes") == 200);
    assert_int_equal(span_drain_totals(rig->drain).lost_count, 0);
    assert_int_equal(span_drain_totals(rig->drain).process_count, 1);
}

static void both_clocks_tell_the_same_time(void **state)
{
    struct rig *rig = *state;
    struct err err;
    size_t at = 0;
    uint64_t from_ns;

    for (int forced = 0; forced < 2; forced++) {
        span_drain_destroy(rig->drain);
        assert_int_equal(
            span_drain_create(&(struct span_drain_options){.is_monotonic_forced = forced}, &rig->drain, &err),
            0);
        assert_true(!forced || !span_drain_totals(rig->drain).is_clock_tsc);
        from_ns = clock_monotonic_ns();
        probe(rig, "spans 1");
        finish(rig);
        assert_int_equal(span_find(rig, "outer", &at), (size_t)forced + 1);
        assert_in_range(CELL(rig, SPAN, span, start_ns, at), from_ns, clock_monotonic_ns());
    }
}

static void ends_out_of_order_keep_the_nesting(void **state)
{
    struct rig *rig = *state;
    size_t a = 0, b = 0, c = 0;

    probe(rig, "cross");
    finish(rig);
    assert_int_equal(span_find(rig, "cross a", &a), 1);
    assert_int_equal(span_find(rig, "cross b", &b), 1);
    assert_int_equal(span_find(rig, "cross c", &c), 1);
    assert_int_equal(CELL(rig, SPAN, span, status, a), SPAN_STATUS_OK);
    assert_int_equal(CELL(rig, SPAN, span, status, b), SPAN_STATUS_CUT);
    assert_int_equal(CELL(rig, SPAN, span, status, c), SPAN_STATUS_OK);
    assert_int_equal(CELL(rig, SPAN, span, end_ns, a), CELL(rig, SPAN, span, end_ns, b));
    assert_int_equal(row_count(rig, TABLE_USAGE), 1);
    assert_true(usage_sum(rig, "pages") == 1.5);
}

static void a_killed_program_s_open_span_ends_with_it(void **state)
{
    struct rig *rig = *state;
    size_t at = 0;

    probe(rig, "spans 2 open unfinished sleep 20 kill");
    poll_rig(rig);
    poll_rig(rig);
    assert_int_equal(span_find(rig, "unfinished", &at), 1);
    assert_int_equal(CELL(rig, SPAN, span, status, at), SPAN_STATUS_CUT);
    assert_true(CELL(rig, SPAN, span, end_ns, at) - CELL(rig, SPAN, span, start_ns, at) >= 20 * NS_PER_MS);
    finish(rig);
    assert_int_equal(span_find(rig, "unfinished", &at), 1);
}

static void a_span_open_for_long_has_a_row_before_it_ends(void **state)
{
    struct rig *rig = *state;
    size_t at = 0;
    int status;
    pid_t child = probe_start(rig, "open long sleep 5000");

    for (uint64_t from_ns = clock_monotonic_ns();
         row_count(rig, TABLE_SPAN) == 0 && clock_monotonic_ns() - from_ns < 60 * NS_PER_S;) {
        poll_rig(rig);
        usleep(10000);
    }
    assert_int_equal(row_count(rig, TABLE_SPAN), 1);
    assert_int_equal(CELL(rig, SPAN, span, end_ns, 0), 0);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    finish(rig);
    assert_int_equal(row_count(rig, TABLE_SPAN), 2);
    assert_int_equal(span_find(rig, "long", &at), 1);
    assert_int_equal(CELL(rig, SPAN, span, id, at), CELL(rig, SPAN, span, id, 0));
}

static void workers_are_tracks_bound_to_their_threads(void **state)
{
    struct rig *rig = *state;
    size_t at = 0, last_row = 0;

    probe(rig, "threads 4 50");
    finish(rig);
    assert_int_equal(span_find(rig, "thread span", &at), 200);
    assert_int_equal(row_count(rig, TABLE_BIND), 4);
    for (size_t i = 0; i < 4; i++) {
        uint64_t track = CELL(rig, BIND, bind, track, i);

        assert_true(CELL(rig, BIND, bind, thread, i) != track);
        for (size_t j = 0; j < row_count(rig, TABLE_TRACK); j++)
            if (CELL(rig, TRACK, track, id, j) == track)
                last_row = j;
        assert_int_equal(CELL(rig, TRACK, track, kind, last_row), TRACK_WORKER);
        assert_true(str_starts(text(rig, CELL(rig, TRACK, track, name, last_row)), "worker "));
        assert_true(CELL(rig, TRACK, track, end_ns, last_row) >= CELL(rig, BIND, bind, end_ns, i));
        for (size_t j = 0, own = 0; j < row_count(rig, TABLE_SPAN); j++) {
            own += CELL(rig, SPAN, span, track, j) == track;
            assert_true(j + 1 < row_count(rig, TABLE_SPAN) || own == 50);
        }
    }
}

static void threads_that_follow_each_other_are_told_apart(void **state)
{
    struct rig *rig = *state;
    struct map seen = {0};
    size_t at = 0;

    probe(rig, "serial 30");
    finish(rig);
    assert_int_equal(span_find(rig, "short life", &at), 30);
    for (size_t i = 0; i < 30; i++)
        assert_int_equal(map_put(&seen, CELL(rig, SPAN, span, track, i), 1), 0);
    assert_int_equal(seen.count, 30);
    map_free(&seen);
}

static void a_forked_child_has_its_own_track_and_names(void **state)
{
    struct rig *rig = *state;
    size_t parent = 0, child = 0;

    probe(rig, "fork 10 rawfork names 5");
    finish(rig);
    assert_int_equal(span_find(rig, "parent span", &parent), 2);
    assert_int_equal(span_find(rig, "child span", &child), 11);
    assert_true(CELL(rig, SPAN, span, track, child) != CELL(rig, SPAN, span, track, parent));
    assert_int_equal(span_find(rig, "name number 4", &parent), 1);
    assert_int_equal(span_drain_totals(rig->drain).process_count, 3);
}

static void signal_handlers_may_have_spans(void **state)
{
    struct rig *rig = *state;
    size_t at = 0;

    probe(rig, "signals 300000");
    finish(rig);
    for (size_t i = 0; i < row_count(rig, TABLE_SPAN); i++)
        assert_int_equal(CELL(rig, SPAN, span, status, i), SPAN_STATUS_OK);
    assert_true(span_find(rig, "interrupted", &at) > 1000);
}

static void only_its_own_thread_ends_a_span(void **state)
{
    struct rig *rig = *state;
    size_t own = 0, other = 0;

    probe(rig, "foreign");
    finish(rig);
    assert_int_equal(span_find(rig, "foreign", &own), 1);
    assert_int_equal(span_find(rig, "not foreign", &other), 1);
    assert_int_equal(CELL(rig, SPAN, span, status, own), SPAN_STATUS_OK);
    assert_true(CELL(rig, SPAN, span, end_ns, own) >= CELL(rig, SPAN, span, end_ns, other));
    assert_true(CELL(rig, SPAN, span, track, own) != CELL(rig, SPAN, span, track, other));
}

static void a_span_open_at_exec_ends_there(void **state)
{
    struct rig *rig = *state;
    size_t before = 0, after = 0;
    int status;
    pid_t child = probe_start(rig, "open before exec spans 1");

    waitpid(child, &status, 0); /* both images' files are found at once then, in any order */
    finish(rig);
    assert_int_equal(span_find(rig, "before", &before), 1);
    assert_int_equal(span_find(rig, "outer", &after), 1);
    assert_int_equal(CELL(rig, SPAN, span, status, before), SPAN_STATUS_CUT);
    assert_int_equal(CELL(rig, SPAN, span, track, before), CELL(rig, SPAN, span, track, after));
    assert_true(CELL(rig, SPAN, span, end_ns, before) <= CELL(rig, SPAN, span, start_ns, after));
}

static void the_folder_of_a_killed_recorder_is_removed_by_the_next(void **state)
{
    struct rig *rig = *state;
    struct span_drain *next;
    char folder[WIRE_PATH_BYTES_MAX] = "";
    struct err err;
    int pipes[2], status;
    pid_t child;

    assert_int_equal(pipe(pipes), 0);
    child = fork();
    if (child == 0) {
        if (span_drain_create(&(struct span_drain_options){0}, &next, &err) == 0 &&
            write(pipes[1], span_drain_folder(next), strlen(span_drain_folder(next))) > 0)
            raise(SIGKILL);
        _exit(1);
    }
    close(pipes[1]);
    assert_true(read(pipes[0], folder, sizeof folder - 1) > 0);
    close(pipes[0]);
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(access(folder, F_OK), 0);
    assert_int_equal(span_drain_create(&(struct span_drain_options){0}, &next, &err), 0);
    assert_int_equal(access(folder, F_OK), -1);
    assert_int_equal(access(span_drain_folder(rig->drain), F_OK), 0);
    span_drain_destroy(next);
}

static void a_token_joins_two_processes(void **state)
{
    struct rig *rig = *state;
    char path[] = "/tmp/toll-token-XXXXXX", what[64];
    pid_t producer, consumer;
    size_t span = 0;

    close(mkstemp(path));
    snprintf(what, sizeof what, "token %s", path);
    producer = probe(rig, what);
    snprintf(what, sizeof what, "depends %s", path);
    consumer = probe(rig, what);
    finish(rig);
    unlink(path);
    assert_int_equal(row_count(rig, TABLE_EDGE), 1);
    assert_int_equal(CELL(rig, EDGE, edge, kind, 0), EDGE_DEPENDS);
    assert_int_equal(CELL(rig, EDGE, edge, source, 0), EDGE_DECLARED);
    assert_int_equal(CELL(rig, EDGE, edge, from_track, 0),
                     track_of(rig, (uint64_t)producer, (uint64_t)producer, 1));
    assert_int_equal(CELL(rig, EDGE, edge, to_track, 0),
                     track_of(rig, (uint64_t)consumer, (uint64_t)consumer, 1));
    assert_int_equal(span_find(rig, "producer", &span), 1);
    assert_in_range(CELL(rig, EDGE, edge, from_ns, 0), CELL(rig, SPAN, span, start_ns, span),
                    CELL(rig, SPAN, span, end_ns, span));
    assert_int_equal(span_find(rig, "consumer", &span), 1);
    assert_in_range(CELL(rig, EDGE, edge, to_ns, 0), CELL(rig, SPAN, span, start_ns, span),
                    CELL(rig, SPAN, span, end_ns, span));
}

static void counters_are_series_of_the_process(void **state)
{
    struct rig *rig = *state;
    pid_t child = probe(rig, "counter 20");

    finish(rig);
    assert_int_equal(row_count(rig, TABLE_SERIES), 1);
    assert_string_equal(text(rig, CELL(rig, SERIES, series, name, 0)), "queue depth");
    assert_int_equal(CELL(rig, SERIES, series, track, 0), track_of(rig, (uint64_t)child, 0, 1));
    assert_int_equal(row_count(rig, TABLE_POINT), 20);
    assert_true(num_double(CELL(rig, POINT, point, value, 19)) == 20);
    assert_true(CELL(rig, POINT, point, time_ns, 19) >= CELL(rig, POINT, point, time_ns, 0));
}

static void what_is_dropped_is_counted(void **state)
{
    struct rig *rig = *state;
    struct span_drain_totals totals;
    size_t at = 0;
    int status;
    pid_t child = probe_start(rig, "spans 200000"); /* nobody reads meanwhile */

    waitpid(child, &status, 0);
    finish(rig);
    totals = span_drain_totals(rig->drain);
    assert_true(totals.span_count > 1000 && totals.span_count < 400000);
    assert_true(totals.lost_count >= 400000 - totals.span_count);
    for (size_t i = 0; i < row_count(rig, TABLE_SPAN); i++)
        assert_int_equal(CELL(rig, SPAN, span, status, i), SPAN_STATUS_OK);
    assert_true(span_find(rig, "outer", &at) > 500);
}

/* Twice round the ring. On a machine so busy that the reader is kept away, what is missing must be counted. */
static void nothing_is_missing_without_being_counted(void **state)
{
    struct rig *rig = *state;
    size_t at = 0, found;

    probe(rig, "spans 2000 sleep 20 spans 2000 sleep 20 spans 2000 sleep 20 spans 2000 sleep 20 spans 2000");
    finish(rig);
    found = span_find(rig, "outer", &at) + span_find(rig, "inner", &at);
    assert_true(found + span_drain_totals(rig->drain).lost_count >= 20000);
    assert_int_equal(found, span_drain_totals(rig->drain).span_count);
    if (found != 20000)
        print_message("# the reader was too slow for %zu spans\n", 20000 - found);
}

static void the_folder_is_gone_afterwards(void **state)
{
    struct rig *rig = *state;
    struct err err;
    char folder[WIRE_PATH_BYTES_MAX];

    snprintf(folder, sizeof folder, "%s", span_drain_folder(rig->drain));
    assert_int_equal(access(folder, F_OK), 0);
    probe(rig, "spans 10 threads 3 10 kill");
    finish(rig);
    span_drain_destroy(rig->drain);
    assert_int_equal(access(folder, F_OK), -1);
    assert_int_equal(span_drain_create(&(struct span_drain_options){0}, &rig->drain, &err), 0);
}

/* A names file and a ring of this process, written by hand; the slots. */
static struct ring_slot *ring_forge(struct rig *rig, unsigned number, struct ring_file **ret_ring)
{
    const struct names_file names = {
        .magic = NAMES_MAGIC, .version = WIRE_VERSION, .pid = (uint32_t)getpid(), .nonce = 0xabc};
    size_t bytes = RING_SLOTS_OFFSET + RING_BYTES_DEFAULT;
    struct ring_file *ring;
    char path[WIRE_PATH_BYTES_MAX + 64];
    int fd;

    snprintf(path, sizeof path, "%s/names-%d-abc", span_drain_folder(rig->drain), getpid());
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, &names, sizeof names), sizeof names);
    close(fd);
    snprintf(path, sizeof path, "%s/ring-%d-abc-%u", span_drain_folder(rig->drain), getpid(), number);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
    ring = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(ring != MAP_FAILED);
    close(fd);
    ring->version = WIRE_VERSION;
    ring->slot_count = RING_BYTES_DEFAULT / sizeof(struct ring_slot);
    ring->magic = RING_MAGIC;
    *ret_ring = ring;
    return (struct ring_slot *)((char *)ring + RING_SLOTS_OFFSET);
}

static uint64_t random_next(uint64_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random;
}

static void nonsense_in_a_ring_is_survived(void **state)
{
    struct rig *rig = *state;
    struct ring_file *ring;
    struct ring_slot *slots = ring_forge(rig, 0, &ring);
    uint64_t random = 0x9e3779b97f4a7c15u;

    for (int round = 0; round < 30; round++) {
        uint64_t count = random_next(&random) % (ring->slot_count + 3000);

        for (uint32_t i = 0; i < ring->slot_count; i++) {
            uint32_t kind = (uint32_t)(random_next(&random) % (RING_KIND_COUNT + 2));
            slots[i].value = random_next(&random) >> random_next(&random) % 64;
            slots[i].word = ring_word((enum ring_kind)kind, (uint32_t)random_next(&random) % (1 << 16),
                                      kind == RING_MARK ? 0 : (uint32_t)random_next(&random) % 50000);
        }
        __atomic_store_n(&ring->head, round % 7 == 6 ? random_next(&random) : ring->tail + count,
                         __ATOMIC_RELEASE);
        ring->lost_count = random_next(&random);
        poll_rig(rig);
    }
    finish(rig);
    for (size_t i = 0; i < row_count(rig, TABLE_SPAN); i++)
        assert_true(CELL(rig, SPAN, span, end_ns, i) == 0 ||
                    CELL(rig, SPAN, span, end_ns, i) >= CELL(rig, SPAN, span, start_ns, i));
    munmap(ring, RING_SLOTS_OFFSET + RING_BYTES_DEFAULT);
}

static void a_ring_cut_short_or_of_another_size_is_survived(void **state)
{
    struct rig *rig = *state;
    struct ring_file *ring, *large;
    char path[WIRE_PATH_BYTES_MAX + 64];

    ring_forge(rig, 0, &ring);
    ring_forge(rig, 1, &large);
    large->slot_count = 1u << 31;
    poll_rig(rig);
    ring->head = 1000;
    snprintf(path, sizeof path, "%s/ring-%d-abc-0", span_drain_folder(rig->drain), getpid());
    assert_int_equal(truncate(path, 5000), 0);
    poll_rig(rig);
    assert_int_equal(truncate(path, 3), 0);
    poll_rig(rig);
    finish(rig);
    assert_true(span_drain_totals(rig->drain).lost_count > 0);
    munmap(ring, RING_SLOTS_OFFSET + RING_BYTES_DEFAULT);
    munmap(large, RING_SLOTS_OFFSET + RING_BYTES_DEFAULT);
}

int spans_test(void);
int spans_test(void)
{
#define RIG_TEST(name) cmocka_unit_test_setup_teardown(name, rig_make, rig_remove)
    const struct CMUnitTest tests[] = {
        RIG_TEST(nested_spans_and_their_usage_arrive),
        RIG_TEST(both_clocks_tell_the_same_time),
        RIG_TEST(ends_out_of_order_keep_the_nesting),
        RIG_TEST(a_killed_program_s_open_span_ends_with_it),
        RIG_TEST(a_span_open_for_long_has_a_row_before_it_ends),
        RIG_TEST(workers_are_tracks_bound_to_their_threads),
        RIG_TEST(threads_that_follow_each_other_are_told_apart),
        RIG_TEST(a_forked_child_has_its_own_track_and_names),
        RIG_TEST(signal_handlers_may_have_spans),
        RIG_TEST(only_its_own_thread_ends_a_span),
        RIG_TEST(a_span_open_at_exec_ends_there),
        RIG_TEST(the_folder_of_a_killed_recorder_is_removed_by_the_next),
        RIG_TEST(a_token_joins_two_processes),
        RIG_TEST(counters_are_series_of_the_process),
        RIG_TEST(what_is_dropped_is_counted),
        RIG_TEST(nothing_is_missing_without_being_counted),
        RIG_TEST(the_folder_is_gone_afterwards),
        RIG_TEST(nonsense_in_a_ring_is_survived),
        RIG_TEST(a_ring_cut_short_or_of_another_size_is_survived),
    };
    return cmocka_run_group_tests_name("spans", tests, NULL, NULL);
}
