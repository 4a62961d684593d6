/* SPDX-License-Identifier: Apache-2.0 */
#include "investigate/consensus.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "investigate/voices.h"
#include "model/change.h"

#define WHOLE_RATIO 0.95 /* of what a share allows */
#define SHARE_TIMES 2.0  /* shares that differ by less are of the same thing */
#define SHARE_SLACK 0.02

struct cause_family {
    const char *cause, *family;
};

/* docs/architecture.md, section causes. One that is not here is a family of its own. */
static const struct cause_family families[] = {
    {"cpu-hot", "cpu"},
    {"cpu-single-thread", "cpu"},
    {"kernel-time", "cpu"},
    {"page-faults", "cpu"},
    {"allocation-churn", "cpu"},
    {"gc", "cpu"},
    {"spin", "cpu"},
    {"network-wait", "waiting"},
    {"disk-read", "waiting"},
    {"disk-sync", "waiting"},
    {"lock-contention", "waiting"},
    {"sleep-poll", "waiting"},
    {"pipe-backpressure", "waiting"},
    {"child-wait", "waiting"},
    {"cpu-contention", "waiting"},
    {"memory-reclaim", "waiting"},
    {"human-wait", "waiting"},
    {"rate-limit", "waiting"},
    {"serial-independent", "structure"},
    {"serial-stages", "structure"},
    {"false-parallelism", "structure"},
    {"small-batches", "structure"},
    {"chatty-client", "structure"},
    {"connection-churn", "structure"},
    {"unbuffered-io", "structure"},
    {"straggler", "structure"},
    {"imbalance", "structure"},
    {"idle-worker", "structure"},
    {"repeated-work", "structure"},
    {"memory-leak", "growth"},
    {"queue-growth", "growth"},
    {"handle-leak", "growth"},
};

static const char *family_of(const char *cause)
{
    for (size_t i = 0; cause && i < sizeof families / sizeof families[0]; i++)
        if (strcmp(families[i].cause, cause) == 0)
            return families[i].family;
    return cause ? cause : "";
}

static bool are_equal(const char *one, const char *other)
{
    return one && other && strcmp(one, other) == 0;
}

/* A claim with its change read, once. */
struct said {
    const struct claim *claim;
    const char *family;
    struct change change;
    bool has_change;
};

static void said_fill(const struct claim *claim, struct said *said)
{
    struct err err;
    const char *change = claim->finding.change;
    said->claim = claim;
    said->family = family_of(claim->finding.cause);
    said->has_change = change && change_parse(change, &said->change, &err) == 0;
}

/* The same act on the same place; a kind that is left out fits any. */
static bool changes_are_same(const struct said *one, const struct said *other)
{
    const struct change *left = &one->change, *right = &other->change;
    if (!one->has_change || !other->has_change)
        return are_equal(one->claim->finding.change, other->claim->finding.change);
    return change_same_act(left, right) &&
           (left->kind == right->kind || left->kind == CHANGE_ANY || right->kind == CHANGE_ANY);
}

static bool say_the_same(const struct said *one, const struct said *other)
{
    const struct finding *left = &one->claim->finding, *right = &other->claim->finding;
    if (changes_are_same(one, other))
        return true;
    if (strcmp(one->family, other->family) != 0 || !where_overlaps(&left->where, &right->where))
        return false;
    if (!left->change || !right->change)
        return are_equal(left->cause, right->cause);
    /* The same act at the same place under another name: workers of the stage, and of its program. */
    return one->has_change && other->has_change && one->change.op == other->change.op &&
           change_is_ahead(&one->change) == change_is_ahead(&other->change) && one->change.op != CHANGE_SET;
}

bool claims_say_the_same(const struct claim *one, const struct claim *other)
{
    struct said left, right;
    said_fill(one, &left);
    said_fill(other, &right);
    return say_the_same(&left, &right);
}

/* --- claims into groups --- */

struct reaching {
    struct investigation *investigation;
    struct said *said; /* claims of those who finished, as they were said */
    size_t *groups;    /* of each: the index of the first claim that says the same */
    size_t count;
};

