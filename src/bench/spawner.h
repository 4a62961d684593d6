/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawner: runs commands one at a time from a small process (spawner_main.c), so that neither toll's size nor its work gets into
 * what is measured.
 *
 * The commands' stdin is /dev/null or a file; stdout and stderr are /dev/null or toll's own. They are in toll's process group, so a
 * terminal's Ctrl-C reaches them. Addresses are randomised afresh for each run, even where toll was started with
 * that switched off. Not for several threads.
 */
#ifndef TOLL_BENCH_SPAWNER_H
#define TOLL_BENCH_SPAWNER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct spawner;

struct spawner_options {
    bool show_output; /* else /dev/null */
    int output_fd;    /* a file that gets stdout and stderr instead; 0: none */
    int cpu;          /* the one CPU to stay on; -1: any */
    bool same_layout; /* no address randomisation */
};

WARN_UNUSED int spawner_create(const struct spawner_options *options, struct spawner **ret_spawner,
                               struct err *err);
void spawner_destroy(struct spawner *spawner);

/* What is run: a resolved path, arguments and environment, each NULL-terminated. */
struct spawn_command {
    const char *path;
    const char *input; /* NULL: /dev/null */
    const char
        *folder; /* where it runs; NULL: toll's own folder. The path and the input are not looked for there */
    char *const *arguments;
    char *const *environment;
    uint64_t limit_ns; /* after so long it and all that it started are made to end; 0: never */
};

struct spawn_result {
    int wait_status;
    bool is_late;      /* the limit ended it */
    uint64_t start_ns; /* CLOCK_MONOTONIC */
    uint64_t wall_ns, user_ns, system_ns;
    uint64_t memory_bytes_max; /* of the largest process among the command and those it waited for */
    uint64_t faults_minor, faults_major;
    uint64_t switches_voluntary, switches_involuntary;
    uint64_t read_bytes, write_bytes; /* from and to storage */
    unsigned left_count;              /* processes it left behind that ended before it or with it */
};

/* Called about every `interval_ms` while a command runs, with its pid (0 before it is known). */
struct spawn_watch {
    int interval_ms;
    void (*look)(void *context, pid_t pid);
    void *context;
};

/* Runs the command and waits for it. `watch` may be NULL. A signal that interrupts the waiting is not passed on: see
 * spawner_signal. ERR_ENVIRONMENT when it cannot be executed. */
WARN_UNUSED int spawner_run(struct spawner *spawner, const struct spawn_command *command,
                            const struct spawn_watch *watch, struct spawn_result *ret_result,
                            struct err *err);

/* Sends a signal to what runs, if anything does. Safe in a signal handler. */
void spawner_signal(const struct spawner *spawner, int number);

/* The spawner's own process. */
pid_t spawner_pid(const struct spawner *spawner);

/* Where a command's file is looked for. */
struct spawn_place {
    const char *folder;      /* that a name with a '/' starts from; NULL: toll's own */
    const char *search_path; /* as in PATH; NULL: toll's own */
};

/* The file of a command as execvp would find it, into `ret_path` (PATH_MAX bytes). `place` NULL: toll's own. ERR_ENVIRONMENT when
 * there is none. */
WARN_UNUSED int spawner_resolve(const char *name, const struct spawn_place *place, char *ret_path,
                                struct err *err);

#endif
