/* SPDX-License-Identifier: Apache-2.0 */
/* gzip: gzip (RFC 1952) read in memory and written a piece at a time, by zlib. */
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

/* The same bytes give the same file: no name, no time. */
struct gzip_packer;
typedef int gzip_write_fn(void *context, const char *bytes, size_t length, struct err *err);
WARN_UNUSED int gzip_packer_create(gzip_write_fn *write, void *context, struct gzip_packer **ret_packer,
                                   struct err *err);
WARN_UNUSED int gzip_pack(struct gzip_packer *packer, const char *bytes, size_t length, struct err *err);
/* Writes what is left. The packer stays to be destroyed. */
WARN_UNUSED int gzip_packer_finish(struct gzip_packer *packer, struct err *err);
/* NULL is allowed. */
void gzip_packer_destroy(struct gzip_packer *packer);

#endif
