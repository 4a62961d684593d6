/* SPDX-License-Identifier: Apache-2.0 */
#include "record/peers.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/num.h"
#include "base/str.h"
#include "model/meta.h"
#include "record/tracks.h"

void peers_init(struct peers *peers, struct emit *emit)
{
    *peers = (struct peers){.emit = emit};
}

void peers_deinit(struct peers *peers)
{
    intern_free(&peers->keys);
    intern_free(&peers->held);
    vec_free(&peers->lookups);
    vec_free(&peers->ports);
    vec_free(&peers->listening);
    for (size_t i = 0; i < peers->server_count; i++) {
        for (size_t j = 0; j < peers->servers[i].pid_count; j++)
            fs_close(&peers->servers[i].stat_fds[j]);
    }
}

/* "127.0.0.1:8080" and "[::1]:8080" are on this machine. */
static unsigned loopback_port(const char *address)
{
    uint64_t port;
    const char *colon = strrchr(address, ':');
    bool is_loopback = strncmp(address, "127.", 4) == 0 || strncmp(address, "[::1]", 5) == 0;
    if (!is_loopback || !colon || num_parse_u64(colon + 1, &port) || port > 65535)
        return 0;
    return (unsigned)port;
}

static bool is_listening(const struct peers *peers, unsigned port)
{
    for (size_t i = 0; i < peers->listening.count; i++)
        if (peers->listening.items[i] == port)
            return port != 0;
    return false;
}

static const struct peer_server *server_known(const struct peers *peers, unsigned port)
{
    for (size_t i = 0; i < peers->ports.count; i++)
        if (peers->ports.items[i].port == port)
            return &peers->servers[peers->ports.items[i].server];
    return NULL;
}

uint64_t peers_put(struct peers *peers, const struct reason_found *found)
{
    char key[512];
    uint64_t id = 0;
    bool is_new = false;

    if (!found->peer_kind)
        return 0;
    int length = snprintf(key, sizeof key, "%d %s|%s|%s", (int)found->peer_kind, found->name, found->address,
                          found->path);
    if (intern_put(&peers->keys, key, (size_t)length, &id, &is_new) || !is_new)
        return id;
    struct row_peer row = {.id = id,
                           .kind = found->peer_kind,
                           .name = emit_string(peers->emit, found->name),
                           .address = emit_string(peers->emit, found->address),
                           .path = emit_string(peers->emit, found->path)};
    emit_append(peers->emit, peer, &row);
    if (found->peer_kind == PEER_PIPE)
        peers->pipe_count++;
    struct peer_lookup lookup = {.peer = id};
    if (found->peer_kind == PEER_SOCKET) {
        lookup.port = loopback_port(found->address);
        lookup.local_port = loopback_port(found->path);
    }
    /* Who listens at an address is told once, of one connection to it. */
    bool is_wanted = lookup.port && !server_known(peers, lookup.port);
    if (is_wanted && !is_listening(peers, lookup.local_port) && peers->lookups.count < PEERS_FD_MAX)
        (void)vec_push(&peers->lookups, lookup); /* without memory the server's use stays unknown */
    return id;
}

static void held_put(struct peers *peers, struct process *process, uint64_t peer, enum io_operation operation,
                     uint64_t time_ns)
{
    uint64_t key[3] = {process->track, peer, operation}, id;
    bool is_new = false;

    if (intern_put(&peers->held, (const char *)key, sizeof key, &id, &is_new) || !is_new)
        return;
    struct row_io row = {.track = process->track,
                         .peer = peer,
                         .operation = operation,
                         .start_ns = time_ns,
                         .end_ns = time_ns};
    emit_append(peers->emit, io, &row);
}

static void socket_note(struct process *process, uint64_t peer, const struct reason_found *found)
{
    if (found->peer_kind != PEER_SOCKET || !found->address[0] || process->socket_peer == peer)
        return;
    process->socket_peer = peer;
    process->socket_count++;
}

/* Of a file whose process is gone the path begins at its file system's root: the folder's own name is looked for. */
bool peers_is_own(const struct peers *peers, const char *path)
{
    const char *slash = strrchr(path, '/'), *folder = peers->own_folder;
    if (slash && str_starts(slash, "/libtoll_"))
        return true;
    const char *name = folder ? strrchr(folder, '/') : NULL;
    const char *found = name && name[1] ? strstr(path, name) : NULL;
    return found && found[strlen(name)] == '/';
}

