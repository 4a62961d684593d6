/* SPDX-License-Identifier: Apache-2.0 */
#include "client/client_use.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/attribution.h"
#include "analyze/trips.h"
#include "base/map.h"
#include "base/num.h"
#include "detect/peer_limit.h"
#include "report/units.h"
#include "run/exchange.h"

/* Fewer are no habit yet. */
#define TRIPS_MIN                 200
#define CONNECTIONS_MIN           6
#define REQUESTS_A_CONNECTION_MAX 4
/* A connection that carries so much was worth making. */
#define BULK_BYTES_MIN 65536
#define FLUSHES_MIN    2000
#define PIECES_MIN     2000
#define SYNCS_MIN      50
/* Of the calls so many in ten are small (under 256 bytes). */
#define SMALL_TENTHS 8
/* Much data in pieces under this is read or written through a small buffer. */
#define PIECE_BYTES_MAX 8192
/* Writes between two syncs: with more a batch is synced. */
#define WRITES_A_SYNC_MAX 8
/* Answers to sends: with fewer than one in so many nobody answers. */
#define ANSWERED_PARTS 10
/* A part of the path that is too small to be worth a replay. */
#define PATH_RATIO_MIN 0.02
/* A batch size is large enough when it brings so much of what any brings. */
#define BEST_RATIO    0.9
#define LIBRARIES_MAX 64

/* --- uses --- */

struct collecting {
    struct client_look *look;
    struct intern keys;
    VEC(struct client_use) items;
    uint64_t *libraries; /* by process track: bits of client_libraries[] seen on its stacks */
};

static int use_of(struct collecting *collecting, const struct run_flow *flow, struct client_use **ret_use,
                  struct err *err)
{
    const struct run *run = collecting->look->run;
    const char *process = run_process_name(run, flow->process, run->tracks.items[flow->process].end_ns);
    const struct run_peer *peer = &run->peers.items[flow->peer];
    struct str key = {0};
    uint64_t id = 0;
    bool is_new = false;
    str_append(&key, process);
    str_append_bytes(&key, "\0", 1);
    str_append(&key, flow->name);
    int status =
        key.failed || intern_put(&collecting->keys, key.text, key.length, &id, &is_new) ? err_memory(err) : 0;
    str_free(&key);
    struct client_use use = {.process = process,
                             .peer = flow->name,
                             .is_socket = peer->kind == PEER_SOCKET,
                             .is_file = peer->kind == PEER_FILE};
    if (!status && is_new && vec_push(&collecting->items, use))
        status = err_memory(err);
    if (!status)
        *ret_use = &collecting->items.items[id - 1];
    return status;
}

/* The most particular library of the process that can speak the protocol. */
static const struct client_library *library_of(uint64_t seen, const char *process,
                                               enum client_protocol protocol)
{
    for (size_t i = 0; i < client_library_count && i < LIBRARIES_MAX; i++) {
        const struct client_library *library = &client_libraries[i];
        bool is_seen = (seen >> i & 1) || (library->process && strcmp(library->process, process) == 0);
        bool speaks = library->protocol == protocol || library->protocol == PROTOCOL_UNKNOWN ||
                      (protocol == PROTOCOL_UNKNOWN && library->protocol != PROTOCOL_SQLITE);
        if (is_seen && speaks)
            return library;
    }
    return NULL;
}

static void add_counts(struct client_use *use, const struct run_flow *flow)
{
    use->process_count++;
    use->connection_count += num_max(flow->connection_count, flow->count[IO_CONNECT]);
    use->read_count += flow->count[IO_READ];
    use->write_count += flow->count[IO_WRITE];
    use->read_bytes += flow->bytes[IO_READ];
    use->write_bytes += flow->bytes[IO_WRITE];
    use->small_read_count += flow->small_count[IO_READ];
    use->small_write_count += flow->small_count[IO_WRITE];
    use->sync_count += flow->count[IO_SYNC];
    use->wait_count += flow->wait_count;
    use->wait_ns += flow->wait_ns;
}

/* Of a socket only the side that asks is a client. Waits for locks, children and terminals are none of this. */
static bool is_use(const struct run *run, const struct run_flow *flow)
{
    if (flow->peer == RUN_NONE || !flow->name)
        return false;
    const struct run_peer *peer = &run->peers.items[flow->peer];
    if (peer->kind == PEER_SOCKET)
        return trips_is_asking(peer) && !flow->count[IO_ACCEPT];
    return peer->kind == PEER_FILE || peer->kind == PEER_PIPE;
}

