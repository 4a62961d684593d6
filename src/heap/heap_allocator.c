/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heap_allocator: an allocator as programs bring along in a library: it maps its pages itself, and its operator new is not
 * made of malloc; that of arrays is. It never uses a block again. heap_drain_test preloads it behind libtoll_heap.
 */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define POOL_BYTES (16u << 20)

void *malloc(size_t size);
void free(void *block);
void *calloc(size_t count, size_t size);
void *realloc(void *block, size_t size);
size_t malloc_usable_size(void *block);
void *_Znam(size_t size); /* NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): of arrays */
void *_Znwm(size_t size); /* NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): operator new */
void _ZdlPv(
    void *block); /* NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): operator delete */

static char *pool;
static size_t used;

static void *take(size_t size)
{
    size_t bytes = (size + 31) & ~(size_t)15, at;

    if (!pool) {
        void *pages = mmap(NULL, POOL_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        pool = pages == MAP_FAILED ? NULL : pages;
    }
    if (!pool || size > POOL_BYTES)
        return NULL;
    at = __atomic_fetch_add(&used, bytes, __ATOMIC_RELAXED);
    if (at + bytes > POOL_BYTES)
        return NULL;
    memcpy(pool + at, &size, sizeof size);
    return pool + at + 16;
}

void *malloc(size_t size)
{
    return take(size);
}

void free(void *block)
{
    (void)block;
}

void *calloc(size_t count, size_t size)
{
    return size && count > SIZE_MAX / size ? NULL : take(count * size);
}

size_t malloc_usable_size(void *block)
{
    size_t size = 0;

    if (block)
        memcpy(&size, (char *)block - 16, sizeof size);
    return size;
}

void *realloc(void *block, size_t size)
{
    size_t held = malloc_usable_size(block);
    void *moved = take(size);

    if (moved && block)
        memcpy(moved, block, held < size ? held : size);
    return moved;
}

void *_Znwm(size_t size) /* NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
{
    return take(size);
}

void _ZdlPv(void *block) /* NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
{
    (void)block;
}

void *_Znam(size_t size) /* NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
{
    void *(*volatile ask)(size_t) = malloc; /* whoever stands before it */

    return ask(size);
}

/* Before the library that stands before it is initialised, and maybe before its first malloc. */
__attribute__((constructor)) static void begin(void)
{
    void *(*volatile ask)(size_t) = _Znwm;

    ask(16);
}
