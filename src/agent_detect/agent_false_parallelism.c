/* SPDX-License-Identifier: Apache-2.0 */
/*
 * false-parallelism: agents work side by side, but the model serves them one at a time.
 *
 * Of requests of siblings that overlap, by their end: a request's service is what it lasts beyond the end of the one before it. Served
 * one at a time, services are about equal and each request lasts for its own and for those in front; truly at once, they end
 * together and most services are next to nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "agent_detect/agent_detector.h"
#include "base/num.h"

#define REQUESTS_MIN 6
#define AGENTS_MIN   3
#define SHARE_MAX    0.6 /* services over durations */
#define EVEN_MIN     0.5 /* the median service over the mean one */

struct request {
    size_t call;
    uint64_t start_ns, end_ns;
    double service_ns;
    bool is_alone;
};

static int by_end(const void *a, const void *b)
{
    const struct request *x = a, *y = b;
    return (x->end_ns > y->end_ns) - (x->end_ns < y->end_ns);
}

static int by_service(const void *a, const void *b)
{
    const struct request *x = a, *y = b;
    return (x->service_ns > y->service_ns) - (x->service_ns < y->service_ns);
}

struct queue {
    VEC(struct request) requests;
    double services_ns, durations_ns;
};

#define REQUESTS_MAX 2000 /* looked at, of one group */

/* Whether another one is there for a fifth of its time or more: what is alone is in nobody's way. */
static bool has_company(const struct queue *queue, size_t index)
{
    const struct request *request = &queue->requests.items[index];
    uint64_t fifth = (request->end_ns - request->start_ns) / 5;
    for (size_t i = 0; i < queue->requests.count; i++) {
        const struct request *other = &queue->requests.items[i];
        if (i != index && other->start_ns + fifth < request->end_ns &&
            other->end_ns > request->start_ns + fifth)
            return true;
    }
    return false;
}

static void drop_alone(struct queue *queue)
{
    size_t kept = 0;
    struct request *items = queue->requests.items;
    for (size_t i = 0; i < queue->requests.count; i++)
        items[i].is_alone = !has_company(queue, i);
    for (size_t i = 0; i < queue->requests.count; i++) {
        if (!items[i].is_alone)
            items[kept++] = items[i];
    }
    queue->requests.count = kept;
}

static int gather(const struct agent_scene *scene, const struct agent_groups *groups, uint32_t group,
                  struct queue *queue)
{
    const struct team *team = scene->team;
    queue->requests.count = 0;
    queue->services_ns = queue->durations_ns = 0;
    for (size_t i = 0; i < team->calls.count; i++) {
        const struct team_call *call = &team->calls.items[i];
        struct request request = {.call = i, .start_ns = call->start_ns, .end_ns = call->end_ns};
        bool is_of = groups->group_of[call->agent] == group && call->end_ns > call->start_ns;
        if (is_of && queue->requests.count < REQUESTS_MAX && vec_push(&queue->requests, request))
            return -1;
    }
    if (queue->requests.count)
        qsort(queue->requests.items, queue->requests.count, sizeof *queue->requests.items, by_end);
    drop_alone(queue);
    for (size_t i = 0; i < queue->requests.count; i++) {
        struct request *request = &queue->requests.items[i];
        uint64_t from =
            i ? num_max(request->start_ns, queue->requests.items[i - 1].end_ns) : request->start_ns;
        request->service_ns = (double)(request->end_ns - num_min(from, request->end_ns));
        queue->services_ns += request->service_ns;
        queue->durations_ns += (double)(request->end_ns - request->start_ns);
    }
    return 0;
}

static bool is_served_in_turn(struct queue *queue)
{
    size_t count = queue->requests.count;
    if (count < REQUESTS_MIN || queue->services_ns > SHARE_MAX * queue->durations_ns)
        return false;
    qsort(queue->requests.items, count, sizeof *queue->requests.items, by_service);
    double median = queue->requests.items[count / 2].service_ns;
    return median >= EVEN_MIN * queue->services_ns / (double)count;
}

static int look_at(const struct agent_scene *scene, const struct agent_groups *groups, uint32_t group,
                   struct queue *queue, struct agent_claims *claims, struct err *err)
{
    const struct team *team = scene->team;
    size_t members = 0;
    uint32_t first = TEAM_NONE;
    for (uint32_t i = 0; i < team->agents.count; i++) {
        members += groups->group_of[i] == group;
        first = groups->group_of[i] == group && first == TEAM_NONE ? i : first;
    }
    if (members < AGENTS_MIN)
        return 0;
    if (gather(scene, groups, group, queue))
        return err_memory(err);
    if (!is_served_in_turn(queue))
        return 0;
    const char *model = team->calls.items[queue->requests.items[0].call].model;
    struct agent_claim claim = {
        .cause = "false-parallelism",
        .agent = first,
        .task = TEAM_NONE,
        .peer = model,
        .effort = EFFORT_MEDIUM,
        .assumption = "the model can serve them at the same time",
        .fix = "take away what makes them take turns: an account's limit of one, a lock, one client"};
    claim.title = agent_text(scene, "%zu agents start together and are served one at a time", members);
    claim.change = agent_text(scene, "workers:peer/%s=%zu", model, members);
    agent_claim_fact(scene, &claim, "%zu requests last %s together, served in turn in %s",
                     queue->requests.count, agent_duration(scene, num_u64(queue->durations_ns)),
                     agent_duration(scene, num_u64(queue->services_ns)));
    int status = 0;
    for (size_t i = 0; i < queue->requests.count && !status; i++) {
        const struct request *request = &queue->requests.items[i];
        double keep = request->service_ns / (double)(request->end_ns - request->start_ns);
        status = claim_call(&claim, request->call, (struct keep){(1 + keep) / 2, keep, keep}, KEEP_ALL);
    }
    if (status) {
        vec_free(&claim.effects.items);
        return err_memory(err);
    }
    return agent_claim_add(claims, &claim, err);
}

int detect_agent_false_parallelism(const struct agent_scene *scene, struct agent_claims *claims,
                                   struct err *err)
{
    struct agent_groups groups;
    struct queue queue = {0};
    int status = agent_groups_find(scene, &groups) ? err_memory(err) : 0;
    for (uint32_t i = 0; !status && i < groups.count; i++)
        status = look_at(scene, &groups, i, &queue, claims, err);
    vec_free(&queue.requests);
    return status;
}