static size_t weighed_count(const struct statement *statement)
{
    if (statement->outcome != STATEMENT_FINISHED)
        return 0;
    return statement->claim_count < CONSENSUS_CLAIMS_MAX ? statement->claim_count : CONSENSUS_CLAIMS_MAX;
}

static int claims_collect(struct reaching *reaching, struct err *err)
{
    struct investigation *investigation = reaching->investigation;
    size_t count = 0;
    for (size_t i = 0; i < investigation->statement_count; i++)
        count += weighed_count(&investigation->statements[i]);
    reaching->said = arena_alloc(&investigation->arena, (count + 1) * sizeof *reaching->said);
    reaching->groups = arena_alloc(&investigation->arena, (count + 1) * sizeof *reaching->groups);
    if (!reaching->said || !reaching->groups)
        return err_memory(err);
    investigation->left_out_count = 0;
    for (size_t i = 0; i < investigation->statement_count; i++) {
        const struct statement *statement = &investigation->statements[i];
        size_t weighed = weighed_count(statement);
        for (size_t j = 0; j < weighed; j++)
            said_fill(&statement->claims[j], &reaching->said[reaching->count++]);
        if (statement->outcome == STATEMENT_FINISHED)
            investigation->left_out_count += statement->claim_count - weighed;
    }
    return 0;
}

static void claims_group(struct reaching *reaching)
{
    for (size_t i = 0; i < reaching->count; i++) {
        reaching->groups[i] = i;
        for (size_t j = 0; j < i; j++)
            if (reaching->groups[j] == j && say_the_same(&reaching->said[i], &reaching->said[j])) {
                reaching->groups[i] = j;
                break;
            }
    }
}

static double careful(const struct gain *gain)
{
    return gain->factor_low > 0 ? gain->factor_low : gain->factor;
}

/* Of a knob that was turned for real it is known what it brings; a replay says what it should. */
static bool is_tried_knob(const struct claim *claim)
{
    return claim->evidence_class == EVIDENCE_EXPERIMENT && claim->finding.change &&
           strncmp(claim->finding.change, "set:knob/", strlen("set:knob/")) == 0;
}

static bool is_stronger(const struct claim *one, const struct claim *other)
{
    if (is_tried_knob(one) != is_tried_knob(other))
        return is_tried_knob(one);
    if (one->evidence_class != other->evidence_class)
        return one->evidence_class < other->evidence_class;
    return careful(&one->finding.gain) > careful(&other->finding.gain);
}

/* --- who says what of a conclusion --- */

static const char *maker(const struct investigation *investigation, const struct claim *claim)
{
    for (size_t i = 0; i < investigation->statement_count; i++) {
        const struct statement *statement = &investigation->statements[i];
        if (claim >= statement->claims && claim < statement->claims + statement->claim_count)
            return statement->investigator;
    }
    return claim->investigator;
}

static bool is_about(const struct vote *vote, const struct conclusion *conclusion)
{
    for (size_t i = 0; i < conclusion->merged_count; i++)
        if (claim_is_named(conclusion->merged[i], vote->claim))
            return true;
    return claim_is_named(&conclusion->claim, vote->claim);
}

/* Of all that the claim is about, not of one thing about the place ("larger writes to it bring nothing", "it has memory enough"):
 * the bound is what its share of the path allows, and it is the share that the claim sees. */
static bool is_of_whole_place(const struct cleared *cleared, const struct finding *finding)
{
    return cleared->critical_ratio < 1 &&
           cleared->factor_max >= WHOLE_RATIO / (1 - cleared->critical_ratio) &&
           finding->critical_ratio <= SHARE_TIMES * cleared->critical_ratio + SHARE_SLACK;
}

/* What clears a place says that there is less to gain than is promised. */
static const struct cleared_by *clears(const struct statement *statement, const struct claim *claim)
{
    for (size_t i = 0; i < statement->cleared_count; i++) {
        const struct cleared_by *cleared = &statement->cleared[i];
        if (cleared->cleared.factor_max > 0 && cleared->cleared.factor_max < careful(&claim->finding.gain) &&
            is_of_whole_place(&cleared->cleared, &claim->finding) &&
            where_overlaps(&cleared->cleared.where, &claim->finding.where))
            return cleared;
    }
    return NULL;
}

