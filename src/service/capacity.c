/* SPDX-License-Identifier: Apache-2.0 */
#include "service/capacity.h"

#include <math.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "model/meta.h"

/* With less of the cores in use, queueing for one is somebody else's doing: a delay, no use of a resource. */
#define CORES_SHORT_RATIO 0.7
/* Threads that queue for a core on average, for cores to be short whatever is used of them: fewer are the delays of waking. */
#define QUEUEING_MIN 1.0
/* Below it a lock or a device is not worth a row. */
#define COVER_RATIO_MIN 0.01
/* Who wakes whom is told by the kernel, which cannot know what for: only much of it is a lock. */
#define SIBLING_COVER_MIN 0.3
/* A server outside the recording that uses one core, no more and no less, has one thread, and it is busy. */
#define ONE_CORE_LOW  0.9
#define ONE_CORE_HIGH 1.1
/* Requests told by spans: fewer say nothing. */
#define SPAN_COUNT_MIN 10
/* Of resources as close as this the inner one is what the outer one waits for. */
#define TIE_RATIO 0.05

const char *resource_kind_name(enum resource_kind kind)
{
    static const char *const names[] = {[RESOURCE_LOCK] = "lock",     [RESOURCE_CONNECTIONS] = "connections",
                                        [RESOURCE_DEVICE] = "device", [RESOURCE_CORES] = "cores",
                                        [RESOURCE_PEER] = "peer",     [RESOURCE_WORKERS] = "workers"};
    return names[kind];
}

/* --- requests --- */

struct span_count {
    const struct run *run;
    uint64_t count;
};

static int count_spans(void *context, const struct batch *batch, struct err *err)
{
    struct span_count *spans = context;
    (void)err;
    for (size_t i = 0; i < batch->row_count; i++) {
        uint64_t end_ns = batch->columns[COLUMN(span, end_ns)][i];
        spans->count += batch->columns[COLUMN(span, category)][i] == SPAN_REQUEST &&
                        end_ns > spans->run->start_ns && end_ns <= spans->run->end_ns;
    }
    return 0;
}

/* Clients that wait to be accepted: the mean of the series of that name over its points. */
struct queue_series {
    VEC(uint64_t) ids;
    double sum;
    uint64_t count;
    const struct run *run;
};

static int find_queues(void *context, const struct batch *batch, struct err *err)
{
    struct queue_series *queue = context;
    for (size_t i = 0; i < batch->row_count; i++) {
        const char *name = view_text(queue->run->view, batch->columns[COLUMN(series, name)][i]);
        if (str_starts(name, SERIES_QUEUE_ACCEPT) &&
            vec_push(&queue->ids, batch->columns[COLUMN(series, id)][i]))
            return err_memory(err);
    }
    return 0;
}

static int sum_queues(void *context, const struct batch *batch, struct err *err)
{
    struct queue_series *queue = context;
    (void)err;
    for (size_t i = 0; i < batch->row_count; i++)
        for (size_t j = 0; j < queue->ids.count; j++)
            if (batch->columns[COLUMN(point, series)][i] == queue->ids.items[j]) {
                queue->sum += num_double(batch->columns[COLUMN(point, value)][i]);
                queue->count += j == 0;
            }
    return 0;
}

static int queue_find(struct capacity *capacity, struct err *err)
{
    struct queue_series queue = {.run = capacity->tiers->run};
    int status = view_scan_all(queue.run->view, TABLE_SERIES, find_queues, &queue, err);
    if (!status && queue.ids.count)
        status = view_scan_all(queue.run->view, TABLE_POINT, sum_queues, &queue, err);
    if (queue.count)
        capacity->queue_count = queue.sum / (double)queue.count;
    vec_free(&queue.ids);
    return status;
}

/* Clients come to the tier that no other tier is a client of, and that has the most of them. */
static void entry_find(struct capacity *capacity)
{
    const struct tiers *tiers = capacity->tiers;
    capacity->entry = capacity->serving = TIER_NONE;
    double best = 0, best_busy = 0;
    for (uint32_t i = 0; i < tiers->items.count; i++) {
        const struct tier *tier = &tiers->items.items[i];
        if (tier->has_upstream || !tier->workers.count)
            continue;
        bool takes = tier->requests_per_s > 0 || tier->idle_count > 0;
        double score = tier->requests_per_s > 0 ? tier->requests_per_s : takes ? 1e-9 : 0;
        if (score > best || (score == best && tier->busy_ns > best_busy)) {
            best = score;
            best_busy = tier->busy_ns;
            capacity->entry = i;
        }
    }
}

