/* SPDX-License-Identifier: Apache-2.0 */
/* heap_frames: what threads run in Python, as rings tell it (HEAP_CODE, HEAP_PYTHON): functions by number. */
#ifndef TOLL_HEAP_FRAMES_H
#define TOLL_HEAP_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/map.h"
#include "wire/heap_ring.h"

#define HEAP_CODE_COUNT_MAX                                                                                  \
    (1u                                                                                                      \
     << 18) /* functions of images: which were named in no stack while so many others came may be forgotten */

struct heap_told_frame {
    uint64_t code; /* the function, by the number that the host gave it; 0: not known */
    uint32_t line; /* 0: not known */
    bool is_entry; /* the outermost of one call of the interpreter */
};

/* Of one ring, for the stack that comes next in it. */
struct heap_told_frames {
    struct heap_told_frame items[HEAP_FRAMES_MAX];
    size_t count;
};

/* A HEAP_CODE's texts. */
struct heap_told_code {
    char name[HEAP_NAME_BYTES_MAX + 1], file[HEAP_PATH_BYTES_MAX + 1];
};

/* Of an image's functions → their numbers. Zero-initialise. */
struct heap_codes {
    struct map_recent by_key;
};

/* Whether the event tells a function that is new: who asks gives it a number (heap_codes_put). */
bool heap_codes_is_new(struct heap_codes *codes, uint32_t image, const uint64_t *words,
                       struct heap_told_code *ret_code);
/* 0, or -1 when memory ran out. */
WARN_UNUSED int heap_codes_put(struct heap_codes *codes, uint32_t image, const uint64_t *words,
                               uint64_t number);
/* Of a HEAP_PYTHON. */
void heap_frames_read(struct heap_codes *codes, uint32_t image, const uint64_t *words,
                      struct heap_told_frames *ret_frames);
void heap_codes_deinit(struct heap_codes *codes);

#endif