static int vote_of_cleared(struct investigation *investigation, const struct cleared_by *cleared,
                           const struct conclusion *conclusion, const struct vote **ret_vote, struct err *err)
{
    struct str name = {0};
    struct vote *vote = arena_alloc(&investigation->arena, sizeof *vote);
    claim_name(&conclusion->claim, &name);
    if (!vote || name.failed) {
        str_free(&name);
        return err_memory(err);
    }
    *vote = (struct vote){.investigator = cleared->investigator,
                          .claim = arena_string(&investigation->arena, str_text(&name)),
                          .stance = STANCE_CONTRADICT,
                          .why = cleared->why ? cleared->why : "it cleared this place",
                          .factor_max = cleared->cleared.factor_max};
    str_free(&name);
    *ret_vote = vote;
    return vote->claim ? 0 : err_memory(err);
}

struct tally {
    struct investigation *investigation;
    struct conclusion *conclusion;
    const struct vote **votes;
    struct voice support[VOICES_MAX], against[VOICES_MAX];
    size_t support_count, against_count;
};

static void voice_add(struct voice *voices, size_t *count, const char *investigator, const char *const *rows,
                      size_t row_count)
{
    if (*count < VOICES_MAX)
        voices[(*count)++] = (struct voice){investigator, rows, row_count};
}

/* True when the investigator made one of the claims. */
static bool supports_own(struct tally *tally, const struct statement *statement)
{
    struct conclusion *conclusion = tally->conclusion;
    bool is_own = false;
    for (size_t i = 0; i < conclusion->merged_count + 1; i++) {
        const struct claim *claim = i ? conclusion->merged[i - 1] : &conclusion->claim;
        if (!claim->investigator || strcmp(claim->investigator, statement->investigator) != 0)
            continue;
        is_own = true;
        voice_add(tally->support, &tally->support_count, statement->investigator, claim->rows,
                  claim->row_count);
    }
    return is_own;
}

static bool is_sharper(const struct vote *vote, const struct vote *other)
{
    return vote->stance == STANCE_CONTRADICT ||
           (vote->stance == STANCE_SUPPORT && other->stance == STANCE_NEUTRAL);
}

/* One investigator's say: of the claim that speaks for all; without a vote on that, its sharpest on the others. */
static int statement_count(struct tally *tally, const struct statement *statement, struct err *err)
{
    struct conclusion *conclusion = tally->conclusion;
    const struct vote *direct = NULL, *sharpest = NULL;
    if (statement->outcome != STATEMENT_FINISHED) {
        conclusion->missing_count++;
        return 0;
    }
    if (supports_own(tally, statement))
        return 0;
    if (!statement->has_voted && statement->why_no_votes) {
        conclusion->missing_count++;
        return 0;
    }
    for (size_t i = 0; i < statement->vote_count; i++) {
        const struct vote *vote = &statement->votes[i];
        if (!is_about(vote, conclusion))
            continue;
        tally->votes[conclusion->vote_count++] = vote;
        if (claim_is_named(&conclusion->claim, vote->claim))
            direct = vote;
        else if (!sharpest || is_sharper(vote, sharpest))
            sharpest = vote;
    }
    sharpest = direct ? direct : sharpest;
    const struct cleared_by *cleared = sharpest ? NULL : clears(statement, &conclusion->claim);
    if (cleared) {
        int status = vote_of_cleared(tally->investigation, cleared, conclusion, &sharpest, err);
        if (status)
            return status;
        tally->votes[conclusion->vote_count++] = sharpest;
    }
    if (!sharpest || sharpest->stance == STANCE_NEUTRAL)
        conclusion->neutral_count++;
    else if (sharpest->stance == STANCE_SUPPORT)
        voice_add(tally->support, &tally->support_count, statement->investigator, sharpest->rows,
                  sharpest->row_count);
    else
        voice_add(tally->against, &tally->against_count, statement->investigator, sharpest->rows,
                  sharpest->row_count);
    return 0;
}

