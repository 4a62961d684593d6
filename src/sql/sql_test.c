/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/sql.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/num.h"
#include "recording/writer.h"
#include "sql/sql_group.h"
#include "sql/sql_views.h"
#include "sql/sql_vtab.h"

#define SPAN_COUNT  20000u /* three blocks */
#define TRACK_COUNT 30u

struct place {
    char path[64];
    struct sql_source *source;
    sqlite3 *handle; /* of the source's tables, and of copies of them that are SQLite's own */
};

static uint64_t name(struct sink *sink, const char *text)
{
    struct err err;
    uint64_t id = 0;
    assert_int_equal(sink_intern(sink, text, &id, &err), 0);
    return id;
}

/* Each track when it starts and again when it ends. */
static void add_tracks(struct sink *sink, uint64_t end_ns)
{
    struct err err;
    for (uint64_t i = 1; i <= TRACK_COUNT; i++) {
        struct row_track track = {.id = i, .parent = i > 1, .kind = i > 1 ? TRACK_THREAD : TRACK_PROCESS};
        track.name = name(sink, i % 2 ? "odd" : "even");
        track.pid = 100;
        track.tid = 100 + i;
        track.start_ns = 1000 + i;
        track.end_ns = end_ns ? end_ns + i : 0;
        assert_int_equal(sink_append(sink, track, &track, &err), 0);
    }
}

/* Spans as they end: their ids, given when they began, do not grow. Some begin twice over. */
static void add_spans(struct sink *sink)
{
    static const char *const names[] = {"parse", "load", "", "ask \"it\", twice", "caf\xc3\xa9"};
    struct err err;
    for (uint64_t i = 0; i < SPAN_COUNT; i++) {
        struct row_span span = {.id = (i ^ 1) + 1, .track = 1 + i * 7 % TRACK_COUNT, .category = 1 + i % 11};
        span.name = name(sink, names[i % 5]);
        span.parent = i % 3 ? span.id / 2 : 0;
        span.start_ns = 5000 + i * 10;
        span.end_ns = i % 100 == 17 ? 0 : span.start_ns + i * i % 977;
        span.status = i % 50 == 0;
        assert_int_equal(sink_append(sink, span, &span, &err), 0);
        if (i % 1000 == 999) {
            span.end_ns += 5;
            span.name = name(sink, "again");
            assert_int_equal(sink_append(sink, span, &span, &err), 0);
        }
    }
}

static void add_rest(struct sink *sink)
{
    struct err err;
    for (uint64_t i = 0; i < 500; i++) {
        struct row_wait wait = {
            .track = 1 + i % TRACK_COUNT, .start_ns = 6000 + i * 20, .count = 1, .reason = i * 3 % 22};
        wait.end_ns = wait.start_ns + 15;
        wait.blocked_ns = 10;
        wait.runnable_ns = 5;
        wait.peer = 1;
        wait.stack = 1 + i % 2;
        wait.waker_source = i % 4;
        assert_int_equal(sink_append(sink, wait, &wait, &err), 0);
        struct row_point point = {.series = 1, .time_ns = 6000 + i, .value = num_bits((double)i / 7)};
        assert_int_equal(sink_append(sink, point, &point, &err), 0);
    }
    struct row_peer peer = {
        .id = 1, .kind = PEER_SOCKET, .name = name(sink, "db"), .address = name(sink, "127.0.0.1:5432")};
    struct row_frame frame = {.id = 1, .function = name(sink, "main"), .line = 7, .address = UINT64_MAX - 15};
    struct row_stack root = {.id = 1, .frame = 1}, leaf = {.id = 2, .parent = 1, .frame = 1};
    struct row_series series = {.id = 1, .name = name(sink, "cpu"), .unit = name(sink, "cores")};
    assert_int_equal(sink_append(sink, peer, &peer, &err), 0);
    assert_int_equal(sink_append(sink, frame, &frame, &err), 0);
    assert_int_equal(sink_append(sink, stack, &root, &err), 0);
    assert_int_equal(sink_append(sink, stack, &leaf, &err), 0);
    assert_int_equal(sink_append(sink, series, &series, &err), 0);
}

