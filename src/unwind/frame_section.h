/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame_section: what of an ELF file the unwinder needs: its segments, its build-id, and its frame sections.
 *
 * The file is read piece by piece through a function, so that neither a large program is read whole nor one that is
 * cut short while we look kills us. Nothing in it is believed.
 */
#ifndef TOLL_UNWIND_FRAME_SECTION_H
#define TOLL_UNWIND_FRAME_SECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/vec.h"
#include "unwind/cfi.h"
#include "wire/unwind_table.h"

/* Fills the buffer from an offset of the file; false when not all of it is there. */
typedef bool frame_read_fn(void *context, uint64_t offset, void *buffer, size_t size);

struct frame_file {
    frame_read_fn *read;
    void *context;
};

struct frame_segment {
    uint64_t offset, size, address;
};

/* Zero-initialise. */
struct frame_image {
    uint32_t machine;                   /* 0: no ELF file of a machine that can be unwound */
    VEC(struct frame_segment) segments; /* with code, by address */
    size_t build_id_size;
    uint8_t build_id[UNWIND_BUILD_ID_MAX];
    struct cfi_section exceptions,
        debug; /* .eh_frame, .debug_frame; without their bytes; size 0: not there */
    uint64_t exceptions_offset, debug_offset;
};

/* Finds them. A file that makes no sense has no machine; only memory can run out. */
WARN_UNUSED int frame_image_read(const struct frame_file *file, struct frame_image *ret_image,
                                 struct err *err);
void frame_image_free(struct frame_image *image);

/* An address of code as an offset in the file, with at most `ret_left` bytes behind it; false when no segment has it. */
bool frame_image_offset(const struct frame_image *image, uint64_t address, uint64_t *ret_offset,
                        uint64_t *ret_left);

#endif
