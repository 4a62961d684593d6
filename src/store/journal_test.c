/* SPDX-License-Identifier: Apache-2.0 */
#include "store/journal.h"

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

#include "stats/random.h"
#include "store/history.h"
#include "store/journal_lines.h"

#define WRITERS          3
#define ENTRIES_A_WRITER 60
#define KILLS            8
#define SEEN_MAX         16

static char folder[] = "/tmp/toll-journal-XXXXXX", path[80];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/toll-journal-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/data/toll/journal.db", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command); /* NOLINT(cert-env33-c): its own folder */
}

static struct journal *opened(void)
{
    struct journal *journal = NULL;
    struct err err = {0};
    if (journal_open(&journal, path, &err))
        fail_msg("%s", err.what);
    return journal;
}

static int64_t added(struct journal *journal, const struct journal_entry *entry)
{
    struct err err = {0};
    int64_t id = 0;
    if (journal_add(journal, entry, 1, &id, &err))
        fail_msg("%s", err.what);
    return id;
}

/* What a walk or a search met. */
struct seen {
    size_t count, all_count;
    int64_t ids[SEEN_MAX];
    char first_finding[100], first_snippet[200];
    struct journal_entry first; /* its texts are gone */
};

static int see_entry(const struct journal_entry *entry, void *data)
{
    struct seen *seen = data;
    if (!seen->count) {
        snprintf(seen->first_finding, sizeof seen->first_finding, "%s", entry->finding);
        seen->first = *entry;
    }
    if (seen->count < SEEN_MAX)
        seen->ids[seen->count] = entry->id;
    seen->count++;
    return 0;
}

static int see_hit(const struct journal_hit *hit, void *data)
{
    struct seen *seen = data;
    if (!seen->count)
        snprintf(seen->first_snippet, sizeof seen->first_snippet, "%s", hit->snippet);
    seen->all_count += hit->has_all;
    return see_entry(&hit->entry, data);
}

static struct seen found(struct journal *journal, const char *text)
{
    struct seen seen = {0};
    struct err err = {0};
    struct journal_search search = {.text = text};
    if (journal_search(journal, &search, see_hit, &seen, &err))
        fail_msg("searching '%s': %s", text, err.what);
    return seen;
}

static struct seen listed(struct journal *journal, struct journal_filter filter)
{
    struct seen seen = {0};
    struct err err = {0};
    if (journal_each(journal, &filter, see_entry, &seen, &err))
        fail_msg("%s", err.what);
    return seen;
}

static struct journal_entry entry_of(const char *cause, const char *finding, const char *symptom)
{
    struct journal_entry entry = journal_blank("finding", finding);
    entry.cause = cause;
    entry.symptom = symptom;
    return entry;
}

/* --- entries --- */

static int check_whole(const struct journal_entry *entry, void *data)
{
    int64_t id = *(int64_t *)data;
    assert_int_equal(entry->id, id);
    assert_int_equal(entry->at_ns, 77000);
    assert_string_equal(entry->kind, "outcome");
    assert_string_equal(entry->finding, "downloads one after another");
    assert_string_equal(entry->symptom, "wall 36 s: 84 % network");
    assert_string_equal(entry->cause, "serial-independent");
    assert_string_equal(entry->place, "download, curl");
    assert_string_equal(entry->change, "workers:stage/download=10");
    assert_string_equal(entry->fix, "ten at once");
    assert_string_equal(entry->outcome, "as predicted");
    assert_string_equal(entry->agreement, "consensus");
    assert_string_equal(entry->name, "bash fetch.sh");
    assert_string_equal(entry->recording, "a.toll");
    assert_string_equal(entry->machine, "CPU, 2 CPUs");
    assert_string_equal(entry->revision, "abc");
    assert_true(entry->predicted == 5 && entry->predicted_low == 4.5 && isnan(entry->predicted_high));
    assert_true(entry->measured == 4.9 && isnan(entry->measured_low) && isnan(entry->measured_high));
    return 0;
}

