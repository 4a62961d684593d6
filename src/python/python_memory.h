/* SPDX-License-Identifier: Apache-2.0 */
/*
 * python_memory: another process's memory, read without stopping it. What is read may change at any moment: nothing of it
 * is trusted, and a reading that fails is no failure but the end of what can be told.
 */
#ifndef TOLL_PYTHON_MEMORY_H
#define TOLL_PYTHON_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct python_memory {
    void *context;
    /* All `size` bytes or false. */
    bool (*read)(void *context, uint64_t address, void *ret_bytes, size_t size);
    /* Of each of `count` addresses `size` bytes, one behind the other, or false. NULL: one by one. */
    bool (*read_each)(void *context, const uint64_t *addresses, size_t count, void *ret_bytes, size_t size);
};

/* Of a process, by process_vm_readv. `pid` must outlive the value. */
struct python_memory python_memory_of(const uint32_t *pid);

bool python_memory_u64(const struct python_memory *memory, uint64_t address, uint64_t *ret_value);

#endif
