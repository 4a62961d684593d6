/* SPDX-License-Identifier: Apache-2.0 */
/* rows: the arranged workflow as rows of the model's tables. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/str.h"
#include "model/agent_names.h"
#include "model/meta.h"
#include "workflow/internal.h"

/* The recording's clock at the first event: 0 would say "not known". */
#define CLOCK_START_NS   NS_PER_S
#define TASK_COLUMNS_MAX 60

struct out {
    struct workflow *workflow;
    const struct workflow_price *price;
    struct sink *sink;
    struct err *err;
    struct intern peers; /* "kind name": their ids are those of the rows */
    uint64_t track_count, span_count;
    uint64_t root; /* track */
    int status;
};

static uint64_t clock_of(const struct out *out, int64_t unix_ns)
{
    int64_t since = unix_ns - out->workflow->facts.start_ns;
    return CLOCK_START_NS + (since > 0 ? (uint64_t)since : 0);
}

#define APPEND(out, name, row)                                                                               \
    do {                                                                                                     \
        if (!(out)->status)                                                                                  \
            (out)->status = sink_append((out)->sink, name, (row), (out)->err);                               \
    } while (0)

static uint64_t text_id(struct out *out, const char *text)
{
    uint64_t id = 0;
    if (!out->status && text && text[0])
        out->status = sink_intern(out->sink, text, &id, out->err);
    return id;
}

static void meta(struct out *out, const char *key, const char *value)
{
    if (!out->status && value && value[0])
        out->status = sink_meta(out->sink, key, value, out->err);
}

static void meta_number(struct out *out, const char *key, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    meta(out, key, text);
}

static void attr(struct out *out, enum table_id table, uint64_t owner, const char *key, const char *value)
{
    struct row_attr row = {.owner_table = table, .owner = owner};
    if (!out->status && value && value[0])
        out->status = sink_attr(out->sink, &row, key, value, out->err);
}

static void attr_number(struct out *out, enum table_id table, uint64_t owner, const char *key, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    if (value)
        attr(out, table, owner, key, text);
}

static uint64_t peer_id(struct out *out, enum peer_kind kind, const char *name, const char *provider)
{
    struct str key = {0};
    uint64_t id = 0;
    bool is_new = false;
    str_printf(&key, "%d %s", (int)kind, name);
    if (key.failed || intern_put(&out->peers, key.text, key.length, &id, &is_new))
        out->status = err_memory(out->err);
    str_free(&key);
    if (!is_new || out->status)
        return id;
    struct row_peer row = {.id = id, .kind = kind, .name = text_id(out, name)};
    APPEND(out, peer, &row);
    attr(out, TABLE_PEER, id, ATTR_PROVIDER, provider);
    return id;
}

/* --- tracks --- */

static uint64_t put_track(struct out *out, struct row_track row, const char *name)
{
    row.id = ++out->track_count;
    row.name = text_id(out, name);
    APPEND(out, track, &row);
    return row.id;
}

static void put_agent_track(struct out *out, struct flow_agent *agent, int64_t end_ns)
{
    const struct workflow *workflow = out->workflow;
    uint64_t parent = agent->parent == FLOW_NONE ? out->root : workflow->agents.items[agent->parent].track;
    struct row_track row = {.kind = TRACK_AGENT,
                            .parent = parent,
                            .start_ns = clock_of(out, agent->start_ns),
                            .end_ns = clock_of(out, end_ns)};
    agent->track = put_track(out, row, agent->name);
    attr(out, TABLE_TRACK, agent->track, ATTR_TITLE, agent->title);
    attr(out, TABLE_TRACK, agent->track, ATTR_AGENT_KIND, agent->kind);
    attr(out, TABLE_TRACK, agent->track, ATTR_SESSION, agent->session);
}

/* Parents before their children. */
static void put_tracks_below(struct out *out, uint32_t parent)
{
    for (uint32_t i = 0; i < out->workflow->agents.count && !out->status; i++) {
        struct flow_agent *agent = &out->workflow->agents.items[i];
        if (agent->parent != parent || !agent->start_ns || agent->track)
            continue;
        bool is_root = parent == FLOW_NONE && !out->root;
        put_agent_track(out, agent, is_root ? out->workflow->facts.end_ns : agent->end_ns);
        if (is_root)
            out->root = agent->track;
    }
}

