/* SPDX-License-Identifier: Apache-2.0 */
#include "team/team.h"

#include <math.h>
#include <string.h>

#include "base/num.h"
#include "model/agent_names.h"

#define PARENT_HOPS_MAX 64
#define BYTES_PER_TOKEN 4

static const char *const doing_names[TEAM_DOING_COUNT] = {"own",   "api",        "tool", "agent",
                                                          "human", "rate_limit", "idle", "unknown"};

const char *team_doing_name(enum team_doing doing)
{
    return doing_names[doing];
}

double tokens_prompt_of(const struct team_tokens *tokens)
{
    return tokens->input + tokens->cache_read + tokens->cache_write_5m + tokens->cache_write_1h;
}

double tokens_sum(const struct team_tokens *tokens)
{
    return tokens_prompt_of(tokens) + tokens->output;
}

bool team_is(const struct run *run)
{
    for (size_t i = 0; i < run->tracks.count; i++) {
        if (run->tracks.items[i].present && run->tracks.items[i].kind == TRACK_AGENT)
            return true;
    }
    return false;
}

double team_efficiency(const struct team *team)
{
    return team->agents.count ? num_ratio(team->busy_ns, team->makespan_ns * team->agents.count) : 0;
}

/* --- loading --- */

struct loader {
    struct team *team;
    struct map place; /* span id -> index * 16 + category */
};

static void find_agents(struct team *team, int *status)
{
    const struct run *run = team->run;
    for (uint32_t i = 0; i < run->tracks.count; i++)
        team->agent_of[i] = TEAM_NONE;
    for (uint32_t i = 0; i < run->tracks.count && !*status; i++) {
        const struct run_track *track = &run->tracks.items[i];
        if (!track->present || track->kind != TRACK_AGENT)
            continue;
        struct team_agent agent = {.name = track->name,
                                   .kind = "",
                                   .title = "",
                                   .track = i,
                                   .parent = TEAM_NONE,
                                   .start_ns = num_max(track->start_ns, run->start_ns),
                                   .end_ns = num_min(track->end_ns, run->end_ns)};
        team->agent_of[i] = (uint32_t)team->agents.count;
        *status = vec_push(&team->agents, agent);
    }
    for (uint32_t i = 0; i < run->tracks.count; i++) {
        uint32_t at = i;
        for (size_t hops = 0; at != RUN_NONE && at < run->tracks.count && hops < PARENT_HOPS_MAX; hops++) {
            uint32_t agent = team->agent_of[at];
            if (agent != TEAM_NONE && at != i && run->tracks.items[i].kind == TRACK_AGENT) {
                team->agents.items[team->agent_of[i]].parent = agent;
                break;
            }
            if (agent != TEAM_NONE && run->tracks.items[i].kind != TRACK_AGENT) {
                team->agent_of[i] = agent;
                break;
            }
            at = run->tracks.items[at].parent;
        }
    }
}

static int load_spans(void *context, const struct batch *batch, struct err *err)
{
    struct loader *loader = context;
    struct team *team = loader->team;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_span row;
        batch_row(batch, i, (uint64_t *)&row);
        if (!row.track || row.track > team->run->tracks.count)
            continue;
        uint32_t actor = (uint32_t)(row.track - 1), agent = team->agent_of[actor];
        const char *name = view_text(team->run->view, row.name);
        uint64_t index = 0;
        int status = 0;
        if (agent == TEAM_NONE)
            continue;
        if (row.category == SPAN_LLM) {
            struct team_call call = {.start_ns = row.start_ns,
                                     .end_ns = num_max(row.end_ns, row.start_ns),
                                     .actor = actor,
                                     .agent = agent,
                                     .task = (uint32_t)row.parent,
                                     .model = name,
                                     .tier = "",
                                     .is_priced = true,
                                     .is_error = row.status != 0};
            index = team->calls.count;
            status = vec_push(&team->calls, call);
        } else if (row.category == SPAN_TOOL) {
            struct team_tool tool = {.start_ns = row.start_ns,
                                     .end_ns = num_max(row.end_ns, row.start_ns),
                                     .actor = actor,
                                     .agent = agent,
                                     .task = (uint32_t)row.parent,
                                     .name = name,
                                     .text = "",
                                     .is_error = row.status != 0};
            index = team->tools.count;
            status = vec_push(&team->tools, tool);
        } else if (row.category == SPAN_TASK) {
            struct team_task task = {.name = name,
                                     .agent = agent,
                                     .start_ns = row.start_ns,
                                     .end_ns = num_max(row.end_ns, row.start_ns)};
            index = team->tasks.count;
            status = vec_push(&team->tasks, task);
        } else {
            continue;
        }
        if (status || map_put(&loader->place, row.id, index * 16 + row.category))
            return err_memory(err);
    }
    return 0;
}