/* "nginx" of "nginx[71]". */
static const char *server_program(struct arena *arena, const char *server)
{
    const char *bracket = strrchr(server, '[');
    return arena_copy(arena, server, bracket ? (size_t)(bracket - server) : strlen(server));
}

static int add_flow(struct collecting *collecting, const struct run_flow *flow, struct err *err)
{
    struct client_look *look = collecting->look;
    struct client_use *use = NULL;
    struct trips trips;
    int status = use_of(collecting, flow, &use, err);
    if (status)
        return status;
    add_counts(use, flow);
    use->call_cpu_ns += exchange_call_cpu_ns(look->run, flow);
    const struct run_peer *peer = &look->run->peers.items[flow->peer];
    if (!use->server && peer->server) {
        use->server = server_program(look->arena, peer->server);
        if (!use->server)
            return err_memory(err);
    }
    if (trips_of(look->run, flow, &trips)) {
        use->trip_count += trips.count;
        use->is_counted = use->is_counted || trips.is_counted;
    }
    use->is_sending = use->write_bytes > use->read_bytes;
    if (use->is_socket)
        use->protocol = client_protocol_of(use->server, peer->address);
    if (!use->library) {
        enum client_protocol spoken = use->is_file ? PROTOCOL_SQLITE : use->protocol;
        use->library = library_of(collecting->libraries[flow->process], use->process, spoken);
        if (use->is_file && use->library && use->library->protocol != PROTOCOL_SQLITE)
            use->library = NULL;
        if (use->library && use->protocol == PROTOCOL_UNKNOWN)
            use->protocol = use->library->protocol;
    }
    return 0;
}

/* --- libraries: by what lies on the stacks of a process --- */

static uint64_t library_bit(const struct run_frame *frame)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < client_library_count && i < LIBRARIES_MAX; i++) {
        const char *part = client_libraries[i].module;
        if (part &&
            ((frame->module && strstr(frame->module, part)) || (frame->file && strstr(frame->file, part))))
            bits |= UINT64_C(1) << i;
    }
    return bits;
}

/* A stack has the bits of its frames: parents have smaller indexes. */
static uint64_t *stack_bits(const struct run *run)
{
    uint64_t *of_frame = malloc((run->frames.count + 1) * sizeof *of_frame);
    uint64_t *of_stack = malloc((run->stacks.count + 1) * sizeof *of_stack);
    for (size_t i = 0; of_frame && i < run->frames.count; i++)
        of_frame[i] = library_bit(&run->frames.items[i]);
    for (size_t i = 0; of_frame && of_stack && i < run->stacks.count; i++) {
        const struct run_stack *stack = &run->stacks.items[i];
        uint64_t above = stack->parent < i ? of_stack[stack->parent] : 0;
        of_stack[i] = above | (stack->frame < run->frames.count ? of_frame[stack->frame] : 0);
    }
    if (!of_frame) {
        free(of_stack);
        of_stack = NULL;
    }
    free(of_frame);
    return of_stack;
}

static int find_libraries(struct collecting *collecting, struct err *err)
{
    const struct run *run = collecting->look->run;
    collecting->libraries = calloc(run->tracks.count + 1, sizeof *collecting->libraries);
    uint64_t *bits = collecting->libraries ? stack_bits(run) : NULL;
    if (!bits)
        return err_memory(err);
    for (size_t i = 0; i < run->tracks.count; i++) {
        const struct run_track *track = &run->tracks.items[i];
        if (!track->present || track->process == RUN_NONE)
            continue;
        uint64_t *of_process = &collecting->libraries[track->process];
        for (size_t j = 0; j < track->waits.count; j++)
            if (track->waits.items[j].stack < run->stacks.count)
                *of_process |= bits[track->waits.items[j].stack];
        for (size_t j = 0; j < track->samples.count; j++)
            if (track->samples.items[j].stack < run->stacks.count)
                *of_process |= bits[track->samples.items[j].stack];
    }
    free(bits);
    return 0;
}

/* --- the critical path --- */

