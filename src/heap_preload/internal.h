/* SPDX-License-Identifier: Apache-2.0 */
/*
 * internal: what the files of libtoll_heap share.
 *
 * The fast path of an allocation takes its size off the thread's budget (`self.left`) and is through while something
 * is left; that of a free looks one byte up (`heap_filter`). All else is behind heap_took and heap_gives: in sampled mode
 * once per half a megabyte, in exact mode always (the budget is 0, and the filter is full).
 *
 * State: `heap` is the process's (its pages are wiped in a forked child: nothing of the parent is taken for the child's);
 * `self` is the thread's, and holds for the process whose nonce it has.
 */
#ifndef TOLL_HEAP_PRELOAD_INTERNAL_H
#define TOLL_HEAP_PRELOAD_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "guest/guest_stack.h"
#include "python/python_names.h"
#include "python/python_walk.h"
#include "wire/heap_ring.h"
#include "wire/ring.h"

#define HOOK         __attribute__((visibility("default")))
#define UNLIKELY(it) __builtin_expect(!!(it), 0)

#define LANE_COUNT_MAX     4096u
#define STACK_KEY_COUNT    131072u /* of a process; a power of two, as are these: */
#define FILTER_COUNT       65536u
#define TRACKED_SET_COUNT  16384u
#define TRACKED_WAYS       16u
#define MODULE_COUNT_MAX   512u
#define CODE_KEY_COUNT     8192u /* Python functions of a process; a power of two */
#define PYTHON_PAGE_BYTES  4096u
#define PYTHON_PAGE_COUNT  1024u /* a power of two */
#define PYTHON_PLACE_COUNT 1024u /* a power of two */
#define LEFT_FOREVER       (INT64_MAX / 2)

/* A thread's ring. */
struct heap_lane {
    uint32_t state; /* enum lane_state, atomic */
    uint32_t number;
    struct heap_ring *ring;
    uint64_t *words;
    uint64_t head, mask;
    struct guest_memos *memos;  /* stacks that its thread has met */
    struct heap_python *python; /* NULL: this program is no Python */
};

/* A place in a Python function that was told. */
struct heap_python_place {
    uint64_t code, instruction, lines, names; /* as of struct python_frame */
    uint64_t key;                             /* of the function; 0: there is none */
    uint32_t line;
};

/* Where a thread reads what it runs in Python. */
struct heap_python {
    uint64_t page; /* what lies in `bytes`; 0: nothing */
    uint8_t bytes[PYTHON_PAGE_BYTES];
    uint64_t known[PYTHON_PAGE_COUNT]; /* pages that were there, by place */
    uint64_t unmap_count;              /* the process's, when they were */
    uint32_t tid;
    bool is_attached; /* nobody takes the interpreter's state away now */
    struct python_stack stack;
    uint64_t keys[PYTHON_DEPTH_MAX]; /* with HEAP_ENTRY */
    uint32_t lines[PYTHON_DEPTH_MAX];
    struct python_names names;
    struct heap_python_place places[PYTHON_PLACE_COUNT]; /* by hash */
};

enum lane_state { LANE_FREE, LANE_HELD, LANE_RELEASED };

struct heap_process {
    uint32_t is_on; /* everything below holds for this process */
    uint32_t pid;
    uint64_t nonce;
    uint32_t lane_count;
    uint32_t is_reading_maps; /* taken by who reads them */
    uint32_t module_count;
    uint32_t reserved;
    struct guest_range modules[MODULE_COUNT_MAX]; /* code that was told */
    struct guest_code codes[2]; /* one is read by all threads, the other filled by who reads the maps */
    uint32_t code_index;
    uint32_t stack_count; /* in `stacks` */
    uint64_t copy_due;    /* see heap_stack.c */
    struct heap_lane lanes[LANE_COUNT_MAX];
    uint8_t filter[FILTER_COUNT];                       /* blocks told and not freed, by address; 255: many */
    uint64_t tracked[TRACKED_SET_COUNT * TRACKED_WAYS]; /* their addresses */
    uint64_t stacks[STACK_KEY_COUNT];                   /* hash of the stack whose id is 1 + the place */
    uint64_t unmap_count;                               /* of pages, as far as the hooks see */
    uint64_t python_codes[CODE_KEY_COUNT];              /* keys of functions that were told */
};
extern struct heap_process *heap;
extern uint8_t *heap_filter;              /* of the process; all zero while nothing is recorded */
extern struct heap_session *heap_session; /* NULL: nothing is recorded */
extern bool heap_is_tsc, heap_is_exact;

