/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: any bytes as each signal in both encodings; every piece is looked at. */
#include <stdint.h>
#include <stdlib.h>

#include "otlp/otlp.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static uint64_t look_text(struct otlp_text text)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < text.length; i++)
        sum += (uint8_t)text.bytes[i];
    return sum;
}

static uint64_t look(const struct otlp_attributes *attributes)
{
    struct str text = {0};
    double number = 0;
    uint64_t sum = otlp_find(attributes, "service.name") != NULL;
    for (size_t i = 0; i < attributes->count; i++) {
        sum += look_text(attributes->items[i].key);
        otlp_value_text(&attributes->items[i].value, &text);
        sum += otlp_value_number(&attributes->items[i].value, &number);
    }
    sum += text.length;
    str_free(&text);
    return sum;
}

static int on_span(void *context, const struct otlp_span *span, struct err *err)
{
    uint64_t *sum = context;
    (void)err;
    *sum += look(&span->resource) + look(&span->attributes) + look_text(span->name) + look_text(span->scope) +
            look_text(span->status_message);
    for (size_t i = 0; i < span->event_count; i++)
        *sum += look(&span->events[i].attributes) + look_text(span->events[i].name);
    for (size_t i = 0; i < span->link_count; i++)
        *sum += span->links[i].span_id;
    return 0;
}

static int on_point(void *context, const struct otlp_point *point, struct err *err)
{
    uint64_t *sum = context;
    (void)err;
    *sum +=
        look(&point->resource) + look(&point->attributes) + look_text(point->name) + look_text(point->unit);
    return 0;
}

static int on_record(void *context, const struct otlp_record *record, struct err *err)
{
    uint64_t *sum = context;
    struct otlp_attribute body = {.value = record->body};
    struct otlp_attributes one = {&body, 1};
    (void)err;
    *sum += look(&record->resource) + look(&record->attributes) + look_text(record->name) + look(&one);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    uint64_t sum = 0;
    struct otlp_reader reader = {.span = on_span, .point = on_point, .record = on_record, .context = &sum};
    struct otlp_decoder *decoder = otlp_decoder_create();
    if (!decoder)
        abort();
    for (int signal = 0; signal < OTLP_SIGNAL_COUNT; signal++) {
        for (int encoding = OTLP_PROTOBUF; encoding <= OTLP_JSON; encoding++) {
            struct otlp_request request = {(enum otlp_signal)signal, (enum otlp_encoding)encoding,
                                           (const char *)bytes, count};
            struct otlp_counts counts;
            struct err err;
            enum otlp_signal found;
            (void)!otlp_decode(decoder, &request, &reader, &counts, &err);
            (void)otlp_json_signal((const char *)bytes, count, &found);
        }
    }
    otlp_decoder_destroy(decoder);
    return sum == UINT64_MAX;
}
