/* SPDX-License-Identifier: Apache-2.0 */
/* sample_investigation: hand-made investigations that the tests of this module render. */
#ifndef TOLL_MASTER_SAMPLE_INVESTIGATION_H
#define TOLL_MASTER_SAMPLE_INVESTIGATION_H

#include "investigate/investigation.h"
#include "master/master.h"

struct sample {
    struct verdict verdict;
    struct investigation investigation;
    struct master_calibration calibration;
    struct master_options options;
};

/* A pipeline that downloads one file at a time: consensus on the first, one dispute settled, the database cleared. */
void sample_pipeline(struct sample *sample);
/* The same with its objective met. */
void sample_there(struct sample *sample);
/* A recording without an objective; one voice each; one dispute that nobody settled. */
void sample_unaimed(struct sample *sample);
/* A service. */
void sample_serving(struct sample *sample);
/* No investigator finished. */
void sample_silent(struct sample *sample);
/* All zero. */
void sample_nothing(struct sample *sample);
/* Texts that are huge, not UTF-8, full of markup and terminal control. */
void sample_wild(struct sample *sample);

void sample_free(struct sample *sample);

#endif
