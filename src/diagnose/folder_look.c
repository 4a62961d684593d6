/* SPDX-License-Identifier: Apache-2.0 */
/* What a folder shows: the names of its files, and what its package files name. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/str.h"
#include "diagnose/technology.h"

#define PACKAGE_BYTES_MAX ((size_t)1 << 20)
#define RULE_MAX          64u
/* A language of fewer of the files is named only for its package file. */
#define LANGUAGE_RATIO 0.02

struct walk {
    struct technologies *found;
    const char *top;
    unsigned depth_max;
    unsigned file_count;
    unsigned counts[TECHNOLOGY_KINDS][RULE_MAX]; /* files by rule */
    const char *firsts[TECHNOLOGY_KINDS][RULE_MAX];
    bool exact[TECHNOLOGY_KINDS][RULE_MAX]; /* one of them is a package file, by its whole name */
    int status;
};

static bool is_of_others(const char *name)
{
    return name[0] == '.' ||
           technology_matches(
               "node_modules|vendor|venv|env|__pycache__|target|build*|dist|site-packages|third_party", name);
}

/* "4.18.2" behind a name: `": "^4.18.2"`, `==2.1`, ` v1.9.0`. */
static const char *version_behind(const char *text, struct arena *arena)
{
    size_t skip = strspn(text, "\"': =<>~^!v@(");
    size_t length = skip > 8 ? 0 : strspn(text + skip, "0123456789.");
    return length ? arena_copy(arena, text + skip, length) : "";
}

static void packages_find(struct walk *walk, enum package_kind in, const char *path, const char *name)
{
    struct str text = {0};
    struct err ignored;
    if (fs_read(path, PACKAGE_BYTES_MAX, &text, &ignored) == 0)
        for (int kind = 0; kind < TECHNOLOGY_KINDS && !walk->status; kind++)
            for (size_t i = 0; i < *technology_tables[kind].count && !walk->status; i++) {
                const struct technology_rule *rule = &technology_tables[kind].rules[i];
                if (rule->in != in)
                    continue;
                for (const char *at = rule->packages; at && *at; at += *at == '|') {
                    char package[64];
                    size_t length = strcspn(at, "|");
                    snprintf(package, sizeof package, "%.*s", (int)length, at);
                    at += length;
                    const char *behind = technology_named(str_text(&text), in, package);
                    if (!behind)
                        continue;
                    struct technology technology = {
                        .kind = (enum technology_kind)kind,
                        .name = rule->name,
                        .version = version_behind(behind, walk->found->arena),
                        .evidence = arena_printf(walk->found->arena, "%s in %s", package, name)};
                    walk->status = technology_add(walk->found, &technology);
                    break;
                }
            }
    str_free(&text);
}

static void file_look(struct walk *walk, const char *path, const char *name)
{
    walk->file_count++;
    for (int kind = 0; kind < TECHNOLOGY_KINDS; kind++)
        for (size_t i = 0; i < *technology_tables[kind].count && i < RULE_MAX; i++) {
            const char *files = technology_tables[kind].rules[i].files;
            if (!files || !technology_matches(files, name))
                continue;
            if (!walk->firsts[kind][i])
                walk->firsts[kind][i] = arena_string(walk->found->arena, name);
            walk->counts[kind][i]++;
            const char *at = strstr(files, name);
            walk->exact[kind][i] |= at && (at == files || at[-1] == '|');
        }
    for (int in = PACKAGES_NODE; in < PACKAGES_KINDS; in++)
        if (technology_matches(package_files[in], name))
            packages_find(walk, (enum package_kind)in, path, name);
}

static void folder_walk(struct walk *walk, const char *path, unsigned depth);

static void entry_look(struct walk *walk, const char *path, const char *name, unsigned depth)
{
    char inner[1024];
    struct stat about;
    int length = snprintf(inner, sizeof inner, "%s/%s", path, name);
    if (length < 0 || (size_t)length >= sizeof inner || is_of_others(name) || lstat(inner, &about) != 0)
        return;
    if (S_ISREG(about.st_mode))
        file_look(walk, inner, name);
    else if (S_ISDIR(about.st_mode) && depth < walk->depth_max)
        folder_walk(walk, inner, depth + 1);
}

/* By name: the same folder reads the same everywhere. */
static void folder_walk(struct walk *walk, const char *path, unsigned depth)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        if (!walk->status && walk->file_count < FOLDER_FILES_MAX)
            entry_look(walk, path, entries[i]->d_name, depth);
        free(entries[i]);
    }
    free(entries);
}

/* The rule of a kind with the most files that was not told yet; -1: none. */
static int most_files(struct walk *walk, int kind)
{
    int most = -1;
    for (size_t i = 0; i < *technology_tables[kind].count && i < RULE_MAX; i++)
        if (walk->counts[kind][i] && (most < 0 || walk->counts[kind][i] > walk->counts[kind][most]))
            most = (int)i;
    return most;
}

static void counts_tell(struct walk *walk, int kind)
{
    for (int i; !walk->status && (i = most_files(walk, kind)) >= 0; walk->counts[kind][i] = 0) {
        const struct technology_rule *rule = &technology_tables[kind].rules[i];
        unsigned count = walk->counts[kind][i];
        const char *first = walk->firsts[kind][i];
        if (!first)
            continue;
        if (kind == TECHNOLOGY_LANGUAGE && !walk->exact[kind][i] &&
            count < (unsigned)((double)walk->file_count * LANGUAGE_RATIO))
            continue;
        struct technology technology = {
            .kind = (enum technology_kind)kind, .name = rule->name, .version = ""};
        technology.evidence =
            count == 1 ? first : arena_printf(walk->found->arena, "%u files, as %s", count, first);
        walk->status = technology_add(walk->found, &technology);
    }
}

int technologies_of_folder(struct technologies *found, const char *path, unsigned depth_max)
{
    struct walk *walk = calloc(1, sizeof *walk);
    if (!walk)
        return -1;
    *walk = (struct walk){.found = found, .top = path, .depth_max = depth_max};
    folder_walk(walk, path, 1);
    for (int kind = 0; kind < TECHNOLOGY_KINDS; kind++)
        counts_tell(walk, kind);
    int status = walk->status;
    free(walk);
    return status;
}
