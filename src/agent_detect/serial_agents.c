/* SPDX-License-Identifier: Apache-2.0 */
/* serial-independent: an agent starts others one after another and waits for each, though none declared that it needs another. */
#include "agent_detect/agent_detector.h"
#include "base/num.h"

#define CHILDREN_MIN  2
#define RUN_RATIO_MIN 0.05

static bool depends(const struct team *team, uint32_t before, uint32_t after)
{
    const struct run *run = team->run;
    for (size_t i = 0; i < run->edges.count; i++) {
        const struct run_edge *edge = &run->edges.items[i];
        if ((edge->kind == EDGE_DEPENDS || edge->kind == EDGE_DATA) && team->agent_of[edge->from] == before &&
            team->agent_of[edge->to] == after)
            return true;
    }
    return false;
}

/* The parent's wait for the child's end; NULL when it has none. */
static const struct run_wait *joined(const struct team *team, const struct team_agent *parent,
                                     const struct team_agent *child)
{
    const struct run_track *track = &team->run->tracks.items[parent->track];
    for (size_t i = 0; i < track->waits.count; i++) {
        if (track->waits.items[i].waker == child->track && track->waits.items[i].reason == WAIT_CHILD)
            return &track->waits.items[i];
    }
    return NULL;
}

/* A row of children, each started after the end of the one before. */
struct row {
    size_t count;
    uint32_t first, last; /* agents */
    uint64_t start_ns, end_ns, sum_ns, longest_ns;
};

static int claim_row(const struct agent_scene *scene, uint32_t parent, const struct row *row,
                     struct agent_claims *claims, struct err *err)
{
    const struct team *team = scene->team;
    const struct team_agent *agent = &team->agents.items[parent];
    if (row->count < CHILDREN_MIN ||
        num_ratio(row->sum_ns - row->longest_ns, team->makespan_ns) < RUN_RATIO_MIN)
        return 0;
    struct agent_claim claim = {.cause = "serial-independent",
                                .agent = parent,
                                .task = TEAM_NONE,
                                .peer = team->agents.items[row->first].kind[0]
                                            ? team->agents.items[row->first].kind
                                            : team->agents.items[row->first].name,
                                .effort = EFFORT_LOW,
                                .assumption = "independence assumed: no dependency between them was recorded",
                                .fix = agent_text(scene, "start all %zu at once", row->count)};
    claim.title = agent_text(scene, "%s starts %zu agents one after another and waits for each", agent->name,
                             row->count);
    claim.change = agent_text(scene, "workers:agent/%s=%zu", agent->name, row->count);
    agent_claim_fact(scene, &claim, "they take %s in a row, the longest %s",
                     agent_duration(scene, row->sum_ns), agent_duration(scene, row->longest_ns));
    struct team_effect effect = {.kind = EFFECT_APART,
                                 .actor = agent->track,
                                 .start_ns = row->start_ns,
                                 .end_ns = row->end_ns,
                                 .time_keep = {1, 1, 1},
                                 .cost_keep = {1, 1, 1}};
    if (effects_add(&claim.effects, effect)) {
        vec_free(&claim.effects.items);
        return err_memory(err);
    }
    return agent_claim_add(claims, &claim, err);
}

static int look_at(const struct agent_scene *scene, uint32_t parent, struct agent_claims *claims,
                   struct err *err)
{
    const struct team *team = scene->team;
    struct row row = {0};
    int status = 0;
    /* Tracks are written in the order of files: by start they come one by one. */
    uint64_t after_ns = 0;
    for (size_t round = 0; round < team->agents.count && !status; round++) {
        uint32_t next = TEAM_NONE;
        for (uint32_t i = 0; i < team->agents.count; i++) {
            const struct team_agent *child = &team->agents.items[i];
            if (child->parent == parent && child->start_ns > after_ns &&
                (next == TEAM_NONE || child->start_ns < team->agents.items[next].start_ns))
                next = i;
        }
        if (next == TEAM_NONE)
            break;
        const struct team_agent *child = &team->agents.items[next];
        const struct run_wait *wait = joined(team, &team->agents.items[parent], child);
        after_ns = child->start_ns;
        bool goes_on = row.count && wait && child->start_ns >= team->agents.items[row.last].end_ns &&
                       !depends(team, row.last, next);
        if (!goes_on) {
            status = claim_row(scene, parent, &row, claims, err);
            row = (struct row){0};
        }
        if (!wait)
            continue;
        uint64_t life = child->end_ns - child->start_ns;
        if (!row.count) {
            row.first = next;
            row.start_ns = wait->start_ns;
        }
        row.count++;
        row.last = next;
        row.end_ns = wait->end_ns;
        row.sum_ns += life;
        row.longest_ns = num_max(row.longest_ns, life);
    }
    return status ? status : claim_row(scene, parent, &row, claims, err);
}

int detect_serial_agents(const struct agent_scene *scene, struct agent_claims *claims, struct err *err)
{
    int status = 0;
    for (uint32_t i = 0; i < scene->team->agents.count && !status; i++)
        status = look_at(scene, i, claims, err);
    return status;
}
