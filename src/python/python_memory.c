/* SPDX-License-Identifier: Apache-2.0 */
#include "python/python_memory.h"

#include <sys/types.h>
#include <sys/uio.h>

#define ADDRESS_MAX (UINT64_MAX >> 8) /* also a sum with an offset stays an address */

static bool process_read(void *context, uint64_t address, void *ret_bytes, size_t size)
{
    const uint32_t *pid = context;
    struct iovec here = {.iov_base = ret_bytes, .iov_len = size};
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): an address of another process */
    struct iovec there = {.iov_base = (void *)(uintptr_t)address, .iov_len = size};
    return process_vm_readv((pid_t)*pid, &here, 1, &there, 1, 0) == (ssize_t)size;
}

struct python_memory python_memory_of(const uint32_t *pid)
{
    union {
        const uint32_t *pid;
        void *context;
    } owner = {.pid = pid};
    return (struct python_memory){.context = owner.context, .read = process_read};
}

bool python_memory_u64(const struct python_memory *memory, uint64_t address, uint64_t *ret_value)
{
    return address && address <= ADDRESS_MAX &&
           memory->read(memory->context, address, ret_value, sizeof *ret_value);
}
