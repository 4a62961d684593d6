/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unwind_table: how to find the caller from any place in one ELF file, and the file of the cache that holds it.
 *
 *     OFFSET SIZE MEANING                              all numbers little-endian
 *          0    8 "TOLLUNW2"
 *          8    4 machine, as ELF names it (EM_X86_64, EM_AARCH64)
 *         12    4 size of the build-id, at most 64
 *         16   64 build-id, zeros behind it
 *         80    4 number of rules U, at most 65536
 *         84    4 number of rows R
 *         88    8 hash of everything behind it (map_hash_bytes)
 *         96 28 U rules (struct unwind_rule)
 *             4 R places: offsets in the ELF file, ascending; a row holds up to the next one's place
 *             2 R indexes of rules, one for each place
 *
 * Rule 0 says that nothing is known. Places are offsets in the file, which is what a mapping gives without knowing where
 * the loader put it. Freestanding: nothing here allocates or calls anything; what is read is checked.
 */
#ifndef TOLL_WIRE_UNWIND_TABLE_H
#define TOLL_WIRE_UNWIND_TABLE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNWIND_MAGIC          "TOLLUNW2"
#define UNWIND_BUILD_ID_MAX   64u
#define UNWIND_RULE_COUNT_MAX 65536u
#define UNWIND_ROW_COUNT_MAX  (16u << 20)

/* The canonical frame address: the stack pointer before the call that made the frame. */
enum unwind_cfa {
    UNWIND_CFA_NONE,     /* not known */
    UNWIND_CFA_SP,       /* stack pointer + cfa_offset */
    UNWIND_CFA_BP,       /* frame pointer + cfa_offset */
    UNWIND_CFA_SP_DEREF, /* what lies at stack pointer + cfa_offset, + cfa_more */
    UNWIND_CFA_BP_DEREF, /* what lies at frame pointer + cfa_offset, + cfa_more */
    UNWIND_CFA_BASE,     /* base register + cfa_offset */
    UNWIND_CFA_PLT       /* stack pointer + cfa_offset, and 8 more where (place & 15) >= cfa_more */
};

/* Where the caller's value of a register is. */
enum unwind_value {
    UNWIND_SAME,     /* still there (the return address of AArch64: in the link register) */
    UNWIND_AT_CFA,   /* in memory at CFA + offset */
    UNWIND_AT_SP,    /* in memory at the stack pointer + offset */
    UNWIND_AT_BP,    /* in memory at the frame pointer + offset */
    UNWIND_UNDEFINED /* nowhere; of the return address: nobody called this, the stack ends */
};

#define UNWIND_SIGNAL                                                                                        \
    1u /* flag: the frame was made by a signal: its return address is where it hit, behind no call */

/* The base register (rbx of x86-64, x19 of AArch64) is another that calls leave alone: a few functions, that which binds a
 * library's function at its first call among them, keep their frame's place there. */
struct unwind_rule {
    uint8_t cfa;            /* enum unwind_cfa */
    uint8_t return_address; /* enum unwind_value */
    uint8_t frame_pointer;  /* enum unwind_value */
    uint8_t base;           /* enum unwind_value */
    uint8_t flags;
    uint8_t reserved[3];
    int32_t cfa_offset;
    int32_t cfa_more;
    int32_t return_address_offset;
    int32_t frame_pointer_offset;
    int32_t base_offset;
};
static_assert(sizeof(struct unwind_rule) == 28, "on disk");

struct unwind_header {
    char magic[8];
    uint32_t machine;
    uint32_t build_id_size;
    uint8_t build_id[UNWIND_BUILD_ID_MAX];
    uint32_t rule_count;
    uint32_t row_count;
    uint64_t hash;
};
static_assert(sizeof(struct unwind_header) == 96, "on disk");
static_assert(offsetof(struct unwind_header, hash) == 88, "on disk");

/* Points into the bytes of a file. */
struct unwind_table {
    const struct unwind_rule *rules;
    const uint32_t *places;
    const uint16_t *rule_indexes;
    uint32_t rule_count, row_count;
    uint32_t machine;
};

static inline uint64_t unwind_table_bytes(uint32_t rule_count, uint32_t row_count)
{
    return sizeof(struct unwind_header) + (uint64_t)rule_count * sizeof(struct unwind_rule) +
           (uint64_t)row_count * (sizeof(uint32_t) + sizeof(uint16_t));
}

/* `bytes` are aligned to 8 and stay. False when their sizes do not fit; magic, build-id and hash are the caller's. */
static inline bool unwind_table_open(const void *bytes, size_t size, struct unwind_table *ret_table)
{
    const struct unwind_header *header = (const struct unwind_header *)bytes;

    if (size < sizeof *header || header->rule_count == 0 || header->rule_count > UNWIND_RULE_COUNT_MAX ||
        header->row_count > UNWIND_ROW_COUNT_MAX ||
        unwind_table_bytes(header->rule_count, header->row_count) != size)
        return false;
    ret_table->rules = (const struct unwind_rule *)(const void *)(header + 1);
    ret_table->places = (const uint32_t *)(const void *)(ret_table->rules + header->rule_count);
    ret_table->rule_indexes = (const uint16_t *)(const void *)(ret_table->places + header->row_count);
    ret_table->rule_count = header->rule_count;
    ret_table->row_count = header->row_count;
    ret_table->machine = header->machine;
    return true;
}

/* The rule for a place; NULL when nothing is known of it. At most 24 looks. */
static inline const struct unwind_rule *unwind_table_find(const struct unwind_table *table, uint64_t place)
{
    uint32_t low = 0, high = table->row_count, index;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (table->places[middle] > place)
            high = middle;
        else
            low = middle + 1;
    }
    if (low == 0)
        return NULL;
    index = table->rule_indexes[low - 1];
    return index && index < table->rule_count ? &table->rules[index] : NULL;
}

#endif
