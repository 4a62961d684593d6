/* SPDX-License-Identifier: Apache-2.0 */
#include "heap/heap_lane.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/num.h"

static bool ring_read(const struct heap_lane *lane, struct heap_ring *ret_ring)
{
    return pread(lane->fd, ret_ring, sizeof *ret_ring, 0) == (ssize_t)sizeof *ret_ring;
}

struct heap_lane *heap_lane_open(int folder_fd, const char *name, uint32_t word_count)
{
    struct heap_ring ring;
    FS_CLEANUP int fd = openat(folder_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0 || pread(fd, &ring, sizeof ring, 0) != (ssize_t)sizeof ring || ring.magic != HEAP_RING_MAGIC ||
        ring.version != HEAP_VERSION || !ring.pid || ring.word_count != word_count)
        return NULL;
    struct heap_lane *lane = calloc(1, sizeof *lane);
    if (!lane)
        return NULL;
    unlinkat(folder_fd, name, 0);
    lane->pid = ring.pid;
    lane->nonce = ring.nonce;
    lane->word_count = word_count;
    lane->image = UINT32_MAX;
    lane->fd = fd;
    fd = -1; /* the lane's now */
    return lane;
}

/* What is handled makes room. */
static void words_compact(struct heap_lane *lane)
{
    size_t left = lane->words.count - lane->at;

    if (left && lane->at)
        memmove(lane->words.items, lane->words.items + lane->at, left * sizeof *lane->words.items);
    lane->words.count = left;
    lane->at = 0;
}

uint64_t heap_lane_read(struct heap_lane *lane, uint64_t *lost_count)
{
    struct heap_ring ring;

    words_compact(lane);
    if (!ring_read(lane, &ring))
        return 0;
    if (ring.lost_count > lane->lost_count)
        *lost_count += ring.lost_count - lane->lost_count;
    lane->lost_count = num_max(ring.lost_count, lane->lost_count);
    if (ring.head - lane->tail > lane->word_count || ring.head == lane->tail)
        return 0;
    size_t count = (size_t)(ring.head - lane->tail), first = (size_t)(lane->tail & (lane->word_count - 1));
    size_t straight = (size_t)num_min(count, lane->word_count - first), rest = count - straight;
    if (vec_reserve(&lane->words, lane->words.count + count))
        return 0;
    uint64_t *into = lane->words.items + lane->words.count;
    if (pread(lane->fd, into, straight * 8, (off_t)(HEAP_WORDS_OFFSET + first * 8)) !=
            (ssize_t)(straight * 8) ||
        (rest && pread(lane->fd, into + straight, rest * 8, HEAP_WORDS_OFFSET) != (ssize_t)(rest * 8)))
        return 0;
    lane->words.count += count;
    lane->tail = ring.head;
    if (pwrite(lane->fd, &lane->tail, sizeof lane->tail, offsetof(struct heap_ring, tail)) < 0)
        *lost_count += 1; /* the ring stays full */
    return count;
}

unsigned heap_lane_event(struct heap_lane *lane, const uint64_t **ret_words, uint64_t *broken_count)
{
    while (lane->at < lane->words.count) {
        size_t available = lane->words.count - lane->at;
        const uint64_t *words = lane->words.items + lane->at;
        bool is_late = lane->latest && words[0] >> 4 > lane->latest;
        unsigned count = is_late ? 0 : heap_event_words(words, available);
        if (count && count <= available) {
            *ret_words = words;
            return count;
        }
        lane->at++;
        *broken_count += 1;
    }
    return 0;
}

void heap_lane_destroy(struct heap_lane *lane)
{
    if (!lane)
        return;
    if (lane->fd >= 0)
        close(lane->fd);
    vec_free(&lane->words);
    free(lane);
}
