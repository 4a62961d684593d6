/* SPDX-License-Identifier: Apache-2.0 */
#include "service/requests.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/attribution.h"
#include "base/num.h"

#define REQUEST_MAX 200000 /* looked at; more tell nothing new */
#define DOING_MAX   32     /* kinds of time a request is made of; the rest is one */
/* A request's mark comes as often as there are requests, within this. */
#define MARK_RATIO_LOW    0.55
#define MARK_RATIO_HIGH   1.6
#define REQUEST_COUNT_MIN 10

/* A kind of time: running (DOING_CPU), a reason, and whose end. */
struct part {
    int doing;
    uint32_t index; /* of a link or lock, TIER_NONE */
    enum activity activity;
};

/* Where one request ends and the next begins. */
struct mark {
    enum activity activity;
    uint32_t index;
    int reason;
};

struct measure {
    const struct capacity *capacity;
    struct mark mark;
    struct part parts[DOING_MAX];
    size_t part_count;
    double now[DOING_MAX]; /* of the request being walked */
    uint64_t total_ns;
    struct {
        uint64_t *items;
        size_t count, capacity;
    } latencies;
    /* second walk: requests between two latencies, summed */
    uint64_t low_ns, high_ns;
    double sum[DOING_MAX];
    uint64_t summed_count;
};

static size_t part_of(struct measure *measure, int doing, uint32_t index, enum activity activity)
{
    for (size_t i = 0; i < measure->part_count; i++)
        if (measure->parts[i].doing == doing && measure->parts[i].index == index)
            return i;
    if (measure->part_count == DOING_MAX)
        return DOING_MAX - 1;
    measure->parts[measure->part_count] = (struct part){doing, index, activity};
    return measure->part_count++;
}

static void spend(struct measure *measure, int doing, uint32_t index, enum activity activity, uint64_t ns)
{
    if (!ns)
        return;
    measure->now[part_of(measure, doing, index, activity)] += (double)ns;
    measure->total_ns += ns;
}

/* `count` requests ended that were alike. */
static int request_end(struct measure *measure, uint64_t count)
{
    uint64_t latency_ns = measure->total_ns / num_max(count, 1);
    int status = 0;
    if (measure->high_ns) {
        for (size_t i = 0;
             i < measure->part_count && latency_ns >= measure->low_ns && latency_ns <= measure->high_ns; i++)
            measure->sum[i] += measure->now[i];
        if (latency_ns >= measure->low_ns && latency_ns <= measure->high_ns)
            measure->summed_count += count;
    }
    for (uint64_t i = 0; i < count && !measure->high_ns && !status && measure->latencies.count < REQUEST_MAX;
         i++)
        status = vec_push(&measure->latencies, latency_ns);
    memset(measure->now, 0, sizeof measure->now);
    measure->total_ns = 0;
    return status;
}

static bool is_mark(const struct measure *measure, enum activity activity, uint32_t index, int reason)
{
    return activity == measure->mark.activity && index == measure->mark.index &&
           (activity != ACTIVITY_OTHER || reason == measure->mark.reason);
}

/* One worker; what comes before its first mark and after its last one is no whole request. */
static int walk_worker(struct measure *measure, const struct run_track *track)
{
    const struct tiers *tiers = measure->capacity->tiers;
    const struct run *run = tiers->run;
    bool has_begun = false;
    uint64_t at_ns = num_max(track->start_ns, run->start_ns);
    memset(measure->now, 0, sizeof measure->now);
    measure->total_ns = 0;
    for (size_t i = 0; i < track->waits.count; i++) {
        const struct run_wait *wait = &track->waits.items[i];
        if (wait->end_ns <= run->start_ns || wait->start_ns >= run->end_ns)
            continue;
        uint32_t index = TIER_NONE;
        enum activity activity = wait->blocked_ns
                                     ? tiers_activity(tiers, measure->capacity->serving, wait, &index)
                                     : ACTIVITY_OTHER;
        bool is_idle = activity == ACTIVITY_IDLE && wait->blocked_ns;
        bool ends = wait->blocked_ns && is_mark(measure, activity, index, wait->reason);
        uint64_t span_ns = wait->end_ns - wait->start_ns;
        spend(measure, DOING_CPU, TIER_NONE, ACTIVITY_OTHER,
              (wait->start_ns > at_ns ? wait->start_ns - at_ns : 0) + span_ns -
                  num_min(wait->blocked_ns + wait->runnable_ns, span_ns));
        at_ns = wait->end_ns;
        /* Idle ends the request before it; any other mark belongs to the request that it ends. */
        if (!is_idle)
            spend(measure, wait->blocked_ns ? wait->reason : WAIT_CPU_QUEUE, index, activity,
                  wait->blocked_ns);
        if (ends && is_idle && (has_begun ? request_end(measure, wait->count) : 0))
            return -1;
        if (ends && is_idle && !has_begun)
            (void)memset(measure->now, 0, sizeof measure->now), measure->total_ns = 0;
        spend(measure, WAIT_CPU_QUEUE, TIER_NONE, ACTIVITY_OTHER, wait->runnable_ns);
        if (ends && !is_idle && has_begun && request_end(measure, wait->count))
            return -1;
        if (ends && !has_begun) {
            has_begun = true;
            if (!is_idle)
                (void)memset(measure->now, 0, sizeof measure->now), measure->total_ns = 0;
        }
    }
    return 0;
}

