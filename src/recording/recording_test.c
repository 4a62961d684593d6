/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "model/dataset.h"
#include "recording/reader.h"
#include "recording/writer.h"

struct place {
    char folder[64];
    char path[96];
};

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    if (!place)
        return -1;
    snprintf(place->folder, sizeof place->folder, "/tmp/toll-recording-XXXXXX");
    if (!mkdtemp(place->folder))
        return -1;
    snprintf(place->path, sizeof place->path, "%s/a.toll", place->folder);
    *state = place;
    return 0;
}

static int remove_place(void **state)
{
    struct place *place = *state;
    unlink(place->path);
    int status = rmdir(place->folder);
    free(place);
    return status;
}

static struct writer *create_writer(const struct place *place, bool compress)
{
    struct writer *writer = NULL;
    struct err err;
    struct writer_options options = {.path = place->path, .compress = compress};
    assert_int_equal(writer_create(&options, &writer, &err), 0);
    return writer;
}

static struct reader *seal_and_open(struct writer *writer, const struct place *place)
{
    struct reader *reader = NULL;
    struct err err = {0};
    assert_int_equal(writer_seal(writer, &err), 0);
    writer_destroy(writer);
    int status = reader_open(place->path, &reader, &err);
    if (status)
        print_error("%s\n", err.what);
    assert_int_equal(status, 0);
    return reader;
}

static void append_span(struct sink *sink, uint64_t id, uint64_t name, uint64_t start_ns)
{
    struct err err;
    struct row_span row = {.id = id, .track = 1 + id % 3, .name = name, .category = SPAN_TASK};
    row.start_ns = start_ns;
    row.end_ns = start_ns + 10 + id * id % 50;
    assert_int_equal(sink_append(sink, span, &row, &err), 0);
}

/* Rows of every table, seen both by the file and by an in-memory dataset. */
static void fill_tables(struct sink *sink, size_t row_count)
{
    struct err err;
    for (size_t i = 0; i < row_count; i++) {
        for (enum table_id id = TABLE_META; id < TABLE_END; id++) {
            uint64_t row[TABLE_COLUMN_MAX], string;
            char text[32];
            int length = snprintf(text, sizeof text, "text %zu", i * i % 5000);
            assert_int_equal(sink->intern(sink, text, (size_t)length, &string, &err), 0);
            if (id == TABLE_STRING)
                continue;
            for (size_t column = 0; column < TABLE_COLUMN_MAX; column++)
                row[column] = i * (column + 1) * 77 % (1000 + 13 * (size_t)id) + (column % 3 ? 0 : string);
            assert_int_equal(sink->append(sink, id, row, &err), 0);
        }
    }
}

struct comparison {
    const struct dataset *expected;
    const struct view *view;
    uint64_t row_next;
    size_t byte_count;
};

static int compare_batch(void *context, const struct batch *batch, struct err *err)
{
    struct comparison *comparison = context;
    const struct table *table = table_find(batch->table);
    (void)err;
    for (size_t row = 0; row < batch->row_count; row++, comparison->row_next++) {
        if (batch->table == TABLE_STRING) {
            const char *text = view_text(&comparison->expected->view, comparison->row_next + 1);
            assert_int_equal(batch->columns[0][row], comparison->row_next + 1);
            assert_int_equal(batch->columns[1][row], strlen(text));
            assert_string_equal(view_text(comparison->view, comparison->row_next + 1), text);
            continue;
        }
        for (size_t column = 0; column < table->column_count; column++)
            assert_true(batch->columns[column][row] ==
                        comparison->expected->columns[batch->table][column].items[comparison->row_next]);
    }
    return 0;
}

static void check_all_tables(const struct place *place, bool compress, size_t row_count)
{
    struct dataset expected;
    struct err err;
    dataset_init(&expected);
    fill_tables(&expected.sink, row_count);
    struct writer *writer = create_writer(place, compress);
    fill_tables(writer_sink(writer), row_count);
    assert_int_equal(writer_row_count(writer), row_count * (TABLE_END - TABLE_META - 1));
    struct reader *reader = seal_and_open(writer, place);
    for (enum table_id id = TABLE_META; id < TABLE_END; id++) {
        struct comparison comparison = {.expected = &expected, .view = reader_view(reader)};
        assert_int_equal(view_scan_all(reader_view(reader), id, compare_batch, &comparison, &err), 0);
        assert_int_equal(comparison.row_next, expected.view.row_count(&expected.view, id));
        assert_int_equal(reader_view(reader)->row_count(reader_view(reader), id), comparison.row_next);
    }
    reader_close(reader);
    dataset_deinit(&expected);
}

