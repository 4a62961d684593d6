/* SPDX-License-Identifier: Apache-2.0 */
/* The files that knobs are in: remembered, changed, put back. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "pipeline/file_key.h"
#include "pipeline/pipeline_command.h"

struct kept_file {
    char *path, *copy; /* real paths */
    struct str text;
    struct stat about;
    bool is_kept; /* the copy is ours */
    int lock;     /* on the copy, as long as this toll lives */
};

struct pipeline_kept {
    struct kept_file files[PIPELINE_KNOBS_MAX];
    size_t count;
};

static void forget(struct pipeline_kept *kept)
{
    for (size_t i = 0; i < kept->count; i++) {
        free(kept->files[i].path);
        free(kept->files[i].copy);
        str_free(&kept->files[i].text);
        if (kept->files[i].lock >= 0)
            close(kept->files[i].lock);
    }
    free(kept);
}

/* Where files cannot be locked, all goes on without. */
static int take(struct kept_file *file, struct err *err)
{
    file->lock = open(file->copy, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file->lock < 0 || flock(file->lock, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return 0;
    err_set(err, ERR_ENVIRONMENT, "could not turn the knobs in file '%s': another toll does now", file->path);
    err_hint(err, "wait until it has ended");
    return -ERR_ENVIRONMENT;
}

/* A copy that nobody holds is what an earlier toll could not put back. */
static int recover(struct kept_file *file, struct err *err)
{
    int status = take(file, err);
    if (!status && rename(file->copy, file->path) != 0 && errno != ENOENT)
        status = err_errno(err, errno, "could not put file '%s' back", file->path);
    if (file->lock >= 0)
        close(file->lock);
    file->lock = -1;
    return status;
}

/* Who looks for a copy and makes one is alone in the folder: two that start at once do not take each other's. */
static int folder_lock(const char *path)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') + 1 - path), path);
    int lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (lock >= 0 && flock(lock, LOCK_EX) != 0 && errno == EINTR)
        ;
    return lock;
}

static int copy_make(struct kept_file *file, struct err *err)
{
    int lock = folder_lock(file->path);
    int status = recover(file, err);
    if (!status && stat(file->path, &file->about) != 0)
        status = err_errno(err, errno, "could not open file '%s'", file->path);
    if (!status)
        status = fs_read(file->path, FILE_KEY_BYTES_MAX, &file->text, err);
    if (!status)
        status = file_key_put(file->copy, str_text(&file->text), file->text.length, &file->about, err);
    file->is_kept = !status;
    if (!status)
        status = take(file, err);
    if (lock >= 0)
        close(lock);
    return status;
}

static int keep(struct pipeline_kept *kept, const char *path, struct err *err)
{
    struct kept_file file = {.path = realpath(path, NULL), .lock = -1};
    struct str copy = {0};
    if (!file.path)
        return err_errno(err, errno, "could not open file '%s'", path);
    for (size_t i = 0; i < kept->count; i++)
        if (strcmp(kept->files[i].path, file.path) == 0) {
            free(file.path);
            return 0;
        }
    str_printf(&copy, "%s" FILE_KEY_KEPT_SUFFIX, file.path);
    file.copy = copy.text;
    kept->files[kept->count++] = file;
    return copy.failed ? err_memory(err) : copy_make(&kept->files[kept->count - 1], err);
}

int pipeline_files_keep(const struct pipeline_file *file, struct pipeline_kept **ret_kept, struct err *err)
{
    struct pipeline_kept *kept = calloc(1, sizeof *kept);
    int status = kept ? 0 : err_memory(err);
    for (size_t i = 0; !status && i < file->knobs.count; i++)
        if (file->knobs.items[i].place == KNOB_IN_FILE)
            status = keep(kept, file->knobs.items[i].file, err);
    if (status && kept) {
        for (size_t i = 0; i < kept->count; i++)
            if (kept->files[i].is_kept)
                unlink(kept->files[i].copy);
        forget(kept);
    }
    if (!status)
        *ret_kept = kept;
    return status;
}

int pipeline_files_set(const struct pipeline_edit *edits, size_t count, struct err *err)
{
    int status = 0;
    for (size_t i = 0; !status && i < count; i++)
        status = file_key_write(edits[i].file, edits[i].key, edits[i].value, err);
    return status;
}

int pipeline_files_restore(struct pipeline_kept *kept, struct err *err)
{
    int status = 0;
    if (!kept)
        return 0;
    for (size_t i = 0; i < kept->count; i++) {
        const struct kept_file *file = &kept->files[i];
        struct err *told = status ? NULL : err;
        int failure = file_key_put(file->path, str_text(&file->text), file->text.length, &file->about, told);
        if (!failure)
            unlink(file->copy);
        else if (!status)
            err_hint(err, "it is kept as '%s'", file->copy);
        status = status ? status : failure;
    }
    forget(kept);
    return status;
}
