/* SPDX-License-Identifier: Apache-2.0 */
#include "store/history.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/fs.h"
#include "stats/random.h"
#include "store/fingerprint.h"

#define WRITERS          4
#define RESULTS_A_WRITER 250
#define KILLS            12

static char folder[] = "/tmp/toll-history-XXXXXX", path[80];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/toll-history-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/data/toll/history.db", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "chmod -R u+w %s && rm -r %s", folder, folder);
    return system(command); /* NOLINT(cert-env33-c): its own folder */
}

static struct history_result result_at(int64_t at_ns, double value)
{
    return (struct history_result){.at_ns = at_ns,
                                   .kind = "bench",
                                   .name = "make -j2",
                                   .metric = "wall_ns",
                                   .value = value,
                                   .value_low = value - 1,
                                   .value_high = value + 1,
                                   .count = 10,
                                   .predicted = NAN,
                                   .predicted_low = NAN,
                                   .predicted_high = NAN,
                                   .machine = "CPU, 2 CPUs"};
}

static struct history *opened(void)
{
    struct history *history = NULL;
    struct err err = {0};
    if (history_open(&history, path, &err))
        fail_msg("%s", err.what);
    return history;
}

static void added(struct history *history, const struct history_result *results, size_t count)
{
    struct err err = {0};
    if (history_add(history, results, count, &err))
        fail_msg("%s", err.what);
}

struct seen {
    size_t count;
    int64_t at_ns[16];
    double values[16];
    char last[256]; /* its texts */
    struct history_result result;
};

static int see(const struct history_result *result, void *data)
{
    struct seen *seen = data;
    if (seen->count < 16) {
        seen->at_ns[seen->count] = result->at_ns;
        seen->values[seen->count] = result->value;
    }
    seen->count++;
    seen->result = *result;
    snprintf(seen->last, sizeof seen->last, "%s|%s|%s|%s|%s|%s|%s|%s", result->kind, result->name,
             result->metric, result->unit ? result->unit : "-", result->verdict ? result->verdict : "-",
             result->machine ? result->machine : "-", result->revision ? result->revision : "-",
             result->tags ? result->tags : "-");
    return 0;
}

static struct seen seen_by(struct history *history, struct history_filter filter)
{
    struct seen seen = {0};
    struct err err = {0};
    if (history_each(history, &filter, see, &seen, &err))
        fail_msg("%s", err.what);
    return seen;
}

static void a_result_comes_back_as_it_was_added(void **state)
{
    (void)state;
    struct history *history = opened();
    struct history_result result = result_at(1700000000123456789, 4.25);
    result.kind = "verify";
    result.unit = "rows";
    result.better = HISTORY_MORE;
    result.verdict = "faster";
    result.predicted = 0.5;
    result.predicted_low = 0.4;
    result.revision = "0123456789abcdef0123456789abcdef01234567";
    result.tags = "ci,nightly";
    added(history, &result, 1);
    history_close(history);
    history = opened();
    struct seen seen = seen_by(history, (struct history_filter){0});
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.last, "verify|make -j2|wall_ns|rows|faster|CPU, 2 CPUs|"
                                   "0123456789abcdef0123456789abcdef01234567|ci,nightly");
    assert_true(seen.result.at_ns == 1700000000123456789 && seen.result.count == 10);
    assert_true(fabs(seen.result.value - 4.25) + fabs(seen.result.value_low - 3.25) +
                    fabs(seen.result.value_high - 5.25) <
                1e-12);
    assert_true(fabs(seen.result.predicted - 0.5) + fabs(seen.result.predicted_low - 0.4) < 1e-12);
    assert_true(isnan(seen.result.predicted_high));
    assert_int_equal(seen.result.better, HISTORY_MORE);
    history_close(history);
}

