/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire_field: the fields of a message in the wire format of Protocol Buffers, inlined: decoding spans is little else. A field that does
 * not hold ends the message, and is_broken says so.
 */
#ifndef TOLL_OTLP_WIRE_FIELD_H
#define TOLL_OTLP_WIRE_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "otlp/otlp.h"

enum wire_type { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

struct wire {
    const uint8_t *at, *end;
    bool is_broken;
};

struct wire_field {
    uint32_t number;
    uint32_t type;
    uint64_t value;        /* of a number */
    struct otlp_text text; /* of bytes */
};

static inline struct wire wire_of(struct otlp_text text)
{
    const uint8_t *at = (const uint8_t *)text.bytes;
    return (struct wire){.at = at, .end = text.length ? at + text.length : at};
}

static inline bool wire_broken(struct wire *wire)
{
    wire->is_broken = true;
    wire->at = wire->end;
    return false;
}

static inline bool wire_varint(struct wire *wire, uint64_t *ret_value)
{
    if (wire->at < wire->end && !(*wire->at & 0x80)) {
        *ret_value = *wire->at++;
        return true;
    }
    uint64_t value = 0;
    for (unsigned i = 0; i < 10 && wire->at < wire->end; i++) {
        uint8_t byte = *wire->at++;
        if (i == 9 && byte > 1)
            break;
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80)) {
            *ret_value = value;
            return true;
        }
    }
    return wire_broken(wire);
}

/* The next field; false at the end. */
static inline __attribute__((always_inline)) bool wire_next(struct wire *wire, struct wire_field *ret_field)
{
    uint64_t tag;
    if (wire->at == wire->end || !wire_varint(wire, &tag))
        return false;
    if (tag >> 3 == 0 || tag >> 32)
        return wire_broken(wire);
    ret_field->number = (uint32_t)(tag >> 3);
    ret_field->type = (uint32_t)(tag & 7);
    ret_field->value = 0;
    ret_field->text = (struct otlp_text){0};
    size_t left = (size_t)(wire->end - wire->at);
    switch (ret_field->type) {
    case WIRE_VARINT: return wire_varint(wire, &ret_field->value);
    case WIRE_64:
        if (left < 8)
            return wire_broken(wire);
        memcpy(&ret_field->value, wire->at, 8);
        wire->at += 8;
        return true;
    case WIRE_32:
        if (left < 4)
            return wire_broken(wire);
        memcpy(&ret_field->value, wire->at, 4);
        wire->at += 4;
        return true;
    case WIRE_BYTES: {
        uint64_t length;
        if (!wire_varint(wire, &length))
            return false;
        if (length > (size_t)(wire->end - wire->at))
            return wire_broken(wire);
        ret_field->text = (struct otlp_text){(const char *)wire->at, (size_t)length};
        wire->at += length;
        return true;
    }
    default: return wire_broken(wire);
    }
}

#endif
