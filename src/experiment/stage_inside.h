/* SPDX-License-Identifier: Apache-2.0 */
/* stage_inside: the parts of the stand-in for a stage's program, a small static program of its own (stage_main.c). */
#ifndef TOLL_EXPERIMENT_STAGE_INSIDE_H
#define TOLL_EXPERIMENT_STAGE_INSIDE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct stage_call {
    const char *name; /* as it was called */
    char **words;
    char program[PATH_MAX]; /* the real one */
    const char *folder, *root;
    double share;
};

struct stage_log {
    char kind;
    uint64_t elapsed_ns, added_ns, blocked_ns, running_ns;
    const char *why; /* STAGE_UNKEPT; NULL */
};

uint64_t stage_now_ns(void);
void stage_sleep(uint64_t ns);
void stage_log_write(const struct stage_call *call, const struct stage_log *log);

/* Starts the real program: its stdout and stderr are these descriptors where not negative. The pid; 0: it could not be started. */
pid_t stage_start(const struct stage_call *call, int output_fd, int errors_fd);
/* Waits for it, passing on the signals that ask it to end. `ret_blocked_ns`: how long its first thread waited for the other end of
 * its stdin or stdout, looked at now and then; NULL: not wanted. The wait status. */
int stage_wait(pid_t pid, uint64_t *ret_blocked_ns);
/* Ends as the program ended. */
_Noreturn void stage_end_as(int wait_status);
/* Becomes the real program. */
_Noreturn void stage_become(const struct stage_call *call);

_Noreturn void stage_hold(const struct stage_call *call);
_Noreturn void stage_keep(const struct stage_call *call);
_Noreturn void stage_replay(const struct stage_call *call);
/* toll-stage --pace stage|others NAME SHARE LOG -- COMMAND…: stops what has that name, or all else while that runs. */
int stage_pace(char **words);

/* FOLDER/calls/KEY without the number, PATH_MAX bytes. */
void stage_call_key(const struct stage_call *call, char *ret_key, size_t size);

/* All of a file to a descriptor; false when it could not. */
bool stage_copy(int from, int to);

#endif
