/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/agents_predict.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "judge/agents_verdict.h"

#define MONEY_WEIGHT 0.7
/* A candidate that saves less is in no set; sets that save at least this part of the most are as good as it. */
#define SCORE_MIN     0.005
#define AS_GOOD_RATIO 0.97
/* Operations replayed in all, and replays at most. */
#define OP_BUDGET   250000000
#define REPLAYS_MIN 16
#define REPLAYS_MAX 4000

static int weigh(const struct team *team, const struct whatif *whatif, const struct team_effects *effects,
                 struct prediction *ret_prediction, struct err *err)
{
    uint64_t wall[CASE_COUNT] = {0};
    double bill[CASE_COUNT];
    for (int which = 0; which < CASE_COUNT; which++) {
        int status = team_replay(team, whatif, effects, (enum team_case)which, &wall[which], err);
        if (status)
            return status;
        bill[which] = team_bill(team, effects, (enum team_case)which);
    }
    /* A replay is as good as its model: 4 %, or what the unchanged one is off by. */
    double error = whatif->baseline_drift_ratio > 0.04 ? whatif->baseline_drift_ratio : 0.04;
    uint64_t low = num_min(wall[CASE_MOST], wall[CASE_EXPECTED]),
             high = num_max(wall[CASE_LEAST], wall[CASE_EXPECTED]);
    *ret_prediction = (struct prediction){
        .wall_ns_before = team->makespan_ns,
        .wall_ns_after = wall[CASE_EXPECTED],
        .wall_ns_low = num_u64((double)low * (1 - error)),
        .wall_ns_high = num_min(num_u64((double)high * (1 + error)), num_max(team->makespan_ns, high)),
        .factor = wall[CASE_EXPECTED] ? (double)team->makespan_ns / (double)wall[CASE_EXPECTED] : 1,
        .baseline_drift_ratio = whatif->baseline_drift_ratio,
        .has_bill = team->usd > 0,
        .usd_before = team->usd,
        .usd_after = bill[CASE_EXPECTED],
        .usd_low = bill[CASE_MOST],
        .usd_high = bill[CASE_LEAST]};
    return 0;
}

int agents_predict(const struct run *run, const struct whatif *whatif, const struct change *changes,
                   size_t count, struct prediction *ret_prediction, bool *ret_is_done, struct err *err)
{
    struct team team;
    struct arena arena = {0};
    struct team_effects effects = {0};
    size_t own = 0;
    int status = team_load(run, &team, err);
    if (status)
        return status;
    struct agents_book *book = agents_book_open(run);
    struct agent_scene scene = {
        .team = &team, .whatif = whatif, .prices = agents_book_prices(book), .arena = &arena};
    for (size_t i = 0; i < count && !status; i++) {
        bool is_of_agents = false;
        status = agent_change_effects(&scene, &changes[i], &effects, &is_of_agents, err);
        own += is_of_agents;
    }
    *ret_is_done = own > 0;
    if (!status && own && own < count) {
        status = err_set(err, ERR_USAGE, "could not predict changes of agents and of other things at once");
        err_hint(err,
                 "model:, cached:, workers:agent/ and what findings propose go together; others one by one");
    }
    if (!status && own)
        status = weigh(&team, whatif, &effects, ret_prediction, err);
    vec_free(&effects.items);
    agents_book_close(book);
    team_deinit(&team);
    arena_free(&arena);
    return status;
}

/* --- the best few --- */

struct searched {
    const struct team *team;
    const struct whatif *whatif;
    struct search_report *report;
    struct change parsed[BEST_CANDIDATES_MAX];
    struct team_effects effects[BEST_CANDIDATES_MAX];
    double scores[BEST_CANDIDATES_MAX];
    size_t useful[BEST_CANDIDATES_MAX], useful_count; /* best first */
    double set_scores[BEST_CHANGES_MAX];
    uint64_t replay_max;
    struct err *err;
};

static uint64_t replay_limit(const struct program *program)
{
    uint64_t ops = 1;
    for (size_t i = 0; i < program->actor_count; i++)
        ops += program->actors[i].ops.count;
    return num_min(num_max(OP_BUDGET / ops, REPLAYS_MIN), REPLAYS_MAX);
}

static int join_effects(const struct searched *searched, const struct change_set *set,
                        struct team_effects *ret_effects)
{
    ret_effects->items.count = 0;
    for (size_t i = 0; i < set->count; i++) {
        const struct team_effects *one = &searched->effects[set->members[i]];
        for (size_t j = 0; j < one->items.count; j++) {
            if (effects_add(ret_effects, one->items.items[j]))
                return -1;
        }
    }
    return 0;
}

/* What a set saves of the run and of the bill, as one number. */
static int score(struct searched *searched, const struct team_effects *effects, double *ret_score)
{
    const struct team *team = searched->team;
    uint64_t wall = 0;
    searched->report->best.replay_count++;
    int status = team_replay(team, searched->whatif, effects, CASE_EXPECTED, &wall, searched->err);
    if (status)
        return status;
    double usd = team->usd > 0 ? 1 - team_bill(team, effects, CASE_EXPECTED) / team->usd : 0;
    *ret_score = 1 - num_ratio(wall, team->makespan_ns) + MONEY_WEIGHT * usd;
    return 0;
}

