/* SPDX-License-Identifier: Apache-2.0 */
/*
 * integration: what the others' claims come to together. Two changes that shorten the same time must not be added: both at once are
 * replayed. It says which to make first and what each still brings behind the others, and claims what none of the others
 * looks for: stages that could be streamed into the next.
 */
#include <stdlib.h>
#include <string.h>

#include "analyze/whatif_replay.h"
#include "investigate/investigators.h"
#include "investigate/path_vote.h"
#include "rank/best_changes.h"
#include "report/units.h"

#define CHANGES_MAX    8u /* of the others, best first: pairs are replayed */
#define ORDER_MAX      4u /* changes told in order */
#define PAIRS_TOLD_MAX 6u
#define STREAMS_MAX    4u
#define GAIN_MIN       1.02 /* less is not told, as in a verdict */
#define SAME_RATIO     1.02 /* both together bring as much as one alone */

struct proposal {
    const char *text;
    struct change change;
    struct whatif_result alone;
};

struct proposals {
    struct proposal items[CHANGES_MAX];
    size_t count;
};

/* What this investigator replays, within its budget. */
struct replays {
    const struct question *question;
    size_t left;
};

/* -1 when it cannot be replayed, or the budget is used up. */
static int predict(struct replays *replays, const struct change *changes, size_t count,
                   struct whatif_result *ret_result)
{
    struct err ignored;
    if (!replays->left)
        return -1;
    replays->left--;
    return whatif_replay(replays->question->opened->whatif, changes, count, ret_result, &ignored);
}

static int compare_proposals(const void *a, const void *b)
{
    const struct proposal *x = a, *y = b;
    if (x->alone.factor < y->alone.factor || x->alone.factor > y->alone.factor)
        return x->alone.factor < y->alone.factor ? 1 : -1;
    return strcmp(x->text, y->text);
}

/* Of two numbers for one place the first stays. */
static bool is_known(const struct proposals *proposals, const struct change *change)
{
    for (size_t i = 0; i < proposals->count; i++)
        if (whatif_are_alternatives(&proposals->items[i].change, change))
            return true;
    return false;
}

/* The changes of the others that promise a gain and can be replayed. */
static void collect(struct replays *replays, struct proposals *proposals)
{
    const struct question *question = replays->question;
    for (size_t i = 0; i < question->claim_count && proposals->count < CHANGES_MAX; i++) {
        const struct finding *finding = &question->claims[i].finding;
        struct proposal proposal = {.text = finding->change};
        struct err ignored;
        if (!finding->change || !(finding->gain.factor > 0) ||
            change_parse(finding->change, &proposal.change, &ignored) ||
            proposal.change.kind == CHANGE_KNOB || is_known(proposals, &proposal.change) ||
            predict(replays, &proposal.change, 1, &proposal.alone) || proposal.alone.factor < GAIN_MIN)
            continue;
        proposals->items[proposals->count++] = proposal;
    }
    qsort(proposals->items, proposals->count, sizeof proposals->items[0], compare_proposals);
}

static void tell_pair(struct answers *answers, const struct proposal *a, const struct proposal *b,
                      const struct whatif_result *both)
{
    double product = a->alone.factor * b->alone.factor;
    if (both->factor < a->alone.factor * SAME_RATIO)
        answers_note(answers, "%s and %s shorten the same time: both together bring %s, as the first alone",
                     a->text, b->text, unit_factor(both->factor).text);
    else
        answers_note(answers, "%s (%s) and %s (%s) bring %s together, not %s", a->text,
                     unit_factor(a->alone.factor).text, b->text, unit_factor(b->alone.factor).text,
                     unit_factor(both->factor).text, unit_factor(product).text);
}

/* The pairs whose gains must not be multiplied. */
static void tell_pairs(struct replays *replays, struct answers *answers, const struct proposals *proposals)
{
    size_t told = 0;
    for (size_t i = 0; i < proposals->count; i++)
        for (size_t j = i + 1; j < proposals->count && told < PAIRS_TOLD_MAX; j++) {
            const struct proposal *a = &proposals->items[i], *b = &proposals->items[j];
            const struct change changes[] = {a->change, b->change};
            struct whatif_result both;
            double product = a->alone.factor * b->alone.factor;
            if (predict(replays, changes, 2, &both) || both.factor > product / SAME_RATIO)
                continue;
            tell_pair(answers, a, b, &both);
            told++;
        }
}

/* The best first, then always the one that brings most on top of those before. */
static void tell_order(struct replays *replays, struct answers *answers, const struct proposals *proposals)
{
    struct change changes[ORDER_MAX];
    bool is_taken[CHANGES_MAX] = {false};
    struct str line = {0};
    double before = 1;
    size_t count = 0;
    for (; count < ORDER_MAX && count < proposals->count; count++) {
        size_t best = proposals->count;
        double most = before * GAIN_MIN;
        for (size_t i = 0; i < proposals->count; i++) {
            struct whatif_result result;
            changes[count] = proposals->items[i].change;
            if (!is_taken[i] && !predict(replays, changes, count + 1, &result) && result.factor > most) {
                best = i;
                most = result.factor;
            }
        }
        if (best == proposals->count)
            break;
        changes[count] = proposals->items[best].change;
        is_taken[best] = true;
        str_printf(&line, "%s%s (%s%s)", count ? ", then " : "", proposals->items[best].text,
                   unit_factor(most / before).text, count ? " on top" : "");
        before = most;
    }
    if (count > 1)
        answers_note(answers, "in this order: %s; together %s", str_text(&line), unit_factor(before).text);
    str_free(&line);
}

