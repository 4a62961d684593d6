/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claim_place: where in Python code a wait is that a claim is about. Detectors of waits know whom the path waits for; who
 * wrote the program asks which of his lines does.
 */
#ifndef TOLL_RANK_CLAIM_PLACE_H
#define TOLL_RANK_CLAIM_PLACE_H

#include "detect/detector.h"

/* Tells the line in the title of a claim whose function is Python's. Gives a claim without a function the one that most of its waits on the path were in, when that is Python's, and tells it in
 * the title and the evidence. */
void claim_place(const struct scene *scene, struct cause_claim *claim);

#endif
