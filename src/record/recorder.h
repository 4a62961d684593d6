/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recorder: runs a command and records it into a sink, until its main process ends; or records what runs already
 * (processes with all their threads and the processes they make, or the whole machine) until a limit, a signal to
 * toll or the end of all of them.
 *
 * Who tells what the process tree does is a rung (rung.h): eBPF, perf_event, a library in each program, or /proc alone.
 * Where a rung does not tell the reason of a wait, looks at /proc do; system metrics and the SDK's spans are recorded
 * beside. No root, no ptrace: nothing stops the command, and when the recorder fails or is killed it goes on
 * undisturbed.
 *
 * On the preload and proc rungs toll is a child subreaper while it records, so orphans of the tree have toll, not init, as
 * their parent until it ends. Children that outlive the main command are not waited for: their tracks stay open
 * (end_ns 0), and a remark says how many.
 */
#ifndef TOLL_RECORD_RECORDER_H
#define TOLL_RECORD_RECORDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "model/view.h"

#define RECORD_RATE_HZ_DEFAULT 199
#define RECORD_STATUS_FAILED   125 /* toll itself failed */

struct record_options {
    char *const *command; /* NULL-terminated; found through PATH. NULL: only what runs already is recorded */
    const pid_t *pids;    /* without a command: these; none: whole_machine is set */
    size_t pid_count;
    bool whole_machine;       /* everything, with or without a command (root) */
    uint64_t limit_ns;        /* without a command: how long; 0: until SIGINT, SIGTERM, SIGHUP or SIGQUIT */
    const char *objective;    /* into META_OBJECTIVE; NULL: it is left out */
    const char *io;           /* I/O by peer on the bpf rung: "sampled", "all", "none"; NULL: sampled */
    const char *heap;         /* of a command: "sampled", "exact"; NULL: its allocations are not recorded */
    uint64_t heap_rate_bytes; /* sampled: bytes between two samples, on average; 0: half a megabyte */
    const char *rung;         /* NULL: the best there is; "perf" or "proc": that one or an error */
    unsigned rate_hz;         /* samples per second of CPU time; 0: RECORD_RATE_HZ_DEFAULT */
    struct sink *sink;
    /* Called about twice a second, and at the end: write out what the sink holds. May be NULL. */
    int (*flush)(void *context, struct err *err);
    /* Called once, when the command has begun or the watching has: from here on there is something to keep. May be
     * NULL. */
    void (*started)(void *context);
    void *context; /* of both */
};

struct record_result {
    int exit_status; /* the command's, as a shell sees it: 128 + n for signal n */
    const char *rung;
    uint64_t wall_ns;
    uint64_t process_count;
    uint64_t thread_count;
    uint64_t row_count;
    uint64_t lost_count;      /* events the kernel dropped */
    uint64_t overhead_cpu_ns; /* CPU time of the recorder, and of its library inside the programs */
    /* The command ran to its end, but from some moment on nothing could be written, for this reason. */
    bool incomplete;
    struct err failure;
};

/* What runs already is never stopped, changed or signalled, and whatever becomes of toll, nothing is left behind in it.
 * Its exit_status is 0. A pid that is no process is ERR_USAGE, one of another user ERR_ENVIRONMENT.
 *
 * On failure ret_result->exit_status alone is written, the exception to the rule: the status to exit with, 126
 * (the command cannot be executed), 127 (there is no such command) or 125 (all else; the command did not run).
 * Blocks signals and waits for children: no other thread of the program should do either meanwhile. */
WARN_UNUSED int record_run(const struct record_options *options, struct record_result *ret_result,
                           struct err *err);

#endif
