/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unwind: the id of a thread's stack, from inside a signal handler if need be, and what the recorder needs to find its callers.
 *
 * A stack that is new to a ring is told with its registers and a copy of its top, in which the recorder finds the callers by the
 * compilers' own tables; most code keeps no frame pointers. What lies deeper than the copy, and code that was made at run time,
 * frame pointers tell (guest/guest_stack.h).
 *
 * An id is a hash of the place of execution, of all words in the top that may be return addresses (guest/guest_code.h), and of
 * what frame pointers tell besides. Threads share ids. A wait's stack is looked for among those that its ring has told
 * from the same place with the same stack pointer: then only the words that matter are read.
 *
 * Copies take no more than half of a ring, and waits no more than so many a second: what has none is told by frame pointers.
 *
 * Nobody who looks for his program's time wants this library's functions in his stacks: of a sample inside a hook only the
 * hook's own frame stays, under the name of the function that it stands for. Where there is a copy the recorder sees to that.
 */
#include "preload/internal.h"

#define COPIES_PER_S   1000u /* of waits, in a process */
#define COPIES_AT_ONCE 2000u
#define WORDS_BEHIND   2u /* the last return address: its frame may hold more there */

static_assert(GUEST_DEPTH_MAX <= CALL_STACK_DEPTH_MAX, "as wire/call_ring.h says");

void stack_limits(uint64_t high, uint64_t bytes)
{
    self.stack_high = high;
    self.stack_low = high - bytes;
}

static inline struct guest_top top_of(uint64_t sp)
{
    return guest_top_of(sp, (struct guest_range){self.stack_low, self.stack_high}, CALL_COPY_WORDS_MAX);
}

static void walk(const struct stack_at *at, const struct guest_top *top, struct guest_chain *ret_chain)
{
    guest_walk(maps_code, at->registers[CALL_REGISTER_PLACE], at->registers[CALL_REGISTER_FRAME], top,
               ret_chain);
}

static uint64_t id_of(const struct guest_chain *chain, uint64_t sum)
{
    uint64_t id = guest_mix(guest_mix(sum + chain->addresses[0] * GUEST_MULTIPLY) ^ chain->hash);

    return id ? id : 1;
}

static bool is_known(const struct lane *lane, uint64_t id)
{
    return lane->stacks[id & (LANE_STACK_COUNT - 1)] == id;
}

/* --- what is told --- */

static bool is_own(uint64_t address)
{
    return address >= maps_own_low && address < maps_own_high;
}

/*
 * Takes this library's frames out of the chain, and tells whether its code was at work: it was interrupted itself, or
 * something that it called other than for the program, from below a hook. Then the hook's frame stays.
 */
static bool chain_clean(struct guest_chain *chain)
{
    unsigned first = 0, end, kept, i;
    bool is_at_work;

    while (first < chain->count && !is_own(chain->addresses[first]))
        first++;
    for (end = first; end < chain->count && is_own(chain->addresses[end]);)
        end++;
    is_at_work = end > first && (first == 0 || end - first > 1);
    kept = is_at_work ? 0 : first;
    if (is_at_work)
        chain->addresses[kept++] = chain->addresses[end - 1];
    for (i = end; i < chain->count; i++)
        if (!is_own(chain->addresses[i]))
            chain->addresses[kept++] = chain->addresses[i];
    chain->count = kept;
    return is_at_work;
}

/* A program may begin with many different stacks. */
static bool copy_is_granted(void)
{
    return guest_grant(&calls->copy_due, calls_clock(), calls_ticks_of_us(1000000u / COPIES_PER_S),
                       COPIES_AT_ONCE);
}

static uint64_t chain_id(const struct guest_chain *chain)
{
    uint64_t id = 0;
    unsigned i;

    for (i = 0; i < chain->count; i++)
        id = (id ^ chain->addresses[i]) * GUEST_MULTIPLY ^ id >> 29;
    return id ? id : 1;
}