static int make_recording(void **state)
{
    static struct place place;
    struct writer *writer;
    struct err err = {.code = ERR_NONE};
    snprintf(place.path, sizeof place.path, "/tmp/toll-sql-%d.toll", (int)getpid());
    struct writer_options options = {.path = place.path, .overwrite = true};
    assert_int_equal(writer_create(&options, &writer, &err), 0);
    add_tracks(writer_sink(writer), 0);
    add_spans(writer_sink(writer));
    add_rest(writer_sink(writer));
    add_tracks(writer_sink(writer), 900000);
    assert_int_equal(writer_seal(writer, &err), 0);
    writer_destroy(writer);
    assert_int_equal(sql_source_open(place.path, &place.source, &err), 0);
    assert_int_equal(sqlite3_open(":memory:", &place.handle), SQLITE_OK);
    assert_int_equal(sql_vtab_register(place.handle, place.source, &err), 0);
    *state = &place;
    return sqlite3_exec(
        place.handle,
        "CREATE TABLE span_copy AS SELECT * FROM span; CREATE TABLE track_copy AS SELECT * FROM track;"
        "CREATE TABLE wait_copy AS SELECT * FROM wait",
        NULL, NULL, NULL);
}

static int remove_recording(void **state)
{
    struct place *place = *state;
    sqlite3_close(place->handle);
    sql_source_close(place->source);
    return unlink(place->path);
}

/* All rows of an answer as one text. */
static void answer(sqlite3 *handle, const char *query, struct str *ret_text)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(handle, query, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", query, sqlite3_errmsg(handle));
    int step;
    while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(statement); i++)
            str_printf(ret_text, "%d:%s|", sqlite3_column_type(statement, i),
                       sqlite3_column_text(statement, i));
        str_append(ret_text, "\n");
    }
    if (step != SQLITE_DONE)
        fail_msg("%s: %s", query, sqlite3_errmsg(handle));
    sqlite3_finalize(statement);
}

/* {t} is the table's name in the query; the same of its copy must give the same rows. */
static void same_as_copy(struct place *place, const char *table, const char *query)
{
    struct str texts[2] = {{0}, {0}};
    for (int copy = 0; copy < 2; copy++) {
        struct str filled = {0};
        const char *at = query;
        for (const char *mark; (mark = strstr(at, "{t}")); at = mark + 3) {
            str_append_bytes(&filled, at, (size_t)(mark - at));
            str_printf(&filled, "%s%s", table, copy ? "_copy" : "");
        }
        str_append(&filled, at);
        answer(place->handle, str_text(&filled), &texts[copy]);
        str_free(&filled);
    }
    if (strcmp(str_text(&texts[0]), str_text(&texts[1])) != 0)
        fail_msg("%s:\n%.1500s\nof the copy:\n%.1500s", query, str_text(&texts[0]), str_text(&texts[1]));
    str_free(&texts[0]);
    str_free(&texts[1]);
}

static void conditions_give_what_sqlite_gives(void **state)
{
    static const char *const conditions[] = {
        "1",
        "name = 'parse'",
        "name = ''",
        "name = 'nothing'",
        "name = 5",
        "name IS NULL",
        "name = NULL",
        "name LIKE 'p%'",
        "name COLLATE NOCASE = 'PARSE'",
        "name IN ('parse', 'load', 'x')",
        "name IN ('parse', NULL)",
        "name > 'load'",
        "category = 'task'",
        "category = 'unknown'",
        "category IN ('llm', 'exec', 'unknown')",
        "category != 'llm'",
        "start_ns > 100000",
        "start_ns >= 100000 AND start_ns < 100500",
        "start_ns BETWEEN 90000.5 AND 90100.5",
        "start_ns > 1e300",
        "start_ns < -1",
        "start_ns = '100000'",
        "start_ns = 100000.0",
        "start_ns = 100000.5",
        "end_ns = 0",
        "id = 17",
        "id = -1",
        "id = 0",
        "id IN (1, 5, 1000, 1000000)",
        "id > 19990",
        "id = 999 AND name = 'again'",
        "track = 7 AND name = 'load' AND start_ns > 50000",
        "status = 1 OR name = 'parse'",
        "track IN (SELECT 3 UNION SELECT 4)",
        "parent = 9223372036854775807",
        "parent > 9223372036854775806",
        "parent < -9223372036854775807",
        "id < NULL",
    };
    for (size_t i = 0; i < sizeof conditions / sizeof conditions[0]; i++) {
        struct str query = {0};
        str_printf(&query, "SELECT * FROM {t} WHERE %s ORDER BY id, name LIMIT 300", conditions[i]);
        same_as_copy(*state, "span", str_text(&query));
        str_clear(&query);
        str_printf(&query, "SELECT count(*), sum(start_ns), count(DISTINCT name) FROM {t} WHERE %s",
                   conditions[i]);
        same_as_copy(*state, "span", str_text(&query));
        str_free(&query);
    }
}

