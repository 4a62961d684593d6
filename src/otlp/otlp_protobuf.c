/* SPDX-License-Identifier: Apache-2.0 */
/* Field numbers: opentelemetry-proto, trace/v1, metrics/v1, logs/v1, common/v1 and resource/v1. A known field of another wire type is
 * left out, as one that is not known. */
#include <inttypes.h>

#include "base/num.h"
#include "otlp/internal.h"
#include "otlp/wire_field.h"

static int broken(const char *what, struct err *err)
{
    return err_set(err, ERR_INPUT, "could not read OTLP: the protobuf message %s is cut short or damaged",
                   what);
}

static uint64_t id_of(struct otlp_text text)
{
    uint64_t id = 0;
    memcpy(&id, text.bytes, 8);
    return __builtin_bswap64(id);
}

/* False when the value does not hold. */
static inline __attribute__((always_inline)) bool value_read(struct otlp_text text,
                                                             struct otlp_value *ret_value)
{
    struct wire wire = wire_of(text);
    struct wire_field field;
    *ret_value = (struct otlp_value){0};
    while (wire_next(&wire, &field)) {
        if (field.type == WIRE_BYTES && (field.number == 1 || (field.number >= 5 && field.number <= 7))) {
            ret_value->kind = field.number == 1   ? OTLP_TEXT
                              : field.number == 5 ? OTLP_LIST
                              : field.number == 6 ? OTLP_MAP
                                                  : OTLP_BYTES;
            ret_value->text = field.text;
        } else if (field.type == WIRE_VARINT && (field.number == 2 || field.number == 3)) {
            ret_value->kind = field.number == 2 ? OTLP_BOOL : OTLP_INTEGER;
            ret_value->integer = (int64_t)field.value;
        } else if (field.type == WIRE_64 && field.number == 4) {
            ret_value->kind = OTLP_DOUBLE;
            ret_value->number = num_double(field.value);
        }
    }
    return !wire.is_broken;
}

static inline __attribute__((always_inline)) bool attribute_read(struct otlp_text text,
                                                                 struct otlp_attribute *ret_attribute)
{
    struct wire wire = wire_of(text);
    struct wire_field field;
    bool holds = true;
    *ret_attribute = (struct otlp_attribute){0};
    while (wire_next(&wire, &field)) {
        if (field.type != WIRE_BYTES)
            continue;
        if (field.number == 1)
            ret_attribute->key = field.text;
        else if (field.number == 2)
            holds = value_read(field.text, &ret_attribute->value) && holds;
    }
    return holds && !wire.is_broken;
}

/* An attribute of the piece under way. */
static inline bool attribute_take(struct otlp_decoder *decoder, struct otlp_text text)
{
    struct otlp_attribute *slot = attribute_slot(decoder);
    return !slot || attribute_read(text, slot);
}

static bool event_read(struct otlp_decoder *decoder, struct otlp_text text, struct otlp_event *ret_event)
{
    struct wire wire = wire_of(text);
    struct wire_field field;
    bool holds = true;
    *ret_event = (struct otlp_event){0};
    size_t first = decoder->attribute_count;
    while (wire_next(&wire, &field)) {
        if (field.number == 1 && field.type == WIRE_64)
            ret_event->time_ns = field.value;
        else if (field.number == 2 && field.type == WIRE_BYTES)
            ret_event->name = field.text;
        else if (field.number == 3 && field.type == WIRE_BYTES)
            holds = attribute_take(decoder, field.text) && holds;
    }
    ret_event->attributes =
        (struct otlp_attributes){decoder->attributes + first, decoder->attribute_count - first};
    return holds && !wire.is_broken;
}

static bool link_read(struct otlp_text text, struct otlp_link *ret_link)
{
    struct wire wire = wire_of(text);
    struct wire_field field;
    *ret_link = (struct otlp_link){0};
    while (wire_next(&wire, &field)) {
        if (field.type != WIRE_BYTES)
            continue;
        if (field.number == 1 && field.text.length == 16)
            memcpy(ret_link->trace_id, field.text.bytes, 16);
        else if (field.number == 2 && field.text.length == 8)
            ret_link->span_id = id_of(field.text);
    }
    return !wire.is_broken;
}

