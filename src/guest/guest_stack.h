/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guest_stack: a thread's own stack, read by itself: the top that may be copied, callers by frame pointers, and the stacks that
 * were met before.
 *
 * A frame pointer is believed when it lies on the thread's stack, above the one before. What lies between the stack pointer and
 * the stack's end is always mapped, so whatever a program without frame pointers keeps in that register gives a wrong caller at
 * worst. That holds while the bounds take in nothing that lies below the thread's stack: who sets them rather sets them too
 * narrow. On a stack that is not the thread's own (coroutines, signal stacks) only the page of the stack pointer is read, and
 * nothing where that begins: the stack may end there.
 */
#ifndef TOLL_GUEST_STACK_H
#define TOLL_GUEST_STACK_H

#include "guest/guest_code.h"

#define GUEST_DEPTH_MAX  64u
#define GUEST_MEMO_COUNT 64u
#define GUEST_MEMO_WAYS  4u

/* What lies above the stack pointer, as far as it is this thread's stack. */
struct guest_top {
    const uint64_t *words;
    unsigned count; /* of a copy */
    uint64_t high;  /* up to there the stack may be read */
    bool is_all;    /* a copy reaches the stack's end */
};

/* `bounds`: of the thread's stack, its end not in it; both 0 where they are not known. */
static inline struct guest_top guest_top_of(uint64_t sp, struct guest_range bounds, unsigned words_max)
{
    bool is_own = sp >= bounds.low && sp < bounds.high;
    struct guest_top top = {.words = (const uint64_t *)sp,
                            .high = is_own ? bounds.high : (sp + 4095) & ~(uint64_t)4095};
    uint64_t words = sp & 7 || top.high < sp ? 0 : (top.high - sp) / 8;

    top.count = words < words_max ? (unsigned)words : words_max;
    top.is_all = is_own && top.count == words;
    return top;
}

struct guest_chain {
    uint64_t addresses[GUEST_DEPTH_MAX]; /* the place of execution, then return addresses */
    unsigned count;
    uint64_t hash; /* of those that no copy tells: 0 when there are none */
};

/* Addresses that are no file's code count when the frame's link leads on: code made at run time keeps frame pointers. */
void guest_walk(const struct guest_code *code, uint64_t place, uint64_t frame, const struct guest_top *top,
                struct guest_chain *ret_chain);

/* A stack that was told. */
struct guest_memo {
    uint64_t key; /* of where it was met; 0: there is none */
    uint64_t sum, chain_hash, value;
    uint16_t count;
    bool is_walked; /* frame pointers tell more than a copy */
    uint16_t places[GUEST_PLACE_MAX];
};

/* Of one thread, whose signals' handlers may come in between: a memo that one of them changed halfway matches nothing. */
struct guest_memos {
    uint32_t next; /* the one that is given up next, of any set */
    struct guest_memo items[GUEST_MEMO_COUNT];
};

static inline uint64_t guest_memo_key(uint64_t place, const struct guest_top *top)
{
    uint64_t key = guest_mix(place * GUEST_MULTIPLY + (uint64_t)top->words);

    return key ? key : 1;
}

/* The value of one whose words are the same and, where it is walked, its chain too; 0: there is none. `frame` is that of the place. */
uint64_t guest_memo_find(const struct guest_memos *memos, uint64_t key, const struct guest_code *code,
                         uint64_t place, uint64_t frame, const struct guest_top *top);
/* Nothing is kept of stacks with more places than there is room for, or with none: they would match all others. */
void guest_memo_put(struct guest_memos *memos, uint64_t key, const struct guest_places *places,
                    const struct guest_memo *like);

/* So many at once, and so many a second later on: grants what costs much. `due` is kept by the caller, and shared by threads. */
bool guest_grant(uint64_t *due, uint64_t now, uint64_t ticks_each, unsigned at_once);

#endif
