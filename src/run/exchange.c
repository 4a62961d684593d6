/* SPDX-License-Identifier: Apache-2.0 */
#include "run/exchange.h"

#include <string.h>

#include "base/histogram.h"
#include "base/num.h"
#include "model/meta.h"

/* Below this many bytes a call does little but being a call. */
#define SMALL_BYTES 256
/* What a page fault takes of the kernel's time, about. */
#define FAULT_NS 500
/* The most that telling of one call takes; what the library used beyond that was for other things. */
#define RECORDING_NS_MAX 2000
/* The way back out of a call is told as the program's own time: the clock's interrupt waits until it is over. */
#define CALL_USER_PARTS 2

/* The first wait for a connection; start_ns UINT64_MAX before there was one. */
struct first_wait {
    uint64_t start_ns, took_ns;
};

/* What the last row of a peer was about: a run of many waits has few processes for each. */
struct recent {
    uint32_t process;          /* RUN_NONE: none yet */
    uint64_t flow, connection; /* ids; 0: not looked up */
};

struct summer {
    struct run *run;
    struct recent *recent;              /* by peer */
    struct intern keys;                 /* process and peer name to flow index + 1 */
    struct intern connections;          /* process and peer index */
    VEC(struct first_wait) first_waits; /* by its id there, less 1 */
    struct map series;                  /* id to index */
    struct map timed;                   /* processes whose calls were timed one by one */
};

static uint32_t process_of(const struct run *run, uint64_t track)
{
    return track && track <= run->tracks.count && run->tracks.items[track - 1].present
               ? run->tracks.items[track - 1].process
               : RUN_NONE;
}

static struct recent *recent_of(struct summer *summer, uint32_t process, uint32_t peer)
{
    struct recent *recent = &summer->recent[peer];
    if (recent->process != process)
        *recent = (struct recent){.process = process};
    return recent;
}

/* The flow, made when new; NULL when memory ran out. */
static struct run_flow *flow_make(struct summer *summer, uint32_t process, uint32_t peer)
{
    char key[512] = {0};
    struct run *run = summer->run;
    const char *name = run_peer_name(run, peer);
    size_t length = name ? strnlen(name, sizeof key - sizeof process) : 0;
    memcpy(key, &process, sizeof process);
    if (length)
        memcpy(key + sizeof process, name, length);
    uint64_t id;
    bool is_new;
    if (intern_put(&summer->keys, key, sizeof process + length, &id, &is_new))
        return NULL;
    struct run_flow flow = {.process = process, .peer = name ? peer : RUN_NONE, .name = name};
    if (is_new && vec_push(&run->flows, flow))
        return NULL;
    return id <= run->flows.count ? &run->flows.items[id - 1] : NULL;
}

static struct run_flow *flow_of(struct summer *summer, uint32_t process, uint32_t peer)
{
    if (peer == RUN_NONE)
        return flow_make(summer, process, peer);
    struct recent *recent = recent_of(summer, process, peer);
    if (!recent->flow) {
        struct run_flow *made = flow_make(summer, process, peer);
        recent->flow = made ? (uint64_t)(made - summer->run->flows.items) + 1 : 0;
    }
    return recent->flow ? &summer->run->flows.items[recent->flow - 1] : NULL;
}

/* The connection's id, made when new; 0 when memory ran out. */
static uint64_t connection_of(struct summer *summer, struct run_flow *flow, uint32_t peer)
{
    uint32_t key[2] = {flow->process, peer};
    struct recent *recent = recent_of(summer, flow->process, peer);
    uint64_t id;
    bool is_new = false;
    if (recent->connection)
        return recent->connection;
    if (intern_put(&summer->connections, (const char *)key, sizeof key, &id, &is_new) ||
        (is_new && vec_push(&summer->first_waits, (struct first_wait){.start_ns = UINT64_MAX})))
        return 0;
    flow->connection_count += is_new;
    return recent->connection = id;
}

