/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/internal.h"

bool waker_find(uint64_t key, struct waker_seen *ret_seen)
{
    const struct call_waker *entry = &calls_wakers[key & (CALL_WAKER_COUNT - 1)];
    uint64_t check = __atomic_load_n(&entry->check, __ATOMIC_ACQUIRE);
    struct waker_seen seen = {.who = __atomic_load_n(&entry->who, __ATOMIC_RELAXED),
                              .time = __atomic_load_n(&entry->time, __ATOMIC_RELAXED),
                              .stack = __atomic_load_n(&entry->stack, __ATOMIC_RELAXED)};

    if (!seen.who || (seen.who ^ seen.time ^ seen.stack ^ key) != check)
        return false;
    if ((uint32_t)seen.who == calls_tid()) /* nobody wakes himself */
        return false;
    *ret_seen = seen;
    return true;
}

void waker_publish_stack(uint64_t key, const void *frame, const void *caller)
{
    struct lane *lane = lane_get();
    uint64_t stack = 0;

    if (lane)
        stack = stack_tell(lane, caller, frame);
    waker_publish_at(key, calls_clock(), stack);
}