static void put_tracks(struct out *out)
{
    size_t roots = 0;
    for (size_t i = 0; i < out->workflow->agents.count; i++) {
        const struct flow_agent *agent = &out->workflow->agents.items[i];
        roots += agent->parent == FLOW_NONE && agent->start_ns;
    }
    if (roots != 1) {
        struct row_track row = {.kind = TRACK_STAGE,
                                .start_ns = CLOCK_START_NS,
                                .end_ns = clock_of(out, out->workflow->facts.end_ns)};
        out->root = put_track(out, row, "all sessions");
    }
    put_tracks_below(out, FLOW_NONE);
    /* Each round knows the tracks of one more generation. */
    for (uint64_t before = 0; before != out->track_count && !out->status;) {
        before = out->track_count;
        for (uint32_t i = 0; i < out->workflow->agents.count; i++) {
            if (out->workflow->agents.items[i].track)
                put_tracks_below(out, i);
        }
    }
}

/* --- waits and edges --- */

static void put_wait(struct out *out, struct row_wait row, enum waker_source source)
{
    if (row.end_ns <= row.start_ns)
        return;
    row.count = 1;
    row.blocked_ns = row.end_ns - row.start_ns;
    row.waker_source = source;
    APPEND(out, wait, &row);
}

static void put_edge(struct out *out, struct row_edge row)
{
    if (row.from_track && row.to_track && row.from_track != row.to_track)
        APPEND(out, edge, &row);
}

/* Why and for whom an agent waits during an item. */
static void explain(struct out *out, const struct flow_item *item, struct row_wait *wait)
{
    const struct workflow *workflow = out->workflow;
    if (item->kind == FLOW_CALL) {
        const struct llm_call *call = &workflow->calls.items[item->index].call;
        const char *name = call->model[0] ? call->model : call->provider[0] ? call->provider : "model";
        wait->reason = WAIT_REMOTE;
        wait->peer = peer_id(out, PEER_API, name, call->provider);
        return;
    }
    if (item->kind == FLOW_TOOL) {
        const char *name = workflow->tools.items[item->index].call.name;
        wait->reason = WAIT_CHILD;
        wait->peer = peer_id(out, PEER_PROCESS, name[0] ? name : "tool", "");
        return;
    }
    switch (workflow->waits.items[item->index].wait.reason) {
    case AGENT_WAIT_HUMAN: wait->reason = WAIT_HUMAN; return;
    case AGENT_WAIT_RATE_LIMIT:
        wait->reason = WAIT_RATE_LIMIT;
        wait->peer = peer_id(out, PEER_API, PEER_NAME_RATE_LIMIT, "");
        return;
    case AGENT_WAIT_RETRY:
        wait->reason = WAIT_RATE_LIMIT;
        wait->peer = peer_id(out, PEER_API, PEER_NAME_RETRY, "");
        return;
    case AGENT_WAIT_AGENT: wait->reason = WAIT_IDLE; return;
    }
}

/* --- spans --- */

static void usage(struct out *out, uint64_t span, const char *kind, double amount, uint64_t model)
{
    if (!(amount > 0))
        return;
    struct row_usage row = {
        .span = span, .kind = text_id(out, kind), .amount = num_bits(amount), .model = model};
    APPEND(out, usage, &row);
}

static void put_cost(struct out *out, const struct llm_call *call, uint64_t span, uint64_t model)
{
    double usd = 0;
    bool is_known = call->is_unbilled ||
                    (out->price && out->price->usd(out->price->context, call, &usd) && isfinite(usd));
    if (!is_known && !isnan(call->cost_usd)) {
        usd = call->cost_usd;
        is_known = true;
    }
    usage(out, span, USAGE_COST, usd, model);
    if (is_known)
        return;
    out->workflow->facts.unpriced_count++;
    attr(out, TABLE_SPAN, span, ATTR_UNPRICED, call->model[0] ? call->model : "?");
}

