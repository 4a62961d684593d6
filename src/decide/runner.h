/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runner: how the runtimes' own profilers are put around a command, and how what they leave becomes something that import/ reads.
 * One row of runners[] each (runners.c): whether it fits a command, the command with the profiler in it, and what to do behind it.
 */
#ifndef TOLL_DECIDE_RUNNER_H
#define TOLL_DECIDE_RUNNER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/vec.h"

struct runner_words {
    VEC(const char *) items;
    bool failed;
};

/* A folder of its own for one run, and where the profile is to come. */
struct runner_place {
    const char *folder; /* removed behind the run */
    char raw[512];      /* what the profiler writes */
    char text[512];     /* what import/ reads: raw itself, or made of it by collect */
    struct arena *arena;
};

struct runner {
    const char *name;     /* as in toll run --profiler NAME */
    const char *tool;     /* looked for in PATH; NULL: the command's own program is it */
    const char *package;  /* of Debian, for the hint */
    const char *importer; /* a name in importers[] */
    const char *raw;      /* the name of the profile's file */
    bool is_automatic;    /* `--profiler auto` may choose it */
    bool (*fits)(char *const *command);
    /* ERR_USAGE when it cannot be put around this command. */
    int (*wrap)(const struct runner_place *place, char *const *command, struct runner_words *words,
                struct err *err);
    /* NULL: raw is what is read. */
    int (*collect)(struct runner_place *place, struct err *err);
    const char *source, *measures; /* instead of the importer's; NULL: its own */
    bool is_bytes;                 /* the weights are bytes */
};

extern const struct runner runners[];
extern const size_t runner_count;

/* By name; NULL when there is none. */
const struct runner *runner_find(const char *name);
/* The first automatic one that fits a command; NULL when none does. */
const struct runner *runner_choose(char *const *command);

void runner_add(struct runner_words *words, const char *word);

#endif
