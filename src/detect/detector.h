/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detector: looks at a walked run and claims causes; one file per cause, listed in rank/detectors.c.
 *
 * A claim says what and where, with evidence. What fixing it is worth is not the detector's word: rank.c replays
 * the cause's default change (changes.c). Detectors are pure: they read the scene and write claims.
 */
#ifndef TOLL_DETECT_DETECTOR_H
#define TOLL_DETECT_DETECTOR_H

#include "analyze/attribution.h"
#include "analyze/critical_path.h"
#include "analyze/path_index.h"
#include "analyze/structure.h"
#include "analyze/whatif_replay.h"
#include "base/vec.h"
#include "model/finding.h"

struct scene {
    const struct run *run;
    const struct path *path;
    const struct path_index *path_index;
    const struct attribution *attribution;
    const struct stage *stages; /* by stage index */
    const struct whatif *whatif;
    struct arena *arena; /* of the verdict */
    uint64_t wall_ns;
};

#define EVIDENCE_MAX 8

struct cause_claim {
    const char *cause;
    struct where where;
    struct where where_waiting; /* of a lock: who waits for it; empty for other causes */
    uint64_t waiter_count, acquisition_count;
    uint64_t critical_ns;
    const char *change;     /* NULL: the default change of the cause has no place to be applied */
    const char *max_change; /* the change that makes it free of charge, for factor_max; NULL: `change` */
    const char *assumption; /* NULL: the default of the cause */
    const char *title;
    const char *fix; /* NULL: the default of the cause */
    const char *evidence[EVIDENCE_MAX];
    size_t evidence_count;
    bool is_kept; /* also without a gain: it brings something else, which fix_without_gain says */
    const char *fix_without_gain;
    bool is_guess;   /* whether the change is possible is not known: its priority is no higher than P1 */
    bool is_outside; /* the doing of other programs: stands behind what the run itself can mend */
    /* Something grows: no time is gained by mending it, so that its priority is the detector's word; it stands behind
     * what gains and is never left out. */
    bool is_growth;
    enum priority priority;
};

struct cause_claims {
    VEC(struct cause_claim) items;
};

struct detector {
    const char *cause;
    int (*detect)(const struct scene *scene, struct cause_claims *claims, struct err *err);
};

extern const struct detector detectors[];
extern const size_t detector_count;

/* Shares of the path below this are not worth a claim. */
#define CLAIM_RATIO_MIN 0.03

/* The path's entries stand by size: those behind this many hold less than a thousandth of it each. */
#define ENTRY_LOOK_MAX 1000

/* --- what detectors share (scene.c) --- */

/* Adds a claim; err_memory on failure. */
WARN_UNUSED int claim_add(struct cause_claims *claims, const struct cause_claim *claim, struct err *err);
/* Adds one fact, printed into the scene's arena; more than EVIDENCE_MAX are dropped. */
void claim_evidence(const struct scene *scene, struct cause_claim *claim, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Time on the path spent doing `doing`; the largest entry's place goes to *ret_top (may be NULL). */
uint64_t scene_doing_ns(const struct scene *scene, int doing, struct where *ret_top);

/* Time on the path spent doing `doing` while a via of reason `under` lies over it; of WAIT_LOCK those at conditions do not count. */
uint64_t scene_doing_under_ns(const struct scene *scene, int doing, enum wait_reason under);

struct interval {
    uint64_t start_ns, end_ns;
};

/* The vias of a reason as disjoint intervals in time order, for the caller to free; NULL when memory ran out. Waits at pipes
 * within a program, between its threads or its forks, are none. */
struct interval *scene_cover(const struct scene *scene, enum wait_reason reason, size_t *ret_count);

/* Time on the path in [from_ns, to_ns) of the group's member number `index`, or of all when it is their count. */
uint64_t scene_path_of_ns(const struct scene *scene, const struct sibling_group *group, size_t index,
                          uint64_t from_ns, uint64_t to_ns);

/* Stage, process and the function that the member was seen in most of the time in [from_ns, to_ns). */
void scene_member_place(const struct scene *scene, const struct sibling *member, uint64_t from_ns,
                        uint64_t to_ns, struct where *ret_where);

/* A group as changes name it ("process/crunch"), and for a person ("threads of crunch", "runs of curl"). */
const char *scene_group_target(const struct scene *scene, const struct sibling_group *group);
const char *scene_group_noun(const struct scene *scene, const struct sibling_group *group);

/* What tells a function of a garbage collector (CPython, V8, the JVM, Go, Ruby, .NET) by its name; NULL when it is none's. */
const char *scene_collector_part(const char *function);

/* A duration for a person, in the arena: "36.4 s", "857 ms". */
const char *scene_duration(const struct scene *scene, uint64_t ns);

/* A place for a person: "download", "curl", "parse_row in awk"; never NULL. */
const char *scene_place(const struct scene *scene, const struct where *where);

/* "stage/NAME" or "process/NAME" of a place, as changes are written; NULL when it has neither. */
const char *scene_target(const struct scene *scene, const struct where *where);

/* Of some values of a change ("batch:peer/NAME"), the smallest that brings nine tenths of the most that any does. */
WARN_UNUSED int scene_best_value(const struct scene *scene, const char *change, const uint32_t *values,
                                 size_t count, uint32_t *ret_value, struct err *err);

/* The time on the path that a flow took: waits for its peer, and of its process's computing the part that `cpu_ns` is
 * of its CPU time. Its largest place goes to *ret_where. */
uint64_t scene_flow_ns(const struct scene *scene, const struct run_flow *flow, uint64_t cpu_ns,
                       struct where *ret_where);

/* Whether the stage (index) is done again and again, never two at once, and no dependency ties one call to the next; of a
 * program that only sleeps it is not asked. */
bool scene_loop_is_serial(const struct scene *scene, uint32_t stage, const struct loop *loop);

/* The stage index of a name (a span's, or a program's when the run has no spans); RUN_NONE. */
uint32_t scene_stage(const struct scene *scene, const char *name);

#endif