static enum agreement agreement_of(const struct conclusion *conclusion)
{
    size_t sides = conclusion->support_count + conclusion->contradict_count;
    if (conclusion->support_count >= CONSENSUS_VOICES &&
        (double)conclusion->support_count >= CONSENSUS_RATIO * (double)sides)
        return AGREEMENT_CONSENSUS;
    if (conclusion->contradict_count)
        return AGREEMENT_CONTRADICTED;
    return conclusion->support_count > 1 ? AGREEMENT_FURTHER : AGREEMENT_SINGLE;
}

static int conclusion_weigh(struct investigation *investigation, struct conclusion *conclusion,
                            struct err *err)
{
    struct tally tally = {.investigation = investigation, .conclusion = conclusion};
    size_t votes_max = investigation->statement_count;
    for (size_t i = 0; i < investigation->statement_count; i++)
        votes_max += investigation->statements[i].vote_count;
    tally.votes = arena_alloc(&investigation->arena, (votes_max + 1) * sizeof(void *));
    int status = tally.votes ? 0 : err_memory(err);
    for (size_t i = 0; !status && i < investigation->statement_count; i++)
        status = statement_count(&tally, &investigation->statements[i], err);
    if (status)
        return status;
    conclusion->votes = tally.votes;
    conclusion->support_count = voices_count(tally.support, tally.support_count);
    conclusion->contradict_count = voices_count(tally.against, tally.against_count);
    conclusion->agreement = agreement_of(conclusion);
    return 0;
}

/* --- conclusions --- */

static int conclusion_make(struct reaching *reaching, size_t group, struct conclusion *ret_conclusion,
                           struct err *err)
{
    struct investigation *investigation = reaching->investigation;
    const struct claim *best = reaching->said[group].claim;
    size_t count = 0, at = 0;
    for (size_t i = group; i < reaching->count; i++) {
        count += reaching->groups[i] == group;
        if (reaching->groups[i] == group && is_stronger(reaching->said[i].claim, best))
            best = reaching->said[i].claim;
    }
    const struct claim **merged = arena_alloc(&investigation->arena, (count + 1) * sizeof(void *));
    if (!merged)
        return err_memory(err);
    for (size_t i = group; i < reaching->count; i++)
        if (reaching->groups[i] == group && reaching->said[i].claim != best)
            merged[at++] = reaching->said[i].claim;
    *ret_conclusion = (struct conclusion){.claim = *best, .merged = merged, .merged_count = at};
    ret_conclusion->claim.investigator = maker(investigation, best);
    return conclusion_weigh(investigation, ret_conclusion, err);
}

static bool has_objective_of_wall(const struct objective *objective)
{
    return !objective->metric || strcmp(objective->metric, "wall") == 0 ||
           strcmp(objective->metric, "throughput") == 0 || strcmp(objective->metric, "rate") == 0 ||
           strcmp(objective->metric, "latency") == 0;
}

void consensus_objective(const struct investigation *investigation, struct conclusion *conclusion)
{
    const struct objective *objective = &investigation->objective;
    const struct gain *gain = &conclusion->claim.finding.gain;
    double before = objective->measured;
    conclusion->objective_before = conclusion->objective_after = 0;
    conclusion->objective_after_low = conclusion->objective_after_high = 0;
    if (!objective->metric && !(before > 0) && investigation->verdict)
        before = (double)investigation->verdict->run.wall_ns / 1e9;
    if (!(before > 0) || !has_objective_of_wall(objective))
        return;
    conclusion->objective_before = before;
    if (!(gain->factor > 0) || conclusion->agreement == AGREEMENT_REJECTED)
        return;
    double low = gain->factor_low > 0 ? gain->factor_low : gain->factor;
    double high = gain->factor_high > 0 ? gain->factor_high : gain->factor;
    bool grows = objective->more_is_better;
    conclusion->objective_after = grows ? before * gain->factor : before / gain->factor;
    conclusion->objective_after_low = grows ? before * low : before / high;
    conclusion->objective_after_high = grows ? before * high : before / low;
}

