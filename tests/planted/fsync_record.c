/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted cause: disk-sync. After each record the program rewrites its 256 KB state file and makes
 * it durable. The CPU a record costs is spread over three functions. Fix: the state is written
 * after each record but made durable once for 200. The state is large and always at the same
 * place so that a sync is mostly waiting, little of it the kernel's own CPU time, which a fix saves
 * and a prediction of removed waits does not. The folder given must be on a disk: on tmpfs a
 * sync costs nothing.
 */
#include "planted.h"

#include <fcntl.h>
#include <unistd.h>

#define RECORD_COUNT 2000
#define BATCH_COUNT  200
#define STATE_BYTES  (256u << 10)
#define RECORD_UNITS 40u

PLANTED_NOINLINE static uint64_t encode_record(uint64_t state)
{
    planted_work(state, RECORD_UNITS);
    return state;
}

PLANTED_NOINLINE static uint64_t apply_record(uint64_t state)
{
    planted_work(state, RECORD_UNITS);
    return state + 1;
}

PLANTED_NOINLINE static uint64_t sign_state(uint64_t state)
{
    planted_work(state, RECORD_UNITS);
    return state + 2;
}

int main(int argc, char **argv)
{
    static char image[STATE_BYTES];
    const char *folder = planted_word(argc, argv, "fsync_record FOLDER [--fixed]");
    int batch_count = planted_flag(argc, argv, "--fixed") ? BATCH_COUNT : 1;
    char path[4096];
    uint64_t state = 1;

    if (snprintf(path, sizeof path, "%s/state", folder) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        planted_fail("name state file");
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        planted_fail("open state file");
    for (int i = 1; i <= RECORD_COUNT; i++) {
        state = sign_state(apply_record(encode_record(state)));
        memcpy(image, &state, sizeof state);
        if (pwrite(fd, image, sizeof image, 0) != (ssize_t)sizeof image)
            planted_fail("write state file");
        if (i % batch_count == 0 && fdatasync(fd) != 0)
            planted_fail("sync state file");
    }
    close(fd);
    unlink(path);
    printf("%d records\n", RECORD_COUNT);
    return 0;
}