static void put_call_usage(struct out *out, const struct llm_call *call, uint64_t span)
{
    uint64_t model = text_id(out, call->model);
    const struct tokens *tokens = &call->tokens;
    usage(out, span, USAGE_INPUT, (double)tokens->input, model);
    usage(out, span, USAGE_OUTPUT, (double)tokens->output, model);
    usage(out, span, USAGE_CACHE_READ, (double)tokens->cache_read, model);
    usage(out, span, USAGE_CACHE_WRITE_5M, (double)tokens->cache_write_5m, model);
    usage(out, span, USAGE_CACHE_WRITE_1H, (double)tokens->cache_write_1h, model);
    usage(out, span, USAGE_REASONING, (double)tokens->reasoning, model);
    usage(out, span, USAGE_CONTEXT_BYTES, (double)call->context_bytes, model);
    usage(out, span, USAGE_WEB_SEARCHES, call->web_searches, model);
    if (call->is_partial)
        usage(out, span, USAGE_OUTPUT_HIGH, (double)call->output_high, model);
    put_cost(out, call, span, model);
    attr_number(out, TABLE_SPAN, span, ATTR_ATTEMPT, call->attempt);
    if (call->first_token_ns > call->start_ns)
        attr_number(out, TABLE_SPAN, span, ATTR_FIRST_TOKEN_NS,
                    (uint64_t)(call->first_token_ns - call->start_ns));
    static const char *const tiers[] = {"", "batch", "priority", "flex"};
    attr(out, TABLE_SPAN, span, ATTR_TIER, call->is_fast ? "fast" : tiers[call->tier]);
    if (call->is_unbilled)
        attr(out, TABLE_SPAN, span, ATTR_UNBILLED, "1");
}

static void put_item_span(struct out *out, const struct flow_item *item, uint64_t track, uint64_t parent)
{
    const struct workflow *workflow = out->workflow;
    if (item->kind == FLOW_WAIT)
        return;
    struct row_span row = {.id = ++out->span_count,
                           .parent = parent,
                           .track = track,
                           .start_ns = clock_of(out, item->start_ns),
                           .end_ns = clock_of(out, item->end_ns)};
    /* An end that is the start would say "not ended". */
    row.end_ns += row.end_ns == row.start_ns;
    if (item->kind == FLOW_CALL) {
        const struct llm_call *call = &workflow->calls.items[item->index].call;
        row.category = SPAN_LLM;
        row.name = text_id(out, call->model[0] ? call->model : "model");
        row.status = call->is_error;
        APPEND(out, span, &row);
        put_call_usage(out, call, row.id);
        return;
    }
    const struct tool_call *tool = &workflow->tools.items[item->index].call;
    row.category = SPAN_TOOL;
    row.name = text_id(out, tool->name[0] ? tool->name : "tool");
    row.status = tool->is_error;
    APPEND(out, span, &row);
    usage(out, row.id, USAGE_RESULT_BYTES, (double)tool->result_bytes, 0);
    attr(out, TABLE_SPAN, row.id, ATTR_TEXT, tool->text);
}

static void put_task_spans(struct out *out, struct flow_agent *agent)
{
    for (size_t i = 0; i < agent->tasks.count; i++) {
        struct flow_task *task = &agent->tasks.items[i];
        char name[4 * TASK_COLUMNS_MAX + 8];
        size_t length = strcspn(task->name, "\r\n"), at = 0, columns = 0;
        while (at < length && columns < TASK_COLUMNS_MAX) {
            for (at++; at < length && ((unsigned char)task->name[at] & 0xc0) == 0x80;)
                at++;
            columns++;
        }
        at = at < sizeof name - 4 ? at : sizeof name - 4;
        snprintf(name, sizeof name, "%.*s%s", (int)at, task->name, at < length ? "\xe2\x80\xa6" : "");
        struct row_span row = {.id = ++out->span_count,
                               .track = agent->track,
                               .category = SPAN_TASK,
                               .name = text_id(out, name),
                               .start_ns = clock_of(out, task->start_ns),
                               .end_ns = clock_of(out, task->end_ns)};
        row.end_ns += row.end_ns == row.start_ns;
        APPEND(out, span, &row);
        task->span = row.id;
    }
}

static uint64_t task_span_at(const struct flow_agent *agent, int64_t start_ns)
{
    for (size_t i = agent->tasks.count; i-- > 0;) {
        if (agent->tasks.items[i].start_ns <= start_ns)
            return agent->tasks.items[i].span;
    }
    return 0;
}

/* --- an agent --- */

