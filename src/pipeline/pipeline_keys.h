/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipeline_keys: the keys at the top of toll.yaml, which two readers share: pipeline_file.h, and the budgets of `toll gate`
 * (gate/gate_config.h). Each takes its own and leaves the other's alone.
 */
#ifndef TOLL_PIPELINE_PIPELINE_KEYS_H
#define TOLL_PIPELINE_PIPELINE_KEYS_H

/* NULL-terminated. `name` and `warmup` are in both, and mean the same. */
extern const char *const pipeline_keys_own[];
extern const char *const pipeline_keys_gate[];
extern const char *const pipeline_keys_all[]; /* each once */

/* Of a knob, of a stage: for the test that holds them against the schema. */
extern const char *const pipeline_keys_knob[];
extern const char *const pipeline_keys_stage[];
extern const char *const pipeline_keys_number[];

#endif
