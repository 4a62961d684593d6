/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/journal_query.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/num.h"
#include "base/vec.h"
#include "store/fingerprint.h"
#include "store/journal.h"
#include "store/journal_lines.h"
#include "store/journal_show.h"
#include "store/moment.h"
#include "store/revision.h"

#define LIMIT_DEFAULT    20u
#define IMPORT_BYTES_MAX ((size_t)256 << 20)
#define IMPORT_LINES_MAX 1000000u

/* What a walk writes into. */
struct telling {
    const struct journal_query *query;
    struct journal_look look;
    struct str *text;
    struct json_writer json;
    uint64_t count, all_count;
};

static struct telling telling_of(const struct journal_query *query, struct str *text)
{
    return (struct telling){
        .query = query,
        .look = {.width = query->width ? query->width : 80, .colour = query->colour, .ascii = query->ascii},
        .text = text,
        .json = {.str = text}};
}

/* Opens to read. *ret_journal is NULL when nothing was kept yet; where a file was asked for that is an error. */
static int open_to_read(const char *store, struct journal **ret_journal, struct err *err)
{
    int status = journal_open_to_read(ret_journal, store, err);
    if (status || *ret_journal || !store)
        return status;
    err_set(err, ERR_ENVIRONMENT, "could not read journal '%s': No such file or directory", store);
    err_hint(err, "toll investigate and toll verify write into it; so does 'toll journal add TEXT'");
    return -ERR_ENVIRONMENT;
}

static void begin(struct telling *telling, const struct journal *journal)
{
    if (!telling->query->json)
        return;
    json_open(&telling->json, NULL, '{');
    json_text(&telling->json, "schema", "toll.journal/1");
    json_text(&telling->json, "path", journal ? journal_path(journal) : NULL);
    if (telling->query->text)
        json_text(&telling->json, "search", telling->query->text);
    json_open(&telling->json, "entries", '[');
}

static void end(struct telling *telling)
{
    if (!telling->query->json)
        return;
    json_close(&telling->json, ']');
    json_u64(&telling->json, "entry_count", telling->count);
    json_close(&telling->json, '}');
    json_end(&telling->json);
}

static int tell_entry(const struct journal_entry *entry, void *data)
{
    struct telling *telling = data;
    telling->count++;
    if (telling->query->json)
        journal_entry_json(entry, NULL, &telling->json);
    else
        journal_entry_text(entry, NULL, &telling->look, telling->text);
    return 0;
}

static int tell_hit(const struct journal_hit *hit, void *data)
{
    struct telling *telling = data;
    if (!telling->query->json && !hit->has_all && telling->count == telling->all_count)
        str_printf(telling->text, "%s\n",
                   telling->count ? "\nwith some of the words:" : "with some of the words:");
    telling->count++;
    telling->all_count += hit->has_all;
    if (telling->query->json)
        journal_entry_json(&hit->entry, hit, &telling->json);
    else
        journal_entry_text(&hit->entry, hit->snippet, &telling->look, telling->text);
    return 0;
}

static void tell_nothing(const struct telling *telling, const struct journal *journal)
{
    if (telling->query->json || telling->count)
        return;
    if (!journal)
        str_append(telling->text,
                   "The journal is empty.\ntoll investigate and toll verify write into it; 'toll "
                   "journal add TEXT' adds what you learned.\n");
    else if (telling->query->text)
        str_printf(telling->text, "nothing in %s has these words\n", journal_path(journal));
    else
        str_printf(telling->text, "no entries in %s that fit\n", journal_path(journal));
}

static int told(struct telling *telling, struct journal *journal, int status, struct err *err)
{
    if (!status)
        tell_nothing(telling, journal);
    journal_close(journal);
    if (!status && telling->text->failed)
        status = err_memory(err);
    return status;
}

