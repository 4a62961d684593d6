/* SPDX-License-Identifier: Apache-2.0 */
/* program: everything known of one module's file: its symbols, its debug file and its DWARF, behind one question. */
#ifndef TOLL_SYMBOL_PROGRAM_H
#define TOLL_SYMBOL_PROGRAM_H

#include "symbol/dwarf_image.h"
#include "symbol/elf_image.h"
#include "symbol/resolver.h"

struct program;

/* NULL in ret_program when the file cannot be read, is no ELF, or is not the one with that build-id; only memory can
 * run out. */
WARN_UNUSED int program_open(const struct symbol_module *module, struct program **ret_program,
                             struct err *err);
bool program_has_lines(const struct program *program);
/* Frames with linker names, and in low and high the offsets for which they hold. No frames: nothing is known. */
WARN_UNUSED int program_find(struct program *program, uint64_t offset, struct dwarf_answer *answer,
                             struct err *err);
void program_close(struct program *program);

/* Whether a separate debug file is installed for a build-id. */
bool program_debug_file_exists(const uint8_t *build_id, size_t size);

#endif
