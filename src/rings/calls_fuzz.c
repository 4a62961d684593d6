/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calls_fuzz: arbitrary bytes as the words of a call ring. Whatever is told must be in range: the host uses what it is
 * told as the header allows, so that a wrong size or pointer is found.
 */
#include "rings/call_events.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

struct seen {
    struct call_events *events;
    uint64_t sum; /* of all that was told, so that it is read */
    uint64_t last_ns;
};

static uint64_t bytes_sum(const void *bytes, size_t size)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < size; i++)
        sum += ((const uint8_t *)bytes)[i];
    return sum;
}

static void wait_check(struct seen *seen, const struct call_told *told)
{
    if (told->call == CALL_NONE || told->call >= CALL_KIND_COUNT || told->start_ns > told->time_ns ||
        told->busy_ns > told->time_ns - told->start_ns || told->waker_ns > told->time_ns || !told->tid ||
        told->time_ns < seen->last_ns)
        abort();
    seen->last_ns = told->time_ns;
}

static int on_told(void *context, const struct call_told *told, struct err *err)
{
    struct seen *seen = context;

    (void)err;
    if (told->time_ns > seen->events->now_ns || (told->time_ns < seen->events->start_ns))
        abort();
    if (told->kind == CALL_TOLD_WAIT)
        wait_check(seen, told);
    if (told->kind == CALL_TOLD_STACK)
        seen->sum += bytes_sum(told->addresses, told->address_count * sizeof told->addresses[0]) +
                     bytes_sum(told->copy.words, told->copy.word_count * sizeof told->copy.words[0]);
    if (told->kind == CALL_TOLD_MAP)
        seen->sum += bytes_sum(told->map.path, strlen(told->map.path));
    if (told->kind == CALL_TOLD_IO && (!told->peer || told->io.operation >= CALL_IO_OPERATION_COUNT ||
                                       !told->io.count || told->io.start_ns > told->time_ns))
        abort();
    return 0;
}

static uint64_t on_peer(void *context, uint32_t pid, const struct call_peer *peer)
{
    struct seen *seen = context;

    (void)pid;
    seen->sum += bytes_sum(peer->local, peer->local_size) + bytes_sum(peer->remote, peer->remote_size) +
                 bytes_sum(peer->path, strlen(peer->path));
    return 1 + peer->inode % 100;
}

static bool is_there(void *context, uint32_t pid)
{
    (void)context;
    return pid != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    size_t count = length / 8;
    struct span_clock clock = {.kind = WIRE_CLOCK_MONOTONIC};
    struct call_events events = {.clock = &clock, .start_ns = 1000, .now_ns = 1u << 30, .sample_ns = 5000000};
    struct call_ring file = {.start = 0};
    struct seen seen = {.events = &events};
    struct call_host host = {.context = &seen, .told = on_told, .peer = on_peer, .is_there = is_there};
    struct call_lane *lane = call_lane_create(4, 2, -1, &file);
    uint64_t *words = malloc(count * 8 + 1);
    struct err err = {0};

    if (lane && words) {
        memcpy(words, bytes, count * 8);
        if (call_events_tell(&events, lane, words, count, true, &host, &err) ||
            call_events_tell(&events, lane, words, count, false, &host, &err))
            abort();
    }
    call_lane_destroy(lane);
    free(words);
    return 0;
}