bool peers_found(const struct reason_fd *fd, struct reason_found *ret_found)
{
    *ret_found = (struct reason_found){.peer_kind = PEER_FILE};
    if (fd->kind == REASON_FD_FILE) {
        const char *slash = strrchr(fd->path, '/');
        snprintf(ret_found->name, sizeof ret_found->name, "%.63s", slash ? slash + 1 : fd->path);
    } else if (fd->kind == REASON_FD_PIPE) {
        ret_found->peer_kind = PEER_PIPE;
    } else if ((fd->kind == REASON_FD_SOCKET && fd->address[0]) ||
               (fd->kind == REASON_FD_UNIX && strncmp(fd->address, "unix:[", 6) != 0)) {
        ret_found->peer_kind = PEER_SOCKET;
    } else {
        return false;
    }
    memcpy(ret_found->address, fd->address, sizeof ret_found->address);
    memcpy(ret_found->path, fd->path, sizeof ret_found->path);
    return true;
}

/* Where it takes clients: the same peer as that of a wait for them. */
static void listening_put(struct peers *peers, struct process *process, const struct reason_fd *fd,
                          uint64_t time_ns)
{
    struct reason_found found = {.peer_kind = PEER_SOCKET};
    memcpy(found.address, fd->address, sizeof found.address);
    memcpy(found.path, fd->path, sizeof found.path);
    unsigned port = loopback_port(fd->path);
    if (port && !is_listening(peers, port) && vec_push(&peers->listening, port))
        return;
    uint64_t peer = fd->address[0] ? peers_put(peers, &found) : 0;
    if (peer)
        held_put(peers, process, peer, IO_ACCEPT, time_ns);
}

uint64_t peers_put_fd(struct peers *peers, const struct reason_fd *fd)
{
    struct reason_found found;

    if (fd->kind == REASON_FD_FILE && peers_is_own(peers, fd->path))
        return 0;
    if (peers_found(fd, &found))
        return peers_put(peers, &found);
    if (fd->kind == REASON_FD_LISTENING || fd->kind == REASON_FD_UNIX) {
        found = (struct reason_found){.peer_kind = PEER_SOCKET};
        memcpy(found.address, fd->address, sizeof found.address);
    } else if (fd->path[0] == '/') {
        found = (struct reason_found){.peer_kind = PEER_DEVICE};
        memcpy(found.address, fd->path, sizeof found.address);
    } else {
        return 0;
    }
    memcpy(found.path, fd->path, sizeof found.path);
    return peers_put(peers, &found);
}

/* Sockets are looked into from now on. */
static void traffic_see(struct process *process, int number, const struct reason_fd *fd, uint64_t peer)
{
    struct traffic_socket seen = {
        .number = number, .is_listening = fd->kind == REASON_FD_LISTENING, .peer = peer};
    if (fd->kind != REASON_FD_SOCKET && fd->kind != REASON_FD_UNIX && fd->kind != REASON_FD_LISTENING)
        return;
    snprintf(seen.address, sizeof seen.address, "%.63s", fd->address);
    traffic_note(&process->traffic, &seen);
}

