/* SPDX-License-Identifier: Apache-2.0 */
/* mapping: a recording's file in memory, read-only. Inside recording/ only. */
#ifndef TOLL_RECORDING_MAPPING_H
#define TOLL_RECORDING_MAPPING_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "recording/format.h"

struct mapping {
    const uint8_t *bytes;
    size_t length;
};

/* Errors carry the file's name. An empty file or something that is no file is -ERR_INPUT. */
WARN_UNUSED int mapping_open(struct mapping *mapping, const char *path, struct err *err);
void mapping_close(struct mapping *mapping);
/* Lets go of the pages of [start, end): they count as this process's memory while they are mapped in. */
void mapping_release(const struct mapping *mapping, size_t start, size_t end);

/* The trailer and that the index it names is whole. -ERR_INPUT without a valid seal. */
WARN_UNUSED int mapping_trailer(const struct mapping *mapping, struct format_trailer *ret_trailer,
                                struct err *err);

#endif
