/* SPDX-License-Identifier: Apache-2.0 */
#include "rings/span_rows.h"

#include <math.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/num.h"
#include "toll.h"

/* What a name that cannot be read is called. */
#define NAME_UNKNOWN "(unknown)"

/* Events are read some time after the poll looked at the clock; one further ahead than this is nonsense. */
#define TIME_AHEAD_NS 1000000000ull

static uint64_t time_of(const struct span_rows *rows, struct span_ring *ring, uint64_t raw)
{
    uint64_t ns = num_min(span_clock_ns(rows->clock, raw), rows->now_ns + TIME_AHEAD_NS);

    ns = num_max(num_max(ns, rows->start_ns), ring->last_ns);
    ring->last_ns = ns;
    return ns;
}

/* Reads a name out of the process's file; control characters become '?'. */
static int name_read(const struct span_process *process, uint32_t id, const struct span_host *host,
                     uint64_t *ret_string, struct err *err)
{
    unsigned char bytes[NAME_BYTES_MAX + 2];
    off_t offset = (off_t)sizeof(struct names_file) + (off_t)id * 4;
    ssize_t count = pread(process->names_fd, bytes, sizeof bytes, offset);
    unsigned length = count > 0 ? name_length(bytes, (size_t)count) : 0;

    if (length == 0)
        return sink_intern(host->sink, NAME_UNKNOWN, ret_string, err);
    for (unsigned i = 2; i < length + 2; i++)
        if (bytes[i] < ' ' || bytes[i] == 0x7f)
            bytes[i] = '?';
    return host->sink->intern(host->sink, (const char *)bytes + 2, length, ret_string, err);
}

static int name_string(struct span_process *process, uint32_t id, const struct span_host *host,
                       uint64_t *ret_string, struct err *err)
{
    if (id > NAME_ID_MAX)
        id = 0;
    if (id >= process->names.count) {
        size_t count = process->names.count;
        if (vec_reserve(&process->names, (size_t)id + 1))
            return err_memory(err);
        memset(process->names.items + count, 0, ((size_t)id + 1 - count) * sizeof process->names.items[0]);
        process->names.count = (size_t)id + 1;
    }
    if (process->names.items[id] == 0) {
        int status = name_read(process, id, host, &process->names.items[id], err);
        if (status)
            return status;
    }
    *ret_string = process->names.items[id];
    return 0;
}

/* 0 when the host refuses. */
static uint64_t thread_track(struct span_ring *ring, uint64_t now_ns, const struct span_host *host)
{
    uint64_t tid = ring->tid ? ring->tid : ring->process->pid;

    if (ring->track == 0)
        ring->track = host->track_of(host->context, ring->process->pid, tid, now_ns);
    return ring->track;
}

static uint64_t process_track(struct span_process *process, uint64_t now_ns, const struct span_host *host)
{
    if (process->track == 0)
        process->track = host->track_of(host->context, process->pid, 0, now_ns);
    return process->track;
}

/* The row of a span; end_ns 0 while it is open. */
static int span_write(const struct open_span *span, uint64_t parent, uint64_t end_ns, enum span_status status,
                      const struct span_host *host, struct err *err)
{
    struct row_span row = {.id = span->id,
                           .parent = parent,
                           .track = span->track,
                           .name = span->name,
                           .category = SPAN_PHASE,
                           .start_ns = span->start_ns,
                           .end_ns = end_ns,
                           .status = status};

    return sink_append(host->sink, span, &row, err);
}

static int usage_write(const struct open_span *span, const struct span_host *host, struct err *err)
{
    for (unsigned i = 0; i < span->usage_count; i++) {
        struct row_usage row = {
            .span = span->id, .kind = span->usage[i].kind, .amount = num_bits(span->usage[i].amount)};
        int status = sink_append(host->sink, usage, &row, err);
        if (status)
            return status;
    }
    return 0;
}

static int span_close(struct span_ring *ring, uint64_t end_ns, enum span_status how,
                      const struct span_host *host, struct err *err)
{
    const struct open_span *span = &ring->open.items[ring->open.count - 1];
    uint64_t parent = ring->open.count > 1 ? ring->open.items[ring->open.count - 2].id : 0;
    int status;

    status = span_write(span, parent, num_max(end_ns, span->start_ns), how, host, err);
    if (!status)
        status = usage_write(span, host, err);
    ring->open.count--;
    return status;
}

