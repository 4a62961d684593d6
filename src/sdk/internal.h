/* SPDX-License-Identifier: Apache-2.0 */
/*
 * internal: what the two halves of libtoll share: the calls (calls.c, hot) and getting hold of a ring (attach.c,
 * once per thread and per name).
 *
 * Each thread that records holds a `struct sdk_thread`. They lie in one block of memory that the kernel clears
 * in a forked child (MADV_WIPEONFORK), so a child sees a thread without room, takes the slow path and gets files
 * of its own, whichever way it was forked, and the hot path tests for nothing but room.
 */
#ifndef TOLL_SDK_INTERNAL_H
#define TOLL_SDK_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "toll.h"
#include "wire/ring.h"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

/* Threads of one process (and its forefathers by fork) that may ever hold a ring at once. */
#define SDK_THREAD_COUNT_MAX 4096

enum sdk_thread_state { SDK_THREAD_NEW, SDK_THREAD_HELD, SDK_THREAD_RELEASED };

/* All zero: no room, no ring. Invariant: the slots in [tail, head) belong to the consumer, and
 * head <= limit_end <= tail + slot_count, limit <= limit_end. */
struct sdk_thread {
    uint64_t head;      /* the next index to write */
    uint64_t limit;     /* all but ends stop here */
    uint64_t limit_end; /* ends do here */
    struct ring_slot *slots;
    struct ring_file *ring;
    uint32_t mask; /* slot_count - 1 */
    uint32_t tid;
    uint32_t state;  /* enum sdk_thread_state, atomic */
    uint8_t is_busy; /* between claiming and publishing: a signal handler keeps out */
    uint8_t is_clock_tsc;
    uint8_t is_attached; /* its RING_ATTACH is written */
};
static_assert(sizeof(struct sdk_thread) <= 64, "a thread's block is one cache line");

/* In the few bytes that the loader keeps for libraries opened late: no call to find it. */
extern __thread struct sdk_thread *sdk_self __attribute__((tls_model("initial-exec")));

static inline uint64_t sdk_clock(bool is_clock_tsc)
{
    struct timespec now;
#if defined(__x86_64__)
    if (__builtin_expect(is_clock_tsc, 1))
        return __rdtsc();
#endif
    (void)is_clock_tsc;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* This thread with room for `count` more slots (is_end: it ends something and may use the reserve), or NULL: then the
 * event was counted as lost. */
struct sdk_thread *sdk_room(unsigned count, bool is_end);

/* The id of a name, registered now if need be; 0 when there is no names file (then there is no ring either). */
uint32_t sdk_name(const char *name);
uint32_t sdk_name_of_site(struct toll_site *site);
uint32_t sdk_name_of_usage(unsigned kind);

/* Spans of an experiment (hold.c), where there is no ring: whether one is asked for; one's begin, none for other names; its end. */
bool sdk_hold_load(void);
struct toll_span sdk_hold_begin(const char *name);
void sdk_hold_end(struct toll_span span);

struct sdk_identity {
    uint32_t session;
    uint32_t pid;
};
struct sdk_identity sdk_identity(void);

#endif
