/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "model/meta.h"
#include "recording/integrity.h"
#include "recording/reader.h"
#include "recording/salvage.h"
#include "recording/writer.h"

#define START_NS 5000000000000ull

struct place {
    char folder[64];
    char path[96];
    char copy[96];
    struct writer *writer;
    struct sink *sink;
};

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    struct err err;
    if (!place)
        return -1;
    snprintf(place->folder, sizeof place->folder, "/tmp/toll-check-XXXXXX");
    if (!mkdtemp(place->folder))
        return -1;
    snprintf(place->path, sizeof place->path, "%s/a.toll", place->folder);
    snprintf(place->copy, sizeof place->copy, "%s/b.toll", place->folder);
    struct writer_options options = {.path = place->path};
    if (writer_create(&options, &place->writer, &err))
        return -1;
    place->sink = writer_sink(place->writer);
    *state = place;
    return 0;
}

static int remove_place(void **state)
{
    struct place *place = *state;
    writer_destroy(place->writer);
    unlink(place->path);
    unlink(place->copy);
    int status = rmdir(place->folder);
    free(place);
    return status;
}

/* A valid run: a track, its stack, spans one inside the other, one wait, a value. */
static void write_run(struct sink *sink, uint64_t span_count)
{
    struct err err;
    struct row_track track = {.id = 1, .kind = TRACK_PROCESS, .start_ns = START_NS};
    struct row_frame frame = {.id = 1};
    struct row_stack stack = {.id = 1, .frame = 1};
    struct row_wait wait = {.track = 1, .start_ns = START_NS, .end_ns = START_NS + 9, .count = 1};
    struct row_series series = {.id = 1};
    struct row_point point = {.series = 1, .time_ns = START_NS, .value = num_bits(0.5)};
    struct row_attr attr = {.owner_table = TABLE_TRACK, .owner = 1};
    wait.blocked_ns = 9;
    wait.stack = 1;
    assert_int_equal(sink_meta(sink, META_START, "5000000000000", &err), 0);
    assert_int_equal(sink_meta(sink, META_END, "5000900000000", &err), 0);
    assert_int_equal(sink_intern(sink, "main", &track.name, &err), 0);
    assert_int_equal(sink_append(sink, track, &track, &err), 0);
    assert_int_equal(sink_append(sink, frame, &frame, &err), 0);
    assert_int_equal(sink_append(sink, stack, &stack, &err), 0);
    assert_int_equal(sink_append(sink, wait, &wait, &err), 0);
    assert_int_equal(sink_append(sink, series, &series, &err), 0);
    assert_int_equal(sink_append(sink, point, &point, &err), 0);
    assert_int_equal(sink_attr(sink, &attr, "key", "value", &err), 0);
    for (uint64_t i = 0; i < span_count; i++) {
        struct row_span span = {.id = i + 1, .parent = i, .track = 1, .name = 1, .category = SPAN_TASK};
        span.start_ns = START_NS + i;
        span.end_ns = START_NS + 2 * i;
        assert_int_equal(sink_append(sink, span, &span, &err), 0);
    }
    track.end_ns = START_NS + 10;
    assert_int_equal(sink_append(sink, track, &track, &err), 0);
}

static struct check_result seal_and_check(struct place *place)
{
    struct check_result result;
    struct err err;
    assert_int_equal(writer_seal(place->writer, &err), 0);
    int status = check_recording(place->path, &result, &err);
    if (status)
        print_error("%s\n", err.what);
    assert_int_equal(status, 0);
    return result;
}

static void assert_one_problem(struct place *place, const char *what)
{
    struct check_result result = seal_and_check(place);
    if (result.problem_count != 1 || !strstr(result.problems[0].what, what))
        print_error("%d problems, the first: %s\n", (int)result.problem_count, result.problems[0].what);
    assert_int_equal(result.problem_count, 1);
    assert_non_null(strstr(result.problems[0].what, what));
}

static void a_valid_recording_has_no_problems(void **state)
{
    struct place *place = *state;
    write_run(place->sink, 20000);
    struct check_result result = seal_and_check(place);
    if (result.problem_count)
        print_error("%s\n", result.problems[0].what);
    assert_int_equal(result.problem_count, 0);
    assert_int_equal(result.row_counts[TABLE_SPAN], 20000);
    assert_int_equal(result.row_counts[TABLE_TRACK], 2);
    assert_false(result.is_recovered);
}

static void a_reference_to_no_row_is_a_problem(void **state)
{
    struct place *place = *state;
    struct err err;
    struct row_bind row = {.track = 1, .thread = 77, .start_ns = START_NS, .end_ns = START_NS};
    write_run(place->sink, 10);
    assert_int_equal(sink_append(place->sink, bind, &row, &err), 0);
    assert_one_problem(place, "thread 77 is not in table track");
}