static void the_file_is_its_owners_alone(void **state)
{
    (void)state;
    struct history *history = opened();
    struct history_result result = result_at(1, 1);
    struct stat about;
    char log[96];
    added(history, &result, 1);
    snprintf(log, sizeof log, "%s-wal", path);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    assert_int_equal(stat(log, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    history_close(history);
    assert_int_equal(stat(log, &about), -1); /* one file is left */
}

static void results_come_oldest_first_and_as_filtered(void **state)
{
    (void)state;
    struct history *history = opened();
    struct history_result results[6];
    for (int i = 0; i < 6; i++)
        results[i] = result_at(100 - 10 * i, i);
    results[1].metric = "cpu_ns";
    results[2].name = "ninja";
    results[3].tags = "nightly,ci";
    results[4].revision = "abcdef0123456789abcdef0123456789abcdef01";
    results[5].kind = "run";
    results[5].machine = "another CPU, 8 CPUs";
    added(history, results, 6);
    struct seen all = seen_by(history, (struct history_filter){0});
    assert_int_equal(all.count, 6);
    for (int i = 0; i < 6; i++)
        assert_int_equal(all.at_ns[i], 50 + 10 * i);
    assert_int_equal(seen_by(history, (struct history_filter){.name = "make -j2"}).count, 5);
    assert_int_equal(seen_by(history, (struct history_filter){.name = "make"}).count, 0);
    assert_int_equal(seen_by(history, (struct history_filter){.part = "inj"}).count, 1);
    assert_int_equal(seen_by(history, (struct history_filter){.metric = "cpu_ns"}).count, 1);
    assert_int_equal(seen_by(history, (struct history_filter){.kind = "run"}).count, 1);
    assert_int_equal(seen_by(history, (struct history_filter){.machine = "8 CPUs"}).count, 1);
    assert_int_equal(seen_by(history, (struct history_filter){.revision = "abcdef"}).count, 1);
    assert_int_equal(seen_by(history, (struct history_filter){.tag = "ci"}).count, 1);
    assert_int_equal(seen_by(history, (struct history_filter){.tag = "night"}).count, 0);
    assert_int_equal(seen_by(history, (struct history_filter){.since_ns = 60, .before_ns = 90}).count, 3);
    struct seen newest = seen_by(history, (struct history_filter){.newest = 2, .since_ns = 55});
    assert_int_equal(newest.count, 2);
    assert_true(newest.at_ns[0] == 90 && newest.at_ns[1] == 100);
    history_close(history);
}

static int count_series(const struct history_series *series, void *data)
{
    size_t *counts = data;
    counts[0]++;
    counts[1] += series->count;
    if (counts[0] == 1)
        counts[2] = (size_t)series->last_at_ns;
    return 0;
}

static void series_are_told_apart_by_name_metric_and_kind(void **state)
{
    (void)state;
    struct history *history = opened();
    struct history_result results[5];
    struct err err = {0};
    size_t counts[3] = {0};
    for (int i = 0; i < 5; i++)
        results[i] = result_at(i + 1, i);
    results[1].metric = "cpu_ns";
    results[2].kind = "gate";
    results[3].name = "other";
    added(history, results, 5);
    assert_int_equal(history_series_each(history, &(struct history_filter){0}, count_series, counts, &err),
                     0);
    assert_true(counts[0] == 4 && counts[1] == 5 && counts[2] == 5);
    memset(counts, 0, sizeof counts);
    assert_int_equal(history_series_each(history, &(struct history_filter){.machine = "CPU", .kind = "gate"},
                                         count_series, counts, &err),
                     0);
    assert_true(counts[0] == 1 && counts[1] == 1);
    history_close(history);
}

static void all_of_a_transaction_is_added_or_none(void **state)
{
    (void)state;
    struct history *history = opened();
    struct history_result results[3] = {result_at(1, 1), result_at(2, 2), result_at(3, NAN)};
    struct err err = {0};
    results[1].name = "first seen in what is rolled back";
    assert_int_equal(history_add(history, results, 3, &err), -ERR_INPUT);
    assert_non_null(strstr(err.what, "no finite number"));
    assert_int_equal(seen_by(history, (struct history_filter){0}).count, 0);
    results[2].value = 3;
    added(history, results, 3);
    assert_int_equal(seen_by(history, (struct history_filter){0}).count, 3);
    assert_int_equal(seen_by(history, (struct history_filter){.part = "rolled back"}).count, 1);
    results[0].name = "";
    assert_int_equal(history_add(history, results, 1, &err), -ERR_INPUT);
    history_close(history);
}

static void a_name_without_end_is_cut_between_characters(void **state)
{
    (void)state;
    struct history *history = opened();
    struct history_result result = result_at(1, 1);
    size_t size = (size_t)HISTORY_TEXT_MAX + 4;
    char *name = malloc(size);
    assert_non_null(name);
    memset(name, 'a', size);
    memcpy(name + HISTORY_TEXT_MAX - 1, "\xe2\x82\xac", 4); /* a euro across the limit */
    result.name = name;
    added(history, &result, 1);
    added(history, &result, 1);
    name[HISTORY_TEXT_MAX - 1] = '\0';
    assert_int_equal(seen_by(history, (struct history_filter){.name = name}).count, 2);
    free(name);
    history_close(history);
}

/* Adds its results one by one; the exit status tells how it went. */
static void write_many(int writer, bool is_first)
{
    struct history *history;
    struct err err;
    if (is_first)
        usleep(1000);
    if (history_open(&history, path, &err))
        _exit(1);
    for (int i = 0; i < RESULTS_A_WRITER; i++) {
        struct history_result result = result_at(i, i);
        char name[32];
        snprintf(name, sizeof name, "writer %d", writer);
        result.name = name;
        if (history_add(history, &result, 1, &err))
            _exit(2);
    }
    history_close(history);
    _exit(0);
}

static void several_processes_make_the_file_and_write_at_once(void **state)
{
    (void)state;
    pid_t writers[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = fork();
        assert_true(writers[i] >= 0);
        if (!writers[i])
            write_many(i, i == 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        int status = -1;
        assert_true(waitpid(writers[i], &status, 0) == writers[i]);
        assert_int_equal(status, 0);
    }
    struct history *history = opened();
    for (int i = 0; i < WRITERS; i++) {
        char name[32];
        snprintf(name, sizeof name, "writer %d", i);
        assert_int_equal(seen_by(history, (struct history_filter){.name = name}).count, RESULTS_A_WRITER);
    }
    history_close(history);
}

/* Tells through the pipe what was added, until it is killed. */
static void write_until_killed(int out, int64_t from)
{
    struct history *history;
    struct err err;
    if (history_open(&history, path, &err))
        _exit(1);
    for (int64_t i = from;; i++) {
        struct history_result result = result_at(i, (double)i);
        if (history_add(history, &result, 1, &err) || write(out, &i, sizeof i) != sizeof i)
            _exit(2);
    }
}

static bool is_sound(void)
{
    sqlite3 *database;
    sqlite3_stmt *statement;
    bool is_ok = sqlite3_open(path, &database) == SQLITE_OK &&
                 sqlite3_prepare_v2(database, "PRAGMA integrity_check", -1, &statement, NULL) == SQLITE_OK;
    if (is_ok) {
        is_ok = sqlite3_step(statement) == SQLITE_ROW &&
                strcmp((const char *)sqlite3_column_text(statement, 0), "ok") == 0;
        sqlite3_finalize(statement);
    }
    sqlite3_close(database);
    return is_ok;
}

static void a_killed_writer_loses_at_most_its_last_result(void **state)
{
    (void)state;
    struct random random;
    int64_t next = 0;
    random_seed(&random, 7);
    for (int kill_count = 0; kill_count < KILLS; kill_count++) {
        int ends[2];
        int64_t told = next - 1, word;
        assert_int_equal(pipe(ends), 0);
        pid_t writer = fork();
        assert_true(writer >= 0);
        if (!writer)
            write_until_killed(ends[1], next);
        close(ends[1]);
        for (uint64_t wanted = 1 + random_below(&random, 40); wanted; wanted--)
            if (read(ends[0], &word, sizeof word) == sizeof word)
                told = word;
        usleep((useconds_t)random_below(&random, 2000));
        kill(writer, SIGKILL);
        while (read(ends[0], &word, sizeof word) == sizeof word)
            told = word;
        close(ends[0]);
        waitpid(writer, NULL, 0);
        struct history *history = opened();
        size_t count = seen_by(history, (struct history_filter){0}).count;
        history_close(history);
        assert_true(told >= next);
        assert_in_range(count, (size_t)told + 1, (size_t)told + 2);
        assert_true(is_sound());
        next = (int64_t)count;
    }
}

static void overwrite(const char *bytes, size_t length)
{
    struct err err = {0};
    if (fs_replace(path, bytes, length, 0600, &err))
        fail_msg("%s", err.what);
}

static void a_damaged_file_is_told_and_left_alone(void **state)
{
    (void)state;
    struct history *history = opened();
    struct err err = {0};
    struct stat before, after;
    char noise[8192];
    history_close(history);
    memset(noise, 'x', sizeof noise);
    overwrite(noise, sizeof noise);
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(history_open(&history, path, &err), -ERR_INPUT);
    assert_non_null(strstr(err.what, "damaged or no history"));
    assert_non_null(strstr(err.hint, ".damaged"));
    assert_int_equal(history_open_to_read(&history, path, &err), -ERR_INPUT);
    assert_int_equal(stat(path, &after), 0);
    assert_true(before.st_size == after.st_size && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
}

static void a_damaged_page_is_told_when_it_is_read(void **state)
{
    (void)state;
    struct history *history = opened();
    struct err err = {0};
    struct str bytes = {0};
    struct seen seen = {0};
    for (int i = 0; i < 2000; i++) {
        struct history_result result = result_at(i, i);
        added(history, &result, 1);
    }
    history_close(history);
    assert_int_equal(fs_read(path, 10 << 20, &bytes, &err), 0);
    assert_true(bytes.length > 65536);
    memset(bytes.text + 16384, 0x5a, bytes.length - 16384);
    overwrite(bytes.text, bytes.length);
    str_free(&bytes);
    history = opened();
    assert_int_equal(history_each(history, &(struct history_filter){0}, see, &seen, &err), -ERR_INPUT);
    assert_non_null(strstr(err.what, "damaged"));
    history_close(history);
}

static void run_sql(const char *sql)
{
    sqlite3 *database;
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
}

static void the_file_of_a_newer_toll_or_of_another_program_is_refused(void **state)
{
    (void)state;
    struct history *history = opened();
    struct err err = {0};
    history_close(history);
    run_sql("PRAGMA user_version = 1000");
    assert_int_equal(history_open(&history, path, &err), -ERR_INPUT);
    assert_non_null(strstr(err.what, "version 1000"));
    assert_int_equal(history_open_to_read(&history, path, &err), -ERR_INPUT);
    assert_int_equal(unlink(path), 0);
    run_sql("CREATE TABLE mail (id)");
    assert_int_equal(history_open(&history, path, &err), -ERR_INPUT);
    assert_non_null(strstr(err.what, "another program"));
}

static int journal_mode(void *mode, int count, char **values, char **names)
{
    (void)count;
    (void)names;
    snprintf((char *)mode, 32, "%s", values[0]);
    return 0;
}

static void another_programs_file_stays_as_it_is(void **state)
{
    (void)state;
    struct history *history = NULL;
    struct err err = {0};
    sqlite3 *database;
    char mode[32] = "";
    history_close(opened());
    assert_int_equal(unlink(path), 0);
    run_sql("PRAGMA journal_mode = DELETE; CREATE TABLE mail (id)");
    assert_int_equal(history_open(&history, path, &err), -ERR_INPUT);
    assert_int_equal(history_open_to_read(&history, path, &err), -ERR_INPUT);
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, "PRAGMA journal_mode", journal_mode, mode, NULL), SQLITE_OK);
    sqlite3_close(database);
    assert_string_equal(mode, "delete");
}

static void a_version_below_none_is_refused(void **state)
{
    (void)state;
    struct history *history = opened();
    struct err err = {0};
    history_close(history);
    run_sql("PRAGMA user_version = -5");
    assert_int_equal(history_open(&history, path, &err), -ERR_INPUT);
    assert_int_equal(history_open_to_read(&history, path, &err), -ERR_INPUT);
}

static void what_is_no_ordinary_file_is_refused_at_once(void **state)
{
    (void)state;
    struct history *history = NULL;
    struct err err = {0};
    history_close(opened());
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    const char *const paths[] = {path, "/dev/full", "/dev/null", "/", ""};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_int_equal(history_open(&history, paths[i], &err), -ERR_ENVIRONMENT);
        assert_non_null(strstr(err.what, "no ordinary file"));
        if (*paths[i])
            assert_int_equal(history_open_to_read(&history, paths[i], &err), -ERR_ENVIRONMENT);
    }
}

/* As one who may not write there: 0, or the step that went wrong. */
static int read_only_steps(void)
{
    struct history *history = NULL;
    struct err err = {0};
    struct seen seen = {0};
    if (history_open(&history, path, &err) != -ERR_ENVIRONMENT || !strstr(err.hint, "--store"))
        return 1;
    if (history_open_to_read(&history, path, &err) || !history)
        return 2;
    if (history_each(history, &(struct history_filter){0}, see, &seen, &err) || seen.count != 1)
        return 3;
    history_close(history);
    return 0;
}

static void what_cannot_be_written_can_be_read(void **state)
{
    (void)state;
    struct history *history = opened();
    struct history_result result = result_at(1, 1);
    char command[256];
    int status = -1;
    added(history, &result, 1);
    history_close(history);
    snprintf(command, sizeof command, "chmod 0400 %s && chmod 0500 %s/data/toll", path, folder);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): its own folder */
    /* Root may write everywhere, so it becomes somebody else. */
    if (geteuid() == 0) {
        snprintf(command, sizeof command, "chown -R 65534 %s", folder);
        assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): its own folder */
    }
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child)
        _exit(geteuid() == 0 && setuid(65534) ? 9 : read_only_steps());
    assert_true(waitpid(child, &status, 0) == child);
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void without_a_file_there_is_nothing_to_read_and_none_is_made(void **state)
{
    (void)state;
    struct history *history = NULL;
    struct err err = {0};
    assert_int_equal(history_open_to_read(&history, path, &err), 0);
    assert_null(history);
    assert_int_equal(access(path, F_OK), -1);
}

