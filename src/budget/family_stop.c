/* SPDX-License-Identifier: Apache-2.0 */
#include "budget/family_stop.h"

#include <ctype.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"

#define LOOK_NS     (10 * NS_PER_MS)
#define FREEZES_MAX 20u

/* A process is its number and when it began: numbers are given again. */
struct process {
    pid_t pid, parent;
    unsigned long long start;
};

struct process_set {
    VEC(struct process) items;
};

/* Fields 3, 4 and 22 behind the name, which may hold blanks and parentheses. False: it is gone, or has ended. */
static bool process_read(pid_t pid, struct process *ret_process)
{
    char path[64], text[1024], state;
    long parent;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (fs_read_small(path, text, sizeof text) <= 0)
        return false;
    const char *at = strrchr(text, ')');
    if (!at || at[1] != ' ' || !at[2])
        return false;
    state = at[2];
    char *rest = NULL;
    parent = strtol(at + 3, &rest, 10);
    for (int field = 4; field < 21 && rest; field++) /* to the blank before field 22 */
        rest = strchr(rest + 1, ' ');
    if (!rest || state == 'Z' || state == 'X')
        return false;
    *ret_process = (struct process){.pid = pid, .parent = (pid_t)parent, .start = strtoull(rest, NULL, 10)};
    return true;
}

static int all_read(struct process_set *ret_all)
{
    DIR *folder = opendir("/proc");
    int status = folder ? 0 : -1;
    for (struct dirent *entry; !status && (entry = readdir(folder));) {
        struct process process;
        if (isdigit((unsigned char)entry->d_name[0]) &&
            process_read((pid_t)strtol(entry->d_name, NULL, 10), &process))
            status = vec_push(&ret_all->items, process);
    }
    if (folder)
        closedir(folder);
    return status;
}

static const struct process *set_find(const struct process_set *set, pid_t pid)
{
    for (size_t i = 0; i < set->items.count; i++)
        if (set->items.items[i].pid == pid)
            return &set->items.items[i];
    return NULL;
}

/* Adds the children of the root and of all members, theirs, and so on. -1: not known. */
static int set_extend(struct process_set *set, pid_t root)
{
    struct process_set all = {0};
    size_t before;
    int status = all_read(&all);
    /* Children may stand before their parents: until nothing is added. */
    do {
        before = set->items.count;
        for (size_t i = 0; i < all.items.count && !status; i++) {
            const struct process *process = &all.items.items[i];
            const struct process *parent = set_find(set, process->parent);
            bool is_child = process->parent == root || (parent && parent->start <= process->start);
            if (is_child && process->pid != root && !set_find(set, process->pid))
                status = vec_push(&set->items, *process);
        }
    } while (!status && set->items.count > before);
    vec_free(&all.items);
    return status;
}

int family_list(pid_t root, struct process_list *ret_list)
{
    struct process_set set = {0};
    int status = set_extend(&set, root);
    for (size_t i = 0; i < set.items.count && !status; i++)
        status = vec_push(&ret_list->items, set.items.items[i].pid);
    vec_free(&set.items);
    return status;
}

/* Of the set, how many are left; they get the signal, 0: none. */
static size_t signal_all(const struct process_set *set, int signal)
{
    size_t left = 0;
    for (size_t i = 0; i < set->items.count; i++) {
        const struct process *member = &set->items.items[i];
        struct process now;
        if (!process_read(member->pid, &now) || now.start != member->start)
            continue;
        left++;
        if (signal)
            kill(member->pid, signal);
    }
    return left;
}

/* Until nobody in it can start another one: what is stopped spends nothing and has no children. */
static void freeze(struct process_set *set, pid_t root)
{
    for (unsigned i = 0; i < FREEZES_MAX; i++) {
        size_t before = set->items.count;
        if (set_extend(set, root))
            return;
        signal_all(set, SIGSTOP);
        if (i && set->items.count == before)
            return;
    }
}

bool family_stop(pid_t root, bool with_root, uint64_t grace_ns, uint64_t limit_ns)
{
    uint64_t start_ns = clock_monotonic_ns();
    struct process_set set = {0};
    struct process process;
    size_t left = 1;
    if (with_root && process_read(root, &process) && vec_push(&set.items, process))
        return false;
    freeze(&set, root);
    signal_all(&set, SIGTERM);
    signal_all(&set, SIGCONT);
    for (;;) {
        uint64_t now_ns = clock_monotonic_ns();
        if (set_extend(&set, root) == 0)
            left = signal_all(&set, now_ns - start_ns >= grace_ns ? SIGKILL : 0);
        if (!left || now_ns - start_ns >= limit_ns)
            break;
        clock_sleep_until(now_ns + LOOK_NS);
    }
    vec_free(&set.items);
    return !left;
}
