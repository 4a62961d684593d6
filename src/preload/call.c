/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call: one call of a hooked function, from its begin to what is told of it.
 *
 * What a call changes for others is published before it is made (data written, descriptors closed), what it makes
 * room for afterwards. A call shorter than its limit is counted, no more: it did not wait. Nor did a longer one during
 * which the thread never left its CPU of its own will: that it worked, or was held up, its CPU clock tells.
 */
#include "preload/internal.h"

#define SHORT_US      3u  /* shorter calls did not wait */
#define SHORT_FILE_US 20u /* where the work itself takes as long: files, mappings */
#define SIZE_BUSY     65536u
#define LATE_US       10000u /* a publication so long before the wait ended something else */
#define ATTACH_COUNT  32u /* calls of a thread that waits for nothing, until it has a ring for its counters */

struct rule {
    bool may_wait; /* and its thread gets a ring before */
    bool has_descriptor;
    uint8_t operation;
    uint8_t short_us;
};

static const struct rule rules[CALL_KIND_COUNT] = {
    [CALL_READ] = {true, true, CALL_IO_READ, SHORT_FILE_US},
    [CALL_WRITE] = {true, true, CALL_IO_WRITE, SHORT_FILE_US},
    [CALL_SYNC] = {true, true, CALL_IO_SYNC, SHORT_US},
    [CALL_SYNC_ALL] = {true, false, CALL_IO_NONE, SHORT_US},
    [CALL_CONNECT] = {true, true, CALL_IO_CONNECT, SHORT_US},
    [CALL_ACCEPT] = {true, true, CALL_IO_NONE, SHORT_US},
    [CALL_POLL] = {true, true, CALL_IO_NONE, SHORT_US},
    [CALL_POLL_NONE] = {true, false, CALL_IO_NONE, SHORT_US},
    [CALL_SLEEP] = {true, false, CALL_IO_NONE, SHORT_US},
    [CALL_SIGNAL] = {true, false, CALL_IO_NONE, SHORT_US},
    [CALL_CHILD] = {true, false, CALL_IO_NONE, SHORT_US},
    [CALL_LOCK] = {true, false, CALL_IO_NONE, SHORT_US},
    [CALL_CONDITION] = {true, false, CALL_IO_NONE, SHORT_US},
    [CALL_JOIN] = {true, false, CALL_IO_NONE, SHORT_US},
    [CALL_FILE_LOCK] = {true, true, CALL_IO_NONE, SHORT_US},
    [CALL_IPC] = {true, false, CALL_IO_NONE, SHORT_US},
    [CALL_DNS] = {true, false, CALL_IO_NONE, SHORT_FILE_US},
    [CALL_OPEN] = {false, false, CALL_IO_NONE, SHORT_FILE_US},
    [CALL_CLOSE] = {false, false, CALL_IO_NONE, SHORT_FILE_US},
    [CALL_MEMORY] = {false, false, CALL_IO_NONE, SHORT_FILE_US},
    [CALL_CONDITION_LATE] = {true, false, CALL_IO_NONE, SHORT_US},
};

bool call_is_inner(const void *frame)
{
    if (!self.outer_frame)
        return false;
    if ((uint64_t)frame < self.outer_frame)
        return true;
    self.outer_frame = 0; /* the outer one was left by a jump */
    return false;
}

static bool is_endpoint(const struct call *call)
{
    return call->entry &&
           (call->entry->type == FD_PIPE || call->entry->type == FD_SOCKET || call->entry->type == FD_OTHER);
}

/* Whether it may take long, so that the ring should be there to say so while it lasts. */
static bool may_wait(const struct call *call)
{
    if (call->kind == CALL_READ || call->kind == CALL_WRITE)
        return call->entry && call->entry->type != FD_FILE;
    if (call->kind == CALL_POLL)
        return call->size != 0; /* its timeout */
    return rules[call->kind].may_wait;
}

static void publish_before(const struct call *call)
{
    if (!is_endpoint(call))
        return;
    if (call->kind == CALL_WRITE || call->kind == CALL_CLOSE)
        waker_publish_at(call->entry->out_key, call->start, 0);
    if (call->kind == CALL_CLOSE)
        waker_publish_at(call->entry->in_key ^ FD_ROOM_KEY, call->start, 0);
}

void call_begin(struct call *call)
{
    if (call->fd >= 0)
        call->entry = fd_find(call->fd);
    call->lane = self.lane;
    if (__builtin_expect(!call->lane, 0) && may_wait(call))
        call->lane = lane_get();
    if (call->size >= SIZE_BUSY)
        call->busy_start = calls_cpu();
    call->start = calls_clock();
    publish_before(call);
    if (call->lane) {
        call->lane->ring->now_call =
            (uint64_t)call->kind << CALL_VALUE_BITS | (call->value & CALL_VALUE_MASK);
        call->lane->ring->now_start = call->start;
    }
}

/* Counters */

static unsigned bucket(uint64_t value)
{
    unsigned found = value ? 63 - (unsigned)__builtin_clzll(value) : 0;

    return found < CALL_IO_BUCKETS ? found : CALL_IO_BUCKETS - 1;
}

