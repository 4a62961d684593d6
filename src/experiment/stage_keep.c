/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeping what a call does, and doing it again. Kept is what it prints, how it ends, how far it moved in a file that is its stdin,
 * whether it read a stdin that is a pipe to its end, and what became of the files below the root and of those it names. Calls of one
 * stage are kept one after another, so that each file belongs to one of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "experiment/stage_files.h"
#include "experiment/stage_inside.h"
#include "experiment/stage_wire.h"

#define CALLS_MAX      100000u
#define KEPT_BYTES_MAX (1ull << 30) /* of one file, or of what one call prints */
#define TURN_LOOK_NS   (2 * 1000000ull)
#define TURN_MAX_NS    (20 * 1000000000ull) /* a call that takes longer runs beside the next */
#define FNV_START      0xcbf29ce484222325u
#define FNV_PRIME      0x100000001b3u
#define CHUNK_BYTES    65536u

struct keeping {
    const struct stage_call *call;
    char folder[PATH_MAX + 64];
    FILE *about;
    unsigned file_count;
    const char *why; /* what could not be kept; NULL */
};

void stage_call_key(const struct stage_call *call, char *ret_key, size_t size)
{
    char here[PATH_MAX] = "";
    uint64_t hash = FNV_START;
    const char *folder = getcwd(here, sizeof here);
    for (size_t i = 0; call->words[i]; i++)
        for (const char *at = call->words[i];; at++) {
            hash = (hash ^ (unsigned char)*at) * FNV_PRIME;
            if (!*at)
                break;
        }
    for (const char *at = folder ? folder : ""; *at; at++)
        hash = (hash ^ (unsigned char)*at) * FNV_PRIME;
    snprintf(ret_key, size, "%s-%016llx", call->name, (unsigned long long)hash);
}

