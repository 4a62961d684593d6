/* SPDX-License-Identifier: Apache-2.0 */
/* perf.data made by hand; those that perf made are in tests/cli/import. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zstd.h>

#include "base/clock.h"
#include "ingest/folded_view.h"
#include "ingest/ingest.h"
#include "ingest/perf_file.h"
#include "ingest/perf_sample.h"
#include "model/dataset.h"
#include "model/meta.h"

int perf_data_test(void);

#define MS                  NS_PER_MS
#define ATTR_BYTES          PERF_ATTR_SIZE_VER7
#define RECORDS_AT          (104 + 2 * (ATTR_BYTES + 16) + 2 * 8)
#define PERF_ATTR_SIZE_VER7 128

struct maker {
    struct str bytes;
    bool is_pipe;
};

static void put(struct maker *maker, const void *bytes, size_t size)
{
    str_append_bytes(&maker->bytes, bytes, size);
}

static void put_u32(struct maker *maker, uint32_t value)
{
    put(maker, &value, sizeof value);
}

static void put_u64(struct maker *maker, uint64_t value)
{
    put(maker, &value, sizeof value);
}

static void put_head(struct maker *maker, uint32_t type, uint16_t misc, size_t size)
{
    uint16_t whole = (uint16_t)(size + 8);
    put_u32(maker, type);
    put(maker, &misc, sizeof misc);
    put(maker, &whole, sizeof whole);
}

/* What stands behind each record but samples: pid, tid, time, id. */
static void put_end(struct maker *maker, uint32_t pid, uint32_t tid, uint64_t time_ns)
{
    put_u32(maker, pid);
    put_u32(maker, tid);
    put_u64(maker, time_ns);
    put_u64(maker, 71);
}

#define END_BYTES 24u

static void comm(struct maker *maker, uint32_t pid, const char *name, bool is_exec, uint64_t time_ns)
{
    char text[16] = "";
    memcpy(text, name, strlen(name));
    put_head(maker, PERF_RECORD_COMM, is_exec ? PERF_RECORD_MISC_COMM_EXEC : 0, 8 + sizeof text + END_BYTES);
    put_u32(maker, pid);
    put_u32(maker, pid);
    put(maker, text, sizeof text);
    put_end(maker, pid, pid, time_ns);
}

static void fork_or_exit(struct maker *maker, uint32_t type, uint32_t pid, uint32_t ppid, uint64_t time_ns)
{
    put_head(maker, type, 0, 24 + END_BYTES);
    put_u32(maker, pid);
    put_u32(maker, ppid);
    put_u32(maker, pid);
    put_u32(maker, ppid);
    put_u64(maker, time_ns);
    put_end(maker, ppid, ppid, time_ns);
}

/* A program's file that is not there: its functions are unknown, its name is told. */
static void map(struct maker *maker, uint32_t pid, uint64_t address, const char *path, uint64_t time_ns)
{
    char text[32] = "";
    memcpy(text, path, strlen(path));
    put_head(maker, PERF_RECORD_MMAP, PERF_RECORD_MISC_USER, 32 + sizeof text + END_BYTES);
    put_u32(maker, pid);
    put_u32(maker, pid);
    put_u64(maker, address);
    put_u64(maker, 0x1000);
    put_u64(maker, 0);
    put(maker, text, sizeof text);
    put_end(maker, pid, pid, time_ns);
}

static void sample_of(struct maker *maker, uint64_t id, uint32_t pid, uint64_t time_ns, uint64_t address)
{
    put_head(maker, PERF_RECORD_SAMPLE, PERF_RECORD_MISC_USER, 8 * 8);
    put_u64(maker, address);
    put_u32(maker, pid);
    put_u32(maker, pid);
    put_u64(maker, time_ns);
    put_u64(maker, id);
    put_u64(maker, 10 * MS); /* the period */
    put_u64(maker, 2);
    put_u64(maker, (uint64_t)PERF_CONTEXT_USER);
    put_u64(maker, address);
}

static void switched(struct maker *maker, uint32_t pid, bool is_out, uint64_t time_ns)
{
    put_head(maker, PERF_RECORD_SWITCH, is_out ? PERF_RECORD_MISC_SWITCH_OUT : 0, END_BYTES);
    put_end(maker, pid, pid, time_ns);
}

static struct perf_event_attr attribute(uint64_t config)
{
    return (struct perf_event_attr){.type = PERF_TYPE_SOFTWARE,
                                    .size = ATTR_BYTES,
                                    .config = config,
                                    .sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME |
                                                   PERF_SAMPLE_ID | PERF_SAMPLE_PERIOD |
                                                   PERF_SAMPLE_CALLCHAIN,
                                    .sample_id_all = 1,
                                    .enable_on_exec = 1};
}

