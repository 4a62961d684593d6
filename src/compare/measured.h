/* SPDX-License-Identifier: Apache-2.0 */
/* measured: what one file of results holds, whatever wrote it: series of values. */
#ifndef TOLL_COMPARE_MEASURED_H
#define TOLL_COMPARE_MEASURED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/vec.h"
#include "codec/json.h"
#include "compare/compare.h"

#define MEASURED_SERIES_MAX 10000u
#define MEASURED_VALUES_MAX 1000000u /* of one file */

struct series {
    const char *name;   /* what was measured; "" in a format that measures one thing */
    const char *metric; /* "wall_ns" */
    const char *unit;   /* as struct difference has it */
    bool higher_is_better;
    bool is_summary; /* one number for a whole session */
    VEC(double) values;
    VEC(uint64_t) rounds; /* of interleaved runs, as long as values; else empty */
};

struct measured {
    struct arena arena;
    VEC(struct series) series;
    VEC(const char *) notes;
    size_t value_count;
};

struct series_kind {
    const char *name, *metric, *unit;
    bool higher_is_better, is_summary;
};

/* Appends one value to the series of that name and metric, which is made when it is new. Values that are not finite or
 * below 0 are refused (ERR_INPUT). */
WARN_UNUSED int measured_add(struct measured *measured, const struct series_kind *kind, double value,
                             struct err *err);
/* The same with the round that it was measured in. */
WARN_UNUSED int measured_add_round(struct measured *measured, const struct series_kind *kind, double value,
                                   uint64_t round, struct err *err);
WARN_UNUSED int measured_note(struct measured *measured, const char *note, struct err *err);
const struct series *measured_find(const struct measured *measured, const char *name, const char *metric);
void measured_free(struct measured *measured);

/* A file to be read: `json` when it is one value of JSON, else NULL. The text ends with a NUL that is not counted. */
struct result_input {
    struct compare_text text;
    const struct json_value *json;
};

struct result_format {
    const char *name;
    bool (*recognise)(const struct result_input *input);
    int (*read)(const struct result_input *input, struct measured *ret_measured, struct err *err);
};

extern const struct result_format result_formats[];
extern const size_t result_format_count;

/* Reads a file in the format of that name, or in the one recognised when it is NULL. */
WARN_UNUSED int measured_read(const struct compare_text *text, const char *format,
                              const struct result_format **ret_format, struct measured *ret_measured,
                              struct err *err);

/* --- for the readers --- */

/* A line of a text, without its end; false behind the last. Starts with all zero. */
struct text_line {
    const char *at;
    size_t length, number;
    size_t next; /* offset of the following line */
};
bool text_next(const struct compare_text *text, struct text_line *line);
/* The line copied, cut at `capacity`; for parsing with C's functions. */
void text_copy(const struct text_line *line, char *copy, size_t capacity);
/* Where `word` stands in the text's first bytes; NULL. */
const char *text_find(const struct compare_text *text, const char *word);

/* "1.99ms", "101.00us", "1.2s", "3m4.5s": in nanoseconds. Returns what follows, NULL when it is none. */
const char *text_duration(const char *at, double *ret_ns);

#define RESULT_READER(name)                                                                                  \
    bool name##_recognise(const struct result_input *input);                                                 \
    int name##_read(const struct result_input *input, struct measured *ret_measured, struct err *err);
RESULT_READER(bench)      /* read_bench.c */
RESULT_READER(hyperfine)  /* read_bench.c */
RESULT_READER(go)         /* read_go.c */
RESULT_READER(wrk)        /* read_load_text.c */
RESULT_READER(vegeta)     /* read_load_json.c and read_load_text.c */
RESULT_READER(k6)         /* read_load_json.c */
RESULT_READER(oha)        /* read_load_json.c */
RESULT_READER(autocannon) /* read_load_json.c */
RESULT_READER(hdr_log)    /* read_hdr.c */
RESULT_READER(hgrm)       /* read_hdr.c */
#undef RESULT_READER

WARN_UNUSED int vegeta_text_read(const struct result_input *input, struct measured *ret_measured,
                                 struct err *err);

#endif
