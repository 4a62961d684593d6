/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compare: two sides, A and B, each measured once or many times, and what can be said of the difference.
 *
 * Results (benchmarks, load tests) are compared series by series: by pairs where the runs of one benchmark were interleaved
 * (signed rank), else unpaired (Mann-Whitney), and then what drifted between the two counts as a difference. One number that
 * sums up a session says nothing about how sessions vary: several files a side make a sample of it.
 *
 * Recordings are compared quantity by quantity: the run, its stages, its functions, its waits, what it used. noise.h says what
 * counts as a change. Everything belongs to the comparison's arena and lives until comparison_free.
 */
#ifndef TOLL_COMPARE_COMPARE_H
#define TOLL_COMPARE_COMPARE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/view.h"
#include "stats/effect.h"

#define COMPARE_FILES_MAX 256u /* of one side */

/* How much two recordings of the same program differ by themselves, as a standard deviation of CPU time, where only one of each
 * side is there and nothing else can tell. Waiting gets COMPARE_WAIT_FACTOR times as much: it depends on the rest of
 * the machine as well. */
#define COMPARE_NOISE_RATIO 0.05
#define COMPARE_WAIT_FACTOR 2.0

struct compare_options {
    double confidence_ratio; /* 0: 0.95 */
    double threshold_ratio;  /* too small to matter; below 0: 0.01 */
    double noise_ratio;      /* below 0: COMPARE_NOISE_RATIO */
};

/* Why there is no verdict although the values differ, or why the plain interval is not the last word. */
enum compare_denial {
    COMPARE_NOT_DENIED,
    COMPARE_DENIED_BY_RUNS,    /* one number each: nothing says how much they vary */
    COMPARE_DENIED_BY_FEW,     /* no interval of that confidence from so few */
    COMPARE_DENIED_BY_ZERO,    /* a value is 0, which has no ratio */
    COMPARE_DENIED_BY_MANY,    /* among so many metrics one such is to be expected (Holm) */
    COMPARE_DENIED_BY_COMMON,  /* everything else moved as much: the machine, not this function */
    COMPARE_DENIED_BY_MACHINE, /* how long one queues for a CPU is up to the other programs */
    COMPARE_DENIED_BY_NAME,    /* code without a name, of which there is more than one kind */
    COMPARE_DENIED_BY_SIZE     /* a part of the run too small to matter */
};
const char *compare_denial_name(enum compare_denial denial); /* NULL for none */

enum compare_kind {
    COMPARE_RESULT,   /* a series of benchmark results */
    COMPARE_RUN,      /* the whole run: wall and CPU time, memory */
    COMPARE_STAGE,    /* a stage's time, CPU time, part of the critical path */
    COMPARE_FUNCTION, /* the CPU time in one function (and the C library for it) of one stage */
    COMPARE_WAIT,     /* the time that a stage's threads waited for one reason at one other end */
    COMPARE_USAGE     /* rows, bytes, … of a stage */
};
const char *compare_kind_name(enum compare_kind kind);

struct difference {
    enum compare_kind kind;
    const char *place;  /* a benchmark, a stage; "": the whole of it */
    const char *detail; /* a function, a wait's reason; "" */
    const char *peer;   /* the other end of a wait; "" */
    const char *metric; /* "wall_ns", "requests_per_s" */
    const char *unit;   /* "ns", "bytes", "per_s", "bytes_per_s", "count", or as the format calls it */
    bool higher_is_better;
    bool is_primary; /* the first metric of a benchmark, the run's wall time: judged before the others */
    bool follows;    /* a wait that mirrors what others do: for a child, a pipe, work */
    size_t count_a, count_b;
    double a, b; /* medians; of recordings means */
    struct estimate log_ratio;
    double ratio, ratio_low, ratio_high; /* b / a */
    double smallest_effect_ratio;        /* as bench.h has it; infinite when not known */
    double p_value, p_value_adjusted;    /* NAN where there is no test */
    bool is_paired, is_exact;
    bool is_assumed; /* the interval stands on the assumed noise: one recording each */
    bool has_verdict;
    enum effect_verdict verdict; /* faster is better, whatever is measured */
    enum compare_denial denial;
};