static void put_attribute(struct maker *maker, uint64_t config, bool has_switches)
{
    struct perf_event_attr attr = attribute(config);
    char bytes[ATTR_BYTES] = "";
    attr.context_switch = has_switches;
    memcpy(bytes, &attr, sizeof attr < sizeof bytes ? sizeof attr : sizeof bytes);
    put(maker, bytes, sizeof bytes);
}

/* Events 71 (cpu-clock) and 72 (page-faults). */
static void begin(struct maker *maker, bool is_pipe, bool has_switches)
{
    static const uint64_t ids[] = {71, 72}, configs[] = {PERF_COUNT_SW_CPU_CLOCK, PERF_COUNT_SW_PAGE_FAULTS};
    *maker = (struct maker){.is_pipe = is_pipe};
    put(maker, "PERFILE2", 8);
    put_u64(maker, is_pipe ? 16 : 104);
    if (is_pipe) {
        for (size_t i = 0; i < 2; i++) {
            put_head(maker, PERF_FILE_ATTR, 0, ATTR_BYTES + 8);
            put_attribute(maker, configs[i], has_switches);
            put_u64(maker, ids[i]);
        }
        return;
    }
    put_u64(maker, ATTR_BYTES + 16);
    put_u64(maker, 104);
    put_u64(maker, 2 * (ATTR_BYTES + 16));
    put_u64(maker, RECORDS_AT);
    put_u64(maker, 0); /* set at the end */
    for (size_t i = 0; i < 6; i++)
        put_u64(maker, 0);
    for (size_t i = 0; i < 2; i++) {
        put_attribute(maker, configs[i], has_switches);
        put_u64(maker, RECORDS_AT - 16 + 8 * i);
        put_u64(maker, 8);
    }
    put_u64(maker, 71);
    put_u64(maker, 72);
}

static void finish(struct maker *maker)
{
    uint64_t size = maker->bytes.length - RECORDS_AT;
    assert_false(maker->bytes.failed);
    if (!maker->is_pipe)
        memcpy(maker->bytes.text + 48, &size, sizeof size);
}

struct imported {
    struct dataset data;
    struct ingest_result result;
    struct err err;
    int status;
};

static void import_bytes(struct imported *imported, const char *bytes, size_t length)
{
    struct ingest_input input = {.path = "perf.data", .bytes = bytes, .length = length};
    struct ingest_choice choice = {.cache_folder = "", .no_kernel = true};
    dataset_init(&imported->data);
    imported->result = (struct ingest_result){0};
    assert_ptr_equal(ingest_probe(&input), ingest_reader_find("perf-data"));
    imported->status = ingest_read(ingest_reader_find("perf-data"), &input, &choice, &imported->data.sink,
                                   &imported->result, &imported->err);
}

static void imported_deinit(struct imported *imported)
{
    ingest_result_deinit(&imported->result);
    dataset_deinit(&imported->data);
}

static uint64_t cell(const struct imported *imported, enum table_id table, size_t column, size_t row)
{
    assert_true(row < imported->data.columns[table][column].count);
    return imported->data.columns[table][column].items[row];
}

