/* SPDX-License-Identifier: Apache-2.0 */
/* gzip: reading gzip (RFC 1952) in memory, by zlib. */
#ifndef TOLL_CODEC_GZIP_H
#define TOLL_CODEC_GZIP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

bool gzip_is(const char *bytes, size_t length);
/* Appends what is packed, all members of it, to ret_text; ERR_INPUT for what is no gzip, is cut short, or unpacks to more than
 * `limit_bytes`. `name` stands for the bytes in messages. */
WARN_UNUSED int gzip_unpack(const char *bytes, size_t length, size_t limit_bytes, const char *name,
                            struct str *ret_text, struct err *err);

#endif