static uint64_t cpu_of_program(const struct run *run, const char *process)
{
    uint64_t ns = 0;
    for (uint32_t i = 0; i < run->tracks.count; i++) {
        const struct run_track *track = &run->tracks.items[i];
        if (track->present && track->kind == TRACK_PROCESS &&
            strcmp(run_process_name(run, i, track->end_ns), process) == 0)
            ns += exchange_cpu_ns(run, i);
    }
    return ns;
}

static void place_on_path(const struct client_look *look, struct client_use *use)
{
    const struct verdict *verdict = look->verdict;
    uint64_t computing_ns = 0;
    const struct where *largest = NULL;
    for (size_t i = 0; i < verdict->path_count; i++) {
        const struct path_entry *entry = &verdict->path[i];
        if (!entry->where.process || strcmp(entry->where.process, use->process) != 0)
            continue;
        const char *other = entry->where.peer ? entry->where.peer : entry->where.path;
        bool is_wait = entry->doing >= 0 && other && strcmp(other, use->peer) == 0;
        if (!is_wait && entry->doing != DOING_CPU)
            continue;
        *(is_wait ? &use->path_wait_ns : &computing_ns) += entry->ns;
        largest = is_wait && !use->where.process ? &entry->where : largest ? largest : &entry->where;
        if (is_wait && !use->where.process)
            use->where = (struct where){.stage = entry->where.stage, .process = use->process};
    }
    if (computing_ns && use->call_cpu_ns) {
        double share = num_ratio(use->call_cpu_ns, cpu_of_program(look->run, use->process));
        use->path_cpu_ns = num_u64((double)computing_ns * (share < 1 ? share : 1));
    }
    if (!use->where.process)
        use->where = (struct where){.stage = largest ? largest->stage : NULL, .process = use->process};
    if (!use->where.stage && !look->run->has_spans)
        use->where.stage = use->process;
    *(use->is_file ? &use->where.path : &use->where.peer) = use->peer;
    use->path_ratio = num_ratio(use->path_wait_ns + use->path_cpu_ns, verdict->run.wall_ns);
}

/* --- habits --- */

static bool is_mostly_small(uint64_t small_count, uint64_t count)
{
    return small_count * 10 >= count * SMALL_TENTHS;
}

static enum client_habit habit_of_socket(const struct client_use *use)
{
    uint64_t requests = num_max(use->trip_count, num_min(use->write_count, use->read_count));
    if (use->connection_count >= CONNECTIONS_MIN &&
        requests <= use->connection_count * REQUESTS_A_CONNECTION_MAX &&
        (use->read_bytes + use->write_bytes) / use->connection_count < BULK_BYTES_MIN)
        return CLIENT_CONNECTS_EACH;
    if (use->trip_count >= TRIPS_MIN)
        return use->is_sending ? CLIENT_SENDS_SINGLY : CLIENT_ASKS_SINGLY;
    if (use->write_count >= FLUSHES_MIN && use->read_count * ANSWERED_PARTS < use->write_count &&
        is_mostly_small(use->small_write_count, use->write_count))
        return CLIENT_FLUSHES_EACH;
    return CLIENT_FINE;
}

static bool is_in_pieces(uint64_t count, uint64_t bytes, uint64_t small)
{
    return count >= PIECES_MIN && (is_mostly_small(small, count) || bytes / count < PIECE_BYTES_MAX);
}

static enum client_habit habit_of(const struct client_use *use)
{
    enum client_habit habit = use->is_socket ? habit_of_socket(use) : CLIENT_FINE;
    if (habit != CLIENT_FINE)
        return habit;
    if (use->is_file && use->sync_count >= SYNCS_MIN &&
        use->write_count <= use->sync_count * WRITES_A_SYNC_MAX)
        return CLIENT_SYNCS_EACH;
    /* Of a talk in questions and answers small pieces are the questions. */
    if (use->trip_count < TRIPS_MIN &&
        (is_in_pieces(use->read_count, use->read_bytes, use->small_read_count) ||
         is_in_pieces(use->write_count, use->write_bytes, use->small_write_count)))
        return CLIENT_SMALL_PIECES;
    return CLIENT_FINE;
}

/* --- what another habit brings --- */

