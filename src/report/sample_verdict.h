/* SPDX-License-Identifier: Apache-2.0 */
/* sample_verdict: hand-made verdicts that the tests of this module render. */
#ifndef TOLL_REPORT_SAMPLE_VERDICT_H
#define TOLL_REPORT_SAMPLE_VERDICT_H

#include "model/finding.h"

/* A pipeline of four stages that downloads one file at a time: stages, findings, timeline, flame graph. */
void sample_market(struct verdict *ret_verdict);
/* A healthy run: nothing found, no stages, no pictures. */
void sample_quiet(struct verdict *ret_verdict);
/* All zero: a run that ended before it was seen. */
void sample_bare(struct verdict *ret_verdict);
/* Names that are huge, not UTF-8, full of markup and terminal control. */
void sample_hostile(struct verdict *ret_verdict);
/* A recording that must not be believed, without a promise. */
void sample_poor(struct verdict *ret_verdict);
/* A service that was attached to: its pool of connections is used up. */
void sample_service(struct verdict *ret_verdict);
/* `track_count` tracks of 100 intervals each. */
void sample_many_tracks(struct verdict *ret_verdict, size_t track_count);

#endif