static bool is_same(const struct flow_item *a, const struct flow_item *b)
{
    return a->kind == b->kind && a->index == b->index;
}

/* A track of its own for what overlaps with others; its id. */
static uint64_t put_beside(struct out *out, const struct flow_agent *agent, const struct flow_item *item)
{
    struct row_wait wait = {.start_ns = clock_of(out, item->start_ns), .end_ns = clock_of(out, item->end_ns)};
    struct row_track row = {
        .kind = TRACK_CALL, .parent = agent->track, .start_ns = wait.start_ns, .end_ns = wait.end_ns};
    const struct workflow *workflow = out->workflow;
    const char *name = item->kind == FLOW_CALL ? workflow->calls.items[item->index].call.model
                                               : workflow->tools.items[item->index].call.name;
    uint64_t track = put_track(out, row, name[0] ? name : "call");
    wait.track = track;
    explain(out, item, &wait);
    put_wait(out, wait, WAKER_EXACT);
    put_item_span(out, item, track, task_span_at(agent, item->start_ns));
    struct row_edge edge = {.from_track = agent->track,
                            .from_ns = row.start_ns,
                            .to_track = track,
                            .to_ns = row.start_ns,
                            .kind = EDGE_SPAWN,
                            .source = EDGE_RECORDED};
    put_edge(out, edge);
    return track;
}

static void put_stretch(struct out *out, const struct flow_agent *agent, const struct flow_stretch *stretch,
                        const uint64_t *beside)
{
    struct row_wait wait = {.track = agent->track,
                            .start_ns = clock_of(out, stretch->start_ns),
                            .end_ns = clock_of(out, stretch->end_ns)};
    switch (stretch->kind) {
    case FLOW_STRETCH_ITEM:
    case FLOW_STRETCH_PART: explain(out, &stretch->item, &wait); break;
    case FLOW_STRETCH_IDLE: wait.reason = WAIT_IDLE; break;
    case FLOW_STRETCH_AGENT:
        wait.reason = WAIT_CHILD;
        wait.waker_track = out->workflow->agents.items[stretch->agent].track;
        break;
    case FLOW_STRETCH_TRACK:
        wait.reason = WAIT_CHILD;
        for (size_t i = 0; i < agent->beside.count; i++) {
            if (is_same(&agent->beside.items[i], &stretch->item))
                wait.waker_track = beside[i];
        }
        break;
    }
    put_wait(out, wait, WAKER_EXACT);
}

static bool stands_beside(const struct flow_agent *agent, const struct flow_item *item, size_t *cursor)
{
    /* Both lists are by start. */
    if (*cursor < agent->beside.count && is_same(&agent->beside.items[*cursor], item)) {
        (*cursor)++;
        return true;
    }
    return false;
}

static void put_agent(struct out *out, struct flow_agent *agent)
{
    VEC(uint64_t) beside = {0};
    size_t cursor = 0;
    put_task_spans(out, agent);
    for (size_t i = 0; i < agent->items.count; i++) {
        const struct flow_item *item = &agent->items.items[i];
        if (!stands_beside(agent, item, &cursor))
            put_item_span(out, item, agent->track, task_span_at(agent, item->start_ns));
    }
    for (size_t i = 0; i < agent->beside.count && !out->status; i++) {
        if (vec_push(&beside, put_beside(out, agent, &agent->beside.items[i])))
            out->status = err_memory(out->err);
    }
    for (size_t i = 0; i < agent->stretches.count && !out->status; i++)
        put_stretch(out, agent, &agent->stretches.items[i], beside.items);
    vec_free(&beside);
    if (agent->parent == FLOW_NONE && agent->track == out->root)
        return;
    int64_t spawned = agent->start_ns;
    if (agent->spawner != FLOW_NONE) {
        int64_t asked = out->workflow->tools.items[agent->spawner].call.start_ns;
        spawned = asked && asked < spawned ? asked : spawned;
    }
    struct row_edge edge = {.from_track = agent->parent == FLOW_NONE
                                              ? out->root
                                              : out->workflow->agents.items[agent->parent].track,
                            .from_ns = clock_of(out, spawned),
                            .to_track = agent->track,
                            .to_ns = clock_of(out, agent->start_ns),
                            .kind = EDGE_SPAWN,
                            .source = EDGE_RECORDED};
    put_edge(out, edge);
}

