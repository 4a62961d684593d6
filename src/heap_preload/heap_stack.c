/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heap_stack: the id that a stack has in this process, and what is told of one that is new.
 *
 * Code without frame pointers is common, so a stack that is new is told with a copy of its top (as far as the thread's stack
 * is known), in which the recorder finds the callers by the compilers' own tables; what lies deeper, and code made at run time,
 * frame pointers tell. What tells stacks apart is all on that top that may be a return address (guest/guest_code.h); a thread
 * that comes from the same place with the same stack pointer again looks at those words alone (guest/guest_stack.h).
 *
 * New stacks are told with their copies no faster than the recorder can bear, for as long as that lasts by frame pointers alone;
 * so are those that come when half of the table below is taken: what lies on a stack without being a caller makes many of one.
 *
 * In a Python program what its thread runs in Python is part of a stack (heap_python.c): none of it lies on the native one.
 *
 * The id is 1 + the place of the stack's hash in a table that the process's threads share without a lock: who puts a hash
 * there tells the stack.
 */
#include "heap_preload/internal.h"

#define PROBE_COUNT    32u
#define TOLD_RESERVE   2048u
#define COPIES_PER_S   2000u /* of exact mode, in a process */
#define COPIES_AT_ONCE 8000u
#define WORDS_BEHIND   2u /* the last return address: its frame may hold more there */

static_assert(GUEST_DEPTH_MAX <= HEAP_STACK_MAX, "as wire/heap_ring.h says");

struct found {
    struct guest_chain chain;
    struct guest_places places;
    struct guest_top top;
    uint64_t hash;
    uint64_t frame;  /* of the caller */
    uint64_t python; /* the key of what it runs in Python; 0: nothing */
    bool is_copied;
};

/* Code that no module told holds: libraries were loaded. Return addresses may be the first behind a module. */
static void look(struct heap_lane *lane, struct heap_caller caller, struct found *found)
{
    const struct guest_code *code = heap_code();
    unsigned i;

    found->frame = *(const uint64_t *)caller.frame;
    found->chain.count = 0;
    guest_walk(code, (uint64_t)caller.address - 1, found->frame, &found->top, &found->chain);
    for (i = 0; i < found->chain.count; i++)
        if (!guest_code_has(code, found->chain.addresses[i])) {
            heap_maps_read(lane);
            code = heap_code();
            break;
        }
    guest_places_find(code, found->top.words, found->top.count, &found->places);
    found->hash = guest_mix(guest_mix(found->places.sum + found->chain.addresses[0] * GUEST_MULTIPLY) ^
                            found->chain.hash) ^
                  found->python;
    found->is_copied = found->places.count > 0;
}

/* By frame pointers alone. */
static void look_at_chain(struct found *found)
{
    uint64_t hash = 0;
    unsigned i;

    for (i = 0; i < found->chain.count; i++)
        hash = (hash ^ found->chain.addresses[i]) * GUEST_MULTIPLY;
    found->hash = guest_mix(hash) ^ found->python;
    found->is_copied = false;
}

/* Behind them their stack follows in the ring. */
static unsigned python_put(struct heap_lane *lane)
{
    const struct heap_python *python = lane->python;
    unsigned i, count = (unsigned)python->stack.count, at = 2;

    heap_put(lane, 0, heap_head(HEAP_PYTHON, heap_clock() - heap_session->start));
    heap_put(lane, 1, count);
    for (i = 0; i < count; i++) {
        heap_put(lane, at++, python->keys[i]);
        heap_put(lane, at++, python->lines[i]);
    }
    return at;
}

static void tell(struct heap_lane *lane, const struct found *found, uint32_t id)
{
    unsigned words = found->is_copied ? found->places.end + WORDS_BEHIND : 0, i, at = 4;
    unsigned frames = found->python ? (unsigned)lane->python->stack.count : 0;

    if (words > found->top.count)
        words = found->top.count;
    if (frames)
        heap_python_name(lane);
    if (!heap_begin(lane, 4 + found->chain.count + words + 2 * (frames + 1), TOLD_RESERVE))
        return;
    if (frames)
        heap_commit(lane, python_put(lane));
    heap_put(lane, 0, heap_head(HEAP_DUMP, heap_clock() - heap_session->start));
    heap_put(lane, 1, (uint64_t)words << 40 | (uint64_t)found->chain.count << 32 | id);
    heap_put(lane, 2, (uint64_t)found->top.words);
    heap_put(lane, 3, found->frame);
    for (i = 0; i < found->chain.count; i++)
        heap_put(lane, at++, found->chain.addresses[i]);
    for (i = 0; i < words; i++)
        heap_put(lane, at++, found->top.words[i]);
    heap_commit(lane, at);
}

static bool is_granted(void)
{
    if (__atomic_load_n(&heap->stack_count, __ATOMIC_RELAXED) >= STACK_KEY_COUNT / 2)
        return false;
    return !heap_is_exact ||
           guest_grant(&heap->copy_due, heap_clock(), heap_session->ticks_per_us * (1000000u / COPIES_PER_S),
                       COPIES_AT_ONCE);
}

/* The hash's id; 0: it has none. A new one has to be told by the caller. */
static uint32_t id_of(uint64_t hash, bool may_add, bool *ret_is_new)
{
    uint64_t wanted = hash ? hash : 1;
    unsigned probe;

    *ret_is_new = false;
    for (probe = 0; probe < PROBE_COUNT; probe++) {
        uint64_t at = (wanted + probe) & (STACK_KEY_COUNT - 1);
        uint64_t expected = __atomic_load_n(&heap->stacks[at], __ATOMIC_RELAXED);

        if (expected == wanted)
            return (uint32_t)at + 1;
        if (expected)
            continue;
        if (!may_add)
            return 0;
        if (__atomic_compare_exchange_n(&heap->stacks[at], &expected, wanted, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED)) {
            *ret_is_new = true;
            __atomic_fetch_add(&heap->stack_count, 1, __ATOMIC_RELAXED);
            return (uint32_t)at + 1;
        }
        if (expected == wanted)
            return (uint32_t)at + 1;
    }
    return 0;
}

uint32_t heap_stack(struct heap_lane *lane, struct heap_caller caller)
{
    const struct guest_range bounds = {self.stack_low, self.stack_high};
    const uint64_t place = (uint64_t)caller.address - 1;
    struct found found;
    uint64_t key;
    uint32_t id;
    bool is_new;

    found.top = guest_top_of((uint64_t)caller.frame + 16, bounds, HEAP_DUMP_WORDS);
    found.python = UNLIKELY(lane->python != NULL) ? heap_python_read(lane) : 0;
    key = guest_memo_key(place, &found.top) ^ found.python;
    id = (uint32_t)guest_memo_find(lane->memos, key, heap_code(), place, *(const uint64_t *)caller.frame,
                                   &found.top);
    if (__builtin_expect(id != 0, 1))
        return id;
    if (UNLIKELY(!heap->module_count))
        heap_maps_read(lane);
    look(lane, caller, &found);
    id = id_of(found.hash, false, &is_new);
    if (!id && !is_granted())
        look_at_chain(&found);
    if (!id)
        id = id_of(found.hash, true, &is_new);
    if (is_new)
        tell(lane, &found, id);
    if (id && key && found.is_copied)
        guest_memo_put(lane->memos, key, &found.places,
                       &(struct guest_memo){.value = id,
                                            .chain_hash = found.chain.hash,
                                            .is_walked = found.chain.hash || !found.top.is_all});
    return id;
}
