/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call_events: one ring's words, one event after the other. What a reader of a file hands in is not trusted.
 */
#ifndef TOLL_RINGS_CALL_EVENTS_H
#define TOLL_RINGS_CALL_EVENTS_H

#include "base/map.h"
#include "rings/call_drain.h"
#include "rings/span_clock.h"

#define CALL_PEER_COUNT_MAX 65536 /* of one ring; then its peers are forgotten and told anew as they come */

/* A slot of counters as it was told last. */
struct call_io_seen {
    struct call_io io;
    uint64_t time_ns;
};

struct call_lane {
    uint32_t pid, tid; /* tid 0: no thread is attached */
    uint64_t nonce;
    int fd; /* -1 in tests */
    uint64_t tail, head;
    uint64_t stacks_tail; /* stacks and mappings were told up to there */
    uint64_t lost_count;  /* as read last */
    uint64_t last_ns;     /* time does not go back in a ring */
    struct map peers;     /* number → what the host gave */
    struct call_io_seen seen[CALL_IO_SLOT_COUNT];
};

/* What the events of all rings share. */
struct call_events {
    const struct span_clock *clock;
    uint64_t start_ns, now_ns; /* nothing is earlier or later */
    uint64_t sample_ns;
    uint64_t *words; /* word_count of them, copied out */
    uint64_t word_count;
    struct call_totals totals;
};

uint64_t call_events_time(const struct call_events *events, uint64_t raw);

bool call_ring_is_valid(const struct call_events *events, const struct call_ring *ring, uint32_t pid,
                        uint64_t nonce);
/* NULL when memory ran out. Takes the descriptor. */
struct call_lane *call_lane_create(uint32_t pid, uint64_t nonce, int fd, const struct call_ring *file);
void call_lane_destroy(struct call_lane *lane);
/* Reads the head; returns how many words there are. */
uint64_t call_lane_look(const struct call_events *events, struct call_lane *lane);
/* Tells stacks and mappings up to the ring's present head. */
WARN_UNUSED int call_lane_stacks(struct call_events *events, struct call_lane *lane,
                                 const struct call_host *host, struct err *err);
/* Tells all else up to the head of the last look, and gives the room back. */
WARN_UNUSED int call_lane_events(struct call_events *events, struct call_lane *lane,
                                 const struct call_host *host, struct err *err);
WARN_UNUSED int call_lane_counters(struct call_events *events, struct call_lane *lane,
                                   const struct call_host *host, struct err *err);
bool call_lane_now(const struct call_events *events, const struct call_lane *lane, struct call_now *ret_now);

/* The events in `count` words: of stacks and mappings alone, or of all else. */
WARN_UNUSED int call_events_tell(struct call_events *events, struct call_lane *lane, const uint64_t *words,
                                 size_t count, bool is_stacks, const struct call_host *host, struct err *err);

#endif
