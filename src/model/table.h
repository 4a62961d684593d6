/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table: the one model. Every recorder and importer writes these tables, every analysis reads only these.
 *
 * A cell is a uint64_t: a number, a time in CLOCK_MONOTONIC nanoseconds, an enum below, an id (0 = none),
 * or a double's bits (COLUMN_F64). A row is a struct of only uint64_t fields in column order, so that
 * `(const uint64_t *)&row` is the row. The only bytes are in the string table.
 *
 * Rules:
 * - Ids are dense per table and start at 1. Names are interned: a COLUMN_STRING cell is a string id.
 * - A later track or span row with the same id replaces the earlier one (a track is written when it starts,
 *   with end_ns 0, and again when it ends, so that a recording cut short still knows its tracks).
 *   end_ns 0 means "not ended when the recording did".
 * - A reference may point to a row written later.
 * - Waits of one track do not overlap; a track is running wherever it lives and does not wait. Within one row
 *   blocked_ns + runnable_ns <= end_ns - start_ns, equal when count is 1; the rest of a run of equal waits
 *   is running. The runnable part of a wait is its tail.
 */
#ifndef TOLL_MODEL_TABLE_H
#define TOLL_MODEL_TABLE_H

#include <stddef.h>
#include <stdint.h>

enum table_id {
    TABLE_META = 1,
    TABLE_STRING,
    TABLE_TRACK,
    TABLE_BIND,
    TABLE_SPAN,
    TABLE_SLICE,
    TABLE_WAIT,
    TABLE_EDGE,
    TABLE_SAMPLE,
    TABLE_STACK,
    TABLE_FRAME,
    TABLE_PEER,
    TABLE_IO,
    TABLE_SERIES,
    TABLE_POINT,
    TABLE_USAGE,
    TABLE_ATTR,
    TABLE_HEAP,
    TABLE_END /* one past the last */
};

enum column_type {
    COLUMN_U64,
    COLUMN_TIME,      /* CLOCK_MONOTONIC ns */
    COLUMN_ID,        /* the row's own id */
    COLUMN_STRING,    /* id in the string table */
    COLUMN_REFERENCE, /* id in another table */
    COLUMN_ENUM,
    COLUMN_F64
};

/* X(row field, type, table referred to or number of enum values; else 0) */
#define TABLE_META_COLUMNS(X)                                                                                \
    X(key, COLUMN_STRING, 0)                                                                                 \
    X(value, COLUMN_STRING, 0)
/* The bytes of the strings of a batch lie one behind the other in batch->bytes. */
#define TABLE_STRING_COLUMNS(X)                                                                              \
    X(id, COLUMN_ID, 0)                                                                                      \
    X(length, COLUMN_U64, 0)
#define TABLE_TRACK_COLUMNS(X)                                                                               \
    X(id, COLUMN_ID, 0)                                                                                      \
    X(parent, COLUMN_REFERENCE, TABLE_TRACK)                                                                 \
    X(kind, COLUMN_ENUM, TRACK_KIND_COUNT)                                                                   \
    X(name, COLUMN_STRING, 0)                                                                                \
    X(pid, COLUMN_U64, 0)                                                                                    \
    X(tid, COLUMN_U64, 0)                                                                                    \
    X(start_ns, COLUMN_TIME, 0)                                                                              \
    X(end_ns, COLUMN_TIME, 0)                                                                                \
    X(exit_status, COLUMN_U64, 0)
#define TABLE_BIND_COLUMNS(X)                                                                                \
    X(track, COLUMN_REFERENCE, TABLE_TRACK)                                                                  \
    X(thread, COLUMN_REFERENCE, TABLE_TRACK)                                                                 \
    X(start_ns, COLUMN_TIME, 0)                                                                              \
    X(end_ns, COLUMN_TIME, 0)
#define TABLE_SPAN_COLUMNS(X)                                                                                \
    X(id, COLUMN_ID, 0)                                                                                      \
    X(parent, COLUMN_REFERENCE, TABLE_SPAN)                                                                  \
    X(track, COLUMN_REFERENCE, TABLE_TRACK)                                                                  \
    X(name, COLUMN_STRING, 0)                                                                                \
    X(category, COLUMN_ENUM, SPAN_CATEGORY_COUNT)                                                            \
    X(start_ns, COLUMN_TIME, 0)                                                                              \
    X(end_ns, COLUMN_TIME, 0)                                                                                \
    X(status, COLUMN_U64, 0)
