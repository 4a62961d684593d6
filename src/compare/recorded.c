/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/recorded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/attribution.h"
#include "analyze/infer.h"
#include "base/clock.h"
#include "base/num.h"
#include "codec/json.h"
#include "model/agent_names.h"
#include "model/meta.h"
#include "run/stage.h"

#define STACK_DEPTH_MAX    256
#define COMMAND_BYTES_MAX  400
#define EPHEMERAL_PORT_MIN 1024
#define NAME_BYTES_MAX     256

struct reading_of {
    const struct run *run;
    struct quantities *quantities;
    struct recorded recorded;
    size_t recording;
    double scale; /* of times and amounts */
};

/* --- names --- */

static const char *program_name(const struct reading_of *reading, const char *name)
{
    return name && strcmp(name, reading->recorded.program) == 0 ? PROGRAM_MARK : name;
}

static const char *stage_name(const struct reading_of *reading, uint32_t stage)
{
    if (stage == RUN_NONE)
        return "";
    const struct run_stage *at = &reading->run->stages.items[stage];
    return at->process ? program_name(reading, at->name) : at->name;
}

/* "127.0.0.1:52609" becomes "127.0.0.1:*": a server of a test listens at another port each time. */
static void socket_name(const char *address, char name[NAME_BYTES_MAX])
{
    const char *colon = strrchr(address, ':');
    bool is_local = str_starts(address, "127.") || str_starts(address, "[::1]");
    uint64_t port = 0;
    if (is_local && colon && !num_parse_u64(colon + 1, &port) && port >= EPHEMERAL_PORT_MIN)
        snprintf(name, NAME_BYTES_MAX, "%.*s:*", (int)(colon - address), address);
    else
        snprintf(name, NAME_BYTES_MAX, "%s", address);
}

static void peer_name(const struct run *run, uint32_t index, char name[NAME_BYTES_MAX])
{
    const char *text = run_peer_name(run, index);
    name[0] = '\0';
    if (!text)
        return;
    const struct run_peer *peer = &run->peers.items[index];
    switch (peer->kind) {
    case PEER_SOCKET: socket_name(text, name); break;
    case PEER_PIPE:
    case PEER_LOCK:
    case PEER_TIMER:
    case PEER_PROCESS: break; /* a number that means nothing in another run */
    default: snprintf(name, NAME_BYTES_MAX, "%s", text);
    }
}

static int read_command(const struct view *view, struct reading_of *reading, struct err *err)
{
    const char *text = view_meta(view, META_COMMAND);
    struct json_value *words = NULL;
    struct str line = {0};
    if (text && !json_read_text(text, strlen(text), "command", &words, NULL))
        for (size_t i = 0; json_item(words, i) && line.length < COMMAND_BYTES_MAX; i++) {
            const char *word;
            if (json_find_text(json_item(words, i), NULL, &word))
                str_printf(&line, "%s%.*s", i ? " " : "", COMMAND_BYTES_MAX, word);
        }
    json_free(words);
    reading->recorded.command = arena_string(reading->quantities->arena, str_text(&line));
    bool has_failed = line.failed || !reading->recorded.command;
    str_free(&line);
    return has_failed ? err_memory(err) : 0;
}

static int read_facts(const struct view *view, struct reading_of *reading, struct err *err)
{
    const struct run *run = reading->run;
    struct recorded *recorded = &reading->recorded;
    const char *scope = view_meta(view, META_SCOPE), *lost = view_meta(view, META_LOST_COUNT);
    const char *program = run_process_name(run, run->root, run->end_ns);
    recorded->program = arena_string(reading->quantities->arena, program);
    recorded->wall_ns = (double)(run->end_ns - run->start_ns);
    recorded->is_agents = scope && strcmp(scope, SCOPE_AGENTS) == 0;
    recorded->is_window = scope && strcmp(scope, "command") != 0 && !recorded->is_agents;
    recorded->is_cut = !view_meta(view, META_END);
    if (!lost || num_parse_u64(lost, &recorded->lost_count))
        recorded->lost_count = 0;
    for (size_t i = 0; i < run->outside.count; i++)
        recorded->outside_cores += run->outside.items[i].value / (double)run->outside.count;
    reading->scale = recorded->is_window && recorded->wall_ns > 0 ? (double)NS_PER_S / recorded->wall_ns : 1;
    return recorded->program ? read_command(view, reading, err) : err_memory(err);
}

