/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/guest_listing.h"

#include <stdbool.h>
#include <stdint.h>

struct listing {
    guest_each_fn *each;
    void *context;
    struct dl_phdr_info own;
    size_t size;
    bool has_own;
};

static bool is_this_library(const struct dl_phdr_info *info)
{
    uint64_t here = (uint64_t)(uintptr_t)&is_this_library;
    unsigned i;

    for (i = 0; i < info->dlpi_phnum; i++) {
        uint64_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
        if (info->dlpi_phdr[i].p_type == PT_LOAD && here >= start &&
            here < start + info->dlpi_phdr[i].p_memsz)
            return true;
    }
    return false;
}

static int list_one(struct dl_phdr_info *info, size_t size, void *context)
{
    struct listing *listing = context;

    if (!listing->has_own && is_this_library(info)) {
        listing->own = *info;
        listing->size = size;
        listing->has_own = true;
        return 0;
    }
    return listing->each(info, size, listing->context);
}

int guest_listing_iterate(guest_iterate_fn *real, guest_each_fn *each, void *context)
{
    struct listing listing = {.each = each, .context = context};
    int result = real(list_one, &listing);

    if (result == 0 && listing.has_own)
        result = each(&listing.own, listing.size, context);
    return result;
}
