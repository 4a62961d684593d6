/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protobuf: the fields of a message in the wire format of Protocol Buffers (protobuf.dev/programming-guides/encoding), one after the
 * other, without a schema:
 *
 *     struct protobuf_cursor at = {bytes, length};
 *     struct protobuf_field field;
 *     while (protobuf_next(&at, &field))
 *         if (field.number == 2 && field.kind == PROTOBUF_BYTES) …
 *     if (at.is_broken) …
 *
 * Nothing is copied. A field that does not hold is the end, and is_broken says so.
 */
#ifndef TOLL_CODEC_PROTOBUF_H
#define TOLL_CODEC_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct protobuf_cursor {
    const char *bytes;
    size_t length;
    bool is_broken;
};

enum protobuf_kind { PROTOBUF_NUMBER, PROTOBUF_BYTES };

struct protobuf_field {
    uint32_t number;
    enum protobuf_kind kind;
    uint64_t value; /* of a number: varint, 32 or 64 bits */
    const char *bytes;
    size_t length; /* of bytes */
};

bool protobuf_next(struct protobuf_cursor *cursor, struct protobuf_field *ret_field);
/* One varint, as packed fields have them. */
bool protobuf_varint(struct protobuf_cursor *cursor, uint64_t *ret_value);

#endif
