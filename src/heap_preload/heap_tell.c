/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heap_tell: what is told of an allocation and of a free, and the choice of those that are told.
 *
 * Sampled: the distances between samples, in bytes, are exponential with the session's rate as their mean, so that where the
 * samples fall depends on nothing that the program does. The addresses of the blocks told lie in a table of small sets that
 * threads share without a lock; before it stands a filter of a byte for each hash of an address, which counts them.
 *
 * What a thread does while it ends its Python is not told: it would free all that the program never did.
 */
#include "heap_preload/internal.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#define YIELD_COUNT        64u
#define WAIT_NS            20000
#define RECORDER_SILENT_US 10000000u

static inline uint64_t since_start(void)
{
    return heap_clock() - heap_session->start;
}

/* The thread is at work for the recording from here on; what it allocates meanwhile is nothing of the program's. A handler
 * that jumped out of an event (siglongjmp) left the mark: the frame that set it is gone then. */
static inline bool enter(void)
{
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0);

    if (UNLIKELY(self.busy_frame && frame < self.busy_frame))
        return false;
    self.busy_frame = frame;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    return true;
}

static inline void leave(void)
{
    if (UNLIKELY(self.is_leaving))
        heap_lane_release();
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    self.busy_frame = 0;
}

/* Rings */

static bool room_is(const struct heap_lane *lane, unsigned words)
{
    return lane->head - __atomic_load_n(&lane->ring->tail, __ATOMIC_ACQUIRE) + words <= lane->mask + 1;
}

static bool is_silent(uint64_t since, uint64_t now)
{
    return now > since && now - since > RECORDER_SILENT_US * heap_session->ticks_per_us;
}

/* Exact: the recorder comes soon, or never again; or it reads, and not this ring, which it could not open. */
static __attribute__((noinline)) bool wait_room(const struct heap_lane *lane, unsigned words)
{
    const struct timespec pause = {.tv_nsec = WAIT_NS};
    uint64_t begin = heap_clock(), tail = __atomic_load_n(&lane->ring->tail, __ATOMIC_RELAXED);
    int error = errno;
    unsigned tries;

    if (self.is_refused) /* within this very event it was waited for before */
        return false;
    for (tries = 0; !room_is(lane, words); tries++) {
        uint64_t alive = __atomic_load_n(&heap_session->alive, __ATOMIC_RELAXED), now = heap_clock();

        if (__atomic_load_n(&heap_session->closed, __ATOMIC_RELAXED))
            return false;
        if (is_silent(alive, now)) {
            heap_stop();
            return false;
        }
        if (is_silent(begin, now) && __atomic_load_n(&lane->ring->tail, __ATOMIC_RELAXED) == tail) {
            self.lane = NULL;
            self.is_refused = true;
            return false;
        }
        if (tries < YIELD_COUNT)
            syscall(SYS_sched_yield);
        else
            syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &pause, NULL);
        errno = error;
    }
    return true;
}

bool heap_begin(struct heap_lane *lane, unsigned words, unsigned reserve)
{
    if (__builtin_expect(room_is(lane, words + (heap_is_exact ? 0 : reserve)), 1))
        return true;
    if (heap_is_exact && wait_room(lane, words))
        return true;
    __atomic_store_n(&lane->ring->lost_count, lane->ring->lost_count + 1, __ATOMIC_RELAXED);
    return false;
}

void heap_commit(struct heap_lane *lane, unsigned words)
{
    lane->head += words;
    __atomic_store_n(&lane->ring->head, lane->head, __ATOMIC_RELEASE);
}

static inline bool block_tell(struct heap_lane *lane, enum heap_event_kind kind, uint64_t address,
                              uint64_t size, uint32_t stack)
{
    if (UNLIKELY(!heap_begin(lane, 3, (unsigned)(lane->mask >> 1))))
        return false;
    heap_put(lane, 0, heap_head(kind, since_start()));
    heap_put(lane, 1, (address & HEAP_ADDRESS_MASK) | (uint64_t)stack << HEAP_ADDRESS_BITS);
    heap_put(lane, 2, (size & HEAP_ADDRESS_MASK) | (uint64_t)(stack >> 16) << HEAP_ADDRESS_BITS);
    heap_commit(lane, 3);
    return true;
}

static struct heap_lane *lane_or_lost(void)
{
    struct heap_lane *lane = heap_lane_get();

    if (UNLIKELY(!lane))
        __atomic_fetch_add(&heap_session->lost_count, 1, __ATOMIC_RELAXED);
    return lane;
}

/* Sampled: the blocks told */

static inline uint8_t *filter_of(uint64_t address)
{
    return &heap->filter[address >> 4 & (FILTER_COUNT - 1)];
}

static uint64_t *set_of(uint64_t address)
{
    uint64_t hash = (address >> 4) * 0x9e3779b97f4a7c15ull;

    return &heap->tracked[(hash >> 40 & (TRACKED_SET_COUNT - 1)) * TRACKED_WAYS];
}