static bool status_read(struct otlp_text text, struct otlp_span *span)
{
    struct wire wire = wire_of(text);
    struct wire_field field;
    while (wire_next(&wire, &field)) {
        if (field.number == 2 && field.type == WIRE_BYTES)
            span->status_message = field.text;
        else if (field.number == 3 && field.type == WIRE_VARINT)
            span->status =
                field.value <= OTLP_STATUS_ERROR ? (enum otlp_status)field.value : OTLP_STATUS_UNSET;
    }
    return !wire.is_broken;
}

/* Attributes of events lie behind those of the span, so events come last. */
static bool events_read(struct otlp_decoder *decoder, struct otlp_text text, struct otlp_span *span)
{
    struct wire wire = wire_of(text);
    struct wire_field field;
    bool holds = true;
    while (wire_next(&wire, &field)) {
        if (field.type != WIRE_BYTES || field.number != 11)
            continue;
        if (span->event_count == OTLP_EVENTS_MAX)
            decoder->counts.dropped++;
        else
            holds = event_read(decoder, field.text, &decoder->events[span->event_count++]) && holds;
    }
    return holds && !wire.is_broken;
}

static bool span_bytes(struct otlp_decoder *decoder, const struct wire_field *field, struct otlp_span *span,
                       bool *has_events, const char **why)
{
    switch (field->number) {
    case 1:
        if (field->text.length == 16)
            memcpy(span->trace_id, field->text.bytes, 16);
        return true;
    case 2: span->span_id = field->text.length == 8 ? id_of(field->text) : 0; return true;
    case 4:
        if (field->text.length == 8)
            span->parent_id = id_of(field->text);
        else if (field->text.length)
            *why = "a span's parent id is not of 8 bytes";
        return true;
    case 5: span->name = field->text; return true;
    case 9: return attribute_take(decoder, field->text);
    case 11: *has_events = true; return true;
    case 13:
        if (span->link_count == OTLP_LINKS_MAX) {
            decoder->counts.dropped++;
            return true;
        }
        return link_read(field->text, &decoder->links[span->link_count++]);
    case 15: return status_read(field->text, span);
    default: return true;
    }
}

static int span_read(struct otlp_decoder *decoder, struct otlp_text text, struct err *err)
{
    struct otlp_span span = {.events = decoder->events, .links = decoder->links};
    struct wire wire = wire_of(text);
    struct wire_field field;
    const char *why = NULL;
    bool holds = true, has_events = false;
    decoder->attribute_count = 0;
    while (wire_next(&wire, &field)) {
        if (field.type == WIRE_BYTES)
            holds = span_bytes(decoder, &field, &span, &has_events, &why) && holds;
        else if (field.type == WIRE_64 && field.number == 7)
            span.start_ns = field.value;
        else if (field.type == WIRE_64 && field.number == 8)
            span.end_ns = field.value;
        else if (field.type == WIRE_VARINT && field.number == 6)
            span.kind = field.value <= OTLP_KIND_CONSUMER ? (enum otlp_span_kind)field.value : 0;
    }
    span.attributes = (struct otlp_attributes){decoder->attributes, decoder->attribute_count};
    if (has_events)
        holds = events_read(decoder, text, &span) && holds;
    if (!holds || wire.is_broken)
        return broken("Span", err);
    return span_finish(decoder, &span, why, err);
}

/* Attributes of number and histogram points, by field: {attributes, start, time, double, integer, count, sum}; 0: none. */
struct point_fields {
    uint32_t attributes, real, integer, count, sum;
};
static const struct point_fields number_fields = {.attributes = 7, .real = 4, .integer = 6};
static const struct point_fields histogram_fields = {.attributes = 9, .count = 4, .sum = 5};
static const struct point_fields exponential_fields = {.attributes = 1, .count = 4, .sum = 5};
static const struct point_fields summary_fields = {.attributes = 7, .count = 4, .sum = 5};

static int point_read(struct otlp_decoder *decoder, struct otlp_text text, const struct point_fields *fields,
                      struct otlp_point *point, struct err *err)
{
    struct wire wire = wire_of(text);
    struct wire_field field;
    bool holds = true;
    decoder->attribute_count = 0;
    point->start_ns = point->time_ns = point->count = 0;
    point->value = 0;
    while (wire_next(&wire, &field)) {
        if (field.type == WIRE_BYTES && field.number == fields->attributes)
            holds = attribute_take(decoder, field.text) && holds;
        else if (field.type != WIRE_64)
            continue;
        else if (field.number == 2)
            point->start_ns = field.value;
        else if (field.number == 3)
            point->time_ns = field.value;
        else if (field.number == fields->real || field.number == fields->sum)
            point->value = num_double(field.value);
        else if (field.number == fields->integer)
            point->value = (double)(int64_t)field.value;
        else if (field.number == fields->count)
            point->count = field.value;
    }
    if (!holds || wire.is_broken)
        return broken("of a metric's point", err);
    point->attributes = (struct otlp_attributes){decoder->attributes, decoder->attribute_count};
    return point_finish(decoder, point, err);
}

