/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dwarf_image: from an address to its source line and the calls inlined there.
 *
 * Opening indexes the address ranges of all units (without .debug_aranges, which clang leaves out). A unit's functions
 * and lines are read when the first address in it is asked for, what is inlined into a function with the first of its
 * addresses; of the last function that is kept (dwarf_scopes.h). An answer holds for a whole range of addresses.
 *
 * Source: DWARF 5 (dwarfstd.org), sections 2.17, 3.3.8; after the lazy index of gimli's addr2line.
 */
#ifndef TOLL_SYMBOL_DWARF_IMAGE_H
#define TOLL_SYMBOL_DWARF_IMAGE_H

#include <libelf.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/vec.h"

struct dwarf_frame {
    const char *name; /* as the linker or the source wrote it, NULL when unknown */
    const char *file; /* NULL when unknown */
    uint32_t line;
};

/* Zero-initialise. Texts live as long as the image. */
struct dwarf_answer {
    VEC(struct dwarf_frame) frames; /* the function, then what is inlined, outermost first */
    uint64_t low, high;             /* the answer holds for these addresses */
};

struct dwarf_image;

/* NULL in ret_image when the file has no debug information that can be read; only memory can run out. */
WARN_UNUSED int dwarf_image_open(Elf *elf, struct dwarf_image **ret_image, struct err *err);
/* An address that nothing is known of gives no frames. The caller sets low and high to what it knows; they are
 * narrowed. */
WARN_UNUSED int dwarf_image_find(struct dwarf_image *image, uint64_t address, struct dwarf_answer *answer,
                                 struct err *err);
void dwarf_image_close(struct dwarf_image *image);

#endif
