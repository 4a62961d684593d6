/* SPDX-License-Identifier: Apache-2.0 */
#include "budget/spend_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agents/otlp_reading.h"
#include "base/clock.h"
#include "base/num.h"
#include "otlp/request_log.h"

#define SEARCH_NS_MIN  (200 * NS_PER_MS)
#define SEARCH_SHARE   50u /* of the time: a search waits for so many times as long as the last one took */
#define STAMP_SLACK_NS ((int64_t)(2 * NS_PER_S)) /* a file system's clock may be coarse, and behind */

struct watched {
    const struct agent_source *source; /* NULL: not known yet */
    const char *path;
    uint64_t size_bytes;
    int64_t changed_ns;
    struct source_position position;
    struct otlp_reading *live; /* of a receiver's log: what came before is known */
    bool is_active;            /* changed since the watch began */
};

struct spend_watch {
    struct agent_sink sink;
    struct spend_watch_options options;
    struct spend spend;
    struct intern paths;
    struct map by_path;
    VEC(struct watched) files;
    const struct watched *reading;
    uint64_t search_due_ns;
};

struct scope {
    char text[512];
};

/* What an id is unique in. */
static struct scope scope_of(const struct spend_watch *watch, const char *session)
{
    const struct agent_source *source = watch->reading->source;
    struct scope scope;
    snprintf(scope.text, sizeof scope.text, source->ids_are_global ? "%s" : "%s\x1f%s", source->name,
             session);
    return scope;
}

static int take_call(struct agent_sink *sink, const struct llm_call *call, struct err *err)
{
    struct spend_watch *watch = (struct spend_watch *)sink;
    return spend_take(&watch->spend, scope_of(watch, call->session).text, call, err);
}

static int drop_call(struct agent_sink *sink, const char *session, const char *id, struct err *err)
{
    struct spend_watch *watch = (struct spend_watch *)sink;
    (void)err;
    spend_drop(&watch->spend, scope_of(watch, session).text, id);
    return 0;
}

/* --- one file --- */

/* Size and time of the file with its journal. */
static bool look_at(const struct watched *file, uint64_t *ret_size, int64_t *ret_changed_ns)
{
    struct stat about;
    if (stat(file->path, &about) || !S_ISREG(about.st_mode))
        return false;
    *ret_size = (uint64_t)about.st_size;
    *ret_changed_ns = about.st_mtim.tv_sec * (int64_t)NS_PER_S + about.st_mtim.tv_nsec;
    if (file->source && file->source->journal) {
        struct str path = {0};
        str_printf(&path, "%s%s", file->path, file->source->journal);
        if (!path.failed && stat(str_text(&path), &about) == 0) {
            int64_t changed_ns = about.st_mtim.tv_sec * (int64_t)NS_PER_S + about.st_mtim.tv_nsec;
            *ret_size += (uint64_t)about.st_size;
            *ret_changed_ns = changed_ns > *ret_changed_ns ? changed_ns : *ret_changed_ns;
        }
        str_free(&path);
    }
    return true;
}

/* What a receiver has appended to its log. */
static int read_log(struct spend_watch *watch, struct watched *file, struct err *err)
{
    struct otlp_file_told told = {0};
    if (!file->position.offset || !file->live) {
        otlp_reading_destroy(file->live);
        file->live = NULL;
        file->position.offset = 0;
        int status = otlp_reading_create(&file->live, err);
        if (status)
            return status;
    }
    struct otlp_pass pass = {.path = file->path,
                             .from = file->position.offset,
                             .phase = OTLP_LIVE,
                             .calls_only = true,
                             .sink = &watch->sink};
    int status = otlp_reading_pass(file->live, &pass, &told, err);
    if (!status)
        file->position.offset = told.end_offset;
    return status;
}

static void read_new(struct spend_watch *watch, struct watched *file)
{
    struct err why = {0};
    if (!file->source && source_probe(file->path, &file->source, &why))
        file->source = NULL;
    if (!file->source)
        return;
    bool resumes = file->source->can_resume;
    struct source_request request = {.path = file->path, .calls_only = true};
    if (resumes) {
        request.from = file->position;
        request.ret_resume = &file->position;
    }
    watch->reading = file;
    bool is_log = file->source == &otlp_source && request_log_is(file->path);
    if (file->live && !is_log) /* the receiver has made a recording of it */
        return;
    if (is_log ? read_log(watch, file, &why) : file->source->read(&request, &watch->sink, &why))
        file->changed_ns = 0; /* tried again */
}

