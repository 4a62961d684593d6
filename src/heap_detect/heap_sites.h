/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heap_sites: the heap table of a run, one site for each program's name, stack and kind of memory. In Python (and JavaScript) a site is
 * the stack up to the function and line of the program's own, whatever the interpreter did there, and all memory is of one kind. What
 * is next to never freed is known by the stacks below it all the same: at one line an interpreter makes objects that stay, and
 * lets go of the smaller tables that it kept them in before.
 */
#ifndef TOLL_HEAP_DETECT_HEAP_SITES_H
#define TOLL_HEAP_DETECT_HEAP_SITES_H

#include "base/err.h"
#include "base/map.h"
#include "base/vec.h"
#include "model/finding.h"
#include "run/recorded_run.h"

struct heap_site {
    const char *program;
    uint32_t process; /* the index of one of its tracks */
    uint32_t stack;   /* RUN_NONE: not known */
    bool is_pages;    /* all of it */
    uint64_t count, bytes, freed_count, freed_bytes, temporary_count, peak_bytes, left_bytes;
    uint64_t left_count;
    uint64_t
        held_bytes; /* of left_bytes: by stacks (native ones, of each kind) that gave back a tenth at most */
    uint64_t pages_count, pages_freed_count; /* of the counts: pages that the program mapped itself */
};

/* All that a program asked for by one whole stack, in one kind of memory. */
struct heap_part {
    size_t site;
    uint64_t bytes, freed_bytes, left_bytes;
};

struct heap_sites {
    VEC(struct heap_site) items;
    struct map by_place; /* hash of program, stack and kind → index */
    VEC(struct heap_part) parts;
    struct map by_part; /* likewise */
    uint64_t image_count;
};

/* Zero-initialise. No sites where nothing was recorded. */
WARN_UNUSED int heap_sites_load(const struct run *run, struct heap_sites *ret_sites, struct err *err);
/* Its two steps: a row, and what is known behind the last one. */
WARN_UNUSED int heap_sites_add(struct heap_sites *sites, const struct run *run, const struct row_heap *row,
                               struct err *err);
void heap_sites_end(struct heap_sites *sites);
/* The stack of the site that a stack belongs to. */
uint32_t heap_site_stack(const struct run *run, uint32_t stack);
/* The code that a person would look at: the innermost of the program's own that is not its language's library either (vectors and strings
 * allocate for whoever uses them); function, file and line, where there is one. */
void heap_site_place(const struct run *run, uint32_t stack, struct where *where);
/* By its name: of the libraries of C++ and Rust. */
bool heap_site_is_library(const char *function);
void heap_sites_free(struct heap_sites *sites);

#endif
