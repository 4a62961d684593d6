/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call_ring: the memory shared between libtoll_preload, inside the programs recorded, and the recorder. Freestanding.
 *
 * Files in the session's folder (ring.h), besides those of libtoll:
 *
 *   .calls                      struct calls_session, news, wakers; the recorder makes it before any program starts.
 *                               All programs have it mapped: a name that is not met by chance, since whoever
 *                               cuts it short ends them all
 *   calls-<pid>-<nonce>-<n>     struct call_ring, counters, words; one per thread at a time. The recorder opens it and
 *                               takes its name away
 *
 * News say what becomes of the processes: a ring of slots that all programs write and the recorder reads. A writer
 * takes an index from `news_head`, fills the slot, and stores index + 1 as its sequence (release). A writer that
 * died in between leaves a hole, which the reader passes after a while.
 *
 * Wakers say who did last what others may wait for: wrote to a pipe, let a lock go. An entry's place is its key's
 * low bits; a later key takes the place of an earlier one. There is no lock: `check` is all else and the key,
 * xored, so that an entry read while it is written, or of another key, is none.
 *
 * A call ring has one producer, the thread that holds it, and one consumer. `head` and `tail` count words ever
 * written and read. An event is 1 to 255 words, and of a stack the copy behind them; the first word says how many
 * (call_event_words). The producer stores words, then head (release). The consumer copies all out (pread) and trusts
 * nothing.
 */
#ifndef TOLL_WIRE_CALL_RING_H
#define TOLL_WIRE_CALL_RING_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CALLS_FILE      ".calls"
#define CALLS_VERSION   1u
#define CALLS_MAGIC     0x32414c434c4c4f54ull /* "TOLLCLA2"; the digit changes with the layout */
#define CALL_RING_MAGIC 0x32524c434c4c4f54ull /* "TOLLCLR2" */

#define CALL_NEWS_COUNT  4096u
#define CALL_WAKER_COUNT 32768u
/* Words of a ring, a power of two: the session says how many. */
#define CALL_WORDS_COUNT_MIN 4096u
#define CALL_WORDS_COUNT_MAX 131072u

struct calls_session {       /*  OFF SIZE */
    uint64_t magic;          /*    0    8 */
    uint32_t version;        /*    8    4 */
    uint32_t clock;          /*   12    4  enum wire_clock */
    uint64_t sample_ns;      /*   16    8  CPU time between two samples; 0: none */
    uint64_t ticks_per_us;   /*   24    8  of the clock, roughly */
    uint64_t word_count;     /*   32    8  of each ring */
    uint64_t reserved_a[3];  /*   40   24 */
    uint64_t news_head;      /*   64    8  programs */
    uint64_t news_lost;      /*   72    8  programs: found no free slot */
    uint64_t reserved_b[6];  /*   80   48 */
    uint64_t news_tail;      /*  128    8  recorder */
    uint64_t closed;         /*  136    8  recorder: not 0: nobody reads any more */
    uint64_t alive;          /*  144    8  recorder: session clock when it last read */
    uint64_t reserved_c[45]; /*  152  360 */
};
static_assert(sizeof(struct calls_session) == 512, "layout");
static_assert(offsetof(struct calls_session, news_tail) == 128, "layout");

enum call_news_kind {
    CALL_NEWS_NONE,
    CALL_NEWS_FORK,   /* pid: the new process; number: the thread that made it; value: that one's process */
    CALL_NEWS_EXEC,   /* pid runs the program `name`; value: its parent */
    CALL_NEWS_EXIT,   /* number: exit status */
    CALL_NEWS_THREAD, /* tid: the new thread; number: the thread that made it */
    CALL_NEWS_THREAD_END, /* tid */
    CALL_NEWS_RING,       /* number, value: n and nonce of a call ring's name */
    CALL_NEWS_KIND_COUNT
};

