/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that grow. A worker keeps its buffers from file to file, so that only the first file pays for
 * fresh pages.
 */
#ifndef MARKET_DATA_BUFFER_H
#define MARKET_DATA_BUFFER_H

#include <stddef.h>

#include "problem.h"

struct buffer {
    char *data;
    size_t length;
    size_t capacity;
};

/* Makes room for `more` bytes behind `length`. On failure the buffer is as it was. */
MUST_CHECK int buffer_reserve(struct buffer *buffer, size_t more, struct problem *problem);

MUST_CHECK int buffer_append(struct buffer *buffer, const void *bytes, size_t length,
                             struct problem *problem);

/* Frees the bytes; the buffer is empty and usable again. */
void buffer_deinit(struct buffer *buffer);

#endif
