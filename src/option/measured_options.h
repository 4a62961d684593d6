/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measured_options: what every verb asks that runs commands in turn (bench, verify, experiment, tune): the fields, and the rows that
 * fill them, word for word the same. A verb's options struct holds a `struct measured_options measured`.
 */
#ifndef TOLL_OPTION_MEASURED_OPTIONS_H
#define TOLL_OPTION_MEASURED_OPTIONS_H

#include "option/shared_rows.h"

struct measured_options {
    struct option_list prepares; /* one for all commands, or one for each */
    struct option_list cache_files;
    const char *prepare, *cleanup, *setup, *conclude, *input, *cache;
    uint64_t runs, runs_min, runs_max, warmup, seed, time_ns, timeout_ns;
    double precision, threshold, confidence;
    bool shell, ignore_failure, show_output, no_jitter, no_control;
};

/* Where nothing is given: one round that does not count, the threshold of the statistics. */
#define MEASURED_DEFAULTS                                                                                    \
    {                                                                                                        \
        .warmup = 1, .threshold = -1                                                                         \
    }

/* How many rounds there are; `TIME` is what --time is by default. */
#define ROW_ROUNDS_EXACT(record)                                                                             \
    {                                                                                                        \
        .name = "runs", .letter = 'r', .type = OPTION_COUNT, .argument = "N",                                \
        .help = "exactly so many rounds, each of which runs every side once",                                \
        .offset = offsetof(record, measured.runs)                                                            \
    }
#define ROW_TIME(record, TIME)                                                                               \
    {                                                                                                        \
        .name = "time", .type = OPTION_DURATION, .argument = "TIME",                                         \
        .help = "stop after so long (" TIME "), but not before six rounds",                                  \
        .offset = offsetof(record, measured.time_ns)                                                         \
    }
#define ROWS_ROUNDS(record, TIME)                                                                            \
    ROW_ROUNDS_EXACT(record),                                                                                \
        {.name = "min-runs",                                                                                 \
         .letter = 'm',                                                                                      \
         .type = OPTION_COUNT,                                                                               \
         .argument = "N",                                                                                    \
         .help = "rounds before precision may stop it (10)",                                                 \
         .offset = offsetof(record, measured.runs_min)},                                                     \
        {.name = "max-runs",                                                                                 \
         .letter = 'M',                                                                                      \
         .type = OPTION_COUNT,                                                                               \
         .argument = "N",                                                                                    \
         .help = "rounds at most (1000)",                                                                    \
         .offset = offsetof(record, measured.runs_max)},                                                     \
        ROW_TIME(record, TIME),                                                                              \
    {                                                                                                        \
        .name = "precision", .type = OPTION_NUMBER, .argument = "RATIO",                                     \
        .help = "stop when half the interval is as narrow (0.005)",                                          \
        .offset = offsetof(record, measured.precision)                                                       \
    }

/* `WHAT` is what becomes of a measurement whose run is ended, and of no limit. */
#define ROW_TIMEOUT(record, WHAT)                                                                            \
    {                                                                                                        \
        .name = "timeout", .type = OPTION_DURATION, .argument = "TIME",                                      \
        .help = "a run that takes longer is ended with all that it started, and " WHAT,                      \
        .offset = offsetof(record, measured.timeout_ns)                                                      \
    }

/* What happens around a run. */
#define ROW_WARMUP(record)                                                                                   \
    {                                                                                                        \
        .name = "warmup", .letter = 'w', .type = OPTION_COUNT, .argument = "N",                              \
        .help = "rounds before those that count (1)", .offset = offsetof(record, measured.warmup)            \
    }
#define ROW_PREPARE(record)                                                                                  \
    {                                                                                                        \
        .name = "prepare", .letter = 'p', .type = OPTION_TEXT, .argument = "COMMAND",                        \
        .help = "run before each run, not timed", .offset = offsetof(record, measured.prepare)               \
    }
#define ROW_PREPARES(record)                                                                                 \
    {                                                                                                        \
        .name = "prepare", .letter = 'p', .type = OPTION_LIST, .argument = "COMMAND",                        \
        .help = "run before each run, not timed; once for all commands, or once for each in their order",    \
        .offset = offsetof(record, measured.prepares)                                                        \
    }
#define ROWS_RUN(record)                                                                                     \
    {.name = "cleanup",                                                                                      \
     .letter = 'c',                                                                                          \
     .type = OPTION_TEXT,                                                                                    \
     .argument = "COMMAND",                                                                                  \
     .help = "run after each run, not timed",                                                                \
     .offset = offsetof(record, measured.cleanup)},                                                          \
        {.name = "input",                                                                                    \
         .type = OPTION_TEXT,                                                                                \
         .argument = "FILE",                                                                                 \
         .help = "the commands' stdin (/dev/null)",                                                          \
         .offset = offsetof(record, measured.input)},                                                        \
        {.name = "shell",                                                                                    \
         .letter = 'S',                                                                                      \
         .type = OPTION_FLAG,                                                                                \
         .help = "let /bin/sh run the commands; its own start is measured with them",                        \
         .offset = offsetof(record, measured.shell)},                                                        \
        {.name = "ignore-failure",                                                                           \
         .letter = 'i',                                                                                      \
         .type = OPTION_FLAG,                                                                                \
         .help = "an exit status other than 0 is no reason to stop",                                         \
         .offset = offsetof(record, measured.ignore_failure)},                                               \
        {.name = "show-output",                                                                              \
         .type = OPTION_FLAG,                                                                                \
         .help = "let the commands print; else what they print is thrown away",                              \
         .offset = offsetof(record, measured.show_output)},                                                  \
    {                                                                                                        \
        .name = "seed", .type = OPTION_COUNT, .argument = "N",                                               \
        .help = "of the order and the environment sizes; the same gives the same",                           \
        .offset = offsetof(record, measured.seed)                                                            \
    }
#define ROWS_ARM(record)                                                                                     \
    {.name = "setup",                                                                                        \
     .letter = 's',                                                                                          \
     .type = OPTION_TEXT,                                                                                    \
     .argument = "COMMAND",                                                                                  \
     .help = "run once for each command or value, before its first run",                                     \
     .offset = offsetof(record, measured.setup)},                                                            \
        {.name = "conclude",                                                                                 \
         .type = OPTION_TEXT,                                                                                \
         .argument = "COMMAND",                                                                              \
         .help = "run once for each command or value, after its last run",                                   \
         .offset = offsetof(record, measured.conclude)},                                                     \
        {.name = "cache",                                                                                    \
         .type = OPTION_TEXT,                                                                                \
         .argument = "STATE",                                                                                \
         .choices = "as-is warmed dropped",                                                                  \
         .help = "the page cache before each run (as-is); dropped takes root, or --cache-file",              \
         .offset = offsetof(record, measured.cache)},                                                        \
        {.name = "cache-file",                                                                               \
         .type = OPTION_LIST,                                                                                \
         .argument = "FILE",                                                                                 \
         .help = "a file or folder that --cache is about, instead of everything",                            \
         .offset = offsetof(record, measured.cache_files)},                                                  \
    {                                                                                                        \
        .name = "no-jitter", .type = OPTION_FLAG,                                                            \
        .help = "the same environment size and addresses in each run",                                       \
        .offset = offsetof(record, measured.no_jitter)                                                       \
    }
#define ROW_NO_CONTROL(record)                                                                               \
    {                                                                                                        \
        .name = "no-control", .type = OPTION_FLAG, .help = "do not run the first command against itself",    \
        .offset = offsetof(record, measured.no_control)                                                      \
    }

#endif
