/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page_cache: what the kernel holds of files in memory, made the same before each run. Dropping all of it takes root; dropping named
 * files is anybody's right (posix_fadvise), but leaves the pages that some program has mapped or not yet written.
 */
#ifndef TOLL_BENCH_PAGE_CACHE_H
#define TOLL_BENCH_PAGE_CACHE_H

#include <stddef.h>

#include "base/err.h"

enum page_cache {
    PAGE_CACHE_AS_IS,  /* whatever the runs leave */
    PAGE_CACHE_WARMED, /* the named files are read; without any the command runs once before, unmeasured */
    PAGE_CACHE_DROPPED /* written out and dropped: the named files, or everything */
};

/* "as-is warmed dropped" by name. ERR_USAGE for another one. */
WARN_UNUSED int page_cache_parse(const char *name, enum page_cache *ret_state, struct err *err);
const char *page_cache_name(enum page_cache state);

/* Brings files and folders (all that is in them, PAGE_CACHE_FILES_MAX at most) into the state; before anything is measured it tells
 * as well whether that is possible at all. */
#define PAGE_CACHE_FILES_MAX 100000u
WARN_UNUSED int page_cache_set(enum page_cache state, const char *const *files, size_t count,
                               struct err *err);

#endif
