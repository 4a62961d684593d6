/* SPDX-License-Identifier: Apache-2.0 */
/* Doing again what a call did when it was kept (stage_keep.c), in a share of its time. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "experiment/stage_inside.h"
#include "experiment/stage_wire.h"

struct replay {
    const struct stage_call *call;
    char folder[PATH_MAX + 64];
    unsigned long long elapsed_ns;
    int status;
    long long moved;
    int drains;
};

static bool number_is_kept(struct replay *replay, const char *key, unsigned n)
{
    snprintf(replay->folder, sizeof replay->folder, "%s/calls/%s.%u", replay->call->folder, key, n);
    return access(replay->folder, F_OK) == 0;
}

/* The first such call that nobody has replayed in this run; when all were, the last one again. */
static bool folder_find(struct replay *replay)
{
    char key[NAME_MAX + 64], used[PATH_MAX + 64];
    stage_call_key(replay->call, key, sizeof key);
    unsigned n = 0;
    for (; number_is_kept(replay, key, n); n++) {
        snprintf(used, sizeof used, "%s/used/%s.%u", replay->call->folder, key, n);
        if (mkdir(used, 0700) == 0 || errno != EEXIST)
            return true;
    }
    return n && number_is_kept(replay, key, n - 1);
}

static int part_open(const struct replay *replay, const char *name)
{
    char path[PATH_MAX + 128];
    snprintf(path, sizeof path, "%s/%s", replay->folder, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static void stdin_use(const struct replay *replay)
{
    char bytes[4096];
    if (replay->moved)
        lseek(STDIN_FILENO, (off_t)replay->moved, SEEK_CUR);
    while (replay->drains) {
        ssize_t got = read(STDIN_FILENO, bytes, sizeof bytes);
        if (got == 0 || (got < 0 && errno != EINTR))
            return;
    }
}

static void write_file(const struct replay *replay, const char *path, mode_t mode, unsigned index)
{
    char name[64];
    snprintf(name, sizeof name, "file%u", index);
    int from = part_open(replay, name);
    int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (from >= 0 && to >= 0 && stage_copy(from, to))
        fchmod(to, mode);
    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
}

/* "d MODE PATH", "f MODE PATH", "g MODE PATH", each ended by a NUL. */
static void files_write(const struct replay *replay, FILE *about)
{
    char *line = NULL;
    size_t capacity = 0;
    unsigned index = 0;
    while (getdelim(&line, &capacity, '\0', about) > 4) {
        char *path;
        mode_t mode = (mode_t)strtoul(line + 2, &path, 8);
        if (*path++ != ' ')
            break;
        if (line[0] == 'd')
            mkdir(path, mode);
        else if (line[0] == 'f')
            write_file(replay, path, mode, index++);
        else if (unlink(path))
            rmdir(path);
    }
    free(line);
}

static void print_again(const struct replay *replay, const char *name, int to)
{
    int from = part_open(replay, name);
    if (from < 0)
        return;
    stage_copy(from, to);
    close(from);
}

/* "ELAPSED_NS STATUS MOVED DRAINS" */
static bool about_read(const char *line, struct replay *replay)
{
    char *end;
    replay->elapsed_ns = strtoull(line, &end, 10);
    replay->status = (int)strtol(end, &end, 10);
    replay->moved = strtoll(end, &end, 10);
    if (*end != ' ')
        return false;
    replay->drains = (int)strtol(end, &end, 10);
    return *end == '\n';
}

_Noreturn void stage_replay(const struct stage_call *call)
{
    static struct replay replay;
    struct stage_log log = {.kind = STAGE_REPLAYED};
    uint64_t start_ns = stage_now_ns();
    replay.call = call;
    int fd = folder_find(&replay) ? part_open(&replay, "about") : -1;
    FILE *about = fd >= 0 ? fdopen(fd, "r") : NULL;
    char line[128];
    if (!about || !fgets(line, sizeof line, about) || !about_read(line, &replay)) {
        log.kind = STAGE_MISSED;
        stage_log_write(call, &log);
        stage_become(call);
    }
    stdin_use(&replay);
    uint64_t wanted_ns = (uint64_t)(call->share * (double)replay.elapsed_ns);
    uint64_t spent_ns = stage_now_ns() - start_ns;
    if (wanted_ns > spent_ns)
        stage_sleep(wanted_ns - spent_ns);
    files_write(&replay, about);
    print_again(&replay, "out", STDOUT_FILENO);
    print_again(&replay, "errors", STDERR_FILENO);
    log.elapsed_ns = stage_now_ns() - start_ns;
    stage_log_write(call, &log);
    stage_end_as(replay.status);
}
