/* SPDX-License-Identifier: Apache-2.0 */
/* collapse_state: what a struct collapse holds. Inside collapse/ only. */
#ifndef TOLL_COLLAPSE_COLLAPSE_STATE_H
#define TOLL_COLLAPSE_COLLAPSE_STATE_H

#include "base/map.h"
#include "base/vec.h"
#include "collapse/collapse.h"
#include "collapse/text_table.h"

#define PENDING_MAX 64u

/* A frame's line whose slot is on its way into the cache, its text from `at` on hashed. */
struct pending {
    const char *line;
    size_t length, at;
    XXH128_hash_t hash;
};

/* A stack: the innermost frame, the number of those behind it, the program. */
struct stack {
    uint32_t first, rest, program;
};
struct stack_slot {
    struct stack stack;
    uint32_t id; /* 0: the slot is free */
};

struct collapse {
    struct collapse_options options;
    char *event; /* that counts; NULL: none seen yet */
    size_t event_length;
    bool event_by_default;

    struct text_table lines;    /* what follows a frame's address, and its frame */
    struct text_table programs; /* beginnings of events' lines, and their frames */
    struct text_table rests;    /* the lines behind the first of a stack, and their number in rest_frames */
    struct intern frames;       /* tidied texts, names of programs among them */
    struct intern rest_frames;  /* of frames: uint32_t, innermost first */
    VEC(struct stack) stacks;   /* by id - 1 */
    VEC(uint64_t) counts;       /* likewise */
    struct stack_slot *slots;
    size_t slot_count;

    struct pending pending[PENDING_MAX];
    size_t pending_count;

    /* The sample that is open. */
    VEC(uint32_t) open; /* its frames, innermost first */
    uint32_t program;   /* 0: none is open */
    bool is_java;
    bool is_fresh; /* nothing is behind the event's line yet */
    uint64_t period;
    struct str text;

    struct collapse_watch watch;
    uint64_t told_count; /* of the scheduler's events */
    struct collapse_facts facts;
};

#endif