static void every_table_reads_back_as_it_was_written(void **state)
{
    check_all_tables(*state, false, 20000);
}

static void the_compressed_variant_reads_back_as_well(void **state)
{
    check_all_tables(*state, true, 20000);
}

static void a_recording_without_rows_has_empty_tables(void **state)
{
    struct writer *writer = create_writer(*state, false);
    struct reader *reader = seal_and_open(writer, *state);
    struct err err;
    for (enum table_id id = TABLE_META; id < TABLE_END; id++) {
        assert_int_equal(reader_view(reader)->row_count(reader_view(reader), id), 0);
        assert_int_equal(view_scan_all(reader_view(reader), id, compare_batch, NULL, &err), 0);
    }
    assert_string_equal(view_text(reader_view(reader), 0), "");
    assert_string_equal(view_text(reader_view(reader), 1), "");
    assert_null(view_meta(reader_view(reader), "command"));
    reader_close(reader);
}

static void texts_of_any_bytes_and_length_keep_one_id(void **state)
{
    struct writer *writer = create_writer(*state, false);
    struct sink *sink = writer_sink(writer);
    struct err err;
    uint64_t empty, binary, longest, again;
    size_t long_length = 8u << 20;
    char *long_text = malloc(long_length + 1);
    assert_non_null(long_text);
    memset(long_text, 'x', long_length + 1);
    assert_int_equal(sink->intern(sink, "", 0, &empty, &err), 0);
    assert_int_equal(sink->intern(sink, "a\0b", 3, &binary, &err), 0);
    assert_int_equal(sink->intern(sink, long_text, long_length, &longest, &err), 0);
    assert_int_equal(sink->intern(sink, long_text, long_length + 1, &again, &err), -ERR_INPUT);
    assert_int_equal(sink->intern(sink, "", 0, &again, &err), 0);
    assert_int_equal(again, empty);
    assert_int_equal(sink->intern(sink, long_text, long_length, &again, &err), 0);
    assert_int_equal(again, longest);
    assert_int_equal(sink_meta(sink, "key", "old", &err), 0);
    assert_int_equal(sink_meta(sink, "key", "new", &err), 0);
    struct reader *reader = seal_and_open(writer, *state);
    const struct view *view = reader_view(reader);
    assert_string_equal(view_text(view, empty), "");
    assert_memory_equal(view_text(view, binary), "a\0b", 4);
    assert_int_equal(strlen(view_text(view, longest)), long_length);
    assert_string_equal(view_text(view, UINT64_MAX), "");
    assert_string_equal(view_meta(view, "key"), "new");
    reader_close(reader);
    free(long_text);
}

static void texts_forgotten_by_a_full_index_are_written_again(void **state)
{
    struct writer *writer = create_writer(*state, false);
    struct sink *sink = writer_sink(writer);
    struct err err;
    uint64_t first, id, again;
    assert_int_equal(sink_intern(sink, "first", &first, &err), 0);
    for (uint64_t i = 0; i < 800000; i++)
        assert_int_equal(sink->intern(sink, (const char *)&i, sizeof i, &id, &err), 0);
    assert_int_equal(sink_intern(sink, "first", &again, &err), 0);
    assert_int_not_equal(again, first);
    struct reader *reader = seal_and_open(writer, *state);
    assert_string_equal(view_text(reader_view(reader), first), "first");
    assert_string_equal(view_text(reader_view(reader), again), "first");
    reader_close(reader);
}

static int count_rows(void *context, const struct batch *batch, struct err *err)
{
    uint64_t *row_count = context;
    (void)err;
    *row_count += batch->row_count;
    return 0;
}

static void a_range_decodes_only_the_blocks_it_meets(void **state)
{
    struct writer *writer = create_writer(*state, false);
    struct err err;
    uint64_t row_count = 0;
    for (uint64_t i = 0; i < 100000; i++)
        append_span(writer_sink(writer), i + 1, 0, 1000000 + i * 100);
    struct reader *reader = seal_and_open(writer, *state);
    struct view_query query = {.table = TABLE_SPAN,
                               .column_mask = 1u << COLUMN(span, start_ns),
                               .range_column = COLUMN(span, start_ns),
                               .low = 1000000 + 50000 * 100,
                               .high = 1000000 + 50001 * 100};
    assert_int_equal(view_scan(reader_view(reader), &query, count_rows, &row_count, &err), 0);
    assert_int_equal(row_count, 8192);
    struct reader_stats stats = reader_stats(reader);
    assert_int_equal(stats.block_count_decoded, 1);
    assert_int_equal(stats.block_count_skipped, 12);
    /* A column that the index says nothing of is skipped by the block's own descriptors. */
    row_count = 0;
    query.range_column = COLUMN(span, id);
    query.low = query.high = 99999;
    assert_int_equal(view_scan(reader_view(reader), &query, count_rows, &row_count, &err), 0);
    assert_int_equal(row_count, 100000 % 8192);
    assert_int_equal(reader_stats(reader).block_count_decoded, 2);
    reader_close(reader);
}

