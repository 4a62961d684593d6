/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guest_listing: the list of a program's libraries, this one last. AddressSanitizer refuses to run unless it is the first
 * library, and asks dl_iterate_phdr which one is.
 */
#ifndef TOLL_GUEST_LISTING_H
#define TOLL_GUEST_LISTING_H

#include <link.h>
#include <stddef.h>

typedef int guest_each_fn(struct dl_phdr_info *info, size_t size, void *context);
typedef int guest_iterate_fn(guest_each_fn *each, void *context);

/* What dl_iterate_phdr(each, context) does; `real` is the C library's, which the caller stands before. */
int guest_listing_iterate(guest_iterate_fn *real, guest_each_fn *each, void *context);

#endif