static void groups_are_those_of_sqlite(void **state)
{
    static const char *const queries[] = {
        "SELECT name, count(*), sum(end_ns - start_ns), max(start_ns) FROM {t} GROUP BY name ORDER BY name",
        "SELECT category, count(*), min(id) FROM {t} GROUP BY category ORDER BY 1",
        "SELECT track, name, count(*), sum(status) FROM {t} GROUP BY track, name ORDER BY 1, 2",
        "SELECT name, category, track, count(*) FROM {t} WHERE start_ns > 60000 GROUP BY 1, 2, 3 ORDER BY 1, "
        "2, 3",
        "SELECT name, track, count(*) FROM {t} GROUP BY name, track ORDER BY name DESC, track",
        "SELECT category, count(*) FROM {t} GROUP BY category ORDER BY category DESC",
        "SELECT DISTINCT name FROM {t} ORDER BY name",
        "SELECT DISTINCT track, category FROM {t} ORDER BY track DESC, category",
        "SELECT count(*) FROM (SELECT DISTINCT name, track FROM {t})",
        "SELECT name, count(*) FROM {t} WHERE name = 'load' GROUP BY name",
        "SELECT status, avg(end_ns) FROM {t} WHERE 0 GROUP BY status",
        "SELECT name, count(*) AS n FROM {t} GROUP BY name HAVING n > 1000 ORDER BY n DESC, name",
        "SELECT start_ns / 1000 AS second, count(*) FROM {t} GROUP BY second ORDER BY 1 LIMIT 50",
        "SELECT name, row_number() OVER (PARTITION BY name ORDER BY id) AS r, id FROM {t} ORDER BY id LIMIT "
        "40",
        "SELECT end_ns, count(*) FROM {t} GROUP BY end_ns ORDER BY 2 DESC, 1 LIMIT 20",
    };
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++)
        same_as_copy(*state, "span", queries[i]);
    same_as_copy(
        *state, "wait",
        "SELECT reason, waker_source, count(*), sum(blocked_ns) FROM {t} GROUP BY 1, 2 ORDER BY 1, 2");
}

static void joins_find_rows_by_id(void **state)
{
    same_as_copy(*state, "track",
                 "SELECT s.name, t.name, t.tid, count(*) FROM span_copy s JOIN {t} t ON t.id = s.track GROUP "
                 "BY 1, 2, 3 ORDER BY 1, 2, 3");
    same_as_copy(
        *state, "track",
        "SELECT w.start_ns, t.end_ns FROM wait_copy w LEFT JOIN {t} t ON t.id = w.track + 25 ORDER BY 1");
    same_as_copy(*state, "span",
                 "SELECT a.id, b.name FROM {t} a JOIN {t} b ON b.id = a.parent WHERE a.start_ns > 204000 "
                 "ORDER BY a.id");
}

/* The plan for a GROUP BY of names has no step that sorts. */
static void a_group_by_name_is_not_sorted(void **state)
{
    struct place *place = *state;
    struct str text = {0};
    answer(place->handle, "EXPLAIN QUERY PLAN SELECT name, count(*) FROM span GROUP BY name", &text);
    assert_null(strstr(str_text(&text), "TEMP B-TREE"));
    str_clear(&text);
    answer(place->handle, "EXPLAIN QUERY PLAN SELECT end_ns, count(*) FROM span GROUP BY end_ns", &text);
    assert_non_null(strstr(str_text(&text), "TEMP B-TREE"));
    str_free(&text);
}

