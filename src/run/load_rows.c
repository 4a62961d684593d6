/* SPDX-License-Identifier: Apache-2.0 */
#include "run/load_rows.h"

#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "model/meta.h"

#define ID_MAX (1u << 30)
/* Servers beyond these count as any other load of the machine. */
#define SERVER_MAX 256

struct loader {
    struct run *run;
    uint64_t id_max; /* of the table being loaded */
    uint32_t outside_series, stall_series;
    struct map task_of; /* of an agent's parts: span to span */
    struct map pids;    /* of the run's processes */
    uint64_t last_ns;   /* the latest time of any row: where a recording cut short ends */
};

static const char *text_of(const struct loader *loader, uint64_t string)
{
    return view_text(loader->run->view, string);
}

/* A value of an enum; 0 (unknown, or none) for what is outside it. */
static uint8_t enum_of(uint64_t value, uint64_t count)
{
    return value < count ? (uint8_t)value : 0;
}

#define GROW_TO(loader, vec, wanted, err)                                                                    \
    do {                                                                                                     \
        if ((wanted) > (loader)->id_max)                                                                     \
            return err_set((err), ERR_INPUT, "could not load recording: id %llu is out of range",            \
                           (unsigned long long)(wanted));                                                    \
        if (vec_reserve((vec), (size_t)(wanted)))                                                            \
            return err_memory(err);                                                                          \
        if ((vec)->count < (wanted)) {                                                                       \
            memset((vec)->items + (vec)->count, 0,                                                           \
                   ((size_t)(wanted) - (vec)->count) * sizeof *(vec)->items);                                \
            (vec)->count = (size_t)(wanted);                                                                 \
        }                                                                                                    \
    } while (0)

static int load_tracks(void *context, const struct batch *batch, struct err *err)
{
    struct loader *loader = context;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_track row;
        batch_row(batch, i, (uint64_t *)&row);
        if (row.id == 0)
            return err_set(err, ERR_INPUT, "could not load recording: a track has no id");
        GROW_TO(loader, &loader->run->tracks, row.id, err);
        struct run_track *track = &loader->run->tracks.items[row.id - 1];
        track->id = row.id;
        track->start_ns = row.start_ns;
        track->end_ns = row.end_ns;
        track->pid = row.pid;
        track->tid = row.tid;
        track->exit_status = row.exit_status;
        track->name = text_of(loader, row.name);
        track->parent = row.parent ? (uint32_t)(row.parent - 1) : RUN_NONE;
        track->kind = enum_of(row.kind, TRACK_KIND_COUNT);
        track->present = true;
        track->spawner = RUN_NONE;
        if (track->kind == TRACK_PROCESS && track->pid && map_put(&loader->pids, track->pid, 1))
            return err_memory(err);
    }
    return 0;
}

static struct run_track *track_of(const struct loader *loader, uint64_t id)
{
    if (id == 0 || id > loader->run->tracks.count || !loader->run->tracks.items[id - 1].present)
        return NULL;
    return &loader->run->tracks.items[id - 1];
}

static int load_peers(void *context, const struct batch *batch, struct err *err)
{
    struct loader *loader = context;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_peer row;
        batch_row(batch, i, (uint64_t *)&row);
        GROW_TO(loader, &loader->run->peers, row.id, err);
        if (row.id == 0)
            continue;
        struct run_peer *peer = &loader->run->peers.items[row.id - 1];
        peer->kind = enum_of(row.kind, PEER_KIND_COUNT);
        peer->name = text_of(loader, row.name);
        peer->address = text_of(loader, row.address);
        peer->path = text_of(loader, row.path);
    }
    return 0;
}

static uint32_t peer_index(const struct loader *loader, uint64_t id)
{
    return id && id <= loader->run->peers.count && loader->run->peers.items[id - 1].kind ? (uint32_t)(id - 1)
                                                                                         : RUN_NONE;
}

/* Stacks are loaded later: the index is checked when all of them are there. */
static uint32_t stack_index(uint64_t id)
{
    return id && id <= ID_MAX ? (uint32_t)(id - 1) : RUN_NONE;
}

