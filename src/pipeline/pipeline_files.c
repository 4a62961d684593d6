/* SPDX-License-Identifier: Apache-2.0 */
/* The files that knobs are in: remembered, changed, put back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "pipeline/file_key.h"
#include "pipeline/pipeline_command.h"

#define KEPT_SUFFIX ".toll-kept"

struct kept_file {
    char *path, *copy; /* real paths */
    struct str text;
    struct stat about;
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
    }
    free(kept);
}

/* A copy that lies there is what an earlier toll could not put back. */
static int recover(const struct kept_file *file, struct err *err)
{
    if (rename(file->copy, file->path) == 0 || errno == ENOENT)
        return 0;
    return err_errno(err, errno, "could not put file '%s' back", file->path);
}

static int keep(struct pipeline_kept *kept, const char *path, struct err *err)
{
    struct kept_file file = {.path = realpath(path, NULL)};
    struct str copy = {0};
    if (!file.path)
        return err_errno(err, errno, "could not open file '%s'", path);
    for (size_t i = 0; i < kept->count; i++)
        if (strcmp(kept->files[i].path, file.path) == 0) {
            free(file.path);
            return 0;
        }
    str_printf(&copy, "%s" KEPT_SUFFIX, file.path);
    file.copy = copy.text;
    kept->files[kept->count++] = file;
    struct kept_file *placed = &kept->files[kept->count - 1];
    int status = copy.failed ? err_memory(err) : recover(placed, err);
    if (!status && stat(placed->path, &placed->about) != 0)
        status = err_errno(err, errno, "could not open file '%s'", path);
    if (!status)
        status = fs_read(placed->path, FILE_KEY_BYTES_MAX, &placed->text, err);
    if (!status)
        status =
            file_key_put(placed->copy, str_text(&placed->text), placed->text.length, &placed->about, err);
    return status;
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
            if (kept->files[i].copy)
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
