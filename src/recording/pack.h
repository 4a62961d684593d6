/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pack: frames of 128 numbers, each frame a base, bit-packed differences to it, and the few numbers whose
 * difference is wider as exceptions ("Frames" in docs/format.md). The method is patched frame-of-reference
 * coding (M. Zukowski, S. Heman, N. Nes, P. Boncz: Super-Scalar RAM-CPU Cache Compression, ICDE 2006); one
 * unrolled function per width keeps every shift a constant. Inside recording/ only.
 */
#ifndef TOLL_RECORDING_PACK_H
#define TOLL_RECORDING_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "recording/format.h"

/* Bytes that pack_frame would write for row_count (1 to 128) residuals. */
size_t pack_frame_size(const uint64_t *residuals, size_t row_count);

/*
 * Writes the frame of row_count (1 to 128) residuals; changes the residuals, an array of 128. Returns the
 * bytes written, at most FORMAT_FRAME_HEADER_MAX + 1024; `out` has room for that and 8 bytes more.
 */
size_t pack_frame(uint64_t *residuals, size_t row_count, uint8_t *out);

/*
 * Reads a frame of row_count (1 to 128) numbers into ret_numbers, an array of 128. Returns the bytes read,
 * or 0 when the frame does not fit into `length` or is not valid.
 */
size_t pack_read(const uint8_t *in, size_t length, size_t row_count, uint64_t *ret_numbers);

#endif
