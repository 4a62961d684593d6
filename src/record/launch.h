/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launch: starts the command to be recorded and passes signals on to it.
 *
 * The child is forked at once and waits before its exec until launch_go, so that counters and readers can be
 * attached to its pid. Nothing of toll reaches it: its descriptors, signal mask and limits are those toll was
 * started with. There is no tie of life either: when toll is killed, the command goes on.
 *
 * Signals: while the command runs, the signals that a person or a supervisor sends to toll are taken from a
 * signalfd. Those the terminal sends (Ctrl-C, Ctrl-\, a resize) reach the command by themselves, because it is in
 * toll's process group; those sent by kill(2) are forwarded. Ctrl-Z and `kill -TSTP` stop toll as well, so that
 * the shell sees its job stopped.
 *
 * SIGXFSZ is ignored in toll from launch_start on, and stays so: a recording at its size limit is a failed write
 * and not toll's end. The command gets it as toll was given it.
 */
#ifndef TOLL_RECORD_LAUNCH_H
#define TOLL_RECORD_LAUNCH_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

#define LAUNCH_NOT_EXECUTABLE 126
#define LAUNCH_NOT_FOUND      127

#define LAUNCH_PRELOAD_BYTES_MAX 2048 /* of the paths, their NUL included: a pipe takes that at once */

struct launch {
    const char *name; /* of the command */
    pid_t pid;
    int pidfd;     /* readable when the command has ended; -1 on kernels without pidfd_open */
    int signal_fd; /* readable when a signal waits for launch_signals */
    int gate_fd;
    int status_fd;
    sigset_t old_mask;
    struct sigaction old_size_limit; /* of SIGXFSZ */
};

/* Forks the child; it waits. `session` is put into its environment as TOLL_SESSION, NULL for none. */
WARN_UNUSED int launch_start(char *const *command, const char *session, struct launch *ret_launch,
                             struct err *err);

/* Lets the child exec and waits until it has. `preload`, a library's path or NULL, is put in front of LD_PRELOAD in the
 * command's environment. When the command cannot be executed the child is reaped,
 * *ret_shell_status is 126 or 127 (written on this failure alone) and the error says why. */
WARN_UNUSED int launch_go(struct launch *launch, const char *preload, int *ret_shell_status, struct err *err);

/* Handles what waits on signal_fd. Returns true when a child of toll may have ended (SIGCHLD). */
bool launch_signals(struct launch *launch);

/* Ends a child that still waits at the gate, closes descriptors, drops what is still pending of the signals, and restores the mask. */
void launch_close(struct launch *launch);

/* The exit status of wait(2) as a shell tells it: 128 + n for signal n. */
int launch_shell_status(int wait_status);

#endif
