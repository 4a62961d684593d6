/* SPDX-License-Identifier: Apache-2.0 */
/* name_table: the kernel's functions, as /proc/kallsyms lists them. */
#ifndef TOLL_SYMBOL_NAME_TABLE_H
#define TOLL_SYMBOL_NAME_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"

struct name_entry {
    uint64_t low, high;
    const char *name;
    const char *module; /* "[nf_tables]" for the kernel's modules, else NULL */
};

/* Zero-initialise. */
struct name_table {
    struct arena arena;
    VEC(struct name_entry) entries; /* by low */
};

/* The kernel's functions. Empty where the kernel hides its addresses. */
WARN_UNUSED int name_table_read_kernel(struct name_table *table, struct err *err);
bool name_table_kernel_is_readable(void);
/* For tests and for who has the text. */
WARN_UNUSED int name_table_parse_kernel(struct name_table *table, const char *text, size_t length,
                                        struct err *err);
/* NULL when no name covers the address. */
const struct name_entry *name_table_find(const struct name_table *table, uint64_t address);
void name_table_free(struct name_table *table);

#endif
