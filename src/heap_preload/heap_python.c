/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heap_python: what this thread runs in Python, read by itself.
 *
 * The loader tells whether the program has an interpreter: symbols that are there only then (in the program, or in a library that
 * it is linked with; one that is loaded later is not seen). The functions of Python's that are called take no lock and allocate
 * nothing: each reads a variable of the thread.
 *
 * A thread's frames are its own: nobody else changes or frees them, nor the functions that they run, whether it has the lock of
 * the interpreter at the moment or not (allocators are called without it too). Only an interpreter that ends while its
 * threads still run takes their states away, and a handler of a signal may find a list that is just being changed. So all is read by
 * a system call that says no where nothing is mapped, and checked: the state must say that it is this thread's. In exact mode
 * that would cost too much: a thread that has the lock reads itself what lies on pages that a system call has read and nobody
 * has unmapped since.
 */
#include "heap_preload/internal.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define VERSION_TOLD 0x030b0000ul /* the first whose interpreter tells its version so */
#define VERSION_THREAD                                                                                       \
    0x030c0000ul /* the first whose state at hand is the thread's own, not the lock holder's */
#define PROBE_COUNT  16u
#define CODE_RESERVE 2048u
#define ADDRESS_MAX  (UINT64_MAX >> 16)

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): Python's own names */
extern char _PyRuntime[] __attribute__((weak));
extern char PyCode_Type[] __attribute__((weak));
extern const unsigned long Py_Version __attribute__((weak));
extern void *PyGILState_GetThisThreadState(void) __attribute__((weak));
extern void *PyThreadState_GetUnchecked(void) __attribute__((weak)); /* from 3.13 on; before: */
extern void *_PyThreadState_UncheckedGet(void) __attribute__((weak));
extern int Py_IsFinalizing(void) __attribute__((weak)); /* likewise */
extern int _Py_IsFinalizing(void) __attribute__((weak));
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

bool heap_python_is_here;
static struct python_layout layout;

/* By the number of this thread: the process's is the first thread's, which may have left. */
static bool self_read(uint32_t tid, uint64_t address, void *ret_bytes, size_t size)
{
    struct iovec here = {.iov_base = ret_bytes, .iov_len = size};
    struct iovec there = {.iov_base = (void *)address, .iov_len = size};

    return syscall(SYS_process_vm_readv, (long)tid, &here, 1L, &there, 1L, 0L) == (long)size;
}

static bool is_known(const struct heap_python *python, uint64_t page)
{
    return python->known[page / PYTHON_PAGE_BYTES % PYTHON_PAGE_COUNT] == page;
}

static bool page_fetch(struct heap_python *python, uint64_t page)
{
    python->page = 0;
    if (!self_read(python->tid, page, python->bytes, PYTHON_PAGE_BYTES))
        return false;
    python->page = page;
    python->known[page / PYTHON_PAGE_BYTES % PYTHON_PAGE_COUNT] = page;
    return true;
}

/* Frames lie close to each other: the page of one has the next ones too. */
static bool page_read(void *context, uint64_t address, void *ret_bytes, size_t size)
{
    struct heap_python *python = context;
    uint64_t page = address & ~(uint64_t)(PYTHON_PAGE_BYTES - 1), at = address - page;

    if (address > ADDRESS_MAX || !page)
        return false;
    if (at + size > PYTHON_PAGE_BYTES)
        return self_read(python->tid, address, ret_bytes, size);
    if (python->is_attached && is_known(python, page)) {
        memcpy(ret_bytes, (const void *)address, size);
        return true;
    }
    if (size <= 8 && !python->is_attached)
        return self_read(python->tid, address, ret_bytes, size);
    if (python->page != page && !page_fetch(python, page))
        return false;
    memcpy(ret_bytes, python->bytes + at, size);
    return true;
}