static int tell_set(struct searched *searched, const struct team_effects *effects,
                    struct whatif_result *ret_result, struct search_bill *ret_bill)
{
    struct prediction prediction;
    int status = weigh(searched->team, searched->whatif, effects, &prediction, searched->err);
    if (status)
        return status;
    *ret_result = (struct whatif_result){.wall_ns_before = prediction.wall_ns_before,
                                         .wall_ns_after = prediction.wall_ns_after,
                                         .wall_ns_low = prediction.wall_ns_low,
                                         .wall_ns_high = prediction.wall_ns_high,
                                         .factor = prediction.factor};
    *ret_bill = (struct search_bill){prediction.usd_after, prediction.usd_low, prediction.usd_high};
    return 0;
}

static int look_at_candidate(struct searched *searched, const struct agent_scene *scene, size_t index)
{
    struct search_report *report = searched->report;
    struct candidate *candidate = &report->candidates.items[index];
    struct err why = {0};
    bool is_of_agents = false;
    int status = change_parse(candidate->change, &searched->parsed[index], &why);
    if (!status)
        status = agent_change_effects(scene, &searched->parsed[index], &searched->effects[index],
                                      &is_of_agents, &why);
    if (status || !is_of_agents) {
        candidate->refusal = arena_string(
            &report->arena, status ? why.what : "it is no change of agents, their tasks or models");
        return candidate->refusal ? 0 : err_memory(searched->err);
    }
    status = score(searched, &searched->effects[index], &searched->scores[index]);
    if (!status)
        status = tell_set(searched, &searched->effects[index], &candidate->result, &report->bills[index]);
    candidate->is_replayed = !status;
    if (status || searched->scores[index] < SCORE_MIN)
        return status;
    size_t at = searched->useful_count++;
    for (; at && searched->scores[searched->useful[at - 1]] < searched->scores[index]; at--)
        searched->useful[at] = searched->useful[at - 1];
    searched->useful[at] = index;
    return 0;
}

static bool can_join(const struct searched *searched, const struct change_set *set, size_t candidate)
{
    for (size_t i = 0; i < set->count; i++) {
        if (change_same_act(&searched->parsed[set->members[i]], &searched->parsed[candidate]))
            return false;
    }
    return true;
}

/* All sets that hold `set` and useful candidates from `first` on, as far as the budget goes. */
static int extend(struct searched *searched, const struct change_set *set, size_t first,
                  struct team_effects *effects)
{
    struct best_changes *best = &searched->report->best;
    for (size_t i = first; i < searched->useful_count; i++) {
        struct change_set larger = *set;
        double saved = 0;
        if (!can_join(searched, set, searched->useful[i]))
            continue;
        if (best->replay_count >= searched->replay_max) {
            best->is_exhaustive = false;
            return 0;
        }
        larger.members[larger.count++] = searched->useful[i];
        int status = join_effects(searched, &larger, effects) ? err_memory(searched->err)
                                                              : score(searched, effects, &saved);
        if (!status && saved > searched->set_scores[larger.count - 1]) {
            searched->set_scores[larger.count - 1] = saved;
            best->sizes[larger.count - 1] = larger;
        }
        if (!status && larger.count < BEST_CHANGES_MAX)
            status = extend(searched, &larger, i + 1, effects);
        if (status)
            return status;
    }
    return 0;
}

static int choose(struct searched *searched, struct team_effects *effects)
{
    struct search_report *report = searched->report;
    double most = 0;
    int status = 0;
    for (size_t i = 0; i < BEST_CHANGES_MAX; i++)
        most = searched->set_scores[i] > most ? searched->set_scores[i] : most;
    for (size_t i = 0; i < BEST_CHANGES_MAX && !status; i++) {
        struct change_set *set = &report->best.sizes[i];
        if (!set->count)
            continue;
        status = join_effects(searched, set, effects)
                     ? err_memory(searched->err)
                     : tell_set(searched, effects, &set->result, &report->size_bills[i]);
        if (report->best.best.count || searched->set_scores[i] < AS_GOOD_RATIO * most)
            continue;
        report->best.best = *set;
        report->best_bill = report->size_bills[i];
    }
    if (!report->best.best.count)
        report->best_bill = (struct search_bill){report->usd, report->usd, report->usd};
    return status;
}

static int search_all(struct searched *searched, const struct agent_scene *scene)
{
    struct search_report *report = searched->report;
    struct team_effects effects = {0};
    const struct change_set none = {0};
    int status = 0;
    report->best.is_exhaustive = true;
    for (size_t i = 0; i < report->candidates.count && !status; i++) {
        if (report->best.replay_count < searched->replay_max)
            status = look_at_candidate(searched, scene, i);
        else
            report->best.is_exhaustive = false;
    }
    if (!status)
        status = extend(searched, &none, 0, &effects);
    if (!status)
        status = choose(searched, &effects);
    vec_free(&effects.items);
    return status;
}

int agents_search(const struct run *run, const struct whatif *whatif, struct search_report *report,
                  struct err *err)
{
    struct team team;
    struct arena arena = {0};
    int status = team_load(run, &team, err);
    if (status)
        return status;
    struct searched *searched = calloc(1, sizeof *searched);
    struct agents_book *book = agents_book_open(run);
    struct agent_scene scene = {
        .team = &team, .whatif = whatif, .prices = agents_book_prices(book), .arena = &arena};
    report->has_bill = team.usd > 0;
    report->usd = team.usd;
    if (searched) {
        *searched = (struct searched){.team = &team,
                                      .whatif = whatif,
                                      .report = report,
                                      .replay_max = replay_limit(&whatif->program),
                                      .err = err};
        status = search_all(searched, &scene);
        for (size_t i = 0; i < BEST_CANDIDATES_MAX; i++)
            vec_free(&searched->effects[i].items);
        free(searched);
    } else {
        status = err_memory(err);
    }
    agents_book_close(book);
    team_deinit(&team);
    arena_free(&arena);
    return status;
}
