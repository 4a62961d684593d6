/* SPDX-License-Identifier: Apache-2.0 */
#include "record/descriptors.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"

#define TABLE_BYTES_MAX                                                                                      \
    (8u << 20)            /* of one /proc/net file; a machine with more sockets is not looked through */
#define SOCKET_MAX 65536u /* remembered; then all are forgotten */
#define TCP_LISTEN 10
#define DNS_PORT   53

void resolve_init(struct resolve *resolve)
{
    *resolve = (struct resolve){0};
}

void resolve_deinit(struct resolve *resolve)
{
    map_free(&resolve->by_inode);
    vec_free(&resolve->sockets);
}

static void socket_put(struct resolve *resolve, uint64_t inode, const struct resolve_socket *socket)
{
    const uint64_t *known = map_get(&resolve->by_inode, inode);

    if (known && *known < resolve->sockets.count && resolve->sockets.items) {
        resolve->sockets.items[*known] = *socket;
        return;
    }
    if (resolve->sockets.count >= SOCKET_MAX) {
        resolve->sockets.count = 0;
        map_free(&resolve->by_inode);
    }
    if (!vec_push(&resolve->sockets, *socket) &&
        map_put(&resolve->by_inode, inode, resolve->sockets.count - 1))
        resolve->sockets.count--;
}

/* "0100007F:1F90" (each word in the machine's byte order) to "127.0.0.1:8080"; returns the port. */
static unsigned endpoint_text(const char *hex, char *ret_text, size_t capacity)
{
    uint8_t bytes[16];
    char address[INET6_ADDRSTRLEN] = "";
    size_t digits = strspn(hex, "0123456789ABCDEFabcdef");
    size_t words = digits == 32 ? 4 : 1;

    for (size_t i = 0; i < words; i++) {
        char word[9] = {0};
        memcpy(word, hex + i * 8, strnlen(hex + i * 8, 8));
        uint32_t value = (uint32_t)strtoul(word, NULL, 16);
        memcpy(bytes + i * 4, &value, 4);
    }
    unsigned port = hex[digits] == ':' ? (unsigned)strtoul(hex + digits + 1, NULL, 16) : 0;
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (words == 4 && memcmp(bytes, mapped, sizeof mapped) != 0) {
        inet_ntop(AF_INET6, bytes, address, sizeof address);
        snprintf(ret_text, capacity, "[%s]:%u", address, port);
    } else {
        inet_ntop(AF_INET, words == 4 ? bytes + 12 : bytes, address, sizeof address);
        snprintf(ret_text, capacity, "%s:%u", address, port);
    }
    return port;
}

/* sl local rem st tx:rx tr:when retrnsmt uid timeout inode … */
static void inet_line(struct resolve *resolve, const char *line, bool is_stream)
{
    char local[40], remote[40];
    unsigned state;
    uint64_t inode;
    struct resolve_socket socket = {.kind = REASON_FD_SOCKET};

    if (sscanf(line, " %*[^:]: %39s %39s %x %*s %*s %*s %*s %*s %" SCNu64, local, remote, &state, &inode) !=
            4 ||
        !inode)
        return;
    unsigned remote_port = endpoint_text(remote, socket.address, sizeof socket.address);
    endpoint_text(local, socket.path, sizeof socket.path);
    socket.is_dns = remote_port == DNS_PORT;
    if ((is_stream && state == TCP_LISTEN) || remote_port == 0) {
        socket.kind = REASON_FD_LISTENING;
        memcpy(socket.address, socket.path, sizeof socket.address - 1);
    }
    socket_put(resolve, inode, &socket);
}

