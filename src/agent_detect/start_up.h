/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start_up: what it costs to begin a small piece of work in an agent or a request of its own, and what falls away when it goes on
 * in the one before it: the model's base latency, what all prompts begin with, and what asked for it.
 *
 * The base latency is the intercept of the model's pace (team.h) where its responses tell it; else 2 s are assumed, half of the
 * response at most. What all prompts have alike is at most the smallest of them: four fifths of it are taken, half in the case that
 * saves least.
 */
#ifndef TOLL_AGENT_DETECT_START_UP_H
#define TOLL_AGENT_DETECT_START_UP_H

#include "agent_detect/agent_detector.h"

#define START_UP_SHARED_RATIO 0.8

struct start_base {
    double seconds;
    bool is_measured;
    uint32_t call_count; /* of the model */
};
/* Of a response that lasted for so long. */
struct start_base start_base_of(const struct agent_scene *scene, const struct team_call *call);

/* A piece of work that goes on in the one before it. */
struct start_up {
    size_t call;             /* its first response */
    double shared_tokens;    /* of the smallest prompt of all */
    uint32_t giver;          /* the agent that asked for it after the one before; TEAM_NONE */
    uint64_t from_ns, to_ns; /* the end of the one before, its own start */
};
/* Adds what falls away. -1 when memory ran out. */
int start_up_claim(const struct agent_scene *scene, struct agent_claim *claim, const struct start_up *start);
/* Dollars that one more piece with such a first prompt costs: what all have alike, read once more. */
double start_up_usd(const struct agent_scene *scene, const struct team_call *call, double shared_tokens);

#endif
