/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch-size: whether larger, or smaller, pieces would be faster. With a pipeline file it turns the knobs of batches and measures. Of the
 * recording it says which peers are sent to in pieces that are too small (the verdict's findings), and clears those that get much in few
 * calls: there, larger pieces bring nothing.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/num.h"
#include "base/str.h"
#include "base/vec.h"
#include "investigate/investigators.h"
#include "investigate/knob_claims.h"
#include "investigate/path_vote.h"
#include "model/change.h"
#include "report/units.h"

#define PEERS_TOLD_MAX   8u
#define CLEARED_MAX      1.25    /* a place that could bring more is not cleared */
#define LARGE_BYTES      16384.0 /* a piece of so much is a batch */
#define FEW_CALLS        100.0   /* a second; so few cannot cost much */
#define CALL_S           2e-4 /* what a call more or less is thought to take at most, the other end's part included */
#define CALLS_RATIO_MAX  0.99
#define PATH_RATIO_WORTH 0.001 /* who is neither waited for nor sent much to is not told of */
#define PATH_CLEARED_MAX 1.15  /* of what the path alone bounds */
#define STAGES_MAX       8u    /* that wait for one peer */
#define BYTES_WORTH      65536u

/* All connections to one address together. */
struct sent {
    uint64_t address, count, bytes; /* address: a string's id, the same for the same text */
};

struct traffic {
    struct map addresses; /* of sockets, by peer */
    struct map places;    /* in `items`, by address */
    VEC(struct sent) items;
};

static int add_peer(void *context, const struct batch *batch, struct err *err)
{
    struct traffic *traffic = context;
    for (size_t i = 0; i < batch->row_count; i++)
        if (batch->columns[COLUMN(peer, kind)][i] == PEER_SOCKET &&
            map_put(&traffic->addresses, batch->columns[COLUMN(peer, id)][i],
                    batch->columns[COLUMN(peer, address)][i]))
            return err_memory(err);
    return 0;
}

static int add_io(void *context, const struct batch *batch, struct err *err)
{
    struct traffic *traffic = context;
    for (size_t i = 0; i < batch->row_count; i++) {
        const uint64_t *address = map_get(&traffic->addresses, batch->columns[COLUMN(io, peer)][i]), *place;
        if (batch->columns[COLUMN(io, operation)][i] != IO_WRITE || !address || !*address)
            continue;
        place = map_get(&traffic->places, *address);
        size_t at = place ? (size_t)*place : traffic->items.count;
        struct sent sent = {.address = *address};
        if (!place && (map_put(&traffic->places, *address, at) || vec_push(&traffic->items, sent)))
            return err_memory(err);
        traffic->items.items[at].count += batch->columns[COLUMN(io, count)][i];
        traffic->items.items[at].bytes += batch->columns[COLUMN(io, bytes)][i];
    }
    return 0;
}

static int compare_bytes(const void *left, const void *right)
{
    const struct sent *a = left, *b = right;
    return (a->bytes < b->bytes) - (a->bytes > b->bytes);
}

/* Whether a finding of the verdict is about pieces that are too small there. */
static bool is_found(const struct verdict *verdict, const char *address)
{
    for (size_t i = 0; i < verdict->finding_count; i++) {
        const struct finding *finding = &verdict->findings[i];
        if (finding->change && strncmp(finding->change, "batch:", 6) == 0 && finding->where.peer &&
            strcmp(finding->where.peer, address) == 0)
            return true;
    }
    return false;
}

static int traffic_load(const struct view *view, struct traffic *traffic, struct err *err)
{
    int status = view_scan_all(view, TABLE_PEER, add_peer, traffic, err);
    return status ? status : view_scan_all(view, TABLE_IO, add_io, traffic, err);
}

static void traffic_free(struct traffic *traffic)
{
    vec_free(&traffic->items);
    map_free(&traffic->addresses);
    map_free(&traffic->places);
}

/* Gets large pieces, or few: what larger ones could bring at most is the calls themselves, a part of the run. */
static bool is_large(const struct verdict *verdict, const struct sent *sent, double *ret_calls_ratio)
{
    double wall_s = (double)verdict->run.wall_ns / 1e9, count = (double)sent->count;
    if (!sent->count || !(wall_s > 0) ||
        (num_ratio(sent->bytes, sent->count) < LARGE_BYTES && count / wall_s > FEW_CALLS))
        return false;
    *ret_calls_ratio = fmin(count * CALL_S / wall_s, CALLS_RATIO_MAX);
    return true;
}

/* Of some calls only, scaled up: how large one is holds, how many there were is an estimate. */
static bool is_sampled(const struct verdict *verdict)
{
    return verdict->run.recorder_io && str_ends(verdict->run.recorder_io, "-sampled");
}

static void tell_sent(const struct verdict *verdict, const char *address, const struct sent *sent,
                      struct str *why)
{
    const char *about = is_sampled(verdict) ? "about " : "";
    str_printf(why, "%s got %s%s in %s%s writes, %s each%s", address, about, unit_bytes(sent->bytes).text,
               about, unit_count((double)sent->count).text,
               unit_bytes((uint64_t)num_ratio(sent->bytes, sent->count)).text, *about ? " (sampled)" : "");
}

static int clear_peer(const struct question *question, const char *address, const struct sent *sent,
                      struct answers *answers, struct err *err)
{
    const struct verdict *verdict = &question->opened->verdict;
    struct path_share share;
    struct where where = {.peer = address};
    double calls;
    if (!is_large(verdict, sent, &calls) || is_found(verdict, address))
        return 0;
    int status = path_share_of(question, &where, &share, err);
    if (status || (share.ratio < PATH_RATIO_WORTH && sent->bytes < BYTES_WORTH))
        return status;
    struct cleared cleared = {
        .where = where, .critical_ratio = share.ratio, .factor_max = path_factor_max(share.ratio)};
    struct str why = {0};
    tell_sent(verdict, address, sent, &why);
    str_append(&why, ": larger ones bring next to nothing");
    /* Only that its pieces are large enough does not clear a place of everything. */
    if (cleared.factor_max <= CLEARED_MAX)
        answers_cleared(answers, &cleared, str_text(&why));
    else
        answers_note(answers, "%s", str_text(&why));
    str_free(&why);
    return 0;
}

/* What the stages that wait for a peer take of the path in all, its calls' computing too: more than that no batch can save. */
static int stages_share(const struct question *question, const char *address, double *ret_ratio,
                        const char **ret_stage, struct err *err)
{
    const struct verdict *verdict = &question->opened->verdict;
    const char *seen[STAGES_MAX];
    size_t count = 0;
    double ratio = 0;
    for (size_t i = 0; i < verdict->path_count; i++) {
        const struct where *where = &verdict->path[i].where;
        const char *stage = where->stage ? where->stage : where->process;
        size_t known = 0;
        if (!where->peer || strcmp(where->peer, address) != 0)
            continue;
        while (stage && known < count && strcmp(seen[known], stage) != 0)
            known++;
        if (known < count)
            continue;
        if (!stage || count == STAGES_MAX) { /* it cannot be told */
            *ret_ratio = 1;
            return 0;
        }
        struct where whole = where->stage ? (struct where){.stage = stage} : (struct where){.process = stage};
        struct path_share share;
        int status = path_share_of(question, &whole, &share, err);
        if (status)
            return status;
        ratio += share.ratio;
        seen[count++] = stage;
    }
    *ret_ratio = count ? ratio : 1;
    *ret_stage = count == 1 ? seen[0] : NULL;
    return 0;
}

/* What the stage said of itself is exact, whatever was sampled of its calls: "ingest handles 44,640 rows a call; ". */
static void tell_usage(const struct verdict *verdict, const char *stage, struct str *why)
{
    for (size_t i = 0; stage && i < verdict->stage_count; i++) {
        const struct stage *at = &verdict->stages[i];
        if (strcmp(at->name, stage) != 0 || !at->call_count)
            continue;
        for (size_t j = 0; j < at->usage_count; j++)
            if (strcmp(at->usage[j].kind, "rows") == 0)
                str_printf(why, "%s handles %s rows a call; ", stage,
                           unit_count(at->usage[j].amount / (double)at->call_count).text);
    }
}

/* Calls that were sampled are not counted well enough to judge their size: what waits for the peer, and computes beside it, is known
 * exactly, and bounds what larger pieces could save. */
static int clear_by_path(const struct question *question, const char *address, struct answers *answers,
                         bool *ret_cleared, struct err *err)
{
    const struct where where = {.peer = address};
    const char *stage = NULL;
    struct path_share share;
    double whole;
    int status = path_share_of(question, &where, &share, err);
    if (!status)
        status = stages_share(question, address, &whole, &stage, err);
    if (status || share.ratio < PATH_RATIO_WORTH || path_factor_max(whole) > PATH_CLEARED_MAX)
        return status;
    struct cleared cleared = {
        .where = where, .critical_ratio = share.ratio, .factor_max = path_factor_max(whole)};
    struct str why = {0};
    tell_usage(&question->opened->verdict, stage, &why);
    str_printf(&why, "%s of the path is all that %s takes with it: larger pieces cannot bring more",
               unit_ratio(whole).text, stage ? stage : "what is done");
    answers_cleared(answers, &cleared, str_text(&why));
    str_free(&why);
    *ret_cleared = true;
    return 0;
}

/* Peers that were cleared by the path, or looked at in vain. */
struct told {
    const char *cleared[PEERS_TOLD_MAX], *looked[PEERS_TOLD_MAX];
    size_t cleared_count, looked_count;
};

static bool is_among(const char *const *names, size_t count, const char *name)
{
    size_t at = 0;
    while (at < count && strcmp(names[at], name) != 0)
        at++;
    return at < count;
}

/* Peers on the path, each once; those whose pieces can be judged are left to that, unless the calls were sampled. */
static int clear_on_path(const struct question *question, const struct traffic *traffic,
                         struct answers *answers, struct told *told, struct err *err)
{
    const struct view *view = reader_view(question->opened->reader);
    const struct verdict *verdict = &question->opened->verdict;
    size_t judged = is_sampled(verdict) ? 0 : num_min(traffic->items.count, PEERS_TOLD_MAX);
    int status = 0;
    for (size_t i = 0; i < verdict->path_count && told->looked_count < PEERS_TOLD_MAX && !status; i++) {
        const char *address = verdict->path[i].where.peer;
        bool is_told = !address || verdict->path[i].doing != WAIT_NETWORK || is_found(verdict, address) ||
                       is_among(told->looked, told->looked_count, address);
        double calls;
        bool is_cleared = false;
        for (size_t j = 0; j < judged && !is_told; j++)
            is_told = strcmp(view_text(view, traffic->items.items[j].address), address) == 0 &&
                      is_large(verdict, &traffic->items.items[j], &calls);
        if (is_told)
            continue;
        told->looked[told->looked_count++] = address;
        status = clear_by_path(question, address, answers, &is_cleared, err);
        if (is_cleared)
            told->cleared[told->cleared_count++] = address;
    }
    return status;
}

static int clear_peers(const struct question *question, struct answers *answers, struct err *err)
{
    const struct view *view = reader_view(question->opened->reader);
    struct traffic traffic = {0};
    struct told told = {0};
    int status = traffic_load(view, &traffic, err);
    if (!status && traffic.items.count)
        qsort(traffic.items.items, traffic.items.count, sizeof *traffic.items.items, compare_bytes);
    if (!status)
        status = clear_on_path(question, &traffic, answers, &told, err);
    for (size_t i = 0; !status && i < traffic.items.count && i < PEERS_TOLD_MAX; i++) {
        const char *address = view_text(view, traffic.items.items[i].address);
        if (!is_among(told.cleared, told.cleared_count, address))
            status = clear_peer(question, address, &traffic.items.items[i], answers, err);
    }
    traffic_free(&traffic);
    return status;
}

/* A claim that larger pieces to a peer help, which gets large ones already. */
static int vote_on_peer(const struct question *question, const struct traffic *traffic,
                        const struct claim *claim, struct answers *answers, struct err *err)
{
    const struct view *view = reader_view(question->opened->reader);
    struct change change;
    struct str name = {0}, why = {0};
    double calls = 0;
    size_t i = 0;
    if (!claim->finding.change || change_parse(claim->finding.change, &change, NULL) ||
        change.op != CHANGE_BATCH || change.kind != CHANGE_PEER)
        return 0;
    while (i < traffic->items.count &&
           strcmp(view_text(view, traffic->items.items[i].address), change.name) != 0)
        i++;
    if (i == traffic->items.count || !is_large(&question->opened->verdict, &traffic->items.items[i], &calls))
        return 0;
    struct vote vote = {.stance = STANCE_CONTRADICT, .factor_max = path_factor_max(calls)};
    if (claim->finding.gain.factor_low <= vote.factor_max)
        return 0;
    claim_name(claim, &name);
    tell_sent(&question->opened->verdict, change.name, &traffic->items.items[i], &why);
    vote.claim = str_text(&name);
    vote.why = str_text(&why);
    int status = name.failed || why.failed ? err_memory(err) : 0;
    if (!status)
        answers_vote(answers, &vote);
    str_free(&name);
    str_free(&why);
    return status;
}

static int vote_on_peers(const struct question *question, struct answers *answers, struct err *err)
{
    struct traffic traffic = {0};
    int status = traffic_load(reader_view(question->opened->reader), &traffic, err);
    for (size_t i = 0; !status && i < question->claim_count; i++)
        status = vote_on_peer(question, &traffic, &question->claims[i], answers, err);
    traffic_free(&traffic);
    return status;
}

static int claims(const struct question *question, struct answers *answers, struct err *err)
{
    size_t tried = 0, inferred = 0;
    int status = question->file ? knob_claims(question, true, answers, &tried, err) : 0;
    if (!status && !tried)
        status = inferred_claims(question, CHANGE_BATCH, answers, &inferred, err);
    if (!status)
        status = clear_peers(question, answers, err);
    if (!status && !tried && !inferred)
        answers_note(
            answers,
            "nothing that is sent or asked for piece by piece, in pieces that are too small, was seen");
    return status ? status : answers_status(answers, err);
}

static int votes(const struct question *question, struct answers *answers, struct err *err)
{
    int status = knob_votes(question, answers, err);
    if (!status)
        status = vote_on_peers(question, answers, err);
    return status ? status : answers_status(answers, err);
}

const struct investigator batch_size_investigator = {
    .name = "batch-size",
    .about = "whether larger, or smaller, pieces would be faster",
    .flags = INVESTIGATOR_RUNS_PIPELINE,
    .claims = claims,
    .votes = votes,
};
