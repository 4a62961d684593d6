/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tracks: the tree of processes and threads as it is now, and its rows. Each process is a process track (parent:
 * the process track of its maker) with one thread track per thread, the first one included (parent: the process
 * track). Work, waits and samples are on thread tracks; program images (SPAN_EXEC spans) and resources are on the
 * process track. A spawn edge leads from the maker's thread to the new thread.
 *
 * A track's row is written when it starts and again when it ends. Tracks that are still there when the
 * recording stops keep end_ns 0.
 */
#ifndef TOLL_RECORD_TRACKS_H
#define TOLL_RECORD_TRACKS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/map.h"
#include "base/vec.h"
#include "collector/collectors.h"
#include "record/emit.h"
#include "record/ledger.h"
#include "record/look.h"
#include "record/traffic.h"
#include "record/usage.h"
#include "record/waits.h"
#include "runtime/python_seek.h"

/* bpf rung: what the thread's last wait was for, so that the next like it is not asked about again. */
struct watch_memo {
    uint64_t until_ns; /* it is believed until then, */
    uint64_t keep_ns;  /* for so long: longer each time that it was still right */
    int64_t call;
    uint32_t flags;
    uint64_t inode, argument, value;
    enum wait_reason reason;
    uint64_t peer;
    uint64_t sample_python, sample_python_ns; /* the Python stack of the sample that is about to come */
    uint64_t loop_argument, loop_peer;        /* the last connection that an event loop waited for; 0: none */
    bool is_bell;                             /* the wait was for the pair of sockets that wakes a loop */
};

#define SAMPLE_PYTHON_NS                                                                                     \
    1000000ull /* at most between what is read of a sample's thread and the sample itself */

/* The key of the Python stack that was read for the sample at that time; 0: none was. It is that sample's alone: the next one
 * may well be of a thread that has left Python. */
static inline uint64_t watch_memo_python_take(struct watch_memo *memo, uint64_t time_ns)
{
    uint64_t key = memo->sample_python;
    if (memo->sample_python_ns > time_ns)
        return 0;
    memo->sample_python = 0;
    return time_ns - memo->sample_python_ns < SAMPLE_PYTHON_NS ? key : 0;
}

/* Notes what was found of an event loop's wait: a connection, or that nothing else is left than the pair of sockets that others wake
 * it with (watch_reason_loop_peer). A server waits for the next client then. */
static inline void watch_memo_loop(struct watch_memo *memo, const struct reason_found *found)
{
    bool is_loop = memo->call == SYS_epoll_pwait;
#ifdef SYS_epoll_wait
    is_loop = is_loop || memo->call == SYS_epoll_wait;
#endif
    if (is_loop && found->reason == WAIT_NETWORK && memo->peer) {
        memo->loop_argument = memo->argument;
        memo->loop_peer = memo->peer;
    }
    memo->is_bell = is_loop && found->reason == WAIT_IPC && !found->has_listening &&
                    strncmp(found->address, "unix:[", strlen("unix:[")) == 0;
}

/* preload rung: what a thread with the library told of itself so far. */
struct task_inside {
    bool is_attached;
    uint64_t told_ns; /* the end of the last wait */
    uint64_t cpu_ns;  /* its CPU time then */
    uint64_t looked_ns, look_due_ns, turn_count;
    bool is_asked;                /* what it waits for, since its last turn on a CPU */
    struct wait_reason_seen seen; /* by a look, outside a hook or not */
    uint64_t seen_ns;
    /* The last wait that a look met in Python code: its native stack, its other end, and that code. */
    uint64_t like_stack, like_peer, like_python;
};

struct process {
    uint64_t pid;
    uint64_t track;
    uint64_t parent_track;
    uint64_t start_ns;
    uint64_t exit_status; /* as a shell sees it; 0 when nobody saw it */
    uint64_t span;        /* the SPAN_EXEC of the image that runs now */
    uint64_t span_start_ns;
    uint64_t task_count;   /* threads alive */
    uint64_t cpu_ns;       /* of all its threads, dead ones too, as far as the recorder looked */
    uint64_t recording_ns; /* of it, toll's own library was at work */
    uint64_t name_due_ns;  /* when its name, descriptors and resources are read next (observe) */
    uint64_t scan_ns, scan_due_ns;
    bool is_scan_asked;   /* someone waits for a pipe that it may hold */
    uint64_t socket_peer; /* a connected socket among its descriptors; how many different ends there are */
    uint64_t socket_count;
    uint64_t usage_due_ns;
    struct usage usage;
    struct traffic traffic;
    char image[64]; /* name of the program that it runs */
    struct python_seek python;
    struct collector_seek collector;
    bool is_inside;       /* preload rung: it has the library */
    uint64_t told_end_ns; /* when it said that it ends; 0: it did not */
};

