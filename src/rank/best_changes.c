/* SPDX-License-Identifier: Apache-2.0 */
#include "rank/best_changes.h"

#include <math.h>
#include <string.h>

#include "analyze/loop_change.h"
#include "analyze/overlap_change.h"
#include "base/num.h"
#include "base/str.h"
#include "rank/replay_crew.h"

/* Operations replayed in all: some seconds of two CPUs. Of them at most this part for candidates alone. */
#define OP_BUDGET   250000000
#define ALONE_RATIO 0.8
/* Replays at least, of a run of any size, and at most. */
#define REPLAYS_MIN 16
#define REPLAYS_MAX 4000
/* Stages looked at, and taken, that could be streamed into the next one. */
#define STAGE_LOOK_MAX 64
#define OVERLAP_MAX    8
/* Sets kept of each size when there are too many to try. */
#define BEAM_WIDTH 12
/* A candidate that gains less is in no set. */
#define GAIN_MIN 1.005
/* Sets that take at most this much longer than the fastest are as good as it. */
#define AS_GOOD 1.03

/* --- candidates --- */

void candidates_add(struct candidates *candidates, const struct candidate *candidate)
{
    for (size_t i = 0; i < candidates->count; i++) {
        if (strcmp(candidates->items[i].change, candidate->change) == 0)
            return;
    }
    if (candidates->count == BEST_CANDIDATES_MAX)
        candidates->left_out_count++;
    else
        candidates->items[candidates->count++] = *candidate;
}

static bool has_number(const struct change *change)
{
    return (change->op == CHANGE_WORKERS || change->op == CHANGE_BATCH || change->op == CHANGE_CORES) &&
           change->value >= 1;
}

/* The same place with a number: half, twice and four times the finding's, and the first one that is any change. */
static int add_variants(struct candidates *candidates, const struct candidate *base,
                        const struct change *change, struct arena *arena)
{
    const double values[] = {change->op == CHANGE_BATCH ? 10 : 2, ceil(change->value / 2), change->value * 2,
                             change->value * 4};
    size_t length = strlen(base->change) - strlen(change->text);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct candidate variant = *base;
        if (values[i] < 2 || values[i] > 60000)
            continue;
        variant.change = arena_printf(arena, "%.*s%.0f", (int)length, base->change, values[i]);
        if (!variant.change)
            return -1;
        candidates_add(candidates, &variant);
    }
    return 0;
}

static int add_finding(struct candidates *candidates, const struct finding *finding, bool is_variants,
                       struct arena *arena)
{
    struct change change;
    if (!finding->change || change_parse(finding->change, &change, NULL))
        return 0;
    struct candidate candidate = {
        .change = finding->change, .is_promise = finding->gain.factor > 0, .assumption = finding->assumption};
    if (is_variants)
        return has_number(&change) ? add_variants(candidates, &candidate, &change, arena) : 0;
    candidates_add(candidates, &candidate);
    return 0;
}

/* First what the findings propose, then its variants: of a large run not all can be tried. */
int candidates_of_findings(const struct finding *findings, size_t count, struct arena *arena,
                           struct candidates *candidates, struct err *err)
{
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < count; i++) {
            if (add_finding(candidates, &findings[i], pass == 1, arena))
                return err_memory(err);
        }
    }
    return 0;
}

static int add_overlap(struct candidates *candidates, const char *stage, bool is_ahead, struct arena *arena)
{
    struct change change = {.op = CHANGE_OVERLAP, .text = CHANGE_AHEAD};
    if (!is_ahead)
        change.text[0] = '\0';
    struct candidate candidate = {
        .is_promise = true,
        .change = arena_printf(arena, "overlap:stage/%s%s%s", stage, is_ahead ? "=" : "", change.text),
        .assumption = change_assumption(&change)};
    if (!candidate.change)
        return -1;
    candidates_add(candidates, &candidate);
    return 0;
}

