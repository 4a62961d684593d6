/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process_look: processes as /proc tells of them: which there are, what one of them is made of (program, libraries, command
 * line, a few environment variables), and what a process and its children did between two looks.
 *
 * Only /proc is read: nothing is stopped, traced or changed. What another user's process does not show is left out and
 * `is_hidden` says so. Texts live in the arena. Any thread.
 */
#ifndef TOLL_DIAGNOSE_PROCESS_LOOK_H
#define TOLL_DIAGNOSE_PROCESS_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/vec.h"

#define PROCESS_TICKS_PER_S 100.0
#define PROCESS_MAX         32768 /* listed; more are left out */
#define PROCESS_WORD_MAX    256
#define PROCESS_LIBRARY_MAX 512
#define PROCESS_THREAD_MAX  256 /* whose states are looked at */
#define PROCESS_SETTLED_S   60  /* the age from which on growth is a process's own */
#define PROCESS_LONG_LOOK_S 10  /* a window that tells it of any */

struct process_row {
    uint64_t pid, parent_pid;
    char name[32];
    char state;
    uint64_t cpu_ticks, major_fault_count, thread_count, rss_bytes;
    uint64_t start_ticks; /* since boot */
    uint64_t disk_wait_ticks;
    bool has_terminal;
};

struct process_list {
    VEC(struct process_row) rows; /* by pid */
    uint64_t at_ns;
    uint64_t at_ticks; /* since boot; 0: not known */
};

struct process_variable {
    const char *name, *value;
};

/* What a process is made of. */
struct process_about {
    uint64_t pid;
    const char *name; /* its comm */
    const char
        *program; /* the path of its executable; "" when it is hidden (then is_hidden) or a kernel thread */
    const char *folder; /* where it works; "" */
    const char *words[PROCESS_WORD_MAX + 1];
    size_t word_count;
    const char *libraries[PROCESS_LIBRARY_MAX]; /* file names of what it mapped executable */
    size_t library_count;
    struct process_variable variables[16]; /* of the names in process_variables */
    size_t variable_count;
    const char *group; /* the path of its cgroup; "" */
    uint64_t user;
    uint64_t tracer; /* the process that traces it; 0: none */
    bool is_hidden;
};

/* What a process and its descendants did in a window. */
struct process_use {
    uint64_t window_ns;
    size_t process_count;
    double core_count; /* CPU time used in a second */
    double
        queue_ratio; /* threads of its first process that waited for a CPU, seconds in a second; -1 unknown */
    double disk_wait_ratio; /* a thread blocked by a disk: seconds in a second; -1 unknown */
    double major_faults_per_s;
    double read_bytes_per_s, write_bytes_per_s; /* from and to disks; -1 unknown */
    uint64_t rss_bytes;
    double rss_growth_per_s; /* bytes; may be negative */
    /* The same of those that are past their beginning, or were watched for long: who has just started fills its memory. */
    double rss_growth_settled_per_s;
    uint64_t thread_count;
    uint64_t look_count;                              /* looks at a thread's state, and how they came out: */
    double running_ratio, disk_ratio, sleeping_ratio; /* of the looks */
};

/* The variables of a process that tell what it is for; NULL-terminated. */
extern const char *const process_variables[];

/* Lists all; -1 when memory ran out. */
int process_list_read(const char *root, struct process_list *ret_list);
void process_list_free(struct process_list *list);
const struct process_row *process_find(const struct process_list *list, uint64_t pid);
/* Whether `pid` is `ancestor` or descends from it. */
bool process_is_below(const struct process_list *list, uint64_t pid, uint64_t ancestor);

/* false when there is no such process or memory ran out. */
bool process_about_read(const char *root, uint64_t pid, struct arena *arena, struct process_about *ret_about);

/* A process watched over a window: open, look as often as wanted, close. */
struct process_watch {
    const char *root;
    uint64_t pid;
    uint64_t running, disk, sleeping; /* looks */
    double queue_ns, thread_count;    /* at the begin */
    double read_bytes, write_bytes;
    bool has_queue, has_bytes;
};
void process_watch_open(struct process_watch *watch, const char *root, uint64_t pid);
void process_watch_look(struct process_watch *watch);
/* The lists are of the window's begin and end. */
void process_watch_close(struct process_watch *watch, const struct process_list *before,
                         const struct process_list *after, struct process_use *ret_use);

#endif