/* --- one number each --- */

static int add_number(struct reading_of *reading, const struct quantity_key *key, double value,
                      struct err *err)
{
    struct quantity_part part = {.recording = reading->recording, .value = value};
    return quantities_add(reading->quantities, key, &part, err);
}

/* They mirror what others do: what those do differently is the change. */
static bool is_following(uint64_t reason)
{
    return reason == WAIT_CHILD || reason == WAIT_PIPE || reason == WAIT_IDLE || reason == WAIT_CPU_QUEUE ||
           reason == WAIT_IPC;
}

/* What of a time was not running (of CPU time in a window: what kept it from being more): queueing for a CPU, behind other programs or its own, and waiting. */
struct idle {
    double queued_ns, waited_ns;
};

static int add_time(struct reading_of *reading, const struct quantity_key *key, double value,
                    const struct idle *idle, struct err *err)
{
    double queued = idle->queued_ns * reading->scale, waited = idle->waited_ns * reading->scale;
    struct quantity_part part = {.recording = reading->recording,
                                 .value = value,
                                 .machine = queued < value ? queued : value,
                                 .waited = waited < value ? waited : value};
    return quantities_add(reading->quantities, key, &part, err);
}

/* Of the critical path, or of the part of it in one stage. */
static struct idle path_idle(const struct attribution *attribution, const char *stage)
{
    struct idle idle = {0};
    for (size_t i = 0; i < attribution->entry_count; i++) {
        const struct path_entry *entry = &attribution->entries[i];
        bool is_there = !stage || (entry->where.stage && strcmp(entry->where.stage, stage) == 0);
        if (is_there && entry->doing == WAIT_CPU_QUEUE)
            idle.queued_ns += (double)entry->ns;
        else if (is_there && entry->doing != DOING_CPU)
            idle.waited_ns += (double)entry->ns;
    }
    return idle;
}

/* Where a stage waits for others (a pipe, a child) its time is as doubtful as theirs: they are judged themselves. */
static struct idle stage_idle(const struct stage *stage)
{
    struct idle idle = {0};
    for (size_t i = 0; i < WAIT_REASON_COUNT; i++)
        if (is_following(i))
            idle.queued_ns += (double)stage->wait_ns[i];
        else
            idle.waited_ns += (double)stage->wait_ns[i];
    return idle;
}

static int add_run(struct reading_of *reading, const struct attribution *attribution, struct err *err)
{
    const struct run *run = reading->run;
    double cpu_ns = 0, memory = 0;
    struct idle behind = {0};
    struct idle idle = path_idle(attribution, NULL);
    for (size_t i = 0; i < run->tracks.count; i++) {
        const struct run_track *track = &run->tracks.items[i];
        if (!track->present)
            continue;
        cpu_ns += (double)track->run_ns;
        for (size_t j = 0; reading->recorded.is_window && j < track->waits.count; j++)
            behind.queued_ns += (double)track->waits.items[j].runnable_ns;
        if (track->kind == TRACK_PROCESS && (double)track->rss_bytes_max > memory)
            memory = (double)track->rss_bytes_max;
    }
    struct quantity_key wall = {
        .kind = COMPARE_RUN, .metric = "wall_ns", .unit = "ns", .reading = READING_MEASURED, .factor = 1};
    struct quantity_key cpu = {
        .kind = COMPARE_RUN, .metric = "cpu_ns", .unit = "ns", .reading = READING_MEASURED, .factor = 1};
    struct quantity_key bytes = {.kind = COMPARE_RUN,
                                 .metric = "memory_bytes_max",
                                 .unit = "bytes",
                                 .reading = READING_MEASURED,
                                 .factor = 1};
    int status =
        reading->recorded.is_window ? 0 : add_time(reading, &wall, reading->recorded.wall_ns, &idle, err);
    /* Of agents the waits are known, and no CPU time. */
    if (!status && !reading->recorded.is_agents)
        status = add_time(reading, &cpu, cpu_ns * reading->scale, &behind, err);
    return status || !(memory > 0) ? status : add_number(reading, &bytes, memory, err);
}

