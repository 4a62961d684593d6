/* SPDX-License-Identifier: Apache-2.0 */
#include "agents/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/num.h"

const struct agent_source *const agent_sources[] = {
    &claude_source,   &codex_source,     &gemini_source, &opencode_source,
    &langfuse_source, &langsmith_source, &otlp_source,   NULL,
};

const struct agent_source *source_find(const char *name)
{
    for (const struct agent_source *const *at = agent_sources; *at; at++)
        if (strcmp((*at)->name, name) == 0)
            return *at;
    return NULL;
}

void source_names(struct str *ret_text)
{
    for (const struct agent_source *const *at = agent_sources; *at; at++)
        str_printf(ret_text, "%s%s", at == agent_sources ? "" : ", ", (*at)->name);
}

/* Files are read more than once; a pipe or a device would be waited for, or never end. */
static int not_regular(const char *path, struct err *err)
{
    err_set(err, ERR_INPUT, "could not read '%s': it is neither a file nor a folder", path);
    err_hint(err, "what comes out of a program has to be in a file: PROGRAM > FILE");
    return -ERR_INPUT;
}

int source_probe(const char *path, const struct agent_source **ret_source, struct err *err)
{
    char head[SOURCE_HEAD_BYTES + 1];
    struct stat about;
    if (stat(path, &about) == 0 && !S_ISREG(about.st_mode))
        return not_regular(path, err);
    ssize_t length = fs_read_small(path, head, sizeof head);
    if (length < 0)
        return err_errno(err, (int)-length, "could not read file '%s'", path);
    *ret_source = NULL;
    for (const struct agent_source *const *at = agent_sources; *at; at++)
        if ((*at)->probe && (*at)->probe(path, head, (size_t)length)) {
            *ret_source = *at;
            return 0;
        }
    return 0;
}

/* --- places --- */

struct place_list {
    struct arena *arena;
    const char **items;
    size_t count;
};

static int place_add(struct place_list *list, const char *base, size_t base_length, const char *below,
                     struct err *err)
{
    struct stat about;
    while (base_length > 1 && base[base_length - 1] == '/')
        base_length--;
    char *path = below ? arena_printf(list->arena, "%.*s/%s", (int)base_length, base, below)
                       : arena_copy(list->arena, base, base_length);
    char *real = path ? realpath(path, NULL) : NULL;
    if (!path)
        return err_memory(err);
    if (!real)
        return 0; /* not there: most people have one program of many */
    const char *known = arena_string(list->arena, real);
    bool is_there = stat(real, &about) == 0;
    free(real);
    if (!known)
        return err_memory(err);
    for (size_t i = 0; i < list->count && is_there; i++)
        is_there = strcmp(list->items[i], known) != 0;
    if (is_there && list->count < SOURCE_PLACES_MAX)
        list->items[list->count++] = known;
    return 0;
}

static int place_add_each(struct place_list *list, const struct source_place *place, const char *value,
                          struct err *err)
{
    int status = 0;
    while (*value && !status) {
        size_t length = place->is_list ? strcspn(value, ",") : strlen(value);
        size_t blanks = strspn(value, " ");
        size_t used = length;
        while (used > blanks && value[used - 1] == ' ')
            used--;
        if (used > blanks)
            status = place_add(list, value + blanks, used - blanks, place->below, err);
        value += length + (value[length] == ',');
    }
    return status;
}

static const char *variable_value(const char *name)
{
    const char *value = name ? getenv(name) : NULL;
    return value && *value ? value : NULL;
}

int source_default_places(const struct agent_source *source, struct arena *arena, const char **ret_places,
                          size_t *ret_count, struct err *err)
{
    struct place_list list = {.arena = arena, .items = ret_places};
    const char *home = variable_value("HOME");
    int status = 0;
    for (size_t i = 0; i < source->place_count && !status; i++) {
        const struct source_place *place = &source->places[i];
        const char *value = variable_value(place->variable);
        if (variable_value(place->unless))
            continue;
        if (value)
            status = place_add_each(&list, place, value, err);
        else if (home && place->home)
            status = place_add(&list, home, strlen(home), place->home, err);
    }
    *ret_count = list.count;
    return status;
}

