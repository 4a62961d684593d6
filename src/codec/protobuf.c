/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/protobuf.h"

#include <string.h>

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

static bool broken(struct protobuf_cursor *cursor)
{
    cursor->is_broken = true;
    cursor->length = 0;
    return false;
}

bool protobuf_varint(struct protobuf_cursor *cursor, uint64_t *ret_value)
{
    uint64_t value = 0;
    if (cursor->length == 0)
        return false;
    for (unsigned i = 0; i < 10; i++) {
        if (i >= cursor->length)
            return broken(cursor);
        unsigned char byte = (unsigned char)cursor->bytes[i];
        if (i == 9 && byte > 1)
            return broken(cursor);
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80)) {
            cursor->bytes += i + 1;
            cursor->length -= i + 1;
            *ret_value = value;
            return true;
        }
    }
    return broken(cursor);
}

static bool fixed(struct protobuf_cursor *cursor, size_t size, uint64_t *ret_value)
{
    if (cursor->length < size)
        return broken(cursor);
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)(unsigned char)cursor->bytes[i] << (8 * i);
    cursor->bytes += size;
    cursor->length -= size;
    *ret_value = value;
    return true;
}

bool protobuf_next(struct protobuf_cursor *cursor, struct protobuf_field *ret_field)
{
    uint64_t tag, length;
    if (!protobuf_varint(cursor, &tag))
        return false;
    struct protobuf_field field = {.number = (uint32_t)(tag >> 3)};
    if (tag >> 3 == 0 || tag >> 32)
        return broken(cursor);
    switch (tag & 7) {
    case WIRE_VARINT:
        if (cursor->length == 0 || !protobuf_varint(cursor, &field.value))
            return broken(cursor);
        break;
    case WIRE_64:
    case WIRE_32:
        if (!fixed(cursor, (tag & 7) == WIRE_64 ? 8 : 4, &field.value))
            return false;
        break;
    case WIRE_BYTES:
        if (cursor->length == 0 || !protobuf_varint(cursor, &length) || length > cursor->length)
            return broken(cursor);
        field.kind = PROTOBUF_BYTES;
        field.bytes = cursor->bytes;
        field.length = (size_t)length;
        cursor->bytes += length;
        cursor->length -= (size_t)length;
        break;
    default: return broken(cursor);
    }
    *ret_field = field;
    return true;
}
