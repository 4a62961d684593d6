/* SPDX-License-Identifier: Apache-2.0 */
/* calls: what the program calls: fill slots, publish the head. The slow paths are in attach.c. */
#include "sdk/internal.h"

#include <string.h>

#define LIKELY(condition) __builtin_expect(!!(condition), 1)

/* The thread's block when it has room as it stands, else by the slow path. */
static inline struct sdk_thread *room_for(unsigned count)
{
    struct sdk_thread *thread = sdk_self;

    if (LIKELY(thread->head + count <= thread->limit && !thread->is_busy))
        return thread;
    return sdk_room(count, false);
}

/* The same for what ends something: it may use the reserve. */
static inline struct sdk_thread *room_for_end(void)
{
    struct sdk_thread *thread = sdk_self;

    if (LIKELY(thread->head < thread->limit_end && !thread->is_busy))
        return thread;
    return sdk_room(1, true);
}

static inline void claim(struct sdk_thread *thread)
{
    thread->is_busy = 1;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static inline void fill(struct sdk_thread *thread, unsigned offset, uint64_t value, uint64_t word)
{
    struct ring_slot *slot = &thread->slots[(thread->head + offset) & thread->mask];

    slot->word = word;
    slot->value = value;
}

static inline void publish(struct sdk_thread *thread, unsigned count)
{
    thread->head += count;
    __atomic_store_n(&thread->ring->head, thread->head, __ATOMIC_RELEASE);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    thread->is_busy = 0;
}

static uint64_t double_bits(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline struct toll_span begin(struct sdk_thread *thread, uint32_t name)
{
    struct toll_span span;

    claim(thread);
    span.index = thread->head;
    span.thread = thread;
    fill(thread, 0, sdk_clock(thread->is_clock_tsc), ring_word(RING_BEGIN, name, 0));
    publish(thread, 1);
    return span;
}

/* Room comes before the name (getting it is what makes the process's names file), and once more behind it. */
static __attribute__((noinline)) struct toll_span begin_first(struct toll_site *site)
{
    const struct toll_span none = {0, 0};
    struct sdk_thread *thread;
    uint32_t name;

    if (!room_for(1))
        return sdk_hold_begin(site->name);
    name = sdk_name_of_site(site);
    thread = room_for(1);
    return thread ? begin(thread, name) : none;
}

/* An index is never 0: rings start far above it (attach.c). */
struct toll_span toll_sdk_begin_site(struct toll_site *site)
{
    const struct toll_span none = {0, 0};
    struct sdk_thread *thread;
    uint32_t name = __atomic_load_n(&site->id, __ATOMIC_ACQUIRE);

    if (!LIKELY(name))
        return begin_first(site);
    thread = room_for(1);
    return LIKELY(thread) ? begin(thread, name) : none;
}

struct toll_span toll_sdk_begin(const char *name)
{
    struct toll_site site = {name, 0};

    return begin_first(&site);
}

void toll_sdk_end(struct toll_span span)
{
    struct sdk_thread *thread = sdk_self;
    uint64_t now;

    if (thread != span.thread || !thread->ring) {
        sdk_hold_end(span);
        return;
    }
    now = sdk_clock(thread->is_clock_tsc);
    thread = room_for_end();
    if (!thread)
        return;
    claim(thread);
    fill(thread, 0, now, ring_word(RING_END, 0, (uint32_t)span.index));
    publish(thread, 1);
}

/* For events whose value is the time, `value` is taken by the caller: before the room that it may wait for. */
static void one_slot(enum ring_kind kind, uint64_t value, uint32_t name, uint32_t argument)
{
    struct sdk_thread *thread = room_for(1);

    if (!thread)
        return;
    claim(thread);
    fill(thread, 0, value, ring_word(kind, name, argument));
    publish(thread, 1);
}

void toll_sdk_usage_known(unsigned kind, double amount)
{
    if (room_for(1))
        one_slot(RING_USAGE, double_bits(amount), sdk_name_of_usage(kind), 0);
}

void toll_sdk_usage(const char *kind, double amount)
{
    if (room_for(1))
        one_slot(RING_USAGE, double_bits(amount), sdk_name(kind), 0);
}

void toll_sdk_counter(const char *name, double value)
{
    struct sdk_thread *thread;
    uint32_t id;

    if (!room_for(2))
        return;
    id = sdk_name(name);
    thread = room_for(2);
    if (!thread)
        return;
    claim(thread);
    fill(thread, 0, sdk_clock(thread->is_clock_tsc), ring_word(RING_COUNTER, id, 0));
    fill(thread, 1, double_bits(value), RING_MORE);
    publish(thread, 2);
}

void toll_sdk_track_begin(unsigned kind, const char *name)
{
    struct sdk_thread *thread = room_for(1);

    if (thread)
        one_slot(RING_TRACK_BEGIN, sdk_clock(thread->is_clock_tsc), sdk_name(name), kind);
}

void toll_sdk_track_end(unsigned kind)
{
    struct sdk_thread *thread = room_for_end();

    if (!thread)
        return;
    claim(thread);
    fill(thread, 0, sdk_clock(thread->is_clock_tsc), ring_word(RING_TRACK_END, 0, kind));
    publish(thread, 1);
}

void toll_sdk_mark(unsigned pid, const char *name)
{
    struct sdk_thread *thread = room_for(1);

    if (thread)
        one_slot(RING_MARK, sdk_clock(thread->is_clock_tsc), sdk_name(name), pid);
}

/*
 * A token is "toll1-<session>-<pid>-<tid>-<time>" in lower-case hexadecimal, 8, 8, 8 and 16 digits: nothing
 * needs looking up at the other end, and a token of another session is seen to be foreign.
 */
#define TOKEN_PREFIX "toll1"

static const unsigned char token_digits[] = {8, 8, 8, 16};
static_assert(sizeof TOKEN_PREFIX + 4 + 8 + 8 + 8 + 16 <= TOLL_TOKEN_BYTES, "a token fits");

void toll_sdk_token(char token[TOLL_TOKEN_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    struct sdk_thread *thread = sdk_self->ring ? sdk_self : sdk_room(1, true);
    struct sdk_identity identity;
    uint64_t fields[4];
    char *end = token;
    unsigned i, digit;

    if (!thread)
        return;
    identity = sdk_identity();
    fields[0] = identity.session;
    fields[1] = identity.pid;
    fields[2] = thread->tid;
    fields[3] = sdk_clock(thread->is_clock_tsc);
    memcpy(end, TOKEN_PREFIX, sizeof TOKEN_PREFIX - 1);
    end += sizeof TOKEN_PREFIX - 1;
    for (i = 0; i < 4; i++) {
        *end++ = '-';
        for (digit = token_digits[i]; digit-- > 0;)
            *end++ = digits[fields[i] >> 4 * digit & 15];
    }
    *end = '\0';
}

static bool token_parse(const char *token, uint64_t ret_fields[4])
{
    unsigned i, digit;

    if (strncmp(token, TOKEN_PREFIX, sizeof TOKEN_PREFIX - 1) != 0)
        return false;
    token += sizeof TOKEN_PREFIX - 1;
    for (i = 0; i < 4; i++) {
        if (*token++ != '-')
            return false;
        ret_fields[i] = 0;
        for (digit = 0; digit < token_digits[i]; digit++, token++) {
            if (*token >= '0' && *token <= '9')
                ret_fields[i] = ret_fields[i] << 4 | (uint64_t)(*token - '0');
            else if (*token >= 'a' && *token <= 'f')
                ret_fields[i] = ret_fields[i] << 4 | (uint64_t)(*token - 'a' + 10);
            else
                return false;
        }
    }
    return *token == '\0';
}

void toll_sdk_edge(unsigned kind, const char *token)
{
    struct sdk_thread *thread;
    uint64_t fields[4];

    if (!token || !token_parse(token, fields))
        return;
    thread = room_for(3);
    if (!thread || fields[0] != sdk_identity().session)
        return;
    claim(thread);
    fill(thread, 0, sdk_clock(thread->is_clock_tsc), ring_word(RING_EDGE, 0, kind));
    fill(thread, 1, fields[3], RING_MORE);
    fill(thread, 2, fields[1] << 32 | fields[2], RING_MORE);
    publish(thread, 3);
}