struct heap_self {
    int64_t left; /* bytes to the next sample */
    int64_t
        left_after; /* sampled: what was left of it when the next allocation was to be looked at; 0: it is not */
    uint64_t nonce; /* of the process that the rest holds for */
    struct heap_lane *lane;
    const void *outer_frame; /* of a hook (operator new) that allocates through another one; NULL: none */
    const void *outer_caller;
    uint64_t last_block; /* allocated last, if nothing was since */
    uint64_t seed;
    uint64_t stack_low, stack_high;
    uintptr_t busy_frame; /* of the function that writes an event; 0: none */
    uint32_t tid;
    bool is_refused;
    bool is_leaving; /* the thread ends: it keeps no ring */
};
extern __thread struct heap_self self __attribute__((tls_model("initial-exec")));

/* What called an allocating function: its frame is below `frame`. */
struct heap_caller {
    const void *frame, *address;
};

/* heap_load.c: whether this process records; starts it where it can and has not yet. */
bool heap_start(void);
static inline bool heap_on(void)
{
    return __builtin_expect(heap->is_on && self.nonce == heap->nonce &&
                                !__atomic_load_n(&heap_session->closed, __ATOMIC_RELAXED),
                            1) ||
           heap_start();
}
void heap_stop(void);
/* This thread's ring; NULL: it has none. */
struct heap_lane *heap_lane_make(void);
void heap_lane_release(void);
static inline struct heap_lane *heap_lane_get(void)
{
    return __builtin_expect(self.lane != NULL, 1) ? self.lane : heap_lane_make();
}

/* heap_tell.c */
void heap_took(const void *block, size_t size, struct heap_caller caller);
/* Before the block is freed. Returns whether it was one that was told. */
bool heap_gives(const void *block, enum heap_free_flag flag);
/* HEAP_MAPPED or HEAP_REMAPPED. */
void heap_mapped(enum heap_event_kind kind, const void *address, size_t bytes, struct heap_caller caller);
void heap_unmapped(const void *address, size_t bytes);
/* Room for an event, false when there is none or the thread is in the middle of one. */
bool heap_begin(struct heap_lane *lane, unsigned words, unsigned reserve);
static inline void heap_put(struct heap_lane *lane, unsigned index, uint64_t value)
{
    lane->words[(lane->head + index) & lane->mask] = value;
}
void heap_commit(struct heap_lane *lane, unsigned words);

static inline const struct guest_code *heap_code(void)
{
    return &heap->codes[__atomic_load_n(&heap->code_index, __ATOMIC_ACQUIRE) & 1];
}

/* heap_stack.c: the id of the caller's stack; 0 for none. */
uint32_t heap_stack(struct heap_lane *lane, struct heap_caller caller);

/* heap_python.c: whether this program is a Python whose frames can be read; found when it starts. */
extern bool heap_python_is_here;
void heap_python_find(void);
/* Whether this thread takes the interpreter apart: it frees what the program never did. */
bool heap_python_ends(void);
static inline bool heap_python_is_ending(void)
{
    return UNLIKELY(heap_python_is_here) && heap_python_ends();
}
/* Reads what this thread runs in Python into lane->python. Its key, 0: nothing. */
uint64_t heap_python_read(struct heap_lane *lane);
/* Tells the functions of what was read that were not told yet, and finds keys and lines of its frames. */
void heap_python_name(struct heap_lane *lane);

/* heap_maps.c: tells what code lies where, and sets the bounds of this thread's stack. */
void heap_maps_read(struct heap_lane *lane);
void heap_stack_bounds(void);
extern uint64_t
    heap_first_thread; /* pthread_self() of the one whose stack the kernel made; 0: not known yet */

