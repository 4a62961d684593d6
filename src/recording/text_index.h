/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text_index: which texts the writer has given ids to. It keeps 128-bit hashes (XXH3), not texts, so its memory
 * does not depend on their length, and it is bounded: when TEXT_INDEX_COUNT_MAX texts are known it
 * forgets them all. Inside recording/ only.
 */
#ifndef TOLL_RECORDING_TEXT_INDEX_H
#define TOLL_RECORDING_TEXT_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define TEXT_INDEX_SLOT_COUNT_MAX (1u << 20)
#define TEXT_INDEX_COUNT_MAX      (TEXT_INDEX_SLOT_COUNT_MAX / 4 * 3)

struct text_slot {
    uint64_t hash[2];
    uint64_t id; /* 0: free */
};

struct text_index {
    struct text_slot *slots;
    size_t slot_count;
    size_t count;
};

/* The text's slot; a slot with id 0 is the caller's to number. 0, or -1 when memory ran out. */
WARN_UNUSED int text_index_put(struct text_index *index, const char *bytes, size_t length,
                               struct text_slot **ret_slot);
/* After numbering a slot that was free. */
void text_index_taken(struct text_index *index);
void text_index_free(struct text_index *index);

#endif
