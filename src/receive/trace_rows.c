/* SPDX-License-Identifier: Apache-2.0 */
#include "receive/trace_rows.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agents/genai.h"
#include "base/clock.h"
#include "base/num.h"
#include "base/redact.h"
#include "model/agent_names.h"
#include "model/meta.h"
#include "receive/internal.h"

#define VALUE_BYTES_MAX 8192u /* of an attribute; the rest is cut and counted */
#define NAME_BYTES_MAX  512u
#define KEYS_KNOWN_MAX  1000000u /* ids of keys above are looked at each time */

enum { KEY_UNKNOWN, KEY_SHOWN, KEY_HIDDEN };

/* Spans may come before the first one that was seen: as much before it is the recording's time 0. */
#define BEFORE_FIRST_NS (7 * 24 * 3600 * NS_PER_S)

static int intern_cut(struct trace_rows *rows, struct otlp_text text, size_t most, uint64_t *ret_id,
                      struct err *err)
{
    size_t length = text.length;
    if (length > most) {
        rows->counts.cut_count++;
        length = most;
        while (length && ((unsigned char)text.bytes[length] & 0xc0) == 0x80)
            length--;
    }
    return rows->sink->intern(rows->sink, length ? text.bytes : "", length, ret_id, err);
}

static uint64_t time_of(struct trace_rows *rows, uint64_t unix_ns)
{
    if (!rows->base_ns)
        rows->base_ns = unix_ns > BEFORE_FIRST_NS ? unix_ns - BEFORE_FIRST_NS : 1;
    return unix_ns > rows->base_ns ? unix_ns - rows->base_ns : 1;
}

static bool is_secret(struct otlp_text key)
{
    static const char *const marks[] = {"authorization", "password",     "passwd",       "secret",
                                        "api_key",       "api-key",      "apikey",       "cookie",
                                        "private_key",   "access_token", "refresh_token"};
    char lower[64];
    size_t length = key.length < sizeof lower - 1 ? key.length : sizeof lower - 1;
    for (size_t i = 0; i < length; i++)
        lower[i] = (char)(key.bytes[i] >= 'A' && key.bytes[i] <= 'Z' ? key.bytes[i] + 32 : key.bytes[i]);
    lower[length] = '\0';
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (strstr(lower, marks[i]))
            return true;
    return false;
}

/* The text of a value: of a text itself, of others in rows->text. */
static struct otlp_text value_text(struct trace_rows *rows, const struct otlp_value *value)
{
    if (value->kind == OTLP_TEXT)
        return value->text;
    str_clear(&rows->text);
    otlp_value_text(value, &rows->text);
    return (struct otlp_text){str_text(&rows->text), rows->text.length};
}

/* Whether the key's values are hidden; a key that was seen is not looked at again. */
static int hides(struct trace_rows *rows, struct otlp_text key, uint64_t id, bool *ret_hides, struct err *err)
{
    if (id >= KEYS_KNOWN_MAX) {
        *ret_hides = is_secret(key);
        return 0;
    }
    if (id >= rows->keys.count) {
        size_t count = rows->keys.count;
        if (vec_reserve(&rows->keys, (size_t)id + 1))
            return err_memory(err);
        memset(rows->keys.items + count, KEY_UNKNOWN, rows->keys.capacity - count);
        rows->keys.count = rows->keys.capacity;
    }
    uint8_t *known = &rows->keys.items[id];
    if (*known == KEY_UNKNOWN)
        *known = is_secret(key) ? KEY_HIDDEN : KEY_SHOWN;
    *ret_hides = *known == KEY_HIDDEN;
    return 0;
}

static int write_attributes(struct trace_rows *rows, const struct row_attr *owner,
                            const struct otlp_attributes *attributes, struct err *err)
{
    for (size_t i = 0; i < attributes->count; i++) {
        const struct otlp_attribute *attribute = &attributes->items[i];
        struct row_attr row = *owner;
        bool is_hidden = false;
        int status = intern_cut(rows, attribute->key, NAME_BYTES_MAX, &row.key, err);
        if (!status)
            status = hides(rows, attribute->key, row.key, &is_hidden, err);
        struct otlp_text text = is_hidden ? (struct otlp_text){REDACT_HIDDEN, strlen(REDACT_HIDDEN)}
                                          : value_text(rows, &attribute->value);
        if (!status)
            status = intern_cut(rows, text, VALUE_BYTES_MAX, &row.value, err);
        if (!status)
            status = sink_append(rows->sink, attr, &row, err);
        if (status)
            return status;
    }
    return 0;
}