bool consensus_can_try(const struct claim *claim)
{
    struct change change;
    struct err err;
    const struct where *where = &claim->finding.where;
    if (claim->finding.change && !change_parse(claim->finding.change, &change, &err) &&
        ((change.op == CHANGE_SET && change.kind == CHANGE_KNOB) || change.kind == CHANGE_PROCESS ||
         change.kind == CHANGE_STAGE))
        return true;
    return where->process || where->stage;
}

/* A span inside a program that does more on the path: only a recording tells that it is one. */
static bool is_part_of_process(const struct verdict *verdict, const struct where *where)
{
    for (size_t i = 0; verdict && where->stage && where->process && i < verdict->path_count; i++) {
        const struct where *at = &verdict->path[i].where;
        if (are_equal(at->process, where->process) && at->stage && !are_equal(at->stage, where->stage))
            return true;
    }
    return false;
}

static bool is_about_part(const struct verdict *verdict, const struct claim *claim)
{
    struct change change;
    struct err err;
    return claim->finding.change && !change_parse(claim->finding.change, &change, &err) &&
           change.kind == CHANGE_STAGE && is_part_of_process(verdict, &claim->finding.where);
}

/* What to try by hand: the change; of a server's setting, which is no knob of the run, what its place is worth at most. "" when
 * there is nothing. */
static void change_to_try(const struct claim *claim, struct str *text)
{
    const struct where *where = &claim->finding.where;
    if (!are_equal(claim->finding.cause, "config"))
        str_append(text, claim->finding.change && consensus_can_try(claim) ? claim->finding.change : "");
    else if (where->peer)
        str_printf(text, "remove:peer/%s", where->peer);
    else if (where->process)
        str_printf(text, "remove:process/%s", where->process);
}

/* What tells more: an experiment where it has to be settled, else the claim's own way to verify it. */
static int command_fill(struct investigation *investigation, struct conclusion *conclusion, struct err *err)
{
    const struct gain *gain = &conclusion->claim.finding.gain;
    bool asks = conclusion->agreement == AGREEMENT_FURTHER || conclusion->agreement == AGREEMENT_CONTRADICTED;
    struct str change = {0}, line = {0};
    conclusion->next_command = conclusion->claim.verify;
    /* What a span is worth at most settles a dispute; whether the change to it does what it should, the change itself shows. */
    bool is_part = is_about_part(investigation->verdict, &conclusion->claim);
    asks = asks && (!is_part || conclusion->agreement == AGREEMENT_CONTRADICTED);
    change_to_try(&conclusion->claim, &change);
    /* Quoted: a name may hold blanks. */
    const char *text = str_text(&change);
    bool is_plain = strcspn(text, " '\"\\$`;&|<>()*?#~") == strlen(text);
    bool is_setting = are_equal(conclusion->claim.finding.cause, "config");
    str_printf(&line, "toll experiment %s%s%s", is_plain ? "" : "'", text, is_plain ? "" : "'");
    if (investigation->pipeline)
        str_printf(&line, " %s", investigation->pipeline);
    if (!investigation->pipeline || is_setting || is_part)
        str_printf(&line, " --recording %s",
                   investigation->recording ? investigation->recording : "FILE.toll");
    if (is_setting && gain->factor > 0)
        str_printf(&line, " --predict %.3gx", careful(gain));
    str_append(&line, investigation->pipeline ? "" : " -- COMMAND");
    bool fits = asks && *text && !strchr(text, '\'') && !line.failed;
    if (fits)
        conclusion->next_command = arena_string(&investigation->arena, str_text(&line));
    str_free(&line);
    str_free(&change);
    return fits && !conclusion->next_command ? err_memory(err) : 0;
}

/* The careful end; of what is small at best (P3) the middle, whose careful end says only how far off a model may be. */
static double weight(const struct conclusion *conclusion)
{
    const struct finding *finding = &conclusion->claim.finding;
    return finding->priority == PRIORITY_P3 ? finding->gain.factor : careful(&finding->gain);
}

