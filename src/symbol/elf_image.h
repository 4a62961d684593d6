/* SPDX-License-Identifier: Apache-2.0 */
/*
 * elf_image: one ELF file: its build-id, where file offsets lie in its address space, and its functions as a sorted
 * array. The file is read, not mapped: a program that is overwritten while it is looked at must not kill us. (Over
 * 256 MiB it is mapped all the same: reading all of that costs more than the rare case.)
 */
#ifndef TOLL_SYMBOL_ELF_IMAGE_H
#define TOLL_SYMBOL_ELF_IMAGE_H

#include <libelf.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"

#define ELF_BUILD_ID_MAX 64

struct elf_symbol {
    uint64_t low, high; /* addresses; high is past the end */
    const char *name;   /* as the linker wrote it; lives as long as the image */
    uint8_t rank;       /* of two names of one place the higher is shown */
};

struct elf_segment {
    uint64_t offset, size, address;
};

struct elf_image {
    int fd;   /* owned, -1 for memory */
    Elf *elf; /* NULL: not an ELF file */
    void *memory;
    size_t build_id_size;
    uint8_t build_id[ELF_BUILD_ID_MAX];
    VEC(struct elf_segment) segments;
    VEC(struct elf_symbol) symbols; /* by low; after elf_image_load_symbols */
    struct arena texts;             /* of names that the file does not hold */
};

/* Takes the descriptor. A file that is no ELF gives an image with elf NULL; only memory can run out. */
WARN_UNUSED int elf_image_open(int fd, struct elf_image *ret_image, struct err *err);
/* The vdso of this process; elf NULL where there is none. */
WARN_UNUSED int elf_image_open_vdso(struct elf_image *ret_image, struct err *err);
void elf_image_close(struct elf_image *image);

/* The name of a debug file, as .gnu_debuglink tells it, and the CRC-32 of its bytes. */
struct elf_debug_link {
    const char *name; /* lives as long as the image */
    uint32_t checksum;
};

/* Adds the functions of a file's symbol tables to the array of `image`, which may be the same or the file that
 * `source` is the debug file of. Of the file itself also the entries of its procedure linkage table. Sorts. */
WARN_UNUSED int elf_image_load_symbols(struct elf_image *image, const struct elf_image *source,
                                       struct err *err);
/* Whether the file holds DWARF, compressed or not. */
bool elf_image_has_lines(const struct elf_image *image);
/* false when the file tells none. */
bool elf_image_debug_link(const struct elf_image *image, struct elf_debug_link *ret_link);
/* The function that covers an address, NULL for none; and for which addresses around it that is the answer. */
const struct elf_symbol *elf_image_find(const struct elf_image *image, uint64_t address, uint64_t *ret_low,
                                        uint64_t *ret_high);

/* false when no loaded segment holds the offset. */
bool elf_image_address(const struct elf_image *image, uint64_t offset, uint64_t *ret_address);
/* The same the other way round. */
bool elf_image_offset(const struct elf_image *image, uint64_t address, uint64_t *ret_offset);

#endif
