/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring: the memory shared between libtoll, inside the programs recorded, and the recorder. Freestanding.
 *
 * The recorder makes a folder and puts it in TOLL_SESSION. Its files:
 *
 *   session                    struct session_file; the recorder writes it before any program starts
 *   names-<pid>-<nonce>        struct names_file and an area of names; one per process (and per exec)
 *   ring-<pid>-<nonce>-<n>     struct ring_file and `slot_count` slots; one per thread at a time
 *
 * A file is complete once its magic stands there: it is written last. All numbers are little-endian.
 *
 * A ring has one producer (the thread that holds it) and one consumer (the recorder). `head` and `tail` count
 * slots ever written and read; both only grow, head - tail <= slot_count, slot i lies at slots[i % slot_count].
 * The producer stores slots, then head (release). It does not start at 0: an index names a slot of one process
 * only. A ring outlives its thread: RING_ATTACH starts a thread's records, RING_DETACH ends them.
 *
 * The consumer trusts nothing: it copies head, slots and names out before it looks at them (pread, so a file cut
 * short is no SIGBUS either), and every number below is checked or masked by the functions here.
 */
#ifndef TOLL_WIRE_RING_H
#define TOLL_WIRE_RING_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_SESSION_VARIABLE "TOLL_SESSION"
#define WIRE_VERSION          1u
#define WIRE_PATH_BYTES_MAX   256 /* of the folder, its NUL included */

#define SESSION_MAGIC 0x315353454c4c4f54ull /* "TOLLSES1"; the digit changes with the layout */
#define NAMES_MAGIC   0x314d414e4c4c4f54ull /* "TOLLNAM1" */
#define RING_MAGIC    0x31474e524c4c4f54ull /* "TOLLRNG1" */

#define RING_BYTES_DEFAULT (512u * 1024)
#define RING_BYTES_MIN     (16u * 1024)
#define RING_BYTES_MAX     (16u * 1024 * 1024)
/* What a begin leaves free, so that the ends of what is open still fit. */
#define RING_RESERVE(slot_count) ((slot_count) / 16)

enum wire_clock {
    WIRE_CLOCK_MONOTONIC = 1, /* CLOCK_MONOTONIC, ns */
    WIRE_CLOCK_TSC            /* raw rdtsc; the recorder converts */
};

struct session_file {     /*  OFF SIZE */
    uint64_t magic;       /*    0    8 */
    uint32_t version;     /*    8    4 */
    uint32_t clock;       /*   12    4  enum wire_clock */
    uint32_t ring_bytes;  /*   16    4  of the slots of one ring; a power of two */
    uint32_t id;          /*   20    4  random, in every token of the session */
    uint64_t reserved[5]; /*   24   40 */
};
static_assert(sizeof(struct session_file) == 64, "layout");
static_assert(offsetof(struct session_file, id) == 20, "layout");

/*
 * Names lie in the area behind the header, each at a multiple of 4: length (2 bytes, 1 to 255), then the bytes.
 * A name's id is its place in the area divided by 4. Ids start at 1; 0 is none. Names never move or change.
 */
#define NAMES_AREA_BYTES 131072u
#define NAME_BYTES_MAX   255u
#define NAME_ID_MAX      (NAMES_AREA_BYTES / 4 - 1)

struct names_file {         /*  OFF SIZE */
    uint64_t magic;         /*    0    8 */
    uint32_t version;       /*    8    4 */
    uint32_t pid;           /*   12    4 */
    uint64_t nonce;         /*   16    8  the one in the file's name */
    uint64_t created;       /*   24    8  session clock */
    uint32_t used_bytes;    /*   32    4  of the area; grows */
    uint32_t refused_count; /*   36    4  events of threads that could get no ring, at least */
    uint64_t reserved[3];   /*   40   24 */
};
static_assert(sizeof(struct names_file) == 64, "layout");
static_assert(offsetof(struct names_file, used_bytes) == 32, "layout");

struct ring_slot {  /*  OFF SIZE */
    uint64_t value; /*    0    8  a time of the session clock, or the bits of a double */
    uint64_t word;  /*    8    8  kind (bits 0-7), name (8-31), argument (32-63) */
};
static_assert(sizeof(struct ring_slot) == 16, "layout");

/* The header's halves lie on cache lines of their own: what the producer writes, what the consumer writes. */
struct ring_file {           /*  OFF SIZE */
    uint64_t magic;          /*    0    8 */
    uint32_t version;        /*    8    4 */
    uint32_t pid;            /*   12    4 */
    uint64_t nonce;          /*   16    8  of the names file that its names are in */
    uint32_t slot_count;     /*   24    4  a power of two */
    uint32_t reserved;       /*   28    4 */
    uint64_t start;          /*   32    8  head and tail at first */
    uint64_t reserved_a[3];  /*   40   24 */
    uint64_t head;           /*   64    8  producer */
    uint64_t lost_count;     /*   72    8  producer: spans and other events dropped, ring full */
    uint64_t reserved_b[6];  /*   80   48 */
    uint64_t tail;           /*  128    8  consumer */
    uint64_t closed;         /*  136    8  consumer: not 0: nobody reads any more */
    uint64_t reserved_c[46]; /*  144  368 */
};
static_assert(sizeof(struct ring_file) == 512, "layout");
static_assert(offsetof(struct ring_file, head) == 64, "layout");
static_assert(offsetof(struct ring_file, tail) == 128, "layout");

