/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

ssize_t fs_pread_small(int fd, char *buffer, size_t capacity)
{
    size_t length = 0;
    while (length + 1 < capacity) {
        ssize_t got = pread(fd, buffer + length, capacity - 1 - length, (off_t)length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        length += (size_t)got;
    }
    buffer[length] = '\0';
    return (ssize_t)length;
}

ssize_t fs_read_small(const char *path, char *buffer, size_t capacity)
{
    FS_CLEANUP int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    return fs_pread_small(fd, buffer, capacity);
}

int fs_read(const char *path, size_t limit_bytes, struct str *ret_text, struct err *err)
{
    FS_CLEANUP int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, errno, "could not open file '%s'", path);
    char buffer[16384];
    size_t total = 0;
    for (;;) {
        ssize_t got = read(fd, buffer, sizeof buffer);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, errno, "could not read file '%s'", path);
        if (got == 0)
            break;
        total += (size_t)got;
        if (total > limit_bytes)
            return err_set(err, ERR_INPUT, "could not read file '%s': it is over %zu bytes", path,
                           limit_bytes);
        str_append_bytes(ret_text, buffer, (size_t)got);
    }
    return ret_text->failed ? err_memory(err) : 0;
}

int fs_write_all(int fd, const void *bytes, size_t length, struct err *err)
{
    const char *at = bytes;
    while (length) {
        ssize_t wrote = write(fd, at, length);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return err_errno(err, errno, "could not write %zu bytes", length);
        at += wrote;
        length -= (size_t)wrote;
    }
    return 0;
}

/* A device, a pipe or a terminal stays what it is: renaming over /dev/null would take it from everyone. */
static bool is_written_in_place(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

int fs_replacement_open(const char *path, mode_t mode, struct fs_replacement *ret_replacement,
                        struct err *err)
{
    struct fs_replacement made = {.fd = -1};
    bool in_place = is_written_in_place(path);
    str_append(&made.path, path);
    if (!in_place)
        str_printf(&made.temporary, "%s.%ld.part", path, (long)getpid());
    if (made.path.failed || made.temporary.failed) {
        fs_replacement_abandon(&made);
        return err_memory(err);
    }
    made.fd = in_place ? open(path, O_WRONLY | O_CLOEXEC)
                       : open(made.temporary.text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (made.fd < 0) {
        int status = err_errno(err, errno, "could not %s file '%s'", in_place ? "open" : "create", path);
        str_free(&made.temporary);
        str_free(&made.path);
        return status;
    }
    *ret_replacement = made;
    return 0;
}

int fs_replacement_commit(struct fs_replacement *replacement, struct err *err)
{
    const char *path = str_text(&replacement->path);
    int status = 0;
    if (replacement->temporary.length && rename(replacement->temporary.text, path))
        status = err_errno(err, errno, "could not create file '%s'", path);
    if (!status)
        str_clear(&replacement->temporary); /* it is the file now */
    fs_replacement_abandon(replacement);
    return status;
}

void fs_replacement_abandon(struct fs_replacement *replacement)
{
    fs_close(&replacement->fd);
    if (replacement->temporary.length)
        unlink(replacement->temporary.text);
    str_free(&replacement->temporary);
    str_free(&replacement->path);
}

int fs_replace(const char *path, const void *bytes, size_t length, mode_t mode, struct err *err)
{
    struct fs_replacement replacement;
    int status = fs_replacement_open(path, mode, &replacement, err);
    if (status)
        return status;
    status = fs_write_all(replacement.fd, bytes, length, err);
    if (!status)
        return fs_replacement_commit(&replacement, err);
    fs_replacement_abandon(&replacement);
    return err_wrap(err, "could not write file '%s'", path);
}

int fs_create(const char *path, const void *bytes, size_t length, mode_t mode, struct err *err)
{
    FS_CLEANUP int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0 && errno == EEXIST)
        return err_set(err, ERR_USAGE, "could not write file '%s': it is there already", path);
    if (fd < 0)
        return err_errno(err, errno, "could not create file '%s'", path);
    int status = fs_write_all(fd, bytes, length, err);
    if (!status)
        return 0;
    unlink(path); /* ours, and half of it would be in the way of the next try */
    return err_wrap(err, "could not write file '%s'", path);
}

/* Some file systems know no O_TMPFILE: overlayfs before Linux 6.1, which is /tmp of most containers, and NFS. */
int fs_nameless(void)
{
    const char *folder = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe): toll never sets it */
    char path[PATH_MAX];
    folder = folder && folder[0] ? folder : "/tmp";
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return fd;
    int length = snprintf(path, sizeof path, "%s/toll-XXXXXX", folder);
    if (length < 0 || (size_t)length >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        (void)unlink(path);
    return fd;
}

void fs_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}