struct call_news {     /*  OFF SIZE */
    uint64_t sequence; /*    0    8  index + 1 once it is whole */
    uint64_t time;     /*    8    8 */
    uint32_t kind;     /*   16    4 */
    uint32_t pid;      /*   20    4 */
    uint32_t tid;      /*   24    4 */
    uint32_t number;   /*   28    4 */
    uint64_t value;    /*   32    8 */
    char name[24];     /*   40   24 */
};
static_assert(sizeof(struct call_news) == 64, "layout");

struct call_waker { /*  OFF SIZE */
    uint64_t check; /*    0    8  key ^ who ^ time ^ stack */
    uint64_t who;   /*    8    8  pid << 32 | tid */
    uint64_t time;  /*   16    8 */
    uint64_t stack; /*   24    8  as in CALL_STACK of its process; 0: none */
};
static_assert(sizeof(struct call_waker) == 32, "layout");

/* Where they lie in the file. */
#define CALLS_NEWS_OFFSET   4096u
#define CALLS_WAKERS_OFFSET (CALLS_NEWS_OFFSET + CALL_NEWS_COUNT * (uint32_t)sizeof(struct call_news))
#define CALLS_FILE_BYTES    (CALLS_WAKERS_OFFSET + CALL_WAKER_COUNT * (uint32_t)sizeof(struct call_waker))

/* What a call is, as far as the recorder tells them apart. The value's meaning is behind each. */
enum call_kind {
    CALL_NONE,
    CALL_READ,           /* descriptor */
    CALL_WRITE,          /* descriptor */
    CALL_SYNC,           /* descriptor */
    CALL_SYNC_ALL,       /* */
    CALL_CONNECT,        /* descriptor */
    CALL_ACCEPT,         /* descriptor */
    CALL_POLL,           /* descriptor that was ready, or the one waited for */
    CALL_POLL_NONE,      /* waits for no descriptor: value: timeout, ns */
    CALL_SLEEP,          /* time asked for, ns */
    CALL_SIGNAL,         /* */
    CALL_CHILD,          /* pid that was waited for, 0: any that ended: none did */
    CALL_LOCK,           /* address of a mutex, rwlock or futex held by another */
    CALL_CONDITION,      /* address of a condition, semaphore, barrier or futex */
    CALL_JOIN,           /* tid that was waited for, 0: not known */
    CALL_FILE_LOCK,      /* descriptor */
    CALL_IPC,            /* System V or POSIX queues and semaphores */
    CALL_DNS,            /* */
    CALL_OPEN,           /* peer: the path */
    CALL_CLOSE,          /* descriptor */
    CALL_MEMORY,         /* mmap, munmap, mprotect */
    CALL_CONDITION_LATE, /* as CALL_CONDITION, of which the time limit passed: nobody signalled it */
    CALL_KIND_COUNT
};

enum call_event_kind {
    CALL_EVENT_NONE,
    CALL_ATTACH, /* argument: tid; time, cpu_ns */
    CALL_DETACH, /* time, cpu_ns */
    CALL_WAIT,   /* extra: enum call_kind; argument: peer or 0; enum call_wait_word */
    CALL_STACK, /* argument: number of addresses; id, addresses innermost first; extra: words of a copy of the
                    stack, behind the event's own; before it then enum call_register */
    CALL_PEER,  /* argument: its number in this ring; enum call_peer_word, then text */
    CALL_MAP,   /* address, length, offset in the file, device, inode, then the path */
    CALL_SAMPLE, /* argument: periods it stands for; extra: of them, the library's own; time, stack */
    CALL_IO,   /* extra: slot of the counters, argument: peer; struct call_io as words: a slot's last state */
    CALL_LOST, /* argument: events that found no room before this one */
    CALL_EVENT_KIND_COUNT
};

enum call_wait_word {
    CALL_WAIT_START = 1, /* session clock */
    CALL_WAIT_END,
    CALL_WAIT_CPU,        /* the thread's CPU time at the end, ns */
    CALL_WAIT_BUSY,       /* CPU time used inside the call, ns, where it was measured */
    CALL_WAIT_VALUE,      /* see enum call_kind */
    CALL_WAIT_STACK,      /* id of a CALL_STACK, 0: none */
    CALL_WAIT_WAKER,      /* pid << 32 | tid, 0: not known */
    CALL_WAIT_WAKER_TIME, /* session clock */
    CALL_WAIT_WAKER_STACK,
    CALL_WAIT_WORDS
};

