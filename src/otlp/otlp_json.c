/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of OTLP: names in lowerCamelCase, in any order; what is not known, and null, is left out. The request is checked whole
 * before anything is told, so walking it cannot fail. */
#include "otlp/internal.h"
#include "otlp/json_walk.h"

#include <string.h>

/* The names of a signal's four levels. */
struct signal_names {
    const char *resources, *scopes, *pieces;
};
static const struct signal_names signal_names[OTLP_SIGNAL_COUNT] = {
    [OTLP_TRACES] = {"resourceSpans", "scopeSpans", "spans"},
    [OTLP_METRICS] = {"resourceMetrics", "scopeMetrics", "metrics"},
    [OTLP_LOGS] = {"resourceLogs", "scopeLogs", "logRecords"},
};

/* The member of that name, the last one when there are several; an empty text when there is none. */
static struct otlp_text member(struct otlp_text object, const char *key)
{
    struct json_walk at = json_walk_open(object);
    struct otlp_text found = {0};
    while (at.at < at.end && json_walk_next(&at))
        if (at.is_object && otlp_text_is(at.key, key))
            found = at.value;
    return found;
}

static void text_take(struct otlp_decoder *decoder, struct otlp_text value, struct otlp_text *ret_text)
{
    if (!json_walk_text(value, &decoder->texts, ret_text))
        *ret_text = (struct otlp_text){0};
}

