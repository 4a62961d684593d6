/* SPDX-License-Identifier: Apache-2.0 */
#include "investigate/knob_claims.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/num.h"
#include "base/str.h"
#include "base/words.h"
#include "investigate/knob_trial.h"
#include "investigate/path_vote.h"
#include "report/amount.h"
#include "report/units.h"

#define MARGIN_S          2.0 /* kept back of the deadline, to tell what was found; of a short one a tenth */
#define MARGIN_RATIO      0.1
#define CLEARED_MAX       1.15 /* what may bring more is not cleared */
#define AGREES_RATIO      1.15 /* a claim's factor within so much of the measured interval agrees */
#define WORTH_RATIO       1.02
#define MEASURED_FILE     "knobs.tsv"
#define COMMAND_BYTES_MAX 60u /* of a command that stands twice in a line */
#define MEASURED_BYTES    ((size_t)1 << 20)

bool knob_is_batch(const struct pipeline_knob *knob)
{
    return knob->role == KNOB_ROLE_BATCH;
}

/* The verdict's finding that a knob would mend; NULL. The change it becomes, into *ret_change. */
static const struct finding *finding_of(const struct question *question, const struct pipeline_knob *knob,
                                        const char **ret_value)
{
    const struct verdict *verdict = &question->opened->verdict;
    for (size_t i = 0; i < verdict->finding_count; i++) {
        const char *text = pipeline_knob_change(question->file, &verdict->findings[i], question->arena);
        struct change change;
        if (!text || change_parse(text, &change, NULL) || strcmp(change.name, knob->name) != 0)
            continue;
        *ret_value = arena_string(question->arena, change.text);
        return *ret_value ? &verdict->findings[i] : NULL;
    }
    return NULL;
}

/* A value to hold against today's where there is time for one only: what the recording asks for, else the next larger one. */
static const char *candidate_of(const struct question *question, const struct pipeline_knob *knob)
{
    const char *value = NULL;
    double best = INFINITY;
    if (finding_of(question, knob, &value))
        return value;
    for (size_t i = 0; i < knob->value_count; i++) {
        double number;
        if (knob->is_number && !num_parse_double(knob->values[i], &number) && number > knob->now_number &&
            number < best) {
            best = number;
            value = knob->values[i];
        }
    }
    if (!knob->value_count && knob->now_number < knob->high)
        value =
            arena_printf(question->arena, "%.15g", fmin(fmax(2 * knob->now_number, knob->low), knob->high));
    return value;
}

static const char *how_to_set(const struct question *question, const struct pipeline_knob *knob,
                              const char *value)
{
    switch (knob->place) {
    case KNOB_ENVIRONMENT:
        return arena_printf(question->arena, "set the variable %s to %s", knob->variable, value);
    case KNOB_IN_FILE:
        return arena_printf(question->arena, "set %s to %s in %s", knob->key, value, knob->file);
    case KNOB_ARGUMENT: break;
    }
    return arena_printf(question->arena, "give it %s=%s", knob->name, value);
}

/* The command that holds today's value against another. */
static const char *verify_text(const struct question *question, const struct pipeline_knob *knob,
                               const char *value)
{
    struct pipeline_assignment assignment = {knob->name, value};
    struct pipeline_command today, other;
    struct arena *arena = question->arena;
    if (knob->place == KNOB_IN_FILE || question->file->environment[0] ||
        pipeline_command_fill(question->file, NULL, 0, arena, &today, NULL) ||
        pipeline_command_fill(question->file, &assignment, 1, arena, &other, NULL) ||
        strcmp(today.words[0], "/bin/sh") == 0 || strlen(today.text) > COMMAND_BYTES_MAX)
        return arena_printf(arena, "toll experiment set:knob/%s=%s%s%s", knob->name, value,
                            question->pipeline ? " " : "", question->pipeline ? question->pipeline : "");
    char *const before[] = {words_join(today.words, arena), NULL}, *const after[] = {
                                                                       words_join(other.words, arena), NULL};
    if (!before[0] || !after[0])
        return NULL;
    const char *one = words_join(before, arena), *two = words_join(after, arena);
    if (!one || !two)
        return NULL;
    if (knob->place == KNOB_ENVIRONMENT)
        return arena_printf(arena, "toll verify --env %s=%s,%s %s", knob->variable, knob->now, value, one);
    return arena_printf(arena, "toll verify %s --vs %s", one, two);
}

