/* SPDX-License-Identifier: Apache-2.0 */
/*
 * internal: what the files of libtoll_preload share.
 *
 * A hook asks calls_on(), begins a call, makes it, ends it. Begin and end cost two reads of the clock and, for a
 * thread that has its ring, two stores. Only a call that took long goes on to tell of itself.
 *
 * State: `calls` is the process's (its page is wiped in a forked child, so that nothing of the parent is taken for
 * the child's); `self` is the thread's; `real` are the functions behind the hooks.
 */
#ifndef TOLL_PRELOAD_INTERNAL_H
#define TOLL_PRELOAD_INTERNAL_H

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "guest/guest_stack.h"
#include "preload/real.h"
#include "wire/call_ring.h"
#include "wire/ring.h"

#define HOOK __attribute__((visibility("default")))

#define LANE_COUNT_MAX   4096u
#define LANE_TOLD_COUNT  128u /* powers of two */
#define LANE_STACK_COUNT 256u
#define FD_COUNT_MAX     65536u

/* A thread's ring. */
struct lane {
    uint32_t state; /* enum lane_state, atomic */
    uint32_t tid;
    struct call_ring *ring;
    uint64_t *words;
    struct call_io *io;
    uint64_t head, mask;
    uint32_t is_busy; /* an event is being written */
    uint32_t lost_count;
    uint64_t busy_frame;   /* by the function whose frame is there */
    uint32_t missed_count; /* samples that came while an event was written */
    uint32_t told[LANE_TOLD_COUNT];
    uint64_t stacks[LANE_STACK_COUNT]; /* ids that were told */
    struct guest_memos *memos;         /* stacks that were told */
};

enum lane_state { LANE_FREE, LANE_HELD, LANE_RELEASED };

struct calls_process {
    uint32_t is_on; /* everything below holds for this process */
    uint32_t pid;
    uint64_t nonce;
    uint32_t ring_count;
    uint32_t lane_count;
    uint64_t copy_due;              /* see unwind.c */
    int32_t timers[LANE_COUNT_MAX]; /* id + 1 of the CPU timers of threads, 0: none */
    struct lane lanes[LANE_COUNT_MAX];
};
extern struct calls_process *calls;
extern struct calls_session *calls_session; /* NULL: nothing is recorded */
extern struct call_waker *calls_wakers;
extern bool calls_is_tsc;

struct self {
    struct lane *lane;
    uint32_t tid;
    uint64_t switch_count; /* blocked so often, as read last */
    uint32_t sample_count; /* signals of the CPU timer so far */
    uint64_t outer_frame;  /* of a hook whose function calls hooked ones itself; 0: none */
    uint64_t stack_high;   /* 0: not known */
    uint64_t stack_low;
    int timer; /* index into calls->timers + 1 */
    uint32_t call_count;
    bool is_refused;
};
extern __thread struct self self __attribute__((tls_model("initial-exec")));

/* load.c */
bool calls_start_again(void);
void calls_stop(void);
void calls_news(enum call_news_kind kind, uint32_t tid, uint32_t number, uint64_t value, const char *name);
void *calls_file_make(uint32_t number);
uint32_t calls_tid_ask(void);
void calls_thread_begin(uint32_t maker, uint64_t stack_high, uint64_t stack_bytes);

struct calls_guard {
    sigset_t signals;
    int cancel_state;
    int error;
};
void calls_guard_enter(struct calls_guard *guard);
void calls_guard_leave(const struct calls_guard *guard);

static inline uint32_t calls_tid(void)
{
    return __builtin_expect(self.tid != 0, 1) ? self.tid : calls_tid_ask();
}

/* Whether this process records now. */
static inline __attribute__((always_inline)) bool calls_on(void)
{
    return __builtin_expect(calls->is_on, 1) || calls_start_again();
}