/* Downstream of the entry, over links, the first tier that is no event loop. */
static void serving_find(struct capacity *capacity)
{
    const struct tiers *tiers = capacity->tiers;
    uint32_t at = capacity->entry;
    for (size_t hop = 0; hop < tiers->items.count && at != TIER_NONE; hop++) {
        if (!tiers->items.items[at].is_loop)
            break;
        uint32_t next = TIER_NONE;
        for (size_t i = 0; i < tiers->links.count; i++) {
            const struct tier_link *link = &tiers->links.items[i];
            if (link->tier == at && link->to != TIER_NONE && link->to != at &&
                tiers->items.items[link->to].workers.count &&
                (next == TIER_NONE ||
                 tiers->items.items[link->to].busy_ns > tiers->items.items[next].busy_ns))
                next = link->to;
        }
        if (next == TIER_NONE)
            break;
        at = next;
    }
    capacity->serving = at;
}

/* What a tier's workers did once for each request, most likely: came back to wait for work, or asked a peer. */
static double waits_rate(const struct capacity *capacity, uint32_t index)
{
    const struct tiers *tiers = capacity->tiers;
    const struct tier *tier = &tiers->items.items[index];
    uint64_t count = num_max(tier->is_loop ? 0 : tier->idle_count, tier->handed_count);
    double linked = 0;
    for (size_t i = 0; i < tiers->links.count; i++) {
        const struct tier_link *link = &tiers->links.items[i];
        if (link->tier != index)
            continue;
        count = num_max(count, link->wait_count);
        linked = fmax(linked, link->requests_per_s);
    }
    return linked > 0 ? linked : (double)count * 1e9 / tiers->window_ns;
}

static int requests_count(struct capacity *capacity, struct err *err)
{
    const struct tiers *tiers = capacity->tiers;
    struct span_count spans = {.run = tiers->run};
    int status = view_scan_all(tiers->run->view, TABLE_SPAN, count_spans, &spans, err);
    if (status)
        return status;
    capacity->request_source = "none";
    if (spans.count >= SPAN_COUNT_MIN) {
        capacity->request_source = "spans";
        capacity->requests_per_s = (double)spans.count * 1e9 / tiers->window_ns;
    } else if (capacity->entry != TIER_NONE && tiers->items.items[capacity->entry].requests_per_s > 0) {
        capacity->request_source = "connections";
        capacity->requests_per_s = tiers->items.items[capacity->entry].requests_per_s;
    } else if (capacity->serving != TIER_NONE) {
        capacity->request_source = "waits";
        capacity->requests_per_s = waits_rate(capacity, capacity->serving);
    }
    capacity->request_count = capacity->requests_per_s * tiers->window_ns / 1e9;
    return 0;
}

/* --- resources --- */

static double mean_of_points(const struct run *run, const struct run_point *points, size_t count)
{
    double sum = 0;
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (points[i].time_ns < run->start_ns || points[i].time_ns > run->end_ns)
            continue;
        sum += points[i].value;
        used++;
    }
    return used ? sum / (double)used : 0;
}

/* The recorded programs can have the cores that others leave, or half of them when both want all. They have as many as
 * they use when some of their threads always queue for one: with n queueing on average a queue is busy for n / (1 + n)
 * of the time (M/M/1). */
static void cores_find(struct capacity *capacity)
{
    const struct tiers *tiers = capacity->tiers;
    const struct run *run = tiers->run;
    double outside = mean_of_points(run, run->outside.items, run->outside.count);
    capacity->cores = fmax(run->cpu_count - outside, run->cpu_count / 2.0);
    double queueing = 0;
    for (size_t i = 0; i < tiers->items.count; i++) {
        capacity->cores_used += tiers->items.items[i].run_all_ns / tiers->window_ns;
        queueing += tiers->items.items[i].queue_ns / tiers->window_ns;
    }
    if (queueing >= QUEUEING_MIN)
        capacity->cores = fmin(capacity->cores, capacity->cores_used * (1 + queueing) / queueing);
    capacity->cores_short = capacity->cores_used >= CORES_SHORT_RATIO * capacity->cores;
}

double capacity_queueing_ratio(const struct capacity *capacity, uint32_t index)
{
    const struct tiers *tiers = capacity->tiers;
    const struct tier *tier = &tiers->items.items[index];
    double queueing_ns = capacity->cores_short ? tier->queue_ns : 0;
    for (size_t i = 0; i < tiers->locks.count; i++) {
        const struct tier_lock *lock = &tiers->locks.items[i];
        bool is_idle = strcmp(lock->name, PEER_NAME_CONDITION) == 0 && lock->link == TIER_NONE;
        queueing_ns += lock->tier == index && !is_idle ? lock->wait_ns : 0;
    }
    return tier->busy_ns > 0 ? fmin(queueing_ns / tier->busy_ns, 1) : 0;
}