/* heap_real.c: the functions behind the hooks */
/* clang-format off */
#define HEAP_REAL_CXX(X)                                                                                   \
    X(void *, _Znwm, (size_t))                                                                             \
    X(void *, _Znam, (size_t))                                                                             \
    X(void *, _ZnwmRKSt9nothrow_t, (size_t, const void *))                                                 \
    X(void *, _ZnamRKSt9nothrow_t, (size_t, const void *))                                                 \
    X(void *, _ZnwmSt11align_val_t, (size_t, size_t))                                                      \
    X(void *, _ZnamSt11align_val_t, (size_t, size_t))                                                      \
    X(void *, _ZnwmSt11align_val_tRKSt9nothrow_t, (size_t, size_t, const void *))                          \
    X(void *, _ZnamSt11align_val_tRKSt9nothrow_t, (size_t, size_t, const void *))                          \
    X(void, _ZdlPv, (void *))                                                                              \
    X(void, _ZdaPv, (void *))                                                                              \
    X(void, _ZdlPvm, (void *, size_t))                                                                     \
    X(void, _ZdaPvm, (void *, size_t))                                                                     \
    X(void, _ZdlPvRKSt9nothrow_t, (void *, const void *))                                                  \
    X(void, _ZdaPvRKSt9nothrow_t, (void *, const void *))                                                  \
    X(void, _ZdlPvSt11align_val_t, (void *, size_t))                                                       \
    X(void, _ZdaPvSt11align_val_t, (void *, size_t))                                                       \
    X(void, _ZdlPvmSt11align_val_t, (void *, size_t, size_t))                                              \
    X(void, _ZdaPvmSt11align_val_t, (void *, size_t, size_t))                                              \
    X(void, _ZdlPvSt11align_val_tRKSt9nothrow_t, (void *, size_t, const void *))                           \
    X(void, _ZdaPvSt11align_val_tRKSt9nothrow_t, (void *, size_t, const void *))
#define HEAP_REAL(X)                                                                                       \
    X(void *, malloc, (size_t))                                                                            \
    X(void, free, (void *))                                                                                \
    X(void *, calloc, (size_t, size_t))                                                                    \
    X(void *, realloc, (void *, size_t))                                                                   \
    X(void *, reallocarray, (void *, size_t, size_t))                                                      \
    X(int, posix_memalign, (void **, size_t, size_t))                                                      \
    X(void *, aligned_alloc, (size_t, size_t))                                                             \
    X(void *, memalign, (size_t, size_t))                                                                  \
    X(void *, valloc, (size_t))                                                                            \
    X(void *, pvalloc, (size_t))                                                                           \
    X(size_t, malloc_usable_size, (void *))                                                                \
    X(char *, strdup, (const char *))                                                                      \
    X(char *, strndup, (const char *, size_t))                                                             \
    X(void *, mmap, (void *, size_t, int, int, int, long))                                                 \
    X(int, munmap, (void *, size_t))                                                                       \
    X(void *, mremap, (void *, size_t, size_t, int, ...))                                                  \
    X(int, dl_iterate_phdr, (int (*)(struct dl_phdr_info *, size_t, void *), void *))                      \
    HEAP_REAL_CXX(X)
/* clang-format on */

struct dl_phdr_info;
/* NOLINTBEGIN(bugprone-macro-parentheses): types, names and parameter lists */
struct heap_real {
#define REAL_FIELD(type, name, parameters) type(*name) parameters;
    HEAP_REAL(REAL_FIELD)
#undef REAL_FIELD
};
/* NOLINTEND(bugprone-macro-parentheses) */
extern struct heap_real heap_real;
/* Finds them all. False while it is at that already: then only heap_early is there. */
bool heap_real_find(void);
/* Whether that is code of the library whose malloc is behind ours. */
bool heap_real_is_allocator(const void *code);
/* Memory for what looking for them asks for; never given back. */
void *heap_early(size_t size);
bool heap_is_early(const void *block);

static inline bool heap_real_ready(void)
{
    return __builtin_expect(heap_real.malloc != NULL, 1) || heap_real_find();
}

static inline uint64_t heap_clock(void)
{
    struct timespec now;
#if defined(__x86_64__)
    if (__builtin_expect(heap_is_tsc, 1))
        return __rdtsc();
#endif
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif
