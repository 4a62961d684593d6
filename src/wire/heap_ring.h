/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heap_ring: the memory shared between libtoll_heap, inside the programs recorded, and the recorder. Freestanding.
 *
 * Files in the session's folder (ring.h), besides those of libtoll and libtoll_preload:
 *
 *   .heap                      struct heap_session; the recorder makes it before any program starts
 *   heap-<pid>-<nonce>-<n>     struct heap_ring, then words; one per thread at a time. The recorder finds it when
 *                              `ring_count` has grown, opens it and takes its name away
 *
 * A ring has one producer, the thread that holds it, and one consumer. `head` and `tail` count words ever written and
 * read. The producer stores words, then head (release). The consumer copies all out (pread) and trusts nothing.
 *
 * An event's first word is its kind (low 4 bits) and the session's clock since `start` (high 60). What follows:
 *
 *   HEAP_ATTACH    tid
 *   HEAP_DETACH
 *   HEAP_ALLOC     address | stack, low 16 bits << 48; size | stack, high 16 bits << 48
 *   HEAP_FREE      address | flags << 48
 *   HEAP_MAPPED    as HEAP_ALLOC: anonymous pages that the program asked for itself
 *   HEAP_UNMAPPED  address; bytes: of such pages, if they are some
 *   HEAP_REMAPPED  as HEAP_MAPPED: those that the HEAP_UNMAPPED just before it in the ring ended (mremap); none, if it ended none
 *   HEAP_STACK     id | number of addresses << 32; addresses, innermost first
 *   HEAP_DUMP      as HEAP_STACK, and words << 40 in its second word; stack pointer, frame pointer; addresses; so many words of the
 *                  stack from there up: where callers keep no frame pointers, they are found in it
 *   HEAP_MODULE    address; bytes; offset in the file; device; inode; bytes of the path; the path
 *   HEAP_CODE      key | bytes of the name << 48; bytes of the file's path; the name; the path, in words of its own: a Python function
 *   HEAP_PYTHON    number of frames; for each, innermost first: key of its HEAP_CODE | HEAP_ENTRY, line: what the thread runs in Python
 *                  in the HEAP_DUMP just behind it in the ring. HEAP_ENTRY: the outermost of one call of the interpreter
 *
 * A stack's id holds for one process image and is told once, by the thread that had it first; another thread may
 * name it a moment before that one's ring says what it is. A HEAP_CODE is told before the first HEAP_PYTHON that names it, in any
 * ring; one that had no room is not told, and its frames have no name.
 *
 * Sampled mode tells one allocation per `rate_bytes` on average (exponential distances, so that an allocation of S bytes
 * is told with probability 1 - exp(-S/rate)) and the frees of those. A full ring drops and counts. Exact mode tells all; a
 * thread whose ring is full waits for the recorder, as long as that is alive.
 */
#ifndef TOLL_WIRE_HEAP_RING_H
#define TOLL_WIRE_HEAP_RING_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAP_FILE       ".heap"
#define HEAP_VERSION    2u
#define HEAP_MAGIC      0x324145484c4c4f54ull /* "TOLLHEA2"; the digit changes with the layout */
#define HEAP_RING_MAGIC 0x325245484c4c4f54ull /* "TOLLHER2" */

#define HEAP_FILE_BYTES     4096u
#define HEAP_WORDS_OFFSET   4096u
#define HEAP_WORDS_SAMPLED  32768u
#define HEAP_WORDS_EXACT    32768u
#define HEAP_RATE_DEFAULT   (512u * 1024)
#define HEAP_STACK_MAX      64u
#define HEAP_PATH_BYTES_MAX 511u
#define HEAP_DUMP_WORDS     1024u /* at most */
#define HEAP_FRAMES_MAX     64u
#define HEAP_NAME_BYTES_MAX 255u
#define HEAP_KEY_MASK       ((1ull << 48) - 1)
#define HEAP_ENTRY          (1ull << 63)

enum heap_mode { HEAP_SAMPLED = 1, HEAP_EXACT };

struct heap_session {       /*  OFF SIZE */
    uint64_t magic;         /*    0    8 */
    uint32_t version;       /*    8    4 */
    uint32_t clock;         /*   12    4  enum wire_clock */
    uint32_t mode;          /*   16    4  enum heap_mode */
    uint32_t word_count;    /*   20    4  of each ring, a power of two */
    uint64_t rate_bytes;    /*   24    8 */
    uint64_t ticks_per_us;  /*   32    8  of the clock, roughly */
    uint64_t start;         /*   40    8  session clock: events count from here */
    uint64_t seed;          /*   48    8  of the sampling; 0: another one each time */
    uint64_t reserved_a;    /*   56    8 */
    uint64_t ring_count;    /*   64    8  programs: rings ever made */
    uint64_t lost_count;    /*   72    8  programs: events dropped by threads without a ring */
    uint64_t refused_count; /*   80    8  programs: images that were left alone, for their sanitizer */
    uint64_t reserved_b[5]; /*   88   40 */
    uint64_t closed;        /*  128    8  recorder: not 0: nobody reads any more */
    uint64_t alive;         /*  136    8  recorder: session clock when it last read */
    uint64_t reserved_c[6]; /*  144   48 */
};
static_assert(sizeof(struct heap_session) == 192, "layout");
static_assert(offsetof(struct heap_session, ring_count) == 64, "layout");
static_assert(offsetof(struct heap_session, closed) == 128, "layout");