/* --- stages that could be streamed --- */

static void claim_stream(struct replays *replays, struct answers *answers, const struct proposals *proposals,
                         const struct candidate *candidate, const struct change *change,
                         const struct whatif_result *result)
{
    struct arena *arena = replays->question->arena;
    const struct where where = {.stage = change->name};
    struct path_share share;
    struct err ignored;
    if (path_share_of(replays->question, &where, &share, &ignored))
        return;
    double before = (double)result->wall_ns_before;
    const char *evidence[2];
    size_t count = 0;
    evidence[count++] =
        arena_printf(arena, "replayed: %s instead of %s", unit_duration(result->wall_ns_after).text,
                     unit_duration(result->wall_ns_before).text);
    if (proposals->count) {
        const struct proposal *first = &proposals->items[0];
        const struct change changes[] = {first->change, *change};
        struct whatif_result both;
        if (!predict(replays, changes, 2, &both))
            evidence[count++] = arena_printf(arena, "behind %s it still brings %s", first->text,
                                             unit_factor(both.factor / first->alone.factor).text);
    }
    bool is_ahead = change_is_ahead(change);
    struct claim claim = {
        .id = arena_printf(arena, "%s-%s", is_ahead ? "ahead" : "stream", change->name),
        .finding = {.cause = "serial-stages",
                    .where = where,
                    .objective = "wall",
                    .critical_ratio = share.ratio > 1 ? 1 : share.ratio,
                    .change = candidate->change,
                    .assumption = candidate->assumption,
                    .title = arena_printf(arena,
                                          is_ahead ? "the next %s waits until this item is done"
                                                   : "what comes behind %s waits until all of it is there",
                                          change->name),
                    .fix = arena_printf(arena,
                                        is_ahead ? "begin the next %s while the rest of this item goes on"
                                                 : "hand on what %s makes piece by piece",
                                        change->name),
                    .rationale = "replaying the recorded run with the change",
                    .gain = {.factor = result->factor,
                             .factor_low = before / (double)result->wall_ns_high,
                             .factor_high = before / (double)result->wall_ns_low,
                             .factor_max = result->factor,
                             .wall_ns_after = result->wall_ns_after},
                    .effort = EFFORT_MEDIUM,
                    .evidence = evidence,
                    .evidence_count = count},
        .evidence_class = EVIDENCE_MEASURED,
        .rows = share.rows,
        .row_count = share.row_count};
    answers_claim(answers, &claim);
}

static int claim_streams(struct replays *replays, struct answers *answers, const struct proposals *proposals,
                         struct err *err)
{
    const struct question *question = replays->question;
    struct candidates *candidates = arena_alloc(question->arena, sizeof *candidates);
    if (!candidates)
        return err_memory(err);
    int status = candidates_of_run(question->opened->run, question->arena, candidates, err);
    size_t told = 0;
    for (size_t i = 0; !status && i < candidates->count && told < STREAMS_MAX; i++) {
        const struct candidate *candidate = &candidates->items[i];
        struct change change;
        struct whatif_result result;
        struct err ignored;
        if (change_parse(candidate->change, &change, &ignored) || is_known(proposals, &change) ||
            predict(replays, &change, 1, &result) || result.factor < GAIN_MIN || !result.wall_ns_low ||
            !result.wall_ns_high)
            continue;
        claim_stream(replays, answers, proposals, candidate, &change, &result);
        told++;
    }
    return status;
}

static int claims(const struct question *question, struct answers *answers, struct err *err)
{
    struct proposals proposals = {0};
    if (!question->opened->whatif) {
        answers_note(answers, "the gains of a service's changes are not replayed together");
        return answers_status(answers, err);
    }
    answers_progress(answers, "replaying the claims of the others", -1);
    struct replays replays = {.question = question, .left = path_replays_max(question)};
    collect(&replays, &proposals);
    int status = claim_streams(&replays, answers, &proposals, err);
    tell_order(&replays, answers, &proposals);
    tell_pairs(&replays, answers, &proposals);
    return status ? status : answers_status(answers, err);
}

/* Of what can be replayed; for the rest profiling speaks. */
static int votes(const struct question *question, struct answers *answers, struct err *err)
{
    size_t replays_left = path_replays_max(question);
    for (size_t i = 0; i < question->claim_count; i++) {
        const struct claim *claim = &question->claims[i];
        struct change change;
        struct err ignored;
        struct vote vote;
        if (!claim->finding.change || change_parse(claim->finding.change, &change, &ignored) ||
            change.kind == CHANGE_KNOB)
            continue;
        int status = path_vote(question, claim, &replays_left, &vote, err);
        if (status)
            return status;
        answers_vote(answers, &vote);
    }
    return answers_status(answers, err);
}

const struct investigator integration_investigator = {
    .name = "integration",
    .about = "what the claims of the others come to together, and in which order",
    .flags = INVESTIGATOR_READS_OTHERS | INVESTIGATOR_LOADS_MACHINE,
    .claims = claims,
    .votes = votes,
};