/* Tasks of agents are no stages of a pipeline that could hand on what they make in parts. */
static bool is_of_agents(const struct run *run)
{
    for (size_t i = 0; i < run->tracks.count; i++) {
        if (run->tracks.items[i].kind == TRACK_AGENT)
            return true;
    }
    return false;
}

int candidates_of_run(const struct run *run, struct arena *arena, struct candidates *candidates,
                      struct err *err)
{
    if (is_of_agents(run))
        return 0;
    for (uint32_t i = 0, added = 0; i < run->stages.count && i < STAGE_LOOK_MAX && added < OVERLAP_MAX; i++) {
        const char *name = run->stages.items[i].name;
        if (!run->has_spans || run->stages.items[i].process)
            continue;
        bool streams = overlap_change_is_possible(run, i), ahead = loop_change_can_be_ahead(run, i);
        if ((streams && add_overlap(candidates, name, false, arena)) ||
            (ahead && add_overlap(candidates, name, true, arena)))
            return err_memory(err);
        added += streams + ahead;
    }
    return 0;
}

/* --- the search --- */

struct sets {
    VEC(struct change_set) items;
};

struct jobs {
    VEC(struct replay_job) items;
};

struct search {
    const struct whatif *whatif;
    struct candidates *candidates;
    struct change parsed[BEST_CANDIDATES_MAX];
    size_t useful[BEST_CANDIDATES_MAX]; /* candidates that sets are made of, the best first */
    size_t useful_count;
    uint64_t replay_count, replay_max;
    struct err *err;
};

static uint64_t replay_limit(const struct program *program)
{
    uint64_t ops = 1;
    for (size_t i = 0; i < program->actor_count; i++)
        ops += program->actors[i].ops.count;
    return num_min(num_max(OP_BUDGET / ops, REPLAYS_MIN), REPLAYS_MAX);
}

static bool has_budget(const struct search *search, size_t planned)
{
    return search->replay_count + planned < search->replay_max;
}

static int add_job(struct search *search, const struct change_set *set, struct jobs *jobs)
{
    struct replay_job job = {.count = set->count};
    for (size_t i = 0; i < set->count; i++)
        job.changes[i] = &search->parsed[set->members[i]];
    return vec_push(&jobs->items, job) ? err_memory(search->err) : 0;
}

static int replay_jobs(struct search *search, struct jobs *jobs)
{
    search->replay_count += jobs->items.count;
    return replay_crew(search->whatif, jobs->items.items, jobs->items.count, search->err);
}

static int refuse(struct candidate *candidate, const char *why, struct search *search, struct arena *arena)
{
    candidate->refusal = arena_string(arena, why);
    return candidate->refusal ? 0 : err_memory(search->err);
}

/* Why a candidate was refused is asked for again: errors are too large to keep one for each job. */
static int keep_candidate(struct search *search, size_t index, const struct replay_job *job,
                          struct arena *arena)
{
    struct candidate *candidate = &search->candidates->items[index];
    candidate->is_replayed = !job->status;
    candidate->result = job->result;
    struct err err = {0};
    struct whatif_result result;
    if (job->status && whatif_replay(search->whatif, &search->parsed[index], 1, &result, &err))
        return refuse(candidate, err.what, search, arena);
    return 0;
}

static int replay_candidates(struct search *search, struct arena *arena)
{
    uint64_t alone_max = num_u64((double)search->replay_max * ALONE_RATIO);
    struct jobs jobs = {0};
    VEC(size_t) members = {0};
    int status = 0;
    for (size_t i = 0; i < search->candidates->count && jobs.items.count < alone_max && !status; i++) {
        struct candidate *candidate = &search->candidates->items[i];
        struct change_set set = {.members = {i}, .count = 1};
        struct err err;
        if (change_parse(candidate->change, &search->parsed[i], &err))
            status = refuse(candidate, err.what, search, arena);
        else if (vec_push(&members, i))
            status = err_memory(search->err);
        else
            status = add_job(search, &set, &jobs);
    }
    if (!status)
        status = replay_jobs(search, &jobs);
    for (size_t i = 0; i < jobs.items.count && !status; i++)
        status = keep_candidate(search, members.items[i], &jobs.items.items[i], arena);
    vec_free(&members);
    vec_free(&jobs.items);
    return status;
}

