/* SPDX-License-Identifier: Apache-2.0 */
/*
 * running: what runs already, listed for a recording: the processes asked for with all their threads and the
 * processes they have made, or every process of the machine. Only /proc is read; nothing is stopped or changed.
 *
 * A recording of what runs already ends with SIGINT, SIGTERM, SIGHUP or SIGQUIT to toll, which come through a
 * descriptor, or when all it watches has ended.
 */
#ifndef TOLL_RECORD_RUNNING_H
#define TOLL_RECORD_RUNNING_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"

struct running_thread {
    pid_t pid, tid;
    pid_t parent; /* of its process */
    bool is_running;
    char name[32]; /* of the program, for a process's first thread */
};

struct running {
    const pid_t *pids; /* asked for; the owner keeps them */
    size_t pid_count;
    bool whole_machine;
    VEC(struct running_thread)
    threads; /* a process's first thread before its others, parents before children */
    int signal_fd;
    sigset_t old_mask;
};

/* Lists what is there now. ERR_USAGE for a pid that is no process, ERR_ENVIRONMENT for one that toll may not look
 * into. Blocks the signals that end the recording until running_close. */
WARN_UNUSED int running_open(struct running *running, const pid_t *pids, size_t pid_count, struct err *err);
/* The same for every process but toll itself; ERR_ENVIRONMENT without the right to see them. */
WARN_UNUSED int running_open_machine(struct running *running, struct err *err);
/* Lists again; what came since the last time is added at the end. */
WARN_UNUSED int running_list(struct running *running, struct err *err);
/* The command line of the first process, as for META_COMMAND. */
void running_command(const struct running *running, struct str *ret_json);
/* False when the thread has ended, also while nobody has waited for it. */
bool running_is_there(uint64_t pid, uint64_t tid);
/* Whether a signal asked for the end. */
bool running_signals(struct running *running);
void running_close(struct running *running);

#endif