/* `wait` NULL: it is held. The first wait for it is about when it was met. */
static int count_connection(struct summer *summer, struct run_flow *flow, uint32_t peer,
                            const struct run_wait *wait)
{
    if (peer == RUN_NONE || summer->run->peers.items[peer].kind != PEER_SOCKET)
        return 0;
    uint64_t id = connection_of(summer, flow, peer);
    if (!id)
        return -1;
    struct first_wait *first = &summer->first_waits.items[id - 1];
    if (!wait || wait->start_ns >= first->start_ns)
        return 0;
    const struct run_track *process = &summer->run->tracks.items[flow->process];
    uint64_t middle_ns = process->start_ns + (process->end_ns - process->start_ns) / 2;
    flow->connection_late_count += wait->start_ns > middle_ns;
    flow->connection_late_count -= first->start_ns != UINT64_MAX && first->start_ns > middle_ns;
    flow->opening_wait_ns += wait->blocked_ns / num_max(wait->count, 1);
    flow->opening_wait_ns -= first->took_ns;
    *first = (struct first_wait){.start_ns = wait->start_ns,
                                 .took_ns = wait->blocked_ns / num_max(wait->count, 1)};
    return 0;
}

/* How many of a row's calls were small: by their sizes where those are known, else by the mean. */
static uint64_t small_count(const struct run *run, const struct row_io *row)
{
    struct histogram sizes;
    const char *text = row->size_histogram ? view_text(run->view, row->size_histogram) : "";
    if (text[0] && !histogram_parse(text, strlen(text), &sizes, NULL)) {
        uint64_t total = histogram_total(&sizes);
        return total ? num_u64((double)row->count * histogram_below(&sizes, SMALL_BYTES) / (double)total) : 0;
    }
    return row->bytes / num_max(row->count, 1) < SMALL_BYTES ? row->count : 0;
}

/* Whether each call was timed: by a recorder that sees them all. */
static bool is_timed(const struct row_io *row)
{
    return row->count && row->time_ns;
}

static int find_timed(void *context, const struct batch *batch, struct err *err)
{
    struct summer *summer = context;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_io row;
        batch_row(batch, i, (uint64_t *)&row);
        uint32_t process = process_of(summer->run, row.track);
        if (process != RUN_NONE && is_timed(&row) && !map_get(&summer->timed, process) &&
            map_put(&summer->timed, process, 1))
            return err_memory(err);
    }
    return 0;
}

static int add_io(void *context, const struct batch *batch, struct err *err)
{
    struct summer *summer = context;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_io row;
        batch_row(batch, i, (uint64_t *)&row);
        uint32_t process = process_of(summer->run, row.track);
        bool known =
            row.peer && row.peer <= summer->run->peers.count && summer->run->peers.items[row.peer - 1].kind;
        if (process == RUN_NONE || row.operation == 0 || row.operation >= IO_OPERATION_COUNT ||
            (row.peer && !known))
            continue;
        uint32_t peer = row.peer ? (uint32_t)(row.peer - 1) : RUN_NONE;
        struct run_flow *flow = flow_of(summer, process, peer);
        if (!flow || count_connection(summer, flow, peer, NULL))
            return err_memory(err);
        /* What the kernel counts as well is the same once more. */
        if (!row.count || (!is_timed(&row) && map_get(&summer->timed, process)))
            continue;
        flow->start_ns = flow->end_ns ? num_min(flow->start_ns, row.start_ns) : row.start_ns;
        flow->end_ns = num_max(flow->end_ns, row.end_ns);
        flow->count[row.operation] += row.count;
        flow->bytes[row.operation] += row.bytes;
        flow->time_ns[row.operation] += row.time_ns;
        if (row.operation == IO_READ || row.operation == IO_WRITE)
            flow->small_count[row.operation] += small_count(summer->run, &row);
    }
    return 0;
}

static int add_waits(struct summer *summer, struct err *err)
{
    for (uint32_t i = 0; i < summer->run->tracks.count; i++) {
        const struct run_track *track = &summer->run->tracks.items[i];
        for (size_t j = 0; track->present && track->process != RUN_NONE && j < track->waits.count; j++) {
            const struct run_wait *wait = &track->waits.items[j];
            if (wait->peer == RUN_NONE || !wait->blocked_ns)
                continue;
            struct run_flow *flow = flow_of(summer, track->process, wait->peer);
            if (!flow || count_connection(summer, flow, wait->peer, wait))
                return err_memory(err);
            flow->wait_count += wait->count;
            flow->wait_ns += wait->blocked_ns;
        }
    }
    return 0;
}

