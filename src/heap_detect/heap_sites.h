/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heap_sites: the heap table of a run, one site for each program's name, stack and kind of memory. In Python (and JavaScript) a site is
 * the stack up to the function and line of the program's own, whatever the interpreter did there, and all memory is of one kind.
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
};

struct heap_sites {
    VEC(struct heap_site) items;
    struct map by_place; /* hash of program, stack and kind → index */
    uint64_t image_count;
};

/* Zero-initialise. No sites where nothing was recorded. */
WARN_UNUSED int heap_sites_load(const struct run *run, struct heap_sites *ret_sites, struct err *err);
/* The stack of the site that a stack belongs to. */
uint32_t heap_site_stack(const struct run *run, uint32_t stack);
/* The code that a person would look at: the innermost of the program's own that is not its language's library either (vectors and strings
 * allocate for whoever uses them); function, file and line, where there is one. */
void heap_site_place(const struct run *run, uint32_t stack, struct where *where);
/* By its name: of the libraries of C++ and Rust. */
bool heap_site_is_library(const char *function);
void heap_sites_free(struct heap_sites *sites);

#endif