static void a_narrow_time_range_decodes_few_blocks(void **state)
{
    struct place *place = *state;
    struct str text = {0};
    struct reader_stats before = reader_stats(place->source->reader);
    answer(place->handle, "SELECT count(*) FROM span WHERE start_ns BETWEEN 6000 AND 7000", &text);
    struct reader_stats after = reader_stats(place->source->reader);
    assert_string_equal(str_text(&text), "1:101|\n");
    assert_int_equal(after.block_count_decoded - before.block_count_decoded, 1);
    str_free(&text);
}

static void only_the_last_row_of_a_track_is_there(void **state)
{
    struct place *place = *state;
    struct str text = {0};
    answer(place->handle, "SELECT count(*), min(end_ns) FROM track", &text);
    answer(place->handle, "SELECT name, end_ns FROM span WHERE id = 1000 - 1", &text);
    assert_string_equal(str_text(&text), "1:30|1:900001|\n3:again|1:15479|\n");
    str_free(&text);
}

/* Sets `ret_text` to what the query prints. */
static int print(const struct place *place, const char *query, enum sql_format format, struct str *ret_text,
                 struct err *err)
{
    struct sql *sql = NULL;
    char *bytes = NULL;
    size_t length = 0;
    struct sql_output output = {.out = open_memstream(&bytes, &length), .format = format, .file = "a.toll"};
    assert_non_null(output.out);
    assert_int_equal(sql_open(place->path, &sql, err), 0);
    int status = sql_run(sql, query, &output, err);
    fclose(output.out);
    str_append(ret_text, bytes);
    free(bytes);
    sql_close(sql);
    return status;
}

static void an_answer_is_a_table_csv_or_json(void **state)
{
    const char *query = "SELECT name, count(*) AS n, NULL AS x, 0.5 AS half FROM span WHERE name IN ('ask "
                        "\"it\", twice', 'load') "
                        "AND id < 200 GROUP BY name";
    struct err err;
    struct str text = {0};
    assert_int_equal(print(*state, query, SQL_TABLE, &text, &err), 0);
    assert_string_equal(str_text(&text), "name              n  x  half\n"
                                         "ask \"it\", twice  39      0.5\n"
                                         "load             40      0.5\n");
    str_clear(&text);
    assert_int_equal(print(*state, query, SQL_CSV, &text, &err), 0);
    assert_string_equal(str_text(&text), "name,n,x,half\n\"ask \"\"it\"\", twice\",39,,0.5\nload,40,,0.5\n");
    str_clear(&text);
    assert_int_equal(print(*state, query, SQL_JSON, &text, &err), 0);
    assert_non_null(strstr(str_text(&text),
                           "\"rows\": [\n    [\"ask \\\"it\\\", twice\", 39, null, 0.5],\n    "
                           "[\"load\", 40, null, 0.5]\n  ],\n  \"row_count\": 2\n}\n"));
    str_free(&text);
}

static void what_is_no_question_is_refused(void **state)
{
    static const struct {
        const char *query, *what, *hint;
    } wrongs[] = {
        {"SELECT * FROM spam", "no such table: spam", "did you mean 'span'?"},
        {"SELECT s.nmae FROM span s", "no such column: s.nmae", "did you mean 'name'?"},
        {"SELECT * FORM span", "near \"FORM\": syntax error, at character 10", "SQLite"},
        {"DELETE FROM span", "may not be modified", "only read"},
        {"ATTACH 'x.db' AS x", "not authorized", "only read"},
        {"PRAGMA temp_store = 2", "not authorized", "only read"},
        {"CREATE TABLE x(y)", "not authorized", "only read"},
        {"SELECT load_extension('x')", "not authorized", "only read"},
        {"SELECT 1; SELECT 2", "there is more behind its end", "one SELECT"},
        {" ; ", "empty", "one SELECT"},
    };
    for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
        struct err err = {.code = ERR_NONE};
        struct str text = {0};
        assert_int_equal(print(*state, wrongs[i].query, SQL_TABLE, &text, &err), -ERR_USAGE);
        if (!strstr(err.what, wrongs[i].what) || !strstr(err.hint, wrongs[i].hint))
            fail_msg("%s: %s, hint: %s", wrongs[i].query, err.what, err.hint);
        assert_string_equal(str_text(&text), "");
        str_free(&text);
    }
}

