/* SPDX-License-Identifier: Apache-2.0 */
/* guest_file: a file of the session's folder that a program makes and shares with the recorder: its ring. */
#ifndef TOLL_GUEST_FILE_H
#define TOLL_GUEST_FILE_H

#include <stddef.h>
#include <sys/types.h>

/* The C library's mmap, which the caller stands before. */
typedef void *guest_map_fn(void *address, size_t bytes, int protection, int flags, int fd, off_t offset);

/* Makes the file, with all its room, and maps it; NULL, and there is no file, where it cannot. Zeros. May change errno. */
void *guest_file_make(const char *path, size_t bytes, guest_map_fn *map);

#endif
