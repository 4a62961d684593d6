/* SPDX-License-Identifier: Apache-2.0 */
#include "record/peers.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "record/tracks.h"

void peers_init(struct peers *peers, struct emit *emit)
{
    *peers = (struct peers){.emit = emit};
}

void peers_deinit(struct peers *peers)
{
    intern_free(&peers->keys);
    intern_free(&peers->held);
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
    return id;
}

static void held_put(struct peers *peers, const struct process *process, uint64_t peer,
                     enum io_operation operation, uint64_t time_ns)
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

static bool found_from_fd(const struct reason_fd *fd, struct reason_found *ret_found)
{
    *ret_found = (struct reason_found){.peer_kind = PEER_FILE};
    if (fd->kind == REASON_FD_FILE) {
        const char *slash = strrchr(fd->path, '/');
        snprintf(ret_found->name, sizeof ret_found->name, "%.63s", slash ? slash + 1 : fd->path);
    } else if (fd->kind == REASON_FD_PIPE) {
        ret_found->peer_kind = PEER_PIPE;
    } else if (fd->kind == REASON_FD_SOCKET ||
               (fd->kind == REASON_FD_UNIX && strncmp(fd->address, "unix:[", 6) != 0)) {
        ret_found->peer_kind = PEER_SOCKET;
    } else {
        return false;
    }
    memcpy(ret_found->address, fd->address, sizeof ret_found->address);
    memcpy(ret_found->path, fd->path, sizeof ret_found->path);
    return true;
}

static void descriptor_scan(struct peers *peers, struct resolve *resolve, const struct process *process,
                            int number, uint64_t time_ns)
{
    char path[64];
    struct stat status;
    struct reason_fd fd;
    struct reason_found found;

    if (!resolve_fd(resolve, process->pid, number, &fd) || !found_from_fd(&fd, &found))
        return;
    /* The link's own permissions tell how the descriptor was opened. */
    snprintf(path, sizeof path, "/proc/%" PRIu64 "/fd/%d", process->pid, number);
    if (lstat(path, &status) < 0)
        return;
    if (fd.kind == REASON_FD_FILE) {
        struct stat target;
        if (stat(path, &target) == 0 && !S_ISREG(target.st_mode))
            return;
    }
    uint64_t peer = peers_put(peers, &found);
    if (peer && (status.st_mode & S_IRUSR))
        held_put(peers, process, peer, IO_READ, time_ns);
    if (peer && (status.st_mode & S_IWUSR))
        held_put(peers, process, peer, IO_WRITE, time_ns);
}

void peers_scan(struct peers *peers, struct resolve *resolve, const struct process *process, uint64_t time_ns)
{
    char path[64];
    size_t left = PEERS_FD_MAX;

    snprintf(path, sizeof path, "/proc/%" PRIu64 "/fd", process->pid);
    DIR *folder = opendir(path);
    const struct dirent *entry;
    while (folder && left-- && (entry = readdir(folder)))
        if (entry->d_name[0] != '.')
            descriptor_scan(peers, resolve, process, atoi(entry->d_name), time_ns);
    if (folder)
        closedir(folder);
}
