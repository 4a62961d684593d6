/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/protobuf_write.h"

#include <string.h>

#define VARINT_BYTES_MAX 10

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED = 1, WIRE_BYTES = 2 };

void protobuf_put_varint(struct str *str, uint64_t value)
{
    char bytes[VARINT_BYTES_MAX];
    size_t length = 0;
    for (; value >= 0x80; value >>= 7)
        bytes[length++] = (char)(value & 0x7f) | (char)0x80;
    bytes[length++] = (char)value;
    str_append_bytes(str, bytes, length);
}

static void put_key(struct str *str, uint32_t field, enum wire_type type)
{
    protobuf_put_varint(str, (uint64_t)field << 3 | type);
}

void protobuf_put_number(struct str *str, uint32_t field, uint64_t value)
{
    put_key(str, field, WIRE_VARINT);
    protobuf_put_varint(str, value);
}

void protobuf_put_fixed(struct str *str, uint32_t field, uint64_t value)
{
    char bytes[8];
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (char)(value >> (8 * i) & 0xff);
    put_key(str, field, WIRE_FIXED);
    str_append_bytes(str, bytes, sizeof bytes);
}

void protobuf_put_double(struct str *str, uint32_t field, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    protobuf_put_fixed(str, field, bits);
}

void protobuf_put_bytes(struct str *str, uint32_t field, const char *bytes, size_t length)
{
    put_key(str, field, WIRE_BYTES);
    protobuf_put_varint(str, length);
    str_append_bytes(str, bytes, length);
}

void protobuf_put_text(struct str *str, uint32_t field, const char *text)
{
    protobuf_put_bytes(str, field, text, strlen(text));
}

void protobuf_put_message(struct str *str, uint32_t field, struct str *message)
{
    protobuf_put_bytes(str, field, str_text(message), message->length);
    str->failed |= message->failed;
    str_clear(message);
}