bool stage_copy(int from, int to)
{
    static char bytes[CHUNK_BYTES];
    uint64_t total = 0;
    for (;;) {
        ssize_t got = read(from, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0;
        total += (uint64_t)got;
        if (total > KEPT_BYTES_MAX)
            return false;
        for (ssize_t at = 0; at < got;) {
            ssize_t wrote = write(to, bytes + at, (size_t)(got - at));
            if (wrote < 0 && errno == EINTR)
                continue;
            if (wrote <= 0)
                return false;
            at += wrote;
        }
    }
}

static void cannot(struct keeping *keeping, const char *why)
{
    if (!keeping->why)
        keeping->why = why;
}

static int part_open(const struct keeping *keeping, const char *name)
{
    char path[PATH_MAX + 128];
    snprintf(path, sizeof path, "%s/%s", keeping->folder, name);
    return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

/* What the program prints goes on and is kept. */
static bool pour(struct pollfd *from, int to, int kept, uint64_t *bytes)
{
    static char chunk[CHUNK_BYTES];
    ssize_t got = read(from->fd, chunk, sizeof chunk);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return true;
    if (got <= 0)
        return false;
    *bytes += (uint64_t)got;
    if (*bytes <= KEPT_BYTES_MAX && write(kept, chunk, (size_t)got) != got)
        *bytes = KEPT_BYTES_MAX + 1;
    for (ssize_t at = 0; at < got;) {
        ssize_t wrote = write(to, chunk + at, (size_t)(got - at));
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return false;
        at += wrote;
    }
    return true;
}

struct stream {
    int ends[2];
    int to, kept;
    uint64_t bytes;
    bool is_open;
};

/* Until both are at their end, or the program has ended and nothing more comes: what it left running may hold them open. */
static int pour_all(pid_t pid, struct stream *streams)
{
    int status = 0;
    bool has_ended = false;
    while (streams[0].is_open || streams[1].is_open || !has_ended) {
        struct pollfd looks[2];
        for (int i = 0; i < 2; i++)
            looks[i] = (struct pollfd){.fd = streams[i].is_open ? streams[i].ends[0] : -1, .events = POLLIN};
        int ready = poll(looks, 2, has_ended ? 0 : 5);
        for (int i = 0; i < 2; i++)
            if (looks[i].revents && !pour(&looks[i], streams[i].to, streams[i].kept, &streams[i].bytes)) {
                /* A reader that is gone ends the program, as it would have. */
                streams[i].is_open = false;
                close(streams[i].ends[0]);
            }
        if (has_ended && ready <= 0)
            break;
        if (!has_ended && waitpid(pid, &status, WNOHANG) == pid)
            has_ended = true;
    }
    return status;
}

static bool is_pipe(int fd)
{
    struct stat about;
    return !fstat(fd, &about) && (S_ISFIFO(about.st_mode) || S_ISSOCK(about.st_mode));
}

/* A pipe whose writers are gone and which holds nothing. */
static bool is_drained(int fd)
{
    struct pollfd look = {.fd = fd, .events = POLLIN};
    int left = 0;
    return is_pipe(fd) && poll(&look, 1, 0) == 1 && (look.revents & POLLHUP) && !ioctl(fd, FIONREAD, &left) &&
           left == 0;
}

static bool are_same_file(int one, int other)
{
    struct stat left, right;
    return !fstat(one, &left) && !fstat(other, &right) && left.st_dev == right.st_dev &&
           left.st_ino == right.st_ino;
}

/* Runs it; the wait status. */
static int run(struct keeping *keeping, uint64_t *ret_elapsed_ns)
{
    struct stream streams[2] = {{.to = STDOUT_FILENO}, {.to = STDERR_FILENO}};
    bool is_merged = are_same_file(STDOUT_FILENO, STDERR_FILENO);
    off_t from = lseek(STDIN_FILENO, 0, SEEK_CUR);
    streams[0].kept = part_open(keeping, "out");
    streams[1].kept = part_open(keeping, "errors");
    for (int i = 0; i < 2; i++) {
        if (i == 1 && is_merged)
            continue;
        if (streams[i].kept < 0 || pipe2(streams[i].ends, O_CLOEXEC))
            stage_become(keeping->call);
        streams[i].is_open = true;
    }
    bool was_drained = is_drained(STDIN_FILENO);
    uint64_t start_ns = stage_now_ns();
    pid_t pid = stage_start(keeping->call, streams[0].ends[1], streams[is_merged ? 0 : 1].ends[1]);
    if (!pid)
        stage_become(keeping->call);
    /* The program is to be ended when its reader is gone, not the stand-in. */
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < 2; i++)
        if (streams[i].is_open)
            close(streams[i].ends[1]);
    int status = pour_all(pid, streams);
    *ret_elapsed_ns = stage_now_ns() - start_ns;
    if (streams[0].bytes > KEPT_BYTES_MAX || streams[1].bytes > KEPT_BYTES_MAX)
        cannot(keeping, "it_prints_over_1_GiB");
    off_t to = lseek(STDIN_FILENO, 0, SEEK_CUR);
    fprintf(keeping->about, "%llu %d %lld %d\n", (unsigned long long)*ret_elapsed_ns, status,
            from >= 0 && to >= 0 ? (long long)(to - from) : 0, !was_drained && is_drained(STDIN_FILENO));
    return status;
}

static void keep_file(struct keeping *keeping, const struct stage_file *file)
{
    char name[64];
    if (S_ISDIR(file->mode)) {
        fprintf(keeping->about, "d %o %s%c", file->mode & 07777u, file->path, '\0');
        return;
    }
    if (!S_ISREG(file->mode)) {
        cannot(keeping, "it_made_something_that_is_no_plain_file");
        return;
    }
    snprintf(name, sizeof name, "file%u", keeping->file_count++);
    int from = open(file->path, O_RDONLY | O_CLOEXEC), to = part_open(keeping, name);
    if (from < 0 || to < 0 || !stage_copy(from, to))
        cannot(keeping, "a_file_that_it_wrote_could_not_be_read");
    close(from);
    close(to);
    fprintf(keeping->about, "f %o %s%c", file->mode & 07777u, file->path, '\0');
}

/* Folders before what is in them: paths are in order. A folder whose time alone changed is the same. */
static void keep_changes(struct keeping *keeping, const struct stage_files *before)
{
    struct stage_files after;
    stage_files_list(keeping->call->root, keeping->call->folder, keeping->call->words, &after);
    if (before->is_cut || after.is_cut)
        cannot(keeping, "there_are_more_files_than_can_be_watched");
    for (size_t i = 0; i < after.count; i++) {
        const struct stage_file *old = stage_files_find(before, after.items[i].path);
        bool was_there = old && (S_ISDIR(old->mode) ? S_ISDIR(after.items[i].mode)
                                                    : stage_file_is_same(old, &after.items[i]));
        if (!was_there)
            keep_file(keeping, &after.items[i]);
    }
    for (size_t i = before->count; i-- > 0;)
        if (!stage_files_find(&after, before->items[i].path))
            fprintf(keeping->about, "g %o %s%c", before->items[i].mode & 07777u, before->items[i].path, '\0');
}

/* The first folder of this call's that is free. */
static bool folder_make(struct keeping *keeping)
{
    char key[NAME_MAX + 64];
    stage_call_key(keeping->call, key, sizeof key);
    for (unsigned n = 0; n < CALLS_MAX; n++) {
        snprintf(keeping->folder, sizeof keeping->folder, "%s/calls/%s.%u", keeping->call->folder, key, n);
        if (mkdir(keeping->folder, 0700) == 0)
            return true;
        if (errno != EEXIST)
            return false;
    }
    return false;
}

/* Waits for the calls before; false when one of them takes too long. */
static bool turn_wait(const struct stage_call *call, int *ret_fd)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/turn", call->folder);
    uint64_t start_ns = stage_now_ns();
    *ret_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    while (*ret_fd >= 0 && flock(*ret_fd, LOCK_EX | LOCK_NB)) {
        if (stage_now_ns() - start_ns > TURN_MAX_NS)
            return false;
        stage_sleep(TURN_LOOK_NS);
    }
    return *ret_fd >= 0;
}

_Noreturn void stage_keep(const struct stage_call *call)
{
    static struct keeping keeping;
    struct stage_files before;
    struct stage_log log = {.kind = STAGE_KEPT};
    int turn;
    keeping.call = call;
    if (!turn_wait(call, &turn))
        cannot(&keeping, "its_calls_run_beside_one_another");
    if (!folder_make(&keeping))
        stage_become(call);
    int about = part_open(&keeping, "about");
    keeping.about = about >= 0 ? fdopen(about, "w") : NULL;
    if (!keeping.about)
        stage_become(call);
    stage_files_list(call->root, call->folder, call->words, &before);
    int status = run(&keeping, &log.elapsed_ns);
    keep_changes(&keeping, &before);
    if (fclose(keeping.about))
        cannot(&keeping, "what_it_did_could_not_be_written_down");
    if (keeping.why) {
        log.kind = STAGE_UNKEPT;
        log.why = keeping.why;
    }
    stage_log_write(call, &log);
    stage_end_as(status);
}
