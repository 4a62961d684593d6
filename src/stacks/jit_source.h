/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jit_source: where the just-in-time compiler of a process tells what code it makes: a jitdump file that the process
 * has mapped, or perf-PID.map in its temporary folder, as the process itself numbers its PID. Opened while the process
 * lives, and only when the process's user or root owns it; of a process that has ended before we came to it, where we see it, when
 * our user owns it and it was written since the recording began.
 */
#ifndef TOLL_STACKS_JIT_SOURCE_H
#define TOLL_STACKS_JIT_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

struct jit_source {
    int fd; /* -1: none */
    bool is_dump;
    uint64_t size;  /* bytes, when it was last looked at */
    uint32_t epoch; /* how often it was seen to have grown */
};

/* "/app/jit-123.dump", as perf finds them too. */
bool jit_source_is_dump(const char *path);
/* dump: a path that jit_source_is_dump, as the process names it, or NULL; begun_ns: CLOCK_REALTIME, when the recording began.
 * fd is -1 when there is no such file. */
void jit_source_open(uint32_t pid, const char *dump, uint64_t begun_ns, struct jit_source *ret_source);
/* Whether such a file of the process, or a dump where runtimes put it, has a word in its first 4 KiB. */
bool jit_source_begins_with(uint32_t pid, const char *word);
/* Looks whether it has grown. */
void jit_source_refresh(struct jit_source *source);

#endif
