/* SPDX-License-Identifier: Apache-2.0 */
/* toll set-key: hidden; puts values into configuration files before a run whose knobs they are. */
#include "decide/set_keys.h"
#include "verbs/verbs.h"

static int run(struct verb_context *context, struct err *err)
{
    return decide_set_keys(context->operands, context->operand_count, err);
}

const struct verb set_key_verb = {
    .name = "set-key",
    .summary = "set keys of configuration files",
    .usage = "FILE KEY VALUE [FILE KEY VALUE]…",
    .description = "Sets one value of a JSON, YAML or line-by-line configuration file and leaves every other "
                   "byte as it is. "
                   "Measurements start it before a run; docs/pipeline.md says which formats it knows.",
    .operand_min = 3,
    .operand_max = VERB_OPERANDS_MAX,
    .is_hidden = true,
    .run = run,
};
