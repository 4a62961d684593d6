/* SPDX-License-Identifier: Apache-2.0 */
/* gc_rows: pauses become spans with their attributes; those that are too many are counted instead. */
#ifndef TOLL_COLLECTOR_GC_ROWS_H
#define TOLL_COLLECTOR_GC_ROWS_H

#include "base/map.h"
#include "collector/collectors.h"

enum gc_source { GC_HSPERFDATA = 1, GC_USDT, GC_FUNCTIONS, GC_SOURCE_COUNT };

struct gc_pause {
    uint64_t start_ns, end_ns;
    uint64_t track, process_track;
    enum gc_source source;
    const char *name;                           /* "gc: young" */
    const char *generation, *cause, *collector; /* NULL or "": not told */
};

/* What is known of one process. */
struct gc_owner {
    uint64_t track;
    enum gc_source source;
    uint64_t missed_count, missed_ns;
    double room; /* spans that it may still have now */
    uint64_t room_ns;
};

struct gc_rows {
    VEC(struct gc_owner) owners;
    struct map owner_of; /* track → index */
    char sources[64];
};

WARN_UNUSED int gc_rows_pause(struct gc_rows *rows, const struct collectors_host *host,
                              const struct gc_pause *pause, struct err *err);
/* Pauses of a process that were not seen. */
WARN_UNUSED int gc_rows_missed(struct gc_rows *rows, const struct gc_owner *missed, struct err *err);
/* The attributes of the processes. */
WARN_UNUSED int gc_rows_finish(struct gc_rows *rows, const struct collectors_host *host, struct err *err);
void gc_rows_free(struct gc_rows *rows);

/* "hsperfdata, usdt"; "none". Valid until the next call. */
const char *gc_rows_sources(struct gc_rows *rows);

#endif