static int by_rank(const void *left, const void *right)
{
    const struct conclusion *one = left, *other = right;
    bool is_out = one->agreement == AGREEMENT_REJECTED, is_other_out = other->agreement == AGREEMENT_REJECTED;
    double mine = weight(one), others = weight(other);
    if (is_out != is_other_out)
        return is_out ? 1 : -1;
    if (one->claim.finding.priority != other->claim.finding.priority)
        return one->claim.finding.priority < other->claim.finding.priority ? -1 : 1;
    /* What is contested goes behind what is not. */
    bool is_contested = one->agreement == AGREEMENT_CONTRADICTED,
         is_other_contested = other->agreement == AGREEMENT_CONTRADICTED;
    if (is_contested != is_other_contested)
        return is_contested ? 1 : -1;
    /* Of the same priority, what was tried in runs comes before what a model says. */
    bool was_tried = one->claim.evidence_class == EVIDENCE_EXPERIMENT,
         was_other_tried = other->claim.evidence_class == EVIDENCE_EXPERIMENT;
    if (was_tried != was_other_tried)
        return was_tried ? -1 : 1;
    if (mine != others)
        return mine > others ? -1 : 1;
    int order = strcmp(one->claim.investigator ? one->claim.investigator : "",
                       other->claim.investigator ? other->claim.investigator : "");
    return order ? order : strcmp(one->claim.id ? one->claim.id : "", other->claim.id ? other->claim.id : "");
}

static int contradictions_fill(struct investigation *investigation, struct err *err)
{
    struct contradiction *list =
        arena_alloc(&investigation->arena, (investigation->conclusion_count + 1) * sizeof *list);
    if (!list)
        return err_memory(err);
    for (size_t i = 0; i < investigation->conclusion_count; i++) {
        const struct conclusion *conclusion = &investigation->conclusions[i];
        const struct vote *against = NULL;
        for (size_t j = 0; j < conclusion->vote_count; j++) {
            const struct vote *vote = conclusion->votes[j];
            bool is_direct = claim_is_named(&conclusion->claim, vote->claim);
            bool was_direct = against && claim_is_named(&conclusion->claim, against->claim);
            if (vote->stance == STANCE_CONTRADICT && (!against || (is_direct && !was_direct)))
                against = vote;
        }
        if (!against || !conclusion->contradict_count)
            continue;
        struct claim *claim = arena_alloc(&investigation->arena, sizeof *claim);
        if (!claim)
            return err_memory(err);
        *claim = conclusion->claim;
        list[investigation->contradiction_count++] = (struct contradiction){.claim = claim, .vote = against};
    }
    investigation->contradictions = list;
    return 0;
}

int consensus_reach(struct investigation *investigation, struct err *err)
{
    struct reaching reaching = {.investigation = investigation};
    int status = claims_collect(&reaching, err);
    if (status)
        return status;
    claims_group(&reaching);
    investigation->conclusions =
        arena_alloc(&investigation->arena, (reaching.count + 1) * sizeof *investigation->conclusions);
    investigation->conclusion_count = investigation->contradiction_count = 0;
    if (!investigation->conclusions)
        return err_memory(err);
    for (size_t i = 0; !status && i < reaching.count; i++) {
        if (reaching.groups[i] != i)
            continue;
        struct conclusion *conclusion = &investigation->conclusions[investigation->conclusion_count++];
        status = conclusion_make(&reaching, i, conclusion, err);
        if (!status)
            status = command_fill(investigation, conclusion, err);
        consensus_objective(investigation, conclusion);
    }
    if (status)
        return status;
    qsort(investigation->conclusions, investigation->conclusion_count, sizeof *investigation->conclusions,
          by_rank);
    return contradictions_fill(investigation, err);
}

/* --- settled by an experiment --- */

static bool is_claim(const struct claim *one, const struct claim *other)
{
    return one == other ||
           (are_equal(one->investigator, other->investigator) && are_equal(one->id, other->id));
}

struct conclusion *consensus_of_claim(const struct investigation *investigation, const struct claim *claim)
{
    for (size_t i = 0; i < investigation->conclusion_count; i++) {
        struct conclusion *conclusion = &investigation->conclusions[i];
        if (is_claim(&conclusion->claim, claim))
            return conclusion;
        for (size_t j = 0; j < conclusion->merged_count; j++)
            if (is_claim(conclusion->merged[j], claim))
                return conclusion;
    }
    return NULL;
}

