/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "bench/process_tree.h"
#include "bench/spawner_binary.h"
#include "bench/spawner_wire.h"

#define BLOCK_BYTES   512u
#define LIMIT_LOOK_MS 100
#define PATIENCE_NS   (2 * NS_PER_S)

struct spawner {
    pid_t pid;
    int socket_fd;
    struct spawner_page *page;
};

/* Above the descriptors that the spawner expects its own at, so that placing one cannot close the other. */
static int high_fd(int fd)
{
    int high = fcntl(fd, F_DUPFD_CLOEXEC, 16);
    close(fd);
    return high;
}

static int binary_write(int fd)
{
    struct err err;
    return fs_write_all(fd, spawner_binary, spawner_binary_length, &err);
}

/* The program in memory; where the system forbids to run that, in a file that is gone at once. */
static int binary_open(struct err *err)
{
    int fd = memfd_create("toll-spawner", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd >= 0 && binary_write(fd) == 0)
        return high_fd(fd);
    fs_close(&fd);
    const char *folder = getenv("TMPDIR");
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/toll-spawner-XXXXXX", folder && *folder ? folder : "/tmp");
    FS_CLEANUP int written = mkostemp(path, O_CLOEXEC);
    if (written < 0)
        return err_errno(err, errno, "could not create file '%s'", path);
    fchmod(written, 0700);
    int failed = binary_write(written);
    fd = failed ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    unlink(path);
    return fd < 0 ? err_errno(err, EIO, "could not write file '%s'", path) : high_fd(fd);
}

static void layout_set(bool is_same)
{
    int now = personality(0xffffffff);
    if (now >= 0)
        personality(is_same ? (unsigned long)now | ADDR_NO_RANDOMIZE
                            : (unsigned long)now & ~(unsigned long)ADDR_NO_RANDOMIZE);
}

static void streams_set(const struct spawner_options *options)
{
    int nothing = open("/dev/null", O_RDWR);
    dup2(nothing, STDIN_FILENO);
    if (!options->show_output) {
        dup2(options->output_fd ? options->output_fd : nothing, STDOUT_FILENO);
        dup2(options->output_fd ? options->output_fd : nothing, STDERR_FILENO);
    }
    if (nothing > STDERR_FILENO)
        close(nothing);
}

/* In the new process: becomes the spawner, or ends with 126. */
static void become(const struct spawner_options *options, int binary_fd, int socket_fd, int page_fd)
{
    char *arguments[] = {"toll-spawner", NULL}, *environment[] = {NULL};
    if (options->cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET((size_t)options->cpu, &set);
        if (sched_setaffinity(0, sizeof set, &set))
            _exit(125);
    }
    layout_set(options->same_layout);
    streams_set(options);
    if (dup2(socket_fd, SPAWNER_SOCKET_FD) < 0 || dup2(page_fd, SPAWNER_PAGE_FD) < 0)
        _exit(126);
    syscall(SYS_execveat, binary_fd, "", arguments, environment, AT_EMPTY_PATH);
    _exit(126);
}

static int page_open(struct spawner *spawner, struct err *err)
{
    int fd = memfd_create("toll-spawner-page", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, SPAWNER_PAGE_BYTES)) {
        fs_close(&fd);
        return err_errno(err, errno, "could not share memory with the spawner");
    }
    void *page = mmap(NULL, SPAWNER_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) {
        fs_close(&fd);
        return err_errno(err, errno, "could not share memory with the spawner");
    }
    spawner->page = page;
    return high_fd(fd);
}

static int start(struct spawner *spawner, const struct spawner_options *options, struct err *err)
{
    int ends[2];
    FS_CLEANUP int page_fd = page_open(spawner, err);
    if (page_fd < 0)
        return -ERR_ENVIRONMENT;
    FS_CLEANUP int binary_fd = binary_open(err);
    if (binary_fd < 0)
        return -ERR_ENVIRONMENT;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
        return err_errno(err, errno, "could not open a socket to the spawner");
    spawner->socket_fd = ends[0];
    FS_CLEANUP int other_fd = high_fd(ends[1]);
    /* Until its handlers stand, what would end the spawner waits. */
    sigset_t held, old;
    sigemptyset(&held);
    for (size_t i = 0; i < sizeof spawner_survives / sizeof spawner_survives[0]; i++)
        sigaddset(&held, spawner_survives[i]);
    sigprocmask(SIG_BLOCK, &held, &old);
    spawner->pid = other_fd < 0 ? -1 : fork();
    if (spawner->pid == 0)
        become(options, binary_fd, other_fd, page_fd);
    int errnum = errno;
    sigprocmask(SIG_SETMASK, &old, NULL);
    return spawner->pid < 0 ? err_errno(err, errnum, "could not start the spawner") : 0;
}

