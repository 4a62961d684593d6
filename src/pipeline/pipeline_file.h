/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipeline_file: toll.yaml: what a run is to reach, how to run it, its stages, and its knobs (docs/pipeline.md has every key).
 *
 *     objective: wall < 1 s
 *     run: bash fetch.sh
 *     knobs:
 *       P: {env: P, values: [1, 2, 5, 10], now: 1}
 *
 * The budgets of `toll gate` may stand in the same file: each reader knows the other's keys and leaves them alone
 * (pipeline_keys.h). A key that neither knows is refused, with its line and column and the key that may have been meant.
 */
#ifndef TOLL_PIPELINE_PIPELINE_FILE_H
#define TOLL_PIPELINE_PIPELINE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/vec.h"
#include "law/knob_role.h"
#include "pipeline/pipeline_objective.h"

#define PIPELINE_FILE_DEFAULT "toll.yaml"
#define PIPELINE_KNOBS_MAX    64u
#define PIPELINE_VALUES_MAX   64u /* of one knob */
#define PIPELINE_STAGES_MAX   256u
#define PIPELINE_WARMUP       3u /* rounds before those that count, where the file says nothing */
#define PIPELINE_WARMUP_MAX   100u

/* How a knob's value reaches the run. */
enum knob_place {
    KNOB_ARGUMENT,    /* {NAME} in the words of `run` */
    KNOB_ENVIRONMENT, /* a variable */
    KNOB_IN_FILE      /* a key of a file, put back afterwards */
};

struct pipeline_knob {
    const char *name;
    enum knob_place place;
    const char *variable;      /* KNOB_ENVIRONMENT */
    const char *file, *key;    /* KNOB_IN_FILE: an absolute path; "pool.size" */
    const char *const *values; /* to try, in the order of the file; none: the range */
    size_t value_count;
    double low, high, step;  /* of a range; step 0: spread evenly by the logarithm */
    const char *values_text; /* "1,2,5,10", "1..64", "0..60:10": as sweep/knob.h reads them behind NAME= */
    const char *now;         /* today's value */
    double now_number;       /* NAN: it is none */
    bool is_number;          /* today's value and all that are tried */
    enum knob_role role;     /* by `kind`, else by the name and where it is set */
    unsigned line, column;
};

struct pipeline_stage {
    const char *name;
    const char *process,
        *span;                /* how it is told in a recording; one of them may be NULL, both: by its name */
    const char *const *after; /* names of the stages whose results it takes */
    size_t after_count;
    unsigned line, column;
};

struct pipeline_investigator { /* an external one: a line for the shell */
    const char *name, *command;
};

/* A number that a run prints: the group of an extended regular expression, times scale. */
struct pipeline_number {
    const char *match; /* NULL: none */
    double scale;      /* to nanoseconds, bytes; 1 of plain numbers */
};

struct pipeline_file {
    struct arena arena;
    const char *path;   /* as it was given */
    const char *folder; /* absolute: where the run works */
    const char *name;   /* of the project; the folder's name where the file says none */
    bool has_objective;
    struct pipeline_objective objective; /* wall without a value where the file says none */
    const char *run_line;                /* a line; NULL: words */
    char *const *run_words;              /* NULL-terminated; NULL: a line */
    char *const *environment;            /* "NAME=VALUE", NULL-terminated */
    size_t warmup_count;
    const char *cache;                    /* "as-is", "warmed", "dropped": the page cache before each run */
    double unit_count;                    /* units of work of one run; 0: not said */
    struct pipeline_number units_printed; /* or read from what it prints */
    struct pipeline_number measure;       /* the objective's value, read from what a run prints */
    VEC(struct pipeline_stage) stages;
    VEC(struct pipeline_knob) knobs;
    VEC(struct pipeline_investigator) investigators;
};

/* ERR_INPUT with line and column for what makes no sense; ERR_ENVIRONMENT for a file that cannot be read. */
WARN_UNUSED int pipeline_file_read(const char *path, struct pipeline_file *ret_file, struct err *err);
/* `path` names the text in messages and says which folder it is about; files that knobs are in need not exist. */
WARN_UNUSED int pipeline_file_read_text(const char *text, size_t length, const char *path,
                                        struct pipeline_file *ret_file, struct err *err);
void pipeline_file_free(struct pipeline_file *file);

/* NULL when there is no knob of that name. */
const struct pipeline_knob *pipeline_file_knob(const struct pipeline_file *file, const char *name);

#endif
