/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_rank: what each claim's effects are worth, in which order, and how the savings are told so that they can be spent once.
 *
 * Alone, a claim is replayed on the run as it was: that is its gain, and its rank. Its savings are what it brings when all that stand
 * before it were mended already: the run and the bill shrink from one finding to the next, so what is saved adds up to no more than
 * they are. The same is done for the least and for the most, and the ends are kept within what is left for those that follow.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "agent_detect/agent_detector.h"
#include "agent_detect/agent_facts.h"
#include "base/num.h"

#define CLAIM_MAX    64 /* replayed */
#define FINDING_MAX  12
#define RATIO_MIN    0.02
#define USD_MIN      0.01
#define MONEY_WEIGHT 0.7
#define TRIAL_WEIGHT 0.4
#define MODEL_ERROR  0.04 /* of a replay: what a model cannot know */

struct weighed {
    const struct agent_claim *claim;
    uint64_t wall_ns[CASE_COUNT];
    double bill[CASE_COUNT];
    double time_ratio, cost_ratio, score;
};

static int weigh(const struct agent_scene *scene, const struct agent_claim *claim,
                 struct weighed *ret_weighed, struct err *err)
{
    const struct team *team = scene->team;
    struct weighed weighed = {.claim = claim};
    for (int which = 0; which < CASE_COUNT; which++) {
        int status = team_replay(team, scene->whatif, &claim->effects, (enum team_case)which,
                                 &weighed.wall_ns[which], err);
        if (status)
            return status;
        weighed.bill[which] = team_bill(team, &claim->effects, (enum team_case)which);
    }
    weighed.time_ratio = 1 - num_ratio(weighed.wall_ns[CASE_EXPECTED], team->makespan_ns);
    weighed.cost_ratio = team->usd > 0 ? 1 - weighed.bill[CASE_EXPECTED] / team->usd : 0;
    /* The objective is time: of equal parts, time stands before money. */
    weighed.score =
        fmax(weighed.time_ratio, MONEY_WEIGHT * weighed.cost_ratio) * (claim->is_trial ? TRIAL_WEIGHT : 1);
    *ret_weighed = weighed;
    return 0;
}

static bool is_worth_it(const struct agent_scene *scene, const struct weighed *weighed)
{
    double usd = scene->team->usd - weighed->bill[CASE_EXPECTED];
    return weighed->claim->is_kept || weighed->time_ratio >= RATIO_MIN ||
           (usd >= USD_MIN && weighed->cost_ratio >= RATIO_MIN);
}

/* What is the cause of the other, where both are about one agent. */
static bool explains(const struct weighed *a, const struct weighed *b)
{
    static const struct {
        const char *cause, *of;
    } pairs[] = {
        {"straggler", "slow-task"},
        {"runaway-loop", "slow-task"},
        {"runaway-loop", "straggler"},
        {"runaway-loop", "repeated-context"},
        {"runaway-loop", "high-tokens"},
        {"runaway-loop", "uncached-context"},
        {"retry-storm", "slow-task"},
        {"false-parallelism", "straggler"},
        {"context-bloat", "high-tokens"},
        {"context-bloat", "uncached-context"},
        {"uncached-context", "high-tokens"},
        {"repeated-context", "uncached-context"},
        {"blocked-task", "agent-idle"},
        {"false-parallelism", "agent-idle"},
        {"agent-overload", "slow-task"},
        {"agent-overload", "blocked-task"},
        {"agent-overload", "straggler"},
        {"agent-overload", "config"},
        {"straggler", "config"},
        {"serial-independent", "small-batches"},
    };
    /* What all wait for is the cause of what any of them shows. */
    bool is_wide = strcmp(a->claim->cause, "false-parallelism") == 0 ||
                   strcmp(a->claim->cause, "agent-overload") == 0 || strcmp(b->claim->cause, "config") == 0;
    bool same = is_wide || a->claim->agent == b->claim->agent || a->claim->agent == TEAM_NONE;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (strcmp(a->claim->cause, pairs[i].cause) == 0 && strcmp(b->claim->cause, pairs[i].of) == 0)
            return same && a->score > 0.25 * b->score;
    }
    return false;
}