static const char *name_of(const struct question *question, const char *knob)
{
    return arena_printf(question->arena, "knob %s", knob);
}

/* Where a gain that was measured comes from: what the recording asks for there; else the one stage whose share of the path is large enough
 * to bring it; else it is not told, and the knob stands for the place. */
static int place_of(const struct question *question, const struct knob_trial *trial,
                    const struct finding *asked, struct finding *finding, struct err *err)
{
    const struct verdict *verdict = &question->opened->verdict;
    double least = 1 - 1 / trial->gain.factor_low;
    finding->critical_ratio = least;
    if (asked) {
        finding->where = asked->where;
        finding->critical_ratio = asked->critical_ratio;
    } else if (verdict->stage_count && verdict->stages[0].critical_ratio >= fmax(least, 0.5)) {
        finding->where.stage = verdict->stages[0].name;
        finding->critical_ratio = verdict->stages[0].critical_ratio;
    } else {
        finding->where.stage = name_of(question, trial->knob->name);
    }
    return finding->where.stage || asked ? 0 : err_memory(err);
}

static int claim_gain(const struct question *question, const struct knob_trial *trial,
                      struct answers *answers, struct err *err)
{
    const struct pipeline_knob *knob = trial->knob;
    const char *value = NULL;
    const struct finding *asked = finding_of(question, knob, &value);
    struct arena *arena = question->arena;
    const char **rows = arena_alloc(arena, sizeof *rows);
    if (!rows)
        return err_memory(err);
    rows[0] = arena_printf(arena, "runs of knob %s", knob->name);
    struct claim claim = {.id = knob->name,
                          .evidence_class = EVIDENCE_EXPERIMENT,
                          .rows = rows,
                          .row_count = 1,
                          .verify = verify_text(question, knob, trial->best),
                          .revert = how_to_set(question, knob, knob->now)};
    claim.finding = (struct finding){
        .cause = asked ? asked->cause : "config",
        .objective = pipeline_objective_verdict(&question->file->objective),
        .change = arena_printf(arena, "set:knob/%s=%s", knob->name, trial->best),
        .gain = {.factor = trial->gain.factor,
                 .factor_low = trial->gain.factor_low,
                 .factor_high = trial->gain.factor_high,
                 .factor_max = trial->factor_max,
                 .wall_ns_after =
                     (uint64_t)((double)question->opened->verdict.run.wall_ns / trial->gain.factor)},
        .title = asked ? asked->title
                       : arena_printf(arena, "%s is %s today; with %s the run is %s as fast", knob->name,
                                      knob->now, trial->best, unit_factor(trial->gain.factor).text),
        .fix = how_to_set(question, knob, trial->best),
        .rationale = arena_printf(arena, "measured: %zu values of %s in turn, %zu rounds", trial->value_count,
                                  knob->name, trial->round_count),
        .effort = EFFORT_LOW,
        .evidence = trial->evidence,
        .evidence_count = trial->evidence_count};
    if (!rows[0] || !claim.verify || !claim.revert || !claim.finding.change || !claim.finding.title ||
        !claim.finding.fix || !claim.finding.rationale)
        return err_memory(err);
    int status = place_of(question, trial, asked, &claim.finding, err);
    if (status)
        return status;
    answers_claim(answers, &claim);
    return 0;
}

/* The knob is cleared, not the place that it works on: others may claim something else of that. */
static int clear_knob(const struct question *question, const struct knob_trial *trial,
                      struct answers *answers, struct err *err)
{
    const struct pipeline_knob *knob = trial->knob;
    struct cleared cleared = {.where.stage = name_of(question, knob->name),
                              .factor_max = fmax(trial->factor_max, 1)};
    char within[64] = "";
    struct str why = {0};
    if (!cleared.where.stage)
        return err_memory(err);
    if (trial->factor_max > 1)
        snprintf(within, sizeof within, " by more than %s", unit_ratio(trial->factor_max - 1).text);
    str_printf(&why, "%zu values tried: none is better than today's %s%s", trial->value_count, knob->now,
               within);
    for (size_t i = 0; i < trial->evidence_count; i++)
        str_printf(&why, "; %s", trial->evidence[i]);
    answers_cleared(answers, &cleared, str_text(&why));
    str_free(&why);
    return 0;
}

