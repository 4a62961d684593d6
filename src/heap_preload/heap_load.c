/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heap_load: from TOLL_SESSION to a process that records; forks, threads, their rings.
 *
 * The process's own state lies on pages that a fork wipes: a child finds itself off, forgets its parent's rings and starts
 * again at its first allocation. A child made by vfork shares the state with its parent, who sleeps meanwhile. An image with
 * a sanitizer's allocator is left alone: that one keeps its own books of every block.
 */
#include "heap_preload/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest/guest_file.h"
#include "guest/guest_text.h"

static struct heap_process off;
static uint8_t filter_off[FILTER_COUNT];
struct heap_process *heap = &off;
uint8_t *heap_filter = filter_off;
struct heap_session *heap_session;
bool heap_is_tsc, heap_is_exact;
__thread struct heap_self self __attribute__((tls_model("initial-exec")));

static char folder[WIRE_PATH_BYTES_MAX];
static pthread_key_t end_key;
static bool has_key, is_tried;

/* One of these is there in a program that was built with that sanitizer. */
extern void __asan_init(void) __attribute__((weak));
extern void __tsan_init(void) __attribute__((weak));
extern void __msan_init(void) __attribute__((weak));

static void *map(size_t bytes, int flags, int fd)
{
    return heap_real.mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
}

/* Rings */

static struct heap_ring *ring_make(uint32_t number)
{
    char path[WIRE_PATH_BYTES_MAX + GUEST_NAME_BYTES];

    if (!heap)
        return NULL;
    guest_put_number(guest_put_text(guest_put_process(path, folder, "heap", heap->pid, heap->nonce), "-"),
                     number, 10);
    return guest_file_make(path, heap_ring_bytes(heap_session->word_count), heap_real.mmap);
}

static struct heap_lane *lane_take_released(void)
{
    uint32_t i, count = __atomic_load_n(&heap->lane_count, __ATOMIC_RELAXED);

    for (i = 0; i < count && i < LANE_COUNT_MAX; i++) {
        uint32_t expected = LANE_RELEASED;

        if (__atomic_load_n(&heap->lanes[i].state, __ATOMIC_RELAXED) == LANE_RELEASED &&
            __atomic_compare_exchange_n(&heap->lanes[i].state, &expected, LANE_HELD, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED))
            return &heap->lanes[i];
    }
    return NULL;
}

static struct heap_lane *lane_make(void)
{
    uint32_t number = __atomic_fetch_add(&heap->lane_count, 1, __ATOMIC_RELAXED);
    struct heap_ring *ring;
    struct heap_lane *lane;
    void *memos;

    if (number >= LANE_COUNT_MAX) {
        __atomic_store_n(&heap->lane_count, LANE_COUNT_MAX, __ATOMIC_RELAXED);
        return NULL;
    }
    ring = ring_make(number);
    if (!ring)
        return NULL;
    ring->version = HEAP_VERSION;
    ring->pid = heap->pid;
    ring->nonce = heap->nonce;
    ring->word_count = heap_session->word_count;
    __atomic_store_n(&ring->magic, HEAP_RING_MAGIC, __ATOMIC_RELEASE);
    memos = map(sizeof *lane->memos, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (memos == MAP_FAILED)
        return NULL;
    lane = &heap->lanes[number];
    lane->memos = memos;
    lane->python = NULL;
    if (heap_python_is_here) {
        void *python = map(sizeof *lane->python, MAP_PRIVATE | MAP_ANONYMOUS, -1);
        lane->python = python == MAP_FAILED ? NULL : python;
    }
    lane->number = number;
    lane->ring = ring;
    lane->words = (uint64_t *)((char *)ring + HEAP_WORDS_OFFSET);
    lane->head = 0;
    lane->mask = heap_session->word_count - 1;
    __atomic_fetch_add(&heap_session->ring_count, 1, __ATOMIC_RELEASE);
    __atomic_store_n(&lane->state, LANE_HELD, __ATOMIC_RELEASE);
    return lane;
}

struct heap_lane *heap_lane_make(void)
{
    int error = errno;
    sigset_t all, before;
    struct heap_lane *lane;