static int load_waits(void *context, const struct batch *batch, struct err *err)
{
    struct loader *loader = context;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_wait row;
        batch_row(batch, i, (uint64_t *)&row);
        struct run_track *track = track_of(loader, row.track);
        if (!track || row.end_ns <= row.start_ns)
            continue;
        struct run_track *waker = track_of(loader, row.waker_track);
        loader->last_ns = num_max(loader->last_ns, row.end_ns);
        uint64_t length = row.end_ns - row.start_ns;
        uint64_t runnable = num_min(row.runnable_ns, length);
        struct run_wait wait = {
            .start_ns = row.start_ns,
            .end_ns = row.end_ns,
            .runnable_ns = runnable,
            .blocked_ns = num_min(row.blocked_ns, length - runnable),
            .event_ns = row.end_ns - runnable,
            .count = (uint32_t)num_max(num_min(row.count, UINT32_MAX), 1),
            .peer = peer_index(loader, row.peer),
            .waker =
                waker && row.waker_source != WAKER_INTERRUPT ? (uint32_t)(row.waker_track - 1) : RUN_NONE,
            .stack = stack_index(row.stack),
            .waker_stack = stack_index(row.waker_stack),
            .reason = enum_of(row.reason, WAIT_REASON_COUNT),
            .waker_source = enum_of(row.waker_source, WAKER_SOURCE_COUNT),
        };
        if (vec_push(&track->waits, wait))
            return err_memory(err);
    }
    return 0;
}

/* One without an end began before the recording's. */
static int load_pause(struct loader *loader, const struct row_span *row)
{
    struct run_pause pause = {.start_ns = row->start_ns,
                              .end_ns = row->end_ns,
                              .track = (uint32_t)(row->track - 1),
                              .name = text_of(loader, row->name)};
    return row->end_ns > row->start_ns ? vec_push(&loader->run->pauses, pause) : 0;
}

static int load_spans(void *context, const struct batch *batch, struct err *err)
{
    struct loader *loader = context;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_span row;
        batch_row(batch, i, (uint64_t *)&row);
        struct run_track *track = track_of(loader, row.track);
        if (!track)
            continue;
        if (row.category == SPAN_GC) {
            if (load_pause(loader, &row))
                return err_memory(err);
            continue;
        }
        /* A model's response or a tool of an agent is a part of its task, no stage of its own. */
        if ((track->kind == TRACK_AGENT || track->kind == TRACK_CALL) &&
            (row.category == SPAN_LLM || row.category == SPAN_TOOL)) {
            if (map_put(&loader->task_of, row.id, row.parent))
                return err_memory(err);
            continue;
        }
        uint32_t name = run_stage_index(loader->run, text_of(loader, row.name), row.category == SPAN_EXEC);
        struct run_span span = {
            .start_ns = row.start_ns,
            .end_ns = row.end_ns,
            .id = row.id,
            .name = name,
            .parent = (uint32_t)row.parent,
            .exec = row.category == SPAN_EXEC,
        };
        if (name == RUN_NONE || vec_push(&track->spans, span))
            return err_memory(err);
    }
    return 0;
}

static int load_samples(void *context, const struct batch *batch, struct err *err)
{
    struct loader *loader = context;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_sample row;
        batch_row(batch, i, (uint64_t *)&row);
        struct run_track *track = track_of(loader, row.track);
        if (!track || row.kind != SAMPLE_CPU)
            continue;
        bool known = row.stack && row.stack <= loader->run->stacks.count;
        loader->last_ns = num_max(loader->last_ns, row.time_ns);
        struct run_sample sample = {.time_ns = row.time_ns,
                                    .weight = row.weight,
                                    .stack = known ? (uint32_t)(row.stack - 1) : RUN_NONE};
        if (vec_push(&track->samples, sample))
            return err_memory(err);
    }
    return 0;
}

static int load_stacks(void *context, const struct batch *batch, struct err *err)
{
    struct loader *loader = context;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_stack row;
        batch_row(batch, i, (uint64_t *)&row);
        GROW_TO(loader, &loader->run->stacks, row.id, err);
        if (row.id == 0)
            continue;
        loader->run->stacks.items[row.id - 1] = (struct run_stack){
            .parent = row.parent && row.parent <= ID_MAX ? (uint32_t)(row.parent - 1) : RUN_NONE,
            .depth = RUN_NONE,
            .frame = row.frame && row.frame <= ID_MAX ? (uint32_t)(row.frame - 1) : RUN_NONE,
        };
    }
    return 0;
}

static int load_frames(void *context, const struct batch *batch, struct err *err)
{
    struct loader *loader = context;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_frame row;
        batch_row(batch, i, (uint64_t *)&row);
        GROW_TO(loader, &loader->run->frames, row.id, err);
        if (row.id == 0)
            continue;
        loader->run->frames.items[row.id - 1] = (struct run_frame){
            .function = text_of(loader, row.function),
            .file = row.file ? text_of(loader, row.file) : NULL,
            .module = row.module ? text_of(loader, row.module) : NULL,
            .line = (uint32_t)num_min(row.line, UINT32_MAX),
            .inlined = row.inlined != 0,
            .address = row.address,
        };
    }
    return 0;
}

