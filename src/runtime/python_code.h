/* SPDX-License-Identifier: Apache-2.0 */
/* python_code: what a code object says (python/python_names.h), kept: with its table of lines. */
#ifndef TOLL_RUNTIME_PYTHON_CODE_H
#define TOLL_RUNTIME_PYTHON_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "python/python_names.h"

struct python_code {
    char name[PYTHON_NAME_BYTES]; /* with its class: Reader.next; UTF-8, cut when longer */
    char file[PYTHON_FILE_BYTES];
    uint32_t first_line;
    uint64_t instructions; /* the address of the first */
    uint8_t *lines;        /* owned: its table of lines; NULL when it could not be read */
    size_t lines_bytes;
};

/* `code_type`: what its type must be, 0 when that is not known. */
bool python_code_read(const struct python_memory *memory, const struct python_layout *layout,
                      uint64_t code_type, uint64_t address, struct python_code *ret_code);
/* 0 when it has none. */
uint32_t python_code_line(const struct python_code *code, uint64_t instruction);
/* Takes the size of its table of lines off what may be kept in all; where that is used up the table goes, and each
 * instruction has the function's first line. */
void python_code_spend(struct python_code *code, size_t *lines_bytes_left);
void python_code_free(struct python_code *code);

#endif