static int add_usage(struct reading_of *reading, const struct stage *stage, const char *name, struct err *err)
{
    int status = 0;
    for (size_t i = 0; !status && i < stage->usage_count; i++) {
        char metric[NAME_BYTES_MAX];
        double amount = stage->usage[i].amount;
        if (!(amount >= 0) || !(amount < 1e300))
            continue;
        if (reading->recorded.is_agents && strcmp(stage->usage[i].kind, USAGE_COST) == 0) {
            struct quantity_key cost = {.kind = COMPARE_STAGE,
                                        .place = name,
                                        .metric = USAGE_COST,
                                        .unit = "usd",
                                        .reading = READING_MEASURED,
                                        .factor = 1};
            status = add_number(reading, &cost, amount, err);
            continue;
        }
        struct quantity_key used = {.kind = COMPARE_USAGE,
                                    .place = name,
                                    .metric = stage->usage[i].kind,
                                    .unit = "count",
                                    .reading = READING_EXACT};
        if (strcmp(stage->usage[i].kind, "bytes") == 0)
            used.unit = "bytes";
        status = add_number(reading, &used, amount * reading->scale, err);
        snprintf(metric, sizeof metric, "%.200s_per_s", stage->usage[i].kind);
        struct quantity_key rate = {.kind = COMPARE_STAGE,
                                    .place = name,
                                    .metric = metric,
                                    .unit = "per_s",
                                    .reading = READING_MEASURED,
                                    .factor = COMPARE_WAIT_FACTOR,
                                    .higher_is_better = true};
        /* Tokens a second are no work done. */
        if (!status && stage->covered_ns && !reading->recorded.is_agents)
            status = add_number(reading, &rate, amount * (double)NS_PER_S / (double)stage->covered_ns, err);
    }
    return status;
}

/* The bill and the tokens of a team of agents: fewer are better. */
static int add_bill(struct reading_of *reading, struct err *err)
{
    static const char *const kinds[] = {USAGE_COST,       USAGE_INPUT,          USAGE_OUTPUT,
                                        USAGE_CACHE_READ, USAGE_CACHE_WRITE_5M, USAGE_CACHE_WRITE_1H,
                                        USAGE_REASONING};
    const struct run *run = reading->run;
    int status = 0;
    for (size_t kind = 0; kind < sizeof kinds / sizeof kinds[0] && !status; kind++) {
        double sum = 0;
        for (size_t i = 0; i < run->usage.count; i++) {
            double amount = run->usage.items[i].amount;
            bool is_it = strcmp(run->usage.items[i].kind, kinds[kind]) == 0 && amount >= 0 && amount < 1e300;
            sum += is_it ? amount : 0;
        }
        struct quantity_key key = {.kind = COMPARE_RUN,
                                   .metric = kinds[kind],
                                   .unit = kind ? "count" : "usd",
                                   .reading = READING_MEASURED,
                                   .factor = 1};
        if (sum > 0)
            status = add_number(reading, &key, sum, err);
    }
    return status;
}

static int add_stages(struct reading_of *reading, const struct stage *stages,
                      const struct attribution *attribution, struct err *err)
{
    const struct run *run = reading->run;
    int status = 0;
    for (uint32_t i = 0; !status && i < run->stages.count; i++) {
        const struct stage *stage = &stages[i];
        const char *name = stage_name(reading, i);
        if (!stage->call_count)
            continue;
        struct idle behind = {.queued_ns =
                                  reading->recorded.is_window ? (double)stage->wait_ns[WAIT_CPU_QUEUE] : 0};
        struct idle covered = stage_idle(stage), on_path = path_idle(attribution, run->stages.items[i].name);
        struct quantity_key wall = {.kind = COMPARE_STAGE,
                                    .place = name,
                                    .metric = "wall_ns",
                                    .unit = "ns",
                                    .reading = READING_MEASURED,
                                    .factor = 1};
        struct quantity_key critical = wall, cpu = wall;
        struct quantity_key calls = {.kind = COMPARE_USAGE,
                                     .place = name,
                                     .metric = "calls",
                                     .unit = "count",
                                     .reading = READING_EXACT};
        critical.metric = "critical_ns";
        cpu.metric = "cpu_ns";
        cpu.factor = 1;
        status = add_time(reading, &wall, (double)stage->covered_ns * reading->scale, &covered, err);
        if (!status)
            status = add_time(reading, &critical, (double)attribution->stage_critical_ns[i] * reading->scale,
                              &on_path, err);
        if (!status && !reading->recorded.is_agents)
            status = add_time(reading, &cpu, (double)stage->cpu_ns * reading->scale, &behind, err);
        if (!status)
            status = add_number(reading, &calls, (double)stage->call_count * reading->scale, err);
        if (!status)
            status = add_usage(reading, stage, name, err);
    }
    return status;
}

