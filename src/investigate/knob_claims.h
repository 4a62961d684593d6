/* SPDX-License-Identifier: Apache-2.0 */
/*
 * knob_claims: what batch-size and concurrency have in common: their knobs turned, each with its part of the time (knob_trial.h), as
 * claims of class experiment or as cleared; and votes on what others claim of those knobs. What was measured is kept in the
 * scratch folder for the second round (knobs.tsv).
 */
#ifndef TOLL_INVESTIGATE_KNOB_CLAIMS_H
#define TOLL_INVESTIGATE_KNOB_CLAIMS_H

#include "investigate/investigator.h"
#include "pipeline/pipeline_file.h"

/* Which knobs are whose: batches are batch-size's, all others concurrency's. */
bool knob_is_batch(const struct pipeline_knob *knob);

/* Turns every knob that is (or is not) one of batches. ret_count: those that could be tried. */
WARN_UNUSED int knob_claims(const struct question *question, bool batches, struct answers *answers,
                            size_t *ret_count, struct err *err);

/* Votes on claims about knobs that were tried; the others are left alone. */
WARN_UNUSED int knob_votes(const struct question *question, struct answers *answers, struct err *err);

/* Findings of the verdict whose change has that operation (CHANGE_WORKERS, CHANGE_BATCH), as claims of class inferred. */
WARN_UNUSED int inferred_claims(const struct question *question, int op, struct answers *answers,
                                size_t *ret_count, struct err *err);

#endif
