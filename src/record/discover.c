/* SPDX-License-Identifier: Apache-2.0 */
#include "record/discover.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/num.h"
#include "record/observe.h"

#define RETRY_NS_MAX (50 * NS_PER_MS) /* a fork can be preempted half way for that long */
#define CHILDREN_NS  (100 * NS_PER_MS)
#define ID_FIRST     300 /* where ids go on after the highest was given out (RESERVED_PIDS) */
#define WRAP_LOOK    64  /* ids behind the last one that are looked at then */
#define CHILDREN_MAX 256 /* threads whose children are read in one tick */
#define THREADS_MAX  64  /* of a parent that are asked for the child */

static uint64_t last_id_read(const struct discover *discover)
{
    char text[128];
    ssize_t got = pread(discover->loadavg_fd, text, sizeof text - 1, 0);

    if (got <= 0)
        return 0;
    text[got] = '\0';
    const char *space = strrchr(text, ' ');
    return space ? strtoull(space + 1, NULL, 10) : 0;
}

int discover_init(struct discover *discover, struct tracks *tracks, struct err *err)
{
    *discover = (struct discover){.tracks = tracks, .self_pid = (uint64_t)getpid()};
    discover->loadavg_fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
    if (discover->loadavg_fd < 0)
        return err_errno(err, errno, "could not open file '/proc/loadavg'");
    discover->last_id = last_id_read(discover);
    discover->last_ns = clock_monotonic_ns();
    return 0;
}

void discover_deinit(struct discover *discover)
{
    fs_close(&discover->loadavg_fd);
    vec_free(&discover->retries);
}

static uint64_t field(const char *text, const char *name)
{
    const char *found = strstr(text, name);
    return found ? strtoull(found + strlen(name), NULL, 10) : 0;
}

/* Which thread of the parent made it: the one that has it among its children. */
static uint64_t maker_find(const struct tracks *tracks, const struct process *parent, uint64_t child)
{
    char path[96], text[4096], wanted[32];
    size_t asked = 0;

    if (parent->task_count < 2)
        return parent->pid;
    snprintf(wanted, sizeof wanted, "%" PRIu64 " ", child);
    for (size_t i = 0; i < tracks->tasks.count && asked < THREADS_MAX; i++) {
        const struct task *task = tracks->tasks.items[i];
        if (task->process != parent)
            continue;
        asked++;
        snprintf(path, sizeof path, "/proc/%" PRIu64 "/task/%" PRIu64 "/children", parent->pid, task->tid);
        if (fs_read_small(path, text, sizeof text) <= 0)
            continue;
        const char *found = strstr(text, wanted);
        if (found && (found == text || found[-1] == ' '))
            return task->tid;
    }
    return parent->pid;
}

/* It began between the last tick and now; the CPU time it used already bounds that from above. */
static uint64_t start_estimate(const struct discover *discover, uint64_t pid, uint64_t tid, uint64_t now_ns)
{
    struct look look;
    struct ledger_look counters = {0};
    uint64_t start_ns = discover->last_ns + (now_ns - discover->last_ns) / 2;

    look_init(&look);
    if (look_schedstat(&look, pid, tid, &counters) == LOOK_RUNNING)
        start_ns = num_min(start_ns, now_ns - num_min(now_ns, counters.cpu_ns + counters.queue_ns));
    look_close(&look);
    return num_max(start_ns, discover->last_ns);
}

static void adopt(struct discover *discover, const struct track_fork *fork)
{
    struct task *stale = tracks_find(discover->tracks, fork->tid);
    struct task *task = stale ? NULL : tracks_fork(discover->tracks, fork);
    if (task)
        observe_first(task);
}

/* "Name:\tsh\n…" cut to the name, in place. */
static const char *name_of(char *status)
{
    char *name = status + strcspn(status, "\t");
    if (*name)
        name++;
    name[strcspn(name, "\n")] = '\0';
    return name;
}

