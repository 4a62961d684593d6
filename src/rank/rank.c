/* SPDX-License-Identifier: Apache-2.0 */
#include "rank/rank.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "detect/changes.h"
#include "rank/claim_place.h"
#include "rank/clear_stages.h"
#include "rank/replay_crew.h"

/* Findings that bring less than this are left out. */
#define FACTOR_MIN  1.02
#define FINDING_MAX 12
/* What the run itself can mend stands before the load of other programs when it brings this much. */
#define OWN_FACTOR_MIN 1.2
/* A guess is ordered as if it brought no more than P1 does. */
#define GUESS_FACTOR_MAX 5
/* With a drift over this a prediction is a bound. */
#define DRIFT_MAX 0.05

struct ranked {
    struct finding finding;
    double rank; /* the factor it is ordered by */
    bool promise;
    bool is_outside;
    bool is_kept;
    bool is_growth;
    uint64_t critical_ns;
};

/* The replays that the claims ask for: of each its change and the one that makes it free of charge. The same one is replayed once. */
struct replays {
    struct change *changes;
    struct replay_job *jobs;
    size_t count;
    size_t *of_claims; /* two for each claim: jobs, SIZE_MAX for none */
};

static bool are_equal(const struct change *a, const struct change *b)
{
    return a->op == b->op && a->kind == b->kind && strcmp(a->name, b->name) == 0 &&
           strcmp(a->text, b->text) == 0;
}

/* The job of a change; SIZE_MAX for one that cannot be read. */
static size_t add_replay(struct replays *replays, const char *text, bool is_told)
{
    struct change *change = &replays->changes[replays->count];
    struct err ignored;
    if (!text || change_parse(text, change, &ignored))
        return SIZE_MAX;
    for (size_t i = 0; i < replays->count; i++) {
        if (are_equal(&replays->changes[i], change)) {
            replays->jobs[i].is_told = replays->jobs[i].is_told || is_told;
            return i;
        }
    }
    replays->jobs[replays->count] = (struct replay_job){.changes = {change}, .count = 1, .is_told = is_told};
    return replays->count++;
}

static int replay_claims(const struct scene *scene, const struct cause_claims *claims,
                         struct replays *replays, struct err *err)
{
    size_t most = 2 * claims->items.count + 1;
    replays->changes = calloc(most, sizeof *replays->changes);
    replays->jobs = calloc(most, sizeof *replays->jobs);
    replays->of_claims = calloc(most, sizeof *replays->of_claims);
    if (!replays->changes || !replays->jobs || !replays->of_claims)
        return err_memory(err);
    for (size_t i = 0; i < claims->items.count; i++) {
        replays->of_claims[2 * i] = add_replay(replays, claims->items.items[i].change, true);
        replays->of_claims[2 * i + 1] = add_replay(replays, claims->items.items[i].max_change, false);
    }
    return replay_crew(scene->whatif, replays->jobs, replays->count, err);
}

static void replays_free(struct replays *replays)
{
    free(replays->changes);
    free(replays->jobs);
    free(replays->of_claims);
}

/* Its factor is 0 where it could not be replayed (its name is not in the run). */
static struct whatif_result result_of(const struct replays *replays, size_t job)
{
    const struct whatif_result none = {0};
    return job == SIZE_MAX || replays->jobs[job].status ? none : replays->jobs[job].result;
}

static double conservative(const struct whatif_result *result)
{
    return result->wall_ns_high ? (double)result->wall_ns_before / (double)result->wall_ns_high : 0;
}

static void set_gain(struct gain *gain, const struct whatif_result *result, double max, bool promise)
{
    gain->factor_max = max > result->factor ? max : result->factor;
    if (!promise || result->factor == 0)
        return;
    gain->factor = result->factor;
    gain->factor_low = conservative(result);
    gain->factor_high =
        result->wall_ns_low ? (double)result->wall_ns_before / (double)result->wall_ns_low : 0;
    gain->wall_ns_after = result->wall_ns_after;
}

static const char *rationale_of(const struct scene *scene, const struct default_change *change,
                                const struct whatif_result *result)
{
    if (result->factor == 0)
        return "the change could not be replayed on this recording";
    const char *basis = change->promise ? "replaying the recorded run with the change"
                                        : "replaying the recorded run as if this were twice as fast";
    return arena_printf(scene->arena, "%s takes %s instead of %s%s", basis,
                        scene_duration(scene, result->wall_ns_after),
                        scene_duration(scene, result->wall_ns_before),
                        scene->whatif->baseline_drift_ratio > DRIFT_MAX
                            ? "; the unchanged replay drifts by over 5 %, so take it as a bound"
                            : "");
}

