/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage_shelf: the calls of models that the files of one place tell, as rows of numbers: what is kept in an index and added up.
 *
 * A call is on a shelf once for each telling (two files, or a file read on): who adds up merges them by their id. The rows are
 * written to an index as they are.
 */
#ifndef TOLL_USAGE_USAGE_SHELF_H
#define TOLL_USAGE_USAGE_SHELF_H

#include "agents/source.h"
#include "base/map.h"

/* Of a file; is_gone is for this run only. */
struct usage_file {
    uint32_t path;       /* string */
    uint32_t generation; /* rows of an older one no longer count: the file was written anew */
    uint64_t size_bytes;
    int64_t changed_ns;
    uint64_t inode;
    struct source_position resume;
    uint64_t head_hash, tail_hash; /* of its start, and of what is before `resume` */
    uint32_t head_bytes, tail_bytes;
    uint32_t is_there, is_new; /* found now; read now */
};

enum usage_flag { USAGE_FAST = 1, USAGE_PARTIAL = 2, USAGE_UNBILLED = 4, USAGE_ERROR = 8, USAGE_FLAGS = 15 };

struct usage_call {
    uint64_t id[2]; /* 0, 0: it has none and is never merged */
    int64_t start_ns, end_ns;
    struct tokens tokens;
    uint64_t output_high;
    double cost_usd; /* NAN: not told */
    uint32_t file, generation;
    uint32_t session, agent, project, task, model, provider, region, tools; /* strings */
    uint32_t web_searches;
    uint16_t attempt;
    uint8_t tier, flags;
};

struct usage_agent {
    uint32_t session, agent, kind, title; /* strings */
    uint32_t file, generation;
};

/* A line that could not be read. */
struct usage_fault {
    uint64_t line;
    uint32_t file, generation, why; /* why: string */
    uint32_t reserved;
};

struct usage_shelf {
    const struct agent_source *source;
    const char *place;
    struct intern strings; /* string i has the id i; 0 is "" */
    VEC(struct usage_file) files;
    VEC(struct usage_call) calls;
    VEC(struct usage_agent) agents;
    VEC(struct usage_fault) faults;
    struct map by_path; /* string -> file */
};

static inline const char *shelf_text(const struct usage_shelf *shelf, uint32_t id)
{
    return intern_text(&shelf->strings, id);
}

/* The id of a text, 0 for "" and NULL; UINT32_MAX when memory ran out. */
uint32_t shelf_string(struct usage_shelf *shelf, const char *text);
/* The index of a file, new or known; UINT32_MAX when memory ran out. */
uint32_t shelf_file(struct usage_shelf *shelf, const char *path);
/* How many rows of each kind there are. */
struct shelf_rows {
    size_t calls, agents, faults;
};
struct shelf_rows shelf_rows(const struct usage_shelf *shelf);

/* Rows of one shelf onto another, in pieces: texts and files first. -1 when memory ran out; to be deinitialised also then. */
struct shelf_move {
    struct usage_shelf *shelf;
    const struct usage_shelf *from;
    uint32_t *strings, *files; /* ids there -> ids here */
};
WARN_UNUSED int shelf_move_init(struct shelf_move *move, struct usage_shelf *shelf,
                                const struct usage_shelf *from);
WARN_UNUSED int shelf_move_rows(struct shelf_move *move, const struct shelf_rows *first,
                                const struct shelf_rows *end);
void shelf_move_deinit(struct shelf_move *move);

/* Adds all rows of another shelf; its files count as the same where their paths are. -1 when memory ran out. */
WARN_UNUSED int shelf_add(struct usage_shelf *shelf, const struct usage_shelf *more);
/* The same; the other one may be empty afterwards: the first on an empty shelf is moved as a whole. */
WARN_UNUSED int shelf_take(struct usage_shelf *shelf, struct usage_shelf *more);
void shelf_free(struct usage_shelf *shelf);

/* Folds another telling of the same call into the row, its numbers and not its texts, as llm_call_merge does. */
void usage_call_merge(struct usage_call *row, const struct usage_call *again);

/* Whether a row of the file and generation still counts. */
static inline bool shelf_is_current(const struct usage_shelf *shelf, uint32_t file, uint32_t generation)
{
    return shelf->files.items[file].generation == generation;
}

/* A sink whose calls go onto a shelf, as rows of one file. */
struct usage_collector {
    struct agent_sink sink; /* first */
    struct usage_shelf *shelf;
    uint32_t file;
    uint64_t fault_count; /* those behind FAULTS_PER_FILE_MAX are counted in the last one's line */
};

#define FAULTS_PER_FILE_MAX 1000u /* more are not kept: a file of another kind */

void usage_collector_init(struct usage_collector *collector, struct usage_shelf *shelf, uint32_t file);

#endif