double capacity_cpu_s(const struct capacity *capacity, uint32_t tier)
{
    return capacity->request_count > 0
               ? capacity->tiers->items.items[tier].run_all_ns / 1e9 / capacity->request_count
               : 0;
}

/* The part of a link's waits in which the other side itself queues. */
static double link_queueing_ratio(const struct capacity *capacity, const struct tier_link *link)
{
    return link->to == TIER_NONE || link->to == link->tier ? 0 : capacity_queueing_ratio(capacity, link->to);
}

static int add(struct capacity *capacity, const struct resource *resource, struct err *err)
{
    struct resource copy = *resource;
    copy.use_ratio = fmin(fmax(copy.use_ratio, 0), 1);
    return vec_push(&capacity->resources, copy) ? err_memory(err) : 0;
}

static int add_workers(struct capacity *capacity, uint32_t index, struct err *err)
{
    const struct tiers *tiers = capacity->tiers;
    const struct tier *tier = &tiers->items.items[index];
    bool serves = tier->idle_count > 0 || index == capacity->entry || index == capacity->serving;
    if (!tier->workers.count || tier->is_by_connection || !serves)
        return 0;
    double elsewhere_ns = capacity_queueing_ratio(capacity, index) * tier->busy_ns;
    for (size_t i = 0; i < tiers->links.count; i++) {
        const struct tier_link *link = &tiers->links.items[i];
        elsewhere_ns += link->tier == index ? link->wait_ns * link_queueing_ratio(capacity, link) : 0;
    }
    double count = (double)tier->workers.count;
    struct resource resource = {.kind = RESOURCE_WORKERS,
                                .tier = index,
                                .link = TIER_NONE,
                                .lock = TIER_NONE,
                                .servers = count,
                                .use_ratio = (tier->busy_ns - elsewhere_ns) / (count * tiers->window_ns)};
    return add(capacity, &resource, err);
}

/* A lock is held at least while somebody waits for it. With a second customer there P2 = U^2 of the time (M/M/1), the
 * time in which one waits is the square of that in which it is held. */
static int add_lock(struct capacity *capacity, uint32_t index, struct err *err)
{
    const struct tier_lock *lock = &capacity->tiers->locks.items[index];
    double cover = lock->cover_ns / capacity->tiers->window_ns;
    bool is_inside = lock->group == GROUP_SIBLINGS;
    if (cover < (is_inside ? SIBLING_COVER_MIN : COVER_RATIO_MIN) || lock->waiter_count < 2 ||
        strcmp(lock->name, PEER_NAME_CONDITION) == 0)
        return 0;
    struct resource resource = {.kind = RESOURCE_LOCK,
                                .tier = lock->tier,
                                .link = TIER_NONE,
                                .lock = index,
                                .servers = 1,
                                .use_ratio = is_inside ? cover : sqrt(cover)};
    return add(capacity, &resource, err);
}

static const struct run_server *server_of(const struct tiers *tiers, const struct tier_link *link)
{
    const struct run *run = tiers->run;
    for (size_t i = 0; i < run->peers.count; i++) {
        const char *name = run->peers.items[i].server;
        if (tiers->places.items[i].group != link->group || tiers->places.items[i].role != ROLE_OUT || !name)
            continue;
        for (size_t j = 0; j < run->servers.count; j++)
            if (strcmp(run->servers.items[j].name, name) == 0)
                return &run->servers.items[j];
    }
    return NULL;
}

static int add_link(struct capacity *capacity, uint32_t index, struct err *err)
{
    const struct tiers *tiers = capacity->tiers;
    const struct tier_link *link = &tiers->links.items[index];
    struct resource resource = {.tier = link->tier, .link = index, .lock = TIER_NONE};
    int status = 0;
    if (link->requests_per_s > 0 && link->wait_count && link->connection_count) {
        resource.kind = RESOURCE_CONNECTIONS;
        resource.servers = link->connection_count;
        resource.use_ratio =
            link->wait_ns * (1 - link_queueing_ratio(capacity, link)) / (resource.servers * tiers->window_ns);
        status = add(capacity, &resource, err);
    }
    const struct run_server *server = link->to == TIER_NONE ? server_of(tiers, link) : NULL;
    double cores = server ? mean_of_points(tiers->run, server->points.items, server->points.count) : 0;
    if (!status && cores >= ONE_CORE_LOW && cores <= ONE_CORE_HIGH) {
        resource.kind = RESOURCE_PEER;
        resource.servers = 1;
        resource.use_ratio = cores;
        status = add(capacity, &resource, err);
    }
    return status;
}

