/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: a file of any bytes is opened, all tables and texts are read, and it is checked. Each
 * input is tried as it is, and once more with its checksums made to fit.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "recording/integrity.h"
#include "recording/reader.h"
#include "recording/reseal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

/* Looks at every cell, so that a sanitizer sees one that is not there. */
static int sum_batch(void *context, const struct batch *batch, struct err *err)
{
    uint64_t *sum = context;
    (void)err;
    for (size_t column = 0; column < TABLE_COLUMN_MAX; column++) {
        for (size_t row = 0; batch->columns[column] && row < batch->row_count; row++)
            *sum += batch->columns[column][row];
    }
    return 0;
}

static void read_all(const char *path)
{
    struct reader *reader;
    struct err err;
    uint64_t sum = 0;
    if (reader_open(path, &reader, &err))
        return;
    const struct view *view = reader_view(reader);
    for (enum table_id table = TABLE_META; table < TABLE_END; table++) {
        struct view_query one = {.table = table, .column_mask = 1u << 6, .range_column = 1, .high = 1u << 30};
        if (view_scan_all(view, table, sum_batch, &sum, &err) || view_scan(view, &one, sum_batch, &sum, &err))
            continue;
    }
    for (uint64_t id = 0; id < 600; id++)
        sum += strlen(view_text(view, id));
    reader_close(reader);
}

static void try_bytes(const uint8_t *bytes, size_t count)
{
    char path[32];
    struct err err;
    struct check_result checked;
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, bytes, count) != (ssize_t)count)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    read_all(path);
    (void)!check_recording(path, &checked, &err);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    uint8_t *copy = malloc(count + 1);
    if (!copy)
        abort();
    memcpy(copy, bytes, count);
    try_bytes(bytes, count);
    reseal(copy, count);
    try_bytes(copy, count);
    free(copy);
    return 0;
}
