/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/perf_ring.h"

#include <string.h>

#include "base/num.h"

/* Behind every record but samples: pid tid, time, cpu reserved. */
#define SAMPLE_ID_BYTES 24
#define HEADER_BYTES    sizeof(struct perf_event_header)

/* All fields and all record sizes are multiples of 8, so neither a header nor a field wraps. */
static uint64_t ring_u64(const struct perf_ring *ring, uint64_t position)
{
    uint64_t value;
    memcpy(&value, ring->data + (position & (ring->size_bytes - 1)), sizeof value);
    return value;
}

static struct perf_event_header ring_header(const struct perf_ring *ring)
{
    uint64_t bits = ring_u64(ring, ring->tail);
    struct perf_event_header header;
    memcpy(&header, &bits, sizeof header);
    return header;
}

static bool header_fits(const struct perf_event_header *header, uint64_t available_bytes)
{
    return header->size >= HEADER_BYTES + SAMPLE_ID_BYTES && header->size % sizeof(uint64_t) == 0 &&
           header->size <= available_bytes;
}

/* Sets next_ns; false when the ring holds nothing more. A ring whose records cannot be told apart is emptied. */
static bool ring_peek(struct perf_ring *ring, struct perf_counts *counts)
{
    if (ring->tail == ring->head)
        return false;
    uint64_t available = ring->head - ring->tail;
    struct perf_event_header header = {0};
    if (available <= ring->size_bytes && available % sizeof(uint64_t) == 0)
        header = ring_header(ring);
    if (!header_fits(&header, available)) {
        counts->broken_count++;
        ring->tail = ring->head;
        return false;
    }
    uint64_t offset = header.type == PERF_RECORD_SAMPLE ? 2 * sizeof(uint64_t) : header.size - 16u;
    ring->next_ns = ring_u64(ring, ring->tail + offset);
    return true;
}

