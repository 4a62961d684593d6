/* SPDX-License-Identifier: Apache-2.0 */
#include "usage/usage_answer.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/num.h"
#include "base/suggest.h"
#include "usage/usage_merge.h"

static const char *const key_names[USAGE_KEY_COUNT] = {"day",   "week", "month", "session", "project",
                                                       "agent", "task", "model", "tool",    "source"};

const char *usage_key_name(enum usage_key key)
{
    return key_names[key];
}

bool usage_key_read(const char *word, size_t length, enum usage_key *ret_key)
{
    for (size_t i = 0; i < USAGE_KEY_COUNT; i++)
        if (strlen(key_names[i]) == length && memcmp(key_names[i], word, length) == 0) {
            *ret_key = (enum usage_key)i;
            return true;
        }
    return false;
}

bool usage_key_is_time(enum usage_key key)
{
    return key == USAGE_BY_DAY || key == USAGE_BY_WEEK || key == USAGE_BY_MONTH;
}

/* --- places --- */

static int add_place(struct usage_answer *answer, const struct agent_source *source, const char *path,
                     bool is_default, bool probes, struct err *err)
{
    struct usage_place *place = calloc(1, sizeof *place);
    struct scan_request request = {.source = source,
                                   .place = path,
                                   .is_default = is_default,
                                   .probes = probes,
                                   .no_index = answer->query.no_index};
    if (!place || vec_push(&answer->places, place)) {
        free(place);
        return err_memory(err);
    }
    place->source = source;
    place->path = path;
    place->is_default = is_default;
    return usage_scan(&request, &place->shelf, &place->facts, err);
}

static int add_defaults(struct usage_answer *answer, const struct agent_source *source, struct err *err)
{
    const char *places[SOURCE_PLACES_MAX];
    size_t count = 0;
    int status = source_default_places(source, &answer->arena, places, &count, err);
    for (size_t i = 0; i < count && !status; i++)
        status = add_place(answer, source, places[i], true, false, err);
    return status;
}

static int path_refused(const char *path, struct err *err)
{
    struct str names = {0};
    source_names(&names);
    err_set(err, ERR_INPUT, "could not read '%s': it is of no format that toll knows", path);
    err_hint(err, "--source NAME says whose it is: %s", str_text(&names));
    str_free(&names);
    return -ERR_INPUT;
}

/* Whether a folder has a file that the source knows as its own. */
static int has_files(const struct agent_source *source, const char *folder, bool *ret_is_there,
                     struct err *err)
{
    struct source_files files = {0};
    uint64_t unreadable = 0;
    int status = source_list(source, folder, &files, &unreadable, err);
    for (size_t i = 0; i < files.items.count && !status && !*ret_is_there; i++) {
        const struct agent_source *known = NULL;
        struct err unread;
        *ret_is_there = source_probe(files.items.items[i].path, &known, &unread) == 0 && known == source;
    }
    source_files_free(&files);
    return status;
}

/* A file or a folder that was given, of the named source or of whichever knows it. */
static int add_path(struct usage_answer *answer, const struct agent_source *source, const char *given,
                    struct err *err)
{
    struct stat about;
    char *real = realpath(given, NULL);
    if (!real || stat(real, &about)) {
        int errnum = errno;
        free(real);
        return err_errno(err, errnum, "could not read '%s'", given);
    }
    const char *path = arena_string(&answer->arena, real);
    free(real);
    if (!path)
        return err_memory(err);
    if (source)
        return add_place(answer, source, path, false, false, err);
    if (!S_ISDIR(about.st_mode)) {
        int status = source_probe(path, &source, err);
        if (status)
            return status;
        return source ? add_place(answer, source, path, false, false, err) : path_refused(given, err);
    }
    for (const struct agent_source *const *at = agent_sources; *at; at++) {
        bool is_there = false;
        int status = has_files(*at, path, &is_there, err);
        if (!status && is_there)
            status = add_place(answer, *at, path, false, true, err);
        if (status)
            return status;
    }
    return 0;
}

static int source_named(const char *name, const struct agent_source **ret_source, struct err *err)
{
    struct str names = {0};
    *ret_source = source_find(name);
    if (*ret_source)
        return 0;
    source_names(&names);
    err_set(err, ERR_USAGE, "could not take option '--source': '%.40s' is no source", name);
    err_hint(err, "sources are %s", str_text(&names));
    str_free(&names);
    return -ERR_USAGE;
}

static int add_named(struct usage_answer *answer, const struct agent_source *source, struct err *err)
{
    int status = 0;
    if (!answer->query.path_count)
        return add_defaults(answer, source, err);
    for (size_t i = 0; i < answer->query.path_count && !status; i++)
        status = add_path(answer, source, answer->query.paths[i], err);
    return status;
}

static int add_places(struct usage_answer *answer, struct err *err)
{
    const struct usage_query *query = &answer->query;
    const struct agent_source *source = NULL;
    int status = 0;
    for (size_t i = 0; i < query->source_count && !status; i++) {
        status = source_named(query->sources[i], &source, err);
        if (!status)
            status = add_named(answer, source, err);
    }
    if (query->source_count)
        return status;
    for (size_t i = 0; i < query->path_count && !status; i++)
        status = add_path(answer, NULL, query->paths[i], err);
    for (const struct agent_source *const *at = agent_sources; !query->path_count && *at && !status; at++)
        status = add_defaults(answer, *at, err);
    return status;
}

/* --- what could not be read --- */

static int add_faults(struct usage_answer *answer, struct err *err)
{
    for (size_t i = 0; i < answer->places.count; i++) {
        const struct usage_shelf *shelf = &answer->places.items[i]->shelf;
        for (size_t k = 0; k < shelf->faults.count; k++) {
            const struct usage_fault *fault = &shelf->faults.items[k];
            const struct usage_file *file = &shelf->files.items[fault->file];
            if (file->generation != fault->generation || !file->is_there)
                continue;
            answer->fault_count++;
            if (answer->faults.count < USAGE_FAULTS_MAX &&
                vec_push(&answer->faults, (struct usage_fault_told){.path = shelf_text(shelf, file->path),
                                                                    .why = shelf_text(shelf, fault->why),
                                                                    .line = fault->line}))
                return err_memory(err);
        }
    }
    return 0;
}

int usage_ask(const struct usage_query *query, struct usage_answer *ret_answer, struct err *err)
{
    *ret_answer = (struct usage_answer){.query = *query};
    int status = add_places(ret_answer, err);
    if (!status)
        status = usage_merge(ret_answer, err);
    if (!status)
        status = add_faults(ret_answer, err);
    if (!status)
        status = usage_roll_up(ret_answer, query->keys, query->key_count, &ret_answer->rows, err);
    if (!status)
        status = usage_total(ret_answer, err);
    return status;
}

void usage_rows_free(struct usage_rows *rows)
{
    for (size_t i = 0; i < rows->items.count; i++) {
        vec_free(&rows->items.items[i].sum.models);
        vec_free(&rows->items.items[i].sum.unpriced_models);
    }
    vec_free(&rows->items);
}

void usage_answer_free(struct usage_answer *answer)
{
    for (size_t i = 0; i < answer->places.count; i++) {
        shelf_free(&answer->places.items[i]->shelf);
        free(answer->places.items[i]);
    }
    vec_free(&answer->places);
    vec_free(&answer->items);
    vec_free(&answer->faults);
    vec_free(&answer->totals.models);
    vec_free(&answer->totals.unpriced_models);
    usage_rows_free(&answer->rows);
    intern_free(&answer->names);
    arena_free(&answer->arena);
}