/* Views have the columns that are described, in their order. */
static void views_are_described(void **state)
{
    struct place *place = *state;
    for (size_t view = 0; view < sql_view_count; view++) {
        sqlite3_stmt *statement = NULL;
        assert_int_equal(sqlite3_prepare_v2(place->handle, sql_views[view].select, -1, &statement, NULL),
                         SQLITE_OK);
        assert_int_equal(sqlite3_column_count(statement), (int)sql_views[view].column_count);
        for (size_t i = 0; i < sql_views[view].column_count; i++)
            assert_string_equal(sqlite3_column_name(statement, (int)i), sql_views[view].columns[i].name);
        sqlite3_finalize(statement);
    }
}

static void views_put_names_beside_ids(void **state)
{
    struct err err;
    struct str text = {0};
    assert_int_equal(
        print(*state,
              "SELECT track_name, tid, reason, peer_address, function, line, waker_source FROM waits_named "
              "ORDER BY start_ns LIMIT 2",
              SQL_CSV, &text, &err),
        0);
    assert_non_null(
        strstr(str_text(&text), "odd,101,unknown,127.0.0.1:5432,main,7,none\neven,102,disk_write,"));
    str_clear(&text);
    assert_int_equal(print(*state, "SELECT name, unit, printf('%.3f', sum(value)) FROM points_named", SQL_CSV,
                           &text, &err),
                     0);
    assert_non_null(strstr(str_text(&text), "cpu,cores,17821.429\n"));
    str_clear(&text);
    assert_int_equal(print(*state, "SELECT printf('%x', address) AS a FROM frame", SQL_CSV, &text, &err), 0);
    assert_string_equal(str_text(&text), "a\nfffffffffffffff0\n");
    str_free(&text);
}

static void every_column_is_described(void **state)
{
    struct place *place = *state;
    struct sql *sql = NULL;
    struct err err;
    struct str text = {0};
    assert_int_equal(sql_open(place->path, &sql, &err), 0);
    assert_int_equal(sql_schema(sql, NULL, false, &text, &err), 0);
    assert_non_null(strstr(str_text(&text), "  span                 20,020 rows  named work on a track\n"));
    str_clear(&text);
    assert_int_equal(sql_schema(NULL, "wait", false, &text, &err), 0);
    assert_non_null(strstr(str_text(&text), "  blocked_ns         ns\n"));
    assert_non_null(strstr(str_text(&text), "  peer               id of a peer, 0: none\n"));
    assert_non_null(strstr(str_text(&text), "  waker_source       none, exact, inferred, interrupt\n"));
    assert_int_equal(sql_schema(NULL, "wiat", false, &text, &err), -ERR_USAGE);
    assert_string_equal(err.hint, "did you mean 'wait'?");
    str_free(&text);
    sql_close(sql);
}

int sql_test(void);

int sql_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_give_what_sqlite_gives),
        cmocka_unit_test(groups_are_those_of_sqlite),
        cmocka_unit_test(joins_find_rows_by_id),
        cmocka_unit_test(a_group_by_name_is_not_sorted),
        cmocka_unit_test(a_narrow_time_range_decodes_few_blocks),
        cmocka_unit_test(only_the_last_row_of_a_track_is_there),
        cmocka_unit_test(an_answer_is_a_table_csv_or_json),
        cmocka_unit_test(what_is_no_question_is_refused),
        cmocka_unit_test(views_are_described),
        cmocka_unit_test(views_put_names_beside_ids),
        cmocka_unit_test(every_column_is_described),
    };
    return cmocka_run_group_tests_name("sql", tests, make_recording, remove_recording);
}