static bool is_before(const struct weighed *a, const struct weighed *b)
{
    if (explains(a, b) || explains(b, a))
        return explains(a, b);
    return a->score > b->score;
}

/* The order is not transitive where one explains another; an insertion sort is stable and ends all the same. */
static void sort(struct weighed *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct weighed item = items[i];
        size_t at = i;
        for (; at && is_before(&item, &items[at - 1]); at--)
            items[at] = items[at - 1];
        items[at] = item;
    }
}

/* --- findings --- */

static double factor(uint64_t before_ns, double after_ns)
{
    return after_ns > 0 ? (double)before_ns / after_ns : 1;
}

static struct gain gain_of(const struct agent_scene *scene, const struct weighed *weighed)
{
    uint64_t before = scene->team->makespan_ns;
    double error = fmax(MODEL_ERROR, scene->whatif->baseline_drift_ratio);
    struct gain gain = {.factor_max = fmax(factor(before, (double)weighed->wall_ns[CASE_MOST]), 1)};
    if (weighed->time_ratio < RATIO_MIN / 2)
        return gain;
    gain.factor = factor(before, (double)weighed->wall_ns[CASE_EXPECTED]);
    gain.factor_low =
        fmin(fmax(factor(before, (double)weighed->wall_ns[CASE_LEAST] * (1 + error)), 1), gain.factor);
    gain.factor_high = fmax(factor(before, (double)weighed->wall_ns[CASE_MOST] * (1 - error)), gain.factor);
    gain.factor_max = fmax(gain.factor_max, gain.factor_high);
    gain.wall_ns_after = weighed->wall_ns[CASE_EXPECTED];
    return gain;
}

static enum priority priority_for(const struct agent_scene *scene, const struct weighed *weighed,
                                  const struct gain *gain)
{
    double left = weighed->bill[CASE_LEAST], bill = scene->team->usd;
    double cheaper = bill > 0 ? bill / fmax(left, bill / 1000) : 1;
    enum priority priority = priority_of(fmax(gain->factor_low, cheaper));
    bool is_warning = weighed->claim->is_kept && weighed->claim->is_critical;
    return is_warning && priority == PRIORITY_P3 ? PRIORITY_P2 : priority;
}

static int finding_of(const struct agent_scene *scene, const struct weighed *weighed,
                      struct finding *ret_finding, struct err *err)
{
    const struct agent_claim *claim = weighed->claim;
    const struct team *team = scene->team;
    struct finding finding = {.cause = claim->cause,
                              .objective = "wall",
                              .critical_ratio = 1 - num_ratio(weighed->wall_ns[CASE_MOST], team->makespan_ns),
                              .change = claim->change,
                              .assumption = claim->assumption,
                              .gain = gain_of(scene, weighed),
                              .title = claim->title,
                              .fix = claim->fix,
                              .effort = claim->effort,
                              .evidence_count = claim->evidence_count,
                              .has_savings = true};
    finding.where.process = claim->agent == TEAM_NONE ? NULL : team->agents.items[claim->agent].name;
    finding.where.stage = claim->task == TEAM_NONE ? NULL : team->tasks.items[claim->task].name;
    finding.where.peer = claim->peer;
    finding.priority = priority_for(scene, weighed, &finding.gain);
    finding.rationale =
        finding.gain.factor > 0
            ? agent_text(scene, "replaying the recorded run with the change takes %s instead of %s",
                         agent_duration(scene, weighed->wall_ns[CASE_EXPECTED]),
                         agent_duration(scene, team->makespan_ns))
            : "the run takes as long; what it costs is made anew at the prices of its day";
    const char **evidence = arena_alloc(scene->arena, (claim->evidence_count + 1) * sizeof *evidence);
    if (!evidence)
        return err_memory(err);
    memcpy(evidence, claim->evidence, claim->evidence_count * sizeof *evidence);
    finding.evidence = evidence;
    *ret_finding = finding;
    return 0;
}

/* --- savings --- */

/* What is left of the run and of the bill, case for case, as findings are mended one behind the other. */
struct rest {
    double ns[CASE_COUNT], usd[CASE_COUNT];
};

