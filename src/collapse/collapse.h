/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collapse: the text of `perf script` as folded stacks, one line a stack ("comm;outermost;…;innermost count"), as
 * stackcollapse-perf.pl of the FlameGraph tools (B. Gregg) writes them, byte for byte on stdout: the same lines are taken for events,
 * frames and ends of stacks, names are tidied alike, only events of the first kind count, a last stack without an empty line behind
 * it does not.
 *
 * Stacks come again and again. The lines behind the first of a stack are known by a hash of their bytes from the second time on, and
 * so is a frame's text behind its address, where a stack is new; a stack is a list of numbers. So the time is that of finding the ends
 * of stacks. Memory grows with what is different, not with the text.
 */
#ifndef TOLL_COLLAPSE_COLLAPSE_H
#define TOLL_COLLAPSE_COLLAPSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/str.h"

/* Where a frame's code lies. */
struct collapse_place {
    const char *address, *function,
        *module; /* as in the line: "55f0", "main+0x1c", "/usr/bin/x"; not NUL-terminated */
    size_t address_length, function_length, module_length;
};
/* Appends the functions that stand for a frame of a program's file, the outermost first, ';' between; nothing: its own name is taken. */
typedef int collapse_inline_fn(void *context, const struct collapse_place *place, struct str *ret_text,
                               struct err *err);

struct collapse_options {
    bool with_pid, with_tid;       /* behind the command's name: -pid, -pid/tid */
    bool mark_kernel, mark_jit;    /* _[k] and _[j] behind such functions */
    bool with_addresses;           /* of frames without a function's name */
    bool with_modules;             /* frames keep their module: functions of one name in two are two */
    collapse_inline_fn *inline_of; /* NULL: the calls that the text tells */
    void *inline_context;
    const char *event; /* only this one; NULL: the first that comes */
};

struct collapse;

/* What the first line of a sample says, or of an event that has no stack. */
struct collapse_event {
    const char *line; /* all of it; not NUL-terminated, nor are the next two */
    size_t length;
    size_t name_length; /* the command's name, with its blanks, begins the line */
    const char *event;  /* "cycles:u"; NULL where the line does not end in an event's name */
    size_t event_length;
    uint64_t pid, tid; /* pid 0: only the thread is told */
    bool is_counted;   /* its sample counts; else the stack behind it is left out */
    bool has_no_sample;
};

/* Who wants to know of each sample: the line that begins it, and, where it counts, its end. Ids of stacks are dense and start at 1. */
struct collapse_watch {
    int (*event)(void *context, const struct collapse_event *event, struct err *err);
    int (*sample)(void *context, uint64_t stack, uint64_t period, struct err *err);
    void *context;
};

WARN_UNUSED int collapse_create(const struct collapse_options *options, struct collapse **ret_collapse,
                                struct err *err);
/* The watch lives as long as the collapse. */
void collapse_tell(struct collapse *collapse, const struct collapse_watch *watch);
/* NULL is allowed. */
void collapse_destroy(struct collapse *collapse);

/* All lines of a text; *ret_used is where an unfinished last line begins. `is_end`: that one is a line too. */
WARN_UNUSED int collapse_text(struct collapse *collapse, const char *text, size_t length, bool is_end,
                              size_t *ret_used, struct err *err);

/* Whether a text begins, after comments, with the line of an event. */
bool collapse_recognise(const char *text, size_t length);

/* A stack. Two may have the same frames. */
struct collapse_stack {
    uint32_t first; /* the innermost frame; 0: none */
    uint32_t rest;  /* the frames behind it, of which many stacks have the same; dense, from 1 on */
    const uint32_t *rest_frames; /* the innermost first */
    size_t rest_count;
    uint32_t program; /* a frame with its name */
};
void collapse_stack(const struct collapse *collapse, uint64_t stack, struct collapse_stack *ret_stack);
/* A frame's tidied text, inlined calls behind their caller with ';' between; *ret_module is "" without with_modules. */
const char *collapse_frame(const struct collapse *collapse, uint32_t frame, const char **ret_module);

/* Appends a function's name as tidied: "ns::f(int)" is "ns::f". `is_java`: of a program whose name begins so. */
void collapse_tidy(const char *name, size_t length, bool is_java, struct str *ret_text);

/* The stacks of all of them together, sorted. NULLs are passed over. */
WARN_UNUSED int collapse_write(struct collapse *const *all, size_t count, FILE *out, struct err *err);

/* Where a text comes from: up to `capacity` bytes more of it; 0 at its end, and not before. Never asked by two threads at once. */
struct collapse_input {
    int (*read)(void *context, char *bytes, size_t capacity, size_t *ret_got, struct err *err);
    void *context;
};

/*
 * A whole text, by so many threads where it is long enough: they take turns in reading, each as much as ends where a sample does, and
 * each has a collapse of its own. The first, ret_all[0], decides the event. The caller destroys all, of which some may be NULL, also
 * after a failure. Memory for the text is 256 KiB a thread, more where a single line is longer (64 MiB at most).
 */
#define COLLAPSE_THREADS_MAX 8
WARN_UNUSED int collapse_read(const struct collapse_options *options, const struct collapse_input *input,
                              size_t thread_count, struct collapse *ret_all[COLLAPSE_THREADS_MAX],
                              struct err *err);
/* As many threads as this process has processors, COLLAPSE_THREADS_MAX at most. */
size_t collapse_thread_count(void);

struct collapse_facts {
    uint64_t sample_count;
    uint64_t strange_count;     /* lines that are neither */
    const char *event;          /* that was taken because it came first; NULL: none, or it was given */
    uint64_t other_event_count; /* samples of others, left out */
};
struct collapse_facts collapse_facts(const struct collapse *collapse);

#endif