static int on_begin(struct span_rows *rows, struct span_ring *ring, const struct ring_event *event,
                    const struct span_host *host, struct err *err)
{
    struct open_span *span;
    uint64_t now_ns = time_of(rows, ring, event->value), name, track;
    int status = name_string(ring->process, event->name, host, &name, err);

    if (status)
        return status;
    track = ring->binds.count
                ? ring->process->logicals.items[ring->binds.items[ring->binds.count - 1].logical].track
                : thread_track(ring, now_ns, host);
    if (track == 0 || ring->open.count >= SPAN_DEPTH_MAX) {
        rows->totals.lost_count++;
        return 0;
    }
    if (vec_reserve(&ring->open, ring->open.count + 1))
        return err_memory(err);
    span = &ring->open.items[ring->open.count++];
    span->id = host->new_id(host->context, TABLE_SPAN);
    span->track = track;
    span->name = name;
    span->start_ns = now_ns;
    span->index = event->index;
    span->usage_count = 0;
    span->is_written = false;
    rows->totals.span_count++;
    return 0;
}

static int on_end(struct span_rows *rows, struct span_ring *ring, const struct ring_event *event,
                  const struct span_host *host, struct err *err)
{
    uint64_t now_ns = time_of(rows, ring, event->value);
    size_t at = ring->open.count;
    int status = 0;

    while (at > 0 && ring->open.items[at - 1].index != event->argument)
        at--;
    while (!status && at > 0 && ring->open.count > at)
        status = span_close(ring, now_ns, SPAN_STATUS_CUT, host, err);
    if (!status && at > 0)
        status = span_close(ring, now_ns, SPAN_STATUS_OK, host, err);
    return status;
}

static int on_usage(struct span_rows *rows, struct span_ring *ring, const struct ring_event *event,
                    const struct span_host *host, struct err *err)
{
    struct open_span *span;
    double amount = num_double(event->value);
    uint64_t kind;
    unsigned i = 0;
    int status;

    if (ring->open.count == 0)
        return 0;
    if (!isfinite(amount)) {
        rows->totals.lost_count++;
        return 0;
    }
    status = name_string(ring->process, event->name, host, &kind, err);
    if (status)
        return status;
    span = &ring->open.items[ring->open.count - 1];
    while (i < span->usage_count && span->usage[i].kind != kind)
        i++;
    if (i == SPAN_USAGE_MAX) {
        rows->totals.lost_count++;
        return 0;
    }
    if (i == span->usage_count)
        span->usage[span->usage_count++] = (struct span_usage){.kind = kind};
    span->usage[i].amount += amount;
    return 0;
}

/* The series of a counter of the process; *ret_series 0 when there is none to be had. */
static int series_find(struct span_ring *ring, uint64_t name, uint64_t now_ns, const struct span_host *host,
                       uint64_t *ret_series, struct err *err)
{
    struct span_process *process = ring->process;
    const uint64_t *known = map_get(&process->series_of, name);
    struct row_series row = {.name = name};
    int status;

    if (known) {
        *ret_series = *known;
        return 0;
    }
    *ret_series = 0;
    row.track = process_track(process, now_ns, host);
    if (row.track == 0 || process->series_of.count >= SPAN_SERIES_MAX)
        return 0;
    row.id = host->new_id(host->context, TABLE_SERIES);
    status = sink_append(host->sink, series, &row, err);
    if (status)
        return status;
    if (map_put(&process->series_of, name, row.id))
        return err_memory(err);
    *ret_series = row.id;
    return 0;
}

static int on_counter(struct span_rows *rows, struct span_ring *ring, const struct ring_event *event,
                      const struct span_host *host, struct err *err)
{
    struct row_point row = {.time_ns = time_of(rows, ring, event->value), .value = event->more[0]};
    uint64_t name;
    int status = name_string(ring->process, event->name, host, &name, err);

    if (!status)
        status = series_find(ring, name, row.time_ns, host, &row.series, err);
    if (status)
        return status;
    if (row.series == 0 || !isfinite(num_double(row.value))) {
        rows->totals.lost_count++;
        return 0;
    }
    return sink_append(host->sink, point, &row, err);
}

static int logical_write(struct span_process *process, const struct span_logical *logical, uint64_t end_ns,
                         const struct span_host *host, struct err *err)
{
    struct row_track row = {.id = logical->track,
                            .parent = process->track,
                            .kind = logical->kind,
                            .name = logical->name,
                            .pid = process->pid,
                            .start_ns = logical->start_ns,
                            .end_ns = end_ns};

    return sink_append(host->sink, track, &row, err);
}

