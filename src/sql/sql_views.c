/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/sql_views.h"

#include <string.h>

#include "base/suggest.h"

#define OF_TRACK(track)                                                                                      \
    {track "track", "id of the track"}, {track "track_name", "its name"}, {track "pid", "its process"},      \
    {                                                                                                        \
        track "tid", "its thread"                                                                            \
    }
#define OF_FRAME                                                                                             \
    {"function", "the innermost function"}, {"file", "where it is"}, {"line", "the line"},                   \
    {                                                                                                        \
        "module", "the program or library"                                                                   \
    }

static const struct sql_column_text span_columns[] = {
    {"id", "id of the span"},
    {"parent", "id of the span around it, 0: none"},
    {"name", "what is done"},
    {"category", "phase, task, llm, tool, request, query, batch, exec"},
    OF_TRACK(""),
    {"start_ns", "ns, CLOCK_MONOTONIC"},
    {"end_ns", "ns; 0: not ended"},
    {"duration_ns", "ns; NULL: not ended"},
    {"status", "the status it ended with"},
};
static const struct sql_column_text wait_columns[] = {
    OF_TRACK(""),
    {"start_ns", "ns, CLOCK_MONOTONIC"},
    {"end_ns", "ns"},
    {"duration_ns", "ns"},
    {"count", "waits that the row stands for"},
    {"blocked_ns", "ns not runnable"},
    {"runnable_ns", "ns runnable, without a CPU"},
    {"reason", "what for"},
    {"peer", "id of the other end, 0: none"},
    {"peer_kind", "file, socket, pipe, lock, timer, device, process, api"},
    {"peer_name", "its name"},
    {"peer_address", "its address"},
    {"peer_path", "its path"},
    OF_FRAME,
    {"waker", "id of the track that ended it, 0: not known"},
    {"waker_name", "its name"},
    {"waker_source", "exact, inferred, interrupt, none"},
};
static const struct sql_column_text sample_columns[] = {
    {"time_ns", "ns, CLOCK_MONOTONIC"},
    OF_TRACK(""),
    {"stack", "id of the stack"},
    OF_FRAME,
    {"weight", "what the sample stands for"},
    {"kind", "cpu, off_cpu, alloc, free, lock"},
};
static const struct sql_column_text io_columns[] = {
    OF_TRACK(""),
    {"peer", "id of the other end"},
    {"peer_kind", "file, socket, pipe, device"},
    {"peer_name", "its name"},
    {"peer_address", "its address"},
    {"peer_path", "its path"},
    {"operation", "read, write, sync, connect, accept, open"},
    {"start_ns", "ns: the interval that the row counts"},
    {"end_ns", "ns"},
    {"count", "operations"},
    {"bytes", "bytes"},
    {"time_ns", "ns spent in them"},
};
static const struct sql_column_text edge_columns[] = {
    OF_TRACK("from_"),
    {"from_ns", "ns, CLOCK_MONOTONIC"},
    OF_TRACK("to_"),
    {"to_ns", "ns"},
    {"kind", "spawn, join, message, data, depends, order"},
    {"source", "recorded, declared, inferred"},
};
static const struct sql_column_text usage_columns[] = {
    {"span", "id of the span"},
    {"span_name", "its name"},
    {"category", "its category"},
    OF_TRACK(""),
    {"kind", "rows, bytes, tokens_input, tokens_output and so on"},
    {"amount", "how much"},
    {"model", "of a model's tokens: which"},
};
static const struct sql_column_text point_columns[] = {
    {"series", "id of the series"},     {"name", "what is measured"}, {"unit", "in what"}, OF_TRACK(""),
    {"time_ns", "ns, CLOCK_MONOTONIC"}, {"value", "the value"},
};

#define TRACK_OF(alias) alias ".name AS track_name, " alias ".pid, " alias ".tid"
#define FRAME_OF        "frame.function, frame.file, frame.line, frame.module"
#define PEER_OF                                                                                              \
    "peer.kind AS peer_kind, peer.name AS peer_name, peer.address AS peer_address, peer.path AS peer_path"
#define VIEW(view_name, text, array, query)                                                                  \
    {                                                                                                        \
        .name = (view_name), .what = (text), .select = (query), .columns = (array),                          \
        .column_count = sizeof(array) / sizeof(array)[0]                                                     \
    }