static void tell_too_short(const struct question *question, const struct pipeline_knob *knob, double time_s,
                           struct answers *answers)
{
    answers_note(answers,
                 "%s was not tried: a run takes %s, and %s are too short for a measurement; 'toll "
                 "investigate --deadline' gives more",
                 knob->name, unit_duration(question->opened->verdict.run.wall_ns).text,
                 unit_duration((uint64_t)(fmax(time_s, 0) * 1e9)).text);
}

/* A line each for the second round: knob, value, factor and its interval. */
static void remember(const struct knob_trial *trial, struct str *text)
{
    for (size_t i = 0; i < trial->outcome_count; i++)
        str_printf(text, "%s\t%s\t%.6g\t%.6g\t%.6g\n", trial->knob->name, trial->outcomes[i].value,
                   trial->outcomes[i].factor, trial->outcomes[i].factor_low, trial->outcomes[i].factor_high);
}

static int measured_path(const struct question *question, const char **ret_path, struct err *err)
{
    *ret_path = arena_printf(question->arena, "%s/" MEASURED_FILE, question->scratch);
    return *ret_path ? 0 : err_memory(err);
}

static int try_knob(const struct question *question, const struct pipeline_knob *knob, double time_s,
                    struct answers *answers, struct knob_trial *ret_trial, struct err *err)
{
    int status =
        knob_trial_run(question, knob, candidate_of(question, knob), time_s, answers, ret_trial, err);
    if (status)
        return status;
    if (ret_trial->design == KNOB_TOO_SHORT)
        tell_too_short(question, knob, time_s, answers);
    else if (ret_trial->failure)
        answers_note(answers, "%s could not be measured: %s", knob->name, ret_trial->failure);
    else if (ret_trial->best)
        return claim_gain(question, ret_trial, answers, err);
    else if (ret_trial->factor_max <= CLEARED_MAX)
        return clear_knob(question, ret_trial, answers, err);
    else
        answers_note(answers,
                     "%s: the runs vary by too much to tell its values apart in this time; 'toll tune' "
                     "measures longer",
                     knob->name);
    return 0;
}

int knob_claims(const struct question *question, bool batches, struct answers *answers, size_t *ret_count,
                struct err *err)
{
    const struct pipeline_file *file = question->file;
    const char *path;
    struct str measured = {0};
    size_t left = 0, tried = 0;
    int status = measured_path(question, &path, err);
    for (size_t i = 0; i < file->knobs.count; i++)
        left += knob_is_batch(&file->knobs.items[i]) == batches;
    for (size_t i = 0; !status && i < file->knobs.count; i++) {
        const struct pipeline_knob *knob = &file->knobs.items[i];
        struct knob_trial trial = {0};
        uint64_t now_ns = clock_monotonic_ns();
        if (knob_is_batch(knob) != batches)
            continue;
        double time_s = question->deadline_ns > now_ns ? (double)(question->deadline_ns - now_ns) / 1e9 : 0;
        time_s -= fmin(MARGIN_S, MARGIN_RATIO * time_s);
        status = try_knob(question, knob, time_s / (double)left--, answers, &trial, err);
        tried += !status && trial.outcome_count > 0;
        if (!status)
            remember(&trial, &measured);
    }
    if (!status && measured.failed)
        status = err_memory(err);
    if (!status && measured.length)
        status = fs_replace(path, str_text(&measured), measured.length, 0644, err);
    str_free(&measured);
    if (!status)
        *ret_count = tried;
    return status;
}

/* Votes. */

/* The line of a knob's value; false when it was not measured. */
static bool measured_find(const char *text, const char *knob, const char *value,
                          struct knob_outcome *ret_outcome)
{
    char name[65], at[65];
    for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
        struct knob_outcome outcome = {0};
        if (sscanf(text, "%64[^\t\n]\t%64[^\t\n]\t%lf\t%lf\t%lf", name, at, &outcome.factor,
                   &outcome.factor_low, &outcome.factor_high) != 5 ||
            strcmp(name, knob) != 0 || strcmp(at, value) != 0)
            continue;
        *ret_outcome = outcome;
        return true;
    }
    return false;
}

