/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plt: names for the procedure linkage table, by way of which a program calls functions of libraries. It has no
 * symbols; what an entry jumps to is told by the relocation of the slot that it loads: `memcpy@plt`.
 *
 * Source: System V Application Binary Interface, AMD64 Architecture Processor Supplement, 5.2. x86-64 alone;
 * elsewhere nothing is added.
 */
#ifndef TOLL_SYMBOL_PLT_H
#define TOLL_SYMBOL_PLT_H

#include "base/err.h"
#include "symbol/elf_image.h"

/* Adds a symbol for each entry, unsorted. */
WARN_UNUSED int plt_load_symbols(struct elf_image *image, struct err *err);

#endif
