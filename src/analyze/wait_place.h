/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wait_place: which code waited. The recorded stack of the wait says it. Without one, the functions that were on the
 * stack in the last sample before the wait and in the first one after it were on it in between: the innermost of
 * those is where it waited, or who called that.
 */
#ifndef TOLL_ANALYZE_WAIT_PLACE_H
#define TOLL_ANALYZE_WAIT_PLACE_H

#include "model/finding.h"
#include "run/recorded_run.h"

/* Fills stage and process of an actor at t, and nothing else. */
void place_actor(const struct run *run, uint32_t actor, uint64_t t, struct where *where);

enum place_source {
    PLACE_NONE = 0, /* the function is not known */
    PLACE_NEAR,     /* from the samples around the wait: there, in who called it, or right beside */
    PLACE_RECORDED  /* from the stack of the wait */
};

/* The place of an actor's wait: stage, process and, where it can be told, function. */
enum place_source place_wait(const struct run *run, uint32_t actor, const struct run_wait *wait,
                             struct where *ret_where);

/* Places with a weight each, to find the heaviest. Up to PLACE_MAX; what comes later counts nowhere. */
#define PLACE_MAX 64

struct place_tally {
    struct where where;
    uint64_t weight;
    uint64_t line_weight; /* by which its line leads */
};

struct places {
    struct place_tally tallies[PLACE_MAX];
    size_t count;
};

/* Places of one function (of one process, when the function is not known) add up. */
void places_add(struct places *places, const struct where *where, uint64_t weight);

/* What was added for the place; 0 when nothing was. */
uint64_t places_weight(const struct places *places, const struct where *where);

/* The heaviest of those whose function is known, else the heaviest; NULL when there is none. */
const struct place_tally *places_heaviest(const struct places *places);

#endif
