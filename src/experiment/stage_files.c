/* SPDX-License-Identifier: Apache-2.0 */
#include "experiment/stage_files.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S 1000000000u

static void add(struct stage_files *files, const char *path, const struct stat *about)
{
    if (files->count == STAGE_FILES_MAX) {
        files->is_cut = true;
        return;
    }
    if (files->count == files->capacity) {
        size_t capacity = files->capacity ? 2 * files->capacity : 256;
        struct stage_file *grown = realloc(files->items, capacity * sizeof *grown);
        if (!grown) {
            files->is_cut = true;
            return;
        }
        files->items = grown;
        files->capacity = capacity;
    }
    char *copy = strdup(path);
    if (!copy) {
        files->is_cut = true;
        return;
    }
    files->items[files->count++] = (struct stage_file){
        .path = copy,
        .mode = about->st_mode,
        .inode = about->st_ino,
        .size = (uint64_t)about->st_size,
        .changed_ns = (uint64_t)about->st_mtim.tv_sec * NS_PER_S + (uint64_t)about->st_mtim.tv_nsec,
    };
}

static void walk(struct stage_files *files, const char *folder, const char *except, unsigned depth)
{
    char path[PATH_MAX];
    struct stat about;
    DIR *listing = depth < STAGE_DEPTH_MAX ? opendir(folder) : NULL;
    if (!listing) {
        files->is_cut = true;
        return;
    }
    for (const struct dirent *entry; (entry = readdir(listing));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        int length =
            snprintf(path, sizeof path, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, entry->d_name);
        /* One that is gone meanwhile is no file. */
        if (length <= 0 || (size_t)length >= sizeof path || strcmp(path, except) == 0 || lstat(path, &about))
            continue;
        add(files, path, &about);
        if (S_ISDIR(about.st_mode))
            walk(files, path, except, depth + 1);
    }
    closedir(listing);
}

static bool is_below(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/* "-o/tmp/x", "of=/tmp/x", "/tmp/x": an absolute path in a word, where there is a file or could be one. */
static void add_named(struct stage_files *files, const char *root, const char *except, const char *word)
{
    const char *slash = strchr(word, '/');
    struct stat about;
    if (!slash || is_below(slash, root) || is_below(slash, except) || lstat(slash, &about) ||
        !S_ISREG(about.st_mode))
        return;
    if (slash == word || slash[-1] == '=' || (word[0] == '-' && slash == word + 2))
        add(files, slash, &about);
}

static int by_path(const void *left, const void *right)
{
    return strcmp(((const struct stage_file *)left)->path, ((const struct stage_file *)right)->path);
}

void stage_files_list(const char *root, const char *except, char *const *words, struct stage_files *files)
{
    *files = (struct stage_files){0};
    walk(files, root, except, 0);
    for (size_t i = 1; words[0] && words[i]; i++)
        add_named(files, root, except, words[i]);
    if (files->count)
        qsort(files->items, files->count, sizeof *files->items, by_path);
}

const struct stage_file *stage_files_find(const struct stage_files *files, const char *path)
{
    const struct stage_file key = {.path = (char *)(uintptr_t)path};
    return files->count ? bsearch(&key, files->items, files->count, sizeof *files->items, by_path) : NULL;
}

bool stage_file_is_same(const struct stage_file *one, const struct stage_file *other)
{
    return one->mode == other->mode && one->inode == other->inode && one->size == other->size &&
           one->changed_ns == other->changed_ns;
}
