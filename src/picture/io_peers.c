/* SPDX-License-Identifier: Apache-2.0 */
/* Input and output summed up by peer and kind of call, over all processes. */
#include <string.h>

#include "analyze/attribution.h"
#include "base/histogram.h"
#include "base/num.h"
#include "base/str.h"
#include "model/table.h"
#include "picture/picture.h"

/* Kept apart at most; the rest is counted. */
#define SUM_MAX 50000

struct sum {
    struct io_entry entry;
    struct histogram *latencies; /* NULL: none */
};

struct summer {
    const struct run *run;
    struct arena *arena;
    struct intern keys; /* peer's name and operation, to index + 1 of sums */
    struct intern names;
    const char **name_of;                /* by peer; NULL: not looked up */
    const char **reader_of, **writer_of; /* by peer: the program that read, wrote; NULL: none did */
    uint64_t *critical_ns;               /* by id in names */
    bool *is_timed;                      /* by track: of a process whose calls were timed one by one */
    VEC(struct sum) sums;
    size_t lost_count;
};

static uint32_t process_of(const struct run *run, uint64_t track)
{
    return track && track <= run->tracks.count && run->tracks.items[track - 1].present
               ? run->tracks.items[track - 1].process
               : RUN_NONE;
}

/* "pipe from sort to gzip": its number tells nobody anything, and who only holds an end of it is not told. */
static const char *pipe_name(const struct summer *summer, uint32_t index)
{
    const char *from = summer->writer_of[index], *to = summer->reader_of[index];
    return arena_printf(summer->arena, "pipe%s%s%s%s", from ? " from " : "", from ? from : "",
                        to ? " to " : "", to ? to : "");
}

/* Never NULL but when memory ran out. */
static const char *peer_name(struct summer *summer, uint32_t index)
{
    const struct run_peer *peer = &summer->run->peers.items[index];
    const char **name = &summer->name_of[index];
    if (*name)
        return *name;
    const char *plain = run_peer_name(summer->run, index);
    if (peer->kind == PEER_PIPE && (!plain || str_starts(plain, "pipe:[")))
        *name = pipe_name(summer, index);
    else if (peer->kind == PEER_SOCKET && plain && peer->server && peer->server[0])
        *name = arena_printf(summer->arena, "%s (%s)", plain, peer->server);
    else
        *name = plain && plain[0] ? plain : peer_kind_name(peer->kind);
    return *name;
}

/* NULL when memory ran out or there are too many. */
static struct sum *sum_of(struct summer *summer, uint32_t peer, uint64_t operation, bool *ret_failed)
{
    char key[512];
    const char *name = peer == RUN_NONE ? "" : peer_name(summer, peer);
    uint64_t id;
    bool is_new = false;
    *ret_failed = name == NULL;
    if (!name)
        return NULL;
    size_t length = strnlen(name, sizeof key - 2);
    key[0] = (char)('0' + operation);
    key[1] = peer == RUN_NONE ? '-' : '+';
    memcpy(key + 2, name, length);
    if (summer->sums.count >= SUM_MAX) {
        id = intern_find(&summer->keys, key, length + 2);
        return id ? &summer->sums.items[id - 1] : NULL;
    }
    struct sum sum = {
        .entry = {.peer = peer == RUN_NONE ? NULL : name,
                  .kind = peer == RUN_NONE ? NULL : peer_kind_name(summer->run->peers.items[peer].kind),
                  .operation = table_value_name(table_find(TABLE_IO), COLUMN(io, operation), operation)}};
    if (intern_put(&summer->keys, key, length + 2, &id, &is_new) ||
        (is_new && vec_push(&summer->sums, sum))) {
        *ret_failed = true;
        return NULL;
    }
    return &summer->sums.items[id - 1];
}

static int add_latencies(struct sum *sum, const char *text)
{
    struct histogram latencies;
    if (!text[0] || histogram_parse(text, strlen(text), &latencies, NULL))
        return 0;
    if (!sum->latencies)
        sum->latencies = calloc(1, sizeof *sum->latencies);
    if (!sum->latencies)
        return -1;
    histogram_merge(sum->latencies, &latencies);
    return 0;
}

static void note_end(const struct run *run, uint32_t process, const char **name)
{
    const char *program = run_process_name(run, process, run->tracks.items[process].end_ns);
    *name = !*name || strcmp(*name, program) == 0 ? program : "several";
}

/* Who was timed, and who read and wrote. */
static int look_ahead(void *context, const struct batch *batch, struct err *err)
{
    struct summer *summer = context;
    (void)err;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_io row;
        batch_row(batch, i, (uint64_t *)&row);
        uint32_t process = process_of(summer->run, row.track);
        if (process != RUN_NONE && row.count && row.time_ns)
            summer->is_timed[process] = true;
        bool is_end = process != RUN_NONE && row.count && row.peer && row.peer <= summer->run->peers.count;
        if (is_end && row.operation == IO_READ)
            note_end(summer->run, process, &summer->reader_of[row.peer - 1]);
        if (is_end && row.operation == IO_WRITE)
            note_end(summer->run, process, &summer->writer_of[row.peer - 1]);
    }
    return 0;
}

