/* SPDX-License-Identifier: Apache-2.0 */
#include "investigate/path_vote.h"

#include <string.h>

#include "analyze/whatif_replay.h"
#include "base/num.h"
#include "report/units.h"

/* Gains that differ by less are the same: a model is no better than that. */
#define TOLERANCE_RATIO 0.05
/* Operations replayed in all, about a second's worth; and replays whatever the run's size. */
#define OP_BUDGET   20000000u
#define REPLAYS_MIN 3u
#define REPLAYS_MAX 200u
/* Nothing on a computer is entirely free. */
#define SHARE_MAX 0.999

double path_factor_max(double ratio)
{
    return 1 / (1 - (ratio < 0 ? 0 : ratio > SHARE_MAX ? SHARE_MAX : ratio));
}

size_t path_replays_max(const struct question *question)
{
    const struct whatif *whatif = question->opened->whatif;
    uint64_t ops = 1;
    for (size_t i = 0; whatif && i < whatif->program.actor_count; i++)
        ops += whatif->program.actors[i].ops.count;
    return num_min(num_max(OP_BUDGET / ops, REPLAYS_MIN), REPLAYS_MAX);
}

static bool agrees(const char *wanted, const char *found)
{
    return !wanted || (found && strcmp(wanted, found) == 0);
}

/* A peer says where by itself: a claim about a server names the server's process, the path the client's. */
static bool is_at(const struct where *wanted, const struct where *found)
{
    if (!wanted->stage && !wanted->process && !wanted->function && !wanted->peer && !wanted->path)
        return false;
    if (wanted->peer)
        return agrees(wanted->peer, found->peer) && agrees(wanted->stage, found->stage);
    return agrees(wanted->stage, found->stage) && agrees(wanted->process, found->process) &&
           agrees(wanted->function, found->function) && agrees(wanted->path, found->path);
}

/* --- is a place in the recording at all? --- */

struct search {
    const struct view *view;
    const struct where *where;
    bool is_found;
};

static bool is_text(const struct search *search, const uint64_t *column, size_t row, const char *wanted)
{
    return wanted && column && strcmp(view_text(search->view, column[row]), wanted) == 0;
}

static int search_peers(void *context, const struct batch *batch, struct err *err)
{
    struct search *search = context;
    const uint64_t *name = batch->columns[COLUMN(peer, name)],
                   *address = batch->columns[COLUMN(peer, address)],
                   *path = batch->columns[COLUMN(peer, path)];
    (void)err;
    for (size_t i = 0; i < batch->row_count && !search->is_found; i++)
        search->is_found = is_text(search, name, i, search->where->peer) ||
                           is_text(search, address, i, search->where->peer) ||
                           is_text(search, path, i, search->where->path) ||
                           is_text(search, name, i, search->where->path);
    return 0;
}

static int search_tracks(void *context, const struct batch *batch, struct err *err)
{
    struct search *search = context;
    (void)err;
    for (size_t i = 0; i < batch->row_count && !search->is_found; i++)
        search->is_found = is_text(search, batch->columns[COLUMN(track, name)], i, search->where->process);
    return 0;
}

static int find_place(const struct question *question, const struct where *where, bool *ret_found,
                      struct err *err)
{
    const struct verdict *verdict = &question->opened->verdict;
    struct search search = {.view = question->opened->run->view, .where = where};
    for (size_t i = 0; i < verdict->stage_count && !search.is_found; i++)
        search.is_found = where->stage && strcmp(verdict->stages[i].name, where->stage) == 0;
    int status = 0;
    if (!search.is_found && (where->peer || where->path))
        status = view_scan_all(search.view, TABLE_PEER, search_peers, &search, err);
    if (!status && !search.is_found && where->process)
        status = view_scan_all(search.view, TABLE_TRACK, search_tracks, &search, err);
    *ret_found = search.is_found;
    return status;
}