/* What is wanted of the machine's own. */
static bool is_of_machine(const char *name)
{
    return strcmp(name, SERIES_TCP_OPENS) == 0 || strcmp(name, SERIES_MEMORY_TOTAL) == 0;
}

static int add_series(void *context, const struct batch *batch, struct err *err)
{
    struct summer *summer = context;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_series row;
        batch_row(batch, i, (uint64_t *)&row);
        const char *name = view_text(summer->run->view, row.name);
        uint32_t process = process_of(summer->run, row.track);
        bool is_wanted = row.track ? process != RUN_NONE : is_of_machine(name);
        if (!is_wanted)
            continue;
        struct run_series series = {
            .name = name, .unit = view_text(summer->run->view, row.unit), .process = process, .stride = 1};
        if (vec_push(&summer->run->series, series) ||
            map_put(&summer->series, row.id, summer->run->series.count - 1))
            return err_memory(err);
    }
    return 0;
}

/* Every other point goes, and from now on only one of twice as many comes. */
static void thin(struct run_series *series)
{
    for (size_t i = 0; i < series->points.count; i += 2)
        series->points.items[i / 2] = series->points.items[i];
    series->points.count = (series->points.count + 1) / 2;
    series->stride *= 2;
}

static int add_points(void *context, const struct batch *batch, struct err *err)
{
    struct summer *summer = context;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_point row;
        batch_row(batch, i, (uint64_t *)&row);
        const uint64_t *at = map_get(&summer->series, row.series);
        if (!at)
            continue;
        struct run_series *series = &summer->run->series.items[*at];
        struct run_point point = {.time_ns = row.time_ns, .value = num_double(row.value)};
        series->last = point;
        if (series->seen_count++ % series->stride)
            continue;
        if (series->points.count == EXCHANGE_POINT_MAX)
            thin(series);
        if (vec_push(&series->points, point))
            return err_memory(err);
    }
    return 0;
}

/* A recorder tells who listens at an address once, of one connection to it. */
static int share_servers(struct run *run)
{
    struct intern addresses = {0};
    VEC(const char *) servers = {0};
    int status = 0;
    for (size_t pass = 0; pass < 2 && !status; pass++) {
        for (size_t i = 0; i < run->peers.count && !status; i++) {
            struct run_peer *peer = &run->peers.items[i];
            if (peer->kind != PEER_SOCKET || !peer->address[0] || (pass == 0) != (peer->server != NULL))
                continue;
            size_t length = strlen(peer->address);
            uint64_t id = intern_find(&addresses, peer->address, length);
            bool is_new = false;
            if (pass && id && id <= servers.count)
                peer->server = servers.items[id - 1];
            else if (!pass)
                status = intern_put(&addresses, peer->address, length, &id, &is_new) ||
                         (is_new && vec_push(&servers, peer->server));
        }
    }
    intern_free(&addresses);
    vec_free(&servers);
    return status ? -1 : 0;
}

static uint64_t inside_ns(const struct run_flow *flow)
{
    uint64_t ns = 0;
    for (size_t i = 1; i < IO_OPERATION_COUNT; i++)
        ns += flow->time_ns[i];
    return ns;
}

static void add_up(struct run *run)
{
    for (size_t i = 0; i < run->flows.count; i++) {
        const struct run_flow *flow = &run->flows.items[i];
        struct run_track *process = &run->tracks.items[flow->process];
        *(flow->peer == RUN_NONE ? &process->call_together_count : &process->call_apart_count) +=
            exchange_call_count(flow);
        process->call_inside_ns += inside_ns(flow);
    }
}