/* How long at least one thread waited for the disk, as a part of the window. */
static int add_disk(struct capacity *capacity, struct err *err)
{
    const struct tiers *tiers = capacity->tiers;
    const struct run *run = tiers->run;
    double by_reason[WAIT_REASON_COUNT] = {0}, all = 0;
    for (size_t i = 0; i < run->tracks.count; i++)
        for (size_t j = 0; j < run->tracks.items[i].waits.count; j++) {
            const struct run_wait *wait = &run->tracks.items[i].waits.items[j];
            if (wait->reason == WAIT_DISK_READ || wait->reason == WAIT_DISK_WRITE ||
                wait->reason == WAIT_DISK_SYNC)
                by_reason[wait->reason] +=
                    tiers_part(run, wait) * (double)wait->blocked_ns / tiers->window_ns;
        }
    struct resource resource = {.kind = RESOURCE_DEVICE,
                                .tier = TIER_NONE,
                                .link = TIER_NONE,
                                .lock = TIER_NONE,
                                .reason = WAIT_DISK_READ,
                                .servers = 1};
    for (int reason = 0; reason < WAIT_REASON_COUNT; reason++) {
        all += by_reason[reason];
        if (by_reason[reason] > by_reason[resource.reason])
            resource.reason = (enum wait_reason)reason;
    }
    /* n waits at once on average: busy for 1 - 1 / (1 + n) of the time (a queue of one server with n there). */
    resource.use_ratio = all / (1 + all);
    return resource.use_ratio >= COVER_RATIO_MIN ? add(capacity, &resource, err) : 0;
}

/* Cores that one program behind another uses up are that peer's slowness. */
static int add_cores(struct capacity *capacity, struct err *err)
{
    struct resource resource = {.kind = RESOURCE_CORES,
                                .tier = TIER_NONE,
                                .link = TIER_NONE,
                                .lock = TIER_NONE,
                                .servers = capacity->tiers->run->cpu_count,
                                .use_ratio = capacity->cores_used / capacity->cores};
    const struct tiers *tiers = capacity->tiers;
    for (uint32_t i = 0; i < tiers->items.count; i++)
        if (resource.tier == TIER_NONE ||
            tiers->items.items[i].run_all_ns > tiers->items.items[resource.tier].run_all_ns)
            resource.tier = i;
    if (resource.tier == TIER_NONE)
        return 0;
    const struct tier *tier = &tiers->items.items[resource.tier];
    bool is_most = tier->run_all_ns > 0.5 * capacity->cores_used * tiers->window_ns;
    for (uint32_t i = 0; i < tiers->links.count && is_most && resource.tier != capacity->serving; i++)
        if (tiers->links.items[i].to == resource.tier && tiers->links.items[i].tier != resource.tier)
            resource.link = i;
    if (resource.link != TIER_NONE && resource.use_ratio >= SATURATED_RATIO)
        resource.kind = RESOURCE_PEER;
    return add(capacity, &resource, err);
}

static int compare_use(const void *a, const void *b)
{
    const struct resource *x = a, *y = b;
    if (fabs(x->use_ratio - y->use_ratio) > TIE_RATIO)
        return x->use_ratio < y->use_ratio ? 1 : -1;
    return (int)x->kind - (int)y->kind;
}

/* Near ties make the order no total one: an insertion sort ends all the same. */
static void sort_resources(struct capacity *capacity)
{
    struct resource *items = capacity->resources.items;
    for (size_t i = 1; i < capacity->resources.count; i++) {
        struct resource item = items[i];
        size_t at = i;
        for (; at && compare_use(&item, &items[at - 1]) < 0; at--)
            items[at] = items[at - 1];
        items[at] = item;
    }
}

int capacity_find(const struct tiers *tiers, struct capacity *ret_capacity, struct err *err)
{
    struct capacity *capacity = ret_capacity;
    *capacity = (struct capacity){.tiers = tiers, .limit = TIER_NONE};
    entry_find(capacity);
    serving_find(capacity);
    cores_find(capacity);
    int status = requests_count(capacity, err);
    if (!status)
        status = queue_find(capacity, err);
    for (uint32_t i = 0; i < tiers->items.count && !status; i++)
        status = add_workers(capacity, i, err);
    for (uint32_t i = 0; i < tiers->locks.count && !status; i++)
        status = add_lock(capacity, i, err);
    for (uint32_t i = 0; i < tiers->links.count && !status; i++)
        status = add_link(capacity, i, err);
    if (!status)
        status = add_cores(capacity, err);
    if (!status)
        status = add_disk(capacity, err);
    if (status)
        return status;
    sort_resources(capacity);
    if (capacity->resources.count && capacity->resources.items[0].use_ratio >= SATURATED_RATIO)
        capacity->limit = 0;
    return 0;
}

void capacity_free(struct capacity *capacity)
{
    vec_free(&capacity->resources);
}
