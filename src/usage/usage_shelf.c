/* SPDX-License-Identifier: Apache-2.0 */
#include "usage/usage_shelf.h"

#include <string.h>
#include <xxhash.h>

#include "base/num.h"

static int collect_call(struct agent_sink *sink, const struct llm_call *call, struct err *err);
static int collect_agent(struct agent_sink *sink, const struct agent_facts *facts, struct err *err);
static int collect_fault(struct agent_sink *sink, const char *file, uint64_t line, const char *why,
                         struct err *err);

uint32_t shelf_string(struct usage_shelf *shelf, const char *text)
{
    uint64_t id = 0;
    if (!text || !*text)
        return 0;
    if (intern_put(&shelf->strings, text, strlen(text), &id, NULL))
        return UINT32_MAX;
    return (uint32_t)id;
}

uint32_t shelf_file(struct usage_shelf *shelf, const char *path)
{
    struct usage_file file = {.path = shelf_string(shelf, path)};
    if (file.path == UINT32_MAX)
        return UINT32_MAX;
    const uint64_t *known = map_get(&shelf->by_path, file.path);
    if (known)
        return (uint32_t)*known;
    if (map_put(&shelf->by_path, file.path, shelf->files.count) || vec_push(&shelf->files, file))
        return UINT32_MAX;
    return (uint32_t)shelf->files.count - 1;
}

/* --- one shelf onto another --- */

int shelf_move_init(struct shelf_move *move, struct usage_shelf *shelf, const struct usage_shelf *from)
{
    *move = (struct shelf_move){.shelf = shelf,
                                .from = from,
                                .strings = calloc(from->strings.entries.count + 1, sizeof *move->strings),
                                .files = calloc(from->files.count + 1, sizeof *move->files)};
    if (!move->strings || !move->files)
        return -1;
    for (size_t i = 0; i < from->strings.entries.count; i++) {
        move->strings[i + 1] = shelf_string(shelf, from->strings.entries.items[i].bytes);
        if (move->strings[i + 1] == UINT32_MAX)
            return -1;
    }
    for (size_t i = 0; i < from->files.count; i++) {
        move->files[i] = shelf_file(shelf, shelf_text(from, from->files.items[i].path));
        if (move->files[i] == UINT32_MAX)
            return -1;
        struct usage_file *file = &shelf->files.items[move->files[i]];
        uint32_t path = file->path;
        *file = from->files.items[i];
        file->path = path;
    }
    return 0;
}

void shelf_move_deinit(struct shelf_move *move)
{
    free(move->strings);
    free(move->files);
}

static int move_calls(struct shelf_move *move, size_t first, size_t end)
{
    const uint32_t *strings = move->strings;
    if (vec_reserve(&move->shelf->calls, move->shelf->calls.count + (end - first)))
        return -1;
    for (size_t i = first; i < end; i++) {
        struct usage_call call = move->from->calls.items[i];
        uint32_t *texts[] = {&call.session, &call.agent,    &call.project, &call.task,
                             &call.model,   &call.provider, &call.region,  &call.tools};
        for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++)
            *texts[k] = strings[*texts[k]];
        call.file = move->files[call.file];
        if (vec_push(&move->shelf->calls, call))
            return -1;
    }
    return 0;
}

int shelf_move_rows(struct shelf_move *move, const struct shelf_rows *first, const struct shelf_rows *end)
{
    const uint32_t *strings = move->strings, *files = move->files;
    if (move_calls(move, first->calls, end->calls))
        return -1;
    for (size_t i = first->agents; i < end->agents; i++) {
        struct usage_agent agent = move->from->agents.items[i];
        uint32_t *texts[] = {&agent.session, &agent.agent, &agent.kind, &agent.title};
        for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++)
            *texts[k] = strings[*texts[k]];
        agent.file = files[agent.file];
        if (vec_push(&move->shelf->agents, agent))
            return -1;
    }
    for (size_t i = first->faults; i < end->faults; i++) {
        struct usage_fault fault = move->from->faults.items[i];
        fault.file = files[fault.file];
        fault.why = strings[fault.why];
        if (vec_push(&move->shelf->faults, fault))
            return -1;
    }
    return 0;
}

struct shelf_rows shelf_rows(const struct usage_shelf *shelf)
{
    return (struct shelf_rows){shelf->calls.count, shelf->agents.count, shelf->faults.count};
}

int shelf_add(struct usage_shelf *shelf, const struct usage_shelf *more)
{
    struct shelf_move move;
    struct shelf_rows first = {0}, end = shelf_rows(more);
    int status = shelf_move_init(&move, shelf, more);
    if (!status)
        status = shelf_move_rows(&move, &first, &end);
    shelf_move_deinit(&move);
    return status;
}

int shelf_take(struct usage_shelf *shelf, struct usage_shelf *more)
{
    if (shelf->strings.entries.count || shelf->files.count)
        return shelf_add(shelf, more);
    for (size_t i = 0; i < more->files.count; i++)
        if (!map_get(&more->by_path, more->files.items[i].path) &&
            map_put(&more->by_path, more->files.items[i].path, i))
            return -1;
    shelf_free(shelf);
    struct usage_shelf moved = *more;
    *more = (struct usage_shelf){.source = moved.source, .place = moved.place};
    *shelf = moved;
    return 0;
}

void shelf_free(struct usage_shelf *shelf)
{
    intern_free(&shelf->strings);
    vec_free(&shelf->files);
    vec_free(&shelf->calls);
    vec_free(&shelf->agents);
    vec_free(&shelf->faults);
    map_free(&shelf->by_path);
}

