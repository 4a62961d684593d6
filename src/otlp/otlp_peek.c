/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request in protobuf is of. The three are alike down to their pieces: field 1, then 2, then 2. A piece is a span when its start
 * or its end is there (7, 8, 64 bits wide), a record when it has a time (1 or 11, 64 bits) or a severity (2, a number), and a metric when one
 * of its kinds of data is (5, 7, 9, 10, 11, as messages).
 */
#include "otlp/otlp.h"
#include "otlp/wire_field.h"

#define PIECES_LOOKED_AT 64u
#define FIELD_HIGHEST    1000u /* deprecated fields of the protocol go up to there */

enum piece { PIECE_UNKNOWN, PIECE_SPAN, PIECE_METRIC, PIECE_RECORD, PIECE_NONE };

struct peek {
    bool is_cut; /* the bytes end before the request does: what is cut counts as far as it goes */
    unsigned looked_at;
};

/* wire_next, but bytes that go on behind the end are cut there. */
static bool peek_next(const struct peek *peek, struct wire *wire, struct wire_field *field)
{
    const uint8_t *before = wire->at;
    uint64_t tag, length;
    if (wire_next(wire, field))
        return true;
    if (!wire->is_broken || !peek->is_cut)
        return false;
    struct wire again = {.at = before, .end = wire->end};
    if (!wire_varint(&again, &tag) || !wire_varint(&again, &length) || (tag & 7) != WIRE_BYTES)
        return false;
    size_t left = (size_t)(again.end - again.at);
    if (length <= left)
        return false;
    field->number = (uint32_t)(tag >> 3);
    field->type = WIRE_BYTES;
    field->text = (struct otlp_text){(const char *)again.at, left};
    return true;
}

static enum piece piece_of(struct peek *peek, struct otlp_text text)
{
    struct wire wire = wire_of(text);
    struct wire_field field;
    bool is_metric = false;
    peek->looked_at++;
    while (peek_next(peek, &wire, &field)) {
        bool is_wide = field.type == WIRE_64, is_bytes = field.type == WIRE_BYTES;
        if (field.number > FIELD_HIGHEST)
            return PIECE_NONE;
        if (is_wide && (field.number == 7 || field.number == 8))
            return PIECE_SPAN;
        if ((is_wide && (field.number == 1 || field.number == 11)) ||
            (field.type == WIRE_VARINT && field.number == 2))
            return PIECE_RECORD;
        /* A span has its id before these, so a text in 5 is its name. */
        if (is_bytes && (field.number == 1 || field.number == 2) &&
            field.text.length == (field.number == 1 ? 16 : 8))
            continue;
        is_metric = is_metric || (is_bytes && (field.number == 7 || field.number == 9 || field.number == 10 ||
                                               field.number == 11));
        is_metric =
            is_metric || (is_bytes && field.number == 5 && field.text.length && field.text.bytes[0] == 0x0a);
    }
    return is_metric ? PIECE_METRIC : wire.is_broken && !peek->is_cut ? PIECE_NONE : PIECE_UNKNOWN;
}

/* Both levels above a piece hold fields 1 to 3 as messages, the next level in 2. */
static enum piece pieces_of(struct peek *peek, struct otlp_text text, unsigned levels)
{
    struct wire wire = wire_of(text);
    struct wire_field field;
    while (peek->looked_at < PIECES_LOOKED_AT && peek_next(peek, &wire, &field)) {
        enum piece found = PIECE_UNKNOWN;
        if (field.number > FIELD_HIGHEST || (field.number <= 3 && field.type != WIRE_BYTES))
            return PIECE_NONE;
        if (field.number == 2)
            found = levels ? pieces_of(peek, field.text, levels - 1) : piece_of(peek, field.text);
        if (found != PIECE_UNKNOWN)
            return found;
    }
    return wire.is_broken && !peek->is_cut ? PIECE_NONE : PIECE_UNKNOWN;
}

bool otlp_protobuf_signal(const char *bytes, size_t length, bool is_cut, enum otlp_signal *ret_signal)
{
    struct peek peek = {.is_cut = is_cut};
    struct wire wire = wire_of((struct otlp_text){bytes, length});
    struct wire_field field;
    while (peek_next(&peek, &wire, &field)) {
        if (field.number != 1 || field.type != WIRE_BYTES)
            return false;
        switch (pieces_of(&peek, field.text, 1)) {
        case PIECE_SPAN: *ret_signal = OTLP_TRACES; return true;
        case PIECE_METRIC: *ret_signal = OTLP_METRICS; return true;
        case PIECE_RECORD: *ret_signal = OTLP_LOGS; return true;
        case PIECE_NONE: return false;
        case PIECE_UNKNOWN:
        default: break;
        }
    }
    return false;
}