/* The knob's change that a claim comes to: its own, or that of what it asks for; and whether that is the number that it claims. */
static bool knob_of_claim(const struct question *question, const struct claim *claim,
                          struct change *ret_change, bool *ret_is_exact)
{
    const char *text = claim->finding.change;
    struct change claimed;
    if (!text || change_parse(text, &claimed, NULL))
        return false;
    *ret_change = claimed;
    *ret_is_exact = true;
    if (claimed.op == CHANGE_SET && claimed.kind == CHANGE_KNOB)
        return true;
    text = pipeline_knob_change(question->file, &claim->finding, question->arena);
    if (!text || change_parse(text, ret_change, NULL))
        return false;
    *ret_is_exact = claimed.op != CHANGE_WORKERS || fabs(claimed.value - ret_change->value) < 1e-9;
    return true;
}

static void judge_claim(const struct gain *gain, const struct knob_outcome *outcome, struct vote *vote)
{
    double low = gain->factor_low > 0 ? gain->factor_low : gain->factor,
           high = gain->factor_high > 0 ? gain->factor_high : gain->factor;
    vote->stance = STANCE_NEUTRAL;
    if (!(gain->factor > 0) || !isfinite(outcome->factor_low) || !isfinite(outcome->factor_high))
        return;
    if (low > outcome->factor_high * AGREES_RATIO && low > WORTH_RATIO) {
        vote->stance = STANCE_CONTRADICT;
        vote->factor_max = fmax(outcome->factor_high, 1);
    } else if (high * AGREES_RATIO >= outcome->factor_low && outcome->factor_low > WORTH_RATIO) {
        vote->stance = STANCE_SUPPORT;
    }
}

static int vote_on(const struct question *question, const struct claim *claim, const char *measured,
                   struct answers *answers, struct err *err)
{
    struct change change;
    struct knob_outcome outcome;
    struct str name = {0};
    const char *rows[1];
    bool is_exact = true;
    if (!knob_of_claim(question, claim, &change, &is_exact) ||
        !measured_find(measured, change.name, change.text, &outcome))
        return 0;
    struct vote vote = {.rows = rows, .row_count = 1};
    judge_claim(&claim->finding.gain, &outcome, &vote);
    /* Of another number than the one that was tried it is only known that more helps. */
    if (!is_exact && vote.stance == STANCE_CONTRADICT) {
        vote.stance = outcome.factor_low > WORTH_RATIO ? STANCE_SUPPORT : STANCE_NEUTRAL;
        vote.factor_max = 0;
    }
    claim_name(claim, &name);
    vote.claim = str_text(&name);
    rows[0] = arena_printf(question->arena, "runs of knob %s", change.name);
    vote.why = arena_printf(question->arena, "measured: %s=%s is %s as fast as today (%s to %s)", change.name,
                            change.text, amount_factor(outcome.factor).text,
                            amount_factor(outcome.factor_low).text, amount_factor(outcome.factor_high).text);
    int status = vote.why && rows[0] && !name.failed ? 0 : err_memory(err);
    if (!status)
        answers_vote(answers, &vote);
    str_free(&name);
    return status;
}

int knob_votes(const struct question *question, struct answers *answers, struct err *err)
{
    struct str measured = {0};
    const char *path;
    int status = question->file ? measured_path(question, &path, err) : 0;
    /* Nothing measured: nothing to hold a claim against. */
    if (!question->file || status || fs_read(path, MEASURED_BYTES, &measured, NULL)) {
        str_free(&measured);
        return status;
    }
    for (size_t i = 0; !status && i < question->claim_count; i++)
        status = vote_on(question, &question->claims[i], str_text(&measured), answers, err);
    str_free(&measured);
    return status;
}

int inferred_claims(const struct question *question, int op, struct answers *answers, size_t *ret_count,
                    struct err *err)
{
    const struct verdict *verdict = &question->opened->verdict;
    size_t count = 0;
    for (size_t i = 0; i < verdict->finding_count; i++) {
        const struct finding *finding = &verdict->findings[i];
        struct change change;
        struct path_share share;
        if (!finding->change || change_parse(finding->change, &change, NULL) || (int)change.op != op)
            continue;
        int status = path_share_of(question, &finding->where, &share, err);
        if (status)
            return status;
        struct claim claim = {.id = arena_printf(question->arena, "recorded-%zu", i + 1),
                              .finding = *finding,
                              .evidence_class = EVIDENCE_INFERRED,
                              .rows = share.rows,
                              .row_count = share.row_count};
        if (!claim.id)
            return err_memory(err);
        answers_claim(answers, &claim);
        count++;
    }
    *ret_count = count;
    return 0;
}