static void a_text_that_is_not_there_is_a_problem(void **state)
{
    struct place *place = *state;
    struct err err;
    struct row_peer row = {.id = 1, .kind = PEER_FILE, .name = 99};
    write_run(place->sink, 10);
    assert_int_equal(sink_append(place->sink, peer, &row, &err), 0);
    assert_one_problem(place, "name 99 is not in table string");
}

static void an_enum_outside_its_values_is_a_problem(void **state)
{
    struct place *place = *state;
    struct err err;
    struct row_sample row = {.time_ns = START_NS, .track = 1, .stack = 1, .kind = SAMPLE_KIND_COUNT};
    write_run(place->sink, 10);
    assert_int_equal(sink_append(place->sink, sample, &row, &err), 0);
    assert_one_problem(place, "kind 6 is out of range");
}

static void an_interval_that_ends_before_it_starts_is_a_problem(void **state)
{
    struct place *place = *state;
    struct err err;
    struct row_slice row = {.track = 1, .start_ns = START_NS + 5, .end_ns = START_NS + 4};
    write_run(place->sink, 10);
    assert_int_equal(sink_append(place->sink, slice, &row, &err), 0);
    assert_one_problem(place, "is before start_ns");
}

static void a_time_of_another_clock_is_a_problem(void **state)
{
    struct place *place = *state;
    struct err err;
    struct row_edge row = {
        .from_track = 1, .from_ns = 1700000000000000000ull, .to_track = 1, .to_ns = START_NS};
    write_run(place->sink, 10);
    assert_int_equal(sink_append(place->sink, edge, &row, &err), 0);
    assert_one_problem(place, "from_ns 1700000000000000000 is out of range");
}

static void parts_of_a_wait_that_exceed_it_are_a_problem(void **state)
{
    struct place *place = *state;
    struct err err;
    struct row_wait row = {.track = 1, .start_ns = START_NS, .end_ns = START_NS + 5, .count = 2};
    row.blocked_ns = 4;
    row.runnable_ns = 2;
    write_run(place->sink, 10);
    assert_int_equal(sink_append(place->sink, wait, &row, &err), 0);
    assert_one_problem(place, "do not fit into it");
}

static void a_value_that_is_no_number_is_a_problem(void **state)
{
    struct place *place = *state;
    struct err err;
    struct row_point row = {.series = 1, .time_ns = START_NS, .value = num_bits((double)NAN)};
    write_run(place->sink, 10);
    assert_int_equal(sink_append(place->sink, point, &row, &err), 0);
    assert_one_problem(place, "value");
}

static void one_id_for_two_stacks_is_a_problem(void **state)
{
    struct place *place = *state;
    struct err err;
    struct row_stack row = {.id = 1, .frame = 1};
    write_run(place->sink, 10);
    assert_int_equal(sink_append(place->sink, stack, &row, &err), 0);
    assert_one_problem(place, "id 1 is there twice");
}

static void an_attribute_of_nobody_is_a_problem(void **state)
{
    struct place *place = *state;
    struct err err;
    struct row_attr row = {.owner_table = 99, .owner = 1};
    write_run(place->sink, 10);
    assert_int_equal(sink_append(place->sink, attr, &row, &err), 0);
    assert_one_problem(place, "there is no table 99");
}

static void flip_byte(const struct place *place, uint64_t offset)
{
    char byte;
    int fd = open(place->path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, (off_t)offset), 1);
    byte = (char)(byte ^ 0x55);
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)offset), 1);
    close(fd);
}

/* Every byte between header and index is looked at: padding, payloads, descriptors, block headers. */
static void any_changed_byte_of_a_block_is_a_problem(void **state)
{
    struct place *place = *state;
    struct err err;
    write_run(place->sink, 10);
    uint64_t before = seal_and_check(place).problem_count;
    assert_int_equal(before, 0);
    uint64_t end = writer_file_bytes(place->writer);
    for (uint64_t offset = 64; offset < end; offset++) {
        struct check_result result = {0};
        flip_byte(place, offset);
        assert_int_equal(check_recording(place->path, &result, &err), 0);
        assert_int_not_equal(result.problem_count, 0);
        flip_byte(place, offset);
    }
}

static struct recover_result recover(const struct place *place)
{
    struct recover_result result = {0};
    struct recover_options options = {.path = place->path, .output = place->copy, .overwrite = true};
    struct err err;
    int status = recover_recording(&options, &result, &err);
    if (status)
        print_error("%s\n", err.what);
    assert_int_equal(status, 0);
    return result;
}