static uint32_t get_u32(const uint8_t *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static uint64_t get_u64(const uint8_t *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

/* The NUL-terminated text from `offset` up to the trailing sample id, NULL when it has no end. */
static const char *get_text(const uint8_t *record, size_t size, size_t offset)
{
    if (size < offset + SAMPLE_ID_BYTES)
        return NULL;
    size_t room = size - SAMPLE_ID_BYTES - offset;
    return memchr(record + offset, 0, room) ? (const char *)record + offset : NULL;
}

/* Decoders: false when the record is too short or makes no sense. `size` includes the header and sample id. */

static bool decode_task(const uint8_t *record, size_t size, struct perf_event *event)
{
    if (size < HEADER_BYTES + 24 + SAMPLE_ID_BYTES)
        return false;
    event->pid = get_u32(record + 8);
    event->ppid = get_u32(record + 12);
    event->tid = get_u32(record + 16);
    event->ptid = get_u32(record + 20);
    return true;
}

static bool decode_comm(const uint8_t *record, size_t size, struct perf_event *event)
{
    event->name = get_text(record, size, 16);
    if (!event->name)
        return false;
    event->pid = get_u32(record + 8);
    event->tid = get_u32(record + 12);
    return true;
}

/* pid tid, address, length, offset, 24 bytes of identity, prot flags, path. */
static bool decode_map(const uint8_t *record, size_t size, uint16_t misc, struct perf_event *event)
{
    event->map.path = get_text(record, size, 72);
    if (!event->map.path)
        return false;
    event->pid = get_u32(record + 8);
    event->tid = get_u32(record + 12);
    event->map.address = get_u64(record + 16);
    event->map.length_bytes = get_u64(record + 24);
    event->map.offset_bytes = get_u64(record + 32);
    if (misc & PERF_RECORD_MISC_MMAP_BUILD_ID) {
        size_t length = record[40];
        if (length > PERF_BUILD_ID_MAX)
            return false;
        memcpy(event->map.build_id, record + 44, length);
        event->map.build_id_size = length;
    } else {
        event->map.device_major = get_u32(record + 40);
        event->map.device_minor = get_u32(record + 44);
        event->map.inode = get_u64(record + 48);
    }
    return event->map.address + event->map.length_bytes > event->map.address;
}

#if defined(__aarch64__)
enum { DUMP_BASE, DUMP_BP, DUMP_LR, DUMP_SP, DUMP_IP, DUMP_REGISTER_COUNT };
#else
enum { DUMP_BASE, DUMP_BP, DUMP_SP, DUMP_IP, DUMP_REGISTER_COUNT };
#endif

/* Behind the chain: abi, registers; size, bytes, how many of them are filled. A thread without a program (or of another
 * word size) has abi 0 (1) and no stack. */
static bool decode_dump(const uint8_t *bytes, size_t left, struct perf_dump *ret_dump)
{
    struct perf_dump dump = {0};
    uint64_t abi, size = 0, filled = 0;

    if (left == 0)
        return true;
    if (left < 8)
        return false;
    abi = get_u64(bytes);
    size_t head = abi == PERF_SAMPLE_REGS_ABI_NONE ? 8 : 8 + DUMP_REGISTER_COUNT * 8;
    if (left >= head + 8)
        size = get_u64(bytes + head);
    if (size == 0)
        return left >= head + 8;
    if (left < head + 16 || size > left - head - 16)
        return false;
    filled = get_u64(bytes + head + 8 + size);
    if (abi != PERF_SAMPLE_REGS_ABI_64)
        return true;
    dump.base = get_u64(bytes + 8 + DUMP_BASE * 8);
    dump.bp = get_u64(bytes + 8 + DUMP_BP * 8);
    dump.sp = get_u64(bytes + 8 + DUMP_SP * 8);
    dump.ip = get_u64(bytes + 8 + DUMP_IP * 8);
#if defined(__aarch64__)
    dump.lr = get_u64(bytes + 8 + DUMP_LR * 8);
#endif
    dump.bytes = bytes + head + 8;
    dump.size = (size_t)num_min(filled, size);
    *ret_dump = dump;
    return true;
}

/* pid tid, time, cpu reserved, period, length of the chain, chain. */
static bool decode_sample(const uint8_t *record, size_t size, struct perf_event *event, uint64_t *ret_period)
{
    if (size < 48)
        return false;
    uint64_t length = get_u64(record + 40);
    if (length > (size - 48) / sizeof(uint64_t))
        return false;
    event->pid = get_u32(record + 8);
    event->tid = get_u32(record + 12);
    event->cpu = get_u32(record + 24);
    *ret_period = get_u64(record + 32);
    event->chain = (const uint64_t *)(const void *)(record + 48);
    event->chain_count = length;
    return decode_dump(record + 48 + length * sizeof(uint64_t), size - 48 - length * sizeof(uint64_t),
                       &event->dump);
}

/* Records that this layer does not know leave the kind 0: they are not broken, and nobody wants them. */
static bool decode_other(const uint8_t *record, const struct perf_event_header *header,
                         struct perf_event *event)
{
    size_t size = header->size;
    const uint8_t *id = record + size - SAMPLE_ID_BYTES;
    event->pid = get_u32(id);
    event->tid = get_u32(id + 4);
    event->cpu = get_u32(id + 16);
    switch (header->type) {
    case PERF_RECORD_FORK: event->kind = PERF_FORK; return decode_task(record, size, event);
    case PERF_RECORD_EXIT: event->kind = PERF_EXIT; return decode_task(record, size, event);
    case PERF_RECORD_COMM:
        event->kind = header->misc & PERF_RECORD_MISC_COMM_EXEC ? PERF_EXEC : PERF_COMM;
        return decode_comm(record, size, event);
    case PERF_RECORD_MMAP2: event->kind = PERF_MAP; return decode_map(record, size, header->misc, event);
    case PERF_RECORD_SWITCH:
    case PERF_RECORD_SWITCH_CPU_WIDE: /* of the whole machine; its id is of the thread that comes or goes as well */
        if (event->tid == 0 && header->type == PERF_RECORD_SWITCH_CPU_WIDE)
            return true; /* a CPU's idle task */
        event->kind = header->misc & PERF_RECORD_MISC_SWITCH_OUT ? PERF_SWITCH_OUT : PERF_SWITCH_IN;
        event->preempted =
            event->kind == PERF_SWITCH_OUT && header->misc & PERF_RECORD_MISC_SWITCH_OUT_PREEMPT;
        return true;
    case PERF_RECORD_LOST: /* id, lost */
        event->kind = PERF_LOST;
        event->lost_count = size >= 24 + SAMPLE_ID_BYTES ? get_u64(record + 16) : 0;
        return size >= 24 + SAMPLE_ID_BYTES;
    case PERF_RECORD_LOST_SAMPLES:
        event->kind = PERF_LOST;
        event->lost_count = size >= 16 + SAMPLE_ID_BYTES ? get_u64(record + 8) : 0;
        return size >= 16 + SAMPLE_ID_BYTES;
    case PERF_RECORD_THROTTLE: event->kind = PERF_THROTTLE; return true;
    default: return true;
    }
}

/*
 * Cycles to nanoseconds. Between two looks at a CPU that ran the same thread all the time, the clock and the
 * period tell how long a cycle takes. When the kernel's cycles are left out the clock says too much, so the
 * smallest ratio seen is the best; else a moving average follows the changing frequency.
 */
static uint64_t cycles_weigh(struct perf_rings *rings, struct perf_ring *ring, uint32_t tid, uint64_t period)
{
    uint64_t ran_ns = 0;
    if (ring->on_cpu_tid == tid && ring->next_ns > ring->on_cpu_ns)
        ran_ns = ring->next_ns - ring->on_cpu_ns;
    ring->on_cpu_tid = tid;
    ring->on_cpu_ns = ring->next_ns;
    if (ran_ns && period >= 10000) {
        double ratio = (double)ran_ns / (double)period;
        if (rings->ns_per_cycle <= 0)
            rings->ns_per_cycle = ratio;
        else if (!rings->user_only)
            rings->ns_per_cycle += (ratio - rings->ns_per_cycle) / 16;
        else if (ratio < rings->ns_per_cycle)
            rings->ns_per_cycle = ratio;
    }
    double weight = rings->ns_per_cycle * (double)period;
    if (weight <= 0 || weight > 1e12)
        return rings->sample_ns;
    return (uint64_t)weight;
}

/* After a switch the thread on the CPU is known; the record itself may have come before any sample. */
static void ring_note_switch(struct perf_ring *ring, const struct perf_event *event)
{
    if (event->kind == PERF_SWITCH_IN) {
        ring->on_cpu_tid = event->tid;
        ring->on_cpu_ns = ring->next_ns;
    } else if (event->kind == PERF_SWITCH_OUT) {
        ring->on_cpu_tid = 0;
    }
}

/* The record's bytes in one piece: in the ring, or copied when they wrap. */
static const uint8_t *ring_record(struct perf_rings *rings, const struct perf_ring *ring, size_t size)
{
    uint64_t start = ring->tail & (ring->size_bytes - 1);
    uint64_t first = ring->size_bytes - start;
    if (size <= first)
        return ring->data + start;
    memcpy(rings->record.bytes, ring->data + start, first);
    memcpy(rings->record.bytes + first, ring->data, size - first);
    return rings->record.bytes;
}

static void ring_release(struct perf_ring *ring)
{
    __atomic_store_n(&ring->page->data_tail, ring->tail, __ATOMIC_RELEASE);
    ring->released = ring->tail;
}

static int ring_take(struct perf_rings *rings, struct perf_ring *ring, perf_event_fn *each, void *context,
                     struct err *err)
{
    struct perf_event_header header = ring_header(ring);
    const uint8_t *record = ring_record(rings, ring, header.size);
    struct perf_event event = {0};
    uint64_t period = 0;
    bool ok;
    if (header.type == PERF_RECORD_SAMPLE) {
        event.kind = PERF_SAMPLE;
        ok = decode_sample(record, header.size, &event, &period);
        event.weight_ns = period;
        if (ok && rings->period_is_cycles)
            event.weight_ns = cycles_weigh(rings, ring, event.tid, period);
    } else {
        ok = decode_other(record, &header, &event);
        ring_note_switch(ring, &event);
    }
    int status = 0;
    if (!ok) {
        rings->counts.broken_count++;
    } else if (event.kind) {
        rings->counts.late_count += ring->next_ns < rings->last_ns;
        rings->last_ns = event.time_ns = num_max(ring->next_ns, rings->last_ns);
        rings->counts.event_count++;
        rings->counts.lost_count += event.lost_count;
        rings->counts.throttle_count += event.kind == PERF_THROTTLE;
        status = each(context, &event, err);
    }
    ring->tail += header.size;
    if (ring->tail - ring->released > ring->size_bytes / 8)
        ring_release(ring);
    return status;
}

/* The ring with the oldest record, and up to when it may be read before another one has to be looked at. */
static struct perf_ring *rings_oldest(struct perf_rings *rings, uint64_t bound_ns, uint64_t *ret_until_ns)
{
    struct perf_ring *oldest = NULL;
    uint64_t until_ns = bound_ns;
    for (size_t i = 0; i < rings->count; i++) {
        struct perf_ring *ring = &rings->items[i];
        if (!ring_peek(ring, &rings->counts) || ring->next_ns > bound_ns)
            continue;
        if (!oldest) {
            oldest = ring;
        } else if (ring->next_ns < oldest->next_ns) {
            until_ns = num_min(until_ns, oldest->next_ns);
            oldest = ring;
        } else {
            until_ns = num_min(until_ns, ring->next_ns);
        }
    }
    *ret_until_ns = until_ns;
    return oldest;
}

int perf_rings_drain(struct perf_rings *rings, uint64_t bound_ns, perf_event_fn *each, void *context,
                     struct err *err)
{
    for (size_t i = 0; i < rings->count; i++)
        rings->items[i].head = __atomic_load_n(&rings->items[i].page->data_head, __ATOMIC_ACQUIRE);
    int status = 0;
    uint64_t until_ns;
    struct perf_ring *ring;
    while (!status && (ring = rings_oldest(rings, bound_ns, &until_ns))) {
        do {
            status = ring_take(rings, ring, each, context, err);
        } while (!status && ring_peek(ring, &rings->counts) && ring->next_ns <= until_ns);
    }
    for (size_t i = 0; i < rings->count; i++)
        ring_release(&rings->items[i]);
    return status;
}