static struct otlp_text find_text(const struct otlp_attributes *attributes, const char *const *keys)
{
    for (; *keys; keys++) {
        const struct otlp_attribute *found = otlp_find(attributes, *keys);
        if (found && found->value.kind == OTLP_TEXT && found->value.text.length)
            return found->value.text;
    }
    return (struct otlp_text){0};
}

/* The service of a resource, made at first. */
static int service_of(struct trace_rows *rows, const struct otlp_attributes *resource, uint32_t *ret_index,
                      struct err *err)
{
    static const char *const keys[] = {"service.name", "process.executable.name", NULL};
    struct otlp_text text = find_text(resource, keys);
    struct service service = {0};
    double pid = 0;
    if (!text.length)
        text = (struct otlp_text){"unknown_service", strlen("unknown_service")};
    int status = intern_cut(rows, text, NAME_BYTES_MAX, &service.name, err);
    if (status)
        return status;
    const uint64_t *known = map_get(&rows->service_of, service.name);
    if (known) {
        *ret_index = (uint32_t)*known;
        return 0;
    }
    const struct otlp_attribute *process = otlp_find(resource, "process.pid");
    if (process && otlp_value_number(&process->value, &pid))
        service.pid = num_u64(pid);
    service.track = ++rows->track_last;
    struct lane_pool pool = {.process = service.track, .name = service.name, .kind = TRACK_THREAD};
    status = lane_pool_new(rows, &pool, &service.pool, err);
    if (status)
        return status;
    *ret_index = (uint32_t)rows->services.count;
    if (vec_push(&rows->services, service) || map_put(&rows->service_of, service.name, *ret_index))
        return err_memory(err);
    rows->counts.service_count++;
    struct row_attr owner = {.owner_table = TABLE_TRACK, .owner = service.track};
    return write_attributes(rows, &owner, resource, err);
}

/* The other end of a call, made at first. */
int trace_peer(struct trace_rows *rows, uint8_t kind, struct otlp_text name, uint32_t *ret_peer,
               struct err *err)
{
    struct row_peer row = {.kind = kind};
    int status = intern_cut(rows, name, NAME_BYTES_MAX, &row.name, err);
    if (status)
        return status;
    uint64_t key = row.name << 8 | kind;
    const uint64_t *known = map_get(&rows->peer_of, key);
    if (known) {
        *ret_peer = (uint32_t)*known;
        return 0;
    }
    row.id = ++rows->peer_last;
    row.address = row.name;
    if (map_put(&rows->peer_of, key, row.id))
        return err_memory(err);
    *ret_peer = (uint32_t)row.id;
    return sink_append(rows->sink, peer, &row, err);
}

static int peer_of_client(struct trace_rows *rows, const struct otlp_span *span, uint32_t *ret_peer,
                          struct err *err)
{
    static const char *const hosts[] = {"server.address",
                                        "net.peer.name",
                                        "network.peer.address",
                                        "peer.service",
                                        "http.host",
                                        "rpc.service",
                                        "messaging.destination.name",
                                        "db.system.name",
                                        "db.system",
                                        NULL};
    static const char *const ports[] = {"server.port", "net.peer.port", "network.peer.port", NULL};
    struct otlp_text host = find_text(&span->attributes, hosts);
    char name[300];
    double port = 0;
    if (!host.length)
        return trace_peer(rows, PEER_SOCKET, span->name, ret_peer, err);
    for (const char *const *key = ports; *key && port == 0; key++) {
        const struct otlp_attribute *found = otlp_find(&span->attributes, *key);
        if (found)
            (void)otlp_value_number(&found->value, &port);
    }
    if (port < 1 || port > 65535 || host.length > sizeof name - 16)
        return trace_peer(rows, PEER_SOCKET, host, ret_peer, err);
    int length = snprintf(name, sizeof name, "%.*s:%u", (int)host.length, host.bytes, (unsigned)port);
    return trace_peer(rows, PEER_SOCKET, (struct otlp_text){name, (size_t)length}, ret_peer, err);
}

