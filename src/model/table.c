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
        [SPAN_PHASE] = "phase",     [SPAN_TASK] = "task",   [SPAN_LLM] = "llm",     [SPAN_TOOL] = "tool",
        [SPAN_REQUEST] = "request", [SPAN_QUERY] = "query", [SPAN_BATCH] = "batch", [SPAN_EXEC] = "exec",
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
