/* SPDX-License-Identifier: Apache-2.0 */
#include "rings/call_events.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"

uint64_t call_events_time(const struct call_events *events, uint64_t raw)
{
    uint64_t time_ns = span_clock_ns(events->clock, raw);

    return num_min(num_max(time_ns, events->start_ns), events->now_ns);
}

static uint64_t ticks_to_ns(const struct call_events *events, uint64_t ticks)
{
    return ticks / span_clock_ticks_per_us(events->clock) * 1000 +
           ticks % span_clock_ticks_per_us(events->clock) * 1000 / span_clock_ticks_per_us(events->clock);
}

bool call_ring_is_valid(const struct call_events *events, const struct call_ring *ring, uint32_t pid,
                        uint64_t nonce)
{
    return ring->magic == CALL_RING_MAGIC && ring->version == CALLS_VERSION && ring->pid == pid &&
           ring->nonce == nonce && ring->word_count == events->word_count;
}

struct call_lane *call_lane_create(uint32_t pid, uint64_t nonce, int fd, const struct call_ring *file)
{
    struct call_lane *lane = calloc(1, sizeof *lane);

    if (!lane)
        return NULL;
    lane->pid = pid;
    lane->nonce = nonce;
    lane->fd = fd;
    lane->tail = lane->head = lane->stacks_tail = file->start;
    return lane;
}

void call_lane_destroy(struct call_lane *lane)
{
    if (!lane)
        return;
    if (lane->fd >= 0)
        close(lane->fd);
    map_free(&lane->peers);
    free(lane);
}

static bool head_read(const struct call_lane *lane, struct call_ring *ret_file)
{
    return pread(lane->fd, ret_file, sizeof *ret_file, 0) == (ssize_t)sizeof *ret_file;
}

uint64_t call_lane_look(const struct call_events *events, struct call_lane *lane)
{
    struct call_ring file;

    lane->head = lane->tail;
    if (head_read(lane, &file) && file.head - lane->tail <= events->word_count)
        lane->head = file.head;
    return lane->head - lane->tail;
}

/* Copies the words from index `from` on out of the ring. */
static bool words_read(const struct call_events *events, const struct call_lane *lane, uint64_t from,
                       uint64_t count)
{
    size_t first = (size_t)(from & (events->word_count - 1));
    size_t straight = (size_t)num_min(count, events->word_count - first), rest = (size_t)count - straight;

    return pread(lane->fd, events->words, straight * 8, (off_t)(CALL_WORDS_OFFSET + first * 8)) ==
               (ssize_t)(straight * 8) &&
           (!rest || pread(lane->fd, events->words + straight, rest * 8, (off_t)CALL_WORDS_OFFSET) ==
                         (ssize_t)(rest * 8));
}

static int ring_tell(struct call_events *events, struct call_lane *lane, uint64_t from, uint64_t to,
                     bool is_stacks, const struct call_host *host, struct err *err)
{
    if (from == to)
        return 0;
    if (!words_read(events, lane, from, to - from)) { /* cut short by its program */
        events->totals.broken_count++;
        return 0;
    }
    return call_events_tell(events, lane, events->words, (size_t)(to - from), is_stacks, host, err);
}

int call_lane_stacks(struct call_events *events, struct call_lane *lane, const struct call_host *host,
                     struct err *err)
{
    struct call_ring file;

    if (!head_read(lane, &file) || file.head - lane->stacks_tail > events->word_count ||
        file.head - lane->tail > events->word_count)
        return 0;
    if (file.lost_count > lane->lost_count)
        events->totals.lost_count += file.lost_count - lane->lost_count;
    lane->lost_count = num_max(file.lost_count, lane->lost_count);
    uint64_t from = lane->stacks_tail;
    lane->stacks_tail = file.head;
    return ring_tell(events, lane, from, file.head, true, host, err);
}

int call_lane_events(struct call_events *events, struct call_lane *lane, const struct call_host *host,
                     struct err *err)
{
    uint64_t from = lane->tail;

    if (lane->head == lane->tail)
        return 0;
    lane->tail = lane->head;
    int status = ring_tell(events, lane, from, lane->head, false, host, err);
    if (pwrite(lane->fd, &lane->tail, sizeof lane->tail, offsetof(struct call_ring, tail)) < 0)
        events->totals.broken_count++; /* the ring stays full, which its program counts */
    return status;
}