static bool pages_read(void *context, const uint64_t *addresses, size_t count, void *ret_bytes, size_t size)
{
    struct heap_python *python = context;
    struct iovec here = {.iov_base = ret_bytes, .iov_len = count * size}, there[PYTHON_DEPTH_MAX];
    size_t i;

    if (count > PYTHON_DEPTH_MAX)
        return false;
    for (i = 0; i < count && python->is_attached; i++)
        if (!page_read(context, addresses[i], (uint8_t *)ret_bytes + i * size, size))
            return false;
    if (python->is_attached)
        return true;
    for (i = 0; i < count; i++)
        there[i] = (struct iovec){.iov_base = (void *)addresses[i], .iov_len = size};
    return syscall(SYS_process_vm_readv, (long)python->tid, &here, 1L, there, (long)count, 0L) ==
           (long)(count * size);
}

static bool once_read(void *context, uint64_t address, void *ret_bytes, size_t size)
{
    return self_read(*(const uint32_t *)context, address, ret_bytes, size);
}

void heap_python_find(void)
{
    uint32_t tid = (uint32_t)syscall(SYS_gettid);
    struct python_memory memory = {.context = &tid, .read = once_read};

    if (!_PyRuntime || !&Py_Version || !PyGILState_GetThisThreadState || Py_Version < VERSION_TOLD)
        return;
    heap_python_is_here = python_layout_find(Py_Version, &memory, (uint64_t)_PyRuntime, &layout);
}

/* The flag is the process's, and stays when the interpreter is gone. What is taken apart is so by a thread that has a state of it, until
 * that is gone too: other threads go on, and the program may. */
bool heap_python_ends(void)
{
    bool is_ending = Py_IsFinalizing ? Py_IsFinalizing() != 0 : _Py_IsFinalizing && _Py_IsFinalizing() != 0;

    return is_ending && PyGILState_GetThisThreadState() != NULL;
}

/* NULL: this thread runs no Python. Where it has another interpreter's state at hand it runs that one. */
static const void *state_find(bool *ret_is_attached)
{
    const void *current = PyThreadState_GetUnchecked    ? PyThreadState_GetUnchecked()
                          : _PyThreadState_UncheckedGet ? _PyThreadState_UncheckedGet()
                                                        : NULL;
    const void *own;

    if (current && Py_Version >= VERSION_THREAD) {
        *ret_is_attached = true;
        return current;
    }
    own = PyGILState_GetThisThreadState();
    *ret_is_attached = own && own == current;
    return own;
}

/* What is kept of a page holds for one walk: the thread stands still meanwhile. */
static struct python_memory walk_begin(struct heap_python *python)
{
    uint64_t unmap_count = __atomic_load_n(&heap->unmap_count, __ATOMIC_RELAXED);

    if (python->unmap_count != unmap_count) {
        memset(python->known, 0, sizeof python->known);
        python->unmap_count = unmap_count;
    }
    python->page = 0;
    python->tid = self.tid;
    return (struct python_memory){.context = python, .read = page_read, .read_each = pages_read};
}

uint64_t heap_python_read(struct heap_lane *lane)
{
    struct heap_python *python = lane->python;
    struct python_memory memory = walk_begin(python);
    int error = errno;
    bool is_attached = false;
    uint64_t state = (uint64_t)state_find(&is_attached), id, key = 0;
    size_t i;

    python->is_attached = is_attached && heap_is_exact;
    python->stack.count = 0;
    if (!state || !python_memory_u64(&memory, state + layout.thread_id, &id) ||
        id != (uint64_t)pthread_self() || !python_stack_read_own(&memory, &layout, state, &python->stack))
        python->stack.count = 0;
    for (i = 0; i < python->stack.count; i++) {
        const struct python_frame *frame = &python->stack.frames[i];

        key = guest_mix(key ^ frame->code) +
              guest_mix(frame->instruction + (frame->lines + frame->names) * GUEST_MULTIPLY);
    }
    errno = error;
    return python->stack.count ? key | 1 : 0;
}