/* Returns false when there is nothing to be read. */
static bool id_look(struct discover *discover, uint64_t id, uint64_t now_ns)
{
    char path[64], text[1024];

    snprintf(path, sizeof path, "/proc/%" PRIu64 "/status", id);
    if (fs_read_small(path, text, sizeof text) <= 0)
        return false;
    uint64_t pid = field(text, "\nTgid:"), parent_pid = field(text, "\nPPid:");
    if (!pid || (pid == id && !parent_pid && id != 1))
        return false; /* it was reaped while it was read */
    if (strstr(text, "\nState:\tZ") && tracks_ended(discover->tracks, id, now_ns))
        return true; /* its end was seen, nobody has waited for it yet */
    const struct process *parent = tracks_process(discover->tracks, pid == id ? parent_pid : pid);
    struct track_fork fork = {.pid = pid, .tid = id, .time_ns = now_ns, .is_found = true};

    if (pid == id && !parent && parent_pid != discover->self_pid && !discover->whole_machine)
        return true; /* someone else's */
    if (pid != id && !parent)
        return true;
    if (pid == id && parent) {
        fork.parent_pid = parent_pid;
        fork.parent_tid = maker_find(discover->tracks, parent, id);
    } else if (pid != id) {
        fork.parent_pid = fork.parent_tid = pid;
    } else {
        fork.is_orphan = true;
        fork.parent_pid = discover->main_pid;
        fork.name = name_of(text);
    }
    fork.time_ns = start_estimate(discover, pid, id, now_ns);
    adopt(discover, &fork);
    return true;
}

/* It came and went since the last tick, by its own word. */
static bool is_told(const struct discover *discover, uint64_t id, uint64_t now_ns)
{
    const struct track_ended *ended = tracks_ended(discover->tracks, id, now_ns);
    return ended && ended->end_ns >= discover->last_ns;
}

static void ids_look(struct discover *discover, uint64_t from, uint64_t to, uint64_t now_ns)
{
    if (to - from > DISCOVER_NEW_MAX) {
        discover->missed_count += to - from - DISCOVER_NEW_MAX;
        from = to - DISCOVER_NEW_MAX;
    }
    for (uint64_t id = from + 1; id <= to; id++) {
        if (tracks_find(discover->tracks, id) || is_told(discover, id, now_ns) || id == discover->self_pid ||
            id_look(discover, id, now_ns))
            continue;
        /* Its fork may still be under way. */
        struct discover_retry retry = {.id = id, .since_ns = now_ns};
        if (vec_push(&discover->retries, retry))
            discover->missed_count++;
    }
}

/* Again after as long as it has been missing, so few times in all. */
static void retries_look(struct discover *discover, uint64_t now_ns)
{
    size_t kept = 0;

    for (size_t i = 0; i < discover->retries.count; i++) {
        struct discover_retry retry = discover->retries.items[i];
        if (now_ns < retry.due_ns) {
            discover->retries.items[kept++] = retry;
            continue;
        }
        if (tracks_find(discover->tracks, retry.id) || id_look(discover, retry.id, now_ns))
            continue;
        retry.due_ns = now_ns + (now_ns - retry.since_ns);
        if (now_ns < retry.since_ns + RETRY_NS_MAX)
            discover->retries.items[kept++] = retry;
        else
            discover->missed_count++;
    }
    discover->retries.count = kept;
}

static void children_of(struct discover *discover, uint64_t pid, uint64_t tid, uint64_t now_ns)
{
    char path[96], text[8192];
    char *rest = text;

    snprintf(path, sizeof path, "/proc/%" PRIu64 "/task/%" PRIu64 "/children", pid, tid);
    if (fs_read_small(path, text, sizeof text) <= 0)
        return;
    for (;;) {
        char *next;
        uint64_t id = strtoull(rest, &next, 10);
        if (next == rest)
            return;
        rest = next;
        if (id && !tracks_find(discover->tracks, id))
            id_look(discover, id, now_ns);
    }
}

static void children_look(struct discover *discover, uint64_t now_ns)
{
    const struct tracks *tracks = discover->tracks;

    children_of(discover, discover->self_pid, discover->self_pid, now_ns);
    for (size_t i = 0; i < tracks->tasks.count && i < CHILDREN_MAX; i++)
        children_of(discover, tracks->tasks.items[i]->process->pid, tracks->tasks.items[i]->tid, now_ns);
}

uint64_t discover_missed_count(const struct discover *discover)
{
    return discover->missed_count + discover->retries.count;
}

void discover_tick(struct discover *discover, uint64_t now_ns)
{
    uint64_t last = last_id_read(discover);

    if (discover->retries.count)
        retries_look(discover, now_ns);
    if (last > discover->last_id) {
        ids_look(discover, discover->last_id, last, now_ns);
    } else if (last && last < discover->last_id) { /* the ids went round */
        for (uint64_t id = discover->last_id + 1; id <= discover->last_id + WRAP_LOOK; id++)
            if (!tracks_find(discover->tracks, id))
                id_look(discover, id, now_ns);
        ids_look(discover, num_min(last, ID_FIRST) - 1, last, now_ns);
    }
    if (last)
        discover->last_id = last;
    if (now_ns >= discover->children_due_ns) {
        children_look(discover, now_ns);
        discover->children_due_ns = now_ns + CHILDREN_NS;
    }
    discover->last_ns = now_ns;
}