static void an_entry_comes_back_as_it_was_added(void **state)
{
    (void)state;
    struct journal *journal = opened();
    struct err err = {0};
    struct journal_entry entry = journal_blank("outcome", "downloads one after another");
    entry.at_ns = 77999;
    entry.symptom = "wall 36 s: 84 % network";
    entry.cause = "serial-independent";
    entry.place = "download, curl";
    entry.change = "workers:stage/download=10";
    entry.fix = "ten at once";
    entry.outcome = "as predicted";
    entry.agreement = "consensus";
    entry.name = "bash fetch.sh";
    entry.recording = "a.toll";
    entry.machine = "CPU, 2 CPUs";
    entry.revision = "abc";
    entry.predicted = 5;
    entry.predicted_low = 4.5;
    entry.predicted_high = INFINITY;
    entry.measured = 4.9;
    int64_t id = added(journal, &entry);
    assert_int_equal(journal_each(journal, &(struct journal_filter){.id = id}, check_whole, &id, &err), 0);
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    journal_close(journal);
}

static void an_entry_added_again_takes_the_place_of_the_older_one(void **state)
{
    (void)state;
    struct journal *journal = opened();
    struct journal_entry entry = entry_of("chatty-client", "asks 500 times", "network 80 %");
    entry.recording = "a.toll";
    int64_t id = added(journal, &entry);
    entry.finding = "asks 700 times";
    entry.symptom = "pgbouncer 70 %";
    assert_int_equal(added(journal, &entry), id);
    assert_int_equal(listed(journal, (struct journal_filter){0}).count, 1);
    assert_int_equal(found(journal, "network").count, 0);
    assert_int_equal(found(journal, "pgbouncer").count, 1);
    entry.recording = "b.toll";
    assert_true(added(journal, &entry) != id);
    assert_int_equal(listed(journal, (struct journal_filter){0}).count, 2);
    journal_close(journal);
}

static void two_notes_are_two_entries(void **state)
{
    (void)state;
    struct journal *journal = opened();
    struct journal_entry one = journal_blank("note", "the disk is shared with the backup");
    struct journal_entry two = journal_blank("note", "the pool has 20 connections");
    assert_true(added(journal, &one) != added(journal, &two));
    assert_int_equal(added(journal, &one), 1);
    assert_int_equal(listed(journal, (struct journal_filter){.kind = "note"}).count, 2);
    assert_int_equal(listed(journal, (struct journal_filter){.kind = "finding"}).count, 0);
    journal_close(journal);
}

static void the_newest_come_first_and_as_filtered(void **state)
{
    (void)state;
    struct journal *journal = opened();
    for (int i = 1; i <= 5; i++) {
        char text[32];
        snprintf(text, sizeof text, "recording %d", i);
        struct journal_entry entry = entry_of(i % 2 ? "cpu-hot" : "disk-sync", "a finding", NULL);
        entry.at_ns = i * 10000;
        entry.recording = text;
        assert_int_equal(added(journal, &entry), i);
    }
    struct seen all = listed(journal, (struct journal_filter){0});
    assert_int_equal(all.count, 5);
    assert_int_equal(all.ids[0], 5);
    assert_int_equal(all.ids[4], 1);
    assert_int_equal(listed(journal, (struct journal_filter){.newest = 2}).count, 2);
    assert_int_equal(listed(journal, (struct journal_filter){.since_ns = 30000}).count, 3);
    assert_int_equal(listed(journal, (struct journal_filter){.cause = "disk-sync"}).count, 2);
    assert_int_equal(listed(journal, (struct journal_filter){.id = 9}).count, 0);
    journal_close(journal);
}

