/* SPDX-License-Identifier: Apache-2.0 */
/* A perf.data as perf 6.1 writes it, of two mappings, made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <linux/perf_event.h>

#include "decide/perf_marks.h"

int perf_marks_test(void);

struct made_up {
    char magic[8];
    uint64_t size, attr_bytes, attrs_offset, attrs_bytes, data_offset, data_bytes;
    struct perf_event_attr attr;
    struct {
        struct perf_event_header header;
        uint8_t rest[64];
    } records[3];
};

static struct made_up made_up(void)
{
    struct made_up file = {.magic = "PERFILE2",
                           .size = 104,
                           .attr_bytes = sizeof file.attr,
                           .attrs_offset = offsetof(struct made_up, attr),
                           .attrs_bytes = sizeof file.attr,
                           .data_offset = offsetof(struct made_up, records),
                           .data_bytes = sizeof file.records};
    static const uint32_t types[] = {PERF_RECORD_MMAP2, PERF_RECORD_SAMPLE, PERF_RECORD_MMAP2};
    for (size_t i = 0; i < 3; i++)
        file.records[i].header = (struct perf_event_header){types[i], 0x4002, sizeof file.records[i]};
    return file;
}

/* Clears what is in the first bytes of a file and reads it back. */
static size_t cleared(struct made_up *file, size_t bytes)
{
    char path[] = "/tmp/toll-perf-marks-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, file, bytes), bytes);
    size_t count = perf_marks_clear(path);
    assert_int_equal(pread(fd, file, bytes, 0), bytes);
    close(fd);
    unlink(path);
    return count;
}

static void a_mark_that_nobody_asked_for_is_taken_out(void **state)
{
    (void)state;
    struct made_up file = made_up();
    assert_int_equal(cleared(&file, sizeof file), 2);
    assert_int_equal(file.records[0].header.misc, 2);
    assert_int_equal(file.records[1].header.misc, 0x4002); /* of a sample it says something else */
    assert_int_equal(file.records[2].header.misc, 2);
}

static void build_ids_that_were_asked_for_stay(void **state)
{
    (void)state;
    struct made_up file = made_up();
    file.attr.build_id = 1;
    assert_int_equal(cleared(&file, sizeof file), 0);
    assert_int_equal(file.records[0].header.misc, 0x4002);
}

static void what_makes_no_sense_is_left_as_it_is(void **state)
{
    (void)state;
    struct made_up file = made_up();
    for (size_t bytes = 0; bytes < sizeof file; bytes += 7)
        assert_int_equal(cleared(&file, bytes), 0);
    file.records[1].header.size = 3;
    assert_int_equal(cleared(&file, sizeof file), 1);
    file = made_up();
    file.attrs_offset = UINT64_MAX - 8;
    assert_int_equal(cleared(&file, sizeof file), 0);
    file = made_up();
    file.magic[0] = 'Q';
    assert_int_equal(cleared(&file, sizeof file), 0);
    assert_int_equal(perf_marks_clear("/nowhere/perf.data"), 0);
}

int perf_marks_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mark_that_nobody_asked_for_is_taken_out),
        cmocka_unit_test(build_ids_that_were_asked_for_stay),
        cmocka_unit_test(what_makes_no_sense_is_left_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