static int rank_claim(const struct scene *scene, const struct cause_claim *claim, struct whatif_result result,
                      struct whatif_result free_of_charge, struct ranked *ret_ranked, struct err *err)
{
    const struct default_change *change = default_change_of(claim->cause);
    struct ranked ranked = {.promise = change->promise,
                            .is_outside = claim->is_outside,
                            .is_kept = claim->is_kept && result.factor > 0,
                            .is_growth = claim->is_growth,
                            .critical_ns = claim->critical_ns,
                            .rank = claim->is_guess ? fmin(result.factor, GUESS_FACTOR_MAX) : result.factor};
    struct finding *finding = &ranked.finding;
    *finding = (struct finding){
        .cause = claim->cause,
        .where = claim->where,
        .where_waiting = claim->where_waiting,
        .waiter_count = claim->waiter_count,
        .acquisition_count = claim->acquisition_count,
        .objective = "wall",
        .critical_ratio = num_ratio(num_min(claim->critical_ns, scene->wall_ns), scene->wall_ns),
        .priority = priority_of(conservative(&result)),
        .change = result.factor > 0 ? claim->change : NULL,
        .assumption = claim->assumption ? claim->assumption : change->assumption,
        .title = claim->title ? claim->title : claim->cause,
        .fix = claim->fix ? claim->fix : change->fix,
        .rationale = rationale_of(scene, change, &result),
        .effort = change->effort,
        .evidence_count = claim->evidence_count,
    };
    bool nothing = claim->is_kept && result.factor < FACTOR_MIN;
    if (claim->is_guess && finding->priority < PRIORITY_P1)
        finding->priority = PRIORITY_P1;
    if (nothing && claim->fix_without_gain)
        finding->fix = claim->fix_without_gain;
    set_gain(&finding->gain, &result, free_of_charge.factor, change->promise && !nothing);
    if (claim->is_growth) {
        finding->priority = claim->priority;
        finding->rationale =
            "no time is gained by mending it; the priority is how soon it fails at this pace";
        finding->gain.factor_max = 1;
    }
    const char **evidence = arena_alloc(scene->arena, (claim->evidence_count + 1) * sizeof *evidence);
    if (!evidence)
        return err_memory(err);
    memcpy(evidence, claim->evidence, claim->evidence_count * sizeof *evidence);
    finding->evidence = evidence;
    *ret_ranked = ranked;
    return 0;
}

static bool are(const struct ranked *a, const char *a_cause, const struct ranked *b, const char *b_cause)
{
    return strcmp(a->finding.cause, a_cause) == 0 && strcmp(b->finding.cause, b_cause) == 0;
}

/* Calls that need not be are what makes code hot, and what waits for a peer. */
static bool calls_make(const struct ranked *a, const struct ranked *b)
{
    static const char *const causes[] = {"chatty-client", "small-batches", "connection-churn",
                                         "unbuffered-io"};
    if (strcmp(b->finding.cause, "cpu-hot") != 0 && strcmp(b->finding.cause, "network-wait") != 0)
        return false;
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++) {
        if (strcmp(a->finding.cause, causes[i]) == 0)
            return true;
    }
    return false;
}

/* One busy thread is what makes its code hot: the structure comes first, and of it what its workers lack. Polls side by side would hide a sleep that is
 * better not slept: the sleep comes first. */
static bool explains(const struct ranked *a, const struct ranked *b)
{
    return (calls_make(a, b) || are(a, "cpu-single-thread", b, "cpu-hot") ||
            are(a, "false-parallelism", b, "cpu-hot") || are(a, "sleep-poll", b, "serial-independent") ||
            are(a, "sleep-poll", b, "serial-stages") || are(a, "serial-independent", b, "serial-stages") ||
            are(a, "idle-worker", b, "cpu-single-thread") || are(a, "idle-worker", b, "cpu-hot") ||
            are(a, "straggler", b, "cpu-single-thread") || are(a, "spin", b, "cpu-contention") ||
            are(a, "memory-reclaim", b, "page-faults") || are(a, "memory-reclaim", b, "cpu-hot")) &&
           a->finding.where.process && b->finding.where.process &&
           strcmp(a->finding.where.process, b->finding.where.process) == 0 &&
           a->rank > (strcmp(a->finding.cause, "idle-worker") == 0 ? 1.1 : 1.3);
}

/* By gain; of gains within 10 % of each other, the one that is a promise, then the larger share of the path. */
static bool is_before(const struct ranked *a, const struct ranked *b)
{
    if (explains(a, b) || explains(b, a))
        return explains(a, b);
    if (a->is_growth != b->is_growth)
        return a->is_growth ? b->rank < OWN_FACTOR_MIN : a->rank >= OWN_FACTOR_MIN;
    if (a->is_outside != b->is_outside && (a->is_outside ? b : a)->rank >= OWN_FACTOR_MIN)
        return b->is_outside;
    if (a->rank > b->rank * 1.1 || b->rank > a->rank * 1.1)
        return a->rank > b->rank;
    if (a->promise != b->promise)
        return a->promise;
    if (a->rank != b->rank)
        return a->rank > b->rank;
    return a->critical_ns > b->critical_ns;
}

