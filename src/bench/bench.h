/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench: commands measured side by side, and what the measurements say.
 *
 * A round runs every arm once, in an order drawn by the seed; the next round runs them in the reverse order, so that what drifts
 * falls on all alike (A B, B A, ...). With two arms or more the first one runs once more each round as a *control*: the same
 * command against itself, interleaved like the rest. If the machine makes it differ from itself, it makes anything differ.
 *
 * Compared are pairs, ln(B / A) of the same round: Hodges-Lehmann with its signed-rank interval (stats/signed_rank.h). The interval
 * is widened where the pairs depend on one another (lag-1 autocorrelation), and by the control's own offset where the
 * control's interval leaves out 1. Measuring stops when the interval is narrow enough, at a number of rounds or at a time;
 * never because of what it says.
 */
#ifndef TOLL_BENCH_BENCH_H
#define TOLL_BENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/vec.h"
#include "bench/counters.h"
#include "bench/page_cache.h"
#include "stats/describe.h"
#include "stats/effect.h"
#include "stats/sequence.h"

#define BENCH_ARMS_MAX       64u
#define BENCH_ROUNDS_MAX     100000u
#define BENCH_ROUNDS_DEFAULT 1000u /* at most */
#define BENCH_ROUNDS_MIN     10u   /* before precision may stop it */
#define BENCH_ROUNDS_LEAST   6u    /* before time may stop it: fewer have no interval */
#define BENCH_TIME_S         5.0
#define BENCH_PRECISION      0.005 /* half an interval's width */

/* A command as a line to be split into words (or for a shell), or as words. */
struct bench_text {
    const char *line;
    char *const *words;     /* NULL-terminated; NULL: the line */
    const char *folder;     /* an absolute path: it and its hooks run there; NULL: here */
    char *const *variables; /* "NAME=VALUE", NULL-terminated: its and its hooks' own; NULL: none */
};

struct bench_progress {
    size_t round;       /* done */
    size_t round_count; /* as it looks now */
    double left_s;
    double ratio;      /* of the second arm to the first; 0: one arm alone */
    double half_ratio; /* half the interval's width */
    uint64_t wall_ns;  /* median of the first arm */
};

struct bench_options {
    const struct bench_text *commands; /* the first is what the others are compared with */
    size_t command_count;
    const char *const *names; /* of the arms, in order; fewer, or none: letters */
    size_t name_count;
    const char *const
        *parameters; /* "NAME=a,b,c" or "NAME=1..10" or "NAME=0.3..0.7..0.2": {NAME} in the commands */
    size_t parameter_count;
    bool use_shell;
    const char *prepare, *cleanup; /* lines run before and after each run, not timed; NULL: none */
    const char *const *prepares;   /* instead of `prepare`: one for all commands, or one for each */
    size_t prepare_count;
    const char *setup, *conclude;   /* lines run once for each arm: before its first run, after its last */
    enum page_cache cache;          /* the state of the system's page cache before each run */
    const char *const *cache_files; /* the files and folders it is about; none: all of it */
    size_t cache_file_count;
    const char
        *printed; /* an extended regular expression: the number in its brackets is what a run prints; NULL */
    bool
        leave_out; /* an arm that fails is left out of what follows and says why; else it ends the measurement */
    const char *input;      /* a file for stdin; NULL: /dev/null */
    size_t warmup_count;    /* rounds before those that count */
    size_t round_count;     /* exactly so many; 0: until it is narrow enough */
    size_t round_count_min; /* before precision may stop it; 0: BENCH_ROUNDS_MIN */
    size_t round_count_max; /* 0: BENCH_ROUNDS_DEFAULT */
    double time_s;          /* 0: BENCH_TIME_S */
    double limit_s; /* of one run and of each hook: one that takes longer is ended, and has failed; 0: none */
    double precision_ratio;  /* 0: BENCH_PRECISION */
    double confidence_ratio; /* 0: 0.95 */
    double threshold_ratio;  /* what is too small to matter; below 0: 0.01 */
    uint64_t seed;           /* 0: from the clock */
    bool ignore_failure;     /* exit statuses other than 0 count as well */
    bool show_output;
    bool no_jitter;  /* the same environment size and the same addresses in each run */
    bool no_control; /* no run of the first command against itself */
    int cpu;         /* all commands on this one; -1: any */
    void (*progress)(void *context, const struct bench_progress *progress); /* NULL: none */
    void *progress_context;
};

struct bench_run {
    uint32_t round, position; /* position within its round */
    int exit_status;          /* as a shell tells it */
    uint64_t start_ns;        /* since the first run that counts */
    uint64_t wall_ns, user_ns, system_ns;
    uint64_t memory_bytes_max; /* of the largest process */
    uint64_t faults_minor, faults_major;
    uint64_t switches_voluntary, switches_involuntary;
    uint64_t read_bytes, write_bytes;
    double printed;                 /* the number it printed, when one was asked for */
    uint64_t counts[COUNTER_COUNT]; /* of user code; all 0 where the machine has no counters */
};

