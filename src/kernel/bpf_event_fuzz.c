/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpf_event_fuzz: arbitrary bytes as one record of the eBPF programs' ring. The first byte chooses the kind and whether
 * the times and sums behind it are made to fit, so that most inputs get past the first checks. What passes is read
 * to its ends, so that a wrong length is a sanitizer's finding.
 */
#include "kernel/bpf_event.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static uint64_t sum_of(const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    uint64_t sum = 0;
    while (size--)
        sum += *at++;
    return sum;
}

static void make_fit(uint8_t *record, size_t size)
{
    struct bpf_wait wait;
    if (size < offsetof(struct bpf_wait, memory))
        return;
    memcpy(&wait, record, offsetof(struct bpf_wait, memory));
    wait.head.kind = BPF_RECORD_WAIT;
    wait.head.time_ns >>= 1;
    wait.start_ns >>= 2;
    wait.end_ns = wait.start_ns + (wait.end_ns >> 2);
    wait.blocked_ns %= wait.end_ns - wait.start_ns + 1;
    wait.runnable_ns %= wait.end_ns - wait.start_ns - wait.blocked_ns + 1;
    wait.count |= 1;
    memcpy(record, &wait, offsetof(struct bpf_wait, memory));
}

static uint64_t read_all(const struct bpf_event *event)
{
    uint64_t sum = 0;
    if (event->fork)
        sum += sum_of(event->fork, sizeof *event->fork);
    if (event->exec)
        sum += sum_of(event->exec, sizeof *event->exec) + strlen(event->exec->comm) +
               sum_of(event->arguments, event->exec->arguments_bytes);
    if (event->comm)
        sum += strlen(event->comm->comm);
    if (event->exit)
        sum += sum_of(event->exit, sizeof *event->exit);
    if (event->slice)
        sum += sum_of(event->slice, sizeof *event->slice);
    if (event->python)
        sum += sum_of(event->python, sizeof(struct bpf_python_news) +
                                         event->python->count * sizeof event->python->frames[0]);
    if (event->python_sample)
        sum += sum_of(event->python_sample, sizeof *event->python_sample);
    if (event->stack)
        sum += sum_of(event->stack, sizeof *event->stack) + sum_of(event->dump.bytes, event->dump.size);
    if (event->wait)
        sum += sum_of(event->wait, sizeof *event->wait) + strlen(event->wait->file.name) +
               sum_of(event->wait->memory, event->wait->memory_bytes);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length < 1)
        return 0;
    size_t size = length - 1;
    uint8_t *record = malloc(size ? size : 1); /* aligned, and not a byte longer */
    struct bpf_event_room room;
    struct bpf_event event;
    if (!record)
        return 0;
    memcpy(record, bytes + 1, size);
    uint32_t kind = bytes[0] % 16;
    if (kind < 10 && size >= sizeof kind)
        memcpy(record, &kind, sizeof kind);
    if (bytes[0] & 0x80)
        make_fit(record, size);
    if (bpf_event_decode(record, size, &room, &event)) {
        volatile uint64_t sink = read_all(&event);
        (void)sink;
        if (event.wait &&
            event.wait->blocked_ns + event.wait->runnable_ns > event.wait->end_ns - event.wait->start_ns)
            abort();
    }
    free(record);
    return 0;
}
