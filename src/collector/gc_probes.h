/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gc_probes: the places of runtimes' files that are watched, and the pauses between what threads pass there.
 *
 * The kernel takes its time to place a probe (0.2 s where it takes away those of a recording before), and who asks is the
 * thread that drains rings: a thread of its own opens those of one file. Until it is done nothing here is touched but by
 * gc_probes_poll, which then ends it; passings before that are not told, as some places were watched and others not yet.
 */
#ifndef TOLL_COLLECTOR_GC_PROBES_H
#define TOLL_COLLECTOR_GC_PROBES_H

#include <pthread.h>
#include <sys/stat.h>

#include "collector/gc_points.h"
#include "collector/gc_rows.h"

struct gc_open {
    uint64_t start_ns; /* 0: none goes on */
    const char *kind, *generation;
    int64_t argument;
    bool has_argument;
};

struct gc_file {
    dev_t device;
    ino_t inode;
    bool is_watched;
};

/* Of one file's places. */
struct gc_opening {
    pthread_t thread;
    bool is_begun; /* until it is joined */
    bool is_done;  /* atomic: the thread has set what follows */
    bool is_added;
    uint64_t begun_ns, done_ns;
    int fd; /* of the file: who has it mapped may be gone by then */
    struct gc_points found;
    struct gc_file file;
};

enum gc_watching {
    GC_NOT_WATCHED,
    GC_WATCHED, /* or will be in a moment */
    GC_LATER    /* another file is being opened: ask again */
};

struct gc_probes {
    struct uprobes *uprobes;
    bool is_refused;             /* no file can be watched */
    bool is_stopped;             /* an opening was given up at the end */
    struct err refusal;          /* why */
    VEC(struct gc_point) points; /* by the index that uprobes_add gave */
    VEC(uint64_t) since;         /* by the same: passings before are not told */
    VEC(struct gc_file) files;
    struct gc_opening opening;
    struct gc_file asked; /* the one that waits for another's opening, */
    uint64_t asked_ns;    /* and since when; 0: none does */
    uint64_t late_ns;     /* how long the slowest opening took */
    VEC(struct gc_open) opens;
    struct map open_of;  /* thread → index in opens */
    uint64_t left_count; /* passings of threads beyond OPEN_MAX */
};

/* Whether that file is watched: a look at what a process has mapped is not needed to know of it. */
bool gc_probes_knows(const struct gc_probes *probes, dev_t device, ino_t inode);
/* Watches a file that a process has mapped, once. */
enum gc_watching gc_probes_file(struct gc_probes *probes, uint64_t pid, const char *path);
/* Whether there is something to poll. */
bool gc_probes_is_watching(const struct gc_probes *probes);
/* Whether it should be soon. */
bool gc_probes_is_busy(const struct gc_probes *probes);
/* The last time an opening that goes on is given up. */
WARN_UNUSED int gc_probes_poll(struct gc_probes *probes, struct gc_rows *rows,
                               const struct collectors_host *host, bool is_last, struct err *err);
/* Passings that are not told, also because the kernel's ring was full. */
uint64_t gc_probes_lost_count(const struct gc_probes *probes);
/* A hit into the pause that it begins or ends; for gc_probes_poll, and tests. */
WARN_UNUSED int gc_probes_hit(struct gc_probes *probes, struct gc_rows *rows,
                              const struct collectors_host *host, const struct uprobe_hit *hit,
                              struct err *err);
void gc_probes_free(struct gc_probes *probes);

#endif