static int mend(const struct agent_scene *scene, const struct agent_claim *claim, struct team_effects *mended,
                struct rest *rest, struct savings *ret_savings, struct err *err)
{
    struct savings savings = {0};
    for (size_t i = 0; i < claim->effects.items.count; i++) {
        if (effects_add(mended, claim->effects.items.items[i]))
            return err_memory(err);
    }
    double ns[CASE_COUNT], usd[CASE_COUNT];
    for (int which = 0; which < CASE_COUNT; which++) {
        uint64_t wall = 0;
        int status = team_replay(scene->team, scene->whatif, mended, (enum team_case)which, &wall, err);
        if (status)
            return status;
        double bill = team_bill(scene->team, mended, (enum team_case)which);
        ns[which] = fmax(rest->ns[which] - (double)wall, 0);
        usd[which] = fmax(rest->usd[which] - bill, 0);
        /* What adding up in another order leaves is no money. */
        usd[which] = usd[which] < 1e-9 * scene->team->usd ? 0 : usd[which];
        rest->ns[which] -= ns[which];
        rest->usd[which] -= usd[which];
    }
    savings.ns = num_u64(ns[CASE_EXPECTED]);
    savings.ns_low = num_u64(fmin(ns[CASE_LEAST], ns[CASE_EXPECTED]));
    savings.ns_high = num_u64(fmax(ns[CASE_MOST], ns[CASE_EXPECTED]));
    savings.usd = usd[CASE_EXPECTED];
    savings.usd_low = fmin(usd[CASE_LEAST], usd[CASE_EXPECTED]);
    savings.usd_high = fmax(usd[CASE_MOST], usd[CASE_EXPECTED]);
    *ret_savings = savings;
    return 0;
}

/* The upper ends together are no more than there is: each keeps within what the expected savings behind it leave. */
static void bound(const struct agent_scene *scene, struct finding *findings, size_t count,
                  struct savings *ret_sum)
{
    double usd_left = scene->team->usd, usd_behind = 0;
    uint64_t ns_left = scene->team->makespan_ns, ns_behind = 0;
    struct savings sum = {0};
    for (size_t i = 0; i < count; i++) {
        usd_behind += findings[i].savings.usd;
        ns_behind += findings[i].savings.ns;
    }
    for (size_t i = 0; i < count; i++) {
        struct savings *savings = &findings[i].savings;
        usd_behind -= savings->usd;
        ns_behind -= savings->ns;
        savings->usd_high = fmax(fmin(savings->usd_high, usd_left - usd_behind), savings->usd);
        uint64_t most = ns_left > ns_behind ? ns_left - ns_behind : 0;
        savings->ns_high = num_max(num_min(savings->ns_high, most), savings->ns);
        usd_left -= savings->usd_high;
        ns_left -= num_min(savings->ns_high, ns_left);
        sum.usd += savings->usd;
        sum.usd_low += savings->usd_low;
        sum.usd_high += savings->usd_high;
        sum.ns += savings->ns;
        sum.ns_low += savings->ns_low;
        sum.ns_high += savings->ns_high;
    }
    *ret_sum = sum;
}

static int tell_savings(const struct agent_scene *scene, const struct weighed *weighed,
                        struct finding *findings, size_t count, struct savings *ret_sum, struct err *err)
{
    struct team_effects mended = {0};
    struct rest rest;
    int status = 0;
    for (int which = 0; which < CASE_COUNT; which++) {
        rest.ns[which] = (double)scene->team->makespan_ns;
        rest.usd[which] = scene->team->usd;
    }
    for (size_t i = 0; i < count && !status; i++)
        status = mend(scene, weighed[i].claim, &mended, &rest, &findings[i].savings, err);
    if (!status)
        bound(scene, findings, count, ret_sum);
    vec_free(&mended.items);
    return status;
}

/* --- which are replayed --- */

struct guess {
    size_t claim;
    double score;
};

