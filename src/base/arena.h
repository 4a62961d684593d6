/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena: memory that is freed all at once, one per lifetime (a recording, a report, a block).
 * Zero-initialise it; every pointer it gives lives until arena_free. Not for several threads.
 */
#ifndef TOLL_BASE_ARENA_H
#define TOLL_BASE_ARENA_H

#include <stddef.h>

#include "base/err.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *newest;
};

/* Zeroed memory aligned for any type, or NULL when there is none left. */
void *arena_alloc(struct arena *arena, size_t size);
/* A copy of `length` bytes with a NUL behind it; arena_string copies a whole C string. */
char *arena_copy(struct arena *arena, const char *bytes, size_t length);
char *arena_string(struct arena *arena, const char *text);
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
void arena_free(struct arena *arena);

#endif