static struct team_call *call_of(const struct loader *loader, uint64_t span)
{
    const uint64_t *place = map_get(&loader->place, span);
    return place && *place % 16 == SPAN_LLM ? &loader->team->calls.items[*place / 16] : NULL;
}

static int load_usage(void *context, const struct batch *batch, struct err *err)
{
    struct loader *loader = context;
    (void)err;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_usage row;
        batch_row(batch, i, (uint64_t *)&row);
        const char *kind = view_text(loader->team->run->view, row.kind);
        double amount = num_double(row.amount);
        struct team_call *call = call_of(loader, row.span);
        const uint64_t *place = map_get(&loader->place, row.span);
        if (!(amount >= 0) || !isfinite(amount))
            continue;
        if (place && *place % 16 == SPAN_TOOL && strcmp(kind, USAGE_RESULT_BYTES) == 0)
            loader->team->tools.items[*place / 16].result_bytes += amount;
        if (!call)
            continue;
        const struct {
            const char *kind;
            double *field;
        } fields[] = {{USAGE_INPUT, &call->tokens.input},
                      {USAGE_OUTPUT, &call->tokens.output},
                      {USAGE_CACHE_READ, &call->tokens.cache_read},
                      {USAGE_CACHE_WRITE_5M, &call->tokens.cache_write_5m},
                      {USAGE_CACHE_WRITE_1H, &call->tokens.cache_write_1h},
                      {USAGE_REASONING, &call->tokens.reasoning},
                      {USAGE_OUTPUT_HIGH, &call->output_high},
                      {USAGE_COST, &call->usd},
                      {USAGE_CONTEXT_BYTES, &call->context_bytes}};
        for (size_t j = 0; j < sizeof fields / sizeof fields[0]; j++) {
            if (strcmp(kind, fields[j].kind) == 0)
                *fields[j].field += amount;
        }
    }
    return 0;
}

static int load_attrs(void *context, const struct batch *batch, struct err *err)
{
    struct loader *loader = context;
    struct team *team = loader->team;
    const struct view *view = team->run->view;
    (void)err;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_attr row;
        batch_row(batch, i, (uint64_t *)&row);
        const char *key = view_text(view, row.key), *value = view_text(view, row.value);
        uint64_t number = 0;
        if (row.owner_table == TABLE_TRACK && row.owner && row.owner <= team->run->tracks.count &&
            team->run->tracks.items[row.owner - 1].kind == TRACK_AGENT) {
            struct team_agent *agent = &team->agents.items[team->agent_of[row.owner - 1]];
            if (strcmp(key, ATTR_AGENT_KIND) == 0)
                agent->kind = value;
            if (strcmp(key, ATTR_TITLE) == 0)
                agent->title = value;
        }
        const uint64_t *place = row.owner_table == TABLE_SPAN ? map_get(&loader->place, row.owner) : NULL;
        if (place && *place % 16 == SPAN_TOOL && strcmp(key, ATTR_TEXT) == 0)
            team->tools.items[*place / 16].text = value;
        struct team_call *call = row.owner_table == TABLE_SPAN ? call_of(loader, row.owner) : NULL;
        if (!call)
            continue;
        if (strcmp(key, ATTR_UNPRICED) == 0)
            call->is_priced = false;
        if (strcmp(key, ATTR_TIER) == 0)
            call->tier = value;
        if (strcmp(key, ATTR_UNBILLED) == 0)
            call->is_unbilled = true;
        if (strcmp(key, ATTR_ATTEMPT) == 0 && !num_parse_u64(value, &number))
            call->attempt = (uint32_t)num_min(number, UINT32_MAX);
    }
    return 0;
}

