/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profilers: which profilers are installed, and which of them may be used here. The table (profilers.c) says how each works and what
 * it does to the program; a program in production is only ever sampled, never stopped, traced or restarted.
 */
#ifndef TOLL_DIAGNOSE_PROFILERS_H
#define TOLL_DIAGNOSE_PROFILERS_H

#include <stdbool.h>

#include "diagnose/deployment.h"
#include "diagnose/technology.h"

#define PROFILER_MAX 32

enum profiler_way {
    PROFILER_SAMPLES, /* looks from outside at intervals */
    PROFILER_COUNTS,  /* counts or traces in the kernel: costs by event */
    PROFILER_RESTART, /* the program is started again under it, for a small cost */
    PROFILER_SLOWS,   /* started under it, and slowed a lot */
    PROFILER_STOPS    /* stops a running program, for moments or for each call */
};

struct profiler_rule {
    const char *name;
    const char *program;      /* looked for in PATH */
    const char *version_word; /* what makes it say its version; NULL: nothing does */
    const char *languages;    /* a list; NULL: any */
    const char *measures;     /* "CPU", "memory", … */
    enum profiler_way way;
    const char *note; /* what it costs, in a few words */
};

struct profiler {
    const struct profiler_rule *rule;
    const char *path;    /* NULL: not installed */
    const char *version; /* "" where it does not say */
    bool is_fit;         /* for a language that was found */
    bool is_safe;        /* here */
};

struct profilers {
    struct profiler items[PROFILER_MAX];
    size_t count;
};

/* Runs each that is installed and fits to ask its version; PATH is looked through. */
void profilers_find(const struct technologies *found, enum deployment_kind kind, struct arena *arena,
                    struct profilers *ret_profilers);
/* One by name when it is installed; NULL. */
const struct profiler *profiler_installed(const struct profilers *profilers, const char *name);
/* The profiler that a process of that name is; NULL. Interpreters that hold one (python3, node, go) are none by their name. */
const struct profiler_rule *profiler_rule_of(const char *process);
/* Whether its way is safe where something is of that kind. */
bool profiler_way_is_safe(enum profiler_way way, enum deployment_kind kind);
/* "samples", "counts", "restarts", "slows", "stops" */
const char *profiler_way_name(enum profiler_way way);
/* The path of a program of PATH; NULL when there is none. */
const char *program_find(const char *name, struct arena *arena);

#endif
