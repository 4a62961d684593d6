/* SPDX-License-Identifier: Apache-2.0 */
/* program: everything known of one module's file: its symbols, its debug file and its DWARF, behind one question. */
#ifndef TOLL_SYMBOL_PROGRAM_H
#define TOLL_SYMBOL_PROGRAM_H

#include "symbol/dwarf_image.h"
#include "symbol/elf_image.h"
#include "symbol/resolver.h"

struct program;

struct program_options {
    const char *cache_folder; /* for the kernel's names; "": none */
    bool is_early;            /* a program whose debug file may come from a server is left alone */
};

/* Reads the symbols. NULL in ret_program when the file cannot be read, is no ELF, or is not the one with that build-id;
 * only memory can run out. */
WARN_UNUSED int program_open(const struct symbol_module *module, const struct program_options *options,
                             struct program **ret_program, struct err *err);
/* Whether there is debug information. It is not read before the first program_find_lines. */
bool program_has_lines(const struct program *program);
/* The function's frame with its linker name, and in low and high the offsets of the function. No frame: nothing is
 * known. */
WARN_UNUSED int program_find_name(struct program *program, uint64_t offset, struct dwarf_answer *answer,
                                  struct err *err);
/* With source lines and inlined calls; low and high are the offsets for which that holds. */
WARN_UNUSED int program_find_lines(struct program *program, uint64_t offset, struct dwarf_answer *answer,
                                   struct err *err);
void program_close(struct program *program);

#endif
