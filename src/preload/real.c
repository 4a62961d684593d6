/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/real.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>

struct real real_functions;

struct real_name {
    const char *name;
    size_t offset;
};

static const struct real_name names[] = {
#define REAL_NAME(function) {#function, offsetof(struct real, function)},
    REAL_DECLARED(REAL_NAME)
#undef REAL_NAME
#define REAL_NAME(type, function, parameters) {#function, offsetof(struct real, function)},
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

/* Runs before a sanitizer's library is ready, whose own string functions must not be called then. */
void real_find(void)
{
    size_t i;

    for (i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *version = version_of(names[i].name);
        void *found = version ? dlvsym(RTLD_NEXT, names[i].name, version) : NULL;

        if (!found)
            found = dlsym(RTLD_NEXT, names[i].name);
        *(void **)((char *)&real_functions + names[i].offset) = found;
    }
}