static int load_edges(void *context, const struct batch *batch, struct err *err)
{
    struct loader *loader = context;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_edge row;
        batch_row(batch, i, (uint64_t *)&row);
        if (!track_of(loader, row.from_track) || !track_of(loader, row.to_track))
            continue;
        struct run_edge edge = {.from_ns = row.from_ns,
                                .to_ns = row.to_ns,
                                .from = (uint32_t)(row.from_track - 1),
                                .to = (uint32_t)(row.to_track - 1),
                                .kind = enum_of(row.kind, EDGE_KIND_COUNT),
                                .source = enum_of(row.source, EDGE_SOURCE_COUNT)};
        if (vec_push(&loader->run->edges, edge))
            return err_memory(err);
    }
    return 0;
}

/* Looked for from the end: most rows are of the holder before. */
static bool is_held(const uint32_t *holders, size_t count, uint32_t holder)
{
    for (size_t i = count; i-- > 0;) {
        if (holders[i] == holder)
            return true;
    }
    return false;
}

#define HOLD(list, holder) (!is_held((list)->items, (list)->count, (holder)) && vec_push((list), (holder)))

static int load_io(void *context, const struct batch *batch, struct err *err)
{
    struct loader *loader = context;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_io row;
        batch_row(batch, i, (uint64_t *)&row);
        uint32_t peer = peer_index(loader, row.peer);
        if (peer == RUN_NONE || !track_of(loader, row.track))
            continue;
        struct run_peer *other = &loader->run->peers.items[peer];
        const struct run_track *track = track_of(loader, row.track);
        /* A process holds it, whichever of its threads was counted. */
        uint32_t holder = track->kind == TRACK_PROCESS ? (uint32_t)(row.track - 1) : track->parent;
        if (holder >= loader->run->tracks.count)
            continue; /* a thread whose process was not recorded */
        if (row.operation == IO_ACCEPT)
            loader->run->tracks.items[holder].accepts = true;
        if ((row.operation == IO_READ && HOLD(&other->readers, holder)) ||
            (row.operation == IO_WRITE && HOLD(&other->writers, holder)))
            return err_memory(err);
    }
    return 0;
}

/* "nginx[123]" of which 123 is a process of the run: its work is recorded as its own, and is no outsider's. */
static bool is_of_run(const struct loader *loader, const char *server)
{
    const char *open = strrchr(server, '[');
    uint64_t pid = open ? strtoull(open + 1, NULL, 10) : 0;
    return pid && map_get(&loader->pids, pid);
}

static int load_series(void *context, const struct batch *batch, struct err *err)
{
    struct loader *loader = context;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_series row;
        batch_row(batch, i, (uint64_t *)&row);
        if (row.track == 0 && strcmp(text_of(loader, row.name), SERIES_CPU_OUTSIDE) == 0)
            loader->outside_series = (uint32_t)row.id;
        if (row.track == 0 && strcmp(text_of(loader, row.name), SERIES_MEMORY_STALL) == 0)
            loader->stall_series = (uint32_t)row.id;
        struct run_server server = {.series = row.id, .name = text_of(loader, row.name)};
        if (!str_starts(server.name, SERIES_CPU_SERVER) || loader->run->servers.count == SERVER_MAX)
            continue;
        server.name += strlen(SERIES_CPU_SERVER);
        if (!is_of_run(loader, server.name) && vec_push(&loader->run->servers, server))
            return err_memory(err);
    }
    return 0;
}

static int load_points(void *context, const struct batch *batch, struct err *err)
{
    struct loader *loader = context;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_point row;
        batch_row(batch, i, (uint64_t *)&row);
        struct run_point point = {.time_ns = row.time_ns, .value = num_double(row.value)};
        loader->last_ns = num_max(loader->last_ns, row.time_ns);
        if (loader->outside_series && row.series == loader->outside_series &&
            vec_push(&loader->run->outside, point))
            return err_memory(err);
        if (loader->stall_series && row.series == loader->stall_series &&
            vec_push(&loader->run->stalls, point))
            return err_memory(err);
        for (size_t j = 0; j < loader->run->servers.count; j++) {
            struct run_server *server = &loader->run->servers.items[j];
            if (server->series == row.series && vec_push(&server->points, point))
                return err_memory(err);
        }
    }
    return 0;
}

static int load_usage(void *context, const struct batch *batch, struct err *err)
{
    struct loader *loader = context;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_usage row;
        batch_row(batch, i, (uint64_t *)&row);
        const uint64_t *task = map_get(&loader->task_of, row.span);
        struct run_usage usage = {.span = task ? *task : row.span,
                                  .kind = text_of(loader, row.kind),
                                  .amount = num_double(row.amount)};
        if (vec_push(&loader->run->usage, usage))
            return err_memory(err);
    }
    return 0;
}

