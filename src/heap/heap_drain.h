/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heap_drain: reads what libtoll_heap writes from inside the programs (wire/heap_ring.h), checks it, keeps the book of it and
 * writes rows: as they come, of each site (program image and stack) what it allocated and freed since the rows before
 * (samples of kind alloc and free, weight: bytes) and of each image the bytes that stand (SERIES_HEAP); at the end the
 * heap table, a row for each site.
 *
 * Nothing is trusted: all is copied out (pread), an event lies wholly in what was read, addresses and sizes have their
 * range. A program can write nonsense about itself; it cannot make the reader fail.
 *
 * A poll reads the clock, then all rings, and handles what is older than that in the order of time across all of them. One
 * thread.
 */
#ifndef TOLL_HEAP_DRAIN_H
#define TOLL_HEAP_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "heap/heap_book.h"
#include "heap/heap_frames.h"
#include "model/view.h"
#include "wire/heap_ring.h"

struct heap_drain_options {
    const char *folder; /* the session's */
    enum heap_mode mode;
    uint64_t rate_bytes; /* 0: HEAP_RATE_DEFAULT */
    uint64_t seed;       /* 0: another one each time */
    bool is_monotonic_forced;
};

/* Code of a file, mapped in a process. */
struct heap_module {
    uint64_t address, length_bytes, offset_bytes, device, inode;
    const char *path;
};

/* A stack: what frame pointers tell, innermost address first; a copy of its top, which `sp` is the address of; and what it
 * runs in Python, innermost first. */
struct heap_told_stack {
    const uint64_t *addresses;
    size_t count;
    uint64_t sp, bp;
    const uint64_t *top;
    size_t top_bytes;                      /* 0: there is none */
    const struct heap_told_frames *frames; /* none: no Python */
};

struct heap_host {
    void *context;
    /* A new program image; what was told of the process's code before holds no more. Its process track, 0: none. */
    uint64_t (*image)(void *context, uint32_t pid, uint64_t time_ns);
    void (*module)(void *context, uint32_t pid, const struct heap_module *module);
    /* A Python function: its number, 0 for none. */
    uint64_t (*code)(void *context, const char *name, const char *file);
    /* The id of a stack row, 0 for none. */
    uint64_t (*stack)(void *context, uint32_t pid, const struct heap_told_stack *stack);
    uint64_t (*series)(void *context); /* an id for a row of the series table */
    bool (*is_there)(void *context, uint32_t pid);
};

struct heap_totals {
    uint64_t event_count;
    uint64_t lost_count;    /* dropped: a ring was full, or could not be had */
    uint64_t broken_count;  /* events that made no sense */
    uint64_t refused_count; /* images that have a sanitizer */
    uint64_t image_count;
    bool is_given_up; /* programs stopped telling, as nobody had read for long */
};

struct heap_drain;

/* Makes the session's file: programs that have the library write from then on. */
WARN_UNUSED int heap_drain_create(const struct heap_drain_options *options, struct heap_drain **ret_drain,
                                  struct err *err);
WARN_UNUSED int heap_drain_poll(struct heap_drain *drain, const struct heap_host *host, struct sink *sink,
                                struct err *err);
/* How long rings can be left alone at the rate seen in the last poll; 0: read on at once. */
uint64_t heap_drain_pause_ns(const struct heap_drain *drain);
/* The last poll, and the heap table. Programs that go on stop telling. */
WARN_UNUSED int heap_drain_finish(struct heap_drain *drain, const struct heap_host *host, struct sink *sink,
                                  struct err *err);
struct heap_totals heap_drain_totals(const struct heap_drain *drain);
const struct heap_book *heap_drain_book(const struct heap_drain *drain);
/* NULL is allowed. */
void heap_drain_destroy(struct heap_drain *drain);

#endif
