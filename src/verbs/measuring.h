/* SPDX-License-Identifier: Apache-2.0 */
/* measuring: what the verbs that measure have in common, from the command line to the benchmark's options. */
#ifndef TOLL_VERBS_MEASURING_H
#define TOLL_VERBS_MEASURING_H

#include "ops/bench_commands.h"
#include "option/measured_options.h"

/* Sets the fields that are asked for by measured_options; the others stay as they are. Any CPU. */
void measured_fill(const struct measured_options *measured, struct bench_options *options);

/* What stands behind `--`; a shell takes one text as it is. Empty when there is none. */
struct bench_text measured_command(const struct verb_context *context,
                                   const struct measured_options *measured);

#endif