static int check_projection(void *context, const struct batch *batch, struct err *err)
{
    (void)context;
    (void)err;
    assert_null(batch->columns[COLUMN(span, id)]);
    assert_null(batch->columns[COLUMN(span, start_ns)]);
    assert_non_null(batch->columns[COLUMN(span, name)]);
    assert_non_null(batch->columns[COLUMN(span, end_ns)]);
    return 0;
}

static void only_columns_asked_for_and_their_bases_are_decoded(void **state)
{
    struct writer *writer = create_writer(*state, false);
    struct err err;
    for (uint64_t i = 0; i < 8192; i++)
        append_span(writer_sink(writer), i + 1, i % 7, 1000000 + i * i);
    struct reader *reader = seal_and_open(writer, *state);
    struct view_query query = {.table = TABLE_SPAN,
                               .column_mask = 1u << COLUMN(span, name) | 1u << COLUMN(span, end_ns),
                               .range_column = VIEW_NO_RANGE};
    assert_int_equal(view_scan(reader_view(reader), &query, check_projection, NULL, &err), 0);
    assert_int_equal(reader_stats(reader).column_count_decoded, 3);
    reader_close(reader);
}

struct nesting {
    const struct view *view;
    int depth;
    uint64_t batch_count;
};

static int scan_inside(void *context, const struct batch *batch, struct err *err)
{
    struct nesting *nesting = context;
    nesting->batch_count++;
    uint64_t first = batch->columns[0][0], last = batch->columns[0][batch->row_count - 1];
    if (nesting->depth > 0) {
        struct nesting inner = {.view = nesting->view, .depth = nesting->depth - 1};
        int status = view_scan_all(nesting->view, TABLE_SPAN, scan_inside, &inner, err);
        if (status)
            return status;
        nesting->batch_count += inner.batch_count;
    }
    assert_int_equal(batch->columns[0][0], first);
    assert_int_equal(batch->columns[0][batch->row_count - 1], last);
    return 0;
}

static void a_scan_inside_a_scan_leaves_the_outer_batch_alone(void **state)
{
    struct writer *writer = create_writer(*state, false);
    struct err err;
    for (uint64_t i = 0; i < 20000; i++)
        append_span(writer_sink(writer), i + 1, 0, i);
    struct reader *reader = seal_and_open(writer, *state);
    struct nesting nesting = {.view = reader_view(reader), .depth = 2};
    assert_int_equal(view_scan_all(reader_view(reader), TABLE_SPAN, scan_inside, &nesting, &err), 0);
    assert_int_equal(nesting.batch_count, 3 + 3 * 3 + 3 * 3 * 3);
    reader_close(reader);
}

static int stop_at_once(void *context, const struct batch *batch, struct err *err)
{
    (void)context;
    (void)batch;
    return err_set(err, ERR_THRESHOLD, "enough");
}

static void a_callback_stops_the_scan_with_its_own_error(void **state)
{
    struct writer *writer = create_writer(*state, false);
    struct err err;
    append_span(writer_sink(writer), 1, 0, 5);
    struct reader *reader = seal_and_open(writer, *state);
    assert_int_equal(view_scan_all(reader_view(reader), TABLE_SPAN, stop_at_once, NULL, &err),
                     -ERR_THRESHOLD);
    assert_string_equal(err.what, "enough");
    reader_close(reader);
}

static void an_unsealed_file_is_refused_with_a_hint_to_recover(void **state)
{
    const struct place *place = *state;
    struct writer *writer = create_writer(place, false);
    struct reader *reader;
    struct err err;
    append_span(writer_sink(writer), 1, 0, 5);
    assert_int_equal(writer_flush(writer, &err), 0);
    writer_destroy(writer);
    assert_int_equal(reader_open(place->path, &reader, &err), -ERR_INPUT);
    assert_non_null(strstr(err.what, "not sealed"));
    assert_non_null(strstr(err.hint, "toll recover"));
}

