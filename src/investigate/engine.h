/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine: asks investigators side by side, each in a process of its own, in two rounds, and collects what they say.
 *
 * Time. All together have `deadline_ns`: the claims of most until three quarters of it, of those that read the others' until
 * 85 %, then the votes. Each has at most `deadline_each_ns` a round. Those that run the pipeline go one after the other and share what is left.
 *
 * Who runs beside whom: as many as `parallel_max`, except
 *
 *                     reads     loads the machine   runs the pipeline
 *     reads           yes       yes                 no: a measurement wants the cores for itself
 *     loads           yes       yes                 no
 *     runs            no        no                  no
 *
 * External programs count as readers that do no harm (they mostly wait for someone), unless they are said to load the machine:
 * one that hangs must not keep the pipeline from being measured.
 *
 * One that dies, overruns, uses too much memory or talks nonsense did not finish; its statement says why, and the others go on.
 * When engine_run is back nothing that it started is left running. A Ctrl-C or SIGTERM ends all of it. Not for several threads.
 */
#ifndef TOLL_INVESTIGATE_ENGINE_H
#define TOLL_INVESTIGATE_ENGINE_H

#include "investigate/investigator.h"

#define ENGINE_JOBS_MAX     64u
#define ENGINE_MEMORY_BYTES ((uint64_t)1 << 30)

struct engine_job {
    const char *name;                   /* unique; a file's name */
    unsigned flags;                     /* INVESTIGATOR_… */
    const struct investigator *builtin; /* NULL: an external program: */
    const char *command;                /* a line for /bin/sh */
    const char *directory;              /* where it runs; NULL: here */
};

enum engine_state { ENGINE_WAITS, ENGINE_RUNS, ENGINE_DONE, ENGINE_FAILED };

struct engine_status {
    const char *name;
    enum engine_state state;
    bool is_voting;
    const char *doing; /* its progress; "" */
    double done_ratio; /* below 0: not known */
    uint64_t wall_ns;  /* so far */
    size_t claim_count, cleared_count;
    const char *why_not; /* ENGINE_FAILED */
};

struct engine_options {
    const struct engine_job *jobs;
    size_t job_count;
    const struct question *question; /* recording, pipeline, opened, file: the rest is filled for each */
    const char *report;              /* toll.report/1 of the recording, absolute */
    const char *evidence;            /* a folder that is there, absolute; each job gets one in it */
    uint64_t deadline_ns;            /* from now, for all */
    uint64_t deadline_each_ns;       /* 0: only that for all */
    uint64_t memory_bytes;           /* of each; 0: ENGINE_MEMORY_BYTES */
    size_t parallel_max;             /* 0: as many as there are cores, at least two */
    /* Called about ten times a second, and at each change; NULL: nobody looks. */
    void (*show)(void *context, const struct engine_status *statuses, size_t count);
    void *context;
};

/* One statement for each job, in their order, with texts in the question's arena. ERR_THRESHOLD, "interrupted", for a signal; else only what concerns all
 * of them (memory, the evidence folder) is an error. */
WARN_UNUSED int engine_run(const struct engine_options *options, struct statement **ret_statements,
                           struct err *err);

#endif
