/* SPDX-License-Identifier: Apache-2.0 */
/* heap_lane: one ring's file, and the words of it that were read and not handled yet. */
#ifndef TOLL_HEAP_LANE_H
#define TOLL_HEAP_LANE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/vec.h"
#include "heap/heap_frames.h"
#include "wire/heap_ring.h"

struct heap_lane {
    uint32_t pid, tid;
    uint64_t nonce;
    int fd; /* -1 in tests */
    uint32_t word_count;
    uint32_t image;          /* of the book */
    uint64_t tail;           /* words up to there are in `words` */
    uint64_t lost_count;     /* as read last */
    uint64_t unmapped_bytes; /* by its last event but for stacks and modules, of pages that the program had */
    uint64_t time;           /* of its last event: time does not go back in a ring */
    uint64_t latest;         /* an event that is later is nonsense; 0: none is */
    struct heap_told_frames frames;
    size_t at; /* the next event's place in `words` */
    VEC(uint64_t) words;
};

/* Opens the ring of that file name ("heap-<pid>-<nonce>-<n>") and takes its name away. NULL: it is none, or memory ran out. */
struct heap_lane *heap_lane_open(int folder_fd, const char *name, uint32_t word_count);
/* Copies out what is new, and gives the room back. Returns how many words that was; adds to *lost_count. */
uint64_t heap_lane_read(struct heap_lane *lane, uint64_t *lost_count);
/* The event at hand: its words, and how many; 0 when there is none. Nonsense is passed over word by word and counted. */
unsigned heap_lane_event(struct heap_lane *lane, const uint64_t **ret_words, uint64_t *broken_count);
void heap_lane_destroy(struct heap_lane *lane);

#endif