static void filter_add(uint64_t address, int step)
{
    uint8_t *count = filter_of(address), old = __atomic_load_n(count, __ATOMIC_RELAXED);

    do {
        if (old == UINT8_MAX) /* too many to be counted: always looked up */
            return;
    } while (!__atomic_compare_exchange_n(count, &old, (uint8_t)(old + step), false, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
}

static bool track(uint64_t address)
{
    uint64_t *set = set_of(address);
    unsigned i;

    for (i = 0; i < TRACKED_WAYS; i++) {
        uint64_t expected = 0;

        if (__atomic_load_n(&set[i], __ATOMIC_RELAXED) == 0 &&
            __atomic_compare_exchange_n(&set[i], &expected, address, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED)) {
            filter_add(address, 1);
            return true;
        }
    }
    return false;
}

static bool untrack(uint64_t address)
{
    uint64_t *set = set_of(address);
    unsigned i;

    for (i = 0; i < TRACKED_WAYS; i++) {
        uint64_t expected = address;

        if (__atomic_load_n(&set[i], __ATOMIC_RELAXED) == address &&
            __atomic_compare_exchange_n(&set[i], &expected, 0, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
            filter_add(address, -1);
            return true;
        }
    }
    return false;
}

/* -ln of a number drawn from (0, 1), by the atanh series of the mantissa: good to a millionth. */
static double exponential(uint64_t *seed)
{
    uint64_t bits;
    double value, ratio, square;
    int exponent;

    *seed += 0x9e3779b97f4a7c15ull; /* splitmix64, S. Vigna */
    bits = *seed;
    bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9ull;
    bits = (bits ^ bits >> 27) * 0x94d049bb133111ebull;
    bits ^= bits >> 31;
    bits = bits >> 11 | 1;
    exponent = 63 - __builtin_clzll(bits);
    value = (double)bits / (double)(1ull << exponent); /* [1, 2) */
    exponent -= 53;
    if (value > 1.4142135623730951) {
        value /= 2;
        exponent++;
    }
    ratio = (value - 1) / (value + 1);
    square = ratio * ratio;
    return -(2 * ratio * (1 + square * (1. / 3 + square * (1. / 5 + square * (1. / 7 + square / 9)))) +
             exponent * 0.69314718055994531);
}

static int64_t distance(void)
{
    return 1 + (int64_t)(exponential(&self.seed) * (double)heap_session->rate_bytes);
}

/* Sampled: whether this allocation is one; the budget is used up or was put aside. */
static bool is_sample(size_t size)
{
    if (self.left_after) { /* the first allocation behind a sample */
        self.left = self.left_after - (int64_t)size;
        self.left_after = 0;
        self.last_block = 0;
    }
    return self.left <= 0;
}

static void took_sampled(uint64_t address, size_t size, struct heap_caller caller)
{
    struct heap_lane *lane;

    if (!is_sample(size))
        return;
    lane = lane_or_lost();
    self.left_after = distance();
    self.left =
        0; /* the next allocation is looked at: until then a free of this block is that of a temporary one */
    if (!lane)
        return;
    if (!track(address)) { /* its set is full */
        __atomic_store_n(&lane->ring->lost_count, lane->ring->lost_count + 1, __ATOMIC_RELAXED);
        return;
    }
    if (!block_tell(lane, HEAP_ALLOC, address, size, heap_stack(lane, caller)))
        untrack(address);
    else
        self.last_block = address;
}

static void took_exact(uint64_t address, size_t size, struct heap_caller caller)
{
    struct heap_lane *lane = lane_or_lost();

    self.left = 0;
    if (lane)
        block_tell(lane, HEAP_ALLOC, address, size, heap_stack(lane, caller));
    self.last_block = address;
}

void heap_took(const void *block, size_t size, struct heap_caller caller)
{
    bool is_first;

    if (UNLIKELY(!enter())) {
        self.left = 0;
        return;
    }
    is_first = self.nonce == 0;
    if (UNLIKELY(!heap_on())) {
        self.left = environ ? LEFT_FOREVER : 0; /* too early, or never */
    } else if (heap_python_is_ending()) {
        self.left = heap_is_exact ? 0 : distance();
        self.left_after = 0;
        self.last_block = 0;
    } else if (heap_is_exact) {
        took_exact((uint64_t)block, size, caller);
    } else {
        if (UNLIKELY(is_first)) /* of the thread: it had no budget yet */
            self.left = distance() - (int64_t)size;
        took_sampled((uint64_t)block, size, caller);
    }
    leave();
}

bool heap_gives(const void *block, enum heap_free_flag flag)
{
    uint64_t address = (uint64_t)block;
    struct heap_lane *lane;
    bool is_told = false;

    if (UNLIKELY(!enter()))
        return false;
    if (heap_on() && (heap_is_exact || untrack(address))) {
        lane = lane_or_lost();
        if (flag != HEAP_FREE_RESIZED && self.last_block == address)
            flag = HEAP_FREE_TEMPORARY;
        if (self.last_block == address)
            self.last_block = 0;
        if (lane && !heap_python_is_ending() && heap_begin(lane, 2, 0)) {
            heap_put(lane, 0, heap_head(HEAP_FREE, since_start()));
            heap_put(lane, 1, (address & HEAP_ADDRESS_MASK) | (uint64_t)flag << HEAP_ADDRESS_BITS);
            heap_commit(lane, 2);
            is_told = true;
        }
    }
    leave();
    return is_told;
}

void heap_mapped(enum heap_event_kind kind, const void *address, size_t bytes, struct heap_caller caller)
{
    struct heap_lane *lane;

    if (!enter())
        return;
    lane = heap_on() && !heap_python_is_ending() ? lane_or_lost() : NULL;
    if (lane)
        block_tell(lane, kind, (uint64_t)address, bytes, heap_stack(lane, caller));
    leave();
}

void heap_unmapped(const void *address, size_t bytes)
{
    struct heap_lane *lane;

    if (!enter())
        return;
    lane = heap_on() && !heap_python_is_ending() ? lane_or_lost() : NULL;
    __atomic_fetch_add(&heap->unmap_count, 1, __ATOMIC_RELAXED);
    if (lane && heap_begin(lane, 3, 0)) {
        heap_put(lane, 0, heap_head(HEAP_UNMAPPED, since_start()));
        heap_put(lane, 1, (uint64_t)address);
        heap_put(lane, 2, bytes);
        heap_commit(lane, 3);
    }
    leave();
}
