/* SPDX-License-Identifier: Apache-2.0 */
/* ring_fuzz: arbitrary bytes as the slots of a ring and as an area of names. */
#include "wire/ring.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    uint64_t count = length / sizeof(struct ring_slot), position = 0, broken_count = 0, used = 0;
    struct ring_slot *slots = malloc(length + 1);
    struct ring_event event;

    if (!slots)
        return 0;
    memcpy(slots, bytes, length);
    while (ring_next(slots, count, 7, &position, &event, &broken_count)) {
        used += ring_slots_of(event.kind);
        if (event.kind == RING_NONE || event.kind >= RING_MORE || position > count || event.name > 0xffffff)
            abort();
    }
    if (position != count || used + broken_count != count)
        abort();
    free(slots);
    if (name_length(bytes, length) + 2 > length && length >= 2)
        abort();
    return 0;
}
