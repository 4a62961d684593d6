/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wait_sums: the waits of one thread of a recording, summed by reason, as JSON on stdout.
 *
 * usage: wait_sums FILE TID
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/table.h"
#include "recording/reader.h"

struct sums {
    uint64_t tid;
    uint64_t track; /* of the thread, 0 until it was found */
    struct {
        uint64_t ns, blocked_ns, row_count, count, waker_count, stack_count;
    } by_reason[WAIT_REASON_COUNT];
};

static int each_track(void *context, const struct batch *batch, struct err *err)
{
    struct sums *sums = context;
    struct row_track row;

    (void)err;
    for (size_t i = 0; i < batch->row_count; i++) {
        batch_row(batch, i, (uint64_t *)&row);
        if (row.kind == TRACK_THREAD && row.tid == sums->tid)
            sums->track = row.id;
    }
    return 0;
}

static int each_wait(void *context, const struct batch *batch, struct err *err)
{
    struct sums *sums = context;
    struct row_wait row;

    (void)err;
    for (size_t i = 0; i < batch->row_count; i++) {
        batch_row(batch, i, (uint64_t *)&row);
        if (row.track != sums->track || row.reason >= WAIT_REASON_COUNT)
            continue;
        sums->by_reason[row.reason].ns += row.blocked_ns + row.runnable_ns;
        sums->by_reason[row.reason].blocked_ns += row.blocked_ns;
        sums->by_reason[row.reason].count += row.count;
        sums->by_reason[row.reason].row_count++;
        sums->by_reason[row.reason].waker_count += row.waker_track ? row.count : 0;
        sums->by_reason[row.reason].stack_count += row.stack ? row.count : 0;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct reader *reader = NULL;
    struct sums sums = {0};
    struct err err = {0};

    if (argc != 3) {
        fputs("usage: wait_sums FILE TID\n", stderr);
        return 2;
    }
    sums.tid = strtoull(argv[2], NULL, 10);
    int code = reader_open(argv[1], &reader, &err);
    if (!code)
        code = view_scan_all(reader_view(reader), TABLE_TRACK, each_track, &sums, &err);
    if (!code)
        code = view_scan_all(reader_view(reader), TABLE_WAIT, each_wait, &sums, &err);
    reader_close(reader);
    if (code || !sums.track) {
        fprintf(stderr, "wait_sums: %s\n", code ? err.what : "there is no such thread");
        return 4;
    }
    const char *between = "{";
    for (unsigned i = 0; i < WAIT_REASON_COUNT; i++) {
        if (!sums.by_reason[i].count)
            continue;
        printf("%s\"%s\": {\"ns\": %" PRIu64 ", \"blocked_ns\": %" PRIu64 ", \"count\": %" PRIu64
               ", \"rows\": %" PRIu64 ", \"with_waker\": %" PRIu64 ", \"with_stack\": %" PRIu64 "}",
               between, wait_reason_name(i), sums.by_reason[i].ns, sums.by_reason[i].blocked_ns,
               sums.by_reason[i].count, sums.by_reason[i].row_count, sums.by_reason[i].waker_count,
               sums.by_reason[i].stack_count);
        between = ", ";
    }
    puts("}");
    return 0;
}
