/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unwind: the id of a thread's stack, from inside a signal handler if need be, and what the recorder needs to find its callers.
 *
 * A stack that is new to a ring is told with its registers and a copy of its top, in which the recorder finds the callers by the
 * compilers' own tables; most code keeps no frame pointers. What lies deeper than the copy, and code that was made at run time,
 * frame pointers tell: one is believed when it lies on this thread's stack, above the one before. What lies between the
 * stack pointer and the stack's end is always mapped, so whatever a program without frame pointers keeps in that register gives
 * a wrong caller at worst. On a stack that is not the thread's own (coroutines, signal stacks) only the page of the
 * stack pointer is read.
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

#define ADDRESS_MIN    4096u
#define HASH_MULTIPLY  GUEST_MULTIPLY
#define COPIES_PER_S   1000u /* of waits, in a process */
#define COPIES_AT_ONCE 2000u
#define WORDS_BEHIND_END                                                                                     \
    2u /* the frame that the last return address belongs to may have its own place there */

struct chain {
    uint64_t addresses[CALL_STACK_DEPTH_MAX];
    unsigned count;
    uint64_t hash; /* of the addresses that no copy tells */
};

/* What lies above the stack pointer, as far as it is this thread's stack. */
struct top {
    const uint64_t *words;
    unsigned count; /* of a copy */
    uint64_t high;  /* up to there the stack may be read */
    bool is_all;    /* a copy would reach the stack's end */
};

void stack_limits(uint64_t high, uint64_t bytes)
{
    self.stack_high = high;
    self.stack_low = high - bytes;
}

static inline struct top top_of(uint64_t sp)
{
    bool is_own = sp >= self.stack_low && sp < self.stack_high;
    struct top top = {.words = (const uint64_t *)sp, .high = is_own ? self.stack_high : (sp | 4095) + 1};
    uint64_t words = sp & 7 ? 0 : (top.high - sp) / 8;

    top.count = words < CALL_COPY_WORDS_MAX ? (unsigned)words : CALL_COPY_WORDS_MAX;
    top.is_all = is_own && top.count == words;
    return top;
}

/* Addresses that are no file's code count when the frame's link leads on: code made at run time keeps frame pointers. */
static void walk(struct chain *chain, const struct stack_at *at, const struct top *top)
{
    uint64_t frame = at->registers[CALL_REGISTER_FRAME], low = at->registers[CALL_REGISTER_STACK];
    uint64_t copied = low + 8ull * top->count;

    chain->addresses[0] = at->registers[CALL_REGISTER_PLACE];
    chain->count = 1;
    chain->hash = 0;
    while (chain->count < CALL_STACK_DEPTH_MAX && frame >= low && frame + 16 <= top->high && !(frame & 7)) {
        const uint64_t *link = (const uint64_t *)frame;
        bool is_last = link[0] <= frame || link[0] + 16 > top->high || (link[0] & 7);
        bool is_known = guest_code_has(maps_code, link[1]);

        if (link[1] < ADDRESS_MIN || (is_last && !is_known))
            break;
        chain->addresses[chain->count++] = link[1];
        if (!is_known || frame >= copied)
            chain->hash = (chain->hash ^ link[1]) * HASH_MULTIPLY;
        if (is_last)
            break;
        frame = link[0];
    }
}

static uint64_t id_of(uint64_t place, uint64_t sum, uint64_t chain_hash)
{
    uint64_t id = guest_mix(sum + place * HASH_MULTIPLY) ^ chain_hash;

    id = guest_mix(id);
    return id ? id : 1;
}

/* --- stacks that the ring has told --- */

static bool is_known(const struct lane *lane, uint64_t id)
{
    return lane->stacks[id & (LANE_STACK_COUNT - 1)] == id;
}

static uint64_t memo_key(const struct stack_at *at)
{
    uint64_t key =
        guest_mix(at->registers[CALL_REGISTER_PLACE] * HASH_MULTIPLY + at->registers[CALL_REGISTER_STACK]);

    return key ? key : 1;
}

static struct stack_memo *memo_set(struct lane *lane, uint64_t key)
{
    return &lane->memos[(key >> 32) % (LANE_MEMO_COUNT / LANE_MEMO_WAYS) * LANE_MEMO_WAYS];
}

/* A memo that a signal's handler changed halfway matches nothing: its words do not come to its id. */
static bool memo_matches(const struct stack_memo *memo, const struct stack_at *at, const struct top *top)
{
    uint64_t sum = 0, chain_hash = 0;
    unsigned i;

    for (i = 0; i < memo->count && i < GUEST_PLACE_MAX; i++) {
        unsigned place = memo->places[i];

        if (place >= top->count)
            return false;
        sum += guest_place_sum(place, top->words[place]);
    }
    if (memo->is_walked) {
        struct chain chain;

        walk(&chain, at, top);
        chain_hash = chain.hash;
    }
    return id_of(at->registers[CALL_REGISTER_PLACE], sum, chain_hash) == memo->id;
}