/* The slots start on a page. */
#define RING_SLOTS_OFFSET 4096u

enum ring_kind {
    RING_NONE,
    RING_BEGIN,       /* value: time; name */
    RING_END,         /* value: time; argument: low 32 bits of the begin's index */
    RING_USAGE,       /* value: amount, a double's bits; name: the kind */
    RING_COUNTER,     /* value: time; name; RING_MORE value: a double's bits */
    RING_TRACK_BEGIN, /* value: time; name; argument: enum toll_track_kind */
    RING_TRACK_END,   /* value: time; argument: enum toll_track_kind */
    RING_EDGE,        /* value: time; argument: enum toll_edge_kind; RING_MORE value: the other end's time,
                         RING_MORE value: its pid << 32 | tid */
    RING_MARK,        /* value: time; name; argument: pid that enters the phase */
    RING_ATTACH,      /* value: time; argument: tid */
    RING_DETACH,      /* value: time */
    RING_MORE,        /* a further value of the event before */
    RING_KIND_COUNT
};

#define RING_EVENT_SLOTS_MAX 3

struct ring_event {
    enum ring_kind kind;
    uint32_t name;
    uint32_t argument;
    uint32_t index; /* low 32 bits of its slot's index */
    uint64_t value;
    uint64_t more[RING_EVENT_SLOTS_MAX - 1];
};

static inline uint64_t ring_word(enum ring_kind kind, uint32_t name, uint32_t argument)
{
    return (uint64_t)argument << 32 | (uint64_t)(name & 0xffffff) << 8 | (uint64_t)kind;
}

/* How many slots an event of this kind fills, 0 for kinds that start none. */
static inline unsigned ring_slots_of(unsigned kind)
{
    switch (kind) {
    case RING_BEGIN:
    case RING_END:
    case RING_USAGE:
    case RING_TRACK_BEGIN:
    case RING_TRACK_END:
    case RING_MARK:
    case RING_ATTACH:
    case RING_DETACH: return 1;
    case RING_COUNTER: return 2;
    case RING_EDGE: return 3;
    default: return 0;
    }
}

/* Whether a ring of this session may be read: its slot_count is the session's, so no other size is trusted. */
static inline bool ring_is_valid(const struct ring_file *ring, uint32_t ring_bytes)
{
    return ring->magic == RING_MAGIC && ring->version == WIRE_VERSION &&
           (uint64_t)ring->slot_count * sizeof(struct ring_slot) == ring_bytes;
}

static inline bool session_is_valid(const struct session_file *session)
{
    uint32_t bytes = session->ring_bytes;
    return session->magic == SESSION_MAGIC && session->version == WIRE_VERSION && bytes >= RING_BYTES_MIN &&
           bytes <= RING_BYTES_MAX && (bytes & (bytes - 1)) == 0 &&
           (session->clock == WIRE_CLOCK_MONOTONIC || session->clock == WIRE_CLOCK_TSC);
}

/* Slots to read between the consumer's own tail and a head it just read. A head that no producer writes (behind
 * the tail, or further ahead than the ring is long) gives 0 and sets *ret_broken. */
static inline uint64_t ring_readable(uint64_t head, uint64_t tail, uint32_t slot_count, bool *ret_broken)
{
    uint64_t count = head - tail;
    *ret_broken = count > slot_count;
    return *ret_broken ? 0 : count;
}

/* Decodes the event at slots[*position] of a private copy of `count` slots, whose first one has index `first`,
 * and moves *position behind it. False at the end. Slots that make no event are passed over and counted. */
static inline bool ring_next(const struct ring_slot *slots, uint64_t count, uint64_t first,
                             uint64_t *position, struct ring_event *ret_event, uint64_t *broken_count)
{
    while (*position < count) {
        uint64_t at = *position;
        uint64_t word = slots[at].word;
        unsigned kind = (unsigned)(word & 0xff), filled = ring_slots_of(kind), i;
        bool whole = filled > 0 && filled <= count - at;

        for (i = 1; whole && i < filled; i++)
            whole = (slots[at + i].word & 0xff) == RING_MORE;
        if (!whole) {
            (*position)++;
            (*broken_count)++;
            continue;
        }
        ret_event->kind = (enum ring_kind)kind;
        ret_event->name = (uint32_t)(word >> 8) & 0xffffff;
        ret_event->argument = (uint32_t)(word >> 32);
        ret_event->index = (uint32_t)(first + at);
        ret_event->value = slots[at].value;
        for (i = 1; i < RING_EVENT_SLOTS_MAX; i++)
            ret_event->more[i - 1] = i < filled ? slots[at + i].value : 0;
        *position = at + filled;
        return true;
    }
    return false;
}

/* The length of the name at `bytes`, of which `available` were read; 0 when there is no whole name. */
static inline unsigned name_length(const unsigned char *bytes, size_t available)
{
    unsigned length;

    if (available < 2)
        return 0;
    length = (unsigned)bytes[0] | (unsigned)bytes[1] << 8;
    return length <= NAME_BYTES_MAX && length + 2 <= available ? length : 0;
}

/* The bytes a name of this length fills in the area. */
static inline uint32_t name_room(uint32_t length)
{
    return (length + 2 + 3) & ~3u;
}

#endif