/* What a claim may bring at most, without a replay: the time that it touches, were it all on the path, and its money. */
static double guess_of(const struct agent_scene *scene, const struct agent_claim *claim)
{
    const struct team *team = scene->team;
    double ns = 0, usd = 0;
    for (size_t i = 0; i < claim->effects.items.count; i++) {
        const struct team_effect *effect = &claim->effects.items.items[i];
        double gone = 1 - fmin(fmax(effect->time_keep[CASE_EXPECTED], 0), 1);
        uint64_t from = effect->start_ns, to = effect->end_ns;
        if (effect->kind == EFFECT_CALL && effect->index < team->calls.count) {
            const struct team_call *call = &team->calls.items[effect->index];
            from = call->start_ns;
            to = call->end_ns;
            usd += call->usd * (1 - fmin(effect->cost_keep[CASE_EXPECTED], 1));
        }
        bool is_order = effect->kind == EFFECT_APART || effect->kind == EFFECT_LATE;
        ns += (double)(to - num_min(from, to)) * (is_order ? 1 : gone);
    }
    double time = ns / fmax((double)team->makespan_ns, 1), money = team->usd > 0 ? usd / team->usd : 0;
    return fmax(fmin(time, 1), MONEY_WEIGHT * money) + (claim->is_kept ? 1 : 0);
}

static int best_guess_first(const void *a, const void *b)
{
    const struct guess *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return (x->claim > y->claim) - (x->claim < y->claim);
}

static int in_order(const void *a, const void *b)
{
    const struct guess *x = a, *y = b;
    return (x->claim > y->claim) - (x->claim < y->claim);
}

/* Of too many claims those that may bring most, in the order in which they were made. */
static struct guess *choose(const struct agent_scene *scene, const struct agent_claims *claims,
                            size_t *ret_count)
{
    size_t count = claims->items.count;
    struct guess *guesses = arena_alloc(scene->arena, (count + 1) * sizeof *guesses);
    for (size_t i = 0; i < count && guesses; i++)
        guesses[i] = (struct guess){i, guess_of(scene, &claims->items.items[i])};
    *ret_count = num_min(count, CLAIM_MAX);
    if (!guesses || count <= CLAIM_MAX)
        return guesses;
    qsort(guesses, count, sizeof *guesses, best_guess_first);
    qsort(guesses, CLAIM_MAX, sizeof *guesses, in_order);
    return guesses;
}

/* --- all of it --- */

static int rank(const struct agent_scene *scene, const struct agent_claims *claims,
                struct agents_judgement *judgement, struct savings *ret_savings, struct err *err)
{
    size_t limit = 0, count = 0;
    struct guess *chosen = choose(scene, claims, &limit);
    struct weighed *weighed = arena_alloc(scene->arena, (limit + 1) * sizeof *weighed);
    struct finding *findings = arena_alloc(scene->arena, (limit + 1) * sizeof *findings);
    int status = weighed && findings && chosen ? 0 : err_memory(err);
    for (size_t i = 0; i < limit && !status; i++) {
        status = weigh(scene, &claims->items.items[chosen[i].claim], &weighed[count], err);
        if (!status && is_worth_it(scene, &weighed[count]))
            count++;
    }
    if (status)
        return status;
    sort(weighed, count);
    count = num_min(count, FINDING_MAX);
    for (size_t i = 0; i < count && !status; i++)
        status = finding_of(scene, &weighed[i], &findings[i], err);
    if (!status)
        status = tell_savings(scene, weighed, findings, count, ret_savings, err);
    judgement->findings = findings;
    judgement->finding_count = count;
    return status;
}

int agents_judge(const struct agent_scene *scene, struct agents_judgement *ret_judgement, struct err *err)
{
    struct agent_claims claims = {0};
    struct agents_judgement judgement = {0};
    struct savings savings = {0};
    int status = 0;
    for (size_t i = 0; i < agent_cause_count && !status; i++)
        status = agent_causes[i].detect(scene, &claims, err);
    if (!status)
        status = rank(scene, &claims, &judgement, &savings, err);
    if (!status)
        status = agent_facts_fill(scene, &savings, &judgement.facts, err);
    for (size_t i = 0; i < claims.items.count; i++)
        vec_free(&claims.items.items[i].effects.items);
    vec_free(&claims.items);
    if (!status)
        *ret_judgement = judgement;
    return status;
}