int spawner_create(const struct spawner_options *options, struct spawner **ret_spawner, struct err *err)
{
    struct spawner *spawner = calloc(1, sizeof *spawner);
    if (!spawner)
        return err_memory(err);
    spawner->socket_fd = -1;
    int status = start(spawner, options, err);
    if (status)
        spawner_destroy(spawner);
    else
        *ret_spawner = spawner;
    return status;
}

void spawner_destroy(struct spawner *spawner)
{
    if (!spawner)
        return;
    fs_close(&spawner->socket_fd);
    if (spawner->page && spawner->page->pid > 0)
        kill(spawner->page->pid, SIGKILL);
    while (spawner->pid > 0 && waitpid(spawner->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    if (spawner->page)
        munmap(spawner->page, SPAWNER_PAGE_BYTES);
    free(spawner);
}

void spawner_signal(const struct spawner *spawner, int number)
{
    pid_t pid = spawner->page->pid;
    if (pid > 0)
        kill(pid, number);
}

pid_t spawner_pid(const struct spawner *spawner)
{
    return spawner->pid;
}

static void add_string(struct str *strings, const char *text)
{
    str_append_bytes(strings, text, strlen(text) + 1);
}

static uint32_t add_list(struct str *strings, char *const *list)
{
    uint32_t count = 0;
    for (; list[count]; count++)
        add_string(strings, list[count]);
    return count;
}

/* As fs_write_all, without the signal that a spawner that has ended would bring. */
static int send_all(int fd, const void *bytes, size_t length, struct err *err)
{
    for (const char *at = bytes; length;) {
        ssize_t sent = send(fd, at, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return err_errno(err, errno, "could not speak to the spawner");
        at += sent;
        length -= (size_t)sent;
    }
    return 0;
}

static int send_request(const struct spawner *spawner, const struct spawn_command *command, struct err *err)
{
    struct str strings = {0};
    struct spawn_request request = {0};
    add_string(&strings, command->path);
    add_string(&strings, command->input ? command->input : "");
    add_string(&strings, command->folder ? command->folder : "");
    request.argument_count = add_list(&strings, command->arguments);
    request.variable_count = add_list(&strings, command->environment);
    request.bytes = (uint32_t)strings.length;
    int status = 0;
    if (strings.failed)
        status = err_memory(err);
    else if (strings.length > SPAWN_BYTES_MAX || request.argument_count > SPAWN_STRINGS_MAX ||
             request.variable_count > SPAWN_STRINGS_MAX)
        status = err_set(err, ERR_ENVIRONMENT, "could not run command '%s': its arguments are too long",
                         command->path);
    if (!status)
        status = send_all(spawner->socket_fd, &request, sizeof request, err);
    if (!status)
        status = send_all(spawner->socket_fd, strings.text, strings.length, err);
    str_free(&strings);
    return status;
}

/* A run's limit, and how far it has been enforced. */
struct limit {
    uint64_t at_ns;   /* 0: none */
    uint64_t late_ns; /* when it was found to be over; 0: not yet */
};

/* All descend from the spawner, also those whose own parents have ended. First they are asked; what does not listen is killed, again and
 * again, since what is started meanwhile can be missed. */
static void limit_enforce(const struct spawner *spawner, struct limit *limit)
{
    uint64_t now = clock_monotonic_ns();
    if (!limit->at_ns || now < limit->at_ns)
        return;
    if (!limit->late_ns) {
        limit->late_ns = now;
        process_tree_signal(spawner->pid, SIGTERM);
        process_tree_signal(spawner->pid, SIGCONT);
    } else if (now - limit->late_ns > PATIENCE_NS) {
        process_tree_signal(spawner->pid, SIGKILL);
    }
}

/* Waits for the whole reply, looking now and then when somebody wants to. */
static int receive(const struct spawner *spawner, const struct spawn_watch *watch, struct limit *limit,
                   struct spawn_reply *reply, struct err *err)
{
    struct pollfd poll_fd = {.fd = spawner->socket_fd, .events = POLLIN};
    int interval_ms = watch ? watch->interval_ms : limit->at_ns ? LIMIT_LOOK_MS : -1;
    for (size_t length = 0; length < sizeof *reply;) {
        int ready = poll(&poll_fd, 1, interval_ms);
        limit_enforce(spawner, limit);
        if (ready == 0 && watch)
            watch->look(watch->context, spawner->page->pid);
        if (ready <= 0)
            continue;
        ssize_t got = read(spawner->socket_fd, (char *)reply + length, sizeof *reply - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, errno, "could not hear from the spawner");
        if (got == 0)
            return err_set(err, ERR_ENVIRONMENT, "could not hear from the spawner: it has ended");
        length += (size_t)got;
    }
    return 0;
}

int spawner_run(struct spawner *spawner, const struct spawn_command *command, const struct spawn_watch *watch,
                struct spawn_result *ret_result, struct err *err)
{
    struct spawn_reply reply;
    struct limit limit = {.at_ns = command->limit_ns ? clock_monotonic_ns() + command->limit_ns : 0};
    int status = send_request(spawner, command, err);
    if (!status)
        status = receive(spawner, watch, &limit, &reply, err);
    if (limit.late_ns)
        process_tree_signal(spawner->pid, SIGKILL);
    if (status)
        return status;
    if (reply.errnum)
        return err_errno(err, reply.errnum, "could not run command '%s'", command->arguments[0]);
    *ret_result = (struct spawn_result){
        .wait_status = reply.status,
        .is_late = limit.late_ns > 0,
        .start_ns = reply.start_ns,
        .wall_ns = reply.end_ns - reply.start_ns,
        .user_ns = reply.user_us * 1000,
        .system_ns = reply.system_us * 1000,
        .memory_bytes_max = reply.memory_kb_max * 1024,
        .faults_minor = reply.faults_minor,
        .faults_major = reply.faults_major,
        .switches_voluntary = reply.switches_voluntary,
        .switches_involuntary = reply.switches_involuntary,
        .read_bytes = reply.blocks_read * BLOCK_BYTES,
        .write_bytes = reply.blocks_written * BLOCK_BYTES,
        .left_count = reply.left_count,
    };
    return 0;
}

static bool is_program(const char *path)
{
    struct stat about;
    return access(path, X_OK) == 0 && stat(path, &about) == 0 && S_ISREG(about.st_mode);
}

static int resolve_path(const char *name, const char *folder, char *ret_path, struct err *err)
{
    char file[PATH_MAX];
    bool is_within = folder && *name != '/';
    int length = snprintf(file, sizeof file, "%s%s%s", is_within ? folder : "", is_within ? "/" : "", name);
    if (length < 0 || (size_t)length >= sizeof file)
        return err_errno(err, ENAMETOOLONG, "could not run command '%.64s…'", name);
    if (access(file, X_OK))
        return err_errno(err, errno, "could not run command '%s'", name);
    memcpy(ret_path, file, (size_t)length + 1);
    return 0;
}

int spawner_resolve(const char *name, const struct spawn_place *place, char *ret_path, struct err *err)
{
    const char *path = place && place->search_path ? place->search_path : getenv("PATH");
    if (!*name)
        return err_set(err, ERR_USAGE, "could not run command '': it has no name");
    if (strchr(name, '/'))
        return resolve_path(name, place ? place->folder : NULL, ret_path, err);
    for (const char *at = path && *path ? path : "/usr/local/bin:/usr/bin:/bin"; *at;) {
        size_t length = strcspn(at, ":");
        char file[PATH_MAX];
        int needed = snprintf(file, sizeof file, "%.*s%s%s", (int)length, at, length ? "/" : "", name);
        if (needed > 0 && (size_t)needed < sizeof file && is_program(file)) {
            memcpy(ret_path, file, (size_t)needed + 1);
            return 0;
        }
        at += length + (at[length] == ':');
    }
    err_set(err, ERR_ENVIRONMENT, "could not run command '%s': there is no such program", name);
    err_hint(err, "a built-in of the shell, a pipe or a variable needs --shell");
    return -ERR_ENVIRONMENT;
}
