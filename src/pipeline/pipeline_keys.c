/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/pipeline_keys.h"

#include <stddef.h>

#define OWN_KEYS                                                                                             \
    "objective", "run", "environment", "cache", "rows", "measure", "stages", "knobs", "investigators"
#define GATE_KEYS "gates", "build", "baseline", "confidence", "time", "runs"

const char *const pipeline_keys_own[] = {OWN_KEYS, "name", "warmup", NULL};
const char *const pipeline_keys_gate[] = {GATE_KEYS, "name", "warmup", NULL};
const char *const pipeline_keys_all[] = {OWN_KEYS, GATE_KEYS, "name", "warmup", NULL};
const char *const pipeline_keys_knob[] = {"env", "file", "key", "values", "range", "now", "kind", NULL};
const char *const pipeline_keys_stage[] = {"process", "span", "after", NULL};
const char *const pipeline_keys_number[] = {"match", "unit", NULL};