/* Num: RefCount Protocol Flags Type St Inode [Path] */
static void unix_line(struct resolve *resolve, const char *line, bool is_stream)
{
    unsigned flags;
    uint64_t inode;
    struct resolve_socket socket = {.kind = REASON_FD_UNIX};

    (void)is_stream;
    if (sscanf(line, " %*[^:]: %*x %*x %x %*x %*x %" SCNu64 " %107s", &flags, &inode, socket.path) < 2)
        return;
    if (flags & 0x10000) /* __SO_ACCEPTCON */
        socket.kind = REASON_FD_LISTENING;
    snprintf(socket.address, sizeof socket.address, "%.63s", socket.path);
    if (!socket.address[0])
        snprintf(socket.address, sizeof socket.address, "unix:[%" PRIu64 "]", inode);
    socket_put(resolve, inode, &socket);
}

static const struct socket_table {
    const char *name;
    void (*line)(struct resolve *resolve, const char *line, bool is_stream);
    bool is_stream;
} socket_tables[] = {{"tcp", inet_line, true},
                     {"tcp6", inet_line, true},
                     {"udp", inet_line, false},
                     {"udp6", inet_line, false},
                     {"unix", unix_line, true}};

static void table_read(struct resolve *resolve, uint64_t pid, const struct socket_table *table)
{
    char path[64];
    struct str text = {0};

    snprintf(path, sizeof path, "/proc/%" PRIu64 "/net/%s", pid, table->name);
    if (fs_read(path, TABLE_BYTES_MAX, &text, NULL) == 0) {
        char *save = NULL;
        char *line = text.text ? strtok_r(text.text, "\n", &save) : NULL; /* the heading */
        while (line && (line = strtok_r(NULL, "\n", &save)))
            table->line(resolve, line, table->is_stream);
    }
    str_free(&text);
}

static void tables_read(struct resolve *resolve, uint64_t pid, uint64_t inode)
{
    uint64_t start_ns = clock_monotonic_ns();

    if (start_ns < resolve->tables_due_ns)
        return;
    for (size_t i = 0; i < sizeof socket_tables / sizeof socket_tables[0]; i++) {
        table_read(resolve, pid, &socket_tables[i]);
        if (map_get(&resolve->by_inode, inode))
            break;
    }
    uint64_t end_ns = clock_monotonic_ns();
    resolve->tables_due_ns = end_ns + (end_ns - start_ns) * RESOLVE_TABLE_RATIO;
}

/* "127.0.0.1:8080", "[::1]:8080" or a path; returns the port. */
static unsigned address_text(const struct sockaddr_storage *address, socklen_t length, char *ret_text,
                             size_t capacity)
{
    char text[INET6_ADDRSTRLEN] = "";
    const void *bytes = address;

    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *in = bytes;
        inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
        snprintf(ret_text, capacity, "%s:%u", text, (unsigned)ntohs(in->sin_port));
        return ntohs(in->sin_port);
    }
    if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in = bytes;
        bool is_mapped = IN6_IS_ADDR_V4MAPPED(&in->sin6_addr);
        inet_ntop(is_mapped ? AF_INET : AF_INET6, in->sin6_addr.s6_addr + (is_mapped ? 12 : 0), text,
                  sizeof text);
        snprintf(ret_text, capacity, is_mapped ? "%s:%u" : "[%s]:%u", text, (unsigned)ntohs(in->sin6_port));
        return ntohs(in->sin6_port);
    }
    if (address->ss_family == AF_UNIX && length > sizeof address->ss_family) {
        const struct sockaddr_un *un = bytes;
        bool is_abstract = un->sun_path[0] == '\0';
        snprintf(ret_text, capacity, "%s%.*s", is_abstract ? "@" : "", (int)(length - sizeof un->sun_family),
                 un->sun_path + is_abstract);
    }
    return 0;
}