/* What a copy of a stack was taken with, behind the addresses. It begins at the stack pointer. */
enum call_register {
    CALL_REGISTER_PLACE, /* of execution; of a wait: within the call */
    CALL_REGISTER_STACK,
    CALL_REGISTER_FRAME,
    CALL_REGISTER_BASE, /* rbx of x86-64, x19 of AArch64; 0: not known */
    CALL_REGISTER_LINK, /* AArch64, where the place is no call's; else 0 */
    CALL_REGISTER_COUNT
};

enum call_peer_word {
    CALL_PEER_TYPE = 1, /* st_mode, low 32 bits; enum call_peer_flag, high */
    CALL_PEER_INODE,
    CALL_PEER_DEVICE, /* st_rdev of a device, st_dev of all else */
    CALL_PEER_SIZES, /* bytes of: local address, remote address, path; 16 bits each, in this order from bit 0 */
    CALL_PEER_WORDS /* the texts follow, one behind the other, the last word filled with 0 */
};

enum call_peer_flag { CALL_PEER_LISTENS = 1 };

#define CALL_ADDRESS_BYTES_MAX 112u /* a struct sockaddr_un and all below */
#define CALL_PATH_BYTES_MAX    511u
#define CALL_STACK_DEPTH_MAX   64u
#define CALL_EVENT_WORDS_MAX   112u
#define CALL_COPY_WORDS_MAX    2048u

/* What a thread did to one peer. Slots lie behind the ring's header; a slot whose generation is odd is being
 * changed into another peer's. */
#define CALL_IO_SLOT_COUNT 32u
#define CALL_IO_BUCKETS    40u

/* The numbers of enum io_operation in the model. */
enum call_io_operation {
    CALL_IO_NONE,
    CALL_IO_READ,
    CALL_IO_WRITE,
    CALL_IO_SYNC,
    CALL_IO_CONNECT,
    CALL_IO_OPERATION_COUNT
};

struct call_io {                             /*  OFF SIZE */
    uint32_t generation;                     /*    0    4  0: never used */
    uint32_t operation;                      /*    4    4  of the model's io table: the recorder's number */
    uint32_t peer;                           /*    8    4  number in this ring */
    uint32_t reserved;                       /*   12    4 */
    uint64_t count;                          /*   16    8 */
    uint64_t bytes;                          /*   24    8 */
    uint64_t ticks;                          /*   32    8  time inside the calls, session clock */
    uint64_t reserved_a;                     /*   40    8 */
    uint32_t size_count[CALL_IO_BUCKETS];    /*   48  160  by power of two of the bytes */
    uint32_t latency_count[CALL_IO_BUCKETS]; /*  208  160  by power of two of the ticks */
};
static_assert(sizeof(struct call_io) == 368, "layout");

struct call_ring {           /*  OFF SIZE */
    uint64_t magic;          /*    0    8 */
    uint32_t version;        /*    8    4 */
    uint32_t pid;            /*   12    4 */
    uint64_t nonce;          /*   16    8 */
    uint32_t word_count;     /*   24    4  the session's */
    uint32_t reserved;       /*   28    4 */
    uint64_t start;          /*   32    8  head and tail at first */
    uint64_t reserved_a[3];  /*   40   24 */
    uint64_t head;           /*   64    8  producer */
    uint64_t now_start;      /*   72    8  producer: when the call began that it is in; 0: in none */
    uint64_t now_call;       /*   80    8  producer: enum call_kind << 56 | value, low 56 bits */
    uint64_t lost_count;     /*   88    8  producer: events dropped, ring full */
    uint64_t reserved_b[4];  /*   96   32 */
    uint64_t tail;           /*  128    8  consumer */
    uint64_t reserved_c[47]; /*  136  376 */
};
static_assert(sizeof(struct call_ring) == 512, "layout");
static_assert(offsetof(struct call_ring, head) == 64, "layout");
static_assert(offsetof(struct call_ring, tail) == 128, "layout");

