/* SPDX-License-Identifier: Apache-2.0 */
/*
 * next_step: from a symptom to the next command. Each symptom has a short list of questions (next_step.c), asked in order of what is measured;
 * the first that is answered with yes gives the advice, and the advice becomes a command that can be copied (next_command.c): the
 * runtime's own profiler where it sees more and is safe (routes.c), toll's recorder otherwise.
 */
#ifndef TOLL_DIAGNOSE_NEXT_STEP_H
#define TOLL_DIAGNOSE_NEXT_STEP_H

#include "diagnose/machine_use.h"
#include "diagnose/profilers.h"

enum symptom {
    SYMPTOM_SLOW,
    SYMPTOM_CPU,
    SYMPTOM_MEMORY,
    SYMPTOM_TAIL,
    SYMPTOM_THROUGHPUT,
    SYMPTOM_STALL,
    SYMPTOM_COST,
    SYMPTOM_COUNT
};

enum target_kind { TARGET_MACHINE, TARGET_PROCESS, TARGET_FOLDER };

/* What the next look should be about. */
enum advice {
    ADVICE_CPU,
    ADVICE_MEMORY,
    ADVICE_WAITS,
    ADVICE_DISK,
    ADVICE_LATENCY,
    ADVICE_THROUGHPUT,
    ADVICE_NOTHING,
    ADVICE_COUNT
};

struct plan_facts {
    enum target_kind target;
    const struct use_table *machine;
    const struct technologies *found;
    const struct deployment *deployment;
    const struct profilers *profilers;
    /* Of the process asked for; of a machine, the one that does most. pid 0: none is worth a look. */
    uint64_t pid;
    const char *name;
    const struct process_use *use; /* NULL for a folder */
    unsigned port;                 /* that it serves; 0: none */
    const char *path;              /* of a folder, as it was given */
    struct start_command start;    /* of a folder */
    bool has_pipeline;             /* of a folder: a toll.yaml that can be investigated */
    bool is_root;
    bool needs_root; /* another user's process */
    struct arena *arena;
};

#define PLAN_STEP_MAX 8

struct plan_step {
    const char *question; /* "does it compute?" */
    bool answer;
    const char *evidence; /* "3 % of a core" */
};

struct plan {
    enum symptom symptom;
    bool is_given;        /* by the user; else worked out */
    const char *evidence; /* what it was worked out from; "" when it is given */
    struct plan_step steps[PLAN_STEP_MAX];
    size_t step_count;
    enum advice advice;
    const char *command; /* one line for a shell */
    const char *why;     /* a sentence's beginning, without a full stop */
};

/* NULL when there is no such symptom. */
const char *symptom_name(enum symptom symptom);
/* false when the word names none. */
bool symptom_read(const char *word, enum symptom *ret_symptom);

/* `given` is NULL when the symptom is to be worked out. -1 when memory ran out. */
int plan_make(const struct plan_facts *facts, const enum symptom *given, struct plan *ret_plan);

/* Sets command and why of an advice; -1 when memory ran out. */
int plan_command(const struct plan_facts *facts, struct plan *plan);

/* The runtime's own profiler, where it serves better. */
struct route {
    enum advice advice;
    enum target_kind target;
    const char *languages;
    const char *profiler; /* a name in profilers.c, which must be installed and safe here */
    const char *starts;   /* of a folder: what its command begins with; NULL: anything */
    const char *command;  /* {PID}, {COMMAND} */
    const char *why;
};
extern const struct route routes[];
extern const size_t route_count;

#endif
