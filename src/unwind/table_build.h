/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_build: the frame sections of an ELF file become the table of wire/unwind_table.h.
 *
 * .eh_frame is used where there is one, else .debug_frame. Rows that say what the row before says are left out, and so
 * are gaps between functions too short to hold code. Work and memory are linear in the section's size.
 */
#ifndef TOLL_UNWIND_TABLE_BUILD_H
#define TOLL_UNWIND_TABLE_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "unwind/frame_section.h"
#include "wire/unwind_table.h"

/* A whole file of the cache, free() it; NULL in ret_bytes when the file says nothing of its frames. Only memory can run
 * out. */
WARN_UNUSED int table_build(const struct frame_file *file, const struct frame_image *image, void **ret_bytes,
                            size_t *ret_size, struct err *err);

#endif
