/* SPDX-License-Identifier: Apache-2.0 */
#include "otlp/otlp.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "otlp/internal.h"

#define NUMBER_BYTES_MAX 64 /* of a number sent as a text */

struct otlp_decoder *otlp_decoder_create(void)
{
    return calloc(1, sizeof(struct otlp_decoder));
}

void otlp_decoder_destroy(struct otlp_decoder *decoder)
{
    if (decoder)
        arena_free(&decoder->texts);
    free(decoder);
}

int otlp_decode(struct otlp_decoder *decoder, const struct otlp_request *request,
                const struct otlp_reader *reader, struct otlp_counts *ret_counts, struct err *err)
{
    decoder->reader = reader;
    decoder->counts = (struct otlp_counts){0};
    int status = 0;
    if (request->length)
        status = request->encoding == OTLP_JSON ? json_request(decoder, request, err)
                                                : protobuf_request(decoder, request, err);
    arena_free(&decoder->texts);
    if (!status)
        *ret_counts = decoder->counts;
    return status;
}

static bool is_zero(const uint8_t id[16])
{
    static const uint8_t zeros[16];
    return memcmp(id, zeros, sizeof zeros) == 0;
}

static int rejected(struct otlp_decoder *decoder, const char *why)
{
    decoder->counts.rejected++;
    if (!decoder->counts.why)
        decoder->counts.why = why;
    return 0;
}

int span_finish(struct otlp_decoder *decoder, struct otlp_span *span, const char *why, struct err *err)
{
    if (why)
        return rejected(decoder, why);
    if (is_zero(span->trace_id))
        return rejected(decoder, "a span has no trace id of 16 bytes");
    if (!span->span_id)
        return rejected(decoder, "a span has no span id of 8 bytes");
    decoder->counts.accepted++;
    span->resource = resource_of(decoder);
    span->scope = decoder->scope;
    return decoder->reader->span ? decoder->reader->span(decoder->reader->context, span, err) : 0;
}

int point_finish(struct otlp_decoder *decoder, struct otlp_point *point, struct err *err)
{
    if (!point->name.length)
        return rejected(decoder, "a metric has no name");
    decoder->counts.accepted++;
    point->resource = resource_of(decoder);
    point->scope = decoder->scope;
    return decoder->reader->point ? decoder->reader->point(decoder->reader->context, point, err) : 0;
}

int record_finish(struct otlp_decoder *decoder, struct otlp_record *record, struct err *err)
{
    decoder->counts.accepted++;
    record->resource = resource_of(decoder);
    record->scope = decoder->scope;
    return decoder->reader->record ? decoder->reader->record(decoder->reader->context, record, err) : 0;
}

const struct otlp_attribute *otlp_find(const struct otlp_attributes *attributes, const char *key)
{
    for (size_t i = 0; i < attributes->count; i++)
        if (otlp_text_is(attributes->items[i].key, key))
            return &attributes->items[i];
    return NULL;
}

bool otlp_text_is(struct otlp_text text, const char *other)
{
    size_t length = strlen(other);
    return text.length == length && memcmp(text.bytes, other, length) == 0;
}

static bool text_number(struct otlp_text text, double *ret_number)
{
    char copy[NUMBER_BYTES_MAX];
    bool is_negative = text.length && text.bytes[0] == '-';
    double number;
    if (!text.length || text.length >= sizeof copy)
        return false;
    memcpy(copy, text.bytes, text.length);
    copy[text.length] = '\0';
    if (num_parse_double(copy + is_negative, &number))
        return false;
    *ret_number = is_negative ? -number : number;
    return true;
}

bool otlp_value_number(const struct otlp_value *value, double *ret_number)
{
    if (value->kind == OTLP_TEXT)
        return text_number(value->text, ret_number);
    if (value->kind != OTLP_INTEGER && value->kind != OTLP_DOUBLE && value->kind != OTLP_BOOL)
        return false;
    double number = value->kind == OTLP_DOUBLE ? value->number : (double)value->integer;
    if (!isfinite(number))
        return false;
    *ret_number = number;
    return true;
}

void otlp_value_text(const struct otlp_value *value, struct str *ret_text)
{
    switch (value->kind) {
    case OTLP_TEXT: str_append_bytes(ret_text, value->text.bytes, value->text.length); break;
    case OTLP_BOOL: str_append(ret_text, value->integer ? "true" : "false"); break;
    case OTLP_INTEGER: str_printf(ret_text, "%" PRId64, value->integer); break;
    case OTLP_DOUBLE: str_printf(ret_text, "%.15g", value->number); break;
    case OTLP_BYTES:
        if (value->encoding == OTLP_JSON)
            str_append_bytes(ret_text, value->text.bytes, value->text.length);
        else
            str_printf(ret_text, "(%zu bytes)", value->text.length);
        break;
    case OTLP_LIST:
    case OTLP_MAP:
        if (value->encoding == OTLP_JSON)
            str_append_bytes(ret_text, value->text.bytes, value->text.length);
        else
            protobuf_value_text(value, 0, ret_text);
        break;
    case OTLP_NONE:
    default: break;
    }
}