/* --- tellings of one call --- */

static struct llm_call numbers_of(const struct usage_call *row)
{
    return (struct llm_call){.start_ns = row->start_ns,
                             .end_ns = row->end_ns,
                             .tokens = row->tokens,
                             .output_high = row->output_high,
                             .cost_usd = row->cost_usd,
                             .web_searches = row->web_searches,
                             .is_partial = row->flags & USAGE_PARTIAL};
}

void usage_call_merge(struct usage_call *row, const struct usage_call *again)
{
    struct llm_call call = numbers_of(row), other = numbers_of(again);
    llm_call_merge(&call, &other);
    row->start_ns = call.start_ns;
    row->end_ns = call.end_ns;
    row->tokens = call.tokens;
    row->output_high = call.output_high;
    row->cost_usd = call.cost_usd;
    row->web_searches = call.web_searches;
    row->flags = (uint8_t)((row->flags & ~USAGE_PARTIAL) | (again->flags & USAGE_FAST) |
                           (call.is_partial ? USAGE_PARTIAL : 0));
    row->tier = row->tier ? row->tier : again->tier;
}

/* --- the sink --- */

void usage_collector_init(struct usage_collector *collector, struct usage_shelf *shelf, uint32_t file)
{
    *collector = (struct usage_collector){
        .sink = {.llm_call = collect_call, .agent = collect_agent, .malformed = collect_fault},
        .shelf = shelf,
        .file = file};
}

/* Who says the same id says the same answer: anywhere where ids are global, else in the same conversation. */
static void identify(const struct agent_source *source, const struct llm_call *call, uint64_t ret_id[2])
{
    uint64_t seed = XXH3_64bits(source->name, strlen(source->name));
    ret_id[0] = ret_id[1] = 0;
    if (!call->id || !*call->id)
        return;
    if (!source->ids_are_global && call->session)
        seed = XXH3_64bits_withSeed(call->session, strlen(call->session), seed);
    XXH128_hash_t hash = XXH3_128bits_withSeed(call->id, strlen(call->id), seed);
    ret_id[0] = hash.low64 ? hash.low64 : 1;
    ret_id[1] = hash.high64;
}

static uint8_t flags_of(const struct llm_call *call)
{
    return (uint8_t)((call->is_fast ? USAGE_FAST : 0) | (call->is_partial ? USAGE_PARTIAL : 0) |
                     (call->is_unbilled ? USAGE_UNBILLED : 0) | (call->is_error ? USAGE_ERROR : 0));
}

static int collect_call(struct agent_sink *sink, const struct llm_call *call, struct err *err)
{
    struct usage_collector *collector = (struct usage_collector *)sink;
    struct usage_shelf *shelf = collector->shelf;
    struct usage_call row = {
        .start_ns = call->start_ns,
        .end_ns = call->end_ns,
        .tokens = call->tokens,
        .output_high = num_max(call->output_high, call->tokens.output),
        .cost_usd = call->cost_usd,
        .file = collector->file,
        .generation = shelf->files.items[collector->file].generation,
        .web_searches = call->web_searches,
        .attempt = (uint16_t)num_min(call->attempt, UINT16_MAX),
        .tier = (uint8_t)call->tier,
        .flags = flags_of(call),
    };
    const char *texts[] = {call->session, call->agent,    call->project, call->task,
                           call->model,   call->provider, call->region,  call->tools};
    uint32_t *ids[] = {&row.session, &row.agent,    &row.project, &row.task,
                       &row.model,   &row.provider, &row.region,  &row.tools};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        *ids[i] = shelf_string(shelf, texts[i]);
        if (*ids[i] == UINT32_MAX)
            return err_memory(err);
    }
    identify(shelf->source, call, row.id);
    return vec_push(&shelf->calls, row) ? err_memory(err) : 0;
}

static int collect_agent(struct agent_sink *sink, const struct agent_facts *facts, struct err *err)
{
    struct usage_collector *collector = (struct usage_collector *)sink;
    struct usage_shelf *shelf = collector->shelf;
    struct usage_agent row = {.session = shelf_string(shelf, facts->session),
                              .agent = shelf_string(shelf, facts->agent),
                              .kind = shelf_string(shelf, facts->kind),
                              .title = shelf_string(shelf, facts->title),
                              .file = collector->file,
                              .generation = shelf->files.items[collector->file].generation};
    if (row.session == UINT32_MAX || row.agent == UINT32_MAX || row.kind == UINT32_MAX ||
        row.title == UINT32_MAX)
        return err_memory(err);
    if (!row.kind && !row.title)
        return 0;
    return vec_push(&shelf->agents, row) ? err_memory(err) : 0;
}

static int collect_fault(struct agent_sink *sink, const char *file, uint64_t line, const char *why,
                         struct err *err)
{
    struct usage_collector *collector = (struct usage_collector *)sink;
    struct usage_shelf *shelf = collector->shelf;
    struct usage_fault row = {.line = line,
                              .file = collector->file,
                              .generation = shelf->files.items[collector->file].generation,
                              .why = shelf_string(shelf, why)};
    (void)file;
    if (row.why == UINT32_MAX)
        return err_memory(err);
    if (++collector->fault_count > FAULTS_PER_FILE_MAX)
        return 0;
    return vec_push(&shelf->faults, row) ? err_memory(err) : 0;
}