/* --- waits --- */

static int add_wait(struct reading_of *reading, uint32_t actor, const struct run_wait *wait, struct err *err)
{
    char peer[NAME_BYTES_MAX];
    uint32_t stage = run_stage_at(reading->run, actor, wait->end_ns);
    double count = wait->count ? wait->count : 1;
    double blocked = (double)wait->blocked_ns * reading->scale,
           queued = (double)wait->runnable_ns * reading->scale;
    peer_name(reading->run, wait->peer, peer);
    struct quantity_key key = {.kind = COMPARE_WAIT,
                               .place = stage_name(reading, stage),
                               .detail = wait_reason_name(wait->reason),
                               .peer = peer,
                               .metric = "wait_ns",
                               .unit = "ns",
                               .reading = READING_MEASURED,
                               .factor = COMPARE_WAIT_FACTOR,
                               .follows = is_following(wait->reason)};
    struct quantity_part part = {.recording = reading->recording,
                                 .value = blocked,
                                 .count = count,
                                 .squares = blocked * blocked / count};
    int status = quantities_add(reading->quantities, &key, &part, err);
    if (status || !wait->runnable_ns)
        return status;
    key.detail = wait_reason_name(WAIT_CPU_QUEUE);
    key.peer = NULL;
    key.follows = true;
    part.value = queued;
    part.squares = queued * queued / count;
    return quantities_add(reading->quantities, &key, &part, err);
}

/* --- samples --- */

/* The clock that takes a sample interrupts the program: what its handler stands on is what was running. */
static bool is_interrupt(const struct run_frame *frame)
{
    return frame->function && (str_starts(frame->function, "asm_sysvec_") ||
                               str_starts(frame->function, "asm_common_interrupt"));
}

static int add_to_tree(struct reading_of *reading, uint32_t actor, const struct run_sample *sample,
                       double weight, struct err *err)
{
    const struct run *run = reading->run;
    uint32_t frames[STACK_DEPTH_MAX];
    size_t depth = 0;
    for (uint32_t at = sample->stack; at != RUN_NONE && at < run->stacks.count && depth < STACK_DEPTH_MAX;
         at = run->stacks.items[at].parent) {
        uint32_t index = run->stacks.items[at].frame;
        if (index < run->frames.count && is_interrupt(&run->frames.items[index]))
            depth = 0;
        else
            frames[depth++] = index;
    }
    const char *process = program_name(reading, run_process_name(run, actor, sample->time_ns));
    size_t node = quantities_child(reading->quantities, 0, process, NULL);
    while (depth-- && node != SIZE_MAX) {
        if (frames[depth] >= run->frames.count)
            continue;
        const struct run_frame *frame = &run->frames.items[frames[depth]];
        bool is_named = frame->function && frame->function[0];
        node = quantities_child(reading->quantities, node, is_named ? frame->function : UNKNOWN_FUNCTION,
                                frame->module);
    }
    if (node == SIZE_MAX)
        return err_memory(err);
    struct reading *at = &reading->quantities->nodes.items[node].readings[reading->recording];
    at->value += weight;
    at->count += 1;
    at->squares += weight * weight;
    return 0;
}

