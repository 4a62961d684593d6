/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gc_pauses: the pauses of garbage collectors that runtimes told of, by program, and how much of the critical path lies in
 * them. A pause of a process's track stops all its threads, one of a thread's track that thread.
 */
#ifndef TOLL_HEAP_DETECT_GC_PAUSES_H
#define TOLL_HEAP_DETECT_GC_PAUSES_H

#include "base/vec.h"
#include "detect/detector.h"

#define GC_KIND_MAX   6
#define GC_KIND_OTHER "other"

struct gc_kind {
    const char *name; /* "gc: young" */
    uint64_t count, ns, longest_ns;
};

struct gc_time {
    const char *process;              /* program */
    const char *source;               /* "hsperfdata", "usdt", "functions"; "" not told */
    uint64_t count, ns, longest_ns;   /* of the pauses, in the run; those of several threads count each */
    uint64_t first_ns;                /* when the first of them began */
    uint64_t missed_count, missed_ns; /* further ones, whose place is not known */
    struct gc_kind
        kinds[GC_KIND_MAX]; /* by time, longest first; of more kinds the rest are one, GC_KIND_OTHER */
    size_t kind_count;
    uint64_t path_ns, path_cpu_ns;   /* the critical path in the program, and on a CPU there */
    uint64_t pause_ns, pause_cpu_ns; /* of these, in pauses */
};

struct gc_times {
    VEC(struct gc_time) items; /* by pause_ns, largest first */
};

/* Texts are the run's. Zero-initialise. */
WARN_UNUSED int gc_times_of(const struct run *run, const struct path *path, struct gc_times *ret_times,
                            struct err *err);
void gc_times_free(struct gc_times *times);
/* Pauses whose place is not known are taken to lie as the others do, of which `ns` is a part; at most `most_ns`. */
uint64_t gc_with_missed(const struct gc_time *time, uint64_t ns, uint64_t most_ns);
/* The same for a report, by time: texts and all are of the arena. */
WARN_UNUSED int gc_entries_of(const struct run *run, const struct path *path, struct arena *arena,
                              const struct gc_entry **ret_entries, size_t *ret_count, struct err *err);
/* The program's, NULL when its runtime told of no pause that was seen by itself. */
const struct gc_time *gc_time_find(const struct gc_times *times, const char *process);

#endif
