/* SPDX-License-Identifier: Apache-2.0 */
/*
 * python_pieces: the pieces that the compiler cut the interpreter's function into. GCC moves what it takes for rare code far
 * away, of Debian's 3.14 all but 1 KiB of 84, and a stripped file names the first piece alone. A piece is
 * found by what only pieces of one function do: they jump into each other's middle. x86-64; elsewhere none is found.
 */
#ifndef TOLL_RUNTIME_PYTHON_PIECES_H
#define TOLL_RUNTIME_PYTHON_PIECES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "runtime/python_place.h"
#include "symbol/elf_image.h"

/* A piece of code by its addresses, and its bytes. */
struct python_code_bytes {
    const uint8_t *bytes;
    uint64_t address;
    size_t size;
};

/* Adds what belongs to the pieces that `place` has. Only memory can run out. */
WARN_UNUSED int python_pieces_find(const struct elf_image *image, struct python_place *place,
                                   struct err *err);

/* The same of functions that are known, sorted by address, and their code. */
void python_pieces_join(const struct python_code_bytes *code, const struct python_range *functions,
                        size_t function_count, struct python_place *place);

#endif
