/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heap_hooks: what stands before the allocator. Functions of the C library that allocate for their caller do so through malloc;
 * operator new, strdup and strndup are hooked so that a stack begins at their caller even where they keep no frame pointer. An
 * allocator of another library may have an operator new and delete of its own, some of which do not go through malloc and free.
 */
#include "heap_preload/internal.h"

#include <dlfcn.h>
#include <link.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest/guest_listing.h"

/* The allocator's own functions are called by nobody else with another meaning. */
void *malloc(size_t size);
void free(void *block);
void *calloc(size_t count, size_t size);
void *realloc(void *block, size_t size);
void *reallocarray(void *block, size_t count, size_t size);
int posix_memalign(void **ret_block, size_t alignment, size_t size);
void *aligned_alloc(size_t alignment, size_t size);
void *memalign(size_t alignment, size_t size);
void *valloc(size_t size);
void *pvalloc(size_t size);

static inline __attribute__((always_inline)) struct heap_caller caller_of(const void *frame,
                                                                          const void *address)
{
    if (UNLIKELY(self.outer_frame != NULL))
        return (struct heap_caller){self.outer_frame, self.outer_caller};
    return (struct heap_caller){frame, address};
}

#define CALLER() caller_of(__builtin_frame_address(0), __builtin_return_address(0))
#define TOOK(block, size)                                                                                    \
    do {                                                                                                     \
        if (UNLIKELY((block) && (self.left -= (int64_t)(size)) <= 0))                                        \
            heap_took((block), (size), CALLER());                                                            \
    } while (0)

static inline bool is_told(const void *block)
{
    return block && UNLIKELY(heap_filter[(uintptr_t)block >> 4 & (FILTER_COUNT - 1)] != 0);
}

HOOK void *malloc(size_t size)
{
    void *block;

    if (UNLIKELY(!heap_real_ready()))
        return heap_early(size);
    block = heap_real.malloc(size);
    TOOK(block, size);
    return block;
}

HOOK void free(void *block)
{
    if (UNLIKELY(heap_is_early(block)))
        return;
    if (is_told(block))
        heap_gives(block, 0);
    if (heap_real_ready())
        heap_real.free(block);
}

HOOK void *calloc(size_t count, size_t size)
{
    void *block;

    if (UNLIKELY(!heap_real_ready()))
        return size && count > SIZE_MAX / size ? NULL : heap_early(count * size);
    block = heap_real.calloc(count, size);
    TOOK(block, count * size);
    return block;
}

static void *early_moved(const void *old, size_t size)
{
    size_t held = ((const size_t *)old)[-2];
    void *block = heap_real_ready() ? heap_real.malloc(size) : heap_early(size);

    if (block)
        memcpy(block, old, held < size ? held : size);
    return block;
}

/* A block that was told ends before it is moved, or another thread could be given its address first. */
HOOK void *realloc(void *old, size_t size)
{
    bool was_told = false;
    void *block;

    if (UNLIKELY(old && heap_is_early(old)))
        return early_moved(old, size);
    if (UNLIKELY(!heap_real_ready()))
        return heap_early(size);
    if (is_told(old))
        was_told = heap_gives(old, size ? HEAP_FREE_RESIZED : 0);
    block = heap_real.realloc(old, size);
    if (UNLIKELY(!block && size && was_told))
        heap_took(old, heap_real.malloc_usable_size(old), CALLER()); /* it is there still */
    TOOK(block, size);
    return block;
}

HOOK void *reallocarray(void *old, size_t count, size_t size)
{
    bool was_told = false;
    void *block;

    if (UNLIKELY(!heap_real_ready() || (old && heap_is_early(old)) || (size && count > SIZE_MAX / size)))
        return heap_real_ready() ? heap_real.reallocarray(old, count, size) : NULL;
    if (is_told(old))
        was_told = heap_gives(old, count && size ? HEAP_FREE_RESIZED : 0);
    block = heap_real.reallocarray(old, count, size);
    if (UNLIKELY(!block && count && size && was_told))
        heap_took(old, heap_real.malloc_usable_size(old), CALLER());
    TOOK(block, count * size);
    return block;
}

HOOK int posix_memalign(void **ret_block, size_t alignment, size_t size)
{
    int status = heap_real_ready() ? heap_real.posix_memalign(ret_block, alignment, size) : 12; /* ENOMEM */

    if (status == 0)
        TOOK(*ret_block, size);
    return status;
}

HOOK void *aligned_alloc(size_t alignment, size_t size)
{
    void *block = heap_real_ready() ? heap_real.aligned_alloc(alignment, size) : NULL;

    TOOK(block, size);
    return block;
}

HOOK void *memalign(size_t alignment, size_t size)
{
    void *block = heap_real_ready() ? heap_real.memalign(alignment, size) : NULL;

    TOOK(block, size);
    return block;
}

HOOK void *valloc(size_t size)
{
    void *block = heap_real_ready() ? heap_real.valloc(size) : NULL;

    TOOK(block, size);
    return block;
}