static struct check_result check_copy(const struct place *place)
{
    struct check_result result;
    struct err err;
    assert_int_equal(check_recording(place->copy, &result, &err), 0);
    if (result.problem_count)
        print_error("%s\n", result.problems[0].what);
    assert_int_equal(result.problem_count, 0);
    return result;
}

static void a_torn_tail_is_dropped_and_the_rest_kept(void **state)
{
    struct place *place = *state;
    struct err err;
    write_run(place->sink, 30000);
    assert_int_equal(writer_flush(place->writer, &err), 0);
    uint64_t whole = writer_file_bytes(place->writer);
    assert_int_equal(truncate(place->path, (off_t)whole - 100), 0);
    struct recover_result result = recover(place);
    assert_false(result.was_sealed);
    assert_true(result.byte_count_dropped > 0);
    struct check_result checked = check_copy(place);
    assert_true(checked.is_recovered);
    assert_int_equal(checked.row_counts[TABLE_SPAN], 30000);
    assert_int_equal(checked.block_count, result.block_count);
}

static void a_damaged_block_is_left_out(void **state)
{
    struct place *place = *state;
    write_run(place->sink, 30000);
    assert_int_equal(seal_and_check(place).problem_count, 0);
    flip_byte(place, writer_file_bytes(place->writer) / 2);
    struct recover_result result = recover(place);
    assert_true(result.was_sealed);
    assert_true(result.byte_count_dropped > 0);
    struct check_result checked = check_copy(place);
    assert_true(checked.row_counts[TABLE_SPAN] == 30000 - 8192 || checked.row_counts[TABLE_SPAN] == 24576);
    assert_int_equal(checked.reference_count_lost, 1);
}

static void a_sealed_recording_is_copied_as_it_is(void **state)
{
    struct place *place = *state;
    write_run(place->sink, 1000);
    assert_int_equal(seal_and_check(place).problem_count, 0);
    struct recover_result result = recover(place);
    assert_true(result.was_sealed);
    assert_int_equal(result.byte_count_dropped, 0);
    assert_false(check_copy(place).is_recovered);
}

static void a_file_may_be_recovered_in_place_but_no_other_replaced(void **state)
{
    struct place *place = *state;
    struct recover_result result;
    struct check_result checked;
    struct err err;
    struct stat about;
    struct recover_options options = {.path = place->path, .output = place->copy};
    write_run(place->sink, 1000);
    assert_int_equal(writer_flush(place->writer, &err), 0);
    (void)recover(place);
    assert_int_equal(recover_recording(&options, &result, &err), -ERR_ENVIRONMENT);
    assert_non_null(strstr(err.what, "File exists"));
    options.output = place->path;
    assert_int_equal(recover_recording(&options, &result, &err), 0);
    assert_int_equal(check_recording(place->path, &checked, &err), 0);
    assert_int_equal(checked.problem_count, 0);
    assert_int_equal(stat(place->path, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);
}

static void what_is_no_recording_is_not_recovered(void **state)
{
    struct place *place = *state;
    struct recover_result result;
    struct err err;
    struct recover_options options = {.path = place->path, .output = place->copy};
    flip_byte(place, 3);
    assert_int_equal(recover_recording(&options, &result, &err), -ERR_INPUT);
    assert_int_equal(access(place->copy, F_OK), -1);
}

#define check_unit_test(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int integrity_test(void);
int integrity_test(void)
{
    const struct CMUnitTest tests[] = {
        check_unit_test(a_valid_recording_has_no_problems),
        check_unit_test(a_reference_to_no_row_is_a_problem),
        check_unit_test(a_text_that_is_not_there_is_a_problem),
        check_unit_test(an_enum_outside_its_values_is_a_problem),
        check_unit_test(an_interval_that_ends_before_it_starts_is_a_problem),
        check_unit_test(a_time_of_another_clock_is_a_problem),
        check_unit_test(parts_of_a_wait_that_exceed_it_are_a_problem),
        check_unit_test(a_value_that_is_no_number_is_a_problem),
        check_unit_test(one_id_for_two_stacks_is_a_problem),
        check_unit_test(an_attribute_of_nobody_is_a_problem),
        check_unit_test(any_changed_byte_of_a_block_is_a_problem),
        check_unit_test(a_torn_tail_is_dropped_and_the_rest_kept),
        check_unit_test(a_damaged_block_is_left_out),
        check_unit_test(a_sealed_recording_is_copied_as_it_is),
        check_unit_test(a_file_may_be_recovered_in_place_but_no_other_replaced),
        check_unit_test(what_is_no_recording_is_not_recovered),
    };
    return cmocka_run_group_tests_name("integrity", tests, NULL, NULL);
}