static int load_binds(void *context, const struct batch *batch, struct err *err)
{
    struct loader *loader = context;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_bind row;
        batch_row(batch, i, (uint64_t *)&row);
        if (!track_of(loader, row.track) || !track_of(loader, row.thread))
            continue;
        struct run_bind bind = {.start_ns = row.start_ns,
                                .end_ns = row.end_ns,
                                .track = (uint32_t)(row.track - 1),
                                .thread = (uint32_t)(row.thread - 1)};
        if (vec_push(&loader->run->binds, bind))
            return err_memory(err);
    }
    return 0;
}

static int load_attrs(void *context, const struct batch *batch, struct err *err)
{
    struct loader *loader = context;
    (void)err;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_attr row;
        batch_row(batch, i, (uint64_t *)&row);
        struct run_track *track = row.owner_table == TABLE_TRACK ? track_of(loader, row.owner) : NULL;
        uint64_t value;
        uint32_t peer = row.owner_table == TABLE_PEER ? peer_index(loader, row.owner) : RUN_NONE;
        if (peer != RUN_NONE && strcmp(text_of(loader, row.key), ATTR_SERVER) == 0)
            loader->run->peers.items[peer].server = text_of(loader, row.value);
        bool of_frame = row.owner_table == TABLE_FRAME && row.owner && row.owner <= loader->run->frames.count;
        if (of_frame && strcmp(text_of(loader, row.key), ATTR_SPIN) == 0)
            loader->run->frames.items[row.owner - 1].spins = true;
        if (track && strcmp(text_of(loader, row.key), ATTR_GC_SOURCE) == 0)
            track->gc_source = text_of(loader, row.value);
        if (!track || num_parse_u64(text_of(loader, row.value), &value))
            continue;
        const struct {
            const char *key;
            uint64_t *field;
        } fields[] = {
            {ATTR_RSS_BYTES_MAX, &track->rss_bytes_max},
            {ATTR_CPU_USER_NS, &track->cpu_user_ns},
            {ATTR_CPU_SYSTEM_NS, &track->cpu_system_ns},
            {ATTR_RECORDING_NS, &track->recording_ns},
            {ATTR_FAULT_MINOR_COUNT, &track->fault_minor_count},
            {ATTR_FAULT_MAJOR_COUNT, &track->fault_major_count},
            {ATTR_DESCRIPTOR_LIMIT, &track->descriptor_limit},
            {ATTR_GC_MISSED_COUNT, &track->gc_missed_count},
            {ATTR_GC_MISSED_NS, &track->gc_missed_ns},
        };
        for (size_t j = 0; j < sizeof fields / sizeof fields[0]; j++) {
            if (strcmp(text_of(loader, row.key), fields[j].key) == 0)
                *fields[j].field = num_max(*fields[j].field, value);
        }
    }
    return 0;
}

struct load_step {
    enum table_id table;
    view_batch_fn *load;
};

static int load(struct run *run, const struct load_step *steps, size_t step_count, uint64_t *ret_last_ns,
                struct err *err)
{
    struct loader loader = {.run = run};
    int status = 0;
    for (size_t i = 0; !status && i < step_count; i++) {
        loader.id_max = view_id_max(run->view, steps[i].table, ID_MAX);
        status = view_scan_all(run->view, steps[i].table, steps[i].load, &loader, err);
    }
    map_free(&loader.task_of);
    map_free(&loader.pids);
    if (!status)
        *ret_last_ns = loader.last_ns;
    return status;
}

int load_rows(struct run *run, uint64_t *ret_last_ns, struct err *err)
{
    static const struct load_step steps[] = {
        {TABLE_TRACK, load_tracks},   {TABLE_PEER, load_peers},   {TABLE_WAIT, load_waits},
        {TABLE_SPAN, load_spans},     {TABLE_FRAME, load_frames}, {TABLE_STACK, load_stacks},
        {TABLE_SAMPLE, load_samples}, {TABLE_EDGE, load_edges},   {TABLE_IO, load_io},
        {TABLE_SERIES, load_series},  {TABLE_POINT, load_points}, {TABLE_USAGE, load_usage},
        {TABLE_BIND, load_binds},     {TABLE_ATTR, load_attrs},
    };
    return load(run, steps, sizeof steps / sizeof steps[0], ret_last_ns, err);
}

int load_sample_rows(struct run *run, uint64_t *ret_last_ns, struct err *err)
{
    static const struct load_step steps[] = {
        {TABLE_TRACK, load_tracks}, {TABLE_SPAN, load_spans},     {TABLE_FRAME, load_frames},
        {TABLE_STACK, load_stacks}, {TABLE_SAMPLE, load_samples},
    };
    return load(run, steps, sizeof steps / sizeof steps[0], ret_last_ns, err);
}