static int take_genai(struct trace_rows *rows, const struct genai *genai, struct held_span *held,
                      struct err *err)
{
    uint64_t agent = 0;
    int status = 0;
    switch (genai->kind) {
    case GENAI_LLM: return trace_call_take(rows, genai, held, err);
    case GENAI_TOOL: held->category = SPAN_TOOL; return 0;
    case GENAI_HUMAN: held->kind = HELD_HUMAN; return 0;
    case GENAI_AGENT:
        held->category = SPAN_TASK;
        if (genai->agent[0])
            status = sink_intern(rows->sink, genai->agent, &agent, err);
        held->agent = (uint32_t)agent;
        return status ? status : trace_own_keep(rows, genai, held, err);
    case GENAI_NONE:
    default: return 0;
    }
}

static uint64_t span_key(const uint8_t trace_id[16], uint64_t span_id)
{
    uint64_t halves[2];
    memcpy(halves, trace_id, sizeof halves);
    uint64_t key = map_hash(halves[0] ^ map_hash(halves[1] ^ map_hash(span_id)));
    return key ? key : 1;
}

/* The id of the trace, once a trace. */
static int write_trace_id(struct trace_rows *rows, const struct otlp_span *span, uint64_t row,
                          struct err *err)
{
    char hex[33];
    for (int i = 0; i < 16; i++)
        snprintf(hex + 2 * i, 3, "%02x", span->trace_id[i]);
    struct row_attr owner = {.owner_table = TABLE_SPAN, .owner = row};
    return sink_attr(rows->sink, &owner, "trace_id", hex, err);
}

static int hold_span(struct trace_rows *rows, const struct otlp_span *span, struct held_span *held,
                     struct err *err)
{
    static const char *const databases[] = {"db.system.name", "db.system", NULL};
    struct genai genai;
    int status = service_of(rows, &span->resource, &held->service, err);
    if (!status)
        status = intern_cut(rows, span->name, NAME_BYTES_MAX, &held->name, err);
    if (status)
        return status;
    held->category =
        span->kind == OTLP_KIND_SERVER || span->kind == OTLP_KIND_CONSUMER ? SPAN_REQUEST : SPAN_PHASE;
    if (genai_read(span, &genai)) {
        status = take_genai(rows, &genai, held, err);
    } else if (span->kind == OTLP_KIND_CLIENT) {
        held->kind = HELD_CLIENT;
        if (find_text(&span->attributes, databases).length)
            held->category = SPAN_QUERY;
        status = peer_of_client(rows, span, &held->peer, err);
    }
    struct row_attr owner = {.owner_table = TABLE_SPAN, .owner = held->row};
    if (!status && !span->parent_id)
        status = write_trace_id(rows, span, held->row, err);
    return status ? status : write_attributes(rows, &owner, &span->attributes, err);
}

static int keep(struct trace_rows *rows, const struct held_span *held, struct err *err)
{
    rows->start_ns = rows->counts.span_count ? num_min(rows->start_ns, held->start_ns) : held->start_ns;
    rows->end_ns = num_max(rows->end_ns, held->end_ns);
    rows->counts.span_count++;
    if (map_put(&rows->span_of, held->key, rows->spans.count) || vec_push(&rows->spans, *held))
        return err_memory(err);
    return 0;
}

static int on_span(void *context, const struct otlp_span *span, struct err *err)
{
    struct trace_rows *rows = context;
    struct held_span held = {.key = span_key(span->trace_id, span->span_id),
                             .parent_key = span->parent_id ? span_key(span->trace_id, span->parent_id) : 0,
                             .parent = HELD_NONE,
                             .lane = HELD_NONE,
                             .status = span->status == OTLP_STATUS_ERROR};
    if (rows->spans.count >= rows->window) {
        int status = trace_window_full(rows, err);
        if (status)
            return status;
    }
    if (map_get(&rows->span_of, held.key) || trace_window_written(rows, held.key)) {
        rows->counts.repeated_count++;
        return 0;
    }
    held.start_ns = time_of(rows, span->start_ns);
    held.end_ns = num_max(held.start_ns, time_of(rows, span->end_ns));
    struct missing_span *missing = trace_window_missing(rows, held.key);
    if (missing && missing->has_come) {
        rows->counts.repeated_count++;
        return 0;
    }
    if (missing) {
        missing->has_come = true;
        held.usage_below = missing->usage_below;
    }
    held.row = missing ? missing->row : ++rows->span_last;
    int status = hold_span(rows, span, &held, err);
    return status ? status : keep(rows, &held, err);
}