/* --- adding up --- */

static void add_tokens(struct team_tokens *sum, const struct team_tokens *more)
{
    sum->input += more->input;
    sum->output += more->output;
    sum->cache_read += more->cache_read;
    sum->cache_write_5m += more->cache_write_5m;
    sum->cache_write_1h += more->cache_write_1h;
    sum->reasoning += more->reasoning;
}

static uint32_t task_index(const struct loader *loader, uint32_t span)
{
    const uint64_t *place = map_get(&loader->place, span);
    return place && *place % 16 == SPAN_TASK ? (uint32_t)(*place / 16) : TEAM_NONE;
}

static void add_calls(struct loader *loader)
{
    struct team *team = loader->team;
    for (size_t i = 0; i < team->calls.count; i++) {
        struct team_call *call = &team->calls.items[i];
        struct team_agent *agent = &team->agents.items[call->agent];
        call->task = task_index(loader, call->task);
        bool is_partial = call->output_high > call->tokens.output;
        call->output_high = fmax(call->output_high, call->tokens.output);
        double prompt = tokens_prompt_of(&call->tokens);
        call->context_bytes = call->context_bytes > 0 ? call->context_bytes : prompt * BYTES_PER_TOKEN;
        add_tokens(&agent->tokens, &call->tokens);
        add_tokens(&team->tokens, &call->tokens);
        agent->usd += call->usd;
        agent->call_count++;
        agent->context_tokens_max = fmax(agent->context_tokens_max, prompt);
        team->usd += call->usd;
        team->partial_count += is_partial;
        team->unpriced_count += !call->is_priced;
        if (call->task == TEAM_NONE)
            continue;
        struct team_task *task = &team->tasks.items[call->task];
        task->tokens += tokens_sum(&call->tokens);
        task->usd += call->usd;
        task->call_count++;
    }
    for (size_t i = 0; i < team->tools.count; i++) {
        struct team_tool *tool = &team->tools.items[i];
        tool->task = task_index(loader, tool->task);
        team->agents.items[tool->agent].tool_count++;
    }
    for (size_t i = 0; i < team->tasks.count; i++)
        team->agents.items[team->tasks.items[i].agent].task_count++;
}

enum team_doing team_doing_at(const struct team *team, const struct run_wait *wait)
{
    const struct run *run = team->run;
    if (!wait)
        return TEAM_OWN;
    switch ((enum wait_reason)wait->reason) {
    case WAIT_REMOTE:
    case WAIT_NETWORK: return TEAM_API;
    case WAIT_HUMAN: return TEAM_HUMAN;
    case WAIT_RATE_LIMIT: return TEAM_RATE_LIMIT;
    case WAIT_IDLE: return TEAM_IDLE;
    case WAIT_CHILD: break;
    case WAIT_UNKNOWN:
    case WAIT_CPU_QUEUE:
    case WAIT_DISK_READ:
    case WAIT_DISK_WRITE:
    case WAIT_DISK_SYNC:
    case WAIT_DNS:
    case WAIT_PIPE:
    case WAIT_LOCK:
    case WAIT_SLEEP:
    case WAIT_POLL:
    case WAIT_PAGE_FAULT:
    case WAIT_RECLAIM:
    case WAIT_IPC:
    case WAIT_GPU:
    case WAIT_REASON_COUNT: return TEAM_UNKNOWN;
    }
    if (wait->waker == RUN_NONE)
        return wait->peer == RUN_NONE ? TEAM_AGENT : TEAM_TOOL;
    const struct run_track *waker = &run->tracks.items[wait->waker];
    if (waker->kind != TRACK_CALL)
        return TEAM_AGENT;
    /* A call of its own that overlaps others: what that one waits for. */
    return waker->waits.count && waker->waits.items[0].reason == WAIT_REMOTE ? TEAM_API : TEAM_TOOL;
}

