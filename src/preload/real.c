/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/real.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>

struct real real_functions;
_Static_assert(sizeof real_functions == REAL_COUNT * sizeof(void *), "one pointer each, in this order");

static const char *const names[REAL_COUNT] = {
#define REAL_NAME(function) #function,
    REAL_DECLARED(REAL_NAME)
#undef REAL_NAME
#define REAL_NAME(type, function, parameters) #function,
        REAL_HIDDEN(REAL_NAME)
#undef REAL_NAME
};

static bool is_prefix(const char *prefix, const char *text)
{
    while (*prefix && *prefix == *text)
        prefix++, text++;
    return !*prefix;
}

/* x86-64 keeps conditions of before 2003, of another layout; programs of today get these. */
static const char *version_of(const char *name)
{
#if defined(__x86_64__)
    if (is_prefix("pthread_cond_", name) && !is_prefix("pthread_cond_clockwait", name))
        return "GLIBC_2.3.2";
#endif
    (void)name;
    return NULL;
}

/* May run before a sanitizer's library is ready, whose own string functions must not be called then. */
void real_find(enum real_index index)
{
    const char *version = version_of(names[index]);
    void *found = version ? dlvsym(RTLD_NEXT, names[index], version) : NULL;

    if (!found)
        found = dlsym(RTLD_NEXT, names[index]);
    __atomic_store_n((void **)&real_functions + index, found, __ATOMIC_RELAXED);
}