/* --- files --- */

struct walk {
    const struct agent_source *source;
    struct source_files *files;
    uint64_t unreadable;
};

static void add_times(struct source_file *file, const struct stat *about)
{
    int64_t changed = (int64_t)about->st_mtim.tv_sec * (int64_t)NS_PER_S + (int64_t)about->st_mtim.tv_nsec;
    file->size_bytes += (uint64_t)about->st_size;
    if (changed > file->changed_ns)
        file->changed_ns = changed;
}

static int file_add(struct walk *walk, const char *path, const struct stat *about, struct err *err)
{
    struct source_file file = {.path = arena_string(&walk->files->arena, path), .inode = about->st_ino};
    if (walk->files->items.count >= SOURCE_FILES_MAX)
        return err_set(err, ERR_INPUT, "could not read '%s': it is one of over %u files", path,
                       SOURCE_FILES_MAX);
    add_times(&file, about);
    if (walk->source->journal) {
        struct str beside = {0};
        struct stat journal;
        str_printf(&beside, "%s%s", path, walk->source->journal);
        if (!beside.failed && stat(beside.text, &journal) == 0)
            add_times(&file, &journal);
        str_free(&beside);
    }
    if (!file.path || vec_push(&walk->files->items, file))
        return err_memory(err);
    return 0;
}

static int walk_folder(struct walk *walk, int folder_fd, struct str *path, unsigned depth, struct err *err);

static int walk_entry(struct walk *walk, int folder_fd, const struct dirent *entry, struct str *path,
                      unsigned depth, struct err *err)
{
    struct stat about;
    bool may_be_file = entry->d_type == DT_REG || entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN;
    bool may_be_folder = entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN;
    if (may_be_file && walk->source->takes(path->text)) {
        if (fstatat(folder_fd, entry->d_name, &about, 0) == 0 && S_ISREG(about.st_mode))
            return file_add(walk, path->text, &about, err);
    }
    if (!may_be_folder || depth >= SOURCE_DEPTH_MAX)
        return 0;
    int fd = openat(folder_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0)
        return walk_folder(walk, fd, path, depth + 1, err);
    walk->unreadable += errno == EACCES;
    return 0;
}

/* Owns folder_fd. `path` is the folder's and comes back as it was. */
static int walk_folder(struct walk *walk, int folder_fd, struct str *path, unsigned depth, struct err *err)
{
    DIR *folder = fdopendir(folder_fd);
    size_t length = path->length;
    int status = 0;
    if (!folder) {
        close(folder_fd);
        walk->unreadable++;
        return 0;
    }
    for (struct dirent *entry; !status && (entry = readdir(folder));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        str_printf(path, "/%s", entry->d_name);
        status = path->failed ? err_memory(err) : walk_entry(walk, folder_fd, entry, path, depth, err);
        path->length = length;
        path->text[length] = '\0';
    }
    closedir(folder);
    return status;
}

static int by_path(const void *left, const void *right)
{
    return strcmp(((const struct source_file *)left)->path, ((const struct source_file *)right)->path);
}

int source_list(const struct agent_source *source, const char *place, struct source_files *files,
                uint64_t *ret_unreadable, struct err *err)
{
    struct walk walk = {.source = source, .files = files};
    struct stat about;
    struct str path = {0};
    int status = 0;
    if (stat(place, &about))
        return err_errno(err, errno, "could not read '%s'", place);
    if (!S_ISDIR(about.st_mode) && !S_ISREG(about.st_mode))
        return not_regular(place, err);
    if (!S_ISDIR(about.st_mode)) {
        status = file_add(&walk, place, &about, err);
    } else {
        int fd = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            return err_errno(err, errno, "could not read folder '%s'", place);
        str_append(&path, place);
        if (path.failed) {
            close(fd);
            return err_memory(err);
        }
        status = walk_folder(&walk, fd, &path, 0, err);
    }
    str_free(&path);
    if (files->items.count)
        qsort(files->items.items, files->items.count, sizeof files->items.items[0], by_path);
    *ret_unreadable += walk.unreadable;
    return status;
}

void source_files_free(struct source_files *files)
{
    vec_free(&files->items);
    arena_free(&files->arena);
}
