/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker: one investigator's process in one round, watched by the engine.
 *
 * It gets the request as its stdin, a process group of its own, a limit on its memory, and a time by which it must have ended.
 * Its stdout is read as it comes (protocol.h), a copy of it and of its stderr are kept as evidence. When it ends, however it
 * ends, its process group and what it started elsewhere are killed. A worker is a small state machine: started, asked to end
 * (SIGTERM), made to end (SIGKILL), ended. Not for several threads.
 */
#ifndef TOLL_INVESTIGATE_WORKER_H
#define TOLL_INVESTIGATE_WORKER_H

#include <sys/types.h>

#include "investigate/investigator.h"
#include "investigate/memory_group.h"
#include "investigate/protocol.h"

#define WORKER_ERRORS_MAX ((size_t)1 << 20) /* bytes of stderr that are kept: the first */

struct worker_options {
    const struct investigator *builtin; /* its function in a forked process; NULL: */
    const char *command;                /* a line for /bin/sh */
    const char *directory;              /* where the line runs; NULL: here */
    const char *folder;                 /* of its evidence; there */
    const struct request *request;
    const struct question *question; /* of a built-in one */
    uint64_t deadline_ns;            /* CLOCK_MONOTONIC */
    uint64_t memory_bytes;
    bool runs_others; /* runs the pipeline: what that uses is not the worker's memory */
};

struct worker {
    pid_t pid; /* 0: none */
    int process_fd, out_fd, err_fd, answers_fd;
    struct protocol protocol;
    struct memory_group group;
    struct str errors;
    const char *folder;
    uint64_t start_ns, deadline_ns, end_ns,
        kill_ns; /* kill_ns: when it is made to end; 0: it was not asked to */
    uint64_t memory_bytes, memory_base_bytes, rss_bytes_max;
    bool is_builtin, runs_others, has_ended;
    int wait_status;
    char why[800]; /* why it did not finish, "" */
};

/* ERR_ENVIRONMENT when there can be no process, no pipe, no file. What becomes of it later is told by worker_finish. */
WARN_UNUSED int worker_start(const struct worker_options *options, struct arena *arena,
                             struct worker *ret_worker, struct err *err);

/* Reads what there is, without waiting. */
void worker_read(struct worker *worker);
/* Looks whether it has ended, is over its time or its memory; asks it to end, and makes it. To be called again and again. */
void worker_watch(struct worker *worker, uint64_t now_ns, bool look_at_memory);
/* Asks it to end now, with the reason. */
void worker_stop(struct worker *worker, const char *format, ...) PRINTF_LIKE(2, 3);

/* Once it has ended: kills what is left of its group, reads the rest, sets `why` where it did not finish. 0 unless memory ran out
 * here. */
WARN_UNUSED int worker_finish(struct worker *worker, struct err *err);
void worker_deinit(struct worker *worker);

#endif
