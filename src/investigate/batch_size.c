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
#define LARGE_BYTES      16384.0 /* a piece of so much is a batch */
#define FEW_CALLS        100.0   /* a second; so few cannot cost much */
#define CALL_S           1e-3 /* what a call more or less is thought to take at most, the other end's part included */
#define PATH_RATIO_WORTH 0.001

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

/* A peer that gets large pieces, or few: what larger ones could bring at most is the calls themselves. */
static int clear_peer(const struct question *question, const char *address, const struct sent *sent,
                      struct answers *answers, struct err *err)
{
    const struct verdict *verdict = &question->opened->verdict;
    double wall_s = (double)verdict->run.wall_ns / 1e9, each = num_ratio(sent->bytes, sent->count);
    struct path_share share;
    struct where where = {.peer = address};
    if (!sent->count || !(wall_s > 0) || is_found(verdict, address) ||
        (each < LARGE_BYTES && (double)sent->count / wall_s > FEW_CALLS))
        return 0;
    int status = path_share_of(question, &where, &share, err);
    if (status || share.ratio < PATH_RATIO_WORTH)
        return status;
    double calls = fmin((double)sent->count * CALL_S / wall_s, share.ratio);
    struct cleared cleared = {
        .where = where, .critical_ratio = share.ratio, .factor_max = 1 / (1 - fmin(calls, 0.99))};
    struct str why = {0};
    str_printf(&why, "%s got %s in %s writes, %s each: larger ones bring next to nothing", address,
               unit_bytes(sent->bytes).text, unit_count((double)sent->count).text,
               unit_bytes((uint64_t)each).text);
    answers_cleared(answers, &cleared, str_text(&why));
    str_free(&why);
    return 0;
}

static int clear_peers(const struct question *question, struct answers *answers, struct err *err)
{
    const struct view *view = reader_view(question->opened->reader);
    struct traffic traffic = {0};
    int status = view_scan_all(view, TABLE_PEER, add_peer, &traffic, err);
    if (!status)
        status = view_scan_all(view, TABLE_IO, add_io, &traffic, err);
    if (!status && traffic.items.count)
        qsort(traffic.items.items, traffic.items.count, sizeof *traffic.items.items, compare_bytes);
    for (size_t i = 0; !status && i < traffic.items.count && i < PEERS_TOLD_MAX; i++)
        status = clear_peer(question, view_text(view, traffic.items.items[i].address),
                            &traffic.items.items[i], answers, err);
    vec_free(&traffic.items);
    map_free(&traffic.addresses);
    map_free(&traffic.places);
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
    return status ? status : answers_status(answers, err);
}

static int votes(const struct question *question, struct answers *answers, struct err *err)
{
    int status = knob_votes(question, answers, err);
    return status ? status : answers_status(answers, err);
}

const struct investigator batch_size_investigator = {
    .name = "batch-size",
    .about = "whether larger, or smaller, pieces would be faster",
    .flags = INVESTIGATOR_RUNS_PIPELINE,
    .claims = claims,
    .votes = votes,
};
