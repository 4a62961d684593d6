/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diagnosis: what the machine, a process or a folder shows in a short look, and what to do next. The machine and the process are
 * watched for a window; nothing is stopped, changed or sent. Everything lives in the arena.
 */
#ifndef TOLL_DIAGNOSE_DIAGNOSIS_H
#define TOLL_DIAGNOSE_DIAGNOSIS_H

#include "base/str.h"
#include "diagnose/next_step.h"

#define DIAGNOSIS_TOP_MAX       5
#define DIAGNOSIS_DISTURBER_MAX 4
#define DIAGNOSIS_PORT_MAX      8

struct diagnosis_request {
    const char *root;            /* before /proc and /sys; "" but in tests */
    uint64_t pid;                /* 0: not of a process */
    const char *path;            /* of a folder; NULL */
    uint64_t window_ns;          /* 0: one second */
    const enum symptom *symptom; /* NULL: worked out */
};

/* One of the processes that do most. */
struct diagnosis_process {
    uint64_t pid;
    char name[32];
    double core_count;
    uint64_t rss_bytes;
};

/* A profiler that is at work already. */
struct diagnosis_disturber {
    uint64_t pid;
    char name[32];
    enum profiler_way way;
    bool is_tracer; /* of the process that is asked for */
};

struct diagnosis {
    struct arena arena;
    enum target_kind target;
    uint64_t pid;        /* of TARGET_PROCESS */
    const char *path;    /* of TARGET_FOLDER */
    const char *name;    /* of the process or the folder; the machine's host name */
    const char *command; /* of the process, secrets left out; "" */
    struct use_table use;
    struct process_use process;                      /* of TARGET_PROCESS */
    struct diagnosis_process top[DIAGNOSIS_TOP_MAX]; /* of TARGET_MACHINE, busiest first */
    size_t top_count;
    unsigned ports[DIAGNOSIS_PORT_MAX]; /* that the process serves, or the machine */
    size_t port_count;
    bool is_hidden; /* the process is another user's, and does not show what it is made of */
    struct diagnosis_disturber disturbers[DIAGNOSIS_DISTURBER_MAX];
    size_t disturber_count;
    struct technologies found;
    struct deployment deployment;
    struct profilers profilers;
    struct plan plan;
};

/* ERR_USAGE when there is no such process, ERR_ENVIRONMENT when the folder cannot be read. */
WARN_UNUSED int diagnosis_make(const struct diagnosis_request *request, struct diagnosis *ret_diagnosis,
                               struct err *err);
void diagnosis_free(struct diagnosis *diagnosis);

struct diagnosis_look {
    unsigned width;
    bool colour, ascii;
};
/* Text for a person; JSON with schema toll.diagnose/1 (docs/diagnose.md). */
void diagnosis_text(const struct diagnosis *diagnosis, const struct diagnosis_look *look, struct str *text);
void diagnosis_json(const struct diagnosis *diagnosis, struct str *text);

#endif
