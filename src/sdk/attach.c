/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attach: from TOLL_SESSION to a thread with room in a ring.
 *
 * At load: find the session, set toll_state. At a process's first call: make its names file. At a thread's
 * first call: take a ring of a thread that ended, or make one. At each name's first use: append it to the names.
 * These run with signals blocked and cancellation off, so that the one spin lock cannot be waited for by its own
 * holder; once a thread has its ring and its names, nothing here runs but sdk_room's look at the tail.
 *
 * Whatever fails (no folder, no space, no permission) leaves the program without spans and otherwise alone.
 */
#include "sdk/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest/guest_file.h"
#include "guest/guest_text.h"

#define NAME_TABLE_COUNT 16384u /* a power of two, over twice the names that ids usually come to */
#define NAME_PROBE_MAX   64u
#define LOCK_SPIN_MAX    100000u

/* The ids below 4 bytes are none; the first name is what names that found no place are called. */
#define NAME_ID_OTHER 1u
#define NAME_OTHER    "(other)"

/* Cleared in a forked child, with the threads behind it. */
struct sdk_process {
    uint32_t lock;
    uint32_t is_ready;   /* atomic: names and identity are this process's */
    uint32_t is_refused; /* atomic: it could not have them */
    uint32_t pid;
    uint64_t nonce;
    uint32_t ring_count;
    uint32_t reserved[7];
    struct sdk_thread threads[SDK_THREAD_COUNT_MAX];
};

int toll_state;

/* A thread without a ring, and one that could get none. */
static struct sdk_thread absent_thread, refused_thread;
__thread struct sdk_thread *sdk_self __attribute__((tls_model("initial-exec"))) = &absent_thread;

static struct sdk_process *process;
static struct session_file session;
static char session_folder[WIRE_PATH_BYTES_MAX];
static pthread_key_t exit_key;

/* These survive a fork on purpose: ids kept in call sites stay good in the child, which copies the names; and a
 * block that the forked thread may still point to is given to no other thread. */
static struct names_file *names;
static uint32_t name_table[NAME_TABLE_COUNT];
static uint32_t usage_names[TOLL_USAGE_KIND_COUNT];
static uint32_t thread_count;

static bool is_tsc(void)
{
    return session.clock == WIRE_CLOCK_TSC;
}

/* Reads the session's file. It must lie in a folder given by an absolute path. */
static bool session_read(void)
{
    char path[WIRE_PATH_BYTES_MAX + GUEST_NAME_BYTES];
    ssize_t count;
    int fd;

    guest_put_text(guest_put_text(path, session_folder), "/session");
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return false;
    count = pread(fd, &session, sizeof session, 0);
    close(fd);
#if !defined(__x86_64__)
    if (session.clock == WIRE_CLOCK_TSC)
        return false;
#endif
    return count == (ssize_t)sizeof session && session_is_valid(&session);
}

static void thread_release(void *block);

/* Before the program's own constructors, so that their spans count. */
__attribute__((constructor(101))) static void load(void)
{
    const char *folder = getenv(WIRE_SESSION_VARIABLE);
    int error = errno;
    void *memory;

    if (!folder || !folder[0]) {
        __atomic_store_n(&toll_state, sdk_hold_load(), __ATOMIC_RELEASE);
        return;
    }
    if (folder[0] != '/' || strlen(folder) >= sizeof session_folder)
        return;
    guest_put_text(session_folder, folder);
    if (!session_read() || pthread_key_create(&exit_key, thread_release) != 0) {
        errno = error;
        return;
    }
    /* Past whoever counts the program's own pages (libtoll_heap). */
    memory = (void *)syscall(SYS_mmap, NULL, sizeof *process, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED && madvise(memory, sizeof *process, MADV_WIPEONFORK) == 0) {
        process = memory;
        __atomic_store_n(&toll_state, 1, __ATOMIC_RELEASE);
    }
    errno = error;
}

/* What a slow path changes in the thread and puts back. */
struct guard {
    sigset_t signals;
    int cancel_state;
    int error;
};

static void guard_enter(struct guard *guard)
{
    sigset_t all;

    guard->error = errno;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &guard->cancel_state);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &guard->signals);
}

static void guard_leave(const struct guard *guard)
{
    int ignored;

    pthread_sigmask(SIG_SETMASK, &guard->signals, NULL);
    pthread_setcancelstate(guard->cancel_state, &ignored);
    errno = guard->error;
}