static void removed_results_are_gone_and_give_their_room_back(void **state)
{
    (void)state;
    struct history *history = opened();
    struct history_result results[2000];
    struct err err = {0};
    struct stat before, after;
    uint64_t count = 0;
    char tag[32];
    for (int i = 0; i < 2000; i++)
        results[i] = result_at(i + 1, i);
    results[5].tags = tag;
    snprintf(tag, sizeof tag, "once");
    added(history, results, 2000);
    history_close(history);
    assert_int_equal(stat(path, &before), 0);
    history = opened();
    assert_int_equal(history_remove(history, &(struct history_filter){0}, &count, &err), -ERR_USAGE);
    assert_int_equal(history_remove(history, &(struct history_filter){.before_ns = 1901}, &count, &err), 0);
    assert_int_equal(count, 1900);
    assert_int_equal(seen_by(history, (struct history_filter){0}).count, 100);
    /* Names that are gone are made anew. */
    added(history, &results[5], 1);
    assert_int_equal(seen_by(history, (struct history_filter){.tag = "once"}).count, 1);
    history_close(history);
    assert_int_equal(stat(path, &after), 0);
    assert_true(after.st_size < before.st_size / 2);
}

static void what_another_process_removed_is_made_anew(void **state)
{
    (void)state;
    struct history *history = opened(), *other = opened();
    struct history_result result = result_at(1, 1);
    struct err err = {0};
    uint64_t count = 0;
    added(history, &result, 1);
    assert_int_equal(history_remove(other, &(struct history_filter){.name = "make -j2"}, &count, &err), 0);
    assert_int_equal(count, 1);
    result.name = "takes the place";
    result.machine = "another";
    added(other, &result, 1);
    history_close(other);
    result = result_at(2, 2);
    added(history, &result, 1);
    struct seen seen = seen_by(history, (struct history_filter){.name = "make -j2"});
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.last, "bench|make -j2|wall_ns|-|-|CPU, 2 CPUs|-|-");
    history_close(history);
}