static int walk(struct measure *measure)
{
    const struct tiers *tiers = measure->capacity->tiers;
    const struct tier *tier = &tiers->items.items[measure->capacity->serving];
    for (size_t i = 0; i < tier->workers.count; i++)
        if (walk_worker(measure, &tiers->run->tracks.items[tier->workers.items[i]]))
            return -1;
    return 0;
}

/* --- the mark --- */

static double off_by(double count, double wanted)
{
    double ratio = count / wanted;
    return ratio < MARK_RATIO_LOW || ratio > MARK_RATIO_HIGH ? 1e9 : ratio < 1 ? 1 / ratio : ratio;
}

/* What happens once a request. */
static bool mark_find(const struct capacity *capacity, struct mark *ret_mark)
{
    const struct tiers *tiers = capacity->tiers;
    const struct tier *tier = &tiers->items.items[capacity->serving];
    double by_reason[WAIT_REASON_COUNT] = {0}, best = 1e8;
    if (off_by((double)tier->idle_count, capacity->request_count) < 1e8) {
        *ret_mark = (struct mark){ACTIVITY_IDLE, TIER_NONE, 0};
        return true;
    }
    for (uint32_t i = 0; i < tiers->links.count; i++) {
        const struct tier_link *link = &tiers->links.items[i];
        double off =
            link->tier == capacity->serving ? off_by((double)link->wait_count, capacity->request_count) : 1e9;
        if (off < best) {
            best = off;
            *ret_mark = (struct mark){ACTIVITY_PEER, i, 0};
        }
    }
    for (size_t i = 0; i < tier->workers.count; i++) {
        const struct run_track *track = &tiers->run->tracks.items[tier->workers.items[i]];
        for (size_t j = 0; j < track->waits.count; j++)
            if (tiers_activity(tiers, capacity->serving, &track->waits.items[j], NULL) == ACTIVITY_OTHER)
                by_reason[track->waits.items[j].reason] +=
                    track->waits.items[j].blocked_ns ? track->waits.items[j].count : 0;
    }
    for (int reason = 0; reason < WAIT_REASON_COUNT; reason++) {
        double off = off_by(by_reason[reason], capacity->request_count);
        if (off < best) {
            best = off;
            *ret_mark = (struct mark){ACTIVITY_OTHER, TIER_NONE, reason};
        }
    }
    return best < 1e8;
}

/* --- paths --- */

static void where_of(const struct capacity *capacity, const struct part *part, struct arena *arena,
                     struct where *ret_where)
{
    const struct tiers *tiers = capacity->tiers;
    *ret_where = (struct where){.process = tiers->items.items[capacity->serving].name};
    if (part->index == TIER_NONE)
        return;
    if (part->activity == ACTIVITY_PEER)
        ret_where->peer = tiers->links.items[part->index].address;
    else if (part->activity == ACTIVITY_POOL)
        ret_where->peer = arena_printf(arena, "for a free connection to %s",
                                       tiers->links.items[tiers->locks.items[part->index].link].address);
    else
        ret_where->peer = tiers->locks.items[part->index].address;
}

struct entries {
    struct path_entry *items;
    size_t count, capacity;
};

static int put(struct entries *entries, const struct where *where, int doing, double ns)
{
    struct path_entry entry = {.where = *where, .doing = doing, .ns = (uint64_t)(ns + 0.5)};
    return entry.ns ? vec_push(entries, entry) : 0;
}

/* A wait for a recorded peer: its workers ran, queued or waited for something meanwhile, in these parts. */
static int put_peer(const struct capacity *capacity, const struct part *part, const struct where *here,
                    double ns, struct entries *entries)
{
    const struct tiers *tiers = capacity->tiers;
    const struct tier_link *link = &tiers->links.items[part->index];
    if (link->to == TIER_NONE || link->to == link->tier || link->wait_ns <= 0)
        return put(entries, here, part->doing, ns);
    const struct tier *to = &tiers->items.items[link->to];
    struct where there = {.process = to->name, .peer = link->address};
    double scale = ns / (link->wait_ns > to->busy_ns ? link->wait_ns : to->busy_ns);
    double run_ns = to->run_ns * scale, queue_ns = to->queue_ns * scale;
    double other_ns = to->busy_ns * scale - run_ns - queue_ns;
    if (other_ns < 0)
        other_ns = 0;
    if (put(entries, &there, DOING_CPU, run_ns) || put(entries, &there, WAIT_CPU_QUEUE, queue_ns) ||
        put(entries, &there, WAIT_REMOTE, other_ns))
        return -1;
    double rest_ns = ns - run_ns - queue_ns - other_ns;
    return rest_ns > 0 ? put(entries, here, part->doing, rest_ns) : 0;
}