/* By time; of equal ones what was named first: findings stand by rank, the number a finding proposes before others. */
static bool is_faster(const struct search *search, size_t a, size_t b)
{
    const struct candidate *items = search->candidates->items;
    return items[a].result.wall_ns_after < items[b].result.wall_ns_after;
}

static void choose_useful(struct search *search, bool promises)
{
    search->useful_count = 0;
    for (size_t i = 0; i < search->candidates->count; i++) {
        const struct candidate *candidate = &search->candidates->items[i];
        if (!candidate->is_replayed || candidate->result.factor < GAIN_MIN ||
            (promises && !candidate->is_promise))
            continue;
        size_t at = search->useful_count++;
        for (; at && is_faster(search, i, search->useful[at - 1]); at--)
            search->useful[at] = search->useful[at - 1];
        search->useful[at] = i;
    }
}

static uint64_t set_count(uint64_t n)
{
    return n * (n - 1) / 2 + (n > 2 ? n * (n - 1) * (n - 2) / 6 : 0);
}

static bool is_allowed(const struct search *search, const struct change_set *set, size_t candidate)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->members[i] == candidate ||
            whatif_are_alternatives(&search->parsed[set->members[i]], &search->parsed[candidate]))
            return false;
    }
    return true;
}

static bool same_members(const struct change_set *a, const struct change_set *b)
{
    for (size_t i = 0; i < a->count; i++) {
        bool found = false;
        for (size_t j = 0; j < b->count; j++)
            found |= a->members[i] == b->members[j];
        if (!found)
            return false;
    }
    return true;
}

static bool is_known(const struct sets *sets, const struct change_set *set)
{
    for (size_t i = 0; i < sets->items.count; i++) {
        if (same_members(&sets->items.items[i], set))
            return true;
    }
    return false;
}

static int compare_sets(const void *a, const void *b)
{
    const struct change_set *x = a, *y = b;
    uint64_t ns = x->result.wall_ns_after, other_ns = y->result.wall_ns_after;
    if (ns != other_ns)
        return ns > other_ns ? 1 : -1;
    for (size_t i = 0; i < x->count; i++) {
        if (x->members[i] != y->members[i])
            return x->members[i] > y->members[i] ? 1 : -1;
    }
    return 0;
}

/* All sets of one more change than the first `width` of `from`, as many as the budget allows. */
static int extend(struct search *search, const struct sets *from, size_t width, struct sets *sets,
                  struct jobs *jobs)
{
    for (size_t i = 0; i < from->items.count && i < width; i++) {
        for (size_t j = 0; j < search->useful_count && has_budget(search, jobs->items.count); j++) {
            struct change_set set = from->items.items[i];
            if (!is_allowed(search, &set, search->useful[j]))
                continue;
            set.members[set.count++] = search->useful[j];
            if (is_known(sets, &set))
                continue;
            if (vec_push(&sets->items, set))
                return err_memory(search->err);
            int status = add_job(search, &set, jobs);
            if (status)
                return status;
        }
    }
    return 0;
}

/* The sets of one more change than `from`'s that can be made, the fastest first. */
static int grow(struct search *search, const struct sets *from, size_t width, struct sets *ret_sets)
{
    struct sets sets = {0};
    struct jobs jobs = {0};
    int status = extend(search, from, width, &sets, &jobs);
    if (!status)
        status = replay_jobs(search, &jobs);
    size_t kept = 0;
    for (size_t i = 0; i < jobs.items.count && !status; i++) {
        struct change_set set = sets.items.items[i];
        set.result = jobs.items.items[i].result;
        if (!jobs.items.items[i].status)
            sets.items.items[kept++] = set;
    }
    vec_free(&jobs.items);
    if (status) {
        vec_free(&sets.items);
        return status;
    }
    sets.items.count = kept;
    if (kept)
        qsort(sets.items.items, kept, sizeof *sets.items.items, compare_sets);
    *ret_sets = sets;
    return 0;
}