static void the_default_place_follows_the_environment(void **state)
{
    (void)state;
    struct str place = {0};
    struct err err = {0};
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    char *old_data = data ? strdup(data) : NULL, *old_home = home ? strdup(home) : NULL;
    setenv("XDG_DATA_HOME", "/x", 1);
    assert_int_equal(history_default_path(&place, &err), 0);
    assert_string_equal(str_text(&place), "/x/toll/history.db");
    str_clear(&place);
    unsetenv("XDG_DATA_HOME");
    setenv("HOME", "/h", 1);
    assert_int_equal(history_default_path(&place, &err), 0);
    assert_string_equal(str_text(&place), "/h/.local/share/toll/history.db");
    unsetenv("HOME");
    assert_int_equal(history_default_path(&place, &err), -ERR_ENVIRONMENT);
    str_free(&place);
    if (old_data)
        setenv("XDG_DATA_HOME", old_data, 1);
    if (old_home)
        setenv("HOME", old_home, 1);
    free(old_data);
    free(old_home);
}

static void the_machine_has_a_name(void **state)
{
    (void)state;
    char once[FINGERPRINT_MAX], again[FINGERPRINT_MAX];
    fingerprint_of_machine(once);
    fingerprint_of_machine(again);
    assert_string_equal(once, again);
    assert_non_null(strstr(once, " CPU"));
    assert_non_null(strstr(once, " GiB"));
}