/* Held for a few system calls at most; a holder that is gone (a fork in the middle clears the lock in the child)
 * is not waited for for ever. */
static bool lock(void)
{
    unsigned spin;

    for (spin = 0; spin < LOCK_SPIN_MAX; spin++) {
        if (!__atomic_exchange_n(&process->lock, 1, __ATOMIC_ACQUIRE))
            return true;
        sched_yield();
    }
    return false;
}

static void unlock(void)
{
    __atomic_store_n(&process->lock, 0, __ATOMIC_RELEASE);
}

/* A new file of the session with all its blocks on the disk, mapped; NULL when it cannot be had. */
static void *file_make(const char *kind, const char *suffix, size_t bytes)
{
    char path[WIRE_PATH_BYTES_MAX + GUEST_NAME_BYTES];

    guest_put_text(guest_put_process(path, session_folder, kind, process->pid, process->nonce), suffix);
    return guest_file_make(path, bytes, mmap);
}

/* The names */

static unsigned char *names_area(struct names_file *file)
{
    return (unsigned char *)(file + 1);
}

static uint32_t name_hash(const char *name, size_t length)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    while (length-- > 0)
        hash = (hash ^ (unsigned char)*name++) * 16777619u;
    return hash ^ hash >> 15;
}

static bool name_is(uint32_t id, const char *name, size_t length)
{
    const unsigned char *bytes = names_area(names) + (size_t)id * 4;

    return name_length(bytes, NAME_BYTES_MAX + 2) == length && memcmp(bytes + 2, name, length) == 0;
}

/* The id of the name, 0 when it is not there; *ret_slot is where it would go, NULL when there is no place. */
static uint32_t name_find(const char *name, size_t length, uint32_t **ret_slot)
{
    uint32_t hash = name_hash(name, length), probe;

    for (probe = 0; probe < NAME_PROBE_MAX; probe++) {
        uint32_t *slot = &name_table[(hash + probe) & (NAME_TABLE_COUNT - 1)];
        uint32_t id = __atomic_load_n(slot, __ATOMIC_ACQUIRE);

        *ret_slot = slot;
        if (!id || name_is(id, name, length))
            return id;
    }
    *ret_slot = NULL;
    return 0;
}

/* With the lock held. */
static uint32_t name_append(const char *name, size_t length, uint32_t *slot)
{
    uint32_t used = names->used_bytes, room = name_room((uint32_t)length);
    unsigned char *bytes = names_area(names) + used;

    /* One name's room stays free behind the last: name_is may look at bytes up to there. */
    if (!slot || NAMES_AREA_BYTES - used < room + NAME_BYTES_MAX + 2)
        return NAME_ID_OTHER;
    bytes[0] = (unsigned char)length;
    bytes[1] = 0;
    memcpy(bytes + 2, name, length);
    __atomic_store_n(&names->used_bytes, used + room, __ATOMIC_RELEASE);
    __atomic_store_n(slot, used / 4, __ATOMIC_RELEASE);
    return used / 4;
}

static uint32_t name_add(const char *name, size_t length)
{
    struct guard guard;
    uint32_t id = NAME_ID_OTHER, *slot;

    guard_enter(&guard);
    if (lock()) {
        id = name_find(name, length, &slot);
        if (!id)
            id = name_append(name, length, slot);
        unlock();
    }
    guard_leave(&guard);
    return id;
}

/* Cuts at a character, not inside one. */
static size_t name_cut(const char *name)
{
    size_t length = strnlen(name, NAME_BYTES_MAX + 1);

    if (length <= NAME_BYTES_MAX)
        return length;
    length = NAME_BYTES_MAX;
    while (length > 0 && ((unsigned char)name[length] & 0xc0) == 0x80)
        length--;
    return length;
}

uint32_t sdk_name(const char *name)
{
    uint32_t id, *slot;
    size_t length;

    if (!name || !name[0] || !__atomic_load_n(&process->is_ready, __ATOMIC_ACQUIRE))
        return NAME_ID_OTHER;
    length = name_cut(name);
    id = name_find(name, length, &slot);
    return id ? id : name_add(name, length);
}

uint32_t sdk_name_of_site(struct toll_site *site)
{
    uint32_t id = sdk_name(site->name);

    __atomic_store_n(&site->id, id, __ATOMIC_RELEASE);
    return id;
}

uint32_t sdk_name_of_usage(unsigned kind)
{
    return kind < TOLL_USAGE_KIND_COUNT ? usage_names[kind] : NAME_ID_OTHER;
}