/* What the set asks for beyond one of everything: workers, cores. */
static double asked(const struct search *search, const struct change_set *set)
{
    double sum = 0;
    for (size_t i = 0; i < set->count; i++) {
        const struct change *change = &search->parsed[set->members[i]];
        sum += change->op == CHANGE_WORKERS || change->op == CHANGE_CORES ? change->value : 0;
    }
    return sum;
}

/* Of the sets of one size that are as good as the fastest of all, what asks for least; false when there are none. */
static bool choose(const struct search *search, const struct sets *sets, uint64_t fastest_ns,
                   struct change_set *best)
{
    bool found = false;
    for (size_t i = 0; i < sets->items.count; i++) {
        const struct change_set *set = &sets->items.items[i];
        if ((double)set->result.wall_ns_after > (double)fastest_ns * AS_GOOD ||
            (found && asked(search, set) >= asked(search, best)))
            continue;
        *best = *set;
        found = true;
    }
    return found;
}

static int first_sets(const struct search *search, struct sets *ret_sets)
{
    for (size_t i = 0; i < search->useful_count; i++) {
        struct change_set set = {.members = {search->useful[i]},
                                 .count = 1,
                                 .result = search->candidates->items[search->useful[i]].result};
        if (vec_push(&ret_sets->items, set))
            return err_memory(search->err);
    }
    return 0;
}

int best_changes_find(const struct whatif *whatif, struct candidates *candidates, struct arena *arena,
                      struct best_changes *ret_best, struct err *err)
{
    struct search search = {
        .whatif = whatif, .candidates = candidates, .replay_max = replay_limit(&whatif->program), .err = err};
    struct best_changes best = {0};
    struct sets sets[BEST_CHANGES_MAX] = {0};
    int status = replay_candidates(&search, arena);
    bool all_alone = true;
    for (size_t i = 0; i < candidates->count; i++)
        all_alone &= candidates->items[i].is_replayed || candidates->items[i].refusal;
    choose_useful(&search, true);
    if (!search.useful_count)
        choose_useful(&search, false);
    best.is_exhaustive =
        all_alone && set_count(search.useful_count) <= search.replay_max - search.replay_count;
    size_t width = best.is_exhaustive ? SIZE_MAX : BEAM_WIDTH;
    if (!status)
        status = first_sets(&search, &sets[0]);
    uint64_t fastest_ns = UINT64_MAX;
    for (size_t i = 0; i < BEST_CHANGES_MAX && !status; i++) {
        if (i)
            status = grow(&search, &sets[i - 1], width, &sets[i]);
        if (!status && sets[i].items.count) {
            best.sizes[i] = sets[i].items.items[0];
            fastest_ns = num_min(fastest_ns, best.sizes[i].result.wall_ns_after);
        }
    }
    bool found = false;
    for (size_t i = 0; i < BEST_CHANGES_MAX && !status; i++)
        found = found || choose(&search, &sets[i], fastest_ns, &best.best);
    for (size_t i = 0; i < BEST_CHANGES_MAX; i++)
        vec_free(&sets[i].items);
    best.replay_count = search.replay_count;
    struct change told[BEST_CHANGES_MAX];
    for (size_t i = 0; i < best.best.count; i++)
        told[i] = search.parsed[best.best.members[i]];
    if (!status && best.best.count)
        status = whatif_predict(whatif, told, best.best.count, &best.best.result, err);
    if (!status)
        *ret_best = best;
    return status;
}