/* The part of [from, to) in which the task's agent worked. */
static uint64_t busy_in(const struct team *team, const struct run_track *track, uint64_t from, uint64_t to)
{
    uint64_t away = 0;
    size_t first = run_waits_before(track, from);
    first -= first > 0;
    for (size_t i = first; i < track->waits.count && track->waits.items[i].start_ns < to; i++) {
        const struct run_wait *wait = &track->waits.items[i];
        enum team_doing doing = team_doing_at(team, wait);
        uint64_t start = num_max(wait->start_ns, from), end = num_min(wait->end_ns, to);
        if (end > start && doing != TEAM_API && doing != TEAM_TOOL && doing != TEAM_OWN)
            away += end - start;
    }
    return to - from - num_min(away, to - from);
}

static void add_time(struct team *team)
{
    const struct run *run = team->run;
    for (size_t i = 0; i < team->agents.count; i++) {
        struct team_agent *agent = &team->agents.items[i];
        const struct run_track *track = &run->tracks.items[agent->track];
        uint64_t waited = 0, life = agent->end_ns > agent->start_ns ? agent->end_ns - agent->start_ns : 0;
        for (size_t j = 0; j < track->waits.count; j++) {
            const struct run_wait *wait = &track->waits.items[j];
            uint64_t from = num_max(wait->start_ns, agent->start_ns),
                     to = num_min(wait->end_ns, agent->end_ns);
            if (to <= from)
                continue;
            agent->ns[team_doing_at(team, wait)] += to - from;
            waited += to - from;
        }
        agent->ns[TEAM_OWN] += life - num_min(waited, life);
        team->busy_ns += agent_busy_ns(agent);
    }
    for (size_t i = 0; i < team->tasks.count; i++) {
        struct team_task *task = &team->tasks.items[i];
        const struct run_track *track = &run->tracks.items[team->agents.items[task->agent].track];
        task->busy_ns = busy_in(team, track, task->start_ns, task->end_ns);
    }
}

static int compare_calls(const void *a, const void *b)
{
    const struct team_call *x = a, *y = b;
    if (x->start_ns != y->start_ns)
        return x->start_ns > y->start_ns ? 1 : -1;
    return (x->actor > y->actor) - (x->actor < y->actor);
}

static int compare_tools(const void *a, const void *b)
{
    const struct team_tool *x = a, *y = b;
    if (x->start_ns != y->start_ns)
        return x->start_ns > y->start_ns ? 1 : -1;
    return (x->actor > y->actor) - (x->actor < y->actor);
}

int team_load(const struct run *run, struct team *ret_team, struct err *err)
{
    struct team team = {.run = run, .makespan_ns = run->end_ns - run->start_ns};
    struct loader loader = {.team = &team};
    int status = 0;
    team.agent_of = malloc((run->tracks.count + 1) * sizeof *team.agent_of);
    if (!team.agent_of)
        return err_memory(err);
    find_agents(&team, &status);
    status = status ? err_memory(err) : 0;
    if (!status)
        status = view_scan_all(run->view, TABLE_SPAN, load_spans, &loader, err);
    if (!status)
        status = view_scan_all(run->view, TABLE_USAGE, load_usage, &loader, err);
    if (!status)
        status = view_scan_all(run->view, TABLE_ATTR, load_attrs, &loader, err);
    if (!status) {
        add_calls(&loader);
        add_time(&team);
        if (team.calls.count)
            qsort(team.calls.items, team.calls.count, sizeof *team.calls.items, compare_calls);
        if (team.tools.count)
            qsort(team.tools.items, team.tools.count, sizeof *team.tools.items, compare_tools);
        status = team_find_paces(&team) ? err_memory(err) : 0;
    }
    map_free(&loader.place);
    if (status)
        team_deinit(&team);
    else
        *ret_team = team;
    return status;
}

void team_deinit(struct team *team)
{
    vec_free(&team->agents);
    vec_free(&team->calls);
    vec_free(&team->tools);
    vec_free(&team->tasks);
    vec_free(&team->paces);
    free(team->agent_of);
    arena_free(&team->arena);
    *team = (struct team){0};
}