static const uint32_t batch_sizes[] = {2, 5, 10, 20, 50, 100, 200, 500, 1000};
static const uint32_t piece_sizes[] = {4, 16, 64, 256, 1024, 4096};

static double replayed(struct client_look *look, const char *change, struct whatif_result *ret_result)
{
    struct err ignored;
    struct whatif_result result;
    *ret_result = (struct whatif_result){0};
    if (!look->whatif || !look->replays_left || !change)
        return 0;
    look->replays_left--;
    if (whatif_text(look->whatif, change, &result, &ignored))
        return 0;
    *ret_result = result;
    return result.factor;
}

/* The smallest of some sizes that brings nearly what the best does. */
static uint32_t best_size(struct client_look *look, const char *change, enum client_habit habit)
{
    const uint32_t *sizes = habit == CLIENT_SMALL_PIECES ? piece_sizes : batch_sizes;
    size_t count = habit == CLIENT_SMALL_PIECES ? sizeof piece_sizes / sizeof piece_sizes[0]
                                                : sizeof batch_sizes / sizeof batch_sizes[0];
    struct whatif_result result;
    double best = replayed(look, arena_printf(look->arena, "%s=%u", change, sizes[count - 1]), &result);
    for (size_t i = 0; best > 0 && i < count; i++)
        if (replayed(look, arena_printf(look->arena, "%s=%u", change, sizes[i]), &result) >=
            best * BEST_RATIO)
            return sizes[i];
    return best > 0 ? sizes[count - 1] : 0;
}

static void set_gain(struct client_use *use, const struct whatif_result *result)
{
    double before = (double)result->wall_ns_before;
    use->gain = (struct gain){.factor = result->factor,
                              .factor_low = result->wall_ns_high ? before / (double)result->wall_ns_high : 0,
                              .factor_high = result->wall_ns_low ? before / (double)result->wall_ns_low : 0,
                              .factor_max = result->factor,
                              .wall_ns_after = result->wall_ns_after};
}

static const char *change_of(struct client_look *look, const struct client_use *use, enum client_habit habit)
{
    switch (habit) {
    case CLIENT_CONNECTS_EACH: return arena_printf(look->arena, "cached:peer/%s=connection", use->peer);
    case CLIENT_SYNCS_EACH: return "remove:wait/disk_sync";
    case CLIENT_SENDS_SINGLY:
    case CLIENT_ASKS_SINGLY:
    case CLIENT_FLUSHES_EACH:
    case CLIENT_SMALL_PIECES: return arena_printf(look->arena, "batch:peer/%s", use->peer);
    case CLIENT_FINE:
    case CLIENT_HABIT_COUNT: break;
    }
    return NULL;
}

/* The verdict's finding about the same: its gain is known without a replay. */
static const struct finding *finding_of(const struct client_look *look, const char *change)
{
    size_t length = strchr(change, '=') ? (size_t)(strrchr(change, '=') - change) : strlen(change);
    for (size_t i = 0; i < look->verdict->finding_count; i++) {
        const struct finding *finding = &look->verdict->findings[i];
        const char *value = finding->change ? strrchr(finding->change, '=') : NULL;
        size_t size = value             ? (size_t)(value - finding->change)
                      : finding->change ? strlen(finding->change)
                                        : 0;
        if (size == length && finding->change && strncmp(finding->change, change, length) == 0)
            return finding;
    }
    return NULL;
}

static uint32_t size_in(const char *change)
{
    const char *value = strrchr(change, '=');
    unsigned long size = value ? strtoul(value + 1, NULL, 10) : 0;
    return size <= UINT32_MAX ? (uint32_t)size : 0;
}

static void weigh_habit(struct client_look *look, struct client_use *use)
{
    struct whatif_result result;
    const char *change = change_of(look, use, use->habit);
    if (!change)
        return;
    bool is_batch = strncmp(change, "batch:", 6) == 0;
    use->finding = finding_of(look, change);
    if (use->finding) {
        use->change = use->finding->change;
        use->gain = use->finding->gain;
        use->factor_max = use->gain.factor_max;
        use->batch_size = is_batch ? size_in(use->change) : 0;
        return;
    }
    if (is_batch) {
        use->batch_size = best_size(look, change, use->habit);
        change = use->batch_size ? arena_printf(look->arena, "%s=%u", change, use->batch_size) : NULL;
    }
    if (replayed(look, change, &result) <= 0)
        return;
    use->change = change;
    set_gain(use, &result);
    use->factor_max = use->gain.factor;
    if (is_batch && replayed(look, arena_printf(look->arena, "batch:peer/%s=1000000", use->peer), &result) >
                        use->factor_max)
        use->factor_max = result.factor;
    use->gain.factor_max = use->factor_max;
}

