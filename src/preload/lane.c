/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lane: a thread's ring: had at its first wait that is worth telling, given to another thread when it ends.
 *
 * An event is written by the thread alone; a signal handler that comes in between finds is_busy and writes nothing.
 * A handler that jumped out of an event (siglongjmp) left is_busy behind: the frame that set it is gone then.
 */
#include "preload/internal.h"

#include <string.h>
#include <sys/syscall.h>

#define RECORDER_SILENT_US 3000000u

static struct lane *lane_take_released(void)
{
    uint32_t i, count = __atomic_load_n(&calls->lane_count, __ATOMIC_RELAXED);

    for (i = 0; i < count && i < LANE_COUNT_MAX; i++) {
        uint32_t expected = LANE_RELEASED;

        if (__atomic_load_n(&calls->lanes[i].state, __ATOMIC_RELAXED) == LANE_RELEASED &&
            __atomic_compare_exchange_n(&calls->lanes[i].state, &expected, LANE_HELD, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED))
            return &calls->lanes[i];
    }
    return NULL;
}

static struct lane *lane_make(void)
{
    uint32_t number = __atomic_fetch_add(&calls->lane_count, 1, __ATOMIC_RELAXED);
    struct call_ring *ring;
    struct lane *lane;
    void *memos;

    if (number >= LANE_COUNT_MAX) {
        __atomic_store_n(&calls->lane_count, LANE_COUNT_MAX, __ATOMIC_RELAXED);
        return NULL;
    }
    ring = calls_file_make(number);
    if (!ring)
        return NULL;
    ring->version = CALLS_VERSION;
    ring->pid = calls->pid;
    ring->nonce = calls->nonce;
    ring->word_count = (uint32_t)calls_session->word_count;
    memos = REAL(mmap)(NULL, sizeof *lane->memos, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memos == MAP_FAILED)
        return NULL;
    lane = &calls->lanes[number];
    lane->memos = memos;
    lane->ring = ring;
    lane->io = (struct call_io *)((char *)ring + CALL_IO_OFFSET);
    lane->words = (uint64_t *)((char *)ring + CALL_WORDS_OFFSET);
    lane->head = 0;
    lane->mask = calls_session->word_count - 1;
    __atomic_store_n(&ring->magic, CALL_RING_MAGIC, __ATOMIC_RELEASE);
    calls_news(CALL_NEWS_RING, self.tid, number, calls->nonce, NULL);
    __atomic_store_n(&lane->state, LANE_HELD, __ATOMIC_RELEASE);
    return lane;
}

/* What holds at the start of each thread on it. */
static void lane_attach(struct lane *lane)
{
    lane->tid = calls_tid();
    lane->is_busy = lane->lost_count = lane->missed_count = 0;
    memset(lane->told, 0, sizeof lane->told);
    if (!lane_begin(lane, 3))
        return;
    lane_put(lane, 0, call_head(CALL_ATTACH, 3, 0, lane->tid));
    lane_put(lane, 1, calls_clock());
    lane_put(lane, 2, calls_cpu());
    lane_commit(lane, 3);
}

struct lane *lane_get(void)
{
    struct calls_guard guard;
    struct lane *lane = self.lane;

    if (lane || self.is_refused)
        return lane;
    calls_guard_enter(&guard);
    lane = lane_take_released();
    if (!lane)
        lane = lane_make();
    if (lane)
        lane_attach(lane);
    self.lane = lane;
    self.is_refused = lane == NULL;
    calls_guard_leave(&guard);
    return lane;
}

void lane_release(void)
{
    struct lane *lane = self.lane;

    if (!lane)
        return;
    lane->ring->now_start = 0;
    if (lane_begin(lane, 3)) {
        lane_put(lane, 0, call_head(CALL_DETACH, 3, 0, 0));
        lane_put(lane, 1, calls_clock());
        lane_put(lane, 2, calls_cpu());
        lane_commit(lane, 3);
    }
    self.lane = NULL;
    __atomic_store_n(&lane->state, LANE_RELEASED, __ATOMIC_RELEASE);
}

/* A ring stays full when the recorder was killed: then nothing more is worth its cost. */
static void lane_full(struct lane *lane)
{
    uint64_t alive = __atomic_load_n(&calls_session->alive, __ATOMIC_RELAXED);

    lane->lost_count++;
    __atomic_store_n(&lane->ring->lost_count, lane->ring->lost_count + 1, __ATOMIC_RELAXED);
    if (calls_clock() - alive > calls_ticks_of_us(RECORDER_SILENT_US))
        calls_stop();
}

bool lane_begin(struct lane *lane, unsigned words)
{
    uint64_t frame = (uint64_t)__builtin_frame_address(0);

    if (lane->is_busy && frame < lane->busy_frame) {
        lane->lost_count++;
        return false;
    }
    lane->is_busy = 1;
    lane->busy_frame = frame;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (lane_has_room(lane, words))
        return true;
    lane->is_busy = 0;
    lane_full(lane);
    return false;
}

void lane_commit(struct lane *lane, unsigned words)
{
    lane->head += words;
    __atomic_store_n(&lane->ring->head, lane->head, __ATOMIC_RELEASE);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    lane->is_busy = 0;
}

void lane_put_bytes(struct lane *lane, unsigned index, const void *bytes, unsigned size)
{
    unsigned at;

    for (at = 0; at < size; at += 8) {
        uint64_t word = 0;

        memcpy(&word, (const char *)bytes + at, size - at < 8 ? size - at : 8);
        lane_put(lane, index++, word);
    }
}
