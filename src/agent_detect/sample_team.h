/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sample_team: for tests: a team of agents written row by row, in milliseconds from the start of the run.
 *
 * Prices are simple: a token of "m-big" costs 10 microdollars to read and 50 to write, of "m-small" a tenth; read from the cache a
 * tenth of reading, written to it 1.25 times (an hour: twice). Other models have no price.
 */
#ifndef TOLL_AGENT_DETECT_SAMPLE_TEAM_H
#define TOLL_AGENT_DETECT_SAMPLE_TEAM_H

#include "agent_detect/agent_detector.h"
#include "model/dataset.h"

struct sample_team {
    struct dataset data;
    struct run run;
    struct whatif whatif;
    struct team team;
    struct arena arena;
    struct agent_prices prices;
    struct agent_scene scene;
    struct agent_claims claims;
    struct err err;
    uint64_t tracks, spans;
};

struct sample_call {
    uint64_t track, task; /* ids */
    const char *model;
    int start_ms, end_ms;
    struct team_tokens tokens;
    double context_bytes; /* 0: not told */
};

/* Track 1 is the agent "main", alive all the time. */
void sample_begin(struct sample_team *sample, int wall_ms);
/* These return ids. */
uint64_t sample_agent(struct sample_team *sample, const char *name, const char *kind, int start_ms,
                      int end_ms);
uint64_t sample_task(struct sample_team *sample, uint64_t track, const char *name, int start_ms, int end_ms);
void sample_ask(struct sample_team *sample, const struct sample_call *call);
void sample_tool(struct sample_team *sample, uint64_t track, uint64_t task, const char *text, int start_ms,
                 int end_ms);
void sample_wait(struct sample_team *sample, uint64_t track, int start_ms, int end_ms,
                 enum wait_reason reason, uint64_t waker);
/* A pause before another try (PEER_NAME_RETRY) or for a limit (PEER_NAME_RATE_LIMIT). */
void sample_pause(struct sample_team *sample, uint64_t track, int start_ms, int end_ms, const char *peer);
void sample_needs(struct sample_team *sample, uint64_t track, uint64_t other, int at_ms);
/* All rows are written: loads. */
void sample_load(struct sample_team *sample);
/* Runs a detector; the first of its claims, NULL for none. The claims live until the next, or the end. */
const struct agent_claim *sample_detect(struct sample_team *sample,
                                        int (*detect)(const struct agent_scene *, struct agent_claims *,
                                                      struct err *));
/* The run with the effects of a claim, in ms; the bill, in dollars. */
double sample_wall_ms(struct sample_team *sample, const struct agent_claim *claim, enum team_case which);
double sample_bill(const struct sample_team *sample, const struct agent_claim *claim, enum team_case which);
void sample_end(struct sample_team *sample);

#endif