    if (self.is_refused)
        return NULL;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    if (!self.is_leaving)
        heap_stack_bounds();
    lane = lane_take_released();
    if (!lane)
        lane = lane_make();
    if (lane && heap_begin(lane, 2, 0)) {
        heap_put(lane, 0, heap_head(HEAP_ATTACH, heap_clock() - heap_session->start));
        heap_put(lane, 1, self.tid);
        heap_commit(lane, 2);
    }
    self.lane = lane;
    self.is_refused = lane == NULL;
    if (has_key && !self.is_leaving)
        pthread_setspecific(end_key, &self);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return lane;
}

static bool has_lane(void)
{
    return self.lane && heap->is_on && self.nonce == heap->nonce;
}

void heap_lane_release(void)
{
    struct heap_lane *lane = self.lane;

    if (!has_lane())
        return;
    self.lane = NULL;
    __atomic_store_n(&lane->state, LANE_RELEASED, __ATOMIC_RELEASE);
}

/* What ends behind this one (other destructors, the C library's own blocks) borrows a ring for each event. */
static void thread_end(void *unused)
{
    (void)unused;
    self.is_leaving = true;
    if (has_lane() && heap_begin(self.lane, 1, 0)) {
        heap_put(self.lane, 0, heap_head(HEAP_DETACH, heap_clock() - heap_session->start));
        heap_commit(self.lane, 1);
    }
    heap_lane_release();
}

/* The process, at its first allocation and again in a forked child */

static bool session_map(void)
{
    char path[WIRE_PATH_BYTES_MAX + GUEST_NAME_BYTES];
    struct heap_session head;
    void *memory = MAP_FAILED;
    int fd;

    guest_put_text(guest_put_text(guest_put_text(path, folder), "/"), HEAP_FILE);
    fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return false;
    if (syscall(SYS_pread64, fd, &head, sizeof head, 0L) == (long)sizeof head &&
        heap_session_is_valid(&head) && !head.closed &&
        (head.clock == WIRE_CLOCK_TSC || head.clock == WIRE_CLOCK_MONOTONIC))
        memory = map(HEAP_FILE_BYTES, MAP_SHARED, fd);
    syscall(SYS_close, fd);
#if !defined(__x86_64__)
    if (head.clock == WIRE_CLOCK_TSC)
        return false;
#endif
    if (memory == MAP_FAILED)
        return false;
    heap_is_tsc = head.clock == WIRE_CLOCK_TSC;
    heap_is_exact = head.mode == HEAP_EXACT;
    heap_session = memory;
    return true;
}

static bool memory_get(void)
{
    void *process = map(sizeof *heap, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);

    if (process == MAP_FAILED || !process)
        return false;
    if (madvise(process, sizeof *heap, MADV_WIPEONFORK) != 0) {
        heap_real.munmap(process, sizeof *heap);
        return false;
    }
    heap = process;
    heap_filter = heap->filter;
    return true;
}

static void process_start(void)
{
    heap->pid = (uint32_t)syscall(SYS_getpid);
    heap->nonce = heap_clock() | 1;
    if (heap_is_exact)
        memset(heap->filter, 1, sizeof heap->filter);
    __atomic_store_n(&heap->is_on, 1, __ATOMIC_RELEASE);
}

/* What the thread knew was of another process, or it knows nothing yet. */
static void thread_start(void)
{
    self.nonce = heap->nonce;
    self.tid = (uint32_t)syscall(SYS_gettid);
    self.lane = NULL;
    self.is_refused = false;
    self.last_block = 0;
    self.seed = heap_session->seed ? heap_session->seed + self.tid - heap->pid
                                   : heap_clock() ^ self.tid * 0x9e3779b9u;
}

static void start(void)
{
    const char *given;
    int error = errno;

    if (is_tried || !environ)
        return;
    is_tried = true;
    given = getenv(WIRE_SESSION_VARIABLE);
    if (!given || given[0] != '/' || strlen(given) >= sizeof folder)
        return;
    guest_put_text(folder, given);
    if (session_map()) {
        if (__asan_init || __tsan_init || __msan_init || !memory_get()) {
            __atomic_fetch_add(&heap_session->refused_count, 1, __ATOMIC_RELAXED);
            heap_session = NULL;
        } else {
            has_key = pthread_key_create(&end_key, thread_end) == 0;
            heap_python_find();
            process_start();
        }
    }
    errno = error;
}

bool heap_start(void)
{
    if (UNLIKELY(!heap_session)) {
        start();
        if (!heap_session)
            return false;
    }
    if (UNLIKELY(__atomic_load_n(&heap_session->closed, __ATOMIC_RELAXED) != 0 || heap == &off)) {
        heap_stop();
        return false;
    }
    if (UNLIKELY(!heap->is_on))
        process_start();
    if (UNLIKELY(self.nonce != heap->nonce))
        thread_start();
    return true;
}

/* For every program of the session: nobody reads any more. */
void heap_stop(void)
{
    __atomic_store_n(&heap_session->closed, 1, __ATOMIC_RELAXED);
    heap_filter = filter_off;
    heap = &off;
}

__attribute__((constructor(101))) static void load(void)
{
    heap_first_thread = (uint64_t)pthread_self();
    if (heap_real_ready())
        start();
}
