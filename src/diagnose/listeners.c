/* SPDX-License-Identifier: Apache-2.0 */
#include "diagnose/listeners.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"

#define TABLE_BYTES_MAX ((size_t)16 << 20)
#define STATE_LISTEN    0x0Au

/* sl local:port remote:port state … uid timeout inode; addresses in hexadecimal, as the machine has its bytes. */
static int line_take(struct listeners *listeners, const char *line)
{
    char address[40];
    unsigned port, state;
    uint64_t inode;
    if (sscanf(line, " %*u: %39[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*u %*u %" SCNu64, address,
               &port, &state, &inode) != 4 ||
        state != STATE_LISTEN || listeners->items.count >= LISTENER_MAX)
        return 0;
    size_t length = strlen(address);
    bool is_local = length == 8
                        ? str_ends(address, "7F")
                        : strcmp(address, "00000000000000000000000001000000") == 0 ||
                              (str_starts(address, "0000000000000000FFFF0000") && str_ends(address, "7F"));
    return vec_push(&listeners->items, (struct listener){.inode = inode, .port = port, .is_local = is_local});
}

static int table_read(const char *root, uint64_t pid, const char *file, struct listeners *listeners)
{
    char path[320];
    struct str text = {0};
    struct err ignored;
    int status = 0;
    if (pid)
        snprintf(path, sizeof path, "%s/proc/%" PRIu64 "/net/%s", root, pid, file);
    else
        snprintf(path, sizeof path, "%s/proc/net/%s", root, file);
    if (fs_read(path, TABLE_BYTES_MAX, &text, &ignored) == 0 && text.length) {
        char *save = NULL;
        for (char *line = strtok_r(text.text, "\n", &save); line && !status;
             line = strtok_r(NULL, "\n", &save))
            status = line_take(listeners, line);
    }
    str_free(&text);
    return status;
}

/* Gives what the process has open to it. */
static void owner_find(const char *root, uint64_t pid, struct listeners *listeners)
{
    char path[360], target[64];
    snprintf(path, sizeof path, "%s/proc/%" PRIu64 "/fd", root, pid);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        snprintf(path, sizeof path, "%s/proc/%" PRIu64 "/fd/%.20s", root, pid, entry->d_name);
        ssize_t length = readlink(path, target, sizeof target - 1);
        if (length <= 8)
            continue;
        target[length] = '\0';
        if (!str_starts(target, "socket:["))
            continue;
        uint64_t inode = strtoull(target + 8, NULL, 10);
        for (size_t i = 0; i < listeners->items.count; i++)
            if (listeners->items.items[i].inode == inode && !listeners->items.items[i].pid)
                listeners->items.items[i].pid = pid;
    }
    if (folder)
        closedir(folder);
}

int listeners_read(const char *root, uint64_t pid, const struct process_list *processes,
                   struct listeners *ret_listeners)
{
    struct listeners listeners = {0};
    int status = table_read(root, pid, "tcp", &listeners);
    if (!status)
        status = table_read(root, pid, "tcp6", &listeners);
    for (size_t i = 0; listeners.items.count && i < processes->rows.count && !status; i++)
        owner_find(root, processes->rows.items[i].pid, &listeners);
    *ret_listeners = listeners;
    return status;
}

void listeners_free(struct listeners *listeners)
{
    vec_free(&listeners->items);
}
