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

struct moved {
    uint32_t *strings, *files; /* ids there -> ids here */
};

static int move_names(struct usage_shelf *shelf, const struct usage_shelf *more, struct moved *moved)
{
    for (size_t i = 0; i < more->strings.entries.count; i++) {
        moved->strings[i + 1] = shelf_string(shelf, more->strings.entries.items[i].bytes);
        if (moved->strings[i + 1] == UINT32_MAX)
            return -1;
    }
    for (size_t i = 0; i < more->files.count; i++) {
        moved->files[i] = shelf_file(shelf, shelf_text(more, more->files.items[i].path));
        if (moved->files[i] == UINT32_MAX)
            return -1;
        struct usage_file *file = &shelf->files.items[moved->files[i]];
        uint32_t path = file->path;
        *file = more->files.items[i];
        file->path = path;
    }
    return 0;
}

static int move_rows(struct usage_shelf *shelf, const struct usage_shelf *more, const struct moved *moved)
{
    const uint32_t *strings = moved->strings, *files = moved->files;
    if (vec_reserve(&shelf->calls, shelf->calls.count + more->calls.count))
        return -1;
    for (size_t i = 0; i < more->calls.count; i++) {
        struct usage_call call = more->calls.items[i];
        uint32_t *texts[] = {&call.session, &call.agent,    &call.project, &call.task,
                             &call.model,   &call.provider, &call.region,  &call.tools};
        for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++)
            *texts[k] = strings[*texts[k]];
        call.file = files[call.file];
        if (vec_push(&shelf->calls, call))
            return -1;
    }
    for (size_t i = 0; i < more->agents.count; i++) {
        const struct usage_agent *agent = &more->agents.items[i];
        if (vec_push(&shelf->agents, (struct usage_agent){.session = strings[agent->session],
                                                          .agent = strings[agent->agent],
                                                          .kind = strings[agent->kind],
                                                          .title = strings[agent->title],
                                                          .file = files[agent->file],
                                                          .generation = agent->generation}))
            return -1;
    }
    for (size_t i = 0; i < more->faults.count; i++) {
        struct usage_fault fault = more->faults.items[i];
        fault.file = files[fault.file];
        fault.why = strings[fault.why];
        if (vec_push(&shelf->faults, fault))
            return -1;
    }
    return 0;
}

int shelf_add(struct usage_shelf *shelf, const struct usage_shelf *more)
{
    struct moved moved = {.strings = calloc(more->strings.entries.count + 1, sizeof *moved.strings),
                          .files = calloc(more->files.count + 1, sizeof *moved.files)};
    int status = moved.strings && moved.files ? 0 : -1;
    if (!status)
        status = move_names(shelf, more, &moved);
    if (!status)
        status = move_rows(shelf, more, &moved);
    free(moved.strings);
    free(moved.files);
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
