/* SPDX-License-Identifier: Apache-2.0 */
#include "otlp/request_write.h"

#include <inttypes.h>
#include <string.h>

#include "base/num.h"
#include "otlp/wire_field.h"

static void put_varint(struct str *out, uint64_t value)
{
    char bytes[10];
    size_t length = 0;
    do {
        bytes[length++] = (char)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        value >>= 7;
    } while (value);
    str_append_bytes(out, bytes, length);
}

static void put_tag(struct str *out, uint32_t field, enum wire_type type)
{
    put_varint(out, (uint64_t)field << 3 | (uint64_t)type);
}

static void put_bytes(struct str *out, uint32_t field, const char *bytes, size_t length)
{
    put_tag(out, field, WIRE_BYTES);
    put_varint(out, length);
    if (length)
        str_append_bytes(out, bytes, length);
}

static void put_number(struct str *out, uint32_t field, uint64_t value)
{
    put_tag(out, field, WIRE_VARINT);
    put_varint(out, value);
}

static void put_fixed(struct str *out, uint32_t field, uint64_t value)
{
    put_tag(out, field, WIRE_64);
    str_append_bytes(out, (const char *)&value, sizeof value);
}

static void put_id(struct str *out, uint32_t field, uint64_t id)
{
    uint64_t bytes = __builtin_bswap64(id);
    put_bytes(out, field, (const char *)&bytes, sizeof bytes);
}

/* A message within another: what was written behind `start` becomes its content. */
static void wrap(struct str *out, uint32_t field, const struct str *content)
{
    put_bytes(out, field, str_text(content), content->length);
    out->failed = out->failed || content->failed;
}

static void put_value(struct str *out, const struct otlp_value *value)
{
    switch (value->kind) {
    case OTLP_TEXT: put_bytes(out, 1, value->text.bytes, value->text.length); break;
    case OTLP_BOOL: put_number(out, 2, value->integer != 0); break;
    case OTLP_INTEGER: put_number(out, 3, (uint64_t)value->integer); break;
    case OTLP_DOUBLE: put_fixed(out, 4, num_bits(value->number)); break;
    case OTLP_LIST: put_bytes(out, 5, value->text.bytes, value->text.length); break;
    case OTLP_MAP: put_bytes(out, 6, value->text.bytes, value->text.length); break;
    case OTLP_BYTES: put_bytes(out, 7, value->text.bytes, value->text.length); break;
    case OTLP_NONE:
    default: break;
    }
}

static void put_attributes(struct str *out, uint32_t field, const struct otlp_attributes *attributes)
{
    struct str one = {0}, value = {0};
    for (size_t i = 0; i < attributes->count; i++) {
        str_clear(&one);
        str_clear(&value);
        put_value(&value, &attributes->items[i].value);
        put_bytes(&one, 1, attributes->items[i].key.bytes, attributes->items[i].key.length);
        wrap(&one, 2, &value);
        wrap(out, field, &one);
    }
    str_free(&one);
    str_free(&value);
}

static void put_events(struct str *out, const struct otlp_span *span)
{
    struct str one = {0};
    for (size_t i = 0; i < span->event_count; i++) {
        str_clear(&one);
        put_fixed(&one, 1, span->events[i].time_ns);
        put_bytes(&one, 2, span->events[i].name.bytes, span->events[i].name.length);
        put_attributes(&one, 3, &span->events[i].attributes);
        wrap(out, 11, &one);
    }
    str_clear(&one);
    for (size_t i = 0; i < span->link_count; i++) {
        str_clear(&one);
        put_bytes(&one, 1, (const char *)span->links[i].trace_id, 16);
        put_id(&one, 2, span->links[i].span_id);
        wrap(out, 13, &one);
    }
    str_free(&one);
}

static void put_span(struct str *out, const struct otlp_span *span)
{
    struct str status = {0};
    put_bytes(out, 1, (const char *)span->trace_id, 16);
    put_id(out, 2, span->span_id);
    if (span->parent_id)
        put_id(out, 4, span->parent_id);
    put_bytes(out, 5, span->name.bytes, span->name.length);
    put_number(out, 6, span->kind);
    put_fixed(out, 7, span->start_ns);
    put_fixed(out, 8, span->end_ns);
    put_attributes(out, 9, &span->attributes);
    put_events(out, span);
    if (span->status_message.length)
        put_bytes(&status, 2, span->status_message.bytes, span->status_message.length);
    if (span->status)
        put_number(&status, 3, span->status);
    wrap(out, 15, &status);
    str_free(&status);
}

int otlp_write_spans(const struct otlp_span *spans, size_t count, struct str *ret_bytes, struct err *err)
{
    struct str one = {0}, scope = {0}, resource = {0}, name = {0};
    if (count) {
        put_attributes(&one, 1, &spans[0].resource);
        wrap(&resource, 1, &one);
        put_bytes(&name, 1, spans[0].scope.bytes, spans[0].scope.length);
        wrap(&scope, 1, &name);
    }
    for (size_t i = 0; i < count; i++) {
        str_clear(&one);
        put_span(&one, &spans[i]);
        wrap(&scope, 2, &one);
    }
    wrap(&resource, 2, &scope);
    wrap(ret_bytes, 1, &resource);
    str_free(&one);
    str_free(&scope);
    str_free(&resource);
    str_free(&name);
    return ret_bytes->failed ? err_memory(err) : 0;
}

static void put_json_text(struct str *out, const char *text)
{
    str_append(out, "\"");
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\')
            str_printf(out, "\\%c", byte);
        else if (byte < 0x20)
            str_printf(out, "\\u%04x", byte);
        else
            str_append_bytes(out, text, 1);
    }
    str_append(out, "\"");
}

void otlp_write_accepted(enum otlp_signal signal, enum otlp_encoding encoding,
                         const struct otlp_counts *counts, struct str *ret_bytes)
{
    static const char *const names[OTLP_SIGNAL_COUNT] = {
        [OTLP_TRACES] = "rejectedSpans",
        [OTLP_METRICS] = "rejectedDataPoints",
        [OTLP_LOGS] = "rejectedLogRecords",
    };
    const char *why = counts->why ? counts->why : "";
    struct str part = {0};
    if (encoding == OTLP_JSON && !counts->rejected) {
        str_append(ret_bytes, "{}");
    } else if (encoding == OTLP_JSON) {
        str_printf(ret_bytes, "{\"partialSuccess\":{\"%s\":\"%" PRIu64 "\",\"errorMessage\":", names[signal],
                   counts->rejected);
        put_json_text(ret_bytes, why);
        str_append(ret_bytes, "}}");
    } else if (counts->rejected) {
        put_number(&part, 1, counts->rejected);
        put_bytes(&part, 2, why, strlen(why));
        wrap(ret_bytes, 1, &part);
        str_free(&part);
    }
}

void otlp_write_refused(enum otlp_encoding encoding, unsigned code, const char *message,
                        struct str *ret_bytes)
{
    if (encoding == OTLP_JSON) {
        str_printf(ret_bytes, "{\"code\":%u,\"message\":", code);
        put_json_text(ret_bytes, message);
        str_append(ret_bytes, "}");
        return;
    }
    put_number(ret_bytes, 1, code);
    put_bytes(ret_bytes, 2, message, strlen(message));
}