/* What was measured takes the place of what was said. */
static void gain_correct(struct finding *finding, const struct experiment_result *result)
{
    const struct experiment_gain *measured = &result->gain;
    bool has_interval = result->has_gain && measured->factor_low > 0 && isfinite(measured->factor_high);
    if (!has_interval)
        return;
    if (measured->is_bound) {
        finding->gain.factor_max = measured->factor_high;
        return;
    }
    finding->gain.factor = measured->factor;
    finding->gain.factor_low = measured->factor_low;
    finding->gain.factor_high = measured->factor_high;
    if (finding->gain.factor_max < measured->factor_high)
        finding->gain.factor_max = measured->factor_high;
    finding->priority = priority_of(measured->factor_low);
}

/* The claim was too much; another one for the same act may be what was measured. It then speaks for all; false: there is none. */
static bool promote_other(struct investigation *investigation, struct conclusion *conclusion,
                          const struct experiment_result *result)
{
    for (size_t i = 0; !result->gain.is_bound && result->has_gain && i < conclusion->merged_count; i++) {
        const struct gain *gain = &conclusion->merged[i]->finding.gain;
        const struct experiment_promise promise = {
            .factor = gain->factor, .factor_low = gain->factor_low, .factor_high = gain->factor_high};
        struct claim *rejected = arena_alloc(&investigation->arena, sizeof *rejected);
        const struct claim **merged =
            arena_alloc(&investigation->arena, conclusion->merged_count * sizeof(void *));
        if (!rejected || !merged)
            return false;
        if (experiment_judge(&result->gain, &promise) != EXPERIMENT_CONFIRMED)
            continue;
        *rejected = conclusion->claim;
        for (size_t j = 0; j < conclusion->merged_count; j++)
            merged[j] = j == i ? rejected : conclusion->merged[j];
        conclusion->claim = *conclusion->merged[i];
        conclusion->merged = merged;
        return true;
    }
    return false;
}

int consensus_settle(struct investigation *investigation, struct contradiction *contradiction,
                     const struct experiment_result *result, struct err *err)
{
    struct conclusion *conclusion = consensus_of_claim(investigation, contradiction->claim);
    const char *sentence = arena_string(&investigation->arena, result->sentence ? result->sentence : "");
    const char *how = arena_printf(&investigation->arena, "%s: %s", experiment_means_name(result->means),
                                   result->stage    ? result->stage
                                   : result->change ? result->change
                                                    : "");
    if (!sentence || !how)
        return err_memory(err);
    contradiction->experiment = how;
    contradiction->outcome = sentence;
    contradiction->is_settled =
        result->outcome == EXPERIMENT_CONFIRMED || result->outcome == EXPERIMENT_REJECTED;
    if (!conclusion)
        return 0;
    conclusion->settled_by = sentence;
    bool holds = result->outcome == EXPERIMENT_CONFIRMED;
    if (result->outcome == EXPERIMENT_REJECTED) {
        holds = promote_other(investigation, conclusion, result);
        conclusion->agreement = AGREEMENT_REJECTED;
    }
    if (holds) {
        conclusion->agreement = AGREEMENT_CONSENSUS;
        gain_correct(&conclusion->claim.finding, result);
    }
    if (contradiction->is_settled)
        conclusion->next_command =
            conclusion->agreement == AGREEMENT_REJECTED ? NULL : conclusion->claim.verify;
    consensus_objective(investigation, conclusion);
    qsort(investigation->conclusions, investigation->conclusion_count, sizeof *investigation->conclusions,
          by_rank);
    return 0;
}

void consensus_count(const struct conclusion *conclusion, struct str *str)
{
    str_printf(str, "%zu in support", conclusion->support_count);
    if (conclusion->contradict_count)
        str_printf(str, ", %zu against", conclusion->contradict_count);
    if (conclusion->neutral_count)
        str_printf(str, ", %zu neutral", conclusion->neutral_count);
    if (conclusion->missing_count)
        str_printf(str, ", %zu did not finish", conclusion->missing_count);
}