/* The worker or agent of that name, made and written at first; *ret_index SIZE_MAX when it cannot be had. */
static int logical_find(struct span_process *process, const struct span_logical *wanted,
                        const struct span_host *host, size_t *ret_index, struct err *err)
{
    uint64_t key = wanted->kind << 56 | wanted->name;
    const uint64_t *known = map_get(&process->logical_of, key);
    struct span_logical made = *wanted;
    int status;

    if (known) {
        *ret_index = (size_t)*known;
        return 0;
    }
    *ret_index = SIZE_MAX;
    if (process_track(process, wanted->start_ns, host) == 0 || process->logicals.count >= SPAN_LOGICAL_MAX)
        return 0;
    made.track = host->new_id(host->context, TABLE_TRACK);
    status = logical_write(process, &made, 0, host, err);
    if (status)
        return status;
    if (vec_push(&process->logicals, made) || map_put(&process->logical_of, key, process->logicals.count - 1))
        return err_memory(err);
    *ret_index = process->logicals.count - 1;
    return 0;
}

static int on_track_begin(struct span_rows *rows, struct span_ring *ring, const struct ring_event *event,
                          const struct span_host *host, struct err *err)
{
    struct span_logical wanted = {.kind = event->argument == TOLL_TRACK_AGENT ? TRACK_AGENT : TRACK_WORKER};
    size_t index;
    int status;

    wanted.start_ns = wanted.end_ns = time_of(rows, ring, event->value);
    status = name_string(ring->process, event->name, host, &wanted.name, err);
    if (!status)
        status = logical_find(ring->process, &wanted, host, &index, err);
    if (status)
        return status;
    if (index == SIZE_MAX || ring->binds.count >= SPAN_BIND_MAX ||
        !thread_track(ring, wanted.start_ns, host)) {
        rows->totals.lost_count++;
        return 0;
    }
    if (vec_push(&ring->binds, (struct open_bind){.logical = index, .start_ns = wanted.start_ns}))
        return err_memory(err);
    return 0;
}

static int bind_close(struct span_ring *ring, size_t at, uint64_t end_ns, const struct span_host *host,
                      struct err *err)
{
    const struct open_bind *bind = &ring->binds.items[at];
    struct span_logical *logical = &ring->process->logicals.items[bind->logical];
    struct row_bind row = {
        .track = logical->track, .thread = ring->track, .start_ns = bind->start_ns, .end_ns = end_ns};

    row.end_ns = num_max(end_ns, bind->start_ns);
    logical->end_ns = num_max(logical->end_ns, row.end_ns);
    memmove(&ring->binds.items[at], &ring->binds.items[at + 1],
            (ring->binds.count - at - 1) * sizeof ring->binds.items[0]);
    ring->binds.count--;
    return sink_append(host->sink, bind, &row, err);
}

static int on_track_end(struct span_rows *rows, struct span_ring *ring, const struct ring_event *event,
                        const struct span_host *host, struct err *err)
{
    uint64_t kind = event->argument == TOLL_TRACK_AGENT ? TRACK_AGENT : TRACK_WORKER;
    uint64_t now_ns = time_of(rows, ring, event->value);

    for (size_t at = ring->binds.count; at-- > 0;)
        if (ring->process->logicals.items[ring->binds.items[at].logical].kind == kind)
            return bind_close(ring, at, now_ns, host, err);
    return 0;
}

static int on_edge(struct span_rows *rows, struct span_ring *ring, const struct ring_event *event,
                   const struct span_host *host, struct err *err)
{
    struct row_edge row = {.to_ns = time_of(rows, ring, event->value),
                           .kind = event->argument == TOLL_EDGE_MESSAGE ? EDGE_MESSAGE : EDGE_DEPENDS,
                           .source = EDGE_DECLARED};
    uint64_t pid = event->more[1] >> 32, tid = event->more[1] & 0xffffffff;

    row.from_ns = num_max(span_clock_ns(rows->clock, event->more[0]), rows->start_ns);
    row.from_ns = num_min(row.from_ns, row.to_ns);
    row.to_track = thread_track(ring, row.to_ns, host);
    row.from_track = pid && tid ? host->track_of(host->context, pid, tid, row.from_ns) : 0;
    if (row.from_track == 0 || row.to_track == 0) {
        rows->totals.lost_count++;
        return 0;
    }
    return sink_append(host->sink, edge, &row, err);
}

int span_rows_mark_end(struct span_rows *rows, size_t index, uint64_t end_ns, enum span_status status,
                       const struct span_host *host, struct err *err)
{
    struct span_mark mark = rows->marks.items[index];

    rows->marks.items[index] = rows->marks.items[--rows->marks.count];
    if (mark.pid_fd >= 0)
        close(mark.pid_fd);
    return span_write(&mark.span, 0, num_max(end_ns, mark.span.start_ns), status, host, err);
}