static void a_recording_is_private_and_never_replaced_unasked(void **state)
{
    const struct place *place = *state;
    struct writer *writer = create_writer(place, false), *second;
    struct writer_options options = {.path = place->path};
    struct stat about;
    struct err err;
    assert_int_equal(stat(place->path, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);
    assert_int_equal(writer_create(&options, &second, &err), -ERR_ENVIRONMENT);
    assert_non_null(strstr(err.what, "File exists"));
    options.overwrite = true;
    assert_int_equal(writer_create(&options, &second, &err), 0);
    writer_destroy(second);
    writer_destroy(writer);
}

static void the_string_table_and_unknown_tables_take_no_rows(void **state)
{
    struct writer *writer = create_writer(*state, false);
    uint64_t row[TABLE_COLUMN_MAX] = {0};
    struct sink *sink = writer_sink(writer);
    struct err err;
    assert_int_equal(sink->append(sink, TABLE_STRING, row, &err), -ERR_BUG);
    assert_int_equal(sink->append(sink, TABLE_END, row, &err), -ERR_BUG);
    assert_int_equal(sink->append(sink, (enum table_id)0, row, &err), -ERR_BUG);
    assert_int_equal(writer_seal(writer, &err), 0);
    assert_int_equal(sink->append(sink, TABLE_SPAN, row, &err), -ERR_BUG);
    writer_destroy(writer);
}

/* Every strict prefix, and every file with one byte changed, is refused or read, never trusted. */
static void no_damaged_file_is_read_as_if_it_were_whole(void **state)
{
    const struct place *place = *state;
    struct writer *writer = create_writer(place, false);
    struct str whole = {0};
    struct err err;
    for (uint64_t i = 0; i < 300; i++)
        append_span(writer_sink(writer), i + 1, i % 5, 1000 + i * 7);
    reader_close(seal_and_open(writer, place));
    FILE *file = fopen(place->path, "r+b");
    assert_non_null(file);
    int byte;
    while ((byte = fgetc(file)) != EOF)
        str_append_bytes(&whole, &(char){(char)byte}, 1);
    for (size_t at = 0; at < whole.length; at++) {
        uint64_t row_count = 0;
        struct reader *reader;
        char changed = (char)(whole.text[at] ^ 0x10);
        assert_int_equal(pwrite(fileno(file), &changed, 1, (off_t)at), 1);
        int status = reader_open(place->path, &reader, &err);
        if (!status) {
            status = view_scan_all(reader_view(reader), TABLE_SPAN, count_rows, &row_count, &err);
            reader_close(reader);
        }
        /* The padding of a block is the one place that a scan does not look at. */
        assert_true(status == -ERR_INPUT || (row_count == 300 && whole.text[at] == 0));
        assert_int_equal(pwrite(fileno(file), &whole.text[at], 1, (off_t)at), 1);
    }
    for (size_t length = whole.length; length-- > 0;) {
        struct reader *reader;
        assert_int_equal(ftruncate(fileno(file), (off_t)length), 0);
        assert_int_equal(reader_open(place->path, &reader, &err), -ERR_INPUT);
    }
    fclose(file);
    str_free(&whole);
}

#define recording_unit_test(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int recording_test(void);
int recording_test(void)
{
    const struct CMUnitTest tests[] = {
        recording_unit_test(every_table_reads_back_as_it_was_written),
        recording_unit_test(the_compressed_variant_reads_back_as_well),
        recording_unit_test(a_recording_without_rows_has_empty_tables),
        recording_unit_test(texts_of_any_bytes_and_length_keep_one_id),
        recording_unit_test(texts_forgotten_by_a_full_index_are_written_again),
        recording_unit_test(a_range_decodes_only_the_blocks_it_meets),
        recording_unit_test(only_columns_asked_for_and_their_bases_are_decoded),
        recording_unit_test(a_scan_inside_a_scan_leaves_the_outer_batch_alone),
        recording_unit_test(a_callback_stops_the_scan_with_its_own_error),
        recording_unit_test(an_unsealed_file_is_refused_with_a_hint_to_recover),
        recording_unit_test(a_recording_is_private_and_never_replaced_unasked),
        recording_unit_test(the_string_table_and_unknown_tables_take_no_rows),
        recording_unit_test(no_damaged_file_is_read_as_if_it_were_whole),
    };
    return cmocka_run_group_tests_name("recording", tests, NULL, NULL);
}