/* `copy` words of the top behind it; 0: the chain alone. */
static uint64_t stack_put(struct lane *lane, uint64_t id, const struct guest_chain *chain,
                          const struct stack_at *at, const struct guest_top *top, unsigned copy)
{
    unsigned own = 2 + chain->count + (copy ? CALL_REGISTER_COUNT : 0), word = 2, i;

    if (is_known(lane, id))
        return id;
    if (!lane_begin(lane, own + copy))
        return 0;
    lane_put(lane, 0, call_head(CALL_STACK, own, copy, chain->count));
    lane_put(lane, 1, id);
    for (i = 0; i < chain->count; i++)
        lane_put(lane, word++, chain->addresses[i]);
    for (i = 0; copy && i < CALL_REGISTER_COUNT; i++)
        lane_put(lane, word++, at->registers[i]);
    for (i = 0; i < copy; i++)
        lane_put(lane, word++, top->words[i]);
    lane_commit(lane, own + copy);
    lane->stacks[id & (LANE_STACK_COUNT - 1)] = id;
    return id;
}

static unsigned copy_words(const struct lane *lane, const struct guest_top *top,
                           const struct guest_places *places)
{
    unsigned words = places->end ? places->end + WORDS_BEHIND : 0;

    if (words > top->count)
        words = top->count;
    return lane_has_room(lane, words + (unsigned)((lane->mask + 1) / 2)) ? words : 0;
}

static uint64_t look_once(const struct stack_at *at, const struct guest_top *top,
                          struct guest_places *ret_places, struct guest_chain *ret_chain)
{
    guest_places_find(maps_code, top->words, top->count, ret_places);
    walk(at, top, ret_chain);
    return id_of(ret_chain, ret_places->sum);
}

/*
 * Asking for the libraries takes the loader's lock, which another thread may hold for as long as it waits for this one: for
 * stacks alone that are new to the ring.
 */
static uint64_t look(struct lane *lane, const struct stack_at *at, const struct guest_top *top,
                     struct guest_places *ret_places, struct guest_chain *ret_chain)
{
    uint64_t id = look_once(at, top, ret_places, ret_chain);

    if (!is_known(lane, id) && maps_tell(lane))
        id = look_once(at, top, ret_places, ret_chain);
    return id;
}

uint64_t stack_tell(struct lane *lane, const void *caller, const void *frame)
{
    const struct stack_at at = {
        {[CALL_REGISTER_PLACE] = (uint64_t)caller - 1, /* inside the call, not behind it */
         [CALL_REGISTER_STACK] = (uint64_t)frame + 16,
         [CALL_REGISTER_FRAME] = *(const uint64_t *)frame}};
    struct guest_top top = top_of(at.registers[CALL_REGISTER_STACK]);
    uint64_t key = guest_memo_key(at.registers[CALL_REGISTER_PLACE], &top),
             id = guest_memo_find(lane->memos, key, maps_code, at.registers[CALL_REGISTER_PLACE],
                                  at.registers[CALL_REGISTER_FRAME], &top);
    struct guest_places places;
    struct guest_chain chain;
    unsigned copy = 0;

    if (__builtin_expect(id != 0, 1))
        return id;
    id = look(lane, &at, &top, &places, &chain);
    if (!is_known(lane, id)) {
        copy = copy_words(lane, &top, &places);
        if (!copy || !copy_is_granted())
            return stack_put(lane, chain_id(&chain), &chain, &at, &top, 0);
        id = stack_put(lane, id, &chain, &at, &top, copy);
    }
    if (id)
        guest_memo_put(lane->memos, key, &places,
                       &(struct guest_memo){
                           .value = id, .chain_hash = chain.hash, .is_walked = chain.hash || !top.is_all});
    return id;
}

uint64_t stack_tell_sample(struct lane *lane, const struct stack_at *at, bool *ret_is_own)
{
    struct guest_top top = top_of(at->registers[CALL_REGISTER_STACK]);
    struct guest_places places;
    struct guest_chain chain;
    uint64_t id;
    unsigned copy;

    id = look(lane, at, &top, &places, &chain);
    *ret_is_own = chain_clean(&chain);
    if (is_known(lane, id))
        return id;
    copy = copy_words(lane, &top, &places);
    return stack_put(lane, copy ? id : chain_id(&chain), &chain, at, &top, copy);
}
