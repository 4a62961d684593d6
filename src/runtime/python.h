/* SPDX-License-Identifier: Apache-2.0 */
/*
 * python: the Python programs of a recording. The recorder tells which processes there are, and what was read of their
 * threads (here, or by an eBPF program in place: kernel/bpf.h); the names of functions come from the processes' memory,
 * each code object once, and the frames go into chains of addresses (stacks/stacks.h).
 *
 * A process is asked for its interpreter when it starts a program of that name or maps such a library; a fork goes on
 * with its maker's. With perf's trampolines (-X perf) the functions are native frames as well, without a
 * line: those are left out.
 *
 * Nothing here fails because a process is gone, is of another user or changes while it is read: there is no stack then,
 * and it is counted.
 */
#ifndef TOLL_RUNTIME_PYTHON_H
#define TOLL_RUNTIME_PYTHON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "kernel/bpf_layout.h"
#include "python/python_walk.h"
#include "runtime/python_place.h"
#include "stacks/stacks.h"

struct python;

struct python_counts {
    uint64_t process_count;       /* whose interpreter was found */
    uint64_t stack_count;         /* different stacks */
    uint64_t unknown_count;       /* processes of a version whose layout is not known */
    uint64_t refused_count;       /* whose memory may not be read */
    uint64_t unnamed_count;       /* frames whose code object was gone, or was none */
    uint64_t overflow_count;      /* stacks without Python: there were too many different ones */
    uint64_t unknown_version_hex; /* one of them; 0: older than 3.11 */
};

WARN_UNUSED int python_create(struct stacks *stacks, struct python **ret_python, struct err *err);
void python_destroy(struct python *python);

/* Asks the process (again) whether it runs Python. Returns its interpreter, valid until the next look at that process, or
 * NULL. What it was before is forgotten. */
const struct python_place *python_look(struct python *python, uint32_t pid);
/* What the last look found; that of `parent_pid` for a new process. NULL for none. */
const struct python_place *python_known(const struct python *python, uint32_t pid);
void python_fork(struct python *python, uint32_t pid, uint32_t parent_pid);
/* Another program since `exec_ns`, or the end (UINT64_MAX): what was found before is forgotten. */
void python_forget(struct python *python, uint32_t pid, uint64_t exec_ns);
/* How the eBPF programs find a process's frames. */
struct bpf_python python_for_bpf(const struct python_place *place, uint64_t salt);

/* A stack by the frames read. `key` names it: the next time with the same key nothing is read. 0 for the key: one is made.
 * Returns the number of the stack, 0 when there is none. */
WARN_UNUSED int python_stack_note(struct python *python, uint32_t pid, uint64_t key,
                                  const struct python_stack *read, uint64_t *ret_stack, struct err *err);
/* The number of a stack noted before; 0. */
uint64_t python_stack_find(const struct python *python, uint64_t key);
/* Reads what a thread runs now; 0 when it runs no Python, or went on meanwhile. */
WARN_UNUSED int python_thread_read(struct python *python, uint32_t pid, uint32_t tid, uint64_t *ret_stack,
                                   struct err *err);
/* As stacks_add_dumped, with the frames of such a stack; of 0 without. */
WARN_UNUSED int python_stacks_add(struct python *python, uint32_t pid, const struct stacks_dumped *dumped,
                                  uint64_t stack, uint64_t *ret_row, struct err *err);

/* Whether its threads wait for locks at a place on their own stacks, with the lock's address in the word before. */
bool python_parks(const struct python *python, uint32_t pid);

/* Whether a futex there is the lock that all threads of the interpreter take turns with. A free-threaded interpreter has
 * none, unless it is switched on. */
bool python_is_gil(const struct python *python, uint32_t pid, uint64_t address);

struct python_counts python_counts(const struct python *python);

#endif