/* What the kernel counts as well of calls that were timed is the same once more. */
static int add_rows(void *context, const struct batch *batch, struct err *err)
{
    struct summer *summer = context;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_io row;
        batch_row(batch, i, (uint64_t *)&row);
        uint32_t process = process_of(summer->run, row.track);
        bool is_known = !row.peer ||
                        (row.peer <= summer->run->peers.count && summer->run->peers.items[row.peer - 1].kind);
        if (process == RUN_NONE || !is_known || !row.count || !row.operation ||
            row.operation >= IO_OPERATION_COUNT || (!row.time_ns && summer->is_timed[process]))
            continue;
        bool failed;
        struct sum *sum =
            sum_of(summer, row.peer ? (uint32_t)(row.peer - 1) : RUN_NONE, row.operation, &failed);
        if (failed)
            return err_memory(err);
        if (!sum) {
            summer->lost_count++;
            continue;
        }
        sum->entry.count += row.count;
        sum->entry.bytes += row.bytes;
        sum->entry.time_ns += row.time_ns;
        if (row.latency_histogram && add_latencies(sum, view_text(summer->run->view, row.latency_histogram)))
            return err_memory(err);
    }
    return 0;
}

/* The time that the critical path waited for peers, by the id of their names. */
static int add_critical(struct summer *summer, const struct path *path)
{
    uint64_t id;
    for (size_t i = 0; i < path->steps.count; i++) {
        const struct path_step *step = &path->steps.items[i];
        if (step->peer == RUN_NONE || step->peer >= summer->run->peers.count || step->doing == DOING_CPU)
            continue;
        const char *name = peer_name(summer, step->peer);
        if (!name || intern_put(&summer->names, name, strlen(name), &id, NULL))
            return -1;
        if (id <= summer->run->peers.count)
            summer->critical_ns[id] += step->end_ns - step->start_ns;
    }
    for (size_t i = 0; i < summer->sums.count; i++) {
        struct io_entry *entry = &summer->sums.items[i].entry;
        id = entry->peer ? intern_find(&summer->names, entry->peer, strlen(entry->peer)) : 0;
        entry->critical_ns = id && id <= summer->run->peers.count ? summer->critical_ns[id] : 0;
    }
    return 0;
}

static int compare_peers(const struct io_entry *x, const struct io_entry *y)
{
    if (!x->peer || !y->peer)
        return (y->peer != NULL) - (x->peer != NULL);
    return strcmp(x->peer, y->peer);
}

static int compare_sums(const void *a, const void *b)
{
    const struct io_entry *x = &((const struct sum *)a)->entry, *y = &((const struct sum *)b)->entry;
    int by_peer = compare_peers(x, y);
    return by_peer ? by_peer : strcmp(x->operation, y->operation);
}

/* Peers in the order of what they cost: on the critical path, else in calls, else in bytes. */
struct block {
    size_t first, count;
    uint64_t critical_ns, time_ns, bytes;
};

static int compare_blocks(const void *a, const void *b)
{
    const struct block *x = a, *y = b;
    if (x->critical_ns != y->critical_ns)
        return x->critical_ns < y->critical_ns ? 1 : -1;
    if (x->time_ns != y->time_ns)
        return x->time_ns < y->time_ns ? 1 : -1;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return (x->first > y->first) - (x->first < y->first);
}

static int write_table(struct summer *summer, struct io_table *table)
{
    VEC(struct block) blocks = {0};
    size_t count = summer->sums.count, written = 0;
    struct io_entry *entries =
        arena_alloc(summer->arena, (num_min(count, IO_ENTRY_MAX) + 1) * sizeof *entries);
    int status = entries ? 0 : -1;
    if (count)
        qsort(summer->sums.items, count, sizeof *summer->sums.items, compare_sums);
    for (size_t i = 0; i < count && !status; i++) {
        struct sum *sum = &summer->sums.items[i];
        bool is_first = i == 0 || compare_peers(&sum->entry, &summer->sums.items[i - 1].entry) != 0;
        if (is_first)
            status = vec_push(&blocks, (struct block){.first = i, .critical_ns = sum->entry.critical_ns});
        if (status)
            break;
        struct block *block = &blocks.items[blocks.count - 1];
        block->count++;
        block->time_ns += sum->entry.time_ns;
        block->bytes += sum->entry.bytes;
        if (sum->latencies)
            sum->entry.latency_ns_p99 = num_u64(histogram_quantile(sum->latencies, 0.99));
    }
    if (!status && blocks.count)
        qsort(blocks.items, blocks.count, sizeof *blocks.items, compare_blocks);
    for (size_t i = 0; i < blocks.count && !status; i++)
        for (size_t j = 0; j < blocks.items[i].count && written < IO_ENTRY_MAX; j++)
            entries[written++] = summer->sums.items[blocks.items[i].first + j].entry;
    vec_free(&blocks);
    *table = (struct io_table){entries, written, count - written + summer->lost_count};
    return status;
}

int picture_io(const struct run *run, const struct path *path, struct arena *arena,
               struct io_table *ret_table, struct err *err)
{
    struct summer summer = {.run = run,
                            .arena = arena,
                            .name_of = calloc(run->peers.count * 3 + 1, sizeof *summer.name_of),
                            .critical_ns = calloc(run->peers.count + 1, sizeof *summer.critical_ns),
                            .is_timed = calloc(run->tracks.count + 1, sizeof *summer.is_timed)};
    int status = summer.name_of && summer.critical_ns && summer.is_timed ? 0 : err_memory(err);
    if (!status) {
        summer.reader_of = summer.name_of + run->peers.count;
        summer.writer_of = summer.reader_of + run->peers.count;
    }
    if (!status)
        status = view_scan_all(run->view, TABLE_IO, look_ahead, &summer, err);
    if (!status)
        status = view_scan_all(run->view, TABLE_IO, add_rows, &summer, err);
    if (!status && (add_critical(&summer, path) || write_table(&summer, ret_table)))
        status = err_memory(err);
    for (size_t i = 0; i < summer.sums.count; i++)
        free(summer.sums.items[i].latencies);
    vec_free(&summer.sums);
    intern_free(&summer.keys);
    intern_free(&summer.names);
    free(summer.name_of);
    free(summer.critical_ns);
    free(summer.is_timed);
    return status;
}
