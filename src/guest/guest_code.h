/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guest_code: which addresses are code of a file, and which words of a stack may be return addresses, for one place of the
 * stack pointer.
 *
 * Where a caller's return address lies follows from the code that it called: two stacks with the same place of execution, the same
 * stack pointer and the same words wherever one of them may have a return address are the same chain of callers. So the words at
 * those places name a stack, without knowing which of them are real; stale ones only give one stack several names.
 */
#ifndef TOLL_GUEST_CODE_H
#define TOLL_GUEST_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUEST_CODE_MAX    512u /* files' segments; of more, the rest is no code */
#define GUEST_CLUSTER_MAX 4u
#define GUEST_PLACE_MAX   72u

/* Both ends belong to it: a return address may be the first one behind the code. */
struct guest_range {
    uint64_t low, high;
};

struct guest_code {
    uint32_t count, cluster_count;
    struct guest_range clusters[GUEST_CLUSTER_MAX]; /* what surely is none lies outside */
    struct guest_range ranges[GUEST_CODE_MAX];      /* ascending */
};

void guest_code_clear(struct guest_code *code);
/* Ranges do not overlap. Not while others read. */
void guest_code_add(struct guest_code *code, uint64_t low, uint64_t high);

bool guest_code_find(const struct guest_code *code, uint64_t address);
static inline bool guest_code_has(const struct guest_code *code, uint64_t address)
{
    uint32_t i;

    for (i = 0; i < code->cluster_count && i < GUEST_CLUSTER_MAX; i++)
        if (address - code->clusters[i].low <= code->clusters[i].high - code->clusters[i].low)
            return guest_code_find(code, address);
    return false;
}

/* The words of a stack that may be return addresses. */
struct guest_places {
    unsigned count;                   /* all of them; the places of the first ones follow */
    unsigned end;                     /* words up to the last one, that one too; 0: there is none */
    uint64_t sum;                     /* of guest_place_sum over all */
    uint16_t places[GUEST_PLACE_MAX]; /* ascending */
};

/* `count` up to 65536. */
void guest_places_find(const struct guest_code *code, const uint64_t *words, unsigned count,
                       struct guest_places *ret_places);

#define GUEST_MULTIPLY 0x9e3779b97f4a7c15ull

/* Sums of these differ where a word or its place does. Multiplied once more each, their sum would be no better mixed. */
static inline uint64_t guest_place_sum(unsigned place, uint64_t word)
{
    uint64_t mixed = (word ^ (uint64_t)place << 48) * GUEST_MULTIPLY;

    return mixed ^ mixed >> 29;
}

static inline uint64_t guest_mix(uint64_t sum)
{
    sum = (sum ^ sum >> 32) * GUEST_MULTIPLY;
    return sum ^ sum >> 29;
}

#endif