#define CALL_IO_OFFSET    512u
#define CALL_WORDS_OFFSET 16384u
static_assert(CALL_IO_OFFSET + CALL_IO_SLOT_COUNT * sizeof(struct call_io) <= CALL_WORDS_OFFSET, "layout");

#define CALL_VALUE_BITS 56
#define CALL_VALUE_MASK (((uint64_t)1 << CALL_VALUE_BITS) - 1)

static inline uint64_t call_ring_file_bytes(uint64_t word_count)
{
    return CALL_WORDS_OFFSET + word_count * 8;
}

static inline bool calls_session_is_valid(const struct calls_session *session)
{
    uint64_t count = session->word_count;
    return session->magic == CALLS_MAGIC && session->version == CALLS_VERSION &&
           count >= CALL_WORDS_COUNT_MIN && count <= CALL_WORDS_COUNT_MAX && (count & (count - 1)) == 0;
}

static inline uint64_t call_head(enum call_event_kind kind, unsigned words, unsigned extra, uint32_t argument)
{
    return (uint64_t)argument << 32 | (uint64_t)(extra & 0xffff) << 16 | (uint64_t)(words & 0xff) << 8 |
           (uint64_t)kind;
}

static inline unsigned call_event_kind(uint64_t head)
{
    return (unsigned)(head & 0xff);
}

static inline unsigned call_event_extra(uint64_t head)
{
    return (unsigned)(head >> 16 & 0xffff);
}

/* Without a copy. */
static inline unsigned call_event_own_words(uint64_t head)
{
    return (unsigned)(head >> 8 & 0xff);
}

static inline unsigned call_event_copy_words(uint64_t head)
{
    return call_event_kind(head) == CALL_STACK ? call_event_extra(head) : 0;
}

/* All, up to the next event. */
static inline unsigned call_event_words(uint64_t head)
{
    return call_event_own_words(head) + call_event_copy_words(head);
}

static inline uint32_t call_event_argument(uint64_t head)
{
    return (uint32_t)(head >> 32);
}

/* The fewest words an event of this kind has; 0 for kinds that there are not. */
static inline unsigned call_event_words_min(unsigned kind)
{
    switch (kind) {
    case CALL_ATTACH:
    case CALL_DETACH:
    case CALL_SAMPLE: return 3;
    case CALL_WAIT: return CALL_WAIT_WORDS;
    case CALL_STACK: return 3;
    case CALL_PEER: return CALL_PEER_WORDS;
    case CALL_MAP: return 6;
    case CALL_IO: return 1 + sizeof(struct call_io) / 8;
    case CALL_LOST: return 1;
    default: return 0;
    }
}

/* Mixes a kind of thing and up to two numbers that name it into a key of the wakers (splitmix64's finisher,
 * S. Vigna). Never 0. */
static inline uint64_t call_key(unsigned kind, uint64_t first, uint64_t second)
{
    uint64_t mixed = first * 0x9e3779b97f4a7c15ull ^ (second + kind) * 0xc2b2ae3d27d4eb4full;

    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9ull;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebull;
    mixed ^= mixed >> 31;
    return mixed ? mixed : 1;
}

enum call_key_kind {
    CALL_KEY_DATA = 1, /* of a pipe: inode, device; of a socket: from address, to address */
    CALL_KEY_ROOM,     /* the same, the other way */
    CALL_KEY_CLIENT,   /* of a listening socket: its port */
    CALL_KEY_LOCK,     /* address, pid */
    CALL_KEY_SIGNAL,   /* address, pid: of conditions, semaphores, barriers, futexes */
    CALL_KEY_THREAD    /* pthread_t, pid: of a thread's end */
};

#endif