static int points_read(struct otlp_decoder *decoder, const struct wire_field *kind, struct otlp_point *point,
                       struct err *err)
{
    const struct point_fields *fields = kind->number == 9    ? &histogram_fields
                                        : kind->number == 10 ? &exponential_fields
                                        : kind->number == 11 ? &summary_fields
                                                             : &number_fields;
    struct wire wire = wire_of(kind->text);
    struct wire_field field;
    point->temporality = 0;
    while (wire_next(&wire, &field))
        if (field.type == WIRE_VARINT && field.number == 2)
            point->temporality = field.value;
    if (wire.is_broken)
        return broken("Metric", err);
    int status = 0;
    wire = wire_of(kind->text);
    while (!status && wire_next(&wire, &field))
        if (field.type == WIRE_BYTES && field.number == 1)
            status = point_read(decoder, field.text, fields, point, err);
    return status;
}

static int metric_read(struct otlp_decoder *decoder, struct otlp_text text, struct err *err)
{
    struct otlp_point point = {0};
    struct wire wire = wire_of(text);
    struct wire_field field;
    while (wire_next(&wire, &field)) {
        if (field.type == WIRE_BYTES && field.number == 1)
            point.name = field.text;
        else if (field.type == WIRE_BYTES && field.number == 3)
            point.unit = field.text;
    }
    if (wire.is_broken)
        return broken("Metric", err);
    int status = 0;
    wire = wire_of(text);
    while (!status && wire_next(&wire, &field))
        if (field.type == WIRE_BYTES && field.number >= 5 && field.number <= 11)
            status = points_read(decoder, &field, &point, err);
    return status;
}

static int record_read(struct otlp_decoder *decoder, struct otlp_text text, struct err *err)
{
    struct otlp_record record = {0};
    struct wire wire = wire_of(text);
    struct wire_field field;
    bool holds = true;
    decoder->attribute_count = 0;
    while (wire_next(&wire, &field)) {
        if (field.type == WIRE_64 && field.number == 1)
            record.time_ns = field.value;
        else if (field.type == WIRE_64 && field.number == 11)
            record.observed_ns = field.value;
        else if (field.type == WIRE_VARINT && field.number == 2)
            record.severity = field.value;
        else if (field.type != WIRE_BYTES)
            continue;
        else if (field.number == 5)
            holds = value_read(field.text, &record.body) && holds;
        else if (field.number == 6)
            holds = attribute_take(decoder, field.text) && holds;
        else if (field.number == 9 && field.text.length == 16)
            memcpy(record.trace_id, field.text.bytes, 16);
        else if (field.number == 10 && field.text.length == 8)
            record.span_id = id_of(field.text);
        else if (field.number == 12)
            record.name = field.text;
    }
    if (!holds || wire.is_broken)
        return broken("LogRecord", err);
    record.attributes = (struct otlp_attributes){decoder->attributes, decoder->attribute_count};
    return record_finish(decoder, &record, err);
}

static int piece_read(struct otlp_decoder *decoder, enum otlp_signal signal, struct otlp_text text,
                      struct err *err)
{
    if (signal == OTLP_TRACES)
        return span_read(decoder, text, err);
    return signal == OTLP_METRICS ? metric_read(decoder, text, err) : record_read(decoder, text, err);
}

/* ScopeSpans, ScopeMetrics, ScopeLogs. */
static int scope_read(struct otlp_decoder *decoder, enum otlp_signal signal, struct otlp_text text,
                      struct err *err)
{
    struct wire wire = wire_of(text), inner;
    struct wire_field field, part;
    bool holds = true;
    decoder->scope = (struct otlp_text){0};
    while (wire_next(&wire, &field)) {
        if (field.number != 1 || field.type != WIRE_BYTES)
            continue;
        inner = wire_of(field.text);
        while (wire_next(&inner, &part))
            if (part.number == 1 && part.type == WIRE_BYTES)
                decoder->scope = part.text;
        holds = !inner.is_broken && holds;
    }
    if (!holds || wire.is_broken)
        return broken("of an instrumentation scope", err);
    int status = 0;
    wire = wire_of(text);
    while (!status && wire_next(&wire, &field))
        if (field.number == 2 && field.type == WIRE_BYTES)
            status = piece_read(decoder, signal, field.text, err);
    return status;
}

