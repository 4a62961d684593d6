/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unwind_tables: the table of a file, from the cache by its build-id, or built and put there.
 *
 * Neither an unwritable cache nor a file that makes no sense is a failure: there is no table then. One thread at a
 * time.
 */
#ifndef TOLL_UNWIND_UNWIND_TABLES_H
#define TOLL_UNWIND_UNWIND_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "unwind/frame_section.h"
#include "wire/unwind_table.h"

/* Zero-initialise; the memory is its own. */
struct unwind_file {
    void *bytes; /* NULL: there is no table */
    struct unwind_table table;
    bool is_cached; /* it came from the cache */
};

/* `folder`: NULL for the user's cache, "" for none. */
WARN_UNUSED int unwind_file_load(const char *folder, const struct frame_file *file,
                                 struct unwind_file *ret_file, struct err *err);
/* The same of an open file, and of the code that the kernel maps into every process. */
WARN_UNUSED int unwind_file_load_fd(const char *folder, int fd, struct unwind_file *ret_file,
                                    struct err *err);
WARN_UNUSED int unwind_file_load_vdso(struct unwind_file *ret_file, struct err *err);
void unwind_file_free(struct unwind_file *file);

/* Removes what was used longest ago when there is too much. */
void unwind_cache_prune(const char *folder);

#endif