/* Of one that is fine the calls could cost nothing; what is waited for is the other end's, or the link's. */
static void weigh_fine(const struct client_look *look, struct client_use *use)
{
    double left = 1 - num_ratio(use->path_cpu_ns, look->verdict->run.wall_ns);
    use->factor_max = left > 0.01 ? 1 / left : 100;
}

/* --- all of it --- */

static int by_path(const void *a, const void *b)
{
    const struct client_use *x = a, *y = b;
    uint64_t of_x = x->path_wait_ns + x->path_cpu_ns, of_y = y->path_wait_ns + y->path_cpu_ns;
    if (of_x != of_y)
        return of_x < of_y ? 1 : -1;
    if (x->wait_ns != y->wait_ns)
        return x->wait_ns < y->wait_ns ? 1 : -1;
    int order = strcmp(x->process, y->process);
    return order ? order : strcmp(x->peer, y->peer);
}

/* A file is told of only where it has a habit; a server always. */
static bool is_worth_telling(const struct client_use *use)
{
    return use->is_socket ? use->wait_count || use->read_count || use->write_count || use->connection_count
                          : habit_of(use) != CLIENT_FINE;
}

static void find_unit(const struct run *run, struct client_uses *uses)
{
    for (size_t i = 0; i < run->usage.count; i++) {
        const struct run_usage *usage = &run->usage.items[i];
        bool is_unit = strcmp(usage->kind, "rows") == 0 || strcmp(usage->kind, "requests") == 0;
        if (!is_unit || (uses->unit && strcmp(uses->unit, usage->kind) != 0))
            continue;
        uses->unit = usage->kind;
        uses->unit_count += num_u64(usage->amount);
    }
}

static int take_largest(struct collecting *collecting, struct client_uses *uses, struct err *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < collecting->items.count; i++)
        if (is_worth_telling(&collecting->items.items[i]))
            collecting->items.items[kept++] = collecting->items.items[i];
    for (size_t i = 0; i < kept; i++)
        place_on_path(collecting->look, &collecting->items.items[i]);
    if (kept)
        qsort(collecting->items.items, kept, sizeof *collecting->items.items, by_path);
    for (size_t i = 0; i < kept && i < CLIENT_USES_MAX; i++)
        if (vec_push(&uses->items, collecting->items.items[i]))
            return err_memory(err);
    uses->left_out_count = kept > CLIENT_USES_MAX ? kept - CLIENT_USES_MAX : 0;
    return 0;
}

int client_uses_find(struct client_look *look, struct client_uses *ret_uses, struct err *err)
{
    struct collecting collecting = {.look = look};
    struct client_uses uses = {0};
    int status = find_libraries(&collecting, err);
    for (size_t i = 0; i < look->run->flows.count && !status; i++)
        if (is_use(look->run, &look->run->flows.items[i]))
            status = add_flow(&collecting, &look->run->flows.items[i], err);
    if (!status)
        status = take_largest(&collecting, &uses, err);
    for (size_t i = 0; i < uses.items.count && !status; i++) {
        struct client_use *use = &uses.items.items[i];
        use->habit = habit_of(use);
        if (use->habit != CLIENT_FINE && (use->path_ratio >= PATH_RATIO_MIN || look->verdict->service))
            weigh_habit(look, use);
        else if (use->habit == CLIENT_FINE)
            weigh_fine(look, use);
    }
    find_unit(look->run, &uses);
    intern_free(&collecting.keys);
    vec_free(&collecting.items);
    free(collecting.libraries);
    if (status)
        client_uses_deinit(&uses);
    else
        *ret_uses = uses;
    return status;
}

void client_uses_deinit(struct client_uses *uses)
{
    vec_free(&uses->items);
    *uses = (struct client_uses){0};
}