static bool resource_read(struct otlp_decoder *decoder, struct otlp_text text)
{
    struct wire wire = wire_of(text);
    struct wire_field field;
    bool holds = true;
    while (wire_next(&wire, &field)) {
        if (field.number != 1 || field.type != WIRE_BYTES)
            continue;
        if (decoder->resource_count == OTLP_RESOURCE_MAX)
            decoder->counts.dropped++;
        else
            holds = attribute_read(field.text, &decoder->resource[decoder->resource_count++]) && holds;
    }
    return holds && !wire.is_broken;
}

/* ResourceSpans, ResourceMetrics, ResourceLogs: the resource may stand behind what belongs to it. */
static int resource_pieces(struct otlp_decoder *decoder, enum otlp_signal signal, struct otlp_text text,
                           struct err *err)
{
    struct wire wire = wire_of(text);
    struct wire_field field;
    bool holds = true;
    decoder->resource_count = 0;
    while (wire_next(&wire, &field))
        if (field.number == 1 && field.type == WIRE_BYTES)
            holds = resource_read(decoder, field.text) && holds;
    if (!holds || wire.is_broken)
        return broken("Resource", err);
    int status = 0;
    wire = wire_of(text);
    while (!status && wire_next(&wire, &field))
        if (field.number == 2 && field.type == WIRE_BYTES)
            status = scope_read(decoder, signal, field.text, err);
    return status;
}

int protobuf_request(struct otlp_decoder *decoder, const struct otlp_request *request, struct err *err)
{
    struct wire wire = wire_of((struct otlp_text){request->bytes, request->length});
    struct wire_field field;
    int status = 0;
    while (!status && wire_next(&wire, &field))
        if (field.number == 1 && field.type == WIRE_BYTES)
            status = resource_pieces(decoder, request->signal, field.text, err);
    return status || !wire.is_broken ? status : broken("of the request", err);
}

static void quoted(struct otlp_text text, struct str *ret_text)
{
    str_append(ret_text, "\"");
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];
        if (byte == '"' || byte == '\\')
            str_printf(ret_text, "\\%c", byte);
        else if (byte < 0x20)
            str_printf(ret_text, "\\u%04x", byte);
        else
            str_append_bytes(ret_text, text.bytes + i, 1);
    }
    str_append(ret_text, "\"");
}

static void item_text(struct otlp_text text, unsigned depth, struct str *ret_text)
{
    struct otlp_value value;
    if (!value_read(text, &value))
        str_append(ret_text, "null");
    else if (value.kind == OTLP_TEXT)
        quoted(value.text, ret_text);
    else if (value.kind == OTLP_LIST || value.kind == OTLP_MAP)
        protobuf_value_text(&value, depth + 1, ret_text);
    else if (value.kind == OTLP_NONE)
        str_append(ret_text, "null");
    else
        otlp_value_text(&value, ret_text);
}

void protobuf_value_text(const struct otlp_value *value, unsigned depth, struct str *ret_text)
{
    struct wire wire = wire_of(value->text), inner;
    struct wire_field field, part;
    bool is_map = value->kind == OTLP_MAP, is_first = true;
    if (depth > OTLP_DEPTH_MAX) {
        str_append(ret_text, "null");
        return;
    }
    str_append(ret_text, is_map ? "{" : "[");
    while (wire_next(&wire, &field)) {
        struct otlp_text key = {0}, item = {0};
        if (field.number != 1 || field.type != WIRE_BYTES)
            continue;
        inner = wire_of(field.text);
        item = field.text;
        while (is_map && wire_next(&inner, &part)) {
            if (part.type == WIRE_BYTES && part.number == 1)
                key = part.text;
            else if (part.type == WIRE_BYTES && part.number == 2)
                item = part.text;
        }
        str_append(ret_text, is_first ? "" : ",");
        is_first = false;
        if (is_map) {
            quoted(key, ret_text);
            str_append(ret_text, ":");
        }
        item_text(item, depth, ret_text);
    }
    str_append(ret_text, is_map ? "}" : "]");
}
