/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stacks: addresses of call chains become rows of the stack and frame tables.
 *
 * While recording, events come in time order, so each process's executable mappings are those of the moment:
 * fork shares the parent's, exec forgets them, a new mapping replaces what it covers. A chain is turned at once
 * into (module, offset) frames in a trie, and its leaf's id goes into sample and wait rows. Functions, lines and
 * inlined calls are looked up later, each (module, offset) once: a little at a time by stacks_advance, the rest by
 * stacks_finish, which looks for lines and inlined calls only in functions that one chain of a hundred has. The file of a module is opened when its first frame is seen, so a program that is deleted
 * or replaced during the run still has its symbols.
 *
 * Memory is bounded: a chain that would need more than the limit of distinct stacks ends at its deepest known
 * caller and is counted. One thread at a time.
 */
#ifndef TOLL_STACKS_H
#define TOLL_STACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "kernel/perf.h"
#include "model/view.h"

struct stacks_options {
    const char *cache_folder; /* NULL: the user's cache folder; "": no cache */
    size_t node_count_max;    /* distinct stacks and callers; 0: 262144 */
    bool is_told_files; /* only mappings of files are told: code that is in none is looked for in /proc */
    /* The file name of a library that stands before others' functions, NULL for none. Its frames are left out, but when
     * it was at work itself: then the one that the program called stays. */
    const char *left_out;
};

struct stacks_counts {
    uint64_t stack_count;     /* chains added */
    uint64_t truncated_count; /* of them, those that do not reach a thread's start; complete after finish */
    uint64_t overflow_count;  /* of them, those cut because there were too many distinct stacks */
    uint64_t frame_count;     /* distinct (module, offset) */
    uint64_t unknown_count;   /* of them, those without a function's name; complete after finish */
};

struct stacks;

WARN_UNUSED int stacks_create(const struct stacks_options *options, struct stacks **ret_stacks,
                              struct err *err);

/* Takes PERF_FORK, PERF_EXEC, PERF_MAP and PERF_EXIT; ignores the others. */
WARN_UNUSED int stacks_note(struct stacks *stacks, const struct perf_event *event, struct err *err);
/* Reads the mappings of a process that runs already, where no events tell them. A process that is gone or
 * may not be read is no failure: its frames are unknown. */
WARN_UNUSED int stacks_read_maps(struct stacks *stacks, uint32_t pid, struct err *err);

/* When the chains that follow were seen, CLOCK_MONOTONIC: code that compilers make at run time comes and goes. */
void stacks_set_time(struct stacks *stacks, uint64_t time_ns);

/* A chain as in struct perf_event (innermost first; without a marker the addresses are the program's). The id is
 * for sample.stack and wait.stack; 0 for an empty chain. */
WARN_UNUSED int stacks_add(struct stacks *stacks, uint32_t pid, const uint64_t *chain, size_t chain_count,
                           uint64_t *ret_stack, struct err *err);

/* A frame of a managed runtime (Python), whose names are known; "" for no file. The number is for struct stacks_managed. */
WARN_UNUSED int stacks_managed_frame(struct stacks *stacks, const char *function, const char *file,
                                     uint32_t line, uint32_t *ret_frame, struct err *err);

struct stacks_range {
    uint64_t low, high;
};

struct stacks_managed_frame {
    uint32_t frame;
    bool is_entry; /* the outermost that one call of the interpreter's function runs */
};

/* What a thread runs in a managed runtime, innermost first, and the functions of the interpreter that run it. */
struct stacks_managed {
    const struct stacks_managed_frame *frames;
    size_t frame_count;
    const struct stacks_range *interpreter; /* addresses of the process */
    size_t interpreter_count;
    bool has_trampolines; /* code without a file does nothing but call the interpreter: it is left out */
};

/* A chain, and the registers and stack that it was taken with. */
struct stacks_dumped {
    const uint64_t *chain; /* as above; the program's part is what frame pointers tell */
    size_t chain_count;
    struct perf_dump dump;                /* size 0: none */
    const struct stacks_managed *managed; /* NULL: nothing */
};

/* The same, the program's part found in the copy of its stack by what the compiler says of each function's frame
 * (unwind/unwind_walk.h). Where that ends before the thread's start, the callers that frame pointers tell are put
 * behind, when both know the last one. Each call of an interpreter is replaced by the frames that it runs; frames whose call
 * is missing, because the chain is cut short, are its callers. */
WARN_UNUSED int stacks_add_dumped(struct stacks *stacks, uint32_t pid, const struct stacks_dumped *dumped,
                                  uint64_t *ret_stack, struct err *err);

/* Looks up and writes what is new, for about `budget_ns`; files with much debug information wait for the end. */
WARN_UNUSED int stacks_advance(struct stacks *stacks, struct sink *sink, uint64_t budget_ns, struct err *err);
/* Has names that the end will ask for looked up by a thread of low priority, which this starts and gives work to; to be called from
 * time to time, `elapsed_ns` after the recording's start. What was seen little is left for the end. */
void stacks_look_ahead(struct stacks *stacks, uint64_t elapsed_ns);
/* CPU time that this took and no one else wanted, which is no cost to the run; 0 where the thread cannot be that modest. */
uint64_t stacks_ahead_idle_ns(const struct stacks *stacks);
/* Writes all frame and stack rows that are not written yet. */
WARN_UNUSED int stacks_finish(struct stacks *stacks, struct sink *sink, struct err *err);

/* Ids of a stack and a frame for rows that the caller writes himself. */
void stacks_take(struct stacks *stacks, uint64_t *ret_stack, uint64_t *ret_frame);

struct stacks_counts stacks_counts(const struct stacks *stacks);
void stacks_destroy(struct stacks *stacks);

#endif