static uint64_t memo_find(struct lane *lane, uint64_t key, const struct stack_at *at, const struct top *top)
{
    const struct stack_memo *memo = memo_set(lane, key);
    unsigned i;

    for (i = 0; i < LANE_MEMO_WAYS; i++, memo++)
        if (memo->key == key && memo_matches(memo, at, top))
            return memo->id;
    return 0;
}

static void memo_put(struct lane *lane, uint64_t key, uint64_t id, const struct guest_places *places,
                     bool is_walked)
{
    struct stack_memo *memo = memo_set(lane, key) + lane->memo_next++ % LANE_MEMO_WAYS;
    unsigned i;

    if (places->count > GUEST_PLACE_MAX)
        return; /* not all that matter have a place */
    memo->key = 0;
    memo->is_walked = is_walked;
    memo->count = (uint16_t)places->count;
    for (i = 0; i < places->count; i++)
        memo->places[i] = places->places[i];
    memo->id = id;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    memo->key = key;
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
static bool chain_clean(struct chain *chain)
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

/* Those of the next second may be had already, so that a program may begin with many different stacks. */
static bool copy_is_granted(void)
{
    uint64_t now = calls_clock(), step = calls_ticks_of_us(1000000u / COPIES_PER_S);
    uint64_t due = __atomic_load_n(&calls->copy_due, __ATOMIC_RELAXED);

    if (due > now + COPIES_AT_ONCE * step)
        return false;
    __atomic_store_n(&calls->copy_due, (due > now ? due : now) + step, __ATOMIC_RELAXED);
    return true;
}

static uint64_t chain_id(const struct chain *chain)
{
    uint64_t id = 0;
    unsigned i;

    for (i = 0; i < chain->count; i++)
        id = (id ^ chain->addresses[i]) * HASH_MULTIPLY ^ id >> 29;
    return id ? id : 1;
}

/* `copy` words of the top behind it; 0: the chain alone. */
static uint64_t stack_put(struct lane *lane, uint64_t id, const struct chain *chain,
                          const struct stack_at *at, const struct top *top, unsigned copy)
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

static unsigned copy_words(const struct lane *lane, const struct top *top, const struct guest_places *places)
{
    unsigned words = places->end ? places->end + WORDS_BEHIND_END : 0;

    if (words > top->count)
        words = top->count;
    return lane_has_room(lane, words + (unsigned)((lane->mask + 1) / 2)) ? words : 0;
}

static void look(struct lane *lane, const struct top *top, struct guest_places *ret_places)
{
    maps_tell(lane);
    guest_places_find(maps_code, top->words, top->count, ret_places);
}

uint64_t stack_tell(struct lane *lane, const void *caller, const void *frame)
{
    const struct stack_at at = {
        {[CALL_REGISTER_PLACE] = (uint64_t)caller - 1, /* inside the call, not behind it */
         [CALL_REGISTER_STACK] = (uint64_t)frame + 16,
         [CALL_REGISTER_FRAME] = *(const uint64_t *)frame}};
    struct top top = top_of(at.registers[CALL_REGISTER_STACK]);
    uint64_t key = memo_key(&at), id = memo_find(lane, key, &at, &top);
    struct guest_places places;
    struct chain chain;
    unsigned copy = 0;

    if (__builtin_expect(id != 0, 1))
        return id;
    look(lane, &top, &places);
    walk(&chain, &at, &top);
    id = id_of(at.registers[CALL_REGISTER_PLACE], places.sum, chain.hash);
    if (!is_known(lane, id)) {
        copy = copy_words(lane, &top, &places);
        if (!copy || !copy_is_granted())
            return stack_put(lane, chain_id(&chain), &chain, &at, &top, 0);
        id = stack_put(lane, id, &chain, &at, &top, copy);
    }
    if (id)
        memo_put(lane, key, id, &places, chain.hash || !top.is_all);
    return id;
}

uint64_t stack_tell_sample(struct lane *lane, const struct stack_at *at, bool *ret_is_own)
{
    struct top top = top_of(at->registers[CALL_REGISTER_STACK]);
    struct guest_places places;
    struct chain chain;
    uint64_t id;
    unsigned copy;

    look(lane, &top, &places);
    walk(&chain, at, &top);
    id = id_of(at->registers[CALL_REGISTER_PLACE], places.sum, chain.hash);
    *ret_is_own = chain_clean(&chain);
    if (is_known(lane, id))
        return id;
    copy = copy_words(lane, &top, &places);
    return stack_put(lane, copy ? id : chain_id(&chain), &chain, at, &top, copy);
}
