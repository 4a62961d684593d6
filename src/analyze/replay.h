/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay: a discrete-event simulation of a program.
 *
 * Cores are shared as a fair scheduler shares them (egalitarian processor sharing: with n runnable and C cores
 * each gets min(1, C / n) of a core), with the recorded background load and the work of local servers on the same
 * cores. Signals keep the recorded order of cause and effect. Actors that wait for each other in a ring, by a
 * wrong inference, are untied at the await of the ring that was shortest in the recording. The unchanged program
 * must take about as long as the recording did: the difference is the baseline drift.
 */
#ifndef TOLL_ANALYZE_REPLAY_H
#define TOLL_ANALYZE_REPLAY_H

#include "analyze/replay_program.h"

struct replay_result {
    uint64_t wall_ns;
    size_t knot_count; /* awaits given up because they waited for each other */
};

WARN_UNUSED int replay_program(const struct program *program, struct replay_result *ret_result,
                               struct err *err);

#endif