/* A call that only a log record tells of. */
static int on_record(void *context, const struct otlp_record *record, struct err *err)
{
    struct trace_rows *rows = context;
    struct genai genai;
    uint64_t duration_ns, end_ns = record->time_ns ? record->time_ns : record->observed_ns;
    rows->counts.record_count++;
    if (!end_ns || !genai_read_record(record, &genai, &duration_ns))
        return 0;
    /* The same call may have been told by a span: both have the request's id. */
    bool is_told = false;
    int status = trace_call_is_told(rows, &genai, &is_told, err);
    if (status || is_told) {
        rows->counts.repeated_count += is_told;
        return status;
    }
    genai.id[0] = '\0'; /* it is known by now */
    struct held_span held = {.parent = HELD_NONE, .lane = HELD_NONE, .row = ++rows->span_last};
    held.key = map_hash(held.row) | 1;
    held.end_ns = time_of(rows, end_ns);
    held.start_ns = held.end_ns > duration_ns ? held.end_ns - duration_ns : 1;
    status = service_of(rows, &record->resource, &held.service, err);
    if (!status)
        status = sink_intern(rows->sink, genai.model[0] ? genai.model : "api_request", &held.name, err);
    if (!status)
        status = take_genai(rows, &genai, &held, err);
    struct row_attr owner = {.owner_table = TABLE_SPAN, .owner = held.row};
    if (!status)
        status = write_attributes(rows, &owner, &record->attributes, err);
    return status ? status : keep(rows, &held, err);
}

/* The series of a metric and its attributes; *ret_series 0 when there are too many. */
static int series_of(struct trace_rows *rows, const struct otlp_point *point, uint64_t *ret_series,
                     struct err *err)
{
    struct row_series row = {0};
    struct str name = {0};
    uint32_t service;
    *ret_series = 0;
    int status = service_of(rows, &point->resource, &service, err);
    if (status)
        return status;
    str_append_bytes(&name, point->name.bytes, point->name.length);
    for (size_t i = 0; i < point->attributes.count; i++) {
        str_append(&name, i ? "," : "{");
        str_append_bytes(&name, point->attributes.items[i].key.bytes, point->attributes.items[i].key.length);
        str_append(&name, "=");
        otlp_value_text(&point->attributes.items[i].value, &name);
    }
    str_append(&name, point->attributes.count ? "}" : "");
    status =
        intern_cut(rows, (struct otlp_text){str_text(&name), name.length}, NAME_BYTES_MAX, &row.name, err);
    str_free(&name);
    if (status)
        return status;
    row.track = rows->services.items[service].track;
    uint64_t key = row.name << 24 ^ row.track;
    const uint64_t *known = map_get(&rows->series_of, key);
    if (known) {
        *ret_series = *known;
        return 0;
    }
    if (rows->series_last >= SERIES_MAX)
        return 0;
    row.id = ++rows->series_last;
    status = intern_cut(rows, point->unit, NAME_BYTES_MAX, &row.unit, err);
    if (!status && map_put(&rows->series_of, key, row.id))
        return err_memory(err);
    *ret_series = row.id;
    return status ? status : sink_append(rows->sink, series, &row, err);
}

static int on_point(void *context, const struct otlp_point *point, struct err *err)
{
    struct trace_rows *rows = context;
    struct row_point row = {.value = num_bits(point->value)};
    rows->counts.point_count++;
    if (!isfinite(point->value) || !point->time_ns)
        return 0;
    int status = series_of(rows, point, &row.series, err);
    if (status || !row.series)
        return status;
    row.time_ns = time_of(rows, point->time_ns);
    return sink_append(rows->sink, point, &row, err);
}

int trace_rows_create(struct sink *sink, struct trace_rows **ret_rows, struct err *err)
{
    struct trace_rows *rows = calloc(1, sizeof *rows);
    if (!rows)
        return err_memory(err);
    rows->sink = sink;
    rows->reader =
        (struct otlp_reader){.span = on_span, .point = on_point, .record = on_record, .context = rows};
    rows->root.lane = HELD_NONE;
    rows->window = TRACE_WINDOW_SPANS;
    *ret_rows = rows;
    return 0;
}

