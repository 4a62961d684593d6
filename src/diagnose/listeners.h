/* SPDX-License-Identifier: Apache-2.0 */
/* listeners: which processes wait for clients on TCP, by /proc/net/tcp and the descriptors of processes. */
#ifndef TOLL_DIAGNOSE_LISTENERS_H
#define TOLL_DIAGNOSE_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"
#include "diagnose/process_look.h"

#define LISTENER_MAX 1024u

struct listener {
    uint64_t pid; /* the first process that has it open; 0: another user's */
    uint64_t inode;
    unsigned port;
    bool is_local; /* only for programs on this machine */
};

struct listeners {
    VEC(struct listener) items;
};

/* Those of all processes of the list, in toll's network namespace, or of `pid`'s when it is not 0. -1 when memory ran out. */
int listeners_read(const char *root, uint64_t pid, const struct process_list *processes,
                   struct listeners *ret_listeners);
void listeners_free(struct listeners *listeners);

#endif
