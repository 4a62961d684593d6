/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heap_book: what all recorded processes have allocated, by process image and stack (a *site*): how often, how much, what was
 * freed, what of it was temporary, what stands now, what stood when all of them together had the most (the *peak*), and what
 * was left when the image ended.
 *
 * What stood at the peak is known for each site without a copy at every new peak: each new peak gets a number, and a site
 * that is about to change keeps what it has if there was a peak since it changed last.
 *
 * In sampled mode an allocation of S bytes stands for S / (1 - exp(-S/rate)) bytes, so that sums are right on average
 * (OpenTelemetry's design for memory profiles; heapprofd's sampling). Times are ticks; the caller turns them into ns.
 *
 * Events come in the order of their times as far as possible. Where they do not (a thread was held up between two
 * instructions), a block that is allocated again was freed in between, and a free that is older than its block is of
 * the one before. One thread.
 */
#ifndef TOLL_HEAP_BOOK_H
#define TOLL_HEAP_BOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/map.h"
#include "base/vec.h"
#include "heap/heap_live.h"
#include "model/table.h"

struct heap_site {
    uint32_t image; /* index */
    uint32_t stack; /* the image's own number of it */
    enum allocation_kind kind;
    bool is_dirty; /* in the list of what changed since it was written last */
    uint64_t row;  /* of the stack table; 0: not told yet */
    double count, bytes, freed_count, freed_bytes, temporary_count, temporary_bytes;
    double live_bytes, left_bytes, peak_bytes;
    double written_bytes, written_freed_bytes;
    uint64_t peak; /* the number of the peak that peak_bytes is of */
};

/* Pages that a program mapped: [low, high). */
struct heap_region {
    uint64_t low, high;
    uint64_t site;
};

struct heap_image {
    uint32_t pid;
    uint64_t nonce;
    uint64_t track;
    uint64_t start, end; /* ticks: its first and last event */
    bool is_over;
    double live_bytes, peak_bytes; /* its own peak, whenever that was */
    double written_bytes;          /* of its series, -1: no point yet */
    uint64_t series;
    struct heap_live live;
    struct map sites;                /* see site_key → index of the site */
    struct map stack_rows;           /* stack → row */
    VEC(struct heap_region) regions; /* by address, none over another */
};

/* Where blocks come from again and again: (image, stack, kind) → site. */
#define HEAP_RECENT_COUNT 1024
struct heap_recent {
    uint32_t image, stack;
    uint64_t kind;
    uint64_t site;
};

struct heap_book {
    double rate_bytes; /* 0: exact */
    VEC(struct heap_image) images;
    struct map by_pid; /* → index of its last image */
    VEC(struct heap_site) sites;
    VEC(uint64_t) dirty; /* sites that changed since the last rows */
    double live_bytes, peak_bytes;
    uint64_t peak;      /* its number */
    uint64_t peak_time; /* ticks */
    double count, freed_count, temporary_count;
    bool is_failed;                               /* memory ran out: what came since is missing */
    struct heap_recent recent[HEAP_RECENT_COUNT]; /* kind 0: none */
};

/* The index of the image; a new one ends what the process was before. UINT32_MAX when memory ran out. */
uint32_t heap_book_image(struct heap_book *book, uint32_t pid, uint64_t nonce, uint64_t now);
void heap_book_stack(struct heap_book *book, uint32_t image, uint32_t stack, uint64_t row);

struct heap_event {
    uint64_t time;
    uint64_t address;
    uint64_t size;
    uint32_t stack;
    bool is_temporary;
};
void heap_book_alloc(struct heap_book *book, uint32_t image, const struct heap_event *event);
void heap_book_free(struct heap_book *book, uint32_t image, const struct heap_event *event);
void heap_book_mapped(struct heap_book *book, uint32_t image, const struct heap_event *event);
/* Returns how many bytes of it the program had mapped. */
uint64_t heap_book_unmapped(struct heap_book *book, uint32_t image, const struct heap_event *event);
/* The process is gone: what stands is left. */
void heap_book_end(struct heap_book *book, uint32_t image);
/* All images end, and every site's peak_bytes is final. */
void heap_book_close(struct heap_book *book);
void heap_book_deinit(struct heap_book *book);

/* What one allocation of that size stands for, in bytes. */
double heap_weight(double rate_bytes, uint64_t size);

#endif
