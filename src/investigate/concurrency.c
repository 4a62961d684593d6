/* SPDX-License-Identifier: Apache-2.0 */
/*
 * concurrency: whether more, or fewer, at once would be faster. With a pipeline file it turns the knobs that are none of batches and
 * measures; for what it could not measure, and without one, it says what the recording says: what is done one after another though
 * nothing ties it, pools that are too small, as a replay with more workers has it; and stages that could overlap.
 */
#include "investigate/investigators.h"
#include "investigate/knob_claims.h"
#include "model/change.h"

static int claims(const struct question *question, struct answers *answers, struct err *err)
{
    size_t tried = 0, inferred = 0;
    int status = question->file ? knob_claims(question, false, answers, &tried, err) : 0;
    if (!status && !tried)
        status = inferred_claims(question, CHANGE_WORKERS, answers, &inferred, err);
    /* No knob stands for stages that could overlap: that is how the program is built. */
    size_t overlaps = 0;
    if (!status)
        status = inferred_claims(question, CHANGE_OVERLAP, answers, &overlaps, err);
    if (!status && !tried && !inferred && !overlaps)
        answers_note(answers, "nothing in the recording asks for more at once");
    return status ? status : answers_status(answers, err);
}

static int votes(const struct question *question, struct answers *answers, struct err *err)
{
    int status = knob_votes(question, answers, err);
    return status ? status : answers_status(answers, err);
}

const struct investigator concurrency_investigator = {
    .name = "concurrency",
    .about = "whether more, or fewer, at once would be faster",
    .flags = INVESTIGATOR_RUNS_PIPELINE,
    .claims = claims,
    .votes = votes,
};