int path_share_of(const struct question *question, const struct where *where, struct path_share *ret_share,
                  struct err *err)
{
    const struct verdict *verdict = &question->opened->verdict;
    struct path_share share = {0};
    for (size_t i = 0; i < verdict->path_count; i++) {
        if (!is_at(where, &verdict->path[i].where))
            continue;
        share.ratio += verdict->path[i].ratio;
        share.is_recorded = true;
        if (share.row_count >= PATH_ROWS_MAX)
            continue;
        const char *row = arena_printf(question->arena, "path %zu", i);
        if (!row)
            return err_memory(err);
        share.rows[share.row_count++] = row;
    }
    /* What lies over the path (a lock, a pipe) is at other places meanwhile. */
    for (size_t i = 0; i < verdict->via_count && !share.is_recorded; i++) {
        if (!is_at(where, &verdict->via[i].where))
            continue;
        share.ratio = verdict->via[i].ratio;
        share.is_recorded = true;
        share.rows[0] = arena_printf(question->arena, "via %zu", i);
        share.row_count = share.rows[0] ? 1 : 0;
    }
    int status = share.is_recorded ? 0 : find_place(question, where, &share.is_recorded, err);
    *ret_share = share;
    return status;
}

/* --- the vote --- */

struct judging {
    const struct question *question;
    const struct claim *claim;
    const struct gain *gain; /* of the claim */
    struct path_share share;
    size_t *replays_left;
    struct vote *vote;
};

static void say(const struct judging *judging, enum stance stance, const char *why)
{
    judging->vote->stance = stance;
    judging->vote->why = why; /* NULL when memory ran out, which path_vote looks for */
}

static const char *interval(const struct judging *judging, const struct gain *gain)
{
    if (gain->factor_high > gain->factor_low * 1.001)
        return arena_printf(judging->question->arena, "%s (%s to %s)", unit_factor(gain->factor).text,
                            unit_factor(gain->factor_low).text, unit_factor(gain->factor_high).text);
    return arena_printf(judging->question->arena, "%s", unit_factor(gain->factor).text);
}

/* The claim's promise beside what was found for the same change. */
static void compare(const struct judging *judging, const struct gain *found, const char *source)
{
    struct arena *arena = judging->question->arena;
    const struct gain *said = judging->gain;
    double high = found->factor > 0 ? found->factor_high : found->factor_max;
    judging->vote->factor_max = found->factor_max > high ? found->factor_max : high;
    if (!(said->factor > 0)) {
        say(judging, STANCE_SUPPORT,
            arena_printf(arena, "%s sees the same place: at most %s", source,
                         unit_factor(judging->vote->factor_max).text));
        return;
    }
    if (said->factor_low > high * (1 + TOLERANCE_RATIO)) {
        say(judging, STANCE_CONTRADICT,
            found->factor > 0 ? arena_printf(arena, "%s gives %s for it, not %s", source,
                                             interval(judging, found), unit_factor(said->factor).text)
                              : arena_printf(arena, "%s gives at most %s for it, not %s", source,
                                             unit_factor(high).text, unit_factor(said->factor).text));
        return;
    }
    if (found->factor > 0 && said->factor_high * (1 + TOLERANCE_RATIO) >= found->factor_low) {
        say(judging, STANCE_SUPPORT,
            arena_printf(arena, "%s gives %s for it", source, interval(judging, found)));
        return;
    }
    if (found->factor > 0) {
        say(judging, STANCE_SUPPORT,
            arena_printf(arena, "%s gives more for it: %s", source, interval(judging, found)));
        return;
    }
    say(judging, STANCE_NEUTRAL,
        arena_printf(arena, "%s allows it: at most %s", source, unit_factor(high).text));
}

static bool is_same_change(const char *a, const char *b)
{
    struct change x, y;
    struct err ignored;
    if (!a || !b)
        return false;
    if (strcmp(a, b) == 0)
        return true;
    return !change_parse(a, &x, &ignored) && !change_parse(b, &y, &ignored) && x.op == y.op &&
           x.kind == y.kind && strcmp(x.name, y.name) == 0 && strcmp(x.text, y.text) == 0;
}

/* Two acts at one place are two things, though the cause is one: workers and streams. A knob may be any. */
static bool is_other_act(const char *a, const char *b)
{
    struct change x, y;
    struct err ignored;
    return a && b && !change_parse(a, &x, &ignored) && !change_parse(b, &y, &ignored) &&
           x.kind != CHANGE_KNOB && y.kind != CHANGE_KNOB &&
           (x.op != y.op || change_is_ahead(&x) != change_is_ahead(&y));
}