static inline uint64_t calls_clock(void)
{
    struct timespec now;
#if defined(__x86_64__)
    if (__builtin_expect(calls_is_tsc, 1))
        return __rdtsc();
#endif
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline uint64_t calls_ticks_of_us(uint64_t us)
{
    return us * calls_session->ticks_per_us;
}

/* CPU time of this thread, ns. */
uint64_t calls_cpu(void);

/* lane.c: this thread's, made now if need be; NULL when it cannot have one. */
struct lane *lane_get(void);
/* Room for an event, false when there is none or one is being written; then lane_put and lane_commit. */
bool lane_begin(struct lane *lane, unsigned words);
static inline bool lane_has_room(const struct lane *lane, unsigned words)
{
    return lane->head - __atomic_load_n(&lane->ring->tail, __ATOMIC_ACQUIRE) + words <= lane->mask + 1;
}
static inline void lane_put(struct lane *lane, unsigned index, uint64_t value)
{
    lane->words[(lane->head + index) & lane->mask] = value;
}
void lane_commit(struct lane *lane, unsigned words);
void lane_put_bytes(struct lane *lane, unsigned index, const void *bytes, unsigned size);
void lane_release(void);

/* fd_table.c: descriptors */
enum fd_type { FD_UNKNOWN, FD_FILE, FD_PIPE, FD_SOCKET, FD_LISTENING, FD_OTHER };
struct fd_entry {
    uint32_t serial; /* atomic; 0: not known. Another thing gets another serial */
    uint8_t type;
    uint8_t has_remote;
    uint16_t reserved;
    uint64_t inode, device;
    uint64_t in_key, out_key; /* of the wakers: what comes from the other end, what goes to it */
    uint64_t reserved_b[3];
};
#define FD_ROOM_KEY 0x726f6f6d726f6f6dull /* xored to a key: of the room for data instead of the data */
extern struct fd_entry *fd_table;
struct fd_entry *fd_learn(int fd);
static inline struct fd_entry *fd_find(int fd)
{
    if (__builtin_expect((unsigned)fd >= FD_COUNT_MAX, 0))
        return NULL;
    if (__builtin_expect(fd_table[fd].serial != 0, 1))
        return &fd_table[fd];
    return fd_learn(fd);
}
static inline void fd_forget(int fd)
{
    if ((unsigned)fd < FD_COUNT_MAX)
        fd_table[fd].serial = 0;
}
/* The peer's number in the lane's ring, told now if it was not; 0 for none. `is_checked`: it is the same thing still. */
uint32_t fd_tell(struct lane *lane, int fd, bool is_checked);
uint32_t fd_tell_path(struct lane *lane, const char *path);
void fd_pair(int first, int second);
uint64_t fd_port_key(const void *address, unsigned length);

/* waker.c */
struct waker_seen {
    uint64_t who, time, stack;
};
static inline void waker_publish_at(uint64_t key, uint64_t time, uint64_t stack)
{
    struct call_waker *entry = &calls_wakers[key & (CALL_WAKER_COUNT - 1)];
    uint64_t who = (uint64_t)calls->pid << 32 | calls_tid();

    __atomic_store_n(&entry->who, who, __ATOMIC_RELAXED);
    __atomic_store_n(&entry->time, time, __ATOMIC_RELAXED);
    __atomic_store_n(&entry->stack, stack, __ATOMIC_RELAXED);
    __atomic_store_n(&entry->check, key ^ who ^ time ^ stack, __ATOMIC_RELEASE);
}
bool waker_find(uint64_t key, struct waker_seen *ret_seen);
/* With this thread's stack from the caller of the hook. */
void waker_publish_stack(uint64_t key, const void *frame, const void *caller);

/* unwind.c: the id of a stack, told to the lane's ring; 0 for none. Of a hook's caller: */
uint64_t stack_tell(struct lane *lane, const void *caller, const void *frame);
/* Where a thread is. */
struct stack_at {
    uint64_t registers[CALL_REGISTER_COUNT];
};
/* Of a thread interrupted there; ret_is_own: it was this library that was at work. */
uint64_t stack_tell_sample(struct lane *lane, const struct stack_at *at, bool *ret_is_own);
void stack_limits(uint64_t high, uint64_t bytes);

/* maps.c: what code lies where, told again when libraries were loaded. */
extern uint64_t maps_own_low, maps_own_high; /* this library's code */
void maps_start(void);
/* Whether they were told just now. Takes the loader's lock to ask whether libraries were loaded. */
bool maps_tell(struct lane *lane);
extern const struct guest_code *maps_code; /* as it was told last */

/* cpu_timer.c */
void cpu_timer_start_process(void);
void cpu_timer_start_thread(void);
void cpu_timer_stop_thread(void);
void cpu_timer_stop_all(void);
int cpu_timer_signal(void);

/* call.c */
struct call {
    uint64_t start;
    uint64_t busy_start; /* CPU time before; 0: not measured */
    uint64_t value;
    uint64_t size;
    struct fd_entry *entry;
    struct lane *lane;
    const void *frame;
    const void *caller;
    int fd; /* -1: none */
    int error;
    enum call_kind kind;
};

void call_begin(struct call *call);
void call_end(struct call *call, int64_t result);
void call_end_waker(struct call *call, const struct waker_seen *seen);
/* For functions that call hooked functions themselves. */
bool call_is_inner(const void *frame);

#define CALL_INIT(kind_, fd_, value_, size_)                                                                 \
    {                                                                                                        \
        .kind = (kind_), .fd = (fd_), .value = (uint64_t)(value_), .size = (uint64_t)(size_),                \
        .frame = __builtin_frame_address(0), .caller = __builtin_return_address(0)                           \
    }

#endif