static void poll_file(struct spend_watch *watch, struct watched *file)
{
    uint64_t size;
    int64_t changed_ns;
    if (!look_at(file, &size, &changed_ns) || (size == file->size_bytes && changed_ns == file->changed_ns))
        return;
    if (size < file->size_bytes) /* written anew */
        file->position = (struct source_position){0};
    file->size_bytes = size;
    file->changed_ns = changed_ns;
    if (changed_ns + STAMP_SLACK_NS < watch->options.since_ns)
        return;
    file->is_active = true;
    read_new(watch, file);
}

static int file_add(struct spend_watch *watch, const struct agent_source *source, const char *path,
                    struct err *err)
{
    uint64_t id;
    bool is_new = false;
    if (intern_put(&watch->paths, path, strlen(path), &id, &is_new))
        return err_memory(err);
    if (is_new) {
        struct watched file = {.source = source, .path = intern_text(&watch->paths, id)};
        if (map_put(&watch->by_path, id, watch->files.count) || vec_push(&watch->files, file))
            return err_memory(err);
    }
    const uint64_t *place = map_get(&watch->by_path, id);
    if (place)
        poll_file(watch, &watch->files.items[*place]);
    return 0;
}

/* --- searching --- */

/* `kind` says which files are meant, `known` what they are; NULL: it is found out. */
static int search_place(struct spend_watch *watch, const struct agent_source *kind,
                        const struct agent_source *known, const char *place, struct err *err)
{
    struct source_files files = {0};
    struct err why = {0};
    uint64_t unreadable = 0;
    int status = 0;
    if (source_list(kind, place, &files, &unreadable, &why) == 0)
        for (size_t i = 0; i < files.items.count && !status; i++)
            status = file_add(watch, known, files.items.items[i].path, err);
    source_files_free(&files);
    return status;
}

static int search_defaults(struct spend_watch *watch, struct err *err)
{
    struct arena arena = {0};
    int status = 0;
    for (size_t i = 0; agent_sources[i] && !status; i++) {
        const char *places[SOURCE_PLACES_MAX];
        size_t count = 0;
        status = source_default_places(agent_sources[i], &arena, places, &count, err);
        for (size_t j = 0; j < count && !status; j++)
            status = search_place(watch, agent_sources[i], agent_sources[i], places[j], err);
    }
    arena_free(&arena);
    return status;
}

static int search_given(struct spend_watch *watch, struct err *err)
{
    const struct agent_source *source = watch->options.source;
    int status = 0;
    for (size_t i = 0; i < watch->options.place_count && !status; i++) {
        const char *place = watch->options.places[i];
        if (source)
            status = search_place(watch, source, source, place, err);
        for (size_t j = 0; !source && agent_sources[j] && !status; j++)
            status = search_place(watch, agent_sources[j], NULL, place, err);
    }
    return status;
}

int spend_watch_look(struct spend_watch *watch, struct err *err)
{
    uint64_t before_ns = clock_monotonic_ns();
    int status = watch->options.place_count ? search_given(watch, err) : search_defaults(watch, err);
    uint64_t now_ns = clock_monotonic_ns();
    watch->search_due_ns = now_ns + num_max(SEARCH_NS_MIN, SEARCH_SHARE * (now_ns - before_ns));
    return status;
}

int spend_watch_poll(struct spend_watch *watch, struct err *err)
{
    if (clock_monotonic_ns() >= watch->search_due_ns)
        return spend_watch_look(watch, err);
    for (size_t i = 0; i < watch->files.count; i++)
        if (watch->files.items[i].is_active)
            poll_file(watch, &watch->files.items[i]);
    return 0;
}

int spend_watch_create(const struct spend_watch_options *options, struct spend_watch **ret_watch,
                       struct err *err)
{
    struct spend_watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return err_memory(err);
    watch->sink.llm_call = take_call;
    watch->sink.retract = drop_call;
    watch->options = *options;
    watch->spend =
        (struct spend){.book = options->book, .since_ns = options->since_ns, .session = options->session};
    int status = spend_watch_look(watch, err);
    if (status)
        spend_watch_destroy(watch);
    else
        *ret_watch = watch;
    return status;
}

struct spend_total spend_watch_total(const struct spend_watch *watch)
{
    return watch->spend.total;
}

void spend_watch_destroy(struct spend_watch *watch)
{
    if (!watch)
        return;
    for (size_t i = 0; i < watch->files.count; i++)
        otlp_reading_destroy(watch->files.items[i].live);
    spend_free(&watch->spend);
    vec_free(&watch->files);
    map_free(&watch->by_path);
    intern_free(&watch->paths);
    free(watch);
}
