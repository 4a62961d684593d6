/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protobuf_write: fields of a message in the wire format of Protocol Buffers (protobuf.dev/programming-guides/encoding), appended to a str.
 * A message within a message is written to a str of its own first, then put as bytes.
 */
#ifndef TOLL_CODEC_PROTOBUF_WRITE_H
#define TOLL_CODEC_PROTOBUF_WRITE_H

#include <stdint.h>

#include "base/str.h"

/* A varint without a field: of packed fields. */
void protobuf_put_varint(struct str *str, uint64_t value);
void protobuf_put_number(struct str *str, uint32_t field, uint64_t value);
void protobuf_put_double(struct str *str, uint32_t field, double value);
/* fixed64 */
void protobuf_put_fixed(struct str *str, uint32_t field, uint64_t value);
void protobuf_put_bytes(struct str *str, uint32_t field, const char *bytes, size_t length);
void protobuf_put_text(struct str *str, uint32_t field, const char *text);
/* The bytes of another str, which is emptied. */
void protobuf_put_message(struct str *str, uint32_t field, struct str *message);

#endif
