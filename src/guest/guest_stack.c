/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/guest_stack.h"

#define ADDRESS_MIN 4096u

/* Whatever a register holds: near the end of all addresses a sum would wrap. */
static bool has_frame(uint64_t address, const struct guest_top *top)
{
    return address >= (uint64_t)top->words && address < top->high && top->high - address >= 16 &&
           !(address & 7);
}

void guest_walk(const struct guest_code *code, uint64_t place, uint64_t frame, const struct guest_top *top,
                struct guest_chain *ret_chain)
{
    uint64_t copied = (uint64_t)top->words + 8ull * top->count, hash = 0;
    unsigned count = 0;

    ret_chain->addresses[count++] = place;
    while (count < GUEST_DEPTH_MAX && has_frame(frame, top)) {
        const uint64_t *link = (const uint64_t *)frame;
        bool is_last = link[0] <= frame || !has_frame(link[0], top);
        bool is_known = guest_code_has(code, link[1]);

        if (link[1] < ADDRESS_MIN || (is_last && !is_known))
            break;
        ret_chain->addresses[count++] = link[1];
        if (!is_known || frame >= copied)
            hash = (hash ^ link[1]) * GUEST_MULTIPLY;
        if (is_last)
            break;
        frame = link[0];
    }
    ret_chain->count = count;
    ret_chain->hash = hash;
}

static bool memo_matches(const struct guest_memo *memo, const struct guest_top *top)
{
    uint64_t sum = 0;
    unsigned i;

    for (i = 0; i < memo->count && i < GUEST_PLACE_MAX; i++) {
        unsigned place = memo->places[i];

        if (place >= top->count)
            return false;
        sum += guest_place_sum(place, top->words[place]);
    }
    return sum == memo->sum;
}

static unsigned set_of(uint64_t key)
{
    return (unsigned)((key >> 32) % (GUEST_MEMO_COUNT / GUEST_MEMO_WAYS)) * GUEST_MEMO_WAYS;
}

uint64_t guest_memo_find(const struct guest_memos *memos, uint64_t key, const struct guest_code *code,
                         uint64_t place, uint64_t frame, const struct guest_top *top)
{
    const struct guest_memo *memo = &memos->items[set_of(key)], *end = memo + GUEST_MEMO_WAYS;

    for (; memo < end; memo++) {
        struct guest_chain chain;

        if (memo->key != key || !memo_matches(memo, top))
            continue;
        if (!memo->is_walked)
            return memo->value;
        guest_walk(code, place, frame, top, &chain);
        if (chain.hash == memo->chain_hash)
            return memo->value;
    }
    return 0;
}

void guest_memo_put(struct guest_memos *memos, uint64_t key, const struct guest_places *places,
                    const struct guest_memo *like)
{
    struct guest_memo *memo = &memos->items[set_of(key) + memos->next++ % GUEST_MEMO_WAYS];
    unsigned i;

    if (!places->count || places->count > GUEST_PLACE_MAX)
        return;
    memo->key = 0;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    memo->is_walked = like->is_walked;
    memo->chain_hash = like->chain_hash;
    memo->count = (uint16_t)places->count;
    for (i = 0; i < places->count; i++)
        memo->places[i] = places->places[i];
    memo->sum = places->sum;
    memo->value = like->value;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    memo->key = key;
}

bool guest_grant(uint64_t *due, uint64_t now, uint64_t ticks_each, unsigned at_once)
{
    uint64_t next = __atomic_load_n(due, __ATOMIC_RELAXED);

    if (next > now + at_once * ticks_each)
        return false;
    __atomic_store_n(due, (next > now ? next : now) + ticks_each, __ATOMIC_RELAXED);
    return true;
}