static void more_is_better_by_the_metrics_name_unless_said(void **state)
{
    (void)state;
    assert_true(history_more_is_better(HISTORY_BY_METRIC, "rows_per_s"));
    assert_false(history_more_is_better(HISTORY_BY_METRIC, "wall_ns"));
    assert_true(history_more_is_better(HISTORY_MORE, "wall_ns"));
    assert_false(history_more_is_better(HISTORY_LESS, "rows_per_s"));
}

#define IN_A_FOLDER(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int history_test(void);
int history_test(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(a_result_comes_back_as_it_was_added),
        IN_A_FOLDER(the_file_is_its_owners_alone),
        IN_A_FOLDER(results_come_oldest_first_and_as_filtered),
        IN_A_FOLDER(series_are_told_apart_by_name_metric_and_kind),
        IN_A_FOLDER(all_of_a_transaction_is_added_or_none),
        IN_A_FOLDER(a_name_without_end_is_cut_between_characters),
        IN_A_FOLDER(several_processes_make_the_file_and_write_at_once),
        IN_A_FOLDER(a_killed_writer_loses_at_most_its_last_result),
        IN_A_FOLDER(a_damaged_file_is_told_and_left_alone),
        IN_A_FOLDER(a_damaged_page_is_told_when_it_is_read),
        IN_A_FOLDER(the_file_of_a_newer_toll_or_of_another_program_is_refused),
        IN_A_FOLDER(another_programs_file_stays_as_it_is),
        IN_A_FOLDER(a_version_below_none_is_refused),
        IN_A_FOLDER(what_is_no_ordinary_file_is_refused_at_once),
        IN_A_FOLDER(what_cannot_be_written_can_be_read),
        IN_A_FOLDER(without_a_file_there_is_nothing_to_read_and_none_is_made),
        IN_A_FOLDER(removed_results_are_gone_and_give_their_room_back),
        IN_A_FOLDER(what_another_process_removed_is_made_anew),
        cmocka_unit_test(the_default_place_follows_the_environment),
        cmocka_unit_test(the_machine_has_a_name),
        cmocka_unit_test(more_is_better_by_the_metrics_name_unless_said),
    };
    return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