struct heap_ring {           /*  OFF SIZE */
    uint64_t magic;          /*    0    8 */
    uint32_t version;        /*    8    4 */
    uint32_t pid;            /*   12    4 */
    uint64_t nonce;          /*   16    8 */
    uint32_t word_count;     /*   24    4  the session's */
    uint32_t reserved;       /*   28    4 */
    uint64_t reserved_a[4];  /*   32   32 */
    uint64_t head;           /*   64    8  producer */
    uint64_t lost_count;     /*   72    8  producer: events dropped */
    uint64_t reserved_b[6];  /*   80   48 */
    uint64_t tail;           /*  128    8  consumer */
    uint64_t reserved_c[15]; /*  136  120 */
};
static_assert(sizeof(struct heap_ring) == 256, "layout");
static_assert(offsetof(struct heap_ring, head) == 64, "layout");
static_assert(offsetof(struct heap_ring, tail) == 128, "layout");

enum heap_event_kind {
    HEAP_NONE,
    HEAP_ATTACH,
    HEAP_DETACH,
    HEAP_ALLOC,
    HEAP_FREE,
    HEAP_MAPPED,
    HEAP_UNMAPPED,
    HEAP_STACK,
    HEAP_MODULE,
    HEAP_DUMP,
    HEAP_REMAPPED,
    HEAP_CODE,
    HEAP_PYTHON,
    HEAP_EVENT_KIND_COUNT
};

enum heap_free_flag {
    HEAP_FREE_TEMPORARY = 1, /* by the thread that allocated it, which allocated nothing in between */
    HEAP_FREE_RESIZED = 2    /* by realloc: its next event is the block's new life */
};

#define HEAP_ADDRESS_BITS 48
#define HEAP_ADDRESS_MASK (((uint64_t)1 << HEAP_ADDRESS_BITS) - 1)

static inline uint64_t heap_ring_bytes(uint64_t word_count)
{
    return HEAP_WORDS_OFFSET + word_count * 8;
}

static inline bool heap_session_is_valid(const struct heap_session *session)
{
    return session->magic == HEAP_MAGIC && session->version == HEAP_VERSION &&
           (session->mode == HEAP_SAMPLED || session->mode == HEAP_EXACT) && session->rate_bytes > 0 &&
           session->word_count >= 1024 && session->word_count <= 1u << 20 &&
           (session->word_count & (session->word_count - 1)) == 0;
}

static inline uint64_t heap_head(enum heap_event_kind kind, uint64_t since_start)
{
    return since_start << 4 | (uint64_t)kind;
}

static inline unsigned heap_text_words(uint64_t bytes)
{
    return (unsigned)((bytes + 7) / 8);
}

/* Words of an event as its first three say (the second and third are read where there are so many); 0: it is none. */
static inline unsigned heap_event_words(const uint64_t *words, uint64_t available)
{
    uint64_t bytes;

    switch (words[0] & 15) {
    case HEAP_ATTACH:
    case HEAP_FREE: return 2;
    case HEAP_DETACH: return 1;
    case HEAP_ALLOC:
    case HEAP_MAPPED:
    case HEAP_REMAPPED:
    case HEAP_UNMAPPED: return 3;
    case HEAP_STACK:
        if (available < 2 || words[1] >> 32 > HEAP_STACK_MAX)
            return 0;
        return 2 + (unsigned)(words[1] >> 32);
    case HEAP_DUMP:
        if (available < 2 || (words[1] >> 32 & 0xff) > HEAP_STACK_MAX || words[1] >> 40 > HEAP_DUMP_WORDS)
            return 0;
        return 4 + (unsigned)(words[1] >> 32 & 0xff) + (unsigned)(words[1] >> 40);
    case HEAP_MODULE:
        bytes = available < 7 ? UINT64_MAX : words[6];
        return bytes > HEAP_PATH_BYTES_MAX ? 0 : 7 + (unsigned)((bytes + 7) / 8);
    case HEAP_CODE:
        if (available < 3 || words[1] >> 48 > HEAP_NAME_BYTES_MAX || words[2] > HEAP_PATH_BYTES_MAX)
            return 0;
        return 3 + heap_text_words(words[1] >> 48) + heap_text_words(words[2]);
    case HEAP_PYTHON: return available < 2 || words[1] > HEAP_FRAMES_MAX ? 0 : 2 + 2 * (unsigned)words[1];
    default: return 0;
    }
}

#endif
