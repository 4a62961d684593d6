/* SPDX-License-Identifier: Apache-2.0 */
#include "model/table.h"

#define COLUMN_ENTRY(field, kind, target) {.name = #field, .type = (kind), .of = (target)},
#define COLUMN_ARRAY(NAME, name)                                                                             \
    static const struct column name##_columns[] = {TABLE_##NAME##_COLUMNS(COLUMN_ENTRY)};                    \
    _Static_assert(sizeof name##_columns / sizeof name##_columns[0] <= TABLE_COLUMN_MAX, #name);             \
    _Static_assert(sizeof(struct row_##name) == 8 * (sizeof name##_columns / sizeof name##_columns[0]),      \
                   #name);
TABLE_LIST(COLUMN_ARRAY)

#define TABLE_ENTRY(NAME, table_name)                                                                        \
    [TABLE_##NAME] = {.id = TABLE_##NAME,                                                                    \
                      .name = #table_name,                                                                   \
                      .column_count = sizeof table_name##_columns / sizeof table_name##_columns[0],          \
                      .columns = table_name##_columns},
static const struct table tables[TABLE_END] = {TABLE_LIST(TABLE_ENTRY)};

const struct table *table_find(uint64_t id)
{
    return id >= TABLE_META && id < TABLE_END ? &tables[id] : NULL;
}

static const char *name_of(const char *const *names, size_t count, uint64_t value)
{
    return value < count && names[value] ? names[value] : "unknown";
}

const char *wait_reason_name(uint64_t reason)
{
    static const char *const names[WAIT_REASON_COUNT] = {
        [WAIT_UNKNOWN] = "unknown",
        [WAIT_CPU_QUEUE] = "cpu_queue",
        [WAIT_DISK_READ] = "disk_read",
        [WAIT_DISK_WRITE] = "disk_write",
        [WAIT_DISK_SYNC] = "disk_sync",
        [WAIT_NETWORK] = "network",
        [WAIT_DNS] = "dns",
        [WAIT_PIPE] = "pipe",
        [WAIT_LOCK] = "lock",
        [WAIT_SLEEP] = "sleep",
        [WAIT_CHILD] = "child",
        [WAIT_POLL] = "poll",
        [WAIT_PAGE_FAULT] = "page_fault",
        [WAIT_RECLAIM] = "reclaim",
        [WAIT_IPC] = "ipc",
        [WAIT_GPU] = "gpu",
        [WAIT_RATE_LIMIT] = "rate_limit",
        [WAIT_REMOTE] = "remote",
        [WAIT_HUMAN] = "human",
        [WAIT_IDLE] = "idle",
    };
    return name_of(names, WAIT_REASON_COUNT, reason);
}

const char *track_kind_name(uint64_t kind)
{
    static const char *const names[TRACK_KIND_COUNT] = {
        [TRACK_PROCESS] = "process", [TRACK_THREAD] = "thread", [TRACK_STAGE] = "stage",
        [TRACK_WORKER] = "worker",   [TRACK_AGENT] = "agent",   [TRACK_CALL] = "call",
        [TRACK_REQUEST] = "request", [TRACK_DEVICE] = "device",
    };
    return name_of(names, TRACK_KIND_COUNT, kind);
}

const char *span_category_name(uint64_t category)
{
    static const char *const names[SPAN_CATEGORY_COUNT] = {
        [SPAN_PHASE] = "phase", [SPAN_TASK] = "task",       [SPAN_LLM] = "llm",
        [SPAN_TOOL] = "tool",   [SPAN_REQUEST] = "request", [SPAN_QUERY] = "query",
        [SPAN_BATCH] = "batch", [SPAN_EXEC] = "exec",       [SPAN_GC] = "gc",
    };
    return name_of(names, SPAN_CATEGORY_COUNT, category);
}

const char *peer_kind_name(uint64_t kind)
{
    static const char *const names[PEER_KIND_COUNT] = {
        [PEER_FILE] = "file",   [PEER_SOCKET] = "socket", [PEER_PIPE] = "pipe",       [PEER_LOCK] = "lock",
        [PEER_TIMER] = "timer", [PEER_DEVICE] = "device", [PEER_PROCESS] = "process", [PEER_API] = "api",
    };
    return name_of(names, PEER_KIND_COUNT, kind);
}

static const char *waker_source_name(uint64_t source)
{
    static const char *const names[WAKER_SOURCE_COUNT] = {
        [WAKER_NONE] = "none",
        [WAKER_EXACT] = "exact",
        [WAKER_INFERRED] = "inferred",
        [WAKER_INTERRUPT] = "interrupt",
    };
    return name_of(names, WAKER_SOURCE_COUNT, source);
}

static const char *edge_kind_name(uint64_t kind)
{
    static const char *const names[EDGE_KIND_COUNT] = {
        [EDGE_SPAWN] = "spawn", [EDGE_JOIN] = "join",       [EDGE_MESSAGE] = "message",
        [EDGE_DATA] = "data",   [EDGE_DEPENDS] = "depends", [EDGE_ORDER] = "order",
    };
    return name_of(names, EDGE_KIND_COUNT, kind);
}

static const char *edge_source_name(uint64_t source)
{
    static const char *const names[EDGE_SOURCE_COUNT] = {
        [EDGE_RECORDED] = "recorded", [EDGE_DECLARED] = "declared", [EDGE_INFERRED] = "inferred"};
    return name_of(names, EDGE_SOURCE_COUNT, source);
}

static const char *sample_kind_name(uint64_t kind)
{
    static const char *const names[SAMPLE_KIND_COUNT] = {
        [SAMPLE_CPU] = "cpu",   [SAMPLE_OFF_CPU] = "off_cpu", [SAMPLE_ALLOC] = "alloc",
        [SAMPLE_FREE] = "free", [SAMPLE_LOCK] = "lock",
    };
    return name_of(names, SAMPLE_KIND_COUNT, kind);
}

static const char *allocation_kind_name(uint64_t kind)
{
    static const char *const names[ALLOCATION_KIND_COUNT] = {
        [ALLOCATION_MALLOC] = "malloc",
        [ALLOCATION_PAGES] = "pages",
    };
    return name_of(names, ALLOCATION_KIND_COUNT, kind);
}

static const char *io_operation_name(uint64_t operation)
{
    static const char *const names[IO_OPERATION_COUNT] = {
        [IO_READ] = "read",       [IO_WRITE] = "write",   [IO_SYNC] = "sync",
        [IO_CONNECT] = "connect", [IO_ACCEPT] = "accept", [IO_OPEN] = "open",
    };
    return name_of(names, IO_OPERATION_COUNT, operation);
}

static const char *edge_value_name(size_t column, uint64_t value)
{
    return column == COLUMN(edge, kind) ? edge_kind_name(value) : edge_source_name(value);
}

static const char *wait_value_name(size_t column, uint64_t value)
{
    return column == COLUMN(wait, reason) ? wait_reason_name(value) : waker_source_name(value);
}

const char *table_value_name(const struct table *table, size_t column, uint64_t value)
{
    if (column >= table->column_count || table->columns[column].type != COLUMN_ENUM)
        return "unknown";
    if (table->id == TABLE_TRACK)
        return track_kind_name(value);
    if (table->id == TABLE_SPAN)
        return span_category_name(value);
    if (table->id == TABLE_WAIT)
        return wait_value_name(column, value);
    if (table->id == TABLE_EDGE)
        return edge_value_name(column, value);
    if (table->id == TABLE_SAMPLE)
        return sample_kind_name(value);
    if (table->id == TABLE_PEER)
        return peer_kind_name(value);
    if (table->id == TABLE_HEAP)
        return allocation_kind_name(value);
    return table->id == TABLE_IO ? io_operation_name(value) : "unknown";
}
