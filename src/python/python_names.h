/* SPDX-License-Identifier: Apache-2.0 */
/*
 * python_names: what a code object says: function, file, and the line of an instruction. Read from memory that may be
 * anything: what is no code object is told as that, never as something else. Lines are those of a table as CPython 3.11
 * writes them (Objects/locations.md of its source).
 */
#ifndef TOLL_PYTHON_NAMES_H
#define TOLL_PYTHON_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "python/python_layout.h"

#define PYTHON_NAME_BYTES      192
#define PYTHON_FILE_BYTES      512
#define PYTHON_LINES_BYTES_MAX (256u << 10)

struct python_names {
    char name[PYTHON_NAME_BYTES]; /* with its class: Reader.next; UTF-8, cut when longer */
    char file[PYTHON_FILE_BYTES]; /* "": not known */
    uint32_t first_line;
    uint64_t instructions; /* the address of the first */
    uint64_t lines;        /* that of the bytes object with its table of lines */
};

/* `code_type`: what its type must be, 0 when that is not known. */
bool python_names_read(const struct python_memory *memory, const struct python_layout *layout,
                       uint64_t code_type, uint64_t address, struct python_names *ret_names);
/* Where threads of a free-threaded build run copies of a function's instructions: the same instruction in the code object
 * itself. Any other is itself. */
uint64_t python_code_instruction(const struct python_memory *memory, const struct python_layout *layout,
                                 uint64_t address, uint64_t instruction);

/* The line at `offset` bytes from the first instruction; 0 when it has none. */
uint32_t python_line_find(const uint8_t *table, size_t size, uint32_t first_line, uint64_t offset);
/* That of an instruction, by a table that is read piece by piece; the function's first when there is none. */
uint32_t python_line_read(const struct python_memory *memory, const struct python_layout *layout,
                          const struct python_names *names, uint64_t instruction);

#endif