static void all_are_added_or_none(void **state)
{
    (void)state;
    struct journal *journal = opened();
    struct err err = {0};
    struct journal_entry entries[] = {entry_of("cpu-hot", "a finding", NULL),
                                      entry_of("cpu-hot", NULL, NULL)};
    assert_int_equal(journal_add(journal, entries, 2, NULL, &err), -ERR_INPUT);
    assert_int_equal(listed(journal, (struct journal_filter){0}).count, 0);
    assert_int_equal(found(journal, "finding").count, 0);
    journal_close(journal);
}

static void a_line_of_json_is_the_same_entry(void **state)
{
    (void)state;
    struct journal *journal = opened();
    struct err err = {0};
    struct arena arena = {0};
    struct str line = {0}, again = {0};
    struct journal_entry entry = entry_of("disk-sync", "a \"quoted\"\n  text", "80 % disk"), read;
    entry.at_ns = 1795715126123457000;
    entry.recording = "a.toll";
    entry.predicted = 3.25;
    int64_t id = added(journal, &entry);
    journal_line_write(&entry, &line);
    assert_ptr_equal(strchr(line.text, '\n'), line.text + line.length - 1);
    assert_int_equal(journal_line_read(line.text, line.length, "line 1", &arena, &read, &err), 0);
    assert_int_equal(added(journal, &read), id);
    journal_line_write(&read, &again);
    assert_string_equal(line.text, again.text);
    static const char *const wrong[] = {
        "", "[]", "{}", "{\"finding\": 5}", "{\"finding\": \"\"}", "{\"finding\":", "7"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(journal_line_read(wrong[i], strlen(wrong[i]), "line 2", &arena, &read, &err),
                         -ERR_INPUT);
    str_free(&line);
    str_free(&again);
    arena_free(&arena);
    journal_close(journal);
}

/* --- search --- */

static void words_are_found_in_any_order_form_and_by_their_beginning(void **state)
{
    (void)state;
    struct journal *journal = opened();
    struct journal_entry entry =
        entry_of("serial-independent", "files are downloaded one after another", "84 % network");
    added(journal, &entry);
    assert_int_equal(found(journal, "downloading files").all_count, 1);
    assert_int_equal(found(journal, "NETWORK file").all_count, 1);
    assert_int_equal(found(journal, "down").all_count, 1);
    assert_int_equal(found(journal, "serial-independent").all_count, 1);
    assert_int_equal(found(journal, "compress").count, 0);
    struct seen seen = found(journal, "network");
    assert_string_equal(seen.first_snippet, "84 % [network]");
    journal_close(journal);
}

static void the_cause_weighs_more_than_the_fix_and_all_words_more_than_some(void **state)
{
    (void)state;
    struct journal *journal = opened();
    struct journal_entry fix = entry_of("cpu-hot", "a loop is slow", "cpu 90 %");
    fix.fix = "hold the lock for less";
    struct journal_entry cause = entry_of("lock-contention", "threads wait for one another", "futex 70 %");
    struct journal_entry both =
        entry_of("disk-sync", "the log waits for the disk", "lock 5 %, disk_sync 60 %");
    both.recording = "c.toll";
    int64_t fix_id = added(journal, &fix), cause_id = added(journal, &cause), both_id = added(journal, &both);
    struct seen seen = found(journal, "lock");
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.ids[0], cause_id);
    assert_int_equal(seen.ids[2], fix_id);
    seen = found(journal, "disk lock");
    assert_int_equal(seen.ids[0], both_id);
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.all_count, 1);
    journal_close(journal);
}

static void an_expression_is_taken_as_one(void **state)
{
    (void)state;
    struct journal *journal = opened();
    struct journal_entry one = entry_of("network-wait", "the server is slow", "network 80 %");
    struct journal_entry two = entry_of("chatty-client", "asks too often", "network 70 %");
    added(journal, &one);
    int64_t second = added(journal, &two);
    struct seen seen = found(journal, "network NOT server");
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.ids[0], second);
    assert_int_equal(found(journal, "cause: network").count, 1);
    assert_int_equal(found(journal, "\"too often\"").count, 1);
    journal_close(journal);
}