static bool io_take(struct lane *lane, struct call_io *io, unsigned index, const struct call *call,
                    unsigned operation)
{
    const unsigned words = 1 + sizeof *io / 8;
    uint32_t peer;

    if (io->generation) {
        if (!lane_begin(lane, words))
            return false;
        lane_put(lane, 0, call_head(CALL_IO, words, index, io->peer));
        lane_put_bytes(lane, 1, io, sizeof *io);
        lane_commit(lane, words);
    }
    peer = fd_tell(lane, call->fd, false);
    if (!peer)
        return false;
    __atomic_store_n(&io->generation, io->generation + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    __builtin_memset((char *)io + sizeof io->generation, 0, sizeof *io - sizeof io->generation);
    io->peer = peer;
    io->operation = operation;
    __atomic_store_n(&io->generation, io->generation + 1, __ATOMIC_RELEASE);
    return true;
}

static void io_count(const struct call *call, int64_t result, uint64_t ticks)
{
    unsigned operation = rules[call->kind].operation, index;
    struct call_io *io;

    if (!operation || !call->entry || result < 0)
        return;
    index = (call->entry->serial * 3 + operation) & (CALL_IO_SLOT_COUNT - 1);
    io = &call->lane->io[index];
    if ((io->peer != call->entry->serial || io->operation != operation) &&
        !io_take(call->lane, io, index, call, operation))
        return;
    io->count++;
    io->ticks += ticks;
    io->latency_count[bucket(ticks)]++;
    if (operation > CALL_IO_WRITE)
        return;
    io->bytes += (uint64_t)result;
    io->size_count[bucket((uint64_t)result)]++;
}

/* Waits */

static uint64_t key_waited(const struct call *call)
{
    if (call->kind == CALL_READ || call->kind == CALL_POLL)
        return is_endpoint(call) ? call->entry->in_key : 0;
    if (call->kind == CALL_WRITE)
        return is_endpoint(call) ? call->entry->out_key ^ FD_ROOM_KEY : 0;
    return call->kind == CALL_ACCEPT && call->entry ? call->entry->in_key : 0;
}

/* Whether the thread blocked since it was asked last. */
static bool has_blocked(void)
{
    struct rusage usage;
    uint64_t before = self.switch_count;

    if (getrusage(RUSAGE_THREAD, &usage) != 0)
        return true;
    self.switch_count = (uint64_t)usage.ru_nvcsw;
    return self.switch_count != before;
}

static void call_tell(const struct call *call, uint64_t end, const struct waker_seen *given)
{
    struct lane *lane = call->lane ? call->lane : lane_get();
    struct waker_seen seen = {0};
    uint64_t cpu, key = given ? 0 : key_waited(call), stack;
    uint32_t peer = 0;

    if (__atomic_load_n(&calls_session->closed, __ATOMIC_RELAXED))
        calls_stop();
    if (!has_blocked() || !lane || !calls->is_on)
        return;
    if (given)
        seen = *given;
    else if (key && (!waker_find(key, &seen) || seen.time > end ||
                     seen.time + calls_ticks_of_us(LATE_US) < call->start))
        seen = (struct waker_seen){0};
    cpu = calls_cpu();
    if (call->fd >= 0 && rules[call->kind].has_descriptor)
        peer = fd_tell(lane, call->fd, true);
    else if (call->kind == CALL_OPEN)
        peer = fd_tell_path(lane, (const char *)call->value);
    else if (call->kind == CALL_CLOSE && call->entry)
        peer = call->entry->serial;
    stack = stack_tell(lane, call->caller, call->frame);
    if (!lane_begin(lane, CALL_WAIT_WORDS))
        return;
    lane_put(lane, 0, call_head(CALL_WAIT, CALL_WAIT_WORDS, call->kind, peer));
    lane_put(lane, CALL_WAIT_START, call->start);
    lane_put(lane, CALL_WAIT_END, end);
    lane_put(lane, CALL_WAIT_CPU, cpu);
    lane_put(lane, CALL_WAIT_BUSY, call->busy_start ? cpu - call->busy_start : 0);
    lane_put(lane, CALL_WAIT_VALUE, call->value);
    lane_put(lane, CALL_WAIT_STACK, stack);
    lane_put(lane, CALL_WAIT_WAKER, seen.who);
    lane_put(lane, CALL_WAIT_WAKER_TIME, seen.time);
    lane_put(lane, CALL_WAIT_WAKER_STACK, seen.stack);
    lane_commit(lane, CALL_WAIT_WORDS);
}

static unsigned short_us(const struct call *call)
{
    if ((call->kind == CALL_READ || call->kind == CALL_WRITE) && is_endpoint(call))
        return SHORT_US;
    return rules[call->kind].short_us;
}

void call_end_waker(struct call *call, const struct waker_seen *seen)
{
    uint64_t end = calls_clock();
    int error = errno;

    if (call->lane)
        call->lane->ring->now_start = 0;
    if (end - call->start > calls_ticks_of_us(short_us(call)))
        call_tell(call, end, seen);
    errno = error;
}

void call_end(struct call *call, int64_t result)
{
    uint64_t end = calls_clock(), ticks = end - call->start;
    int error = errno;

    if (__builtin_expect(call->lane != NULL, 1)) {
        call->lane->ring->now_start = 0;
        io_count(call, result, ticks);
    } else if (call->entry && ++self.call_count == ATTACH_COUNT) {
        lane_get();
    }
    if (call->kind == CALL_READ && result > 0 && is_endpoint(call))
        waker_publish_at(call->entry->in_key ^ FD_ROOM_KEY, end, 0);
    if (__builtin_expect(ticks > calls_ticks_of_us(short_us(call)), 0))
        call_tell(call, end, NULL);
    errno = error;
}
