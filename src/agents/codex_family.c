/* SPDX-License-Identifier: Apache-2.0 */
#include "agents/codex_family.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "agents/json_pick.h"
#include "agents/line_reader.h"
#include "base/clock.h"
#include "base/str.h"
#include "base/vec.h"

#define ANCESTORS_MAX 16u
#define DEPTH_MAX     8u
#define ENTRIES_MAX   200000u /* of a tree that is searched */

struct codex_family {
    VEC(struct codex_total) totals;
    char root[CODEX_ID_BYTES];
    int64_t until_ns; /* what came later is not in the history that was taken over; 0: not known */
};

bool codex_total_equal(const struct codex_total *left, const struct codex_total *right)
{
    return left->input == right->input && left->cached == right->cached && left->output == right->output &&
           left->reasoning == right->reasoning;
}

bool codex_total_read(const struct json_value *usage, struct codex_total *ret_total)
{
    if (json_kind(usage) != JSON_KIND_OBJECT)
        return false;
    *ret_total = (struct codex_total){.input = pick_count(usage, "input_tokens"),
                                      .cached = pick_count(usage, "cached_input_tokens"),
                                      .output = pick_count(usage, "output_tokens"),
                                      .reasoning = pick_count(usage, "reasoning_output_tokens"),
                                      .written = pick_count(usage, "cache_write_input_tokens")};
    return true;
}

static void id_copy(char *id, const char *text)
{
    size_t length = strlen(text);
    if (length < CODEX_ID_BYTES)
        memcpy(id, text, length + 1);
}

void codex_meta_read(const struct json_value *payload, struct codex_meta *ret_meta)
{
    static const char *const spawned[] = {"source.subagent.thread_spawn.parent_thread_id", "parent_thread_id",
                                          NULL};
    *ret_meta = (struct codex_meta){.start_ns = pick_time(payload, "timestamp")};
    id_copy(ret_meta->id, pick_text(payload, "id"));
    const char *parent = pick_text_of(payload, spawned);
    ret_meta->is_spawned = *parent;
    id_copy(ret_meta->parent, *parent ? parent : pick_text(payload, "forked_from_id"));
}

/* --- the parent's file --- */

struct search {
    struct str path;
    const char *ending; /* "-<id>.jsonl" */
    size_t seen;
    bool is_found;
};