HOOK void *pvalloc(size_t size)
{
    void *block = heap_real_ready() ? heap_real.pvalloc(size) : NULL;

    TOOK(block, size);
    return block;
}

/* Functions that allocate through malloc: the outermost one is the program's own call. */

static inline void outer_end(const void *const *frame)
{
    if (self.outer_frame == *frame)
        self.outer_frame = NULL;
}

/* Also when an exception passes. */
#define OUTER()                                                                                              \
    const void *outer __attribute__((cleanup(outer_end))) = __builtin_frame_address(0);                      \
    if (!self.outer_frame) {                                                                                 \
        self.outer_frame = outer;                                                                            \
        self.outer_caller = __builtin_return_address(0);                                                     \
    }

HOOK char *strdup(const char *text)
{
    OUTER();
    return heap_real_ready() ? heap_real.strdup(text) : NULL;
}

HOOK char *strndup(const char *text, size_t bytes)
{
    OUTER();
    return heap_real_ready() ? heap_real.strndup(text, bytes) : NULL;
}

static bool cxx_is_allocators; /* operator new and delete are those of the library that has malloc */

/* A library of C++ that was loaded for itself alone is in nobody's order of libraries. */
static void *cxx_look(const char *name)
{
    static const char *const runtimes[] = {"libstdc++.so.6", "libc++.so.1"};
    void *found = dlsym(RTLD_NEXT, name), *runtime;
    unsigned i;

    for (i = 0; !found && i < sizeof runtimes / sizeof runtimes[0]; i++) {
        runtime = dlopen(runtimes[i], RTLD_LAZY | RTLD_NOLOAD);
        found = runtime ? dlsym(runtime, name) : NULL;
    }
    /* The first call of all may be one of these: of a library that is initialised before this one. */
    if (found && heap_real_ready() && heap_real_is_allocator(found))
        cxx_is_allocators = true;
    return found;
}

#define MISS_COUNT 1024u

/* Plug-ins that have C++ within them alone find nothing again and again: they look ever more seldom. */
static bool is_worth_a_look(void)
{
    static uint32_t miss_count;
    uint32_t count = __atomic_fetch_add(&miss_count, 1, __ATOMIC_RELAXED);

    return (count & (count - 1)) == 0 || count % MISS_COUNT == 0;
}

/*
 * Looking takes the loader's lock, for which a thread that a library's constructor made, and waits for, waits in vain. So who
 * has the first of them has them all looked for: that is the maker, which holds the lock, with the new of its thread's state.
 */