struct task {
    uint64_t tid;
    struct process *process;
    uint64_t track;
    uint64_t start_ns;
    uint64_t end_ns; /* proc rung: once it is known to be over */
    bool has_maker;  /* which thread made it, and when, was told */
    size_t index;    /* its place in tracks.tasks */
    struct look look;
    struct ledger ledger;
    struct wait_state wait;
    struct watch_memo watch;
    uint64_t cpu_ns; /* proc rung: CPU time at the last look, and how much of it samples stand for */
    uint64_t sampled_cpu_ns;
    uint64_t refused_ns; /* perf rung: the wait (its start) that could not be looked into */
    struct task_inside inside;
    uint64_t python_run_ns;     /* perf rung: its time on CPUs then */
    uint64_t python, python_ns; /* not on the bpf rung: the Python stack that was read last, and when */
};

#define TASK_PYTHON_NS_MAX 40000000ull

/* perf rung: its time on CPUs until then, as far as the switches up to that time were told. */
static inline uint64_t task_run_ns(const struct task *task, uint64_t time_ns)
{
    const struct wait_state *wait = &task->wait;
    return wait->run_ns + (wait->on_cpu && time_ns > wait->since_ns ? time_ns - wait->since_ns : 0);
}

/* perf rung: the Python stack of about that moment of its running; waiting for a CPU does not make it older. */
static inline uint64_t task_python_ran(const struct task *task, uint64_t time_ns)
{
    uint64_t run_ns = task_run_ns(task, time_ns);
    uint64_t apart_ns =
        run_ns > task->python_run_ns ? run_ns - task->python_run_ns : task->python_run_ns - run_ns;
    return apart_ns <= TASK_PYTHON_NS_MAX ? task->python : 0;
}

/* The Python stack of about that time; 0. */
static inline uint64_t task_python(const struct task *task, uint64_t time_ns)
{
    uint64_t apart_ns = time_ns > task->python_ns ? time_ns - task->python_ns : task->python_ns - time_ns;
    return apart_ns <= TASK_PYTHON_NS_MAX ? task->python : 0;
}

/* A thread that ended, for what is heard of it later. */
struct track_ended {
    uint64_t track, process_track;
    uint64_t start_ns, end_ns;
    uint64_t before; /* 1 + index of the one that had its number before; 0 none */
    bool is_leader;
};

struct tracks {
    struct emit *emit;
    struct map by_tid; /* tid → struct task * */
    VEC(struct task *) tasks;
    VEC(struct process *) processes;
    struct map ended_by_tid; /* index into ended */
    VEC(struct track_ended) ended;
    uint64_t track_count; /* ids given out */
    uint64_t span_count;
    uint64_t process_count;
    uint64_t thread_count;
    bool is_io_counted;    /* by a recorder that counts each call: traffic_tick writes no io rows */
    uint64_t dead_cpu_ns;  /* CPU time of processes that are gone */
    bool is_inside_wanted; /* preload rung: those without the library are counted */
    uint64_t outside_count;
    char outside_name[64]; /* one of them */
};

struct track_fork {
    uint64_t pid, tid; /* the new one; a process when they are equal */
    uint64_t parent_pid,
        parent_tid; /* its maker; parent_tid 0: not known which thread; parent_pid 0: unknown */
    uint64_t time_ns;
    bool is_orphan;   /* its maker is gone: no edge, its parent is only who adopted it */
    bool is_found;    /* by a look: when it started and who made it are guesses */
    const char *name; /* of a process's image; NULL: its maker's */
};

void tracks_init(struct tracks *tracks, struct emit *emit);
void tracks_deinit(struct tracks *tracks);

struct task *tracks_find(const struct tracks *tracks, uint64_t tid);
/* The process with that pid, NULL when it is not of the tree. */
struct process *tracks_process(const struct tracks *tracks, uint64_t pid);

/* Whose traffic a process's is. */
struct traffic_owner tracks_owner(const struct tracks *tracks, const struct process *process);
/* A new process or thread. NULL when memory ran out. Its process starts with the image of its maker. */
struct task *tracks_fork(struct tracks *tracks, const struct track_fork *fork);
/* A thread that nobody saw start: who made it is asked of /proc. */
struct task *tracks_adopt(struct tracks *tracks, uint64_t pid, uint64_t tid, uint64_t time_ns);
/* What is told later of one that was found: when it started, and who made it. Nothing where that was told before. */
void tracks_made(struct tracks *tracks, struct task *task, const struct track_fork *fork);
/* Of the thread that had the number at that time, alive or not; NULL/0 when there was none. */
const struct track_ended *tracks_ended(const struct tracks *tracks, uint64_t tid, uint64_t time_ns);
/* The process runs another program; `name` may be cut to 15 bytes, as the kernel does. Reads the command line
 * from /proc as long as the process is there. */
void tracks_exec(struct tracks *tracks, struct process *process, const char *name, uint64_t time_ns);
/* The same with the command line as the kernel told it, NUL-separated; 0 bytes when it could not be read. */
struct track_image {
    const char *name;
    const char *arguments;
    size_t arguments_bytes;
};
void tracks_exec_told(struct tracks *tracks, struct process *process, const struct track_image *image,
                      uint64_t time_ns);
/* The thread gave itself a name. */
void tracks_rename(struct tracks *tracks, struct task *task, const char *name);
/* The thread ended, and with the last thread its process. Both are freed; `waits` gets its last rows first. */
void tracks_exit(struct tracks *tracks, struct waits *waits, struct task *task, uint64_t time_ns);

#endif