/* The order is not transitive over long runs of near ties; an insertion sort is stable and ends all the same. */
static void sort_ranked(struct ranked *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct ranked item = items[i];
        size_t at = i;
        for (; at && is_before(&item, &items[at - 1]); at--)
            items[at] = items[at - 1];
        items[at] = item;
    }
}

static int collect(const struct scene *scene, struct cause_claims *claims, struct err *err)
{
    for (size_t i = 0; i < detector_count; i++) {
        int status = detectors[i].detect(scene, claims, err);
        if (status)
            return status;
    }
    for (size_t i = 0; i < claims->items.count; i++)
        claim_place(scene, &claims->items.items[i]);
    return 0;
}

/* What is to be told on top of the first finding is replayed for the next ones, as far as the budget of operations goes. */
#define BEHIND_MAX       6
#define BEHIND_OPS_MAX   20000000
#define BEHIND_FIRST_MIN 1.2

static size_t behind_budget(const struct whatif *whatif)
{
    uint64_t ops = 1;
    for (size_t i = 0; i < whatif->program.actor_count; i++)
        ops += whatif->program.actors[i].ops.count;
    return num_min(BEHIND_OPS_MAX / ops, BEHIND_MAX);
}

/* 0 where the two cannot be made together. */
static int factor_together(const struct scene *scene, const struct finding *first,
                           const struct finding *other, double *ret_factor, struct err *err)
{
    struct change changes[2];
    struct whatif_result result;
    struct err replay_err;
    *ret_factor = 0;
    if (change_parse(first->change, &changes[0], &replay_err) ||
        change_parse(other->change, &changes[1], &replay_err))
        return 0;
    int status = whatif_replay(scene->whatif, changes, 2, &result, &replay_err);
    if (status && replay_err.code != ERR_USAGE) {
        *err = replay_err;
        return status;
    }
    *ret_factor = status ? 0 : result.factor / first->gain.factor;
    return 0;
}

/* Gains do not add up: two changes may shorten the same time. */
static int replay_behind(const struct scene *scene, struct finding *findings, size_t count, struct err *err)
{
    const struct finding *first = findings;
    if (!count || !first->change || first->gain.factor < BEHIND_FIRST_MIN)
        return 0;
    size_t left = behind_budget(scene->whatif);
    for (size_t i = 1; i < count && left; i++) {
        if (!findings[i].change || !(findings[i].gain.factor > 0))
            continue;
        int status = factor_together(scene, first, &findings[i], &findings[i].factor_behind, err);
        if (status)
            return status;
        findings[i].behind = findings[i].factor_behind > 0 ? first->change : NULL;
        left--;
    }
    return 0;
}

static int keep_findings(const struct scene *scene, struct ranked *ranked, size_t count,
                         struct verdict *verdict, struct err *err)
{
    struct finding *findings = arena_alloc(scene->arena, (count + 1) * sizeof *findings);
    if (!findings)
        return err_memory(err);
    sort_ranked(ranked, count);
    size_t kept = 0, room = FINDING_MAX;
    for (size_t i = 0; i < count; i++)
        room -= ranked[i].is_growth && room;
    for (size_t i = 0; i < count; i++) {
        if (!ranked[i].is_growth && ((ranked[i].rank < FACTOR_MIN && !ranked[i].is_kept) || !room))
            continue;
        room -= !ranked[i].is_growth;
        findings[kept++] = ranked[i].finding;
    }
    verdict->findings = findings;
    verdict->finding_count = kept;
    return replay_behind(scene, findings, kept, err);
}

int rank_findings(const struct scene *scene, struct verdict *verdict, struct err *err)
{
    struct cause_claims claims = {0};
    VEC(struct ranked) ranked = {0};
    struct replays replays = {0};
    int status = collect(scene, &claims, err);
    if (!status)
        status = replay_claims(scene, &claims, &replays, err);
    for (size_t i = 0; i < claims.items.count && !status; i++) {
        struct ranked one;
        status = rank_claim(scene, &claims.items.items[i], result_of(&replays, replays.of_claims[2 * i]),
                            result_of(&replays, replays.of_claims[2 * i + 1]), &one, err);
        if (!status && vec_push(&ranked, one))
            status = err_memory(err);
    }
    if (!status)
        status = keep_findings(scene, ranked.items, ranked.count, verdict, err);
    if (!status)
        status = clear_stages(scene, verdict, err);
    replays_free(&replays);
    vec_free(&claims.items);
    vec_free(&ranked);
    return status;
}