/* --- the root --- */

/* Of agents without a parent (`is_all`: of all), the one that lives just before t and started first; FLOW_NONE. */
static uint32_t living_before(const struct workflow *workflow, int64_t t, bool is_all)
{
    uint32_t found = FLOW_NONE;
    for (uint32_t i = 0; i < workflow->agents.count; i++) {
        const struct flow_agent *agent = &workflow->agents.items[i];
        if (!agent->start_ns || (agent->parent != FLOW_NONE && !is_all) || agent->start_ns >= t ||
            agent->end_ns < t)
            continue;
        if (found == FLOW_NONE || agent->start_ns < workflow->agents.items[found].start_ns)
            found = i;
    }
    return found;
}

static int64_t last_end_before(const struct workflow *workflow, int64_t t)
{
    int64_t end = workflow->facts.start_ns;
    for (size_t i = 0; i < workflow->agents.count; i++) {
        const struct flow_agent *agent = &workflow->agents.items[i];
        if (agent->start_ns && agent->end_ns < t && agent->end_ns > end)
            end = agent->end_ns;
    }
    return end;
}

/* The root waits for the sessions, back from the end of the last; where none is open it is idle. From `from` on. */
static void put_root_waits(struct out *out, int64_t from, bool is_all)
{
    const struct workflow *workflow = out->workflow;
    int64_t t = workflow->facts.end_ns;
    while (t > from && !out->status) {
        uint32_t other = living_before(workflow, t, is_all);
        struct row_wait wait = {.track = out->root, .reason = WAIT_IDLE, .end_ns = clock_of(out, t)};
        if (other == FLOW_NONE) {
            t = last_end_before(workflow, t);
        } else {
            const struct flow_agent *agent = &workflow->agents.items[other];
            wait.reason = WAIT_CHILD;
            wait.waker_track = agent->end_ns == t && agent->track != out->root ? agent->track : 0;
            t = agent->start_ns;
        }
        t = t > from ? t : from;
        wait.start_ns = clock_of(out, t);
        put_wait(out, wait, WAKER_EXACT);
    }
}

static void put_root(struct out *out)
{
    for (size_t i = 0; i < out->workflow->agents.count; i++) {
        const struct flow_agent *agent = &out->workflow->agents.items[i];
        if (agent->track == out->root) {
            put_root_waits(out, agent->end_ns, true);
            return;
        }
    }
    put_root_waits(out, out->workflow->facts.start_ns, false);
}

/* --- declared dependencies --- */

struct place {
    uint64_t track;
    int64_t start_ns, end_ns;
};

/* An agent, a tool call, or a task by its name. */
static bool place_of(const struct workflow *workflow, const char *session, const char *id,
                     struct place *ret_place)
{
    uint32_t index = flow_agent_find(workflow, session, id);
    if (index != FLOW_NONE) {
        const struct flow_agent *agent = &workflow->agents.items[index];
        *ret_place = (struct place){agent->track, agent->start_ns, agent->end_ns};
        return agent->track != 0;
    }
    for (size_t i = 0; i < workflow->tools.count; i++) {
        const struct tool_call *tool = &workflow->tools.items[i].call;
        if (strcmp(tool->id, id) != 0 || strcmp(tool->session, session) != 0)
            continue;
        *ret_place = (struct place){workflow->agents.items[workflow->tools.items[i].agent].track,
                                    tool->start_ns, tool->end_ns};
        return ret_place->track != 0;
    }
    for (size_t i = 0; i < workflow->agents.count; i++) {
        const struct flow_agent *agent = &workflow->agents.items[i];
        for (size_t j = 0; j < agent->tasks.count && strcmp(agent->session, session) == 0; j++) {
            const struct flow_task *task = &agent->tasks.items[j];
            if (strcmp(task->name, id) != 0)
                continue;
            *ret_place = (struct place){agent->track, task->start_ns, task->end_ns};
            return agent->track != 0;
        }
    }
    return false;
}