static int compare_entries(const void *a, const void *b)
{
    const struct path_entry *x = a, *y = b;
    return (x->ns < y->ns) - (x->ns > y->ns);
}

/* The average of the requests between two latencies. */
static int path_between(struct measure *measure, uint64_t low_ns, uint64_t high_ns, struct arena *arena,
                        struct entries *ret_entries, struct err *err)
{
    measure->low_ns = low_ns;
    measure->high_ns = num_max(high_ns, 1);
    measure->summed_count = 0;
    memset(measure->sum, 0, sizeof measure->sum);
    if (walk(measure))
        return err_memory(err);
    struct entries entries = {0};
    int status = 0;
    for (size_t i = 0; i < measure->part_count && measure->summed_count && !status; i++) {
        const struct part *part = &measure->parts[i];
        double ns = measure->sum[i] / (double)measure->summed_count;
        struct where where;
        where_of(measure->capacity, part, arena, &where);
        status = part->activity == ACTIVITY_PEER && part->index != TIER_NONE
                     ? put_peer(measure->capacity, part, &where, ns, &entries)
                     : put(&entries, &where, part->doing, ns);
    }
    uint64_t sum_ns = 0;
    for (size_t i = 0; i < entries.count; i++)
        sum_ns += entries.items[i].ns;
    for (size_t i = 0; i < entries.count; i++)
        entries.items[i].ratio = entries.items[i].ratio_low = entries.items[i].ratio_high =
            num_ratio(entries.items[i].ns, sum_ns);
    if (entries.count)
        qsort(entries.items, entries.count, sizeof *entries.items, compare_entries);
    ret_entries->items = arena_alloc(arena, (entries.count + 1) * sizeof *entries.items);
    if (ret_entries->items && entries.count)
        memcpy(ret_entries->items, entries.items, entries.count * sizeof *entries.items);
    ret_entries->count = entries.count;
    vec_free(&entries);
    return status || !ret_entries->items ? err_memory(err) : 0;
}

/* --- spans --- */

struct spans {
    struct measure *measure;
    const struct run *run;
};

static int load_spans(void *context, const struct batch *batch, struct err *err)
{
    struct spans *spans = context;
    for (size_t i = 0; i < batch->row_count; i++) {
        uint64_t start_ns = batch->columns[COLUMN(span, start_ns)][i];
        uint64_t end_ns = batch->columns[COLUMN(span, end_ns)][i];
        if (batch->columns[COLUMN(span, category)][i] != SPAN_REQUEST || end_ns <= spans->run->start_ns ||
            end_ns > spans->run->end_ns || end_ns < start_ns ||
            spans->measure->latencies.count >= REQUEST_MAX)
            continue;
        if (vec_push(&spans->measure->latencies, end_ns - start_ns))
            return err_memory(err);
    }
    return 0;
}

static int compare_u64(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static uint64_t quantile(const struct measure *measure, double part)
{
    size_t count = measure->latencies.count;
    size_t index = (size_t)(part * (double)(count - 1) + 0.5);
    return measure->latencies.items[num_min(index, count - 1)];
}

static int measure_all(struct measure *measure, bool has_mark, struct arena *arena, struct service *service,
                       struct err *err)
{
    const struct run *run = measure->capacity->tiers->run;
    struct entries entries;
    int status = 0;
    struct spans spans = {measure, run};
    if (strcmp(measure->capacity->request_source, "spans") == 0)
        status = view_scan_all(run->view, TABLE_SPAN, load_spans, &spans, err);
    else if (has_mark && walk(measure))
        status = err_memory(err);
    if (status || measure->latencies.count < REQUEST_COUNT_MIN)
        return status;
    qsort(measure->latencies.items, measure->latencies.count, sizeof *measure->latencies.items, compare_u64);
    service->latency_ns_p50 = quantile(measure, 0.5);
    service->latency_ns_p99 = quantile(measure, 0.99);
    uint64_t around[2] = {quantile(measure, 0.4), quantile(measure, 0.6)};
    uint64_t slow[2] = {quantile(measure, 0.985), quantile(measure, 1)};
    if (!has_mark)
        return 0;
    status = path_between(measure, around[0], around[1], arena, &entries, err);
    if (status)
        return status;
    service->path_p50 = entries.items;
    service->path_p50_count = entries.count;
    status = path_between(measure, slow[0], slow[1], arena, &entries, err);
    if (status)
        return status;
    service->path_p99 = entries.items;
    service->path_p99_count = entries.count;
    return 0;
}

int requests_measure(const struct capacity *capacity, struct arena *arena, struct service *service,
                     struct err *err)
{
    struct measure measure = {.capacity = capacity};
    if (capacity->serving == TIER_NONE || capacity->request_count <= 0)
        return 0;
    bool has_mark =
        !capacity->tiers->items.items[capacity->serving].is_loop && mark_find(capacity, &measure.mark);
    int status = measure_all(&measure, has_mark, arena, service, err);
    vec_free(&measure.latencies);
    return status;
}