static void descriptor_scan(struct peers *peers, struct resolve *resolve, struct process *process, int folder,
                            const char *link, uint64_t time_ns)
{
    struct stat status;
    struct reason_fd fd;
    struct reason_found found;

    if (!resolve_fd_in(resolve, process->pid, folder, link, &fd) ||
        (fd.kind == REASON_FD_FILE && peers_is_own(peers, fd.path)))
        return;
    if (fd.kind == REASON_FD_LISTENING)
        listening_put(peers, process, &fd, time_ns);
    bool is_found = peers_found(&fd, &found) && (fd.kind != REASON_FD_FILE || fd.is_regular);
    uint64_t peer = is_found ? peers_put(peers, &found) : 0;
    traffic_see(process, atoi(link), &fd, peer);
    /* The link's own permissions tell how the descriptor was opened. */
    if (!is_found || fstatat(folder, link, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    if (peer)
        socket_note(process, peer, &found);
    if (peer && (status.st_mode & S_IRUSR))
        held_put(peers, process, peer, IO_READ, time_ns);
    if (peer && (status.st_mode & S_IWUSR))
        held_put(peers, process, peer, IO_WRITE, time_ns);
}

void peers_scan(struct peers *peers, struct resolve *resolve, struct process *process, uint64_t time_ns)
{
    char path[64];
    size_t left = PEERS_FD_MAX;

    snprintf(path, sizeof path, "/proc/%" PRIu64 "/fd", process->pid);
    DIR *folder = opendir(path);
    const struct dirent *entry;
    while (folder && left-- && (entry = readdir(folder)))
        if (entry->d_name[0] != '.')
            descriptor_scan(peers, resolve, process, dirfd(folder), entry->d_name, time_ns);
    if (folder)
        closedir(folder);
}

/* The inode of the socket that listens at a port, from a table of /proc/net; 0 when none does.
 * Columns: sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode (proc(5)); st 0A listens. */
static uint64_t listener_in(const char *table, unsigned port)
{
    char line[256];
    uint64_t inode = 0;
    FILE *file = fopen(table, "re");
    while (file && !inode && fgets(line, sizeof line, file)) {
        unsigned local_port, state;
        unsigned long long at;
        if (sscanf(line, " %*u: %*[0-9A-Fa-f]:%x %*s %x %*s %*s %*s %*u %*u %llu", &local_port, &state,
                   &at) == 3 &&
            local_port == port && state == 0x0a)
            inode = at;
    }
    if (file)
        fclose(file);
    return inode;
}

static bool holds_socket(const char *pid, const char *socket)
{
    char path[320], target[64];
    snprintf(path, sizeof path, "/proc/%s/fd", pid);
    DIR *folder = opendir(path);
    bool holds = false;
    size_t left = PEERS_FD_MAX;
    const struct dirent *entry;
    while (folder && left-- && !holds && (entry = readdir(folder))) {
        ssize_t length = readlinkat(dirfd(folder), entry->d_name, target, sizeof target - 1);
        target[length > 0 ? length : 0] = '\0';
        holds = strcmp(target, socket) == 0;
    }
    if (folder)
        closedir(folder);
    return holds;
}

static void listeners_find(uint64_t inode, struct peer_server *server)
{
    char socket[48];
    snprintf(socket, sizeof socket, "socket:[%" PRIu64 "]", inode);
    DIR *folder = opendir("/proc");
    const struct dirent *entry;
    while (folder && server->pid_count < PEERS_LISTENER_MAX && (entry = readdir(folder))) {
        uint64_t pid;
        if (num_parse_u64(entry->d_name, &pid) == 0 && holds_socket(entry->d_name, socket))
            server->pids[server->pid_count++] = pid;
    }
    if (folder)
        closedir(folder);
}

/* The CPU time of the server's processes so far. /proc/PID/stat: fields 14 and 15 are utime and stime in ticks; they
 * stand behind the name, which may hold anything but ends with the last ')'. */
static uint64_t server_cpu_ns(const struct peer_server *server)
{
    uint64_t ticks = 0;
    for (size_t i = 0; i < server->pid_count; i++) {
        char text[1024];
        unsigned long long user, system;
        ssize_t length = fs_pread_small(server->stat_fds[i], text, sizeof text);
        const char *end = length > 0 ? strrchr(text, ')') : NULL;
        if (end &&
            sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) == 2)
            ticks += user + system;
    }
    return ticks * (NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
}

static void server_add(struct peer_server *server, uint64_t pid)
{
    char path[64];
    for (size_t i = 0; i < server->pid_count; i++) {
        if (server->pids[i] == pid)
            return;
    }
    if (server->pid_count == PEERS_LISTENER_MAX)
        return;
    snprintf(path, sizeof path, "/proc/%" PRIu64 "/stat", pid);
    server->stat_fds[server->pid_count] = open(path, O_RDONLY | O_CLOEXEC);
    server->pids[server->pid_count++] = pid;
}

/* Those that ended make room; the first gives the server its name and stays. */
static void server_prune(struct peer_server *server)
{
    char text[16];
    for (size_t i = server->pid_count; i-- > 1;) {
        if (server->stat_fds[i] >= 0 && fs_pread_small(server->stat_fds[i], text, sizeof text) > 0)
            continue;
        fs_close(&server->stat_fds[i]);
        server->pid_count--;
        server->pids[i] = server->pids[server->pid_count];
        server->stat_fds[i] = server->stat_fds[server->pid_count];
    }
}

/* The children of the first listener: a process for each client does not listen itself. */
static void server_children(struct peer_server *server)
{
    char path[96], text[4096];
    snprintf(path, sizeof path, "/proc/%" PRIu64 "/task/%" PRIu64 "/children", server->pids[0],
             server->pids[0]);
    char *rest = text, *end = NULL;
    if (fs_read_small(path, text, sizeof text) <= 0)
        return;
    for (uint64_t pid = strtoull(rest, &end, 10); end != rest; pid = strtoull(rest, &end, 10)) {
        server_add(server, pid);
        rest = end;
    }
}

static void server_open(struct peers *peers, struct peer_server *server, uint64_t now_ns)
{
    char path[64], comm[32] = "";
    for (size_t i = 0; i < server->pid_count; i++) {
        snprintf(path, sizeof path, "/proc/%" PRIu64 "/stat", server->pids[i]);
        server->stat_fds[i] = open(path, O_RDONLY | O_CLOEXEC);
    }
    snprintf(path, sizeof path, "/proc/%" PRIu64 "/comm", server->pids[0]);
    if (fs_read_small(path, comm, sizeof comm) > 0)
        comm[strcspn(comm, "\n")] = '\0';
    snprintf(server->name, sizeof server->name, "%.31s[%" PRIu64 "]", comm, server->pids[0]);
    char series[96];
    snprintf(series, sizeof series, "%s%s", SERIES_CPU_SERVER, server->name);
    server->series = emit_series(peers->emit, 0, series, "cores");
    server_children(server);
    server->cpu_ns = server_cpu_ns(server);
    server->last_ns = now_ns;
    peers->server_count++;
}

/* The entry of the processes that listen at the peer's port; NULL when they cannot be seen. */
static const struct peer_server *server_find(struct peers *peers, unsigned port, uint64_t now_ns)
{
    if (peers->server_count == PEERS_SERVER_MAX)
        return NULL;
    struct peer_server *server = &peers->servers[peers->server_count];
    *server = (struct peer_server){0};
    uint64_t inode = listener_in("/proc/net/tcp", port);
    if (!inode)
        inode = listener_in("/proc/net/tcp6", port);
    if (inode)
        listeners_find(inode, server);
    if (!server->pid_count)
        return NULL;
    for (size_t i = 0; i < peers->server_count; i++) {
        if (peers->servers[i].pids[0] == server->pids[0])
            return &peers->servers[i];
    }
    server_open(peers, server, now_ns);
    return server;
}

static const struct peer_server *server_look(struct peers *peers, unsigned port, uint64_t now_ns)
{
    const struct peer_server *server = server_find(peers, port, now_ns);
    if (server) {
        struct peer_port known = {.port = port, .server = (size_t)(server - peers->servers)};
        (void)vec_push(&peers->ports, known); /* without memory it is looked up again */
    }
    return server;
}

static void lookups_tick(struct peers *peers, uint64_t now_ns)
{
    size_t kept = 0;
    bool looked = false;
    for (size_t i = 0; i < peers->lookups.count; i++) {
        struct peer_lookup lookup = peers->lookups.items[i];
        /* One look a tick: a walk through /proc takes some milliseconds. */
        const struct peer_server *server = server_known(peers, lookup.port);
        if (!server && is_listening(peers, lookup.local_port))
            continue; /* a client of one of the run's own */
        if (!server && (looked || lookup.next_ns > now_ns)) {
            peers->lookups.items[kept++] = lookup;
            continue;
        }
        looked = looked || !server;
        server = server ? server : server_look(peers, lookup.port, now_ns);
        if (server) {
            struct row_attr owner = {.owner_table = TABLE_PEER,
                                     .owner = lookup.peer,
                                     .key = emit_string(peers->emit, ATTR_SERVER),
                                     .value = emit_string(peers->emit, server->name)};
            emit_append(peers->emit, attr, &owner);
        } else if (++lookup.tries < PEERS_LOOKUP_TRIES) {
            lookup.next_ns = now_ns + NS_PER_S;
            peers->lookups.items[kept++] = lookup;
        }
    }
    peers->lookups.count = kept;
}

void peers_tick(struct peers *peers, uint64_t now_ns)
{
    lookups_tick(peers, now_ns);
    for (size_t i = 0; i < peers->server_count; i++) {
        struct peer_server *server = &peers->servers[i];
        server_prune(server);
        server_children(server);
        uint64_t cpu_ns = server_cpu_ns(server);
        if (now_ns <= server->last_ns)
            continue;
        double used = cpu_ns > server->cpu_ns ? (double)(cpu_ns - server->cpu_ns) : 0;
        emit_point(peers->emit, server->series, now_ns, used / (double)(now_ns - server->last_ns));
        server->cpu_ns = cpu_ns; /* less when a child has ended */
        server->last_ns = now_ns;
    }
}