/* Asks the socket itself. False when it is of a family that has no addresses. */
static bool socket_ask(int fd, uint64_t inode, struct resolve_socket *ret_socket)
{
    struct resolve_socket socket = {.kind = REASON_FD_SOCKET};
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address, size = sizeof(int);
    int is_listening = 0;

    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &size) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        return false;
    bool is_unix = address.ss_family == AF_UNIX;
    if (!is_unix && address.ss_family != AF_INET && address.ss_family != AF_INET6)
        return false;
    address_text(&address, length, socket.path, sizeof socket.path);
    if (is_listening) {
        socket.kind = REASON_FD_LISTENING;
        memcpy(socket.address, socket.path, sizeof socket.address - 1);
        *ret_socket = socket;
        return true;
    }
    length = sizeof address;
    if (getpeername(fd, (struct sockaddr *)&address, &length) < 0) {
        socket.kind = is_unix ? REASON_FD_UNIX : REASON_FD_SOCKET; /* not connected yet */
        *ret_socket = socket;
        return true;
    }
    socket.is_dns = address_text(&address, length, socket.address, sizeof socket.address) == DNS_PORT;
    socket.kind = is_unix ? REASON_FD_UNIX : REASON_FD_SOCKET;
    if (!socket.address[0])
        snprintf(socket.address, sizeof socket.address, "unix:[%" PRIu64 "]", inode);
    *ret_socket = socket;
    return true;
}

static bool socket_borrow(uint64_t pid, int number, uint64_t inode, struct resolve_socket *ret_socket)
{
    FS_CLEANUP int pidfd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
    if (pidfd < 0)
        return false;
    FS_CLEANUP int fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
    return fd >= 0 && socket_ask(fd, inode, ret_socket);
}

static const struct resolve_socket *socket_known(const struct resolve *resolve, uint64_t inode)
{
    const uint64_t *found = map_get(&resolve->by_inode, inode);
    return found && *found < resolve->sockets.count ? &resolve->sockets.items[*found] : NULL;
}

static void socket_tell(const struct resolve_socket *known, struct reason_fd *fd)
{
    fd->kind = known->kind;
    fd->is_dns = known->is_dns;
    snprintf(fd->address, sizeof fd->address, "%s", known->address);
    snprintf(fd->path, sizeof fd->path, "%s", known->path);
}

static void from_socket(struct resolve *resolve, uint64_t pid, int number, const char *target,
                        struct reason_fd *fd)
{
    uint64_t inode = strtoull(target + strlen("socket:["), NULL, 10);
    const struct resolve_socket *known = socket_known(resolve, inode);
    struct resolve_socket socket;

    if (!known || !known->address[0]) { /* one that was not connected may be so since */
        if (socket_borrow(pid, number, inode, &socket))
            socket_put(resolve, inode, &socket);
        else if (!known)
            tables_read(resolve, pid, inode);
        known = socket_known(resolve, inode);
    }
    fd->kind = REASON_FD_UNKNOWN; /* of another family, or too soon */
    if (known)
        socket_tell(known, fd);
}

/* "Pid:\t123" of a pidfd. */
static void from_pidfd(uint64_t pid, int number, struct reason_fd *fd)
{
    char path[64], text[1024];

    fd->kind = REASON_FD_PROCESS;
    snprintf(path, sizeof path, "/proc/%" PRIu64 "/fdinfo/%d", pid, number);
    if (fs_read_small(path, text, sizeof text) <= 0)
        return;
    const char *found = strstr(text, "Pid:");
    if (found)
        snprintf(fd->address, sizeof fd->address, "%llu", strtoull(found + 4, NULL, 10));
}

static void from_device(const char *target, struct reason_fd *fd)
{
    if (str_starts(target, "/dev/pts/") || str_starts(target, "/dev/tty") || !strcmp(target, "/dev/console"))
        fd->kind = REASON_FD_TERMINAL;
    else if (str_starts(target, "/dev/nvidia") || str_starts(target, "/dev/dri/") ||
             !strcmp(target, "/dev/kfd"))
        fd->kind = REASON_FD_GPU;
    else if (str_starts(target, "/dev/shm/"))
        fd->kind = REASON_FD_FILE, fd->is_regular = true;
    else
        fd->kind = REASON_FD_EVENT;
    snprintf(fd->path, sizeof fd->path, "%.*s", (int)sizeof fd->path - 1, target);
}