struct sdk_identity sdk_identity(void)
{
    struct sdk_identity identity = {session.id, process->pid};

    return identity;
}

/* The process */

static void names_fill(void)
{
    static const char *const usage_texts[TOLL_USAGE_KIND_COUNT] = {"rows", "bytes", "requests",
                                                                   "tokens_input", "tokens_output"};
    uint32_t *slot;
    unsigned i;

    names->used_bytes = NAME_ID_OTHER * 4;
    name_find(NAME_OTHER, strlen(NAME_OTHER), &slot);
    name_append(NAME_OTHER, strlen(NAME_OTHER), slot);
    for (i = 0; i < TOLL_USAGE_KIND_COUNT; i++) {
        name_find(usage_texts[i], strlen(usage_texts[i]), &slot);
        usage_names[i] = name_append(usage_texts[i], strlen(usage_texts[i]), slot);
    }
}

/* With the lock held. */
static bool process_attach(void)
{
    struct names_file *old = names, *file;
    uint32_t used;

    process->pid = (uint32_t)syscall(SYS_getpid);
    process->nonce = sdk_clock(is_tsc());
    file = file_make("names", "", sizeof *file + NAMES_AREA_BYTES);
    if (!file)
        return false;
    file->version = WIRE_VERSION;
    file->pid = process->pid;
    file->nonce = file->created = process->nonce;
    if (old) { /* the parent's, from before the fork; still mapped, for a thread that reads it just now */
        used = __atomic_load_n(&old->used_bytes, __ATOMIC_ACQUIRE);
        memcpy(names_area(file), names_area(old), NAMES_AREA_BYTES);
        file->used_bytes = used;
        names = file;
    } else {
        names = file;
        names_fill();
    }
    __atomic_store_n(&file->magic, NAMES_MAGIC, __ATOMIC_RELEASE);
    return true;
}

static bool process_ensure(void)
{
    bool is_ready;

    if (__atomic_load_n(&process->is_ready, __ATOMIC_ACQUIRE))
        return true;
    if (__atomic_load_n(&process->is_refused, __ATOMIC_ACQUIRE) || !lock())
        return false;
    is_ready = process->is_ready || (!process->is_refused && process_attach());
    __atomic_store_n(is_ready ? &process->is_ready : &process->is_refused, 1, __ATOMIC_RELEASE);
    unlock();
    if (!is_ready) /* nobody in this process will get further */
        __atomic_store_n(&toll_state, 0, __ATOMIC_RELAXED);
    return is_ready;
}

/* The threads */

static void write_one(struct sdk_thread *thread, enum ring_kind kind, uint32_t argument)
{
    struct ring_slot *slot = &thread->slots[thread->head & thread->mask];

    slot->value = sdk_clock(is_tsc());
    slot->word = ring_word(kind, 0, argument);
    thread->head++;
    __atomic_store_n(&thread->ring->head, thread->head, __ATOMIC_RELEASE);
}

/* Left free for signal handlers that come between a call's look for room and its claim. */
#define HANDLER_SLOTS 64

/* Sets the limits from the consumer's tail (one out of range was scribbled over and reads as a full ring). A
 * thread's first record says whose records follow; until there is room for it, there is room for nothing. */
static void limits_update(struct sdk_thread *thread)
{
    uint64_t slot_count = (uint64_t)thread->mask + 1;
    uint64_t tail = __atomic_load_n(&thread->ring->tail, __ATOMIC_ACQUIRE);

    if (thread->head - tail > slot_count)
        tail = thread->head - slot_count;
    thread->limit_end = tail + slot_count - HANDLER_SLOTS;
    thread->limit = thread->limit_end - RING_RESERVE(slot_count);
    if (!thread->is_attached && thread->head < thread->limit) {
        write_one(thread, RING_ATTACH, thread->tid);
        thread->is_attached = 1;
    }
    if (!thread->is_attached)
        thread->limit = thread->limit_end = thread->head;
}