#define CELL(imported, name, field, row)                                                                     \
    cell((imported), (enum table_id)sink_table_##name, COLUMN(name, field), (row))

static void folds_to(struct imported *imported, const char *expected)
{
    struct str folded = {0};
    assert_int_equal(imported->status, 0);
    assert_int_equal(folded_view_write(&imported->data.view, &folded, &imported->err), 0);
    assert_string_equal(str_text(&folded), expected);
    str_free(&folded);
}

/* A shell that forks a program; two rounds, the second with records that are older than the last of the first. */
static void put_story(struct maker *maker)
{
    comm(maker, 7, "sh", true, 1000 * MS);
    map(maker, 7, 0x10000, "/no/such/sh", 1001 * MS);
    sample_of(maker, 71, 7, 1010 * MS, 0x10010);
    fork_or_exit(maker, PERF_RECORD_FORK, 8, 7, 1020 * MS);
    sample_of(maker, 72, 7, 1025 * MS, 0x10010);
    sample_of(maker, 71, 8, 1050 * MS, 0x20010);
    put_head(maker, PERF_FILE_FINISHED_ROUND, 0, 0);
    sample_of(maker, 71, 8, 1028 * MS, 0x10020);
    comm(maker, 8, "work it", true, 1030 * MS);
    map(maker, 8, 0x20000, "/no/such/work", 1031 * MS);
    put_head(maker, PERF_FILE_FINISHED_ROUND, 0, 0);
    put_head(maker, PERF_RECORD_LOST, 0, 16 + END_BYTES);
    put_u64(maker, 71);
    put_u64(maker, 5);
    put_end(maker, 8, 8, 1060 * MS);
    fork_or_exit(maker, PERF_RECORD_EXIT, 8, 7, 1070 * MS);
}

static void records_are_read_in_the_order_of_time(void **state)
{
    for (int is_pipe = 0; is_pipe < 2; is_pipe++) {
        struct imported imported;
        struct maker maker;
        (void)state;
        begin(&maker, is_pipe, false);
        put_story(&maker);
        finish(&maker);
        import_bytes(&imported, maker.bytes.text, maker.bytes.length);
        /* Before it executes its own, the child is its maker's program. */
        folds_to(&imported, "sh;[sh] 20000000\nwork_it;[work] 10000000\n");
        assert_int_equal(imported.result.facts.sample_count, 3);
        assert_int_equal(imported.result.facts.process_count, 2);
        assert_int_equal(imported.result.notes.left_out[0].count, 1);
        assert_string_equal(view_meta(&imported.data.view, META_LOST_COUNT), "5");
        assert_string_equal(view_meta(&imported.data.view, META_CPU_EVENT), "cpu-clock");
        assert_string_equal(view_meta(&imported.data.view, META_SCOPE), SCOPE_PROFILE);
        /* The child's last sample is of 1050, it ends at 1070: it did not run all that time. */
        size_t waits = imported.data.columns[TABLE_WAIT][0].count;
        assert_int_equal(CELL(&imported, wait, start_ns, waits - 1), 1050 * MS);
        assert_int_equal(CELL(&imported, wait, end_ns, waits - 1), 1070 * MS);
        imported_deinit(&imported);
        str_free(&maker.bytes);
    }
}

static void switches_become_waits_and_a_childs_end_their_reason(void **state)
{
    struct imported imported;
    struct maker maker;
    (void)state;
    begin(&maker, false, true);
    put_story(&maker);
    switched(&maker, 7, true, 1026 * MS);
    switched(&maker, 7, false, 1071 * MS);
    fork_or_exit(&maker, PERF_RECORD_EXIT, 7, 1, 1080 * MS);
    finish(&maker);
    import_bytes(&imported, maker.bytes.text, maker.bytes.length);
    assert_int_equal(imported.status, 0);
    assert_true(imported.result.facts.has_waits);
    assert_int_equal(imported.data.columns[TABLE_WAIT][0].count, 1);
    assert_int_equal(CELL(&imported, wait, reason, 0), WAIT_CHILD);
    assert_int_equal(CELL(&imported, wait, blocked_ns, 0), 44 * MS);
    assert_int_equal(CELL(&imported, wait, runnable_ns, 0), 1 * MS);
    assert_int_equal(CELL(&imported, edge, kind, 0), EDGE_SPAWN);
    assert_int_equal(CELL(&imported, edge, from_ns, 0), 1020 * MS);
    assert_null(view_meta(&imported.data.view, META_SCOPE));
    imported_deinit(&imported);
    str_free(&maker.bytes);
}

/* Behind the chain: raw data, registers, the copy of the stack. Its parts are where the bits of the mask say. */
static void a_copy_of_the_stack_is_found_behind_the_chain(void **state)
{
    struct maker maker = {0};
    struct perf_sample sample;
    struct perf_attribute one = {.attr = attribute(PERF_COUNT_SW_CPU_CLOCK), .name = "cpu-clock"};
    one.attr.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_RAW | PERF_SAMPLE_REGS_USER |
                           PERF_SAMPLE_STACK_USER;
    one.attr.sample_regs_user = 0x1ffffffffull; /* 33 registers: enough for both machines */
    struct perf_file file = {.attributes = {&one, 1, 1}};
    (void)state;
    put_u64(&maker, 0x5000);
    put_u64(&maker, 1);
    put_u64(&maker, 0x5000);
    put_u32(&maker, 12);
    put(&maker, "twelve bytes", 12);
    put_u64(&maker, PERF_SAMPLE_REGS_ABI_64);
    for (uint64_t i = 0; i < 33; i++)
        put_u64(&maker, 1000 + i);
    put_u64(&maker, 24);
    put(&maker, "the copy of the stack...", 24);
    put_u64(&maker, 16); /* so much of it was there */
    struct maker record_maker = {0};
    put_head(&record_maker, PERF_RECORD_SAMPLE, PERF_RECORD_MISC_USER, maker.bytes.length);
    put(&record_maker, maker.bytes.text, maker.bytes.length);
    struct perf_record record = {.type = PERF_RECORD_SAMPLE,
                                 .misc = PERF_RECORD_MISC_USER,
                                 .size = (uint16_t)record_maker.bytes.length,
                                 .bytes = record_maker.bytes.text};
    assert_true(perf_sample_read(&file, &record, &sample));
    assert_int_equal(sample.chain_count, 1);
    assert_int_equal(sample.dump.size, 16);
    assert_memory_equal(sample.dump.bytes, "the copy of the ", 16);
#if defined(__x86_64__)
    assert_int_equal(sample.dump.ip, 1008);
    assert_int_equal(sample.dump.sp, 1007);
    assert_int_equal(sample.dump.bp, 1006);
    assert_int_equal(sample.dump.base, 1001);
#endif
    /* One that is cut has none; the chain stays. */
    record.size = (uint16_t)(record.size - 24);
    assert_true(perf_sample_read(&file, &record, &sample));
    assert_int_equal(sample.dump.size, 0);
    file.is_other_machine = true;
    assert_true(perf_sample_read(&file, &record, &sample));
    assert_int_equal(sample.dump.size, 0);
    str_free(&maker.bytes);
    str_free(&record_maker.bytes);
}

static void what_cannot_be_read_is_refused_with_its_place(void **state)
{
    static const struct {
        size_t at;
        const char *bytes, *says;
    } damages[] = {
        {0, "2ELIFREP", "byte order"},
        {0, "PERFFILE", "before 2.6.33"},
        {24, "\xff\xff\xff\x7f", "the file is cut"},
        {16, "\x01\0\0\0", "byte 0x10: an attribute's entry has 1 bytes"},
        {RECORDS_AT + 6, "\x03\0", "byte 0x0 of the records"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        struct imported imported;
        struct maker maker;
        size_t length = damages[i].bytes[0] == '2' || damages[i].bytes[0] == 'P' ? 8 : i == 4 ? 2 : 4;
        begin(&maker, false, false);
        put_story(&maker);
        finish(&maker);
        memcpy(maker.bytes.text + damages[i].at, damages[i].bytes, length);
        import_bytes(&imported, maker.bytes.text, maker.bytes.length);
        assert_int_equal(imported.status, -ERR_INPUT);
        if (!strstr(imported.err.what, damages[i].says))
            fail_msg("%s", imported.err.what);
        imported_deinit(&imported);
        str_free(&maker.bytes);
    }
}

static void a_file_whose_perf_was_killed_is_read_as_far_as_it_goes(void **state)
{
    struct imported imported;
    struct maker maker;
    (void)state;
    begin(&maker, false, false);
    put_story(&maker); /* its size is not written */
    import_bytes(&imported, maker.bytes.text, maker.bytes.length - 20);
    folds_to(&imported, "sh;[sh] 20000000\nwork_it;[work] 10000000\n");
    assert_non_null(strstr(imported.result.notes.remarks[0], "perf record did not end"));
    imported_deinit(&imported);
    str_free(&maker.bytes);
}

#define INFLATED_BYTES (4u << 20)

static void what_a_few_bytes_may_become_is_bounded(void **state)
{
    static const struct {
        struct perf_inflate_bounds bounds;
        int status;
        const char *says;
    } cases[] = {
        {{.ratio = 16, .bytes_always = 1 << 20, .bytes_max = UINT64_MAX}, -ERR_INPUT, "than 1 MB"},
        {{.ratio = UINT64_MAX, .bytes_always = 1, .bytes_max = 3 << 20}, -ERR_INPUT, "than 3 MB"},
        {{.ratio = UINT64_MAX, .bytes_always = 1, .bytes_max = UINT64_MAX, .disk_bytes_left = UINT64_MAX},
         -ERR_ENVIRONMENT,
         "the folder for temporary files has"},
        {{.ratio = 1, .bytes_always = INFLATED_BYTES, .bytes_max = INFLATED_BYTES}, 0, ""},
    };
    static const char zeros[INFLATED_BYTES];
    char packed[4096];
    struct maker maker = {0};
    size_t length = ZSTD_compress(packed, sizeof packed, zeros, sizeof zeros, 1);
    (void)state;
    assert_false(ZSTD_isError(length));
    put_head(&maker, PERF_FILE_COMPRESSED, 0, length);
    put(&maker, packed, length);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct perf_file file = {.records = maker.bytes.text, .records_length = maker.bytes.length};
        struct perf_inflated inflated;
        struct err err = {0};
        assert_int_equal(perf_inflate(&file, &cases[i].bounds, &inflated, &err), cases[i].status);
        assert_non_null(strstr(err.what, cases[i].says));
        assert_int_equal(inflated.length, cases[i].status ? 0 : INFLATED_BYTES);
        perf_inflated_close(&inflated);
    }
    str_free(&maker.bytes);
}

int perf_data_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_read_in_the_order_of_time),
        cmocka_unit_test(switches_become_waits_and_a_childs_end_their_reason),
        cmocka_unit_test(a_copy_of_the_stack_is_found_behind_the_chain),
        cmocka_unit_test(what_cannot_be_read_is_refused_with_its_place),
        cmocka_unit_test(what_a_few_bytes_may_become_is_bounded),
        cmocka_unit_test(a_file_whose_perf_was_killed_is_read_as_far_as_it_goes),
    };
    return cmocka_run_group_tests_name("perf_data_test", tests, NULL, NULL);
}
