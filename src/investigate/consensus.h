/* SPDX-License-Identifier: Apache-2.0 */
/*
 * consensus: from what the investigators said to what stands. Pure: statements in, conclusions and contradictions out.
 *
 * 1. Claims that say the same are one conclusion: their changes are the same act on the same place (OP:KIND/NAME, whatever the
 *    value); or their causes are of one family (docs/architecture.md) at places that overlap, and their changes are
 *    the same act (or one has none and the causes are equal). The strongest speaks for all: evidence class first, then the careful
 *    end of its gain.
 * 2. Asked are those who finished. Who made one of its claims supports it. Else the vote counts: on the claim that
 *    speaks for all, else the sharpest on the others, contradict before support before neutral. Who cast no vote but cleared
 *    the whole place, with less to gain there than is promised, contradicts. The others are neutral. Who did not finish is none
 *    of these: fewer were asked, and that is told.
 * 3. Votes that were read off the same rows count once (voices.h).
 * 4. Three voices in support that are three of four of those who took a side are consensus. Else a contradiction stands until an
 *    experiment settles it. Else two voices mean: investigate further, and one is single.
 * 5. An experiment decides (consensus_settle): confirmed is consensus, rejected is rejected; undecided changes nothing.
 */
#ifndef TOLL_INVESTIGATE_CONSENSUS_H
#define TOLL_INVESTIGATE_CONSENSUS_H

#include "experiment/experiment.h"
#include "investigate/investigation.h"

#define CONSENSUS_VOICES 3u /* of four */
#define CONSENSUS_RATIO  0.75
/* Of each investigator, in the order in which it said them; more are counted (left_out_count). */
#define CONSENSUS_CLAIMS_MAX 256u

/* Fills conclusions and contradictions from investigation->statements, in its arena, P0 first. Claims of those that did not
 * finish are left out. `pipeline` and `recording` of the investigation go into next_command. */
WARN_UNUSED int consensus_reach(struct investigation *investigation, struct err *err);

/* An experiment on a contradiction's claim: the conclusion's agreement, and its gain where it was measured (a knob) or bounded.
 * Conclusions are put in order again: pointers to them are old afterwards. */
WARN_UNUSED int consensus_settle(struct investigation *investigation, struct contradiction *contradiction,
                                 const struct experiment_result *result, struct err *err);

/* The conclusion that a claim went into; NULL. */
struct conclusion *consensus_of_claim(const struct investigation *investigation, const struct claim *claim);

bool claims_say_the_same(const struct claim *one, const struct claim *other);

/* "3 in support, 1 against, 2 neutral, 1 did not finish" */
void consensus_count(const struct conclusion *conclusion, struct str *str);

/* before and after of a conclusion from its gain, in the unit of the investigation's objective. */
void consensus_objective(const struct investigation *investigation, struct conclusion *conclusion);

/* Whether `toll experiment` can try the change itself, or at least its place. */
bool consensus_can_try(const struct claim *claim);

#endif
