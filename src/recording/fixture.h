/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fixture: a made-up run that keeps every rule of the model, for the tests: rows of all tables, the same on every
 * call. tests/data/v1.toll holds fixture_begin and FIXTURE_STEPS steps; neither function may change.
 */
#ifndef TOLL_RECORDING_FIXTURE_H
#define TOLL_RECORDING_FIXTURE_H

#include "model/view.h"

#define FIXTURE_STEPS       400
#define FIXTURE_TRACK_COUNT 40

/* Meta, tracks, frames, stacks, peers, series. */
WARN_UNUSED int fixture_begin(struct sink *sink, struct err *err);
/* One sample, span, wait, slice, edge, point, bind, io, usage and attr; step counts from 0. */
WARN_UNUSED int fixture_step(struct sink *sink, uint64_t step, struct err *err);

#endif