/* Leaves the path of the first file with that ending. */
static void search_folder(struct search *search, unsigned depth)
{
    DIR *folder = depth < DEPTH_MAX ? opendir(str_text(&search->path)) : NULL;
    size_t length = search->path.length;
    if (!folder)
        return;
    for (struct dirent *entry;
         !search->is_found && search->seen < ENTRIES_MAX && (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        search->seen++;
        str_printf(&search->path, "/%s", entry->d_name);
        if (search->path.failed)
            break;
        if (entry->d_type == DT_DIR)
            search_folder(search, depth + 1);
        else
            search->is_found = str_ends(entry->d_name, search->ending);
        if (!search->is_found) {
            search->path.length = length;
            search->path.text[length] = '\0';
        }
    }
    closedir(folder);
}

/* The folder that holds the file, then the whole tree of sessions and what is archived beside it. */
static int parent_find(const char *path, const char *id, struct str *ret_path, struct err *err)
{
    struct str ending = {0};
    struct search search = {0};
    const char *slash = strrchr(path, '/');
    const char *tree = strstr(path, "/sessions/");
    tree = tree ? tree : strstr(path, "/archived_sessions/");
    str_printf(&ending, "-%s.jsonl", id);
    const char *places[] = {"", tree ? "/sessions" : NULL, tree ? "/archived_sessions" : NULL};
    for (size_t i = 0; i < sizeof places / sizeof *places && !search.is_found && !ending.failed; i++) {
        if (!places[i])
            continue;
        const char *end = i ? tree : slash;
        str_clear(&search.path);
        if (!i && !slash)
            str_append(&search.path, ".");
        else
            str_append_bytes(&search.path, path, (size_t)(end - path));
        str_append(&search.path, places[i]);
        search.ending = str_text(&ending);
        search.seen = 0;
        search_folder(&search, i ? 0 : DEPTH_MAX - 1);
    }
    int status = ending.failed || search.path.failed ? err_memory(err) : 0;
    if (!status && search.is_found)
        str_append(ret_path, str_text(&search.path));
    str_free(&ending);
    str_free(&search.path);
    return status;
}

/* --- what stands in it --- */

static int take_parent_line(struct codex_family *family, const struct line *line, struct codex_meta *meta,
                            struct err *err)
{
    struct json_value *root = NULL;
    struct codex_total total;
    struct err why;
    if (line->is_cut || json_read_text(line->bytes, line->length, "line", &root, &why))
        return 0; /* told when the parent itself is read */
    const struct json_value *payload = json_find(root, "payload");
    int status = 0;
    if (!*meta->id && strcmp(pick_text(root, "type"), "session_meta") == 0)
        codex_meta_read(payload, meta);
    int64_t at_ns = pick_time(root, "timestamp");
    if (strcmp(pick_text(payload, "type"), "token_count") == 0 &&
        (!family->until_ns || at_ns <= family->until_ns) &&
        codex_total_read(json_find(payload, "info.total_token_usage"), &total) &&
        vec_push(&family->totals, total))
        status = err_memory(err);
    json_free(root);
    return status;
}

static int read_parent(struct codex_family *family, const char *path, struct codex_meta *meta,
                       struct err *err)
{
    struct line_reader reader;
    struct line line;
    bool is_there = true;
    struct err why;
    *meta = (struct codex_meta){0};
    int status =
        line_reader_open(&reader, path, 0, 1, &why) ? 0 : 1; /* gone by now: as if it had not been found */
    while (status == 1 && !line_reader_next(&reader, &line, &is_there, &why) && is_there)
        if (take_parent_line(family, &line, meta, err))
            status = -ERR_ENVIRONMENT;
    line_reader_close(&reader);
    return status < 0 ? status : 0;
}

int codex_family_find(const char *path, const struct codex_meta *meta, struct codex_family **ret_family,
                      struct err *err)
{
    struct codex_family *family = calloc(1, sizeof *family);
    struct codex_meta at = *meta;
    int status = family ? 0 : err_memory(err);
    bool is_found = false;
    if (!status) {
        memcpy(family->root, meta->parent, sizeof family->root);
        family->until_ns = meta->start_ns ? meta->start_ns + (int64_t)NS_PER_S : 0;
    }
    for (unsigned i = 0; i < ANCESTORS_MAX && !status && *at.parent && strcmp(at.parent, at.id) != 0; i++) {
        struct str parent_path = {0};
        bool is_spawned = at.is_spawned;
        status = parent_find(path, at.parent, &parent_path, err);
        if (!status && is_spawned)
            memcpy(family->root, at.parent, sizeof family->root);
        bool is_here = !status && parent_path.length;
        if (is_here)
            status = read_parent(family, str_text(&parent_path), &at, err);
        str_free(&parent_path);
        if (!is_here)
            break;
        is_found = true;
    }
    if (status || !is_found) {
        codex_family_free(family);
        return status;
    }
    *ret_family = family;
    return 0;
}

void codex_family_free(struct codex_family *family)
{
    if (!family)
        return;
    vec_free(&family->totals);
    free(family);
}

bool codex_family_has(const struct codex_family *family, const struct codex_total *total)
{
    for (size_t i = 0; family && i < family->totals.count; i++)
        if (codex_total_equal(&family->totals.items[i], total))
            return true;
    return false;
}

const char *codex_family_root(const struct codex_family *family, const struct codex_meta *meta)
{
    return family ? family->root : meta->parent;
}
