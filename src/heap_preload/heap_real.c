/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heap_real: the functions behind the hooks, found with dlsym(RTLD_NEXT). Those of C all at the first call, since a call of
 * one may come while another is looked for; those of C++ at the first use of one (heap_hooks.c), since C programs have none of
 * them and a search that fails allocates its message.
 */
#include "heap_preload/internal.h"

#include <dlfcn.h>
#include <link.h>

#define EARLY_BYTES 65536u

struct heap_real heap_real;
static bool is_finding;
static char early[EARLY_BYTES] __attribute__((aligned(16)));
static size_t early_used;

bool heap_real_find(void)
{
    void *(*found)(size_t);

    if (is_finding)
        return false;
    is_finding = true;
#define FIND(name) *(void **)&heap_real.name = dlsym(RTLD_NEXT, #name)
    FIND(free);
    FIND(calloc);
    FIND(realloc);
    FIND(reallocarray);
    FIND(posix_memalign);
    FIND(aligned_alloc);
    FIND(memalign);
    FIND(valloc);
    FIND(pvalloc);
    FIND(malloc_usable_size);
    FIND(strdup);
    FIND(strndup);
    FIND(mmap);
    FIND(munmap);
    FIND(mremap);
    FIND(dl_iterate_phdr);
#undef FIND
    *(void **)&found = dlsym(RTLD_NEXT, "malloc"); /* last: that it is there says that all are */
    __atomic_store_n(&heap_real.malloc, found, __ATOMIC_RELEASE);
    is_finding = false;
    return found != NULL;
}

struct seeking {
    uint64_t wanted, low, high;
};

static int library_find(struct dl_phdr_info *info, size_t size, void *context)
{
    struct seeking *seeking = context;
    uint64_t low = UINT64_MAX, high = 0;
    unsigned i;

    (void)size;
    for (i = 0; i < info->dlpi_phnum; i++) {
        uint64_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;

        if (info->dlpi_phdr[i].p_type != PT_LOAD)
            continue;
        low = start < low ? start : low;
        high = start + info->dlpi_phdr[i].p_memsz > high ? start + info->dlpi_phdr[i].p_memsz : high;
    }
    if (seeking->wanted < low || seeking->wanted >= high)
        return 0;
    seeking->low = low;
    seeking->high = high;
    return 1;
}

bool heap_real_is_allocator(const void *code)
{
    static uint64_t low, high; /* the second is written last */
    uint64_t at = (uint64_t)code;

    if (!__atomic_load_n(&high, __ATOMIC_ACQUIRE)) {
        struct seeking seeking = {.wanted = (uint64_t)heap_real.malloc};

        if (!heap_real.dl_iterate_phdr(library_find, &seeking))
            return false;
        __atomic_store_n(&low, seeking.low, __ATOMIC_RELAXED);
        __atomic_store_n(&high, seeking.high, __ATOMIC_RELEASE);
    }
    return at >= __atomic_load_n(&low, __ATOMIC_RELAXED) && at < high;
}

void *heap_early(size_t size)
{
    size_t at = early_used, bytes = (size + 31) & ~(size_t)15; /* its size stands before it */

    if (size > EARLY_BYTES || EARLY_BYTES - at < bytes)
        return NULL;
    early_used += bytes;
    *(size_t *)(early + at) = size;
    return early + at + 16;
}

bool heap_is_early(const void *block)
{
    return (uintptr_t)block - (uintptr_t)early < sizeof early;
}