static const struct finding *finding_for(const struct judging *judging)
{
    const struct verdict *verdict = &judging->question->opened->verdict;
    const struct finding *claimed = &judging->claim->finding;
    for (size_t i = 0; i < verdict->finding_count; i++)
        if (is_same_change(verdict->findings[i].change, claimed->change))
            return &verdict->findings[i];
    for (size_t i = 0; i < verdict->finding_count; i++) {
        const struct finding *finding = &verdict->findings[i];
        /* config is said of many settings: of them only the same change is the same. */
        if (strcmp(finding->cause, claimed->cause) == 0 && strcmp(finding->cause, "config") != 0 &&
            !is_other_act(finding->change, claimed->change) &&
            where_overlaps(&finding->where, &claimed->where))
            return finding;
    }
    return NULL;
}

/* Whether the change was replayed; a knob's effect is not in a recording. */
static bool replay(const struct judging *judging, const struct change *change)
{
    const struct whatif *whatif = judging->question->opened->whatif;
    struct whatif_result result;
    struct err ignored;
    if (!whatif || change->kind == CHANGE_KNOB || !*judging->replays_left)
        return false;
    (*judging->replays_left)--;
    if (whatif_replay(whatif, change, 1, &result, &ignored) || !result.wall_ns_low || !result.wall_ns_high)
        return false;
    double before = (double)result.wall_ns_before;
    struct gain gain = {.factor = result.factor,
                        .factor_low = before / (double)result.wall_ns_high,
                        .factor_high = before / (double)result.wall_ns_low};
    compare(judging, &gain, "a replay of the recorded run");
    return true;
}

static void bound(const struct judging *judging, bool is_elsewhere)
{
    struct arena *arena = judging->question->arena;
    double most = path_factor_max(judging->share.ratio), wanted = judging->gain->factor_low;
    if (!judging->share.is_recorded) {
        say(judging, STANCE_NEUTRAL, "the recording does not tell of that place");
        return;
    }
    if (judging->question->opened->verdict.service) {
        say(judging, STANCE_NEUTRAL, "what more of a place brings a service is not told by a path");
        return;
    }
    if (is_elsewhere) {
        say(judging, STANCE_NEUTRAL, "its gain is not at this place alone, and it could not be replayed");
        return;
    }
    judging->vote->factor_max = most;
    if (wanted > most * (1 + TOLERANCE_RATIO)) {
        say(judging, STANCE_CONTRADICT,
            arena_printf(arena,
                         "%s of the critical path is there: even free of charge it brings at most %s, not %s",
                         unit_ratio(judging->share.ratio).text, unit_factor(most).text,
                         unit_factor(judging->gain->factor).text));
        return;
    }
    say(judging, STANCE_NEUTRAL,
        arena_printf(arena, "%s of the critical path is there: at most %s",
                     unit_ratio(judging->share.ratio).text, unit_factor(most).text));
}

int path_vote(const struct question *question, const struct claim *claim, size_t *replays_left,
              struct vote *ret_vote, struct err *err)
{
    struct str name = {0};
    claim_name(claim, &name);
    struct vote vote = {.claim = arena_string(question->arena, str_text(&name))};
    str_free(&name);
    struct judging judging = {.question = question,
                              .claim = claim,
                              .gain = &claim->finding.gain,
                              .replays_left = replays_left,
                              .vote = &vote};
    int status =
        vote.claim ? path_share_of(question, &claim->finding.where, &judging.share, err) : err_memory(err);
    if (status)
        return status;
    struct change change = {0};
    struct err ignored;
    bool has_change = claim->finding.change && !change_parse(claim->finding.change, &change, &ignored);
    const struct finding *finding = finding_for(&judging);
    if (finding)
        compare(&judging, &finding->gain, "the recording's critical path");
    else if (!has_change || !replay(&judging, &change))
        bound(&judging, claim_reaches_further(claim));
    /* What was tried in runs is not refuted by a model of one. */
    if (claim->evidence_class == EVIDENCE_EXPERIMENT && vote.stance == STANCE_CONTRADICT)
        vote.stance = STANCE_NEUTRAL;
    vote.row_count = judging.share.row_count;
    const char **rows = arena_alloc(question->arena, (vote.row_count + 1) * sizeof *rows);
    if (!rows || !vote.why)
        return err_memory(err);
    memcpy(rows, judging.share.rows, vote.row_count * sizeof *rows);
    vote.rows = rows;
    *ret_vote = vote;
    return 0;
}
