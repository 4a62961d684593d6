/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cache_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "base/vec.h"

#define PATH_BYTES   4096u
#define NAME_BYTES   160u
#define PART_SUFFIX  ".part" /* fs_replace's, while it writes */
#define PART_SECONDS 3600

char *cache_folder_of(const char *kind)
{
    const char *cache =
        getenv("XDG_CACHE_HOME");      /* NOLINT(concurrency-mt-unsafe): toll never sets variables */
    const char *home = getenv("HOME"); /* NOLINT(concurrency-mt-unsafe) */
    char *folder = NULL;
    int length = 0;
    if (cache && cache[0] == '/')
        length = asprintf(&folder, "%s/toll/%s", cache, kind);
    else if (home && home[0] == '/')
        length = asprintf(&folder, "%s/.cache/toll/%s", home, kind);
    else
        folder = strdup("");
    return length < 0 ? NULL : folder;
}

int cache_folder_make(const char *folder, struct err *err)
{
    char path[PATH_BYTES];
    if (snprintf(path, sizeof path, "%s", folder) >= (int)sizeof path)
        return err_set(err, ERR_ENVIRONMENT, "could not make folder '%s': its name is too long", folder);
    for (char *slash = path + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = 0;
        if (mkdir(path, 0700) && errno != EEXIST)
            return err_errno(err, errno, "could not make folder '%s'", path);
    }
    if (mkdir(path, 0700) && errno != EEXIST)
        return err_errno(err, errno, "could not make folder '%s'", path);
    return 0;
}

void cache_file_touch(const char *path)
{
    int touched = utimensat(AT_FDCWD, path, NULL, 0);
    (void)touched;
}

struct cache_file {
    struct timespec used;
    char name[NAME_BYTES];
};

static int by_age(const void *left, const void *right)
{
    const struct cache_file *a = left, *b = right;
    if (a->used.tv_sec != b->used.tv_sec)
        return a->used.tv_sec < b->used.tv_sec ? -1 : 1;
    return a->used.tv_nsec < b->used.tv_nsec ? -1 : a->used.tv_nsec > b->used.tv_nsec;
}

/* Whoever wrote it was killed: nobody writes for so long. */
static bool is_left_behind(const struct stat *about)
{
    return S_ISREG(about->st_mode) && about->st_mtim.tv_sec < time(NULL) - PART_SECONDS;
}

void cache_folder_prune(const char *folder, const char *suffix)
{
    DIR *stream = opendir(folder);
    VEC(struct cache_file) files = {0};
    const struct dirent *entry;
    while (stream && (entry = readdir(stream))) { /* NOLINT(concurrency-mt-unsafe): a stream of our own */
        struct stat about;
        struct cache_file file;
        size_t length = strlen(entry->d_name);
        bool is_part = str_ends(entry->d_name, PART_SUFFIX);
        if ((!is_part && !str_ends(entry->d_name, suffix)) || length >= sizeof file.name ||
            fstatat(dirfd(stream), entry->d_name, &about, AT_SYMLINK_NOFOLLOW))
            continue;
        if (is_part) {
            if (is_left_behind(&about))
                unlinkat(dirfd(stream), entry->d_name, 0);
            continue;
        }
        file.used = about.st_mtim;
        memcpy(file.name, entry->d_name, length + 1);
        if (vec_push(&files, file))
            break;
    }
    if (files.count > CACHE_FILE_COUNT_MAX) {
        qsort(files.items, files.count, sizeof *files.items, by_age);
        for (size_t i = 0; i + CACHE_FILE_COUNT_KEPT < files.count; i++)
            unlinkat(dirfd(stream), files.items[i].name, 0);
    }
    vec_free(&files);
    if (stream)
        closedir(stream);
}