bool call_lane_now(const struct call_events *events, const struct call_lane *lane, struct call_now *ret_now)
{
    struct call_ring file, after;

    /* A call's event is written before the next call begins: the head, read after that, says whether it was told. */
    if (!head_read(lane, &file) || !head_read(lane, &after) || after.head != lane->tail)
        return false;
    *ret_now = (struct call_now){.call = CALL_NONE};
    if (!file.now_start || file.now_call >> CALL_VALUE_BITS >= CALL_KIND_COUNT)
        return true;
    ret_now->start_ns = call_events_time(events, file.now_start);
    ret_now->call = (enum call_kind)(file.now_call >> CALL_VALUE_BITS);
    ret_now->value = file.now_call & CALL_VALUE_MASK;
    return true;
}

/* Counters */

static void histogram_since(struct histogram *ret_histogram, const uint32_t *now, const uint32_t *before,
                            unsigned shift_bits)
{
    for (unsigned i = 0; i < CALL_IO_BUCKETS; i++) {
        uint32_t count = now[i] - before[i]; /* they may wrap */
        unsigned place = i >= shift_bits ? i - shift_bits : 0;
        if (count)
            ret_histogram->count[place] += count;
    }
}

/* Ticks to nanoseconds by the nearest power of two. */
static unsigned latency_shift(const struct call_events *events)
{
    uint64_t ticks_per_us = span_clock_ticks_per_us(events->clock);
    unsigned shift = 0;

    while (ticks_per_us >= 1448u << shift) /* 1024 * sqrt(2) */
        shift++;
    return shift;
}

static int io_tell(struct call_events *events, struct call_lane *lane, unsigned slot,
                   const struct call_io *io, const struct call_host *host, struct err *err)
{
    struct call_io_seen *seen = &lane->seen[slot];
    struct call_told told = {
        .kind = CALL_TOLD_IO, .pid = lane->pid, .tid = lane->tid, .time_ns = events->now_ns};

    if (io->generation != seen->io.generation)
        seen->io = (struct call_io){.generation = io->generation};
    if (io->count <= seen->io.count)
        return 0;
    const uint64_t *peer = map_get(&lane->peers, io->peer);
    told.peer = peer ? *peer : 0;
    told.io.operation = io->operation;
    told.io.start_ns = num_max(seen->time_ns, events->start_ns);
    told.io.count = io->count - seen->io.count;
    told.io.bytes = io->bytes - seen->io.bytes;
    told.io.time_ns = ticks_to_ns(events, io->ticks - seen->io.ticks);
    histogram_since(&told.io.sizes, io->size_count, seen->io.size_count, 0);
    histogram_since(&told.io.latencies, io->latency_count, seen->io.latency_count, latency_shift(events));
    seen->io = *io;
    seen->time_ns = events->now_ns;
    if (!told.peer || !lane->tid || io->operation == CALL_IO_NONE || io->operation >= CALL_IO_OPERATION_COUNT)
        return 0;
    return host->told(host->context, &told, err);
}

int call_lane_counters(struct call_events *events, struct call_lane *lane, const struct call_host *host,
                       struct err *err)
{
    struct call_io slots[CALL_IO_SLOT_COUNT];
    int status = 0;

    if (pread(lane->fd, slots, sizeof slots, CALL_IO_OFFSET) != (ssize_t)sizeof slots)
        return 0;
    for (unsigned i = 0; i < CALL_IO_SLOT_COUNT && !status; i++)
        if (slots[i].generation && !(slots[i].generation & 1))
            status = io_tell(events, lane, i, &slots[i], host, err);
    return status;
}

/* Events */

struct reader {
    struct call_events *events;
    struct call_lane *lane;
    const struct call_host *host;
    struct err *err;
};

/* Times within a ring only go on. */
static uint64_t time_of(const struct reader *reader, uint64_t raw)
{
    uint64_t time_ns = num_max(call_events_time(reader->events, raw), reader->lane->last_ns);

    reader->lane->last_ns = time_ns;
    return time_ns;
}

static int tell(const struct reader *reader, struct call_told *told)
{
    told->pid = reader->lane->pid;
    told->tid = reader->lane->tid;
    return reader->host->told(reader->host->context, told, reader->err);
}

