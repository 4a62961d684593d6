/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heap_stack: a thread's callers by frame pointers, and the id that they have in this process.
 *
 * A frame pointer is believed when it lies on this thread's stack, above the one before; what lies between the stack
 * pointer and the stack's end is always mapped, so that whatever a program without frame pointers keeps in that register
 * gives a wrong caller at worst. On a stack that is not the thread's own (coroutines, signal stacks) only the page of the
 * stack pointer is read.
 *
 * Code without frame pointers is common, so a stack that is new is told with a copy of its top (as far as the thread's stack
 * is known), in which the recorder finds the callers by the compilers' own tables. In sampled mode what tells
 * stacks apart is all on that top that may be a return address; in exact mode, where every allocation needs an id, the
 * frame pointers alone: of stacks that are alike in those the first one's callers stand for all.
 *
 * The id is 1 + the place of the stack's hash in a table that the process's threads share without a lock: who puts a hash
 * there tells the addresses.
 */
#include "heap_preload/internal.h"

#define ADDRESS_MIN   4096u
#define HASH_MULTIPLY 0x9e3779b97f4a7c15ull
#define PROBE_COUNT   32u
#define TOLD_RESERVE  2048u
#define TOP_WORDS     512u /* of the stack: what tells stacks apart */

struct chain {
    uint64_t addresses[HEAP_STACK_MAX];
    unsigned count;
    uint64_t hash;
};

static inline __attribute__((always_inline)) void walk(struct chain *chain, struct heap_caller caller)
{
    uint64_t low = (uint64_t)__builtin_frame_address(0);
    uint64_t high = low >= self.stack_low && low < self.stack_high ? self.stack_high : (low | 4095) + 1;
    uint64_t frame = *(const uint64_t *)caller.frame, address = (uint64_t)caller.address - 1, hash = address;
    unsigned count = 0;

    chain->addresses[count++] = address; /* inside the call, not behind it */
    low = (uint64_t)caller.frame;
    while (count < HEAP_STACK_MAX && frame > low && frame + 16 <= high && !(frame & 7)) {
        const uint64_t *at = (const uint64_t *)frame;

        address = at[1];
        if (address < ADDRESS_MIN)
            break;
        chain->addresses[count++] = address;
        hash = (hash ^ address) * HASH_MULTIPLY;
        low = frame;
        frame = at[0];
    }
    hash = (hash ^ hash >> 32) * HASH_MULTIPLY;
    hash ^= hash >> 29;
    chain->count = count;
    chain->hash = hash ? hash : 1;
}

/* Code that no module told holds: libraries were loaded. Return addresses may be the first behind a module. */
static bool is_known(uint64_t address)
{
    uint32_t count = __atomic_load_n(&heap->module_count, __ATOMIC_ACQUIRE);
    uint32_t i;

    for (i = 0; i < count; i++)
        if (address >= heap->modules[i].low && address <= heap->modules[i].high)
            return true;
    return false;
}

/* What lies above the caller's stack pointer, as far as it is this thread's stack. */
static const uint64_t *top_of(struct heap_caller caller, unsigned words_max, unsigned *ret_words)
{
    uint64_t low = (uint64_t)caller.frame + 16, words = 0;

    if (low >= self.stack_low && low < self.stack_high)
        words = (self.stack_high - low) / 8;
    *ret_words = words < words_max ? (unsigned)words : words_max;
    return (const uint64_t *)low;
}

/* Differs where anything differs that may be a return address. */
static uint64_t hash_of_top(uint64_t hash, struct heap_caller caller)
{
    unsigned words, i;
    const uint64_t *top = top_of(caller, TOP_WORDS, &words);

    for (i = 0; i < words; i++)
        if (is_known(top[i]))
            hash = (hash ^ top[i]) * HASH_MULTIPLY;
    hash ^= hash >> 29;
    return hash ? hash : 1;
}

static void tell(struct heap_lane *lane, const struct chain *chain, struct heap_caller caller, uint32_t id)
{
    unsigned words, i, at = 4;
    const uint64_t *top = top_of(caller, HEAP_DUMP_WORDS, &words);

    for (i = 0; i < chain->count; i++)
        if (!is_known(chain->addresses[i])) {
            heap_maps_read(lane);
            break;
        }
    if (!heap_begin(lane, 4 + chain->count + words, TOLD_RESERVE))
        return;
    heap_put(lane, 0, heap_head(HEAP_DUMP, heap_clock() - heap_session->start));
    heap_put(lane, 1, (uint64_t)words << 40 | (uint64_t)chain->count << 32 | id);
    heap_put(lane, 2, (uint64_t)top);
    heap_put(lane, 3, *(const uint64_t *)caller.frame);
    for (i = 0; i < chain->count; i++)
        heap_put(lane, at++, chain->addresses[i]);
    for (i = 0; i < words; i++)
        heap_put(lane, at++, top[i]);
    heap_commit(lane, at);
}

uint32_t heap_stack(struct heap_lane *lane, struct heap_caller caller)
{
    struct chain chain;
    uint64_t at;
    unsigned probe;

    walk(&chain, caller);
    if (!heap_is_exact) {
        if (UNLIKELY(!heap->module_count))
            heap_maps_read(lane);
        chain.hash = hash_of_top(chain.hash, caller);
    }
    for (probe = 0; probe < PROBE_COUNT; probe++) {
        uint64_t expected;

        at = (chain.hash + probe) & (STACK_KEY_COUNT - 1);
        expected = __atomic_load_n(&heap->stacks[at], __ATOMIC_RELAXED);
        if (__builtin_expect(expected == chain.hash, 1))
            return (uint32_t)at + 1;
        if (expected)
            continue;
        if (__atomic_compare_exchange_n(&heap->stacks[at], &expected, chain.hash, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED)) {
            tell(lane, &chain, caller, (uint32_t)at + 1);
            return (uint32_t)at + 1;
        }
        if (expected == chain.hash)
            return (uint32_t)at + 1;
    }
    return 0;
}