#define TABLE_SLICE_COLUMNS(X)                                                                               \
    X(track, COLUMN_REFERENCE, TABLE_TRACK)                                                                  \
    X(cpu, COLUMN_U64, 0)                                                                                    \
    X(start_ns, COLUMN_TIME, 0)                                                                              \
    X(end_ns, COLUMN_TIME, 0)
#define TABLE_WAIT_COLUMNS(X)                                                                                \
    X(track, COLUMN_REFERENCE, TABLE_TRACK)                                                                  \
    X(start_ns, COLUMN_TIME, 0)                                                                              \
    X(end_ns, COLUMN_TIME, 0)                                                                                \
    X(count, COLUMN_U64, 0)                                                                                  \
    X(blocked_ns, COLUMN_U64, 0)                                                                             \
    X(runnable_ns, COLUMN_U64, 0)                                                                            \
    X(reason, COLUMN_ENUM, WAIT_REASON_COUNT)                                                                \
    X(peer, COLUMN_REFERENCE, TABLE_PEER)                                                                    \
    X(stack, COLUMN_REFERENCE, TABLE_STACK)                                                                  \
    X(waker_track, COLUMN_REFERENCE, TABLE_TRACK)                                                            \
    X(waker_stack, COLUMN_REFERENCE, TABLE_STACK)                                                            \
    X(waker_source, COLUMN_ENUM, WAKER_SOURCE_COUNT)
#define TABLE_EDGE_COLUMNS(X)                                                                                \
    X(from_track, COLUMN_REFERENCE, TABLE_TRACK)                                                             \
    X(from_ns, COLUMN_TIME, 0)                                                                               \
    X(to_track, COLUMN_REFERENCE, TABLE_TRACK)                                                               \
    X(to_ns, COLUMN_TIME, 0)                                                                                 \
    X(kind, COLUMN_ENUM, EDGE_KIND_COUNT)                                                                    \
    X(source, COLUMN_ENUM, EDGE_SOURCE_COUNT)
#define TABLE_SAMPLE_COLUMNS(X)                                                                              \
    X(time_ns, COLUMN_TIME, 0)                                                                               \
    X(track, COLUMN_REFERENCE, TABLE_TRACK)                                                                  \
    X(stack, COLUMN_REFERENCE, TABLE_STACK)                                                                  \
    X(weight, COLUMN_U64, 0)                                                                                 \
    X(kind, COLUMN_ENUM, SAMPLE_KIND_COUNT)
/* The root of a stack has parent 0; a stack id names its leaf. */
#define TABLE_STACK_COLUMNS(X)                                                                               \
    X(id, COLUMN_ID, 0)                                                                                      \
    X(parent, COLUMN_REFERENCE, TABLE_STACK)                                                                 \
    X(frame, COLUMN_REFERENCE, TABLE_FRAME)
#define TABLE_FRAME_COLUMNS(X)                                                                               \
    X(id, COLUMN_ID, 0)                                                                                      \
    X(function, COLUMN_STRING, 0)                                                                            \
    X(file, COLUMN_STRING, 0)                                                                                \
    X(line, COLUMN_U64, 0)                                                                                   \
    X(module, COLUMN_STRING, 0)                                                                              \
    X(address, COLUMN_U64, 0)                                                                                \
    X(inlined, COLUMN_U64, 0)
#define TABLE_PEER_COLUMNS(X)                                                                                \
    X(id, COLUMN_ID, 0)                                                                                      \
    X(kind, COLUMN_ENUM, PEER_KIND_COUNT)                                                                    \
    X(name, COLUMN_STRING, 0)                                                                                \
    X(address, COLUMN_STRING, 0)                                                                             \
    X(path, COLUMN_STRING, 0)
/* count 0 says that the track could do the operation (it held a descriptor of the peer); peer 0 says that all peers of
 * the track's process are counted together. Histograms are strings of the format in docs/format.md, 0 when not
 * recorded. */
#define TABLE_IO_COLUMNS(X)                                                                                  \
    X(track, COLUMN_REFERENCE, TABLE_TRACK)                                                                  \
    X(peer, COLUMN_REFERENCE, TABLE_PEER)                                                                    \
    X(operation, COLUMN_ENUM, IO_OPERATION_COUNT)                                                            \
    X(start_ns, COLUMN_TIME, 0)                                                                              \
    X(end_ns, COLUMN_TIME, 0)                                                                                \
    X(count, COLUMN_U64, 0)                                                                                  \
    X(bytes, COLUMN_U64, 0)                                                                                  \
    X(time_ns, COLUMN_U64, 0)                                                                                \
    X(size_histogram, COLUMN_STRING, 0)                                                                      \
    X(latency_histogram, COLUMN_STRING, 0)
#define TABLE_SERIES_COLUMNS(X)                                                                              \
    X(id, COLUMN_ID, 0)                                                                                      \
    X(track, COLUMN_REFERENCE, TABLE_TRACK)                                                                  \
    X(name, COLUMN_STRING, 0)                                                                                \
    X(unit, COLUMN_STRING, 0)
#define TABLE_POINT_COLUMNS(X)                                                                               \
    X(series, COLUMN_REFERENCE, TABLE_SERIES)                                                                \
    X(time_ns, COLUMN_TIME, 0)                                                                               \
    X(value, COLUMN_F64, 0)
/* kind: "rows", "bytes", "requests", "tokens_input" …; model: the price book's name, 0 when none. */
#define TABLE_USAGE_COLUMNS(X)                                                                               \
    X(span, COLUMN_REFERENCE, TABLE_SPAN)                                                                    \
    X(kind, COLUMN_STRING, 0)                                                                                \
    X(amount, COLUMN_F64, 0)                                                                                 \
    X(model, COLUMN_STRING, 0)
/* owner is an id in the table owner_table (an enum table_id). */
#define TABLE_ATTR_COLUMNS(X)                                                                                \
    X(owner_table, COLUMN_U64, 0)                                                                            \
    X(owner, COLUMN_U64, 0)                                                                                  \
    X(key, COLUMN_STRING, 0)                                                                                 \
    X(value, COLUMN_STRING, 0)

/* What one program image (start_ns, end_ns) of a process allocated with that stack, from its start to its end. In sampled mode an
 * estimate. peak_bytes: what stood of it when all recorded processes together had the most; left_bytes: what was not
 * freed. temporary: freed by the thread that allocated it, which allocated nothing in between. */
#define TABLE_HEAP_COLUMNS(X)                                                                                \
    X(track, COLUMN_REFERENCE, TABLE_TRACK)                                                                  \
    X(stack, COLUMN_REFERENCE, TABLE_STACK)                                                                  \
    X(kind, COLUMN_ENUM, ALLOCATION_KIND_COUNT)                                                              \
    X(start_ns, COLUMN_TIME, 0)                                                                              \
    X(end_ns, COLUMN_TIME, 0)                                                                                \
    X(count, COLUMN_U64, 0)                                                                                  \
    X(bytes, COLUMN_U64, 0)                                                                                  \
    X(freed_count, COLUMN_U64, 0)                                                                            \
    X(freed_bytes, COLUMN_U64, 0)                                                                            \
    X(temporary_count, COLUMN_U64, 0)                                                                        \
    X(peak_bytes, COLUMN_U64, 0)                                                                             \
    X(left_bytes, COLUMN_U64, 0)

#define TABLE_LIST(T)                                                                                        \
    T(META, meta)                                                                                            \
    T(STRING, string)                                                                                        \
    T(TRACK, track)                                                                                          \
    T(BIND, bind)                                                                                            \
    T(SPAN, span)                                                                                            \
    T(SLICE, slice)                                                                                          \
    T(WAIT, wait)                                                                                            \
    T(EDGE, edge)                                                                                            \
    T(SAMPLE, sample)                                                                                        \
    T(STACK, stack)                                                                                          \
    T(FRAME, frame)                                                                                          \
    T(PEER, peer)                                                                                            \
    T(IO, io)                                                                                                \
    T(SERIES, series)                                                                                        \
    T(POINT, point)                                                                                          \
    T(USAGE, usage)                                                                                          \
    T(ATTR, attr)                                                                                            \
    T(HEAP, heap)

/* struct row_wait, …, and their column numbers: WAIT_START_NS is column_wait_start_ns. */
#define ROW_FIELD(field, type, of) uint64_t field;
#define ROW_STRUCT(NAME, name)                                                                               \
    struct row_##name {                                                                                      \
        TABLE_##NAME##_COLUMNS(ROW_FIELD)                                                                    \
    };
TABLE_LIST(ROW_STRUCT)
#undef ROW_FIELD
#undef ROW_STRUCT

/* The column number of a field: COLUMN(wait, start_ns). */
#define COLUMN(name, field) (offsetof(struct row_##name, field) / sizeof(uint64_t))

#define TABLE_COLUMN_MAX 12

enum track_kind {
    TRACK_PROCESS = 1,
    TRACK_THREAD,
    TRACK_STAGE,
    TRACK_WORKER,
    TRACK_AGENT,
    TRACK_CALL,
    TRACK_REQUEST,
    TRACK_DEVICE,
    TRACK_KIND_COUNT
};

enum span_category {
    SPAN_PHASE = 1,
    SPAN_TASK,
    SPAN_LLM,
    SPAN_TOOL,
    SPAN_REQUEST,
    SPAN_QUERY,
    SPAN_BATCH,
    SPAN_EXEC, /* one program image of a process, from exec to exec or exit */
    SPAN_GC, /* a pause of a garbage collector: of the thread, or of all threads of the process that it is on */
    SPAN_CATEGORY_COUNT
};

enum wait_reason {
    WAIT_UNKNOWN = 0,
    WAIT_CPU_QUEUE,
    WAIT_DISK_READ,
    WAIT_DISK_WRITE,
    WAIT_DISK_SYNC,
    WAIT_NETWORK,
    WAIT_DNS,
    WAIT_PIPE,
    WAIT_LOCK,
    WAIT_SLEEP,
    WAIT_CHILD,
    WAIT_POLL,
    WAIT_PAGE_FAULT,
    WAIT_RECLAIM,
    WAIT_IPC,
    WAIT_GPU,
    WAIT_RATE_LIMIT,
    WAIT_REMOTE,
    WAIT_HUMAN,
    WAIT_IDLE,
    WAIT_REASON_COUNT
};

enum waker_source { WAKER_NONE = 0, WAKER_EXACT, WAKER_INFERRED, WAKER_INTERRUPT, WAKER_SOURCE_COUNT };
enum edge_kind {
    EDGE_SPAWN = 1,
    EDGE_JOIN,
    EDGE_MESSAGE,
    EDGE_DATA,
    EDGE_DEPENDS,
    EDGE_ORDER,
    EDGE_KIND_COUNT
};
enum edge_source { EDGE_RECORDED = 1, EDGE_DECLARED, EDGE_INFERRED, EDGE_SOURCE_COUNT };
enum sample_kind {
    SAMPLE_CPU = 1,
    SAMPLE_OFF_CPU,
    SAMPLE_ALLOC,
    SAMPLE_FREE,
    SAMPLE_LOCK,
    SAMPLE_KIND_COUNT
};
enum io_operation { IO_READ = 1, IO_WRITE, IO_SYNC, IO_CONNECT, IO_ACCEPT, IO_OPEN, IO_OPERATION_COUNT };
enum allocation_kind {
    ALLOCATION_MALLOC = 1,
    ALLOCATION_PAGES, /* anonymous memory that the program mapped itself */
    ALLOCATION_KIND_COUNT
};
enum peer_kind {
    PEER_FILE = 1,
    PEER_SOCKET, /* address: the remote end, "127.0.0.1:8080"; path: "local" end */
    PEER_PIPE,   /* address: the inode, "pipe:[1234]" */
    PEER_LOCK,   /* address: "pid:0xaddress" (private) or "inode:offset" (shared) */
    PEER_TIMER,
    PEER_DEVICE,
    PEER_PROCESS, /* address: the pid */
    PEER_API,
    PEER_KIND_COUNT
};

struct column {
    const char *name;
    enum column_type type;
    uint64_t of; /* COLUMN_REFERENCE: the enum table_id; COLUMN_ENUM: values are below this */
};

struct table {
    enum table_id id;
    const char *name;
    size_t column_count;
    const struct column *columns;
};

/* The schema of a table, NULL when there is none with that number. */
const struct table *table_find(uint64_t id);

/* Names as they stand in reports: "disk_sync", "thread", …; "unknown" outside the enum. */
const char *wait_reason_name(uint64_t reason);
const char *track_kind_name(uint64_t kind);
const char *span_category_name(uint64_t category);
const char *peer_kind_name(uint64_t kind);
/* The name of a value of a COLUMN_ENUM column; "unknown" outside the enum and for other columns. */
const char *table_value_name(const struct table *table, size_t column, uint64_t value);

#endif