static int broken(const struct reader *reader)
{
    reader->events->totals.broken_count++;
    return 0;
}

static int on_attach(const struct reader *reader, const uint64_t *words)
{
    struct call_told told = {.kind = CALL_TOLD_ATTACH, .cpu_ns = words[2]};
    uint32_t tid = call_event_argument(words[0]);

    if (!tid)
        return broken(reader);
    reader->lane->tid = tid;
    told.time_ns = time_of(reader, words[1]);
    return tell(reader, &told);
}

static int on_detach(const struct reader *reader, const uint64_t *words)
{
    struct call_told told = {.kind = CALL_TOLD_DETACH, .cpu_ns = words[2]};
    int status;

    if (!reader->lane->tid)
        return broken(reader);
    status = call_lane_counters(reader->events, reader->lane, reader->host, reader->err);
    told.time_ns = time_of(reader, words[1]);
    if (!status)
        status = tell(reader, &told);
    reader->lane->tid = 0;
    return status;
}

static int on_wait(const struct reader *reader, const uint64_t *words)
{
    const struct call_events *events = reader->events;
    struct call_told told = {.kind = CALL_TOLD_WAIT,
                             .call = (enum call_kind)call_event_extra(words[0]),
                             .cpu_ns = words[CALL_WAIT_CPU],
                             .busy_ns = words[CALL_WAIT_BUSY],
                             .value = words[CALL_WAIT_VALUE],
                             .stack = words[CALL_WAIT_STACK],
                             .waker_pid = (uint32_t)(words[CALL_WAIT_WAKER] >> 32),
                             .waker_tid = (uint32_t)words[CALL_WAIT_WAKER],
                             .waker_stack = words[CALL_WAIT_WAKER_STACK]};
    const uint64_t *peer = map_get(&reader->lane->peers, call_event_argument(words[0]));

    if (!reader->lane->tid || call_event_extra(words[0]) == CALL_NONE ||
        call_event_extra(words[0]) >= CALL_KIND_COUNT)
        return broken(reader);
    told.peer = peer ? *peer : 0;
    told.start_ns = call_events_time(events, words[CALL_WAIT_START]);
    told.time_ns = time_of(reader, words[CALL_WAIT_END]);
    told.start_ns = num_min(told.start_ns, told.time_ns);
    if (words[CALL_WAIT_WAKER_TIME])
        told.waker_ns = num_min(call_events_time(events, words[CALL_WAIT_WAKER_TIME]), told.time_ns);
    told.busy_ns = num_min(told.busy_ns, told.time_ns - told.start_ns);
    return tell(reader, &told);
}

static int on_sample(const struct reader *reader, const uint64_t *words)
{
    struct call_told told = {.kind = CALL_TOLD_SAMPLE, .stack = words[2]};

    if (!reader->lane->tid)
        return broken(reader);
    told.weight_ns = num_max(call_event_argument(words[0]), 1) * reader->events->sample_ns;
    told.own_ns = num_min(call_event_extra(words[0]) * reader->events->sample_ns, told.weight_ns);
    told.time_ns = num_min(call_events_time(reader->events, words[1]), reader->events->now_ns);
    return tell(reader, &told);
}

static int on_peer(const struct reader *reader, const uint64_t *words, unsigned count)
{
    char path[CALL_PATH_BYTES_MAX + 1];
    const char *text = (const char *)(words + CALL_PEER_WORDS);
    uint64_t sizes = words[CALL_PEER_SIZES], id;
    size_t available = (size_t)(count - CALL_PEER_WORDS) * 8;
    size_t local = sizes & 0xffff, remote = sizes >> 16 & 0xffff, length = sizes >> 32 & 0xffff;
    struct call_peer peer = {.mode = (uint32_t)words[CALL_PEER_TYPE],
                             .is_listening = words[CALL_PEER_TYPE] >> 32 & CALL_PEER_LISTENS,
                             .inode = words[CALL_PEER_INODE],
                             .device = words[CALL_PEER_DEVICE],
                             .local = text,
                             .local_size = local,
                             .remote = text + local,
                             .remote_size = remote,
                             .path = path};

    if (local > CALL_ADDRESS_BYTES_MAX || remote > CALL_ADDRESS_BYTES_MAX || length > CALL_PATH_BYTES_MAX ||
        local + remote + length > available)
        return broken(reader);
    memcpy(path, text + local + remote, length);
    path[length] = '\0';
    if (reader->lane->peers.count >= CALL_PEER_COUNT_MAX)
        map_free(&reader->lane->peers);
    id = reader->host->peer(reader->host->context, reader->lane->pid, &peer);
    if (id && map_put(&reader->lane->peers, call_event_argument(words[0]), id))
        return err_memory(reader->err);
    return 0;
}

