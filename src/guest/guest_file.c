/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/guest_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

void *guest_file_make(const char *path, size_t bytes, guest_map_fn *map)
{
    void *memory = MAP_FAILED;
    struct rlimit limit;
    int fd, status;

    /* Over the limit of a file's size the kernel would send the program a signal. */
    if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur < bytes)
        return NULL;
    fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return NULL;
    do
        status = posix_fallocate(fd, 0, (off_t)bytes);
    while (status == EINTR);
    if (status == 0)
        memory = map(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    syscall(SYS_close, fd);
    return memory == MAP_FAILED ? NULL : memory;
}
