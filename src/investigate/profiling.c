/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profiling: where the time of the run goes. Its claims are the verdict's findings; it clears what the verdict clears; its votes
 * hold every claim against the critical path and a replay of the run.
 */
#include "base/num.h"
#include "investigate/finding_claim.h"
#include "investigate/investigators.h"
#include "investigate/path_vote.h"
#include "report/phrases.h"
#include "report/units.h"

#define STAGES_TOLD_MAX 3

static int tell_shares(const struct question *question, struct answers *answers, struct err *err)
{
    const struct verdict *verdict = &question->opened->verdict;
    struct share_list list = {0};
    struct str line = {0};
    if (phrase_shares(verdict, &list))
        return err_memory(err);
    for (size_t i = 0; i < list.shares.count && i < STAGES_TOLD_MAX; i++) {
        const struct share *share = &list.shares.items[i];
        if (i)
            str_append(&line, ", ");
        phrase_share(&line, verdict, share);
        str_printf(&line, " %s", unit_ratio(share->ratio).text);
    }
    if (line.length)
        answers_note(answers, "of %s: %s", unit_duration(verdict->run.wall_ns).text, str_text(&line));
    phrase_shares_free(&list);
    str_free(&line);
    return 0;
}

static void tell_cleared(const struct question *question, struct answers *answers)
{
    const struct verdict *verdict = &question->opened->verdict;
    for (size_t i = 0; i < verdict->cleared_count; i++) {
        const struct cleared *cleared = &verdict->cleared[i];
        struct str why = {0};
        str_printf(&why, "%s of the critical path; without it the run would be %s as fast",
                   unit_ratio(cleared->critical_ratio).text, unit_factor(cleared->factor_max).text);
        answers_cleared(answers, cleared, str_text(&why));
        str_free(&why);
    }
}

static int claims(const struct question *question, struct answers *answers, struct err *err)
{
    const struct verdict *verdict = &question->opened->verdict;
    int status = findings_claim(question, answers, false, err);
    if (status)
        return status;
    tell_cleared(question, answers);
    status = tell_shares(question, answers, err);
    if (!verdict->service)
        answers_note(answers, "the replay of the unchanged run is off by %s",
                     unit_ratio(verdict->baseline_drift_ratio).text);
    for (size_t i = 0; i < verdict->run.grade.remark_count; i++)
        answers_note(answers, "%s", verdict->run.grade.remarks[i]);
    return status ? status : answers_status(answers, err);
}

static int votes(const struct question *question, struct answers *answers, struct err *err)
{
    size_t replays_left = path_replays_max(question);
    for (size_t i = 0; i < question->claim_count; i++) {
        struct vote vote;
        int status = path_vote(question, &question->claims[i], &replays_left, &vote, err);
        if (status)
            return status;
        answers_vote(answers, &vote);
    }
    return answers_status(answers, err);
}

const struct investigator profiling_investigator = {
    .name = "profiling",
    .about = "where the time of the run goes: stages, critical path",
    .claims = claims,
    .votes = votes,
};
