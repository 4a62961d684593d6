/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile: what another profiler found, as one short list: each function (or operator of a query plan) with what was spent in it
 * (self) and in it and all that it called (total).
 *
 * A reader adds functions and stacks, then profile_rank puts them in order. Everything lives in the arena; zero-initialise it.
 */
#ifndef TOLL_IMPORT_PROFILE_H
#define TOLL_IMPORT_PROFILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/map.h"
#include "base/str.h"

#define PROFILE_FUNCTIONS_MAX 1000000u
#define PROFILE_DEPTH_MAX     1024u /* frames of one stack; outer ones are cut, and counted */

enum profile_unit { PROFILE_NS, PROFILE_BYTES, PROFILE_SAMPLES };

struct profile_function {
    const char *name; /* UTF-8 is not checked: it is as the profiler wrote it */
    const char *file; /* "" when not known */
    uint64_t line;    /* 0: not known */
    double self, total;
    uint64_t call_count; /* 0: not counted */
    uint64_t stack;      /* the last stack that it was counted in */
};

struct profile {
    struct arena arena;
    const char *source;   /* "cProfile" */
    const char *measures; /* "CPU time", "memory at its peak" */
    enum profile_unit unit;
    double whole; /* the sum of all self */
    VEC(struct profile_function) functions;
    struct intern names; /* name, file and line of each function: its id is the index + 1 */
    uint64_t stack_count;
    uint64_t cut_count;  /* stacks that were too deep */
    uint64_t lost_count; /* entries that did not hold together */
};

/* The index of a function, added when it is new; SIZE_MAX when memory ran out or there are too many. */
size_t profile_function(struct profile *profile, const char *name, const char *file, uint64_t line);
/* One stack, the innermost function first. -1 when memory ran out. */
WARN_UNUSED int profile_stack(struct profile *profile, const size_t *functions, size_t count, double weight);
/* Largest self first, then largest total. Names stay as they are; the index of a function changes. */
void profile_rank(struct profile *profile);
void profile_free(struct profile *profile);

/* What is known of a profile's file. */
struct import_bytes {
    const char *bytes;
    size_t length;
    const char *name; /* for messages */
};

/* A format: one file and one row of importers[] each. */
struct importer {
    const char *name;  /* "cprofile" */
    const char *about; /* "cProfile and pstats files of Python" */
    bool (*recognise)(const struct import_bytes *bytes);
    /* ERR_INPUT for what is not of that format. */
    int (*read)(const struct import_bytes *bytes, struct profile *profile, struct err *err);
};

extern const struct importer importers[];
extern const size_t importer_count;

/* Reads a file with the importer of that name, or (NULL) the one that recognises it, and ranks it. ERR_INPUT when none does. */
WARN_UNUSED int import_file(const char *path, const char *importer, struct profile *ret_profile,
                            struct err *err);
WARN_UNUSED int import_bytes(const struct import_bytes *bytes, const char *importer,
                             struct profile *ret_profile, struct err *err);
/* NULL when no importer knows them. */
const struct importer *import_recognise(const struct import_bytes *bytes);

#endif