const struct client_use *client_use_of(const struct client_uses *uses, const char *process, const char *peer)
{
    for (size_t i = 0; i < uses->items.count; i++) {
        const struct client_use *use = &uses->items.items[i];
        if (strcmp(use->peer, peer) == 0 && (!process || strcmp(use->process, process) == 0))
            return use;
    }
    return NULL;
}

/* --- rows --- */

struct counting {
    const bool *peers; /* by peer index: is of the use */
    size_t peer_count, column;
    uint64_t at, first, last, count;
};

static int count_rows(void *context, const struct batch *batch, struct err *err)
{
    struct counting *counting = context;
    (void)err;
    for (size_t i = 0; i < batch->row_count; i++, counting->at++) {
        uint64_t peer = batch->columns[counting->column][i];
        if (!peer || peer > counting->peer_count || !counting->peers[peer - 1])
            continue;
        counting->first = counting->count++ ? counting->first : counting->at;
        counting->last = counting->at;
    }
    return 0;
}

int client_use_rows(const struct run *run, const struct client_use *use, struct arena *arena,
                    const char *ret_rows[CLIENT_ROWS_MAX], size_t *ret_count, struct err *err)
{
    static const struct {
        enum table_id table;
        size_t column;
        const char *name;
    } tables[CLIENT_ROWS_MAX] = {{TABLE_WAIT, COLUMN(wait, peer), "waits"},
                                 {TABLE_IO, COLUMN(io, peer), "io"}};
    bool *peers = calloc(run->peers.count + 1, sizeof *peers);
    size_t count = 0;
    int status = peers ? 0 : err_memory(err);
    for (uint32_t i = 0; i < run->peers.count && !status; i++) {
        const char *name = run->peers.items[i].kind ? run_peer_name(run, i) : NULL;
        peers[i] = name && strcmp(name, use->peer) == 0;
    }
    for (size_t i = 0; i < CLIENT_ROWS_MAX && !status; i++) {
        struct counting counting = {
            .peers = peers, .peer_count = run->peers.count, .column = tables[i].column};
        status = view_scan_all(run->view, tables[i].table, count_rows, &counting, err);
        if (status || !counting.count)
            continue;
        ret_rows[count] = arena_printf(arena, "%s %llu-%llu", tables[i].name,
                                       (unsigned long long)counting.first, (unsigned long long)counting.last);
        status = ret_rows[count++] ? 0 : err_memory(err);
    }
    free(peers);
    *ret_count = count;
    return status;
}

bool client_use_shares_link(const struct run *run, const struct client_use *use)
{
    enum peer_limit limit = PEER_LIMIT_UNKNOWN;
    struct err ignored;
    return use->is_socket && !peer_limit_of(run, use->peer, &limit, &ignored) && limit == PEER_LIMIT_LINK;
}

/* --- words --- */

static void calls_text(const char *verb, uint64_t count, uint64_t bytes, struct str *str)
{
    if (count)
        str_printf(str, "%s%s %s of %s", str->length ? ", " : "", unit_count((double)count).text, verb,
                   unit_bytes(bytes / count).text);
}

const char *client_use_text(const struct client_use *use, struct arena *arena)
{
    struct str str = {0};
    if (use->trip_count && use->is_counted)
        str_printf(&str, "%s round trips, %s out and %s back each", unit_count((double)use->trip_count).text,
                   unit_bytes(use->write_bytes / use->trip_count).text,
                   unit_bytes(use->read_bytes / use->trip_count).text);
    else if (use->trip_count)
        str_printf(&str, "%s short waits (what was said is not counted on this rung)",
                   unit_count((double)use->trip_count).text);
    else {
        calls_text("writes", use->write_count, use->write_bytes, &str);
        calls_text("reads", use->read_count, use->read_bytes, &str);
        if (!str.length)
            str_printf(&str, "%s waits", unit_count((double)use->wait_count).text);
    }
    if (use->sync_count)
        str_printf(&str, ", %s syncs", unit_count((double)use->sync_count).text);
    if (use->is_socket && use->connection_count)
        str_printf(&str, ", over %s connection%s", unit_count((double)use->connection_count).text,
                   use->connection_count == 1 ? "" : "s");
    if (use->process_count > 1)
        str_printf(&str, " of %s processes", unit_count((double)use->process_count).text);
    const char *text = str.failed ? NULL : arena_string(arena, str_text(&str));
    str_free(&str);
    return text ? text : "";
}