static bool thread_make_ring(struct sdk_thread *thread)
{
    uint32_t number = __atomic_fetch_add(&process->ring_count, 1, __ATOMIC_RELAXED);
    struct ring_file *ring;
    char suffix[16] = "-";

    guest_put_number(suffix + 1, number, 10);
    ring = file_make("ring", suffix, RING_SLOTS_OFFSET + session.ring_bytes);
    if (!ring)
        return false;
    ring->version = WIRE_VERSION;
    ring->pid = process->pid;
    ring->nonce = process->nonce;
    ring->slot_count = (uint32_t)(session.ring_bytes / sizeof(struct ring_slot));
    /* Not 0, and no index of a ring made earlier, whose spans a forked child may still hold. */
    ring->start = ring->head = ring->tail = sdk_clock(is_tsc()) | 1;
    thread->mask = ring->slot_count - 1; /* NOLINT(clang-analyzer-core.NullDereference): an array's element */
    thread->ring = ring;
    thread->slots = (struct ring_slot *)((char *)ring + RING_SLOTS_OFFSET);
    thread->head = ring->head;
    thread->is_clock_tsc = is_tsc();
    __atomic_store_n(&ring->magic, RING_MAGIC, __ATOMIC_RELEASE);
    return true;
}

/* A block whose thread ended, with its ring. */
static struct sdk_thread *thread_take_released(void)
{
    uint32_t i, count = __atomic_load_n(&thread_count, __ATOMIC_RELAXED);

    for (i = 0; i < count && i < SDK_THREAD_COUNT_MAX; i++) {
        uint32_t expected = SDK_THREAD_RELEASED;
        struct sdk_thread *thread = &process->threads[i];

        if (__atomic_compare_exchange_n(&thread->state, &expected, SDK_THREAD_HELD, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED))
            return thread;
    }
    return NULL;
}

static struct sdk_thread *thread_make(void)
{
    uint32_t number = __atomic_fetch_add(&thread_count, 1, __ATOMIC_RELAXED);
    struct sdk_thread *thread;

    if (number >= SDK_THREAD_COUNT_MAX) {
        __atomic_store_n(&thread_count, SDK_THREAD_COUNT_MAX, __ATOMIC_RELAXED);
        return NULL;
    }
    thread = &process->threads[number];
    if (!thread_make_ring(thread))
        return NULL;
    __atomic_store_n(&thread->state, SDK_THREAD_HELD, __ATOMIC_RELEASE);
    return thread;
}

/* At the end of a thread: says so in its ring and leaves it to the next thread. In a forked child the block may
 * be cleared, or be another's. */
static void thread_release(void *block)
{
    struct sdk_thread *thread = block;

    if (thread->ring && thread == sdk_self && thread->tid == (uint32_t)syscall(SYS_gettid)) {
        limits_update(thread);
        if (thread->head < thread->limit_end)
            write_one(thread, RING_DETACH, 0); /* else the next attach says it */
        sdk_self = &absent_thread;
        __atomic_store_n(&thread->state, SDK_THREAD_RELEASED, __ATOMIC_RELEASE);
    }
}

static void thread_attach(void)
{
    struct sdk_thread *thread;

    if (!process_ensure()) {
        sdk_self = &refused_thread;
        return;
    }
    thread = thread_take_released();
    if (!thread)
        thread = thread_make();
    if (!thread || pthread_setspecific(exit_key, thread) != 0) {
        if (thread)
            __atomic_store_n(&thread->state, SDK_THREAD_RELEASED, __ATOMIC_RELEASE);
        sdk_self = &refused_thread;
        return;
    }
    thread->tid = (uint32_t)syscall(SYS_gettid);
    thread->is_attached = 0;
    sdk_self = thread;
    limits_update(thread);
}

static void lost(struct sdk_thread *thread)
{
    if (thread->ring)
        __atomic_store_n(&thread->ring->lost_count, thread->ring->lost_count + 1, __ATOMIC_RELAXED);
    else if (__atomic_load_n(&process->is_ready, __ATOMIC_ACQUIRE))
        __atomic_fetch_add(&names->refused_count, 1, __ATOMIC_RELAXED);
}

struct sdk_thread *sdk_room(unsigned count, bool is_end)
{
    struct sdk_thread *thread = sdk_self;
    struct guard guard;

    if (!process) /* no session: an experiment holds spans */
        return NULL;
    if (thread->is_busy) { /* a signal handler between the thread's two halves of a call */
        lost(thread);
        return NULL;
    }
    if (!thread->ring && thread != &refused_thread) {
        guard_enter(&guard);
        thread_attach();
        guard_leave(&guard);
        thread = sdk_self;
    } else if (thread->ring) {
        limits_update(thread);
    }
    if (thread->head + count <= (is_end ? thread->limit_end : thread->limit))
        return thread;
    if (thread->ring && __atomic_load_n(&thread->ring->closed, __ATOMIC_RELAXED))
        __atomic_store_n(&toll_state, 0, __ATOMIC_RELAXED);
    lost(thread);
    return NULL;
}