struct compare_side {
    const char *title; /* what was run, "" when not known */
    const char *const *files;
    size_t file_count;
    double sample_count;               /* of recordings: CPU samples */
    uint64_t lost_count;               /* and events lost */
    double outside_cores, steal_cores; /* and CPUs that others, and other guests, had meanwhile (means) */
};

/* A frame of both sides' call trees put together: children follow their parents, 0 is the root. */
struct flame_change {
    const char *name;
    const char *module; /* NULL when unknown */
    size_t parent;
    double self_a, self_b, total_a, total_b; /* ns, means per recording */
    bool is_changed;                         /* its own time, beyond noise */
    double ratio;                            /* of its own time; infinite: new, 0: gone */
};

struct comparison {
    struct arena arena;
    bool is_recordings;
    bool is_agents;     /* recordings of teams of agents: their bill and their tasks are compared */
    bool is_rate;       /* recordings of a window: times are per second recorded */
    const char *format; /* "recording", "hyperfine", … */
    struct compare_options options;
    struct compare_side sides[2];
    VEC(struct difference) differences;
    VEC(struct flame_change) flame;
    VEC(const char *) notes;  /* one sentence each */
    VEC(const char *) only_a; /* what has no counterpart */
    VEC(const char *) only_b;
    double noise_ratio;     /* recordings: what runs differ by, assumed or measured (a standard deviation) */
    bool is_noise_measured; /* between several recordings a side */
    double smallest_effect_ratio; /* of the run's CPU time or the widest series: what could have been seen */
};

void comparison_free(struct comparison *comparison);

/* One file of results, as it lies in memory. */
struct compare_text {
    const char *name; /* of the file, for messages */
    const char *text;
    size_t length;
};

/* `format` NULL: by what is in the file. With count_b 0 the one file of A has several commands, and the others are compared with
 * its first. ERR_INPUT for a file of no known or of a different format, for two sides that have nothing in common. */
struct compare_results_request {
    const struct compare_text *a, *b;
    size_t count_a, count_b;
    const char *format;
    struct compare_options options;
};
WARN_UNUSED int compare_results(const struct compare_results_request *request,
                                struct comparison *ret_comparison, struct err *err);
/* The format's name; NULL when it is none. */
const char *compare_format_of(const struct compare_text *text);
/* "bench hyperfine go …": what `format` takes */
extern const char compare_format_names[];

/* What somebody else says of a run: how good its result is. Higher is better. */
struct compare_quality {
    const char *name;
    double value;
};

struct compare_recording {
    const char *name; /* of the file */
    const struct compare_quality *qualities;
    size_t quality_count;
    const struct view *view;
    /* of a service, as its verdict has them; 0 where it is none */
    double throughput_per_s, latency_ns_p50, latency_ns_p99;
};
struct compare_recordings_request {
    const struct compare_recording *a, *b;
    size_t count_a, count_b; /* at least 1 */
    struct compare_options options;
};
WARN_UNUSED int compare_recordings(const struct compare_recordings_request *request,
                                   struct comparison *ret_comparison, struct err *err);

/* Whether something is slower (or more, or less of what there should be more of). */
bool comparison_is_slower(const struct comparison *comparison);

struct compare_look {
    unsigned width;
    bool colour;
    bool ascii;
};
void compare_text_write(const struct comparison *comparison, const struct compare_look *look,
                        struct str *text);
void compare_json_write(const struct comparison *comparison, struct str *text); /* toll.compare/1 */
WARN_UNUSED int compare_html_write(const struct comparison *comparison, struct str *text, struct err *err);
/* A flame graph of both sides: width is time in both together, red grew, blue shrank, grey is within noise. ERR_INPUT for what
 * are no recordings. */
WARN_UNUSED int compare_flame_write(const struct comparison *comparison, struct str *text, struct err *err);
/* The same as a part of a page, with its style and script. */
WARN_UNUSED int compare_flame_figure(const struct comparison *comparison, struct str *text, struct err *err);

#endif