static void put_links(struct out *out)
{
    const struct workflow *workflow = out->workflow;
    for (size_t i = 0; i < workflow->links.count && !out->status; i++) {
        const struct agent_link *link = &workflow->links.items[i];
        struct place from, to;
        if (!place_of(workflow, link->session, link->from, &from) ||
            !place_of(workflow, link->session, link->to, &to))
            continue;
        struct row_edge edge = {.from_track = from.track,
                                .from_ns = clock_of(out, from.end_ns),
                                .to_track = to.track,
                                .to_ns = clock_of(out, to.start_ns),
                                .kind = EDGE_DEPENDS,
                                .source = EDGE_DECLARED};
        put_edge(out, edge);
    }
}

/* --- all of it --- */

static void put_command(struct out *out, const char *name)
{
    struct str json = {0};
    str_append(&json, "[\"");
    for (const char *at = name; *at; at++) {
        if ((unsigned char)*at < 0x20)
            str_printf(&json, "\\u%04x", (unsigned)(unsigned char)*at);
        else
            str_printf(&json, "%s%c", *at == '"' || *at == '\\' ? "\\" : "", *at);
    }
    str_append(&json, "\"]");
    if (json.failed)
        out->status = err_memory(out->err);
    else
        meta(out, META_COMMAND, str_text(&json));
    str_free(&json);
}

static void put_meta(struct out *out, const char *name)
{
    const struct workflow_facts *facts = &out->workflow->facts;
    char id[20];
    uint64_t hash = map_hash_bytes(name, strlen(name)) ^ map_hash((uint64_t)facts->start_ns);
    snprintf(id, sizeof id, "%016llx", (unsigned long long)hash);
    meta(out, META_ID, id);
    put_command(out, name);
    meta(out, META_SCOPE, SCOPE_AGENTS);
    meta(out, META_RECORDER_SPANS, "import");
    meta_number(out, META_STARTED_REALTIME, (uint64_t)facts->start_ns);
    meta_number(out, META_START, CLOCK_START_NS);
    meta_number(out, META_END, clock_of(out, facts->end_ns));
    /* Agents do not queue for this machine's cores. */
    meta_number(out, META_CPU_COUNT, num_max(num_min(out->track_count, 65536), 1));
    meta_number(out, META_ROOT_TRACK, out->root);
}

static void put_remarks(struct out *out)
{
    const struct workflow_facts *facts = &out->workflow->facts;
    const struct {
        uint64_t count;
        const char *noun, *rest, *rest_of_many;
    } remarks[] = {
        {facts->partial_count, "response", "has no true usage: its output is bounded by its text",
         "have no true usage: their output is bounded by their text"},
        {facts->unpriced_count, "response", "is of a model without a price: its cost is not in the bill",
         "are of models without a price: their cost is not in the bill"},
        {facts->untimed_count, "event", "has no time: the path cannot see it",
         "have no time: the path cannot see them"},
        {facts->malformed_count, "piece", "could not be read", "could not be read"},
    };
    for (size_t i = 0; i < sizeof remarks / sizeof remarks[0]; i++) {
        struct str text = {0};
        bool is_one = remarks[i].count == 1;
        if (!remarks[i].count)
            continue;
        str_printf(&text, "%llu %s%s %s", (unsigned long long)remarks[i].count, remarks[i].noun,
                   is_one ? "" : "s", is_one ? remarks[i].rest : remarks[i].rest_of_many);
        if (i + 1 == sizeof remarks / sizeof remarks[0])
            str_printf(&text, ", the first at %s", out->workflow->malformed);
        meta(out, META_REMARK, str_text(&text));
        str_free(&text);
    }
}

int workflow_write(struct workflow *workflow, const char *name, const struct workflow_price *price,
                   struct sink *sink, struct workflow_facts *ret_facts, struct err *err)
{
    struct out out = {.workflow = workflow, .price = price, .sink = sink, .err = err};
    if (flow_arrange(workflow))
        return err_memory(err);
    if (!workflow->facts.start_ns || workflow->facts.end_ns <= workflow->facts.start_ns)
        return err_set(err, ERR_INPUT, "could not import '%s': nothing in it has a time", name);
    put_tracks(&out);
    for (size_t i = 0; i < workflow->agents.count && !out.status; i++) {
        if (workflow->agents.items[i].track)
            put_agent(&out, &workflow->agents.items[i]);
    }
    put_root(&out);
    put_links(&out);
    put_meta(&out, name);
    put_remarks(&out);
    intern_free(&out.peers);
    if (!out.status)
        *ret_facts = workflow->facts;
    return out.status;
}