/* Whether it was told already; if not, where that can be noted: NULL when there is no room, and it is told each time. */
static bool is_told(uint64_t key, uint64_t **ret_place)
{
    unsigned probe;

    *ret_place = NULL;
    for (probe = 0; probe < PROBE_COUNT; probe++) {
        uint64_t *place = &heap->python_codes[(key + probe) & (CODE_KEY_COUNT - 1)];
        uint64_t known = __atomic_load_n(place, __ATOMIC_ACQUIRE);

        if (known == key)
            return true;
        if (!known) {
            *ret_place = place;
            return false;
        }
    }
    return false;
}

static unsigned text_put(struct heap_lane *lane, unsigned at, const char *text, size_t bytes)
{
    size_t i;

    for (i = 0; i < bytes; i += 8) {
        uint64_t word = 0;

        memcpy(&word, text + i, bytes - i < 8 ? bytes - i : 8);
        heap_put(lane, at++, word);
    }
    return at;
}

/* Two threads may tell one function: the second changes nothing. False: there was no room. */
static bool code_tell(struct heap_lane *lane, uint64_t key)
{
    const struct python_names *names = &lane->python->names;
    size_t name_bytes = strlen(names->name), file_bytes = strlen(names->file);
    unsigned at = 3;
    uint64_t *place;

    if (file_bytes > HEAP_PATH_BYTES_MAX)
        file_bytes = HEAP_PATH_BYTES_MAX;
    if (is_told(key, &place))
        return true;
    if (!heap_begin(lane, 3 + heap_text_words(name_bytes) + heap_text_words(file_bytes), CODE_RESERVE))
        return false;
    heap_put(lane, 0, heap_head(HEAP_CODE, heap_clock() - heap_session->start));
    heap_put(lane, 1, key | (uint64_t)name_bytes << 48);
    heap_put(lane, 2, file_bytes);
    at = text_put(lane, at, names->name, name_bytes);
    at = text_put(lane, at, names->file, file_bytes);
    heap_commit(lane, at);
    if (place)
        __atomic_store_n(place, key, __ATOMIC_RELEASE);
    return true;
}

static bool is_place(const struct heap_python_place *place, const struct python_frame *frame)
{
    return place->key && place->code == frame->code && place->instruction == frame->instruction &&
           place->lines == frame->lines && place->names == frame->names;
}

/* Reads the names of a frame's function and its line, and tells them. */
static bool place_find(struct heap_lane *lane, const struct python_memory *memory,
                       const struct python_frame *frame, struct heap_python_place *place)
{
    struct heap_python *python = lane->python;
    uint64_t key = guest_mix(frame->code ^ guest_mix(frame->lines + frame->names)) & HEAP_KEY_MASK;

    place->key = 0;
    if (!key || !python_names_read(memory, &layout, (uint64_t)PyCode_Type, frame->code, &python->names) ||
        !code_tell(lane, key))
        return false;
    place->code = frame->code;
    place->instruction = frame->instruction;
    place->lines = frame->lines;
    place->names = frame->names;
    place->line = python_line_read(memory, &layout, &python->names,
                                   python_code_instruction(memory, &layout, frame->code, frame->instruction));
    place->key = key;
    return true;
}

void heap_python_name(struct heap_lane *lane)
{
    struct heap_python *python = lane->python;
    struct python_memory memory = walk_begin(python);
    int error = errno;
    size_t i;

    python->is_attached = false;
    for (i = 0; i < python->stack.count; i++) {
        const struct python_frame *frame = &python->stack.frames[i];
        struct heap_python_place *place =
            &python->places[guest_mix(frame->code ^ frame->instruction) % PYTHON_PLACE_COUNT];
        bool is_named = is_place(place, frame) || place_find(lane, &memory, frame, place);

        python->keys[i] = (is_named ? place->key : 0) | (frame->is_entry ? HEAP_ENTRY : 0);
        python->lines[i] = is_named ? place->line : 0;
    }
    errno = error;
}