struct bench_parameter {
    const char *name, *value;
};

enum bench_metric { BENCH_WALL, BENCH_CPU, BENCH_USER, BENCH_SYSTEM, BENCH_MEMORY, BENCH_INSTRUCTIONS };
#define BENCH_METRIC_COUNT 6

/* "wall_ns", "cpu_ns", "user_ns", "system_ns", "memory_bytes_max", "instructions" */
const char *bench_metric_name(enum bench_metric metric);
double bench_metric_of(const struct bench_run *run, enum bench_metric metric);

struct bench_summary {
    struct description description;
    double median_low,
        median_high; /* order-statistic interval; the ends where there are fewer than six values */
    double median_confidence_ratio; /* what it covers; 0: nothing can be said */
    double autocorrelation;
    struct drift drift;
};

struct bench_arm {
    const char *name;    /* "A" */
    const char *command; /* as a person would type it */
    struct bench_parameter *parameters;
    size_t parameter_count;
    size_t baseline; /* the arm it is compared with */
    bool is_control;
    char *const *words; /* what is executed */
    const char *path;
    const char *folder;     /* NULL: toll's own */
    char *const *variables; /* NULL: none */
    char *const *prepare;   /* words; NULL: none */
    char *const *cleanup;
    char *const *setup;
    char *const *conclude;
    uint64_t
        tree_bytes_max; /* all its processes together, as far as looking now and then during a warm-up shows; 0: not seen */
    const char *failure; /* why it is left out; NULL */
    int failure_status;  /* its exit status then; 0: that was not it */
    unsigned left_count; /* processes left behind, over all runs */
    VEC(struct bench_run) runs;
    struct bench_summary summaries[BENCH_METRIC_COUNT];
};

/* Why a verdict is not what its plain interval would say. */
enum bench_denial {
    BENCH_NOT_DENIED,
    BENCH_DENIED_BY_CONTROL,
    BENCH_DENIED_BY_AUTOCORRELATION,
    BENCH_DENIED_BY_STEAL
};

struct bench_comparison {
    size_t arm, baseline;
    enum bench_metric metric;
    bool is_exact;             /* both repeat to the digit: no statistics needed */
    struct estimate plain;     /* ln(arm / baseline), as the pairs alone have it */
    struct estimate log_ratio; /* widened */
    double ratio, ratio_low, ratio_high;
    double
        smallest_effect_ratio; /* 0.02: 2 % could have been seen in nine of ten such experiments; infinite */
    double p_value, p_value_adjusted;
    size_t pair_count;
    size_t pairs_needed;    /* to see the threshold; SIZE_MAX: no number will do */
    double autocorrelation; /* of the pairs */
    enum effect_verdict verdict;
    enum bench_denial denial;
};

enum bench_stop { BENCH_STOP_PRECISION, BENCH_STOP_ROUNDS, BENCH_STOP_TIME, BENCH_STOP_INTERRUPT };

struct bench_result {
    struct arena arena;
    VEC(struct bench_arm) arms; /* the control, if there is one, last */
    bool has_control;
    bool has_counters; /* the machine counted instructions */
    uint64_t seed;
    size_t rounds;
    enum bench_stop stop;
    double confidence_ratio, threshold_ratio, precision_ratio;
    uint64_t started_at_ns; /* CLOCK_REALTIME */
    uint64_t duration_ns;
    double steal_ratio;   /* of all CPU time of this machine, while it measured */
    double outside_cores; /* CPUs that other programs kept busy meanwhile */
    unsigned cpu_count;
    char shell_character;                     /* see words.h: in the first command that holds one; 0 */
    VEC(struct bench_comparison) comparisons; /* wall time of each arm first, then its other metrics */
    struct bench_comparison control;          /* of wall time, when has_control */
};

/* Measures. An interrupted one (SIGINT, SIGTERM) is a result as long as one round was done. ERR_USAGE for commands that cannot be
 * read, ERR_ENVIRONMENT for one that cannot be run or fails. */
WARN_UNUSED int bench_run(const struct bench_options *options, struct bench_result *ret_result,
                          struct err *err);
void bench_result_free(struct bench_result *result);

/* Whether a signal ended the last one, also when it failed therefore. */
bool bench_was_interrupted(void);

/* The number of arms without the control. */
size_t bench_arm_count(const struct bench_result *result);

/* The wall time's comparison of an arm; NULL for one that is not compared. */
const struct bench_comparison *bench_comparison_of(const struct bench_result *result, size_t arm,
                                                   enum bench_metric metric);

#endif
