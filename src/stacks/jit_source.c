/* SPDX-License-Identifier: Apache-2.0 */
#include "stacks/jit_source.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"

#define BEGIN_BYTES 4096
#define OPEN_FLAGS  (O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
/* What the kernel's clock for files may lie behind the one that was read at the beginning. */
#define FILE_CLOCK_NS (10 * NS_PER_MS)

bool jit_source_is_dump(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    if (!str_starts(name, "jit-"))
        return false;
    const char *digits = name + strlen("jit-");
    size_t count = strspn(digits, "0123456789");
    return count > 0 && strcmp(digits + count, ".dump") == 0;
}

/* Its number in the innermost container that it is in; its number here when that cannot be told. */
static uint32_t own_pid(uint32_t pid)
{
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%u/status", pid);
    ssize_t length = fs_read_small(path, text, sizeof text);
    const char *line = length > 0 ? strstr(text, "\nNSpid:") : NULL;
    if (!line)
        return pid;
    line += strlen("\nNSpid:");
    unsigned long last = pid;
    for (char *end; *line && *line != '\n'; line = end) {
        unsigned long value = strtoul(line, &end, 10);
        if (end == line)
            break;
        last = value;
    }
    return (uint32_t)last;
}

/* Opened where the process sees it, then where we do, unless there it would be that of another process of its number. -1
 * when it is not there, or somebody else's. */
static int open_owned(uint32_t pid, const char *path, uid_t owner, bool is_ours)
{
    char inside[4200];
    struct stat about;
    int length = snprintf(inside, sizeof inside, "/proc/%u/root%s", pid, path);
    int fd = length < (int)sizeof inside ? open(inside, OPEN_FLAGS) : -1;
    if (fd < 0 && is_ours)
        fd = open(path, OPEN_FLAGS);
    if (fd >= 0 &&
        (fstat(fd, &about) || !S_ISREG(about.st_mode) || (about.st_uid != owner && about.st_uid != 0)))
        fs_close(&fd);
    return fd;
}

/* In the temporary folder, where runtimes put it. */
static int open_temporary(uint32_t pid, bool is_dump, uid_t owner)
{
    char path[64];
    uint32_t own = own_pid(pid);
    snprintf(path, sizeof path, is_dump ? "/tmp/jit-%u.dump" : "/tmp/perf-%u.map", own);
    return open_owned(pid, path, owner, own == pid);
}

/* What a process has left behind that ended before we came to it: on a busy machine short ones do. An older file is of another
 * process that had its number. */
static int open_left(const char *path, uint64_t begun_ns)
{
    struct stat about;
    int fd = open(path, OPEN_FLAGS);
    if (fd >= 0 &&
        (fstat(fd, &about) || !S_ISREG(about.st_mode) || about.st_uid != geteuid() ||
         (uint64_t)about.st_mtim.tv_sec * NS_PER_S + (uint64_t)about.st_mtim.tv_nsec + FILE_CLOCK_NS <
             begun_ns))
        fs_close(&fd);
    return fd;
}

static void source_left(uint32_t pid, const char *dump, uint64_t begun_ns, struct jit_source *source)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/perf-%u.map", pid);
    if (dump)
        source->fd = open_left(dump, begun_ns);
    source->is_dump = source->fd >= 0;
    if (source->fd < 0)
        source->fd = open_left(path, begun_ns);
    jit_source_refresh(source);
}

void jit_source_open(uint32_t pid, const char *dump, uint64_t begun_ns, struct jit_source *ret_source)
{
    char path[64];
    struct stat process;
    *ret_source = (struct jit_source){.fd = -1};
    snprintf(path, sizeof path, "/proc/%u", pid);
    if (stat(path, &process)) {
        source_left(pid, dump, begun_ns, ret_source);
        return;
    }
    if (dump)
        ret_source->fd = open_owned(pid, dump, process.st_uid, own_pid(pid) == pid);
    ret_source->is_dump = ret_source->fd >= 0;
    if (ret_source->fd < 0)
        ret_source->fd = open_temporary(pid, false, process.st_uid);
    jit_source_refresh(ret_source);
}

bool jit_source_begins_with(uint32_t pid, const char *word)
{
    char path[64], bytes[BEGIN_BYTES];
    struct stat process;
    bool is_found = false;
    snprintf(path, sizeof path, "/proc/%u", pid);
    for (int is_dump = 0; is_dump < 2 && !is_found && stat(path, &process) == 0; is_dump++) {
        int fd = open_temporary(pid, is_dump, process.st_uid);
        ssize_t got = fd >= 0 ? pread(fd, bytes, sizeof bytes, 0) : 0;
        is_found = got > 0 && memmem(bytes, (size_t)got, word, strlen(word));
        fs_close(&fd);
    }
    return is_found;
}

void jit_source_refresh(struct jit_source *source)
{
    struct stat about;
    if (source->fd < 0 || fstat(source->fd, &about) || (uint64_t)about.st_size == source->size)
        return;
    source->size = (uint64_t)about.st_size;
    source->epoch++;
}
