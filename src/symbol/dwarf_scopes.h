/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dwarf_scopes: the calls inlined into one function, as a list of address ranges with the innermost call of each.
 *
 * A function's tree of scopes is read once, where thousands of its addresses are asked for: scopes nest, so a sweep over their ranges
 * by address, with a stack of those that are open, gives the innermost one of every stretch.
 */
#ifndef TOLL_SYMBOL_DWARF_SCOPES_H
#define TOLL_SYMBOL_DWARF_SCOPES_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/vec.h"

#define DWARF_SCOPE_DEPTH_MAX 64u
#define DWARF_RANGE_COUNT_MAX 65536 /* of one DIE */

struct dwarf_scope {
    Dwarf_Die die;
    uint32_t parent; /* index + 1; 0: the function */
    bool is_call;    /* else a block */
    bool is_known;   /* what follows was looked up */
    const char *name, *file;
    uint32_t line; /* of the call */
};

/* Up to where the next one begins. */
struct dwarf_stretch {
    uint64_t low;
    uint32_t scope; /* index + 1; 0: the function itself */
};

/* Zero-initialise. */
struct dwarf_scopes {
    VEC(struct dwarf_scope) scopes;
    VEC(struct dwarf_stretch) stretches; /* by address */
};

/* Replaces what was there. What cannot be read is left out; only memory can run out. */
WARN_UNUSED int dwarf_scopes_read(struct dwarf_scopes *scopes, Dwarf_Die *function, struct err *err);
/* The innermost scope of an address (index + 1; 0: none), and from where to where that holds, as far as [*low, *high) goes. */
uint32_t dwarf_scopes_find(const struct dwarf_scopes *scopes, uint64_t address, uint64_t *low,
                           uint64_t *high);
void dwarf_scopes_free(struct dwarf_scopes *scopes);

#endif
