/* SPDX-License-Identifier: Apache-2.0 */
#include "master/digest.h"

#include <math.h>
#include <string.h>

#include "base/num.h"
#include "report/phrases.h"
#include "report/service_phrases.h"
#include "report/units.h"

#define WHOLE_RATIO   0.95   /* of what a share allows */
#define SUSPECT_RATIO 0.0005 /* smaller ones nobody suspected */

static int sort_conclusions(struct digest *digest)
{
    const struct investigation *investigation = digest->investigation;
    int status = 0;

    for (size_t i = 0; i < investigation->conclusion_count && !status; i++) {
        const struct conclusion *conclusion = &investigation->conclusions[i];
        if (conclusion->agreement == AGREEMENT_REJECTED)
            status = vec_push(&digest->rejected, conclusion);
        else if (conclusion->agreement == AGREEMENT_CONTRADICTED)
            status = vec_push(&digest->disputed, conclusion);
        else
            status = vec_push(&digest->to_do, conclusion);
    }
    return status;
}

static enum priority priority_at(const struct conclusion *conclusion)
{
    return conclusion->claim.finding.priority;
}

/* A dispute about more than all else would bring has to be settled before anything is done. For Monday are then every P0, or the
 * first that is undisputed. */
static int order(struct digest *digest)
{
    const struct conclusion *settle = digest->disputed.count ? digest->disputed.items[0] : NULL;
    int status = 0;

    if (settle && digest->to_do.count && priority_at(settle) >= priority_at(digest->to_do.items[0]))
        settle = NULL;
    if (settle)
        status = vec_push(&digest->ordered, settle);
    for (size_t i = 0; i < digest->to_do.count && !status; i++)
        status = vec_push(&digest->ordered, digest->to_do.items[i]);
    for (size_t i = settle ? 1 : 0; i < digest->disputed.count && !status; i++)
        status = vec_push(&digest->ordered, digest->disputed.items[i]);
    digest->monday_count = settle ? 1 : 0;
    for (size_t i = 0; i < digest->to_do.count && digest->monday_count < DIGEST_MONDAY_MAX &&
                       priority_at(digest->to_do.items[i]) == PRIORITY_P0;
         i++)
        digest->monday_count++;
    if (!digest->monday_count)
        digest->monday_count = digest->to_do.count > 0;
    return status;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_place(const struct where *a, const struct where *b)
{
    return same_text(a->stage, b->stage) && same_text(a->process, b->process) &&
           same_text(a->function, b->function) && same_text(a->file, b->file) && a->line == b->line &&
           same_text(a->peer, b->peer) && same_text(a->path, b->path);
}

/* One other end is one suspect, whether the stage that talks to it is told or not; so are places that read the same. */
static bool same_suspect(const struct where *a, const struct where *b)
{
    struct str left = {0}, right = {0};

    if (same_place(a, b) || (a->peer && same_text(a->peer, b->peer) && where_overlaps(a, b)))
        return true;
    phrase_where(&left, a);
    phrase_where(&right, b);
    bool is_same = where_overlaps(a, b) && strcmp(str_text(&left), str_text(&right)) == 0;
    str_free(&left);
    str_free(&right);
    return is_same;
}

static struct digest_cleared *find_cleared(struct digest *digest, const struct where *where)
{
    for (size_t i = 0; i < digest->cleared.count; i++)
        if (same_suspect(&digest->cleared.items[i].cleared.where, where))
            return &digest->cleared.items[i];
    return NULL;
}

/* Without what the row says anyway: who speaks, and how small it is. */
static const char *told_reason(const char *by, const char *why, double critical_ratio)
{
    size_t length = by ? strlen(by) : 0;

    if (why && length && strncmp(why, by, length) == 0 && strncmp(why + length, ": ", 2) == 0)
        why += length + 2;
    return why && !str_starts(why, unit_ratio(critical_ratio).text) ? why : NULL;
}

static int add_reason(struct digest_cleared *row, const char *by, const char *why)
{
    for (size_t i = 0; i < row->reasons.count; i++) {
        struct digest_reason *reason = &row->reasons.items[i];
        if (same_text(reason->by, by)) {
            reason->why = reason->why ? reason->why : why;
            return 0;
        }
    }
    return by ? vec_push(&row->reasons, (struct digest_reason){by, why}) : 0;
}

static int add_cleared(struct digest *digest, const struct cleared *cleared, const char *by, const char *why)
{
    struct digest_cleared *row = find_cleared(digest, &cleared->where);

    if (!row) {
        if (vec_push(&digest->cleared, (struct digest_cleared){.cleared = *cleared}))
            return -1;
        row = &digest->cleared.items[digest->cleared.count - 1];
    }
    row->cleared.critical_ratio = fmax(row->cleared.critical_ratio, cleared->critical_ratio);
    row->cleared.factor_max = fmax(row->cleared.factor_max, cleared->factor_max);
    if (!row->cleared.where.stage && cleared->where.stage)
        row->cleared.where = cleared->where;
    return add_reason(row, by, told_reason(by, why, cleared->critical_ratio));
}

static int compare_cleared(const void *a, const void *b)
{
    const struct digest_cleared *x = a, *y = b;

    if (x->cleared.critical_ratio != y->cleared.critical_ratio)
        return x->cleared.critical_ratio < y->cleared.critical_ratio ? 1 : -1;
    if (x->reasons.count != y->reasons.count)
        return x->reasons.count < y->reasons.count ? 1 : -1;
    struct str left = {0}, right = {0};
    phrase_where(&left, &x->cleared.where);
    phrase_where(&right, &y->cleared.where);
    int order = strcmp(str_text(&left), str_text(&right));
    str_free(&left);
    str_free(&right);
    return order;
}

static bool is_for_monday(const struct digest *digest, const struct where *where)
{
    for (size_t i = 0; i < digest->monday_count; i++)
        if (where_overlaps(&digest->ordered.items[i]->claim.finding.where, where))
            return true;
    return false;
}

static void weigh(const struct digest *digest, struct digest_cleared *row)
{
    const struct cleared *cleared = &row->cleared;

    /* The share of a service's resource is its use: no bound follows from it. */
    row->is_of_one_thing = !digest->verdict->service && cleared->critical_ratio < 1 &&
                           cleared->factor_max < WHOLE_RATIO / (1 - cleared->critical_ratio);
    row->is_suspect = cleared->critical_ratio >= SUSPECT_RATIO &&
                      !(row->is_of_one_thing && is_for_monday(digest, &cleared->where));
}

/* What an investigator said before it failed counts for nothing. */
static int collect_cleared(struct digest *digest)
{
    const struct investigation *investigation = digest->investigation;

    for (size_t i = 0; i < investigation->statement_count; i++) {
        const struct statement *statement = &investigation->statements[i];
        bool is_finished = statement->outcome == STATEMENT_FINISHED;
        digest->finished_count += is_finished;
        for (size_t j = 0; is_finished && j < statement->cleared_count; j++)
            if (add_cleared(digest, &statement->cleared[j].cleared, statement->investigator,
                            statement->cleared[j].why))
                return -1;
    }
    for (size_t i = 0; i < digest->verdict->cleared_count; i++)
        if (add_cleared(digest, &digest->verdict->cleared[i], NULL, NULL))
            return -1;
    for (size_t i = 0; i < digest->cleared.count; i++)
        weigh(digest, &digest->cleared.items[i]);
    if (digest->cleared.count)
        qsort(digest->cleared.items, digest->cleared.count, sizeof *digest->cleared.items, compare_cleared);
    return 0;
}

/* --- the picture --- */

static int picture_of_stages(struct digest *digest)
{
    struct digest_picture *picture = &digest->picture;
    struct share_list list;
    int status = 0;

    if (phrase_shares(digest->verdict, &list))
        return -1;
    picture->whole_ns = digest->verdict->run.wall_ns;
    for (size_t i = 0; i < list.shares.count && !status; i++) {
        const struct share *share = &list.shares.items[i];
        const char *detail = phrase_detail(share->parts.items[0].where);
        struct str name = {0};
        phrase_share(&name, digest->verdict, share);
        struct digest_piece piece = {.name = arena_string(&digest->arena, str_text(&name)),
                                     .doing = share->parts.items[0].doing,
                                     .detail = detail == share->process ? NULL : detail,
                                     .ns = share->ns,
                                     .ratio = share->ratio};
        status = piece.name ? vec_push(&picture->pieces, piece) : -1;
        str_free(&name);
    }
    phrase_shares_free(&list);
    return status;
}

static int picture_of_request(struct digest *digest)
{
    const struct service *service = digest->verdict->service;
    struct digest_picture *picture = &digest->picture;

    for (size_t i = 0; i < service->path_p50_count; i++) {
        const struct path_entry *entry = &service->path_p50[i];
        const char *detail = phrase_detail(&entry->where);
        struct digest_piece piece = {.name = entry->where.process ? entry->where.process : "the service",
                                     .doing = entry->doing,
                                     .detail = detail == entry->where.process ? NULL : detail,
                                     .ns = entry->ns,
                                     .ratio = entry->ratio};
        picture->whole_ns += entry->ns;
        if (vec_push(&picture->pieces, piece))
            return -1;
    }
    return 0;
}

/* The request of a service takes less time only where a change is about its latency. */
static double after_ratio(const struct verdict *verdict, const struct gain *gain)
{
    if (!(gain->factor > 1))
        return 0;
    if (!phrase_serves(verdict))
        return 1 / gain->factor;
    return gain->latency_ns_after ? num_ratio(gain->latency_ns_after, verdict->service->latency_ns_p50) : 0;
}

static void draw_change(struct digest *digest)
{
    struct digest_picture *picture = &digest->picture;

    for (size_t i = 0; i < digest->monday_count && !picture->change; i++) {
        const struct gain *gain = &digest->ordered.items[i]->claim.finding.gain;
        double after = after_ratio(digest->verdict, gain);
        if (!(after > 0 && after <= 1))
            continue;
        picture->change = digest->ordered.items[i];
        picture->after = after;
        picture->after_low =
            gain->factor_high > 0 ? fmin(after * gain->factor / gain->factor_high, 1) : after;
        picture->after_high = gain->factor_low > 0 ? fmin(after * gain->factor / gain->factor_low, 1) : after;
    }
}

/* An end and a rate lie on the axis of time; other objectives do not. */
static void draw_goal(struct digest *digest)
{
    const struct objective *objective = &digest->investigation->objective;
    double goal = 0;

    if (phrase_serves(digest->verdict) || !objective->metric || !(objective->measured > 0) ||
        !(objective->wanted > 0))
        return;
    if (strcmp(objective->metric, "throughput") == 0)
        goal = objective->measured / objective->wanted;
    else if (strcmp(objective->metric, "wall") == 0)
        goal = objective->wanted / objective->measured;
    digest->picture.goal = goal > 0 && goal < 1 ? goal : 0;
}

static int draw(struct digest *digest)
{
    int status = phrase_serves(digest->verdict) ? picture_of_request(digest) : picture_of_stages(digest);

    draw_change(digest);
    draw_goal(digest);
    return status;
}

struct finding digest_finding(const struct digest *digest, const struct conclusion *conclusion)
{
    struct finding finding = conclusion->claim.finding;

    if (finding.gain.factor > 0 && !finding.gain.wall_ns_after && !digest->verdict->service)
        finding.gain.wall_ns_after = num_u64((double)digest->verdict->run.wall_ns / finding.gain.factor);
    return finding;
}

const struct conclusion *digest_alternative(const struct digest *digest, const struct conclusion *conclusion)
{
    for (size_t i = 0; i < digest->to_do.count; i++) {
        const struct conclusion *other = digest->to_do.items[i];
        if (other != conclusion &&
            where_overlaps(&other->claim.finding.where, &conclusion->claim.finding.where))
            return other;
    }
    return NULL;
}

enum digest_reach digest_reach(const struct digest *digest, const struct conclusion *conclusion)
{
    const struct objective *objective = &digest->investigation->objective;
    double low = fmin(conclusion->objective_after_low, conclusion->objective_after_high);
    double high = fmax(conclusion->objective_after_low, conclusion->objective_after_high);

    if (!objective->metric || objective->is_met || !(objective->wanted > 0) ||
        !(conclusion->objective_after > 0))
        return REACH_UNKNOWN;
    double careful = objective->more_is_better ? low : high;
    if (!(careful > 0))
        careful = conclusion->objective_after;
    if (objective->more_is_better ? careful >= objective->wanted : careful <= objective->wanted)
        return REACH_YES;
    return (objective->more_is_better ? conclusion->objective_after >= objective->wanted
                                      : conclusion->objective_after <= objective->wanted)
               ? REACH_LIKELY
               : REACH_NO;
}

int digest_make(const struct investigation *investigation, const struct master_options *options,
                struct digest *ret_digest, struct err *err)
{
    static const struct verdict nothing;
    struct digest digest = {.investigation = investigation,
                            .options = options,
                            .verdict = investigation->verdict ? investigation->verdict : &nothing};

    if (sort_conclusions(&digest) || order(&digest) || collect_cleared(&digest) || draw(&digest)) {
        digest_free(&digest);
        return err_memory(err);
    }
    *ret_digest = digest;
    return 0;
}

void digest_free(struct digest *digest)
{
    for (size_t i = 0; i < digest->cleared.count; i++)
        vec_free(&digest->cleared.items[i].reasons);
    vec_free(&digest->cleared);
    vec_free(&digest->to_do);
    vec_free(&digest->disputed);
    vec_free(&digest->rejected);
    vec_free(&digest->ordered);
    vec_free(&digest->picture.pieces);
    arena_free(&digest->arena);
}

int master_finish(struct str *text, size_t length, struct err *err)
{
    if (!text->failed)
        return 0;
    if (text->text) {
        text->length = length;
        text->text[length] = '\0';
    }
    return err_memory(err);
}
