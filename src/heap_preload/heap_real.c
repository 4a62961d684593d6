/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heap_real: the functions behind the hooks, found with dlsym(RTLD_NEXT). Those of C all at the first call, since a call of
 * one may come while another is looked for; those of C++ at their first use, since C programs have none of them and a
 * search that fails allocates its message.
 */
#include "heap_preload/internal.h"

#include <dlfcn.h>

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
    FIND(dl_iterate_phdr);
#undef FIND
    *(void **)&found = dlsym(RTLD_NEXT, "malloc"); /* last: that it is there says that all are */
    __atomic_store_n(&heap_real.malloc, found, __ATOMIC_RELEASE);
    is_finding = false;
    return found != NULL;
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
