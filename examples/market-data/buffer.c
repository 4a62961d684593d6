/* SPDX-License-Identifier: Apache-2.0 */
#include "buffer.h"

#include <stdlib.h>
#include <string.h>

/* No file of this pipeline comes near; a server that sends more is not ours. */
static const size_t buffer_bytes_max = (size_t)1 << 30;

int buffer_reserve(struct buffer *buffer, size_t more, struct problem *problem)
{
    size_t capacity = buffer->capacity > 0 ? buffer->capacity : 65536;
    char *data;

    if (more > buffer_bytes_max - buffer->length)
        return problem_set(problem, "could not hold %zu bytes more: the limit is %zu", more,
                           buffer_bytes_max);
    if (buffer->length + more <= buffer->capacity)
        return 0;
    while (capacity < buffer->length + more)
        capacity *= 2;
    data = realloc(buffer->data, capacity);
    if (data == NULL)
        return problem_set(problem, "could not allocate %zu bytes: out of memory", capacity);
    buffer->data = data;
    buffer->capacity = capacity;
    return 0;
}

int buffer_append(struct buffer *buffer, const void *bytes, size_t length, struct problem *problem)
{
    if (buffer_reserve(buffer, length, problem) < 0)
        return -1;
    memcpy(buffer->data + buffer->length, bytes, length);
    buffer->length += length;
    return 0;
}

void buffer_deinit(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}
