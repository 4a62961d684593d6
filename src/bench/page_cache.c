/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/page_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"

#define DROP_PATH   "/proc/sys/vm/drop_caches"
#define CHUNK_BYTES (256u << 10)

static const char *const names[] = {"as-is", "warmed", "dropped"};

const char *page_cache_name(enum page_cache state)
{
    return names[state];
}

int page_cache_parse(const char *name, enum page_cache *ret_state, struct err *err)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            *ret_state = (enum page_cache)i;
            return 0;
        }
    }
    return err_set(err, ERR_USAGE,
                   "could not bring the page cache into state '%s': it is as-is, warmed or dropped", name);
}

static int drop_all(struct err *err)
{
    sync();
    FS_CLEANUP int fd = open(DROP_PATH, O_WRONLY | O_CLOEXEC);
    if (fd >= 0 && write(fd, "3\n", 2) == 2)
        return 0;
    int status = err_errno(err, errno, "could not drop the page cache");
    err_hint(err, "that takes root and a writable " DROP_PATH
                  "; --cache-file FILE names the files that the command reads, "
                  "which anybody may drop");
    return status;
}

static int read_through(int fd, char *chunk)
{
    ssize_t got;
    do {
        got = read(fd, chunk, CHUNK_BYTES);
    } while (got > 0 || (got < 0 && errno == EINTR));
    return got < 0 ? errno : 0;
}

static int set_file(enum page_cache state, const char *path, char *chunk, struct err *err)
{
    int failed = 0;
    FS_CLEANUP int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return err_errno(err, errno, "could not open file '%s'", path);
    if (state == PAGE_CACHE_WARMED) {
        failed = read_through(fd, chunk);
    } else {
        fdatasync(fd); /* pages that are not yet written stay; a file system without it has none */
        failed = posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    }
    return failed ? err_errno(err, failed, "could not bring file '%s' into the page cache's state", path) : 0;
}

static int set_tree(enum page_cache state, const char *path, char *chunk, struct err *err)
{
    char *copy = strdup(path), *const paths[] = {copy, NULL};
    FTS *tree = copy ? fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL) : NULL;
    int status = tree ? 0 : err_memory(err);
    size_t count = 0;
    for (FTSENT *entry; !status && (entry = fts_read(tree)) != NULL;) {
        if (entry->fts_info == FTS_NS || entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR)
            status = err_errno(err, entry->fts_errno, "could not read '%s'", entry->fts_path);
        else if (entry->fts_info == FTS_F && ++count > PAGE_CACHE_FILES_MAX)
            status =
                err_set(err, ERR_USAGE,
                        "could not bring folder '%s' into the page cache's state: it has more than %u files",
                        path, PAGE_CACHE_FILES_MAX);
        else if (entry->fts_info == FTS_F)
            status = set_file(state, entry->fts_accpath, chunk, err);
    }
    if (tree)
        fts_close(tree);
    free(copy);
    return status;
}

int page_cache_set(enum page_cache state, const char *const *files, size_t count, struct err *err)
{
    int status = 0;
    if (state == PAGE_CACHE_AS_IS || (state == PAGE_CACHE_WARMED && !count))
        return 0;
    if (!count)
        return drop_all(err);
    char *chunk = malloc(CHUNK_BYTES);
    if (!chunk)
        return err_memory(err);
    for (size_t i = 0; !status && i < count; i++) {
        struct stat about;
        if (stat(files[i], &about))
            status = err_errno(err, errno, "could not open file '%s'", files[i]);
        else if (S_ISDIR(about.st_mode))
            status = set_tree(state, files[i], chunk, err);
        else
            status = set_file(state, files[i], chunk, err);
    }
    free(chunk);
    return status;
}