int decide_journal_search(const struct journal_query *query, struct str *ret_text, struct err *err)
{
    struct journal *journal = NULL;
    struct telling telling = telling_of(query, ret_text);
    struct journal_search search = {.text = query->text,
                                    .kind = query->kind,
                                    .limit = query->limit ? query->limit : LIMIT_DEFAULT,
                                    .mark_open = JOURNAL_MARK_OPEN,
                                    .mark_close = JOURNAL_MARK_CLOSE};
    int status = open_to_read(query->store, &journal, err);
    if (status)
        return status;
    begin(&telling, journal);
    if (journal)
        status = journal_search(journal, &search, tell_hit, &telling, err);
    end(&telling);
    return told(&telling, journal, status, err);
}

int decide_journal_list(const struct journal_query *query, struct str *ret_text, struct err *err)
{
    struct journal *journal = NULL;
    struct telling telling = telling_of(query, ret_text);
    struct journal_filter filter = {
        .kind = query->kind, .cause = query->cause, .newest = query->limit ? query->limit : LIMIT_DEFAULT};
    int status =
        query->since ? moment_parse(query->since, (int64_t)clock_realtime_ns(), &filter.since_ns, err) : 0;
    if (!status)
        status = open_to_read(query->store, &journal, err);
    if (status)
        return status;
    begin(&telling, journal);
    if (journal)
        status = journal_each(journal, &filter, tell_entry, &telling, err);
    end(&telling);
    return told(&telling, journal, status, err);
}

static int tell_whole(const struct journal_entry *entry, void *data)
{
    struct telling *telling = data;
    telling->count++;
    if (telling->query->json)
        journal_entry_json(entry, NULL, &telling->json);
    else
        journal_entry_whole(entry, &telling->look, telling->text);
    return 0;
}

static int parse_id(const char *text, int64_t *ret_id, struct err *err)
{
    uint64_t id;
    if (!text || num_parse_u64(text + (*text == '#'), &id) || !id || id > INT64_MAX) {
        err_set(err, ERR_USAGE, "could not show the journal's entry '%.40s': it is no number",
                text ? text : "");
        err_hint(err, "'toll journal list' and 'toll journal search' say the numbers");
        return -ERR_USAGE;
    }
    *ret_id = (int64_t)id;
    return 0;
}

int decide_journal_show(const struct journal_query *query, struct str *ret_text, struct err *err)
{
    struct journal *journal = NULL;
    struct journal_filter filter = {0};
    struct telling telling = telling_of(query, ret_text);
    int status = parse_id(query->id, &filter.id, err);
    if (!status)
        status = open_to_read(query->store, &journal, err);
    if (!status && journal)
        status = journal_each(journal, &filter, tell_whole, &telling, err);
    journal_close(journal);
    if (!status && query->json)
        json_end(&telling.json);
    if (!status && !telling.count) {
        status = err_set(err, ERR_INPUT, "could not show the journal's entry %lld: there is none",
                         (long long)filter.id);
        err_hint(err, "'toll journal list' and 'toll journal search' say the numbers");
    }
    if (!status && ret_text->failed)
        status = err_memory(err);
    return status;
}

/* --- writing --- */

/* "4.9x", "4.9": a factor. */
static int parse_factor(const char *option, const char *text, double *ret_factor, struct err *err)
{
    char number[32] = "";
    if (!text)
        return 0;
    size_t length = strlen(text);
    length -= length && text[length - 1] == 'x';
    if (length < sizeof number)
        snprintf(number, sizeof number, "%.*s", (int)length, text);
    if (num_parse_double(number, ret_factor) || !(*ret_factor > 0)) {
        err_set(err, ERR_USAGE, "could not take option '%s': '%.40s' is no factor above 0", option, text);
        err_hint(err, "%s 4.9x: it takes a 4.9th of the time", option);
        return -ERR_USAGE;
    }
    return 0;
}