static void number_take(struct otlp_text value, uint64_t *ret_number)
{
    if (!json_walk_u64(value, ret_number))
        *ret_number = 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* False, and zeros, unless the value is a text of exactly that many bytes in hexadecimal. */
static bool hex_take(struct otlp_text value, uint8_t *ret_bytes, size_t count)
{
    memset(ret_bytes, 0, count);
    if (value.length != 2 * count + 2 || value.bytes[0] != '"')
        return false;
    for (size_t i = 0; i < count; i++) {
        int high = hex_digit(value.bytes[1 + 2 * i]), low = hex_digit(value.bytes[2 + 2 * i]);
        if (high < 0 || low < 0) {
            memset(ret_bytes, 0, count);
            return false;
        }
        ret_bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static uint64_t id_take(struct otlp_text value)
{
    uint8_t bytes[8];
    uint64_t id;
    if (!hex_take(value, bytes, sizeof bytes))
        return 0;
    memcpy(&id, bytes, sizeof id);
    return __builtin_bswap64(id);
}

static void value_take(struct otlp_decoder *decoder, struct otlp_text object, struct otlp_value *ret_value)
{
    struct json_walk at = json_walk_open(object);
    struct otlp_value value = {.encoding = OTLP_JSON};
    bool truth;
    while (json_walk_next(&at)) {
        if (otlp_text_is(at.key, "stringValue") && json_walk_text(at.value, &decoder->texts, &value.text)) {
            value.kind = OTLP_TEXT;
        } else if (otlp_text_is(at.key, "boolValue") && json_walk_bool(at.value, &truth)) {
            value.kind = OTLP_BOOL;
            value.integer = truth;
        } else if (otlp_text_is(at.key, "intValue") && json_walk_i64(at.value, &value.integer)) {
            value.kind = OTLP_INTEGER;
        } else if (otlp_text_is(at.key, "doubleValue") && json_walk_double(at.value, &value.number)) {
            value.kind = OTLP_DOUBLE;
        } else if (otlp_text_is(at.key, "bytesValue") &&
                   json_walk_text(at.value, &decoder->texts, &value.text)) {
            value.kind = OTLP_BYTES;
        } else if (otlp_text_is(at.key, "arrayValue") || otlp_text_is(at.key, "kvlistValue")) {
            value.kind = at.key.bytes[0] == 'a' ? OTLP_LIST : OTLP_MAP;
            value.text = at.value;
        }
    }
    *ret_value = value;
}

static void attribute_take(struct otlp_decoder *decoder, struct otlp_text object,
                           struct otlp_attribute *ret_attribute)
{
    struct json_walk at = json_walk_open(object);
    *ret_attribute = (struct otlp_attribute){0};
    while (json_walk_next(&at)) {
        if (otlp_text_is(at.key, "key"))
            text_take(decoder, at.value, &ret_attribute->key);
        else if (otlp_text_is(at.key, "value"))
            value_take(decoder, at.value, &ret_attribute->value);
    }
}

/* Attributes of the piece under way, behind those that it has. */
static struct otlp_attributes attributes_take(struct otlp_decoder *decoder, struct otlp_text array)
{
    struct json_walk at = json_walk_open(array);
    size_t first = decoder->attribute_count;
    while (json_walk_next(&at)) {
        struct otlp_attribute *slot = attribute_slot(decoder);
        if (slot)
            attribute_take(decoder, at.value, slot);
    }
    return (struct otlp_attributes){decoder->attributes + first, decoder->attribute_count - first};
}

static void events_take(struct otlp_decoder *decoder, struct otlp_text array, struct otlp_span *span)
{
    struct json_walk at = json_walk_open(array);
    while (json_walk_next(&at)) {
        if (span->event_count == OTLP_EVENTS_MAX) {
            decoder->counts.dropped++;
            continue;
        }
        struct otlp_event *event = &decoder->events[span->event_count++];
        struct json_walk part = json_walk_open(at.value);
        *event = (struct otlp_event){0};
        while (json_walk_next(&part)) {
            if (otlp_text_is(part.key, "name"))
                text_take(decoder, part.value, &event->name);
            else if (otlp_text_is(part.key, "timeUnixNano"))
                number_take(part.value, &event->time_ns);
            else if (otlp_text_is(part.key, "attributes"))
                event->attributes = attributes_take(decoder, part.value);
        }
    }
}

static void links_take(struct otlp_decoder *decoder, struct otlp_text array, struct otlp_span *span)
{
    struct json_walk at = json_walk_open(array);
    while (json_walk_next(&at)) {
        if (span->link_count == OTLP_LINKS_MAX) {
            decoder->counts.dropped++;
            continue;
        }
        struct otlp_link *link = &decoder->links[span->link_count++];
        *link = (struct otlp_link){.span_id = id_take(member(at.value, "spanId"))};
        (void)hex_take(member(at.value, "traceId"), link->trace_id, sizeof link->trace_id);
    }
}

static void status_take(struct otlp_decoder *decoder, struct otlp_text object, struct otlp_span *span)
{
    uint64_t code;
    number_take(member(object, "code"), &code);
    span->status = code <= OTLP_STATUS_ERROR ? (enum otlp_status)code : OTLP_STATUS_UNSET;
    text_take(decoder, member(object, "message"), &span->status_message);
}

static void span_member(struct otlp_decoder *decoder, const struct json_walk *at, struct otlp_span *span,
                        const char **why)
{
    uint64_t number;
    if (otlp_text_is(at->key, "traceId")) {
        (void)hex_take(at->value, span->trace_id, sizeof span->trace_id);
    } else if (otlp_text_is(at->key, "spanId")) {
        span->span_id = id_take(at->value);
    } else if (otlp_text_is(at->key, "parentSpanId")) {
        span->parent_id = id_take(at->value);
        if (!span->parent_id && at->value.length > 2 && at->value.bytes[0] == '"' && at->value.length != 18)
            *why = "a span's parent id is not of 8 bytes";
    } else if (otlp_text_is(at->key, "name")) {
        text_take(decoder, at->value, &span->name);
    } else if (otlp_text_is(at->key, "kind")) {
        number_take(at->value, &number);
        span->kind = number <= OTLP_KIND_CONSUMER ? (enum otlp_span_kind)number : OTLP_KIND_UNSPECIFIED;
    } else if (otlp_text_is(at->key, "startTimeUnixNano")) {
        number_take(at->value, &span->start_ns);
    } else if (otlp_text_is(at->key, "endTimeUnixNano")) {
        number_take(at->value, &span->end_ns);
    } else if (otlp_text_is(at->key, "attributes")) {
        span->attributes = attributes_take(decoder, at->value);
    } else if (otlp_text_is(at->key, "events")) {
        events_take(decoder, at->value, span);
    } else if (otlp_text_is(at->key, "links")) {
        links_take(decoder, at->value, span);
    } else if (otlp_text_is(at->key, "status")) {
        status_take(decoder, at->value, span);
    }
}

static int span_take(struct otlp_decoder *decoder, struct otlp_text object, struct err *err)
{
    struct otlp_span span = {.events = decoder->events, .links = decoder->links};
    struct json_walk at = json_walk_open(object);
    const char *why = NULL;
    decoder->attribute_count = 0;
    while (json_walk_next(&at))
        span_member(decoder, &at, &span, &why);
    return span_finish(decoder, &span, why, err);
}

static int point_take(struct otlp_decoder *decoder, struct otlp_text object, struct otlp_point *point,
                      struct err *err)
{
    struct json_walk at = json_walk_open(object);
    decoder->attribute_count = 0;
    point->start_ns = point->time_ns = point->count = 0;
    point->value = 0;
    point->attributes = (struct otlp_attributes){0};
    while (json_walk_next(&at)) {
        if (otlp_text_is(at.key, "attributes"))
            point->attributes = attributes_take(decoder, at.value);
        else if (otlp_text_is(at.key, "startTimeUnixNano"))
            number_take(at.value, &point->start_ns);
        else if (otlp_text_is(at.key, "timeUnixNano"))
            number_take(at.value, &point->time_ns);
        else if (otlp_text_is(at.key, "count"))
            number_take(at.value, &point->count);
        else if (otlp_text_is(at.key, "asDouble") || otlp_text_is(at.key, "asInt") ||
                 otlp_text_is(at.key, "sum"))
            (void)json_walk_double(at.value, &point->value);
    }
    return point_finish(decoder, point, err);
}

static int metric_take(struct otlp_decoder *decoder, struct otlp_text object, struct err *err)
{
    static const char *const kinds[] = {"gauge", "sum", "histogram", "exponentialHistogram", "summary"};
    struct otlp_point point = {0};
    int status = 0;
    text_take(decoder, member(object, "name"), &point.name);
    text_take(decoder, member(object, "unit"), &point.unit);
    for (size_t i = 0; !status && i < sizeof kinds / sizeof kinds[0]; i++) {
        struct otlp_text kind = member(object, kinds[i]);
        number_take(member(kind, "aggregationTemporality"), &point.temporality);
        struct json_walk at = json_walk_open(member(kind, "dataPoints"));
        while (!status && json_walk_next(&at))
            status = point_take(decoder, at.value, &point, err);
    }
    return status;
}

static int record_take(struct otlp_decoder *decoder, struct otlp_text object, struct err *err)
{
    struct otlp_record record = {0};
    struct json_walk at = json_walk_open(object);
    decoder->attribute_count = 0;
    while (json_walk_next(&at)) {
        if (otlp_text_is(at.key, "timeUnixNano"))
            number_take(at.value, &record.time_ns);
        else if (otlp_text_is(at.key, "observedTimeUnixNano"))
            number_take(at.value, &record.observed_ns);
        else if (otlp_text_is(at.key, "severityNumber"))
            number_take(at.value, &record.severity);
        else if (otlp_text_is(at.key, "eventName"))
            text_take(decoder, at.value, &record.name);
        else if (otlp_text_is(at.key, "body"))
            value_take(decoder, at.value, &record.body);
        else if (otlp_text_is(at.key, "attributes"))
            record.attributes = attributes_take(decoder, at.value);
        else if (otlp_text_is(at.key, "traceId"))
            (void)hex_take(at.value, record.trace_id, sizeof record.trace_id);
        else if (otlp_text_is(at.key, "spanId"))
            record.span_id = id_take(at.value);
    }
    return record_finish(decoder, &record, err);
}

static int scope_take(struct otlp_decoder *decoder, enum otlp_signal signal, struct otlp_text object,
                      struct err *err)
{
    int status = 0;
    text_take(decoder, member(member(object, "scope"), "name"), &decoder->scope);
    struct json_walk at = json_walk_open(member(object, signal_names[signal].pieces));
    while (!status && json_walk_next(&at))
        status = signal == OTLP_TRACES    ? span_take(decoder, at.value, err)
                 : signal == OTLP_METRICS ? metric_take(decoder, at.value, err)
                                          : record_take(decoder, at.value, err);
    return status;
}

static int resource_take(struct otlp_decoder *decoder, enum otlp_signal signal, struct otlp_text object,
                         struct err *err)
{
    struct json_walk at = json_walk_open(member(member(object, "resource"), "attributes"));
    int status = 0;
    decoder->resource_count = 0;
    while (json_walk_next(&at)) {
        if (decoder->resource_count == OTLP_RESOURCE_MAX)
            decoder->counts.dropped++;
        else
            attribute_take(decoder, at.value, &decoder->resource[decoder->resource_count++]);
    }
    at = json_walk_open(member(object, signal_names[signal].scopes));
    while (!status && json_walk_next(&at))
        status = scope_take(decoder, signal, at.value, err);
    return status;
}

static struct otlp_text without_blanks(const char *bytes, size_t length)
{
    while (length && (*bytes == ' ' || *bytes == '\n' || *bytes == '\r' || *bytes == '\t')) {
        bytes++;
        length--;
    }
    return (struct otlp_text){bytes, length};
}

int json_request(struct otlp_decoder *decoder, const struct otlp_request *request, struct err *err)
{
    struct otlp_text text = without_blanks(request->bytes, request->length);
    size_t offset = 0;
    int status = 0;
    if (!json_walk_whole(text, &offset))
        return err_set(err, ERR_INPUT, "could not read OTLP: the JSON does not hold at byte %zu",
                       request->length - text.length + offset);
    if (text.bytes[0] != '{')
        return err_set(err, ERR_INPUT, "could not read OTLP: the JSON is no object");
    struct json_walk at = json_walk_open(member(text, signal_names[request->signal].resources));
    while (!status && json_walk_next(&at))
        status = resource_take(decoder, request->signal, at.value, err);
    return status;
}

bool otlp_json_signal(const char *bytes, size_t length, enum otlp_signal *ret_signal)
{
    struct json_walk at = json_walk_open(without_blanks(bytes, length));
    while (json_walk_next(&at)) {
        for (int i = 0; i < OTLP_SIGNAL_COUNT; i++) {
            if (at.is_object && otlp_text_is(at.key, signal_names[i].resources)) {
                *ret_signal = (enum otlp_signal)i;
                return true;
            }
        }
    }
    return false;
}
