/* SPDX-License-Identifier: Apache-2.0 */
/* output: the file that is being written, and its sealing. Inside recording/ only. */
#ifndef TOLL_RECORDING_OUTPUT_H
#define TOLL_RECORDING_OUTPUT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* pwrite(2), or a test's stand-in for it that fails. */
typedef ssize_t output_pwrite_fn(int fd, const void *bytes, size_t length, off_t offset);

struct output {
    int fd; /* readable too: sealing reads the blocks' headers back */
    const char *path;
    output_pwrite_fn *pwrite;
    uint64_t end_bytes; /* whole blocks end here */
};

/* Appends; when that fails, cuts the file back to where it was. */
WARN_UNUSED int output_append(struct output *output, const void *bytes, size_t length, struct err *err);

/*
 * Writes index and trailer behind the blocks, which begin behind the file header. Memory is bounded: the
 * blocks' headers are read back in two passes. `flags` are the trailer's.
 */
WARN_UNUSED int output_seal(struct output *output, uint32_t flags, struct err *err);

#endif
