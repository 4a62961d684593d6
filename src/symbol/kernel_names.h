/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel_names: the kernel's functions. Reading /proc/kallsyms takes the kernel a tenth of a second, and what it says
 * hardly changes while it runs, so it is kept in the cache folder, as the file kernel.names:
 *
 *     OFFSET SIZE MEANING                              all numbers little-endian
 *          0    8 "TOLLKSY1"
 *          8   16 boot id
 *         24    8 hash of /proc/modules (map_hash_bytes)
 *         32    8 number of entries N
 *         40    8 bytes of text T
 *         48    8 hash of everything behind it (map_hash_bytes)
 *         56 24*N low u64, high u64, name u32, module u32: texts by offset + 1, 0 for none; by low
 *               T texts, each NUL-terminated
 *
 * Another boot, or other modules, and it is made anew. What is compiled while the kernel runs (BPF) is left out: an
 * address that the file does not know is looked up in /proc/kallsyms.
 */
#ifndef TOLL_SYMBOL_KERNEL_NAMES_H
#define TOLL_SYMBOL_KERNEL_NAMES_H

#include "symbol/name_table.h"

#define KERNEL_BOOT_ID_BYTES 16u

/* Zero-initialise. */
struct kernel_names {
    struct name_table table; /* empty where the kernel hides its addresses */
    bool is_kept;            /* from the cache folder */
};

/* folder: "" for none. A broken or unwritable cache is no failure. */
WARN_UNUSED int kernel_names_open(struct kernel_names *names, const char *folder, struct err *err);
/* NULL in ret_entry when no name covers the address. */
WARN_UNUSED int kernel_names_find(struct kernel_names *names, uint64_t address,
                                  const struct name_entry **ret_entry, struct err *err);
void kernel_names_close(struct kernel_names *names);

/* The id of this boot; false when it cannot be told. */
bool kernel_boot_id(uint8_t ret_id[KERNEL_BOOT_ID_BYTES]);

#endif