int exchange_load(struct run *run, struct err *err)
{
    if (share_servers(run))
        return err_memory(err);
    struct summer summer = {.run = run, .recent = malloc((run->peers.count + 1) * sizeof *summer.recent)};
    if (!summer.recent)
        return err_memory(err);
    for (size_t i = 0; i < run->peers.count; i++)
        summer.recent[i] = (struct recent){.process = RUN_NONE};
    const char *call_ns = view_meta(run->view, META_CALL_NS);
    if (!call_ns || num_parse_u64(call_ns, &run->call_ns))
        run->call_ns = 0;
    int status = view_scan_all(run->view, TABLE_IO, find_timed, &summer, err);
    if (!status)
        status = view_scan_all(run->view, TABLE_IO, add_io, &summer, err);
    if (!status)
        status = add_waits(&summer, err);
    if (!status)
        status = view_scan_all(run->view, TABLE_SERIES, add_series, &summer, err);
    if (!status)
        status = view_scan_all(run->view, TABLE_POINT, add_points, &summer, err);
    if (!status)
        add_up(run);
    intern_free(&summer.keys);
    intern_free(&summer.connections);
    vec_free(&summer.first_waits);
    map_free(&summer.series);
    map_free(&summer.timed);
    free(summer.recent);
    return status;
}

void exchange_free(struct run *run)
{
    for (size_t i = 0; i < run->series.count; i++)
        vec_free(&run->series.items[i].points);
    vec_free(&run->series);
    vec_free(&run->flows);
}

const struct run_flow *exchange_flow(const struct run *run, uint32_t process, const char *peer)
{
    for (size_t i = 0; i < run->flows.count; i++) {
        const struct run_flow *flow = &run->flows.items[i];
        if (flow->process == process &&
            (peer ? flow->name && strcmp(flow->name, peer) == 0 : flow->peer == RUN_NONE))
            return flow;
    }
    return NULL;
}

uint64_t exchange_call_count(const struct run_flow *flow)
{
    return flow->count[IO_READ] + flow->count[IO_WRITE];
}

uint64_t exchange_cpu_ns(const struct run *run, uint32_t process)
{
    const struct run_track *track = &run->tracks.items[process];
    return track->cpu_user_ns + track->cpu_system_ns;
}

uint64_t exchange_kernel_ns(const struct run *run, uint32_t index)
{
    const struct run_track *process = &run->tracks.items[index];
    uint64_t faults = process->fault_minor_count * FAULT_NS;
    return process->cpu_system_ns > faults ? process->cpu_system_ns - faults : 0;
}

/* The flow's part of all that its process did in calls: by the time inside them where each was timed, else by their
 * number. Sockets have calls of their own (send, receive), so that those that /proc counts for all peers together are
 * none of theirs, or theirs again: the larger of the two is at least there. */
static double call_share(const struct run *run, const struct run_flow *of)
{
    const struct run_track *process = &run->tracks.items[of->process];
    uint64_t calls = num_max(process->call_together_count, process->call_apart_count);
    double share = process->call_inside_ns ? num_ratio(inside_ns(of), process->call_inside_ns)
                                           : num_ratio(exchange_call_count(of), calls);
    return share < 1 ? share : 1;
}

/* What it took to record the flow's calls from inside the program: gone with the calls. */
static double recording_ns(const struct run *run, const struct run_flow *flow)
{
    double share = (double)run->tracks.items[flow->process].recording_ns * call_share(run, flow);
    double most = (double)(exchange_call_count(flow) * RECORDING_NS_MAX);
    return share < most ? share : most;
}

/* Time inside calls holds waiting and what others did on the CPU meanwhile: the kernel's time of the process is what
 * they can have taken of it. */
uint64_t exchange_call_cpu_ns(const struct run *run, const struct run_flow *flow)
{
    uint64_t calls = exchange_call_count(flow), inside = inside_ns(flow);
    double outside = (double)(calls * run->call_ns) / CALL_USER_PARTS;
    double cpu = (double)exchange_kernel_ns(run, flow->process) * call_share(run, flow) + outside;
    uint64_t limit = exchange_cpu_ns(run, flow->process);
    if (inside)
        limit = num_min(limit, inside - num_min(inside, flow->wait_ns));
    uint64_t inside_cpu = num_min(num_u64(cpu), limit);
    return calls ? num_min(inside_cpu + num_u64(recording_ns(run, flow)), exchange_cpu_ns(run, flow->process))
                 : 0;
}