static void from_path(int folder, const char *link, const char *target, struct reason_fd *fd)
{
    struct stat status;

    fd->kind = REASON_FD_FILE;
    snprintf(fd->path, sizeof fd->path, "%.*s", (int)sizeof fd->path - 1, target);
    size_t length = strlen(fd->path);
    if (str_ends(fd->path, " (deleted)"))
        fd->path[length - strlen(" (deleted)")] = '\0';
    if (fstatat(folder, link, &status, 0) != 0)
        return;
    fd->is_regular = S_ISREG(status.st_mode);
    if (S_ISFIFO(status.st_mode)) {
        fd->kind = REASON_FD_PIPE;
        snprintf(fd->address, sizeof fd->address, "%.255s", fd->path);
    }
}

bool resolve_fd_in(struct resolve *resolve, uint64_t pid, int folder, const char *link,
                   struct reason_fd *ret_fd)
{
    char target[512];
    const char *slash = strrchr(link, '/');
    int number = atoi(slash ? slash + 1 : link);

    ssize_t length = readlinkat(folder, link, target, sizeof target - 1);
    if (length <= 0)
        return false;
    target[length] = '\0';
    *ret_fd = (struct reason_fd){.kind = REASON_FD_EVENT};
    if (str_starts(target, "socket:["))
        from_socket(resolve, pid, number, target, ret_fd);
    else if (str_starts(target, "pipe:[")) {
        ret_fd->kind = REASON_FD_PIPE;
        snprintf(ret_fd->address, sizeof ret_fd->address, "%.255s", target);
    } else if (str_starts(target, "anon_inode:[eventpoll]"))
        ret_fd->kind = REASON_FD_EPOLL;
    else if (str_starts(target, "anon_inode:[timerfd]"))
        ret_fd->kind = REASON_FD_TIMER;
    else if (str_starts(target, "anon_inode:[pidfd]") || str_starts(target, "pidfd:["))
        from_pidfd(pid, number, ret_fd);
    else if (str_starts(target, "/dev/"))
        from_device(target, ret_fd);
    else if (target[0] == '/')
        from_path(folder, link, target, ret_fd);
    return true;
}

bool resolve_fd(struct resolve *resolve, uint64_t pid, int number, struct reason_fd *ret_fd)
{
    char link[64];

    snprintf(link, sizeof link, "/proc/%" PRIu64 "/fd/%d", pid, number);
    return resolve_fd_in(resolve, pid, AT_FDCWD, link, ret_fd);
}

/* A server watches its clients by the hundred, of which each link under /proc costs a microsecond. */
static bool from_watched_socket(const struct resolve *resolve, int fd, struct reason_fd *ret_fd)
{
    for (size_t i = 0; i < resolve->watched_count; i++) {
        if (resolve->watched[i].number != fd)
            continue;
        const struct resolve_socket *known = socket_known(resolve, resolve->watched[i].inode);
        if (!known || !known->address[0])
            return false;
        *ret_fd = (struct reason_fd){0};
        socket_tell(known, ret_fd);
        return true;
    }
    return false;
}

static bool source_descriptor(void *context, int fd, struct reason_fd *ret_fd)
{
    struct resolve *resolve = context;
    if (from_watched_socket(resolve, fd, ret_fd))
        return true;
    return resolve_fd(resolve, resolve->pid, fd, ret_fd);
}

static bool source_memory(void *context, uint64_t address, void *ret_bytes, size_t length)
{
    struct resolve *resolve = context;
    struct iovec local = {.iov_base = ret_bytes, .iov_len = length};
    struct iovec remote = {.iov_base = (void *)(uintptr_t)address, .iov_len = length};
    return process_vm_readv((pid_t)resolve->pid, &local, 1, &remote, 1, 0) == (ssize_t)length;
}