static int on_mark(struct span_rows *rows, struct span_ring *ring, const struct ring_event *event,
                   const struct span_host *host, struct err *err)
{
    struct span_mark mark = {.pid = event->argument, .pid_fd = -1};
    int status = name_string(ring->process, event->name, host, &mark.span.name, err);

    if (status)
        return status;
    mark.span.start_ns = time_of(rows, ring, event->value);
    for (size_t i = rows->marks.count; !status && i-- > 0;)
        if (rows->marks.items[i].pid == mark.pid)
            status = span_rows_mark_end(rows, i, mark.span.start_ns, SPAN_STATUS_OK, host, err);
    if (status)
        return status;
    mark.span.track = mark.pid ? host->track_of(host->context, mark.pid, mark.pid, mark.span.start_ns) : 0;
    if (mark.span.track == 0 || rows->marks.count >= SPAN_DEPTH_MAX) {
        rows->totals.lost_count++;
        return 0;
    }
    mark.pid_fd = (int)syscall(SYS_pidfd_open, (pid_t)mark.pid, 0);
    mark.span.id = host->new_id(host->context, TABLE_SPAN);
    rows->totals.span_count++;
    status = span_write(&mark.span, 0, 0, SPAN_STATUS_OK, host, err);
    if (!status && vec_push(&rows->marks, mark))
        status = err_memory(err);
    if (status && mark.pid_fd >= 0)
        close(mark.pid_fd);
    return status;
}

static int on_attach(struct span_rows *rows, struct span_ring *ring, const struct ring_event *event,
                     const struct span_host *host, struct err *err)
{
    int status = span_rows_thread_end(ring, time_of(rows, ring, event->value), host, err);

    ring->tid = event->argument;
    ring->track = 0;
    return status;
}

int span_rows_event(struct span_rows *rows, struct span_ring *ring, const struct ring_event *event,
                    const struct span_host *host, struct err *err)
{
    rows->totals.event_count++;
    switch (event->kind) {
    case RING_BEGIN: return on_begin(rows, ring, event, host, err);
    case RING_END: return on_end(rows, ring, event, host, err);
    case RING_USAGE: return on_usage(rows, ring, event, host, err);
    case RING_COUNTER: return on_counter(rows, ring, event, host, err);
    case RING_TRACK_BEGIN: return on_track_begin(rows, ring, event, host, err);
    case RING_TRACK_END: return on_track_end(rows, ring, event, host, err);
    case RING_EDGE: return on_edge(rows, ring, event, host, err);
    case RING_MARK: return on_mark(rows, ring, event, host, err);
    case RING_ATTACH: return on_attach(rows, ring, event, host, err);
    case RING_DETACH: return span_rows_thread_end(ring, time_of(rows, ring, event->value), host, err);
    case RING_NONE:
    case RING_MORE:
    case RING_KIND_COUNT: break;
    }
    return 0;
}

int span_rows_open(struct span_rows *rows, struct span_ring *ring, const struct span_host *host,
                   struct err *err)
{
    for (size_t i = 0; i < ring->open.count; i++) {
        struct open_span *span = &ring->open.items[i];
        int status;

        if (rows->now_ns < span->start_ns + SPAN_OPEN_LONG_NS)
            break;
        if (span->is_written)
            continue;
        span->is_written = true;
        status = span_write(span, i ? span[-1].id : 0, 0, SPAN_STATUS_OK, host, err);
        if (status)
            return status;
    }
    return 0;
}

int span_rows_thread_end(struct span_ring *ring, uint64_t end_ns, const struct span_host *host,
                         struct err *err)
{
    int status = 0;

    end_ns = num_max(end_ns, ring->last_ns);
    while (!status && ring->open.count > 0)
        status = span_close(ring, end_ns, SPAN_STATUS_CUT, host, err);
    while (!status && ring->binds.count > 0)
        status = bind_close(ring, ring->binds.count - 1, end_ns, host, err);
    return status;
}

int span_rows_process_end(struct span_process *process, uint64_t end_ns, const struct span_host *host,
                          struct err *err)
{
    int status = 0;

    for (size_t i = 0; !status && i < process->logicals.count; i++) {
        const struct span_logical *logical = &process->logicals.items[i];
        status = logical_write(process, logical, num_max(end_ns, logical->end_ns), host, err);
    }
    return status;
}
