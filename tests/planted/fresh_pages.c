/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted cause: page-faults. For every batch the program maps fresh memory, touches each page and
 * gives it back, so that the kernel faults in and clears the same amount again and again. Fix: one
 * buffer for all batches.
 */
#include "planted.h"

#include <sys/mman.h>
#include <unistd.h>

#define BATCH_COUNT  90
#define BUFFER_BYTES (32u << 20)
#define OTHER_UNITS  250u

static char *buffer_map(void)
{
    char *buffer = mmap(NULL, BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (buffer == MAP_FAILED)
        planted_fail("map memory");
    /* Small pages, whatever the machine's default: a huge page is one fault for 512. */
    (void)madvise(buffer, BUFFER_BYTES, MADV_NOHUGEPAGE);
    return buffer;
}

PLANTED_NOINLINE static uint64_t fill_buffer(volatile char *buffer, size_t page_bytes, uint64_t state)
{
    for (size_t offset = 0; offset < BUFFER_BYTES; offset += page_bytes) {
        buffer[offset] = (char)state;
        state += (uint64_t)buffer[offset];
    }
    return state;
}

PLANTED_NOINLINE static uint64_t load_batch(uint64_t state)
{
    planted_work(state, OTHER_UNITS);
    return state;
}

PLANTED_NOINLINE static uint64_t reduce_batch(uint64_t state)
{
    planted_work(state, OTHER_UNITS);
    return state;
}

int main(int argc, char **argv)
{
    bool fixed = planted_flag(argc, argv, "--fixed");
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    char *buffer = fixed ? buffer_map() : NULL;
    unsigned batch_count = planted_scaled(argc, argv, BATCH_COUNT);
    uint64_t state = 1;

    for (unsigned batch = 0; batch < batch_count; batch++) {
        if (!fixed)
            buffer = buffer_map();
        state = load_batch(state);
        state = fill_buffer(buffer, page_bytes, state);
        state = reduce_batch(state);
        if (!fixed)
            munmap(buffer, BUFFER_BYTES);
    }
    printf("%016llx\n", (unsigned long long)state);
    return 0;
}