bool resolve_address(const void *address, size_t length, struct reason_fd *ret_fd)
{
    struct sockaddr_storage storage = {0};

    if (length < sizeof storage.ss_family || length > sizeof storage)
        return false;
    memcpy(&storage, address, length);
    *ret_fd = (struct reason_fd){.kind = storage.ss_family == AF_UNIX ? REASON_FD_UNIX : REASON_FD_SOCKET};
    ret_fd->is_dns =
        address_text(&storage, (socklen_t)length, ret_fd->address, sizeof ret_fd->address) == DNS_PORT;
    return ret_fd->address[0] != '\0';
}

static bool source_socket_address(void *context, uint64_t address, size_t length, struct reason_fd *ret_fd)
{
    struct sockaddr_storage storage = {0};

    if (length > sizeof storage || !source_memory(context, address, &storage, length))
        return false;
    return resolve_address(&storage, length, ret_fd);
}

/* fdinfo of an epoll descriptor: one "tfd:        5 events: 19 data: 5 pos:0 ino:959d18 sdev:9" a line. */
static size_t source_watched(void *context, int fd, int *ret_fds, size_t capacity)
{
    struct resolve *resolve = context;
    char path[64], text[8192];
    size_t count = 0;

    snprintf(path, sizeof path, "/proc/%" PRIu64 "/fdinfo/%d", resolve->pid, fd);
    if (fs_read_small(path, text, sizeof text) <= 0)
        return 0;
    resolve->watched_count = 0;
    for (const char *at = text; count < capacity && (at = strstr(at, "tfd:")); at += 4) {
        ret_fds[count++] = atoi(at + 4);
        const char *inode = strstr(at, " ino:"), *next = strchr(at, '\n');
        if (inode && next && inode < next && resolve->watched_count < WATCHED_MAX)
            resolve->watched[resolve->watched_count++] = (struct resolve_watched){
                .number = ret_fds[count - 1], .inode = strtoull(inode + strlen(" ino:"), NULL, 16)};
    }
    return count;
}

static bool source_is_thread(void *context, uint64_t tid)
{
    struct resolve *resolve = context;
    char path[64];
    snprintf(path, sizeof path, "/proc/%" PRIu64 "/task/%" PRIu64, resolve->pid, tid);
    return access(path, F_OK) == 0;
}

static bool source_has_children(void *context)
{
    struct resolve *resolve = context;
    char path[96], text[32];
    snprintf(path, sizeof path, "/proc/%" PRIu64 "/task/%" PRIu64 "/children", resolve->pid, resolve->tid);
    return fs_read_small(path, text, sizeof text) > 0;
}

static void source_kernel_function(void *context, char *ret_name, size_t capacity)
{
    struct resolve *resolve = context;
    char path[96];
    snprintf(path, sizeof path, "/proc/%" PRIu64 "/task/%" PRIu64 "/wchan", resolve->pid, resolve->tid);
    if (fs_read_small(path, ret_name, capacity) <= 0 || strcmp(ret_name, "0") == 0)
        ret_name[0] = '\0';
    if (ret_name[0])
        return;
    /* Who may read the whole stack needs no name of its innermost function. */
    snprintf(path, sizeof path, "/proc/%" PRIu64 "/task/%" PRIu64 "/stack", resolve->pid, resolve->tid);
    if (fs_read_small(path, ret_name, capacity) <= 0)
        ret_name[0] = '\0';
}

struct reason_source resolve_source(struct resolve *resolve, uint64_t pid, uint64_t tid)
{
    resolve->pid = pid;
    resolve->tid = tid;
    resolve->watched_count = 0;
    return (struct reason_source){.context = resolve,
                                  .pid = pid,
                                  .descriptor = source_descriptor,
                                  .socket_address = source_socket_address,
                                  .memory = source_memory,
                                  .watched = source_watched,
                                  .is_thread = source_is_thread,
                                  .has_children = source_has_children,
                                  .kernel_function = source_kernel_function};
}
