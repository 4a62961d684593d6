/* SPDX-License-Identifier: Apache-2.0 */
/* fs: whole files and their descriptors. Nothing here prints. */
#ifndef TOLL_BASE_FS_H
#define TOLL_BASE_FS_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

/* Reads up to `capacity - 1` bytes of a small file (as in /proc) and ends them with a NUL.
 * Returns the length, or -errno. No allocation. */
ssize_t fs_read_small(const char *path, char *buffer, size_t capacity);
/* The same from a descriptor that is kept open, from offset 0. */
ssize_t fs_pread_small(int fd, char *buffer, size_t capacity);

/* Appends a whole file, at most `limit_bytes`, to ret_text. */
WARN_UNUSED int fs_read(const char *path, size_t limit_bytes, struct str *ret_text, struct err *err);
/* Writes all bytes, through interrupts and short writes. */
WARN_UNUSED int fs_write_all(int fd, const void *bytes, size_t length, struct err *err);
/* Replaces a file by writing beside it and renaming: readers see the old or the new, never a half.
 * What is no file (a device, a pipe) is written to. */
WARN_UNUSED int fs_replace(const char *path, const void *bytes, size_t length, mode_t mode, struct err *err);

/*
 * The same for who writes a piece at a time: open, write to `fd`, then commit, which takes the old file's place, or abandon, which
 * leaves it as it was. Either ends the replacement.
 */
struct fs_replacement {
    int fd;
    struct str path, temporary; /* temporary: nothing of what is written in place */
};
WARN_UNUSED int fs_replacement_open(const char *path, mode_t mode, struct fs_replacement *ret_replacement,
                                    struct err *err);
WARN_UNUSED int fs_replacement_commit(struct fs_replacement *replacement, struct err *err);
void fs_replacement_abandon(struct fs_replacement *replacement);

/* A file that must not be there yet: ERR_USAGE, "it is there already". What could not be written whole is not left there. */
WARN_UNUSED int fs_create(const char *path, const void *bytes, size_t length, mode_t mode, struct err *err);

/* A file without a name, in TMPDIR or /tmp, for what is only mapped; -1 with errno. */
int fs_nameless(void);

/* For __attribute__((cleanup)): closes when >= 0. */
void fs_close(int *fd);
#define FS_CLEANUP __attribute__((cleanup(fs_close)))

#endif