const struct sql_view_text sql_views[] = {
    VIEW("spans_named", "spans with their tracks", span_columns,
         "SELECT s.id, s.parent, s.name, s.category, s.track, " TRACK_OF(
             "t") ", s.start_ns, s.end_ns, CASE WHEN s.end_ns THEN s.end_ns - s.start_ns END AS duration_ns, "
                  "s.status"
                  " FROM span s LEFT JOIN track t ON t.id = s.track"),
    VIEW("waits_named", "waits with who waited, for what, where in the code, and who ended it", wait_columns,
         "SELECT w.track, " TRACK_OF(
             "t") ", w.start_ns, w.end_ns, w.end_ns - w.start_ns AS duration_ns, w.count,"
                  " w.blocked_ns, w.runnable_ns, w.reason, w.peer, " PEER_OF ", " FRAME_OF
                  ", w.waker_track AS waker, waker.name AS waker_name, w.waker_source"
                  " FROM wait w LEFT JOIN track t ON t.id = w.track LEFT JOIN peer ON peer.id = w.peer"
                  " LEFT JOIN stack ON stack.id = w.stack LEFT JOIN frame ON frame.id = stack.frame"
                  " LEFT JOIN track waker ON waker.id = w.waker_track"),
    VIEW("samples_named", "samples with their tracks and innermost functions", sample_columns,
         "SELECT s.time_ns, s.track, " TRACK_OF(
             "t") ", s.stack, " FRAME_OF ", s.weight, s.kind"
                  " FROM sample s LEFT JOIN track t ON t.id = s.track LEFT JOIN stack ON stack.id = s.stack"
                  " LEFT JOIN frame ON frame.id = stack.frame"),
    VIEW("io_named", "what tracks did to their peers", io_columns,
         "SELECT i.track, " TRACK_OF(
             "t") ", i.peer, " PEER_OF ", i.operation, i.start_ns, i.end_ns, i.count, i.bytes, i.time_ns"
                  " FROM io i LEFT JOIN track t ON t.id = i.track LEFT JOIN peer ON peer.id = i.peer"),
    VIEW("edges_named", "what enabled what", edge_columns,
         "SELECT e.from_track, f.name AS from_track_name, f.pid AS from_pid, f.tid AS from_tid, e.from_ns,"
         " e.to_track, t.name AS to_track_name, t.pid AS to_pid, t.tid AS to_tid, e.to_ns, e.kind, e.source"
         " FROM edge e LEFT JOIN track f ON f.id = e.from_track LEFT JOIN track t ON t.id = e.to_track"),
    VIEW("usage_named", "what spans consumed", usage_columns,
         "SELECT u.span, s.name AS span_name, s.category, s.track, " TRACK_OF(
             "t") ", u.kind, u.amount, u.model"
                  " FROM usage u LEFT JOIN span s ON s.id = u.span LEFT JOIN track t ON t.id = s.track"),
    VIEW("points_named", "metrics over time", point_columns,
         "SELECT p.series, s.name, s.unit, s.track, " TRACK_OF(
             "t") ", p.time_ns, p.value"
                  " FROM point p LEFT JOIN series s ON s.id = p.series LEFT JOIN track t ON t.id = s.track"),
};
const size_t sql_view_count = sizeof sql_views / sizeof sql_views[0];

const char *sql_table_what(enum table_id table)
{
    static const char *const texts[TABLE_END] = {
        [TABLE_META] = "a fact about the run",
        [TABLE_STRING] = "a text of the recording",
        [TABLE_TRACK] = "a process, a thread, an agent: what does work in sequence",
        [TABLE_BIND] = "a track carried by a thread for a time",
        [TABLE_SPAN] = "named work on a track",
        [TABLE_SLICE] = "a track on a CPU",
        [TABLE_WAIT] = "a track that does not run",
        [TABLE_EDGE] = "one track enabling another",
        [TABLE_SAMPLE] = "a stack at a moment",
        [TABLE_STACK] = "a function called by the stack that is its parent",
        [TABLE_FRAME] = "a function",
        [TABLE_PEER] = "the other end of a wait or of I/O",
        [TABLE_IO] = "what a track did to one peer in an interval",
        [TABLE_SERIES] = "a metric",
        [TABLE_POINT] = "its value at a moment",
        [TABLE_USAGE] = "what a span consumed",
        [TABLE_ATTR] = "anything else that is known of a row",
        [TABLE_HEAP] = "what a program allocated with one stack, over its life (toll run --heap)",
    };
    return texts[table];
}

/* The unit of a column of numbers, by its name. */
static const char *unit_of(const struct column *column)
{
    size_t length = strlen(column->name);
    if (column->type == COLUMN_TIME)
        return "ns, CLOCK_MONOTONIC";
    if (length > 3 && strcmp(column->name + length - 3, "_ns") == 0)
        return "ns";
    if (length > 6 && strcmp(column->name + length - 6, "_bytes") == 0)
        return "bytes";
    return strcmp(column->name, "bytes") == 0 || strcmp(column->name, "length") == 0 ? "bytes" : "number";
}

void sql_column_what(const struct table *table, size_t column, struct str *ret_text)
{
    const struct column *about = &table->columns[column];
    const char *before = "";
    switch (about->type) {
    case COLUMN_ID: str_append(ret_text, "id"); break;
    case COLUMN_STRING: str_append(ret_text, "text"); break;
    case COLUMN_REFERENCE: str_printf(ret_text, "id of a %s, 0: none", table_find(about->of)->name); break;
    case COLUMN_ENUM:
        for (uint64_t value = 0; value < about->of; value++) {
            const char *name = table_value_name(table, column, value);
            if (value && strcmp(name, "unknown") == 0)
                continue;
            if (!value && strcmp(name, "unknown") == 0 && table->id != TABLE_WAIT)
                continue;
            str_printf(ret_text, "%s%s", before, name);
            before = ", ";
        }
        break;
    case COLUMN_U64:
    case COLUMN_TIME: str_append(ret_text, unit_of(about)); break;
    case COLUMN_F64: str_append(ret_text, "number, with a fraction"); break;
    }
}

static const char *nearer(const char *word, const char *best, const char *candidate)
{
    if (!suggest_is_near(word, candidate))
        return best;
    return !best || suggest_distance(word, candidate) < suggest_distance(word, best) ? candidate : best;
}

const char *sql_nearest_table(const char *word)
{
    const char *best = NULL;
    for (uint64_t table = TABLE_META; table < TABLE_END; table++)
        best = nearer(word, best, table_find(table)->name);
    for (size_t i = 0; i < sql_view_count; i++)
        best = nearer(word, best, sql_views[i].name);
    return best;
}

const char *sql_nearest_column(const char *word)
{
    const char *best = NULL;
    for (uint64_t table = TABLE_META; table < TABLE_END; table++)
        for (size_t i = 0; i < table_find(table)->column_count; i++)
            best = nearer(word, best, table_find(table)->columns[i].name);
    for (size_t view = 0; view < sql_view_count; view++)
        for (size_t i = 0; i < sql_views[view].column_count; i++)
            best = nearer(word, best, sql_views[view].columns[i].name);
    return best;
}
