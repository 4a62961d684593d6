/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingest: files that other tools wrote, as a recording's tables. One reader a format, in one table: a new one is a file, a
 * line of ingest_readers, a seed in tests/data/ingest.
 *
 * A file is mapped, a pipe is put into a file first; a reader sees its bytes and tells struct tables (tables.h) of threads, stacks,
 * samples, waits and spans. What it leaves out it counts, by kind; what cannot be read is an error that names the place.
 */
#ifndef TOLL_INGEST_INGEST_H
#define TOLL_INGEST_INGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "ingest/tables.h"

struct ingest_input {
    const char *path; /* for messages, and how the name ends: "-" is "stdin" */
    const char *bytes;
    size_t length;
};

#define INGEST_LEFT_OUT_MAX 16u
#define INGEST_REMARK_MAX   8u

/* What a reader says beside the rows. Texts live as long as the arena, or for ever. */
struct ingest_notes {
    struct arena arena;
    struct tables_about about; /* `file` is set already; the rest as far as the file tells it */
    struct {
        const char *what; /* "samples of other events" */
        uint64_t count;
    } left_out[INGEST_LEFT_OUT_MAX];
    size_t left_out_count;
    const char *remarks[INGEST_REMARK_MAX];
    size_t remark_count;
};

/* `what` is a literal. A count of 0 is nothing. */
void ingest_left_out(struct ingest_notes *notes, const char *what, uint64_t count);
/* A sentence for the grade of the recording, a literal or of the arena. */
void ingest_remark(struct ingest_notes *notes, const char *text);

struct ingest_choice {
    const char *event;        /* only samples of this event; NULL: the first that there is */
    const char *cache_folder; /* of symbols; NULL: the user's, "": none */
    bool no_kernel;           /* this machine's kernel is not asked for names */
};

struct ingest_reader {
    const char *name;  /* for --from */
    const char *about; /* "perf script text" */
    /* Whether it is such a file; cheap. The input is whole. */
    bool (*probe)(const struct ingest_input *input);
    /* ERR_INPUT, "line 12: …" or "byte 0x1f40: …", for what cannot be read. */
    int (*read)(const struct ingest_input *input, const struct ingest_choice *choice, struct tables *tables,
                struct ingest_notes *notes, struct err *err);
};

/* In the order in which they are asked; ends with NULL. */
extern const struct ingest_reader *const ingest_readers[];

/* NULL when there is none of that name. */
const struct ingest_reader *ingest_reader_find(const char *name);
/* "perf-text, perf-data, folded" */
void ingest_reader_names(struct str *ret_names);

/* --- whole files --- */

struct ingest_file {
    struct ingest_input input;
    void *mapping;
};

/* Opens and maps a file, or reads a pipe to its end; "-" is stdin. */
WARN_UNUSED int ingest_open(const char *path, struct ingest_file *ret_file, struct err *err);
void ingest_close(struct ingest_file *file);
/* NULL when no reader knows it. */
const struct ingest_reader *ingest_probe(const struct ingest_input *input);

struct ingest_result {
    struct tables_facts facts;
    struct ingest_notes notes; /* of all files together */
};

/* The rows of one file. The result is ended with ingest_result_deinit. */
WARN_UNUSED int ingest_read(const struct ingest_reader *reader, const struct ingest_input *input,
                            const struct ingest_choice *choice, struct sink *sink,
                            struct ingest_result *ret_result, struct err *err);
void ingest_result_deinit(struct ingest_result *result);

#endif