static int add_sample(struct reading_of *reading, uint32_t actor, const struct run_sample *sample,
                      struct err *err)
{
    const struct run *run = reading->run;
    double weight = (double)sample->weight * reading->scale;
    uint32_t stage = run_stage_at(run, actor, sample->time_ns), index = attribute_frame(run, sample->stack);
    const char *function = index != RUN_NONE ? run->frames.items[index].function : NULL;
    struct quantity_key key = {.kind = COMPARE_FUNCTION,
                               .place = stage_name(reading, stage),
                               .detail = function && function[0] ? function : UNKNOWN_FUNCTION,
                               .metric = "cpu_ns",
                               .unit = "ns",
                               .reading = READING_SAMPLED,
                               .factor = 1};
    struct quantity_part part = {
        .recording = reading->recording, .value = weight, .count = 1, .squares = weight * weight};
    if (stage == RUN_NONE)
        key.place = program_name(reading, run_process_name(run, actor, sample->time_ns));
    reading->recorded.sample_count++;
    int status = quantities_add(reading->quantities, &key, &part, err);
    return status ? status : add_to_tree(reading, actor, sample, weight, err);
}

static int add_tracks(struct reading_of *reading, struct err *err)
{
    const struct run *run = reading->run;
    int status = 0;
    for (uint32_t i = 0; !status && i < run->tracks.count; i++) {
        const struct run_track *track = &run->tracks.items[i];
        for (size_t j = 0; !status && j < track->samples.count; j++)
            status = add_sample(reading, i, &track->samples.items[j], err);
        for (size_t j = 0; !status && track->actor && j < track->waits.count; j++)
            status = add_wait(reading, i, &track->waits.items[j], err);
    }
    return status;
}

/* --- all of it --- */

static int add_analyzed(struct reading_of *reading, struct run *run, struct err *err)
{
    struct path path = {0};
    struct attribution attribution = {0};
    struct arena arena = {0};
    struct stage *stages = NULL;
    int status = infer_wakers(run, err);
    if (!status)
        status = path_walk(run, &path, err);
    if (!status) {
        path_merge_vias(run, &path);
        status = attribute_path(run, &path, &arena, &attribution, err);
    }
    if (!status)
        status = stage_table(run, &arena, &stages, err);
    if (!status)
        status = add_run(reading, &attribution, err);
    if (!status)
        status = add_stages(reading, stages, &attribution, err);
    if (!status && reading->recorded.is_agents)
        status = add_bill(reading, err);
    path_deinit(&path);
    arena_free(&arena);
    return status;
}

static int add_service(struct reading_of *reading, const struct compare_recording *from, struct err *err)
{
    const struct {
        const char *metric;
        double value;
        bool is_rate;
    } metrics[] = {{"requests_per_s", from->throughput_per_s, true},
                   {"latency_ns_p50", from->latency_ns_p50, false},
                   {"latency_ns_p99", from->latency_ns_p99, false}};
    int status = 0;
    for (size_t i = 0; !status && i < sizeof metrics / sizeof metrics[0]; i++) {
        struct quantity_key key = {.kind = COMPARE_RUN,
                                   .metric = metrics[i].metric,
                                   .unit = metrics[i].is_rate ? "per_s" : "ns",
                                   .reading = READING_MEASURED,
                                   .factor = COMPARE_WAIT_FACTOR,
                                   .higher_is_better = metrics[i].is_rate};
        if (metrics[i].value > 0)
            status = add_number(reading, &key, metrics[i].value, err);
    }
    return status;
}

static int add_qualities(struct reading_of *reading, const struct compare_recording *from, struct err *err)
{
    int status = 0;
    for (size_t i = 0; i < from->quality_count && !status; i++) {
        struct quantity_key key = {.kind = COMPARE_RUN,
                                   .metric = from->qualities[i].name,
                                   .unit = "score",
                                   .reading = READING_MEASURED,
                                   .factor = 1,
                                   .higher_is_better = true};
        status = add_number(reading, &key, from->qualities[i].value, err);
    }
    return status;
}

int recorded_read(const struct compare_recording *from, struct quantities *quantities, size_t recording,
                  struct recorded *ret_recorded, struct err *err)
{
    const struct view *view = from->view;
    struct run run;
    int status = run_load(view, &run, err);
    if (status)
        return status;
    struct reading_of reading = {.run = &run, .quantities = quantities, .recording = recording, .scale = 1};
    status = read_facts(view, &reading, err);
    if (!status)
        status = add_service(&reading, from, err);
    if (!status)
        status = add_tracks(&reading, err);
    if (!status)
        status = add_analyzed(&reading, &run, err);
    if (!status)
        status = add_qualities(&reading, from, err);
    run_deinit(&run);
    if (!status)
        *ret_recorded = reading.recorded;
    return status;
}
