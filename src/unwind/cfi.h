/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cfi: what compilers say of their functions' frames (.eh_frame, .debug_frame), as rows: from this address on, that rule.
 *
 * Pure: bytes in, calls out. What is said is cut down to what a walk from a sample can use: where the caller's frame
 * begins, its return address and its frame pointer, as far as they follow from the stack pointer and the frame pointer.
 * Rules that need another register become rule "not known".
 *
 * The bytes come from any file: every read is checked, and the work is linear in their number (a common entry is
 * read once, however many functions refer to it).
 *
 * Sources: DWARF 5, 6.4; Linux Standard Base, "Exception Frames"; System V ABI for AMD64 and for AArch64.
 */
#ifndef TOLL_UNWIND_CFI_H
#define TOLL_UNWIND_CFI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/unwind_table.h"

struct cfi_section {
    const uint8_t *bytes;
    size_t size;
    uint64_t address; /* where it is loaded: addresses in it are relative to themselves */
    bool is_debug;    /* .debug_frame, else .eh_frame */
    uint32_t machine; /* EM_X86_64 or EM_AARCH64 */
};

struct cfi_function {
    uint64_t low, high; /* addresses; high is past the end */
};

/* What a section says, in its order. Each returns 0 to go on, a negative code (err set) to stop with it. */
struct cfi_visitor {
    void *context;
    /* A function begins; *ret_wanted false passes over its rows. */
    int (*function)(void *context, const struct cfi_function *function, bool *ret_wanted, struct err *err);
    /* From `address` on, inside the function told last, up to the next row. Addresses ascend. */
    int (*row)(void *context, uint64_t address, const struct unwind_rule *rule, struct err *err);
};

/* Entries that make no sense are passed over. Fails only when a visitor does, or memory runs out. */
WARN_UNUSED int cfi_visit(const struct cfi_section *section, const struct cfi_visitor *visitor,
                          struct err *err);

#endif