static void whatever_a_person_writes_is_no_error(void **state)
{
    (void)state;
    struct journal *journal = opened();
    struct journal_entry entry = entry_of("serial-independent", "waits for 127.0.0.1:8080", "network 80 %");
    added(journal, &entry);
    static const char *const hits[] = {"127.0.0.1:8080", "network AND", "(network",
                                       "\"network",      "network*)",   "where: network",
                                       "NEAR(network",   "^network ^",  "serial-independent!",
                                       "network NOT",    "- network",   "net:work:net*"};
    for (size_t i = 0; i < sizeof hits / sizeof hits[0]; i++)
        assert_int_equal(found(journal, hits[i]).count, 1);
    static const char *const misses[] = {
        "", "   ", "***", "\"\"", "()", "…", "AND", "\xff\xfe", "'; DROP TABLE entry; --"};
    for (size_t i = 0; i < sizeof misses / sizeof misses[0]; i++)
        assert_int_equal(found(journal, misses[i]).count, 0);
    struct random random;
    static const char bytes[] = "ab\"*:^()-+ ANDORT{},.\x80\xc3\xa9'\\";
    random_seed(&random, 11);
    for (int i = 0; i < 2000; i++) {
        char text[24] = "";
        for (size_t j = 0; j < sizeof text - 1; j++)
            text[j] = bytes[random_below(&random, sizeof bytes - 1)];
        found(journal, text);
    }
    journal_close(journal);
}

static void a_very_long_search_is_cut_to_its_first_words(void **state)
{
    (void)state;
    struct journal *journal = opened();
    struct journal_entry entry = entry_of("cpu-hot", "a finding", NULL);
    struct str text = {0};
    added(journal, &entry);
    for (int i = 0; i < 100000; i++)
        str_append(&text, "((word\" ");
    str_append(&text, "finding");
    assert_int_equal(found(journal, text.text).count, 0);
    str_free(&text);
    journal_close(journal);
}

/* --- files --- */

/* Adds its entries one by one; the exit status tells how it went. */
static void write_many(int writer)
{
    struct journal *journal;
    struct err err;
    if (journal_open(&journal, path, &err))
        _exit(1);
    for (int i = 0; i < ENTRIES_A_WRITER; i++) {
        char recording[32];
        snprintf(recording, sizeof recording, "%d of writer %d", i, writer);
        struct journal_entry entry = entry_of("cpu-hot", "a finding", NULL);
        entry.recording = recording;
        if (journal_add(journal, &entry, 1, NULL, &err))
            _exit(2);
    }
    journal_close(journal);
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
            write_many(i);
    }
    for (int i = 0; i < WRITERS; i++) {
        int status = -1;
        assert_true(waitpid(writers[i], &status, 0) == writers[i]);
        assert_int_equal(status, 0);
    }
    struct journal *journal = opened();
    assert_int_equal(listed(journal, (struct journal_filter){0}).count, WRITERS * ENTRIES_A_WRITER);
    journal_close(journal);
}

/* Tells through the pipe what was added, until it is killed. */
static void write_until_killed(int out, int64_t from)
{
    struct journal *journal;
    struct err err;
    if (journal_open(&journal, path, &err))
        _exit(1);
    for (int64_t i = from;; i++) {
        char recording[32];
        snprintf(recording, sizeof recording, "%lld", (long long)i);
        struct journal_entry entry = entry_of("cpu-hot", "a finding", "many words of a symptom");
        entry.recording = recording;
        if (journal_add(journal, &entry, 1, NULL, &err) || write(out, &i, sizeof i) != sizeof i)
            _exit(2);
    }
}

