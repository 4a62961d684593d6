/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted cause: memory-reclaim. The pages of a table of 48 MB in a mapped file are updated all over it. In a control group
 * with less memory than that (run.py makes it) the kernel has to write pages out and free them for every page that is
 * touched, and the program waits for it. Fix: the group has enough memory.
 */
#include "planted.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define TABLE_BYTES (48u << 20)
#define PAGE_BYTES  4096u
#define PAGE_COUNT  (TABLE_BYTES / PAGE_BYTES)
#define STRIDE      7919u /* pages; without a divisor in common with their number */
#define ROUND_COUNT 3
#define PAGE_UNITS  2u

PLANTED_NOINLINE static uint64_t update_table(unsigned char *table, uint64_t state)
{
    for (size_t page = 0; page < PAGE_COUNT; page++) {
        planted_work(state, PAGE_UNITS);
        table[page * STRIDE % PAGE_COUNT * PAGE_BYTES] = (unsigned char)(state >> 56);
    }
    return state;
}

int main(int argc, char **argv)
{
    const char *folder = planted_word(argc, argv, "tight_memory FOLDER");
    char path[4096];
    uint64_t state = 1;

    snprintf(path, sizeof path, "%s/table", folder);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, TABLE_BYTES) != 0)
        planted_fail("make table");
    unsigned char *table = mmap(NULL, TABLE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (table == MAP_FAILED || madvise(table, TABLE_BYTES, MADV_RANDOM) != 0)
        planted_fail("map table");
    for (int round = 0; round < ROUND_COUNT; round++)
        state = update_table(table, state);
    unlink(path);
    printf("%016llx\n", (unsigned long long)state);
    return 0;
}