int decide_journal_add(const struct journal_note *note, int64_t *ret_id, struct err *err)
{
    struct journal *journal = NULL;
    char machine[FINGERPRINT_MAX], revision[REVISION_MAX];
    struct journal_entry entry = journal_blank(note->kind ? note->kind : "note", note->finding);
    entry.symptom = note->symptom;
    entry.cause = note->cause;
    entry.place = note->place;
    entry.change = note->change;
    entry.fix = note->fix;
    entry.outcome = note->outcome;
    entry.name = note->name;
    entry.recording = note->recording;
    int status = note->at ? moment_parse(note->at, entry.at_ns, &entry.at_ns, err) : 0;
    if (!status)
        status = parse_factor("--predicted", note->predicted, &entry.predicted, err);
    if (!status)
        status = parse_factor("--measured", note->measured, &entry.measured, err);
    if (!status)
        status = journal_open(&journal, note->store, err);
    if (status)
        return status;
    fingerprint_of_machine(machine);
    entry.machine = machine;
    entry.revision = revision_of_folder(NULL, revision) ? revision : NULL;
    status = journal_add(journal, &entry, 1, ret_id, err);
    journal_close(journal);
    return status;
}

/* The entries of a file, in its order. */
struct imported {
    struct arena arena;
    VEC(struct journal_entry) entries;
};

static int read_lines(const struct str *file, const char *path, struct imported *imported, struct err *err)
{
    const char *at = str_text(file), *file_end = at + file->length;
    int status = 0;
    for (size_t number = 1; at < file_end && !status; number++) {
        const char *end = memchr(at, '\n', (size_t)(file_end - at));
        size_t length = end ? (size_t)(end - at) : (size_t)(file_end - at);
        char name[160];
        struct journal_entry entry;
        snprintf(name, sizeof name, "'%.120s' line %zu", path, number);
        if (length > JOURNAL_LINE_BYTES_MAX || number > IMPORT_LINES_MAX)
            status = err_set(err, ERR_INPUT, "could not read %s: the %s", name,
                             number > IMPORT_LINES_MAX ? "file has too many lines" : "line is too long");
        if (!status && strspn(at, " \t\r") < length) {
            status = journal_line_read(at, length, name, &imported->arena, &entry, err);
            if (!status && vec_push(&imported->entries, entry))
                status = err_memory(err);
        }
        at += length + 1;
    }
    return status;
}

int decide_journal_import(const char *path, const char *store, uint64_t *ret_count, struct err *err)
{
    struct str file = {0};
    struct imported imported = {0};
    struct journal *journal = NULL;
    bool is_stdin = strcmp(path, "-") == 0;
    int status = fs_read(is_stdin ? "/dev/stdin" : path, IMPORT_BYTES_MAX, &file, err);
    if (!status)
        status = read_lines(&file, is_stdin ? "stdin" : path, &imported, err);
    if (!status)
        status = journal_open(&journal, store, err);
    if (!status)
        status = journal_add(journal, imported.entries.items, imported.entries.count, NULL, err);
    if (!status)
        *ret_count = imported.entries.count;
    journal_close(journal);
    vec_free(&imported.entries);
    arena_free(&imported.arena);
    str_free(&file);
    return status;
}

/* Entries come newest first; an import gives the oldest the smallest number. */
struct exported {
    struct arena arena;
    VEC(const char *) lines;
};

static int keep_line(const struct journal_entry *entry, void *data)
{
    struct exported *exported = data;
    struct str line = {0};
    journal_line_write(entry, &line);
    const char *kept = line.failed ? NULL : arena_copy(&exported->arena, line.text, line.length);
    str_free(&line);
    return !kept || vec_push(&exported->lines, kept) ? -ERR_ENVIRONMENT : 0;
}

int decide_journal_export(const char *store, struct str *ret_text, struct err *err)
{
    struct journal *journal = NULL;
    struct exported exported = {0};
    struct err failure = {0};
    int status = open_to_read(store, &journal, err);
    if (status || !journal)
        return status;
    status = journal_each(journal, &(struct journal_filter){0}, keep_line, &exported, &failure);
    if (status && failure.code == ERR_NONE)
        err_memory(&failure);
    if (status)
        *err = failure;
    for (size_t i = exported.lines.count; !status && i > 0; i--)
        str_append(ret_text, exported.lines.items[i - 1]);
    journal_close(journal);
    vec_free(&exported.lines);
    arena_free(&exported.arena);
    if (!status && ret_text->failed)
        status = err_memory(err);
    return status;
}