static int on_io(const struct reader *reader, const uint64_t *words)
{
    unsigned slot = call_event_extra(words[0]);
    struct call_io io;

    memcpy(&io, words + 1, sizeof io);
    if (slot >= CALL_IO_SLOT_COUNT || io.peer != call_event_argument(words[0]))
        return broken(reader);
    return io_tell(reader->events, reader->lane, slot, &io, reader->host, reader->err);
}

static int on_stack(const struct reader *reader, const uint64_t *words, unsigned count)
{
    struct call_told told = {.kind = CALL_TOLD_STACK,
                             .stack = words[1],
                             .addresses = words + 2,
                             .address_count = call_event_argument(words[0]),
                             .time_ns = reader->events->now_ns};

    unsigned copy = call_event_copy_words(words[0]);
    size_t own = 2 + told.address_count + (copy ? CALL_REGISTER_COUNT : 0);

    if (told.address_count > CALL_STACK_DEPTH_MAX || own + copy > count || !told.stack)
        return broken(reader);
    told.copy.word_count = copy;
    if (copy) {
        memcpy(told.copy.registers, told.addresses + told.address_count, sizeof told.copy.registers);
        told.copy.words = words + count - copy;
    }
    return tell(reader, &told);
}

static int on_map(const struct reader *reader, const uint64_t *words, unsigned count)
{
    char path[CALL_PATH_BYTES_MAX + 1];
    size_t length = call_event_extra(words[0]);
    struct call_told told = {.kind = CALL_TOLD_MAP,
                             .time_ns = reader->events->now_ns,
                             .map = {.address = words[1],
                                     .length_bytes = words[2],
                                     .offset_bytes = words[3],
                                     .device = words[4],
                                     .inode = words[5],
                                     .path = path}};

    if (length > (size_t)(count - 6) * 8 || length > CALL_PATH_BYTES_MAX || !words[2] ||
        words[1] + words[2] < words[1])
        return broken(reader);
    memcpy(path, words + 6, length);
    path[length] = '\0';
    return tell(reader, &told);
}

static int on_event(const struct reader *reader, const uint64_t *words, unsigned count, bool is_stacks)
{
    unsigned kind = call_event_kind(words[0]);

    if ((kind == CALL_STACK || kind == CALL_MAP) != is_stacks)
        return 0;
    if (!is_stacks)
        reader->events->totals.event_count++;
    switch (kind) {
    case CALL_ATTACH: return on_attach(reader, words);
    case CALL_DETACH: return on_detach(reader, words);
    case CALL_WAIT: return on_wait(reader, words);
    case CALL_STACK: return on_stack(reader, words, count);
    case CALL_PEER: return on_peer(reader, words, count);
    case CALL_MAP: return on_map(reader, words, count);
    case CALL_SAMPLE: return on_sample(reader, words);
    case CALL_IO: return on_io(reader, words);
    default: return 0;
    }
}

static bool is_sound(uint64_t head)
{
    unsigned own = call_event_own_words(head), least = call_event_words_min(call_event_kind(head));

    return least && own >= least && own <= CALL_EVENT_WORDS_MAX &&
           call_event_copy_words(head) <= CALL_COPY_WORDS_MAX;
}

int call_events_tell(struct call_events *events, struct call_lane *lane, const uint64_t *words, size_t count,
                     bool is_stacks, const struct call_host *host, struct err *err)
{
    const struct reader reader = {.events = events, .lane = lane, .host = host, .err = err};
    size_t at = 0;
    int status = 0;

    while (at < count && !status) {
        unsigned size = call_event_words(words[at]);

        if (!is_sound(words[at]) || size > count - at) {
            events->totals.broken_count += !is_stacks;
            at++;
            continue;
        }
        status = on_event(&reader, words + at, size, is_stacks);
        at += size;
    }
    return status;
}