/* The file is whole, and the index says what the entries do. */
static bool is_sound(void)
{
    sqlite3 *database;
    sqlite3_stmt *statement = NULL;
    bool is_ok = sqlite3_open(path, &database) == SQLITE_OK &&
                 sqlite3_prepare_v2(database, "PRAGMA integrity_check", -1, &statement, NULL) == SQLITE_OK &&
                 sqlite3_step(statement) == SQLITE_ROW &&
                 strcmp((const char *)sqlite3_column_text(statement, 0), "ok") == 0;
    sqlite3_finalize(statement);
    is_ok = is_ok && sqlite3_exec(database, "INSERT INTO words (words, rank) VALUES ('integrity-check', 1)",
                                  NULL, NULL, NULL) == SQLITE_OK;
    sqlite3_close(database);
    return is_ok;
}

static void a_killed_writer_loses_at_most_its_last_entry(void **state)
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
        for (uint64_t wanted = 1 + random_below(&random, 20); wanted; wanted--)
            if (read(ends[0], &word, sizeof word) == sizeof word)
                told = word;
        usleep((useconds_t)random_below(&random, 2000));
        kill(writer, SIGKILL);
        while (read(ends[0], &word, sizeof word) == sizeof word)
            told = word;
        close(ends[0]);
        waitpid(writer, NULL, 0);
        struct journal *journal = opened();
        size_t count = listed(journal, (struct journal_filter){0}).count;
        journal_close(journal);
        assert_true(told >= next);
        assert_in_range(count, (size_t)told + 1, (size_t)told + 2);
        assert_true(is_sound());
        next = (int64_t)count;
    }
}

static void a_history_is_no_journal_and_stays_as_it_is(void **state)
{
    (void)state;
    struct history *history = NULL;
    struct journal *journal = NULL;
    struct err err = {0};
    assert_int_equal(history_open(&history, path, &err), 0);
    history_close(history);
    assert_int_equal(journal_open(&journal, path, &err), -ERR_INPUT);
    assert_non_null(strstr(err.what, "another program's"));
    assert_int_equal(history_open(&history, path, &err), 0);
    history_close(history);
}

static void a_damaged_file_is_told(void **state)
{
    (void)state;
    struct journal *journal = opened();
    struct err err = {0};
    journal_close(journal);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (int i = 0; i < 5000; i++)
        fputs("no journal", file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(journal_open(&journal, path, &err), -ERR_INPUT);
    assert_non_null(strstr(err.hint, ".damaged"));
    assert_int_equal(journal_open_to_read(&journal, path, &err), -ERR_INPUT);
}

static void without_a_file_there_is_nothing_to_read_and_none_is_made(void **state)
{
    (void)state;
    struct journal *journal = NULL;
    struct err err = {0};
    assert_int_equal(journal_open_to_read(&journal, path, &err), 0);
    assert_null(journal);
    assert_int_equal(access(path, F_OK), -1);
}

#define IN_A_FOLDER(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int journal_test(void);

int journal_test(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(an_entry_comes_back_as_it_was_added),
        IN_A_FOLDER(an_entry_added_again_takes_the_place_of_the_older_one),
        IN_A_FOLDER(two_notes_are_two_entries),
        IN_A_FOLDER(the_newest_come_first_and_as_filtered),
        IN_A_FOLDER(all_are_added_or_none),
        IN_A_FOLDER(a_line_of_json_is_the_same_entry),
        IN_A_FOLDER(words_are_found_in_any_order_form_and_by_their_beginning),
        IN_A_FOLDER(the_cause_weighs_more_than_the_fix_and_all_words_more_than_some),
        IN_A_FOLDER(an_expression_is_taken_as_one),
        IN_A_FOLDER(whatever_a_person_writes_is_no_error),
        IN_A_FOLDER(a_very_long_search_is_cut_to_its_first_words),
        IN_A_FOLDER(several_processes_make_the_file_and_write_at_once),
        IN_A_FOLDER(a_killed_writer_loses_at_most_its_last_entry),
        IN_A_FOLDER(a_history_is_no_journal_and_stays_as_it_is),
        IN_A_FOLDER(a_damaged_file_is_told),
        IN_A_FOLDER(without_a_file_there_is_nothing_to_read_and_none_is_made),
    };
    return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