void trace_rows_price(struct trace_rows *rows,
                      bool (*usd)(void *context, const struct llm_call *call, double *ret_usd), void *context)
{
    rows->usd = usd;
    rows->usd_context = context;
}

void trace_rows_window(struct trace_rows *rows, uint32_t spans)
{
    rows->window = spans;
}

void trace_rows_destroy(struct trace_rows *rows)
{
    if (!rows)
        return;
    for (size_t i = 0; i < rows->pools.count; i++)
        vec_free(&rows->pools.items[i].heap);
    vec_free(&rows->keys);
    vec_free(&rows->pools);
    vec_free(&rows->lanes);
    vec_free(&rows->services);
    vec_free(&rows->spans);
    vec_free(&rows->missing);
    vec_free(&rows->own);
    map_free(&rows->span_of);
    map_free(&rows->written[0]);
    map_free(&rows->written[1]);
    map_free(&rows->missing_of);
    map_free(&rows->calls);
    map_free(&rows->service_of);
    map_free(&rows->agent_of);
    map_free(&rows->peer_of);
    map_free(&rows->series_of);
    str_free(&rows->text);
    free(rows);
}

const struct otlp_reader *trace_rows_reader(struct trace_rows *rows)
{
    return &rows->reader;
}

static int meta_u64(struct trace_rows *rows, const char *key, uint64_t value, struct err *err)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, value);
    return sink_meta(rows->sink, key, text, err);
}

static int write_remarks(struct trace_rows *rows, struct err *err)
{
    const struct trace_counts *counts = &rows->counts;
    const struct {
        uint64_t count;
        const char *what;
    } remarks[] = {
        {counts->orphan_count, "spans name a parent that was not received"},
        {counts->early_count, "spans were laid out before their parent came: it did not wait for them"},
        {counts->repeated_count, "spans were sent again and are counted once"},
        {counts->cut_count, "names or values were too long and are cut"},
    };
    int status = 0;
    for (size_t i = 0; !status && i < sizeof remarks / sizeof remarks[0]; i++) {
        char text[160];
        snprintf(text, sizeof text, "%" PRIu64 " %s", remarks[i].count, remarks[i].what);
        if (remarks[i].count)
            status = sink_meta(rows->sink, META_REMARK, text, err);
    }
    return status;
}

static int write_meta(struct trace_rows *rows, struct err *err)
{
    bool has_root = rows->root.lane != HELD_NONE;
    uint64_t end_ns = has_root ? rows->root.end_ns : rows->end_ns;
    int status = meta_u64(rows, META_STARTED_REALTIME, rows->base_ns + rows->start_ns, err);
    if (!status)
        status = meta_u64(rows, META_START, rows->start_ns, err);
    if (!status)
        status = meta_u64(rows, META_END, num_max(end_ns, rows->start_ns + 1), err);
    if (!status)
        status =
            meta_u64(rows, META_ROOT_TRACK, has_root ? rows->lanes.items[rows->root.lane].track : 1, err);
    /* What ran at the same time did so on machines that are not recorded: nothing queues for cores. */
    if (!status)
        status = meta_u64(rows, META_CPU_COUNT, num_max(rows->lanes.count, 1), err);
    if (!status)
        status = sink_meta(rows->sink, META_RECORDER_CPU, "none", err);
    if (!status)
        status = sink_meta(rows->sink, META_RECORDER_WAIT, "otlp", err);
    if (!status)
        status = sink_meta(rows->sink, META_RECORDER_SPANS, "otlp", err);
    if (!status && rows->counts.call_count)
        status = sink_meta(rows->sink, META_SCOPE, SCOPE_AGENTS, err);
    return status ? status : write_remarks(rows, err);
}

int trace_rows_finish(struct trace_rows *rows, struct trace_counts *ret_counts, struct err *err)
{
    if (!rows->counts.span_count)
        return err_set(err, ERR_INPUT, "could not make a recording: no span was received");
    int status = trace_window_link(rows, err);
    if (!status)
        status = trace_lanes_write(rows, err);
    if (!status)
        status = trace_window_finish(rows, err);
    if (!status)
        status = trace_lanes_finish(rows, err);
    if (!status)
        status = write_meta(rows, err);
    if (!status)
        *ret_counts = rows->counts;
    return status;
}
