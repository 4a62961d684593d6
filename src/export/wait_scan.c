/* SPDX-License-Identifier: Apache-2.0 */
#include "export/wait_scan.h"

#include "base/num.h"

struct scanning {
    const struct cast *cast;
    wait_scan_fn *each;
    void *context;
};

static int take_waits(void *context, const struct batch *batch, struct err *err)
{
    struct scanning *scanning = context;
    const struct cast *cast = scanning->cast;
    int status = 0;
    for (size_t i = 0; i < batch->row_count && !status; i++) {
        struct row_wait row;
        batch_row(batch, i, (uint64_t *)&row);
        struct foreign_wait wait = {
            .track = cast_track(cast, row.track),
            .start_ns = row.start_ns,
            .end_ns = row.end_ns,
            .count = num_max(row.count, 1),
            .reason = row.reason < WAIT_REASON_COUNT ? (uint8_t)row.reason : WAIT_UNKNOWN,
            .peer = cast_peer(cast, row.peer),
            .stack = cast_stack(cast, row.stack),
            .waker = row.waker_source == WAKER_EXACT || row.waker_source == WAKER_INFERRED
                         ? cast_track(cast, row.waker_track)
                         : CAST_NONE};
        if (wait.track == CAST_NONE || row.end_ns <= row.start_ns)
            continue;
        uint64_t queued = num_min(row.runnable_ns, row.end_ns - row.start_ns);
        wait.woken_ns = wait.count == 1 ? row.end_ns - queued : row.end_ns;
        wait.blocked_ns = num_min(row.blocked_ns, row.end_ns - row.start_ns - queued);
        status = scanning->each(scanning->context, &wait, err);
    }
    return status;
}

int wait_scan(const struct cast *cast, wait_scan_fn *each, void *context, struct err *err)
{
    struct scanning scanning = {.cast = cast, .each = each, .context = context};
    return view_scan_all(cast->view, TABLE_WAIT, take_waits, &scanning, err);
}