static __attribute__((noinline)) void *cxx_find(const char *name)
{
    static uint32_t are_looked_for;
    void *found = is_worth_a_look() ? cxx_look(name) : NULL;

    if (!found || __atomic_exchange_n(&are_looked_for, 1, __ATOMIC_RELAXED))
        return found;
#define FIND(type, symbol, parameters)                                                                       \
    if (!heap_real.symbol)                                                                                   \
        *(void **)&heap_real.symbol = cxx_look(#symbol);
    HEAP_REAL_CXX(FIND)
#undef FIND
    return found;
}

/* Unless a hook below operator new has: of an allocator that has no such operator, or makes it of its own malloc. */
static __attribute__((noinline)) void cxx_took(void *block, size_t size, int64_t left)
{
    if (block && self.left == left && self.last_block != (uint64_t)block && (self.left -= (int64_t)size) <= 0)
        heap_took(block, size, (struct heap_caller){self.outer_frame, self.outer_caller});
}

#define CXX_READY(name)                                                                                      \
    (__builtin_expect(heap_real.name != NULL, 1) || (*(void **)&heap_real.name = cxx_find(#name)) != NULL)

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp,bugprone-macro-parentheses): names of C++ */
#define CXX_NEW(name, parameters, arguments, size, own)                                                      \
    HOOK void *name parameters;                                                                              \
    HOOK void *name parameters                                                                               \
    {                                                                                                        \
        if (__builtin_expect(CXX_READY(name) && self.left > (int64_t)(size) && !cxx_is_allocators, 1))       \
            return heap_real.name arguments;                                                                 \
        volatile int64_t left = self.left; /* in no register that the way above had to save */               \
        void *block;                                                                                         \
        OUTER();                                                                                             \
        if (UNLIKELY(cxx_is_allocators))                                                                     \
            self.last_block = 0;                                                                             \
        block = CXX_READY(name) ? heap_real.name arguments : (own);                                          \
        if (UNLIKELY(cxx_is_allocators))                                                                     \
            cxx_took(block, size, left);                                                                     \
        return block;                                                                                        \
    }
CXX_NEW(_Znwm, (size_t size), (size), size, malloc(size))
CXX_NEW(_Znam, (size_t size), (size), size, malloc(size))
CXX_NEW(_ZnwmRKSt9nothrow_t, (size_t size, const void *tag), (size, tag), size, malloc(size))
CXX_NEW(_ZnamRKSt9nothrow_t, (size_t size, const void *tag), (size, tag), size, malloc(size))
CXX_NEW(_ZnwmSt11align_val_t, (size_t size, size_t alignment), (size, alignment), size,
        memalign(alignment, size))
CXX_NEW(_ZnamSt11align_val_t, (size_t size, size_t alignment), (size, alignment), size,
        memalign(alignment, size))
CXX_NEW(_ZnwmSt11align_val_tRKSt9nothrow_t, (size_t size, size_t alignment, const void *tag),
        (size, alignment, tag), size, memalign(alignment, size))
CXX_NEW(_ZnamSt11align_val_tRKSt9nothrow_t, (size_t size, size_t alignment, const void *tag),
        (size, alignment, tag), size, memalign(alignment, size))

#define CXX_DELETE(name, parameters, arguments)                                                              \
    HOOK void name parameters;                                                                               \
    HOOK void name parameters                                                                                \
    {                                                                                                        \
        if (UNLIKELY(!CXX_READY(name))) {                                                                    \
            free(block);                                                                                     \
            return;                                                                                          \
        }                                                                                                    \
        if (UNLIKELY(cxx_is_allocators) && is_told(block))                                                   \
            heap_gives(block, 0);                                                                            \
        heap_real.name arguments;                                                                            \
    }
CXX_DELETE(_ZdlPv, (void *block), (block))
CXX_DELETE(_ZdaPv, (void *block), (block))
CXX_DELETE(_ZdlPvm, (void *block, size_t size), (block, size))
CXX_DELETE(_ZdaPvm, (void *block, size_t size), (block, size))
CXX_DELETE(_ZdlPvRKSt9nothrow_t, (void *block, const void *tag), (block, tag))
CXX_DELETE(_ZdaPvRKSt9nothrow_t, (void *block, const void *tag), (block, tag))
CXX_DELETE(_ZdlPvSt11align_val_t, (void *block, size_t alignment), (block, alignment))
CXX_DELETE(_ZdaPvSt11align_val_t, (void *block, size_t alignment), (block, alignment))
CXX_DELETE(_ZdlPvmSt11align_val_t, (void *block, size_t size, size_t alignment), (block, size, alignment))
CXX_DELETE(_ZdaPvmSt11align_val_t, (void *block, size_t size, size_t alignment), (block, size, alignment))
CXX_DELETE(_ZdlPvSt11align_val_tRKSt9nothrow_t, (void *block, size_t alignment, const void *tag),
           (block, alignment, tag))
CXX_DELETE(_ZdaPvSt11align_val_tRKSt9nothrow_t, (void *block, size_t alignment, const void *tag),
           (block, alignment, tag))
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp,bugprone-macro-parentheses) */

/* Pages. Those that the allocator behind the hooks maps are where its blocks lie: they are counted as blocks. */

static bool is_memory(int protection, int flags)
{
    return (flags & MAP_ANONYMOUS) && !(flags & MAP_NORESERVE) && (protection & PROT_WRITE);
}

#define MAPPED(pages)                                                                                        \
    do {                                                                                                     \
        if ((pages) != MAP_FAILED && is_memory(protection, flags) && heap_session &&                         \
            !heap_real_is_allocator(__builtin_return_address(0)))                                            \
            heap_mapped(HEAP_MAPPED, (pages), bytes, CALLER());                                              \
    } while (0)

HOOK void *mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    void *pages =
        heap_real_ready() ? heap_real.mmap(address, bytes, protection, flags, fd, offset) : MAP_FAILED;

    MAPPED(pages);
    return pages;
}

HOOK void *mmap64(void *address, size_t bytes, int protection, int flags, int fd, off64_t offset)
{
    void *pages =
        heap_real_ready() ? heap_real.mmap(address, bytes, protection, flags, fd, offset) : MAP_FAILED;

    MAPPED(pages);
    return pages;
}

HOOK int munmap(void *address, size_t bytes)
{
    if (heap_session)
        heap_unmapped(address, bytes);
    return heap_real_ready() ? heap_real.munmap(address, bytes) : -1;
}

/* What was there ends before it is moved, or another thread could be given its place first. Pages of a file end as they were: untold. */
HOOK void *mremap(void *old, size_t old_bytes, size_t bytes, int flags, ...)
{
    bool is_move = heap_session && old_bytes && !(flags & MREMAP_DONTUNMAP);
    void *target = NULL, *pages;
    va_list more;

    if (flags & MREMAP_FIXED) {
        va_start(more, flags);
        target = va_arg(more, void *);
        va_end(more);
    }
    if (is_move)
        heap_unmapped(old, old_bytes);
    pages = heap_real_ready() ? heap_real.mremap(old, old_bytes, bytes, flags, target) : MAP_FAILED;
    if (is_move && pages != MAP_FAILED)
        heap_mapped(HEAP_REMAPPED, pages, bytes, CALLER());
    else if (is_move)
        heap_mapped(HEAP_REMAPPED, old, old_bytes, CALLER());
    return pages;
}

/* The allocator may be asked for before the C library's functions were found. */
HOOK int dl_iterate_phdr(int (*each)(struct dl_phdr_info *, size_t, void *), void *context)
{
    return heap_real_ready() ? guest_listing_iterate(heap_real.dl_iterate_phdr, each, context) : 0;
}
