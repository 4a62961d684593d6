/* SPDX-License-Identifier: Apache-2.0 */
/* gc_probes: the places of runtimes' files that are watched, and the pauses between what threads pass there. */
#ifndef TOLL_COLLECTOR_GC_PROBES_H
#define TOLL_COLLECTOR_GC_PROBES_H

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

struct gc_probes {
    struct uprobes *uprobes;
    bool is_refused;             /* no file can be watched */
    struct err refusal;          /* why */
    VEC(struct gc_point) points; /* by the index that uprobes_add gave */
    VEC(struct gc_file) files;
    VEC(struct gc_open) opens;
    struct map open_of;  /* thread → index in opens */
    uint64_t left_count; /* passings of threads beyond OPEN_MAX */
};

/* Whether that file is watched: a look at what a process has mapped is not needed to know of it. */
bool gc_probes_knows(const struct gc_probes *probes, dev_t device, ino_t inode);
/* Watches a file that a process has mapped, once. Whether its pauses are told from here on. */
bool gc_probes_file(struct gc_probes *probes, uint64_t pid, const char *path);
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
