/* SPDX-License-Identifier: Apache-2.0 */
/* human-wait, rate-limit and retry-storm: agents stand still for a human, for a limit, and for an API that fails. */
#include <string.h>

#include "agent_detect/agent_detector.h"
#include "base/num.h"
#include "model/agent_names.h"

#define RUN_RATIO_MIN 0.03
#define RETRIES_MIN   3

static bool is_such(const struct team *team, const struct run_wait *wait, const char *cause)
{
    if (strcmp(cause, "human-wait") == 0)
        return wait->reason == WAIT_HUMAN;
    if (wait->reason != WAIT_RATE_LIMIT)
        return false;
    const char *peer = wait->peer == RUN_NONE ? "" : team->run->peers.items[wait->peer].name;
    bool is_retry = strcmp(peer, PEER_NAME_RETRY) == 0;
    return is_retry == (strcmp(cause, "retry-storm") == 0);
}

/* The waits of a cause, of one agent (TEAM_NONE: of all). */
static int gather(const struct agent_scene *scene, struct agent_claim *claim, struct keep keep,
                  size_t *ret_count, uint64_t *ret_ns)
{
    const struct team *team = scene->team;
    uint64_t most = 0;
    *ret_count = 0;
    *ret_ns = 0;
    for (uint32_t i = 0; i < team->agents.count; i++) {
        const struct run_track *track = &team->run->tracks.items[team->agents.items[i].track];
        uint64_t its = 0;
        for (size_t j = 0; j < track->waits.count; j++) {
            const struct run_wait *wait = &track->waits.items[j];
            if (!is_such(team, wait, claim->cause))
                continue;
            its += wait->end_ns - wait->start_ns;
            (*ret_count)++;
            if (claim_time(claim, team->agents.items[i].track, wait->start_ns, wait->end_ns, keep))
                return -1;
        }
        *ret_ns += its;
        if (its > most) {
            most = its;
            claim->agent = i;
        }
    }
    return 0;
}

static int finish(struct agent_claims *claims, struct agent_claim *claim, bool is_enough, int failed,
                  struct err *err)
{
    if (is_enough && !failed)
        return agent_claim_add(claims, claim, err);
    vec_free(&claim->effects.items);
    return failed ? err_memory(err) : 0;
}

int detect_human_wait(const struct agent_scene *scene, struct agent_claims *claims, struct err *err)
{
    struct agent_claim claim = {.cause = "human-wait",
                                .agent = TEAM_NONE,
                                .task = TEAM_NONE,
                                .effort = EFFORT_LOW,
                                .change = "remove:wait/human",
                                .assumption = "what was asked can be allowed beforehand",
                                .fix =
                                    "allow beforehand what can be allowed, and let the rest go on meanwhile"};
    size_t count;
    uint64_t ns;
    int failed = gather(scene, &claim, (struct keep){0.5, 0, 0}, &count, &ns);
    if (!failed && count) {
        claim.title = agent_text(scene, "agents wait for a human for %s", agent_duration(scene, ns));
        if (count == 1)
            agent_claim_fact(scene, &claim, "once, for %s", agent_duration(scene, ns));
        else
            agent_claim_fact(scene, &claim, "%zu times, %s each", count, agent_duration(scene, ns / count));
    }
    return finish(claims, &claim, num_ratio(ns, scene->team->makespan_ns) >= RUN_RATIO_MIN, failed, err);
}

int detect_rate_limit(const struct agent_scene *scene, struct agent_claims *claims, struct err *err)
{
    struct agent_claim claim = {.cause = "rate-limit",
                                .agent = TEAM_NONE,
                                .task = TEAM_NONE,
                                .effort = EFFORT_MEDIUM,
                                .change = "remove:wait/rate_limit",
                                .assumption = "a higher limit, or fewer requests at once",
                                .fix = "ask for a higher limit, spread the requests, or send fewer tokens"};
    size_t count;
    uint64_t ns;
    int failed = gather(scene, &claim, (struct keep){0.5, 0, 0}, &count, &ns);
    if (!failed && count) {
        claim.title = agent_text(scene, "agents wait for a rate limit for %s", agent_duration(scene, ns));
        agent_claim_fact(scene, &claim, "%zu refusals, %s each", count, agent_duration(scene, ns / count));
    }
    return finish(claims, &claim, num_ratio(ns, scene->team->makespan_ns) >= RUN_RATIO_MIN, failed, err);
}

int detect_retry_storm(const struct agent_scene *scene, struct agent_claims *claims, struct err *err)
{
    const struct team *team = scene->team;
    struct agent_claim claim = {
        .cause = "retry-storm",
        .agent = TEAM_NONE,
        .task = TEAM_NONE,
        .effort = EFFORT_MEDIUM,
        .change = "remove:wait/rate_limit",
        .assumption = "the first try succeeds",
        .fix = "find why requests fail; longer pauses, or another endpoint after the second"};
    size_t count, failures = 0;
    uint64_t ns;
    double usd = 0;
    int failed = gather(scene, &claim, (struct keep){0.5, 0, 0}, &count, &ns);
    for (size_t i = 0; i < team->calls.count && !failed; i++) {
        const struct team_call *call = &team->calls.items[i];
        if (!call->is_error)
            continue;
        failures++;
        usd += call->usd;
        ns += call->end_ns - call->start_ns;
        claim.agent = claim.agent == TEAM_NONE ? call->agent : claim.agent;
        failed = claim_call(&claim, i, (struct keep){0.5, 0, 0}, (struct keep){0.5, 0, 0});
    }
    if (!failed && count + failures) {
        claim.title = agent_text(scene, "%zu failed requests are tried again, for %s",
                                 num_max(count, failures), agent_duration(scene, ns));
        if (usd > 0)
            agent_claim_fact(scene, &claim, "the failed ones cost $%.3f", usd);
        agent_claim_fact(scene, &claim, "%zu pauses before another try", count);
    }
    bool is_enough = count + failures >= RETRIES_MIN && num_ratio(ns, team->makespan_ns) >= RUN_RATIO_MIN;
    return finish(claims, &claim, is_enough, failed, err);
}
